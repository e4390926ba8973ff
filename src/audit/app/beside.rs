//! Whether requests at work hold up others, as a blocked event loop does: a train of health requests alone, and beside copies
//! of the slowest GET that is known.
//!
//! One copy of a request of some milliseconds holds nobody up for long enough to be told from chance: as many go at once as make
//! 200 ms where they wait for each other. Rounds alternate with trains alone, and only what shows in each of them counts.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};

use super::gather::HEALTH;
use super::talk::Talk;

/// Somebody notices from here on.
pub(super) const NOTICED: Duration = Duration::from_millis(50);
/// As long should the copies take, one after the other.
const TOGETHER: Duration = Duration::from_millis(200);
/// Copies at once.
const MOST: usize = 16;
/// Health requests of a train alone, and at most of one beside others.
const TRAIN: usize = 10;
const LONGEST_TRAIN: usize = 200;
/// Of a train alone whose requests are slow themselves.
const LONG_ENOUGH: Duration = Duration::from_millis(500);
const ROUNDS: usize = 3;

/// A GET that is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) path: String,
    pub(super) took: Duration,
    pub(super) status: u16,
    /// By `--slow-path`.
    pub(super) named: bool,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// Empty where none is known that is answered.
    pub(super) path: String,
    /// What it takes by itself.
    pub(super) slow: Duration,
    pub(super) copies: usize,
    pub(super) rounds: Vec<Round>,
}

/// A train alone, and one beside the copies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    /// The longest health request alone, and beside them.
    pub(super) alone: Duration,
    pub(super) beside: Duration,
    /// All copies together.
    pub(super) burst: Duration,
}

impl Beside {
    /// Whether the copies waited for each other: several at once took as long as one after the other.
    fn in_a_row(&self, round: &Round) -> bool {
        round.burst >= self.slow.mul_f64(0.7 * self.copies as f64)
    }

    /// Whether health requests waited too, in every round: for as long as half of a slow request, or with quick ones while they
    /// all waited for each other.
    pub(super) fn held_up(&self) -> bool {
        let long = self.slow >= NOTICED;
        !self.rounds.is_empty()
            && self.rounds.iter().all(|round| {
                let noticed = round.beside >= NOTICED && round.beside >= 3 * round.alone;
                noticed && if long { round.beside >= self.slow / 2 } else { self.in_a_row(round) }
            })
    }

    /// Whether it was enough to tell.
    pub(super) fn tells(&self) -> bool {
        self.rounds.iter().all(|round| round.burst >= NOTICED) && !self.rounds.is_empty()
    }
}

pub(super) async fn beside<F>(known: &[Known], open: &impl Fn() -> F) -> Result<Beside, String>
where
    F: Future<Output = Result<Talk, String>>,
{
    // One that is refused does no work.
    let answered = known.iter().filter(|known| known.status < 400);
    let Some(slowest) = answered.max_by_key(|known| (known.named, known.took)) else { return Ok(Beside::default()) };
    let path = slowest.path.as_str();
    let (mut health, mut first) = (open().await?, open().await?);
    let mut slow = Duration::MAX;
    let began = Instant::now();
    for sent in 0..5 {
        // The quickest of them: what is added by chance would hide that copies wait for each other.
        if sent >= 2 && began.elapsed() > LONG_ENOUGH {
            break;
        }
        slow = slow.min(anew(&mut first, open).await?.get(path, &[]).await?.took());
    }
    let least = if slow < NOTICED { 1.0 } else { 2.0 };
    let copies = (TOGETHER.as_secs_f64() / slow.as_secs_f64().max(1e-4)).ceil().clamp(least, MOST as f64) as usize;
    let mut found = Beside { path: path.to_owned(), slow, copies, rounds: Vec::new() };
    let mut others = try_join_all((0..copies).map(|_| open())).await?;
    for _ in 0..ROUNDS {
        for talk in &mut others {
            anew(talk, open).await?;
        }
        let mut round = Round::default();
        let began = Instant::now();
        for sent in 0..TRAIN {
            if sent >= 2 && began.elapsed() > LONG_ENOUGH {
                break;
            }
            round.alone = round.alone.max(anew(&mut health, open).await?.get(HEALTH, &[]).await?.took());
        }
        let began = Instant::now();
        let burst = async {
            let answers = join_all(others.iter_mut().map(|talk| talk.get(path, &[]))).await;
            (answers, began.elapsed())
        };
        tokio::pin!(burst);
        // They must be at work before the first health request.
        let head_start = (slow / 10).min(Duration::from_millis(20)).max(Duration::from_millis(1));
        let mut done = tokio::time::timeout(head_start, &mut burst).await.ok();
        for _ in 0..LONGEST_TRAIN {
            if done.is_some() {
                break;
            }
            let one = anew(&mut health, open).await?.get(HEALTH, &[]);
            tokio::pin!(one);
            // Its own time goes on to its end, whichever of them ends first.
            let took = if let Some(ended) = tokio::select! {
                took = &mut one => { round.beside = round.beside.max(took?.took()); None }
                ended = &mut burst => Some(ended),
            } {
                done = Some(ended);
                one.await?.took()
            } else {
                Duration::ZERO
            };
            round.beside = round.beside.max(took);
            if done.is_none() {
                done = tokio::time::timeout(slow / 20, &mut burst).await.ok();
            }
        }
        let (answers, burst) = match done {
            Some(ended) => ended,
            None => burst.await,
        };
        for answer in answers {
            answer?;
        }
        round.burst = burst;
        found.rounds.push(round);
    }
    Ok(found)
}

/// The same connection, or another where the other side has closed it.
async fn anew<'t, F>(talk: &'t mut Talk, open: &impl Fn() -> F) -> Result<&'t mut Talk, String>
where
    F: Future<Output = Result<Talk, String>>,
{
    if !talk.is_open() {
        *talk = open().await?;
    }
    Ok(talk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shows_in_every_round_holds_others_up() {
        let ms = Duration::from_millis;
        let of = |slow, copies, rounds: &[(u64, u64, u64)]| {
            let rounds = rounds.iter().map(|(alone, beside, burst)| Round {
                alone: ms(*alone),
                beside: ms(*beside),
                burst: ms(*burst),
            });
            Beside { path: "/x".to_owned(), slow: ms(slow), copies, rounds: rounds.collect() }
        };
        assert!(of(300, 2, &[(2, 260, 600), (3, 500, 600)]).held_up());
        assert!(!of(300, 2, &[(2, 260, 600), (3, 5, 600)]).held_up(), "once may be chance");
        assert!(!of(300, 2, &[(100, 260, 600), (100, 260, 600)]).held_up(), "it is as slow alone");
        assert!(!of(300, 2, &[(2, 100, 300), (2, 100, 300)]).held_up(), "less than half of it");
        assert!(of(20, 10, &[(1, 150, 200), (1, 150, 200)]).held_up());
        assert!(!of(20, 10, &[(1, 60, 80), (1, 60, 80)]).held_up(), "they went side by side");
        assert!(!of(2, 16, &[(1, 30, 35)]).held_up() && !of(2, 16, &[(1, 30, 35)]).tells());
        assert!(!of(2, 16, &[]).held_up() && !of(2, 16, &[]).tells());
    }
}
