//! Holds a plan of instants to some tens of microseconds: one timer for all of them, re-armed for the next.
//!
//! tokio's own timers have a granularity of a millisecond, so a request sent by `sleep_until` is half to two milliseconds late.
//! Linux's timerfd has the clock's own, and is one more descriptor for the runtime's epoll. Elsewhere, and where a timerfd
//! cannot be had, tokio's timer is what there is.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// A timer for one instant after the other.
#[derive(Debug)]
pub struct Pacer {
    timer: Timer,
    /// What the timer is armed for.
    armed: Option<Instant>,
}

#[derive(Debug)]
enum Timer {
    #[cfg(target_os = "linux")]
    Fd(timerfd::TimerFd),
    Tokio(Pin<Box<Sleep>>),
}

impl Pacer {
    /// The best timer that this system has. To be called, and used, within a tokio runtime.
    pub fn new() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = timerfd::TimerFd::new() {
            return Self { timer: Timer::Fd(timer), armed: None };
        }
        Self::on_tokio()
    }

    /// tokio's timer, whatever the system has.
    pub fn on_tokio() -> Self {
        Self { timer: Timer::Tokio(Box::pin(tokio::time::sleep(std::time::Duration::ZERO))), armed: None }
    }

    /// Waits until an instant; never returns before it.
    pub async fn until(&mut self, instant: Instant) {
        std::future::poll_fn(|cx| self.poll_until(cx, instant)).await;
    }

    /// Ready at an instant, never before.
    pub(super) fn poll_until(&mut self, cx: &mut Context<'_>, instant: Instant) -> Poll<()> {
        loop {
            if Instant::now() >= instant {
                return Poll::Ready(());
            }
            let arm = self.armed != Some(instant);
            self.armed = Some(instant);
            match &mut self.timer {
                #[cfg(target_os = "linux")]
                Timer::Fd(timer) => match timer.poll_until(cx, instant, arm) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => *self = Self::on_tokio(),
                },
                Timer::Tokio(sleep) => {
                    if arm {
                        sleep.as_mut().reset(instant.into());
                    }
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    // It fires in whole milliseconds, never early, but may have been left from an earlier instant.
                    self.armed = None;
                }
            }
        }
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
mod timerfd {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll};
    use std::time::Instant;

    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct TimerFd {
        fd: AsyncFd<OwnedFd>,
        /// The same moment on both clocks: `Instant` is the monotonic clock, but does not show it.
        zero: (Instant, Timespec),
    }

    impl TimerFd {
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe, and asks for what an OwnedFd is: one open descriptor"
        )]
        pub(super) fn new() -> io::Result<Self> {
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // The instant is read first: no timer is ever armed for too early a moment.
            let instant = Instant::now();
            let zero = (instant, clock_gettime(ClockId::Monotonic));
            Ok(Self { fd: AsyncFd::with_interest(fd, Interest::READABLE)?, zero })
        }

        /// Ready when the timer has fired; to be asked again where the instant has not come.
        pub(super) fn poll_until(&mut self, cx: &mut Context<'_>, instant: Instant, arm: bool) -> Poll<io::Result<()>> {
            if arm {
                // Arming takes an expiry back that nobody has read, so it need not be read.
                let timer =
                    Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: self.monotonic(instant) };
                timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &timer)?;
            }
            // It may be an earlier expiry that is told only now: whoever waits looks at the clock, and asks again.
            self.fd.poll_read_ready(cx).map_ok(|mut guard| guard.clear_ready())
        }

        fn monotonic(&self, instant: Instant) -> Timespec {
            let (zero, at_zero) = self.zero;
            let ahead = instant.saturating_duration_since(zero);
            let nanos = at_zero.tv_nsec + i64::from(ahead.subsec_nanos());
            Timespec {
                tv_sec: at_zero.tv_sec + ahead.as_secs().cast_signed() + nanos / 1_000_000_000,
                tv_nsec: nanos % 1_000_000_000,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn never_early(mut pacer: Pacer) {
        let start = Instant::now();
        // Forth, at once, and back: an instant that is over is ready, whatever the timer was armed for.
        for us in [3_000, 3_100, 3_100, 9_000, 100, 12_000, 12_050] {
            let instant = start + Duration::from_micros(us);
            pacer.until(instant).await;
            assert!(Instant::now() >= instant);
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn it_never_returns_before_its_instant() {
        never_early(Pacer::new()).await;
        never_early(Pacer::on_tokio()).await;
    }

    #[tokio::test]
    async fn an_instant_that_is_given_up_does_not_delay_the_next() {
        for mut pacer in [Pacer::new(), Pacer::on_tokio()] {
            let start = Instant::now();
            let far = start + Duration::from_hours(1);
            assert!(tokio::time::timeout(Duration::from_millis(5), pacer.until(far)).await.is_err());
            pacer.until(start + Duration::from_millis(20)).await;
            assert!(start.elapsed() < Duration::from_mins(10));
        }
    }
}
