//! An open load in parts: what the pacer gives out, what a session does with it, what is left at the end.

use tokio::sync::Semaphore;

use super::*;
use crate::load::client::Network;
use crate::load::drive::Kind;
use crate::load::{AllowedHosts, Connections, Host, LoadControl};
use crate::record::fixture::{asked, endpoints};
use crate::record::{ArrivalSecond, Asked, IntervalKind, Recorder, Run, read};

/// Longer than any machine stands still.
const PATIENCE: Duration = Duration::from_mins(1);

const GET: &str = "{ get = '/' }";

/// An open load of one scenario with these steps, on a host that refuses connections.
struct Bench {
    open: Arc<Open>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(steps: &str, sessions: u32, openings: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.toml");
        std::fs::write(&file, format!("name = 'some'\n[[task]]\nname = 'task'\nsteps = [{steps}]\n")).unwrap();
        let scenario = Arc::new(crate::scenario::load(&file).unwrap());
        let host = Host::parse("http://127.0.0.1:1").unwrap();
        let network = Network::new(host, AllowedHosts::default(), Connections::default()).unwrap();
        let asked = Asked { plan: LoadPlan::rate(1000.0, 1.0), ..asked() };
        let recorder = Arc::new(Recorder::create(folder.path(), &asked, endpoints(1)).unwrap());
        recorder.begin();
        let ground = Ground {
            kinds: vec![Kind::new(scenario, 1, 0, 0)],
            control: LoadControl::of_sessions(sessions),
            network: Arc::new(network),
            recorder,
            seed: 7,
        };
        let open = Arc::new(Open {
            ground,
            pool: Pool::new(1, sessions, openings),
            mailboxes: (0..sessions).map(|_| Mailbox::default()).collect(),
            handed: AtomicUsize::new(0),
            in_turn: AtomicU32::new(0),
            failed_starts: AtomicU64::new(0),
        });
        Self { open, folder }
    }

    fn actor(&self) -> Actor {
        let Ground { kinds, network, recorder, seed, .. } = &self.open.ground;
        self.open.ground.control.session(0).tell(Command::Work);
        kinds[0].actor(kinds[0].user(0, *seed), network, recorder)
    }

    /// What the journal tells.
    fn run(&self) -> Run {
        self.open.ground.recorder.finish(End::Finished).unwrap();
        read(self.folder.path()).unwrap()
    }
}

fn sum(run: &Run, of: impl Fn(ArrivalSecond) -> u64) -> u64 {
    run.seconds.iter().filter_map(|second| second.arrivals).map(of).sum()
}

fn least_ms(run: &Run, kind: IntervalKind) -> u64 {
    run.values(kind, None, 0.0, f64::INFINITY).quantile(0.0).unwrap() / 1000
}

#[test]
fn before_a_rate_that_was_set_no_more_sessions_start_than_it_wants() {
    // A search from 10/s to 5,000/s begins with a tenth of its first level.
    assert_eq!(first_sessions(Some(1.0), 10_000), 2);
    assert_eq!(first_sessions(Some(0.1), 10_000), 1);
    assert_eq!(first_sessions(Some(5000.0), 20), 2);
    // A plan may want them all.
    assert_eq!(first_sessions(None, 10_000), 1000);
    assert_eq!(first_sessions(None, 1), 1);
}

#[tokio::test]
async fn what_was_due_before_a_rate_was_set_is_given_out_all_the_same() {
    let bench = Bench::new(GET, 1, 16);
    let schedule = Schedule::new(&LoadPlan::rate(1000.0, 0.5), Arrivals::Constant, 7);
    let start = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    bench.open.ground.control.set_rate(0.0);
    Arc::clone(&bench.open).pace(schedule, start, start + Duration::from_millis(500), 1000.0).await.unwrap();
    let first = bench.open.pool.next(0, 0).unwrap();
    assert!(first.given - first.planned >= Duration::from_millis(500), "the pacer came so late");
    bench.open.ground.control.stop();
    bench.open.wind_up(PATIENCE).await;
    let run = bench.run();
    assert_eq!(sum(&run, |second| second.planned), 500);
    // But for the one that was taken out here.
    assert_eq!(sum(&run, |second| second.started + second.unsent), 499);
}

