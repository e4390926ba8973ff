use super::*;

fn user_of(scenario: &Arc<Scenario>, feeds: &Arc<Feeds>, number: u64, seed: u64) -> User {
    User::new(scenario.clone(), feeds.clone(), number, seed, None)
}

#[test]
fn tasks_are_drawn_3_to_2_to_1() {
    let scenario = guide();
    let mut user = user(&scenario);
    let draws = 60_000;
    let mut counts = [0_u32; 3];
    for _ in 0..draws {
        counts[user.draw_task()] += 1;
    }
    for (count, share) in counts.into_iter().zip([3.0 / 6.0, 2.0 / 6.0, 1.0 / 6.0]) {
        let (mean, deviation) = (f64::from(draws) * share, (f64::from(draws) * share * (1.0 - share)).sqrt());
        assert!((f64::from(count) - mean).abs() < 3.0 * deviation, "{counts:?}");
    }
    assert_eq!(counts.iter().sum::<u32>(), draws);
}

#[test]
fn neighbouring_users_draw_unrelated_tasks() {
    let scenario = guide();
    let feeds = Arc::new(Feeds::new(&scenario));
    let users = 30_000_u32;
    // The first draw of each of many users is as random as many draws of one; so is the pair of two neighbours.
    let first: Vec<usize> =
        (0..users).map(|number| user_of(&scenario, &feeds, u64::from(number), 1).draw_task()).collect();
    let projects = first.iter().filter(|task| **task == 0).count() as f64;
    let deviation = (f64::from(users) * 0.25).sqrt();
    assert!((projects - f64::from(users) / 2.0).abs() < 3.0 * deviation, "{projects}");
    let both = first.windows(2).filter(|pair| pair == &[0, 0]).count() as f64;
    let quarter = f64::from(users - 1) / 4.0;
    assert!((both - quarter).abs() < 4.0 * (quarter * 0.75).sqrt(), "{both}");
}

#[test]
fn the_same_seed_and_number_draw_the_same() {
    let scenario = guide();
    let feeds = Arc::new(Feeds::new(&scenario));
    let drawn = |number, seed| {
        let mut user = user_of(&scenario, &feeds, number, seed);
        (0..64).map(|_| user.draw_task()).collect::<Vec<_>>()
    };
    assert_eq!(drawn(3, 9), drawn(3, 9));
    assert_ne!(drawn(3, 9), drawn(4, 9));
    assert_ne!(drawn(3, 9), drawn(3, 10));
    assert_ne!(drawn(3, 9), drawn(9, 3));
}

#[test]
fn users_can_move_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<User>();
    shared::<Scenario>();
    shared::<Feeds>();
    shared::<Prepared>();
}

#[test]
fn picks_are_drawn_by_weight() {
    let mut user = user(&guide());
    let mut counts = [0_u32; 3];
    for _ in 0..20_000 {
        counts[user.draw([1, 0, 3].into_iter())] += 1;
    }
    assert_eq!(counts[1], 0);
    assert!((f64::from(counts[0]) - 5000.0).abs() < 3.0 * (20_000.0_f64 * 0.25 * 0.75).sqrt(), "{counts:?}");
}

#[test]
fn waits_are_within_their_span_and_even() {
    let mut user = user(&guide());
    let (low, high) = (Duration::from_secs(1), Duration::from_secs(5));
    let drawn: Vec<Duration> = (0..20_000).map(|_| user.draw_wait(Wait::Between(low, high))).collect();
    assert!(drawn.iter().all(|time| (low..=high).contains(time)));
    let mean = drawn.iter().map(Duration::as_secs_f64).sum::<f64>() / 20_000.0;
    // Even from 1 to 5: mean 3, deviation 4 / √12.
    assert!((mean - 3.0).abs() < 3.0 * (4.0 / 12.0_f64.sqrt()) / 20_000.0_f64.sqrt(), "{mean}");
    assert_eq!(user.draw_wait(Wait::Between(low, low)), low);
    assert_eq!(user.draw_wait(Wait::Constant(low)), low);
    assert_eq!(user.draw_wait(Wait::Pacing(high)), high);
    assert_eq!(user.draw_wait(Wait::None), Duration::ZERO);
}

fn fed(per: &str, order: &str) -> Arc<Scenario> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.csv"), "id,password\na,p-a\nb,p-b\nc,p-c\n").unwrap();
    let text = format!(
        "[feeders.f]\nfile = \"f.csv\"\nper = \"{per}\"\norder = \"{order}\"\n[[task]]\nname = \"t\"\nget = \"/{{{{f.id}}}}/{{{{f.id}}}}\"\n"
    );
    Arc::new(file::read(&text, "s.toml", Some(&folder.path().join("s.toml")), &|_| None).unwrap())
}

fn next(scenario: &Arc<Scenario>, user: &mut User) -> String {
    user.begin_iteration();
    prepared(scenario, user, 0).target
}

#[test]
fn a_row_a_user_stays_and_wraps_round() {
    let scenario = fed("user", "sequential");
    let feeds = Arc::new(Feeds::new(&scenario));
    let rows: Vec<String> = (0..4)
        .map(|number| {
            let mut user = user_of(&scenario, &feeds, number, 1);
            let first = next(&scenario, &mut user);
            assert_eq!(next(&scenario, &mut user), first);
            first
        })
        .collect();
    assert_eq!(rows, ["/a/a", "/b/b", "/c/c", "/a/a"]);
}

#[test]
fn a_row_an_iteration_is_shared_and_wraps_round() {
    let scenario = fed("iteration", "sequential");
    let feeds = Arc::new(Feeds::new(&scenario));
    let [mut one, mut other] = [0, 1].map(|number| user_of(&scenario, &feeds, number, 1));
    assert_eq!(next(&scenario, &mut one), "/a/a");
    assert_eq!(prepared(&scenario, &mut one, 0).target, "/a/a", "the same within an iteration");
    assert_eq!(next(&scenario, &mut other), "/b/b");
    one.begin_iteration();
    assert_eq!(next(&scenario, &mut one), "/c/c", "an iteration that uses no row takes none");
    assert_eq!(next(&scenario, &mut other), "/a/a");
    assert_eq!(one.secrets(), ["p-c"], "a column called password is secret by its name");
}

#[test]
fn random_rows_reach_all_and_stay_with_the_user() {
    for (per, stays) in [("user", true), ("iteration", false)] {
        let scenario = fed(per, "random");
        let feeds = Arc::new(Feeds::new(&scenario));
        let mut seen: Vec<String> =
            (0..60).map(|number| next(&scenario, &mut user_of(&scenario, &feeds, number, 1))).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["/a/a", "/b/b", "/c/c"]);
        let mut user = user_of(&scenario, &feeds, 0, 1);
        let mut own: Vec<String> = (0..60).map(|_| next(&scenario, &mut user)).collect();
        own.sort();
        own.dedup();
        assert_eq!(own.len() == 1, stays, "{per}");
    }
}
