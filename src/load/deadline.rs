//! A user's request timeout, without arming a timer for every request.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use tokio::time::Sleep;

/// One timer a user. It is armed for the first request's deadline and left armed: later deadlines are later, so when it
/// fires it is armed again if a request still has time. A request costs a look at the clock, not a timer.
pub(super) struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) fn new() -> Self {
        Self { timer: None }
    }

    /// Runs `work`; `None` where it is not done by `deadline`.
    pub(super) async fn within<T>(&mut self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            loop {
                match &mut self.timer {
                    Some(timer) if timer.deadline() <= deadline => {
                        if timer.as_mut().poll(cx).is_pending() {
                            return Poll::Pending;
                        }
                        if tokio::time::Instant::now() >= deadline {
                            self.timer = None;
                            return Poll::Ready(None);
                        }
                        timer.as_mut().reset(deadline);
                    }
                    Some(timer) => timer.as_mut().reset(deadline),
                    None => self.timer = Some(Box::pin(tokio::time::sleep_until(deadline))),
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_left_from_an_earlier_request_does_not_end_a_later_one() {
        let mut deadline = Deadline::new();
        let first = deadline.within(now() + Duration::from_secs(10), tokio::time::sleep(Duration::from_secs(1))).await;
        assert_eq!(first, Some(()));
        let began = now();
        let second = deadline.within(began + Duration::from_secs(20), std::future::pending::<()>()).await;
        assert_eq!(second, None);
        assert_eq!((now() - began).as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_timeout_than_the_last_ones_holds() {
        let mut deadline = Deadline::new();
        deadline.within(now() + Duration::from_secs(100), std::future::ready(())).await;
        deadline.within(now() + Duration::from_secs(100), tokio::time::sleep(Duration::from_secs(1))).await;
        let began = now();
        assert_eq!(deadline.within(began + Duration::from_secs(2), std::future::pending::<()>()).await, None);
        assert_eq!((now() - began).as_secs(), 2);
    }
}