#[tokio::test]
async fn so_many_tasks_as_are_kept_under_way_are_given_out_and_no_more_than_the_peak_a_second() {
    let bench = Bench::new(GET, 3, 16);
    let schedule = Schedule::new(&LoadPlan::rate(1000.0, 0.5), Arrivals::Constant, 7);
    bench.open.ground.control.set_turns(2);
    let start = Instant::now();
    // At five a second the third may come after 200 ms: there is no time for it.
    let pacing = Arc::clone(&bench.open).pace(schedule, start, start + Duration::from_millis(100), 5.0);
    pacing.await.unwrap();
    bench.open.ground.control.stop();
    bench.open.wind_up(PATIENCE).await;
    let run = bench.run();
    let planned = sum(&run, |second| second.planned);
    assert!((1..=2).contains(&planned), "{planned}");

    // Where the host refuses at once, each is followed by another.
    let bench = Bench::new(GET, 3, 16);
    let schedule = Schedule::new(&LoadPlan::rate(1000.0, 0.5), Arrivals::Constant, 7);
    bench.open.ground.control.set_turns(2);
    let start = Instant::now();
    Arc::clone(&bench.open).pace(schedule, start, start + Duration::from_secs(1), 20.0).await.unwrap();
    bench.open.ground.control.stop();
    bench.open.wind_up(PATIENCE).await;
    let run = bench.run();
    let planned = sum(&run, |second| second.planned);
    // 20 in the second, and what may be caught up with.
    assert!((5..=23).contains(&planned), "{planned}");
    assert!(run.seconds.iter().all(|second| second.in_flight <= 2));
}

#[tokio::test]
async fn an_arrival_in_the_mailbox_of_a_session_that_has_gone_is_unsent() {
    let bench = Bench::new(GET, 1, 16);
    let place = bench.open.pool.prepare(0).unwrap();
    bench.open.pool.came(0);
    assert_eq!(bench.open.pool.next(0, place.at), None);
    bench.open.ground.control.stop();
    let now = Instant::now();
    bench.open.arrive(0, Due { planned: now, given: now, task: 0, in_turn: false }, now).unwrap();
    bench.open.wind_up(PATIENCE).await;
    let run = bench.run();
    assert_eq!((sum(&run, |second| second.planned), sum(&run, |second| second.unsent)), (1, 1));
}

#[tokio::test]
async fn the_pacers_lateness_is_lag_for_an_arrival_that_waited_too() {
    let bench = Bench::new(GET, 1, 16);
    let now = Instant::now();
    let (planned, given) =
        (now.checked_sub(Duration::from_mins(10)).unwrap(), now.checked_sub(Duration::from_mins(6)).unwrap());
    let due = Due { planned, given, task: 0, in_turn: false };
    assert!(bench.open.serve(&mut bench.actor(), due, true, bench.open.ground.control.session(0)).await);
    let run = bench.run();
    // The wait from 6 minutes ago on was for a session.
    let lag_ms = least_ms(&run, IntervalKind::Lag);
    assert!((239_000..300_000).contains(&lag_ms), "{lag_ms}");
    assert!(least_ms(&run, IntervalKind::Failed) >= 599_000);
}

#[tokio::test]
async fn a_task_that_begins_with_waits_counts_from_its_planned_instant_and_them() {
    let bench = Bench::new("{ wait = '1m' }, { wait = '1m' }, { wait = 'none' }, { get = '/' }", 1, 16);
    let planned = Instant::now().checked_sub(Duration::from_mins(10)).unwrap();
    let due = Due { planned, given: planned, task: 0, in_turn: false };
    assert!(bench.open.serve(&mut bench.actor(), due, false, bench.open.ground.control.session(0)).await);
    let run = bench.run();
    for kind in [IntervalKind::Failed, IntervalKind::Lag] {
        let ms = least_ms(&run, kind);
        assert!((479_000..540_000).contains(&ms), "{kind:?}: {ms}");
    }
    assert!(run.seconds.iter().all(|second| second.thinking_s >= 0.0));
}

#[tokio::test]
async fn who_thinks_holds_no_leave_to_open_a_connection() {
    let bench = Bench::new("{ wait = '1h' }, { get = '/' }", 1, 16);
    let leaves = Arc::new(Semaphore::new(1));
    let mut actor = bench.actor();
    actor.opening(Some(Arc::clone(&leaves).try_acquire_owned().unwrap()));
    let open = Arc::clone(&bench.open);
    let session = tokio::spawn(async move {
        let now = Instant::now();
        open.serve(
            &mut actor,
            Due { planned: now, given: now, task: 0, in_turn: false },
            false,
            open.ground.control.session(0),
        )
        .await
    });
    let left = tokio::time::timeout(PATIENCE, leaves.acquire()).await;
    assert!(left.is_ok() && !session.is_finished(), "it still thinks");
    bench.open.ground.control.stop();
    assert!(!session.await.unwrap());
}

#[tokio::test]
async fn a_session_that_found_nothing_to_do_holds_no_leave_to_open_a_connection() {
    let bench = Bench::new(GET, 2, 1);
    bench.open.spawn(0, bench.open.pool.prepare(0).unwrap(), None);
    assert!(bench.open.pool.prepare(0).is_none());
    let another = async {
        while bench.open.pool.prepare(0).is_none() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, another).await.is_ok());
    bench.open.ground.control.stop();
    bench.open.wind_up(PATIENCE).await;
}
