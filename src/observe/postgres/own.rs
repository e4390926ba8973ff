//! The probe's own transactions: how many of them are among those that the server tells of.

use std::time::{Duration, Instant};

use super::Rows;
use super::connect::Session;
use super::trouble::Trouble;

/// Before version 15 a session tells of its transactions when one ends, but no more often than this, and cannot be made to.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Transactions since the probe began.
#[derive(Debug, Default)]
pub(super) struct Own {
    asked: f64,
    /// Of those, by when the session last had time to tell.
    told: f64,
    told_at: Option<Instant>,
}

impl Own {
    /// Asks, and counts that it did: it is a transaction, however many statements.
    pub(super) async fn ask(&mut self, session: &Session, asked: &[String]) -> Result<Rows, Trouble> {
        self.asks();
        let answers = session.ask(asked).await;
        match answers {
            Ok(_) => self.is_answered(Instant::now()),
            // It is no commit.
            Err(_) => self.asked -= 1.0,
        }
        answers
    }

    /// A session is open. The one before it told of all when it ended. To log in is a transaction, told of at once, and
    /// another one is to be sure of the session's limits.
    pub(super) fn begins(&mut self, now: Instant) {
        self.told = self.asked + 1.0;
        self.told_at = Some(now);
        self.asked += 2.0;
    }

    fn asks(&mut self) {
        self.asked += 1.0;
    }

    fn is_answered(&mut self, now: Instant) {
        if self.told_at.is_none_or(|at| now.duration_since(at) >= TOLD_EVERY) {
            self.told = self.asked;
            self.told_at = Some(now);
        }
    }

    /// How many the server knows of when it is asked next.
    pub(super) fn known(&self, counts_at_once: bool) -> f64 {
        if counts_at_once { self.asked } else { self.told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(own: &mut Own, at: Instant) {
        own.asks();
        own.is_answered(at);
    }

    #[test]
    fn before_15_what_ends_soon_after_a_telling_waits_for_the_next_one() {
        let (mut own, begin) = (Own::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        own.begins(at(0));
        assert_eq!((own.known(false), own.known(true)), (1.0, 2.0), "only the login");
        for ms in [10, 20, 499] {
            transaction(&mut own, at(ms));
        }
        assert_eq!((own.known(false), own.known(true)), (1.0, 5.0));
        transaction(&mut own, at(1000));
        transaction(&mut own, at(1010));
        assert_eq!((own.known(false), own.known(true)), (6.0, 7.0));
        own.begins(at(1100));
        assert_eq!((own.known(false), own.known(true)), (8.0, 9.0), "the end of a session tells the rest");
    }
}
