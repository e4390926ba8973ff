use insta::assert_snapshot;

use super::*;

/// The plan of a scenario that comes with the project; its hash is left out, which any edit changes.
fn plan_text(name: &str) -> String {
    let scenario = shipped(name);
    scenario.plan_text().replace(&scenario.hash, "…")
}

#[test]
fn the_guides_plan() {
    assert_snapshot!(plan_text("agenthub"), @r#"
    agenthub user
      file        scenarios/agenthub.toml
      hash        …
      think time  1–5 s
      requests    1.00 a task on average
      variable    email = "test@example.com" (AGENTHUB_EMAIL)
      variable    password = *** (AGENTHUB_PASSWORD)

    once a user, first
      log in: POST /api/v2/auth/login → token

    tasks, drawn by weight
       50.0 %  view projects (weight 3)
              GET /api/v2/projects
       33.3 %  view tasks (weight 2)
              GET /api/v2/tasks
       16.7 %  create task (weight 1)
              POST /api/v2/tasks
    "#);
    assert_eq!(guide().mean_requests_per_task(), 1.0);
}

#[test]
fn the_plan_of_a_tree() {
    let scenario = shipped("browse");
    assert_snapshot!(plan_text("browse"), @r#"
    browse
      file        scenarios/browse.toml
      hash        …
      think time  2–6 s
      requests    2.11 a task on average
      variable    email = "test@example.com" (AGENTHUB_EMAIL)
      variable    password = *** (AGENTHUB_PASSWORD)

    once a user, first
      log in: POST /api/v2/auth/login → token

    tasks, drawn by weight
       44.4 %  open projects (weight 4)
              list projects: GET /api/v2/projects → project_id, project, projects
              when project_id
                wait 300ms–900ms
                newest tasks: GET /api/v2/tasks
              else
                is it up?: GET /api/v2/health
       33.3 %  page through tasks (weight 3)
              3 times
                a page: GET /api/v2/tasks
                wait 200ms–800ms
       22.2 %  look something up (weight 2)
              one of
                75.0 %  GET /api/v2/tasks
                25.0 %  GET /api/v2/health
    "#);
    // (4 × (1 + (1 + 1) / 2) + 3 × 3 + 2 × 1) / 9
    assert!((scenario.mean_requests_per_task() - 19.0 / 9.0).abs() < 1e-12);
}

#[test]
fn the_plan_of_writers() {
    assert_snapshot!(plan_text("write-heavy"), @r#"
    write-heavy
      file        scenarios/write-heavy.toml
      hash        …
      think time  1s
      requests    1.40 a task on average
      variable    email = "test@example.com" (AGENTHUB_EMAIL)
      variable    password = *** (AGENTHUB_PASSWORD)

    once a user, first
      log in: POST /api/v2/auth/login → token

    tasks, drawn by weight
       60.0 %  create task (weight 6)
              POST /api/v2/tasks → task_id
       20.0 %  create several (weight 2)
              3 times
                POST /api/v2/tasks
       20.0 %  list tasks (weight 2)
              GET /api/v2/tasks
    "#);
}

#[test]
fn either_branch_counts_half_and_picks_by_weight() {
    let scenario = scenario(
        r#"
[[task]]
name = "a"
weight = 3
steps = [
  { when = { status = 200 }, steps = [ { get = "/" }, { get = "/" } ] },
  { pick = [ { weight = 1, get = "/" }, { weight = 3, wait = "1s" } ] },
  { steps = [ { repeat = 2, steps = [ { get = "/" } ] } ] },
]
[[task]]
name = "b"
get = "/b"
"#,
    );
    // a: 2/2 + 1/4 + 2 = 3.25; (3 × 3.25 + 1) / 4
    assert_eq!(scenario.mean_requests_per_task(), 2.6875);
}

#[test]
fn secret_values_are_not_in_the_plan() {
    let scenario = guide();
    let json = serde_json::to_string(&scenario.plan()).unwrap();
    assert!(!json.contains("testpassword") && !scenario.plan_text().contains("testpassword"));
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["tasks"][0]["share"], 0.5);
    assert_eq!(plan["tasks"][2]["steps"][0]["kind"], "request");
    assert_eq!(plan["on_start"][0]["captures"][0], "token");
    assert_eq!(plan["mean_wait_s"], 3.0);
}
