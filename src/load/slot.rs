//! One user's place at the gate: what it is told to do, and how it hears of it at once.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::task::AtomicWaker;

/// What a user is to do, in the order in which it can only go up once the run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Command {
    /// Wait at the gate.
    Hold = 0,
    /// Work.
    Work = 1,
    /// Finish the request in flight, run `on_stop`, go home.
    Leave = 2,
    /// Drop everything, now.
    Cut = 3,
}

impl Command {
    fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Hold,
            1 => Self::Work,
            2 => Self::Leave,
            _ => Self::Cut,
        }
    }
}

/// One user's place. The driver writes, the user alone reads and waits.
#[derive(Debug)]
pub(super) struct Slot {
    command: AtomicU8,
    waker: AtomicWaker,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self { command: AtomicU8::new(Command::Hold as u8), waker: AtomicWaker::new() }
    }

    /// What the user is to do now.
    pub(super) fn command(&self) -> Command {
        Command::from_u8(self.command.load(Ordering::Acquire))
    }

    /// Tells the user. `Leave` and `Cut` are never taken back.
    pub(super) fn tell(&self, command: Command) {
        let before = self.command.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            let final_now = now >= Command::Leave as u8;
            (now != command as u8 && (!final_now || command as u8 > now)).then_some(command as u8)
        });
        if before.is_ok() {
            self.waker.wake();
        }
    }

    /// Has the user look again at what it waits for beside its command.
    pub(super) fn nudge(&self) {
        self.waker.wake();
    }

    /// Ready with the command as soon as `until` holds for it.
    pub(super) fn poll_until(&self, cx: &Context<'_>, until: impl Fn(Command) -> bool) -> Poll<Command> {
        let now = self.command();
        if until(now) {
            return Poll::Ready(now);
        }
        self.waker.register(cx.waker());
        let now = self.command();
        if until(now) { Poll::Ready(now) } else { Poll::Pending }
    }

    /// Waits until `until` holds for the command.
    pub(super) async fn wait(&self, until: impl Fn(Command) -> bool) -> Command {
        std::future::poll_fn(|cx| self.poll_until(cx, &until)).await
    }

    /// Runs `work` unless `until` comes to hold first; then `Err` with the command.
    pub(super) async fn unless<T>(
        &self,
        work: impl Future<Output = T>,
        until: impl Fn(Command) -> bool,
    ) -> Result<T, Command> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(command) = self.poll_until(cx, &until) {
                return Poll::Ready(Err(command));
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// Sleeps until an instant; `Err` where the user is told to do something else than work before.
    pub(super) async fn sleep_until(&self, instant: Instant) -> Result<(), Command> {
        if instant <= Instant::now() {
            return match self.command() {
                Command::Work => Ok(()),
                other => Err(other),
            };
        }
        self.unless(tokio::time::sleep_until(instant.into()), |command| command != Command::Work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_waiting_user_hears_a_command_at_once() {
        let slot = Arc::new(Slot::new());
        let waiting = tokio::spawn({
            let slot = Arc::clone(&slot);
            async move { slot.wait(|command| command != Command::Hold).await }
        });
        tokio::task::yield_now().await;
        slot.tell(Command::Work);
        assert_eq!(waiting.await.unwrap(), Command::Work);
    }

    #[tokio::test(start_paused = true)]
    async fn thinking_ends_when_the_user_is_told_to_leave() {
        let slot = Arc::new(Slot::new());
        slot.tell(Command::Work);
        let began = tokio::time::Instant::now();
        let thinking = tokio::spawn({
            let slot = Arc::clone(&slot);
            async move { slot.sleep_until(Instant::now() + Duration::from_hours(1)).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        slot.tell(Command::Leave);
        assert_eq!(thinking.await.unwrap(), Err(Command::Leave));
        assert_eq!(began.elapsed().as_secs(), 1);
    }

    #[test]
    fn leaving_and_cutting_are_never_taken_back() {
        let slot = Slot::new();
        slot.tell(Command::Work);
        slot.tell(Command::Hold);
        assert_eq!(slot.command(), Command::Hold);
        slot.tell(Command::Leave);
        slot.tell(Command::Work);
        assert_eq!(slot.command(), Command::Leave);
        slot.tell(Command::Cut);
        slot.tell(Command::Leave);
        assert_eq!(slot.command(), Command::Cut);
    }
}
