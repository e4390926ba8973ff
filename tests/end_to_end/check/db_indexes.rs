//! Indexes that are broken, there twice, or missing behind a foreign key.

use super::{apply, check, evidence, fix, is_fixed, outcome, sql_in, until, version};
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

#[test]
fn indexes_that_failed_are_made_whole_as_printed_each_in_its_way() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let rule = "db.invalid_index";
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE t (a int, b int); INSERT INTO t SELECT n / 2, n FROM generate_series(1, 1000) AS n;
         CREATE TABLE parts (a int) PARTITION BY RANGE (a);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
         CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
         CREATE INDEX of_parts ON ONLY parts (a); CREATE INDEX of_part_1 ON part_1 (a);
         ALTER INDEX of_parts ATTACH PARTITION of_part_1; CREATE INDEX good ON t (b, a);",
    );
    // Values that are there twice, and somebody who does not let it end in time.
    let failing = |script: &str| sql_in(&postgres, "agenthub", &format!("\\set ON_ERROR_STOP off\n{script}"));
    failing("CREATE UNIQUE INDEX CONCURRENTLY \"Twice\" ON t (a);");
    let held = postgres.holding("LOCK TABLE t IN ROW EXCLUSIVE MODE");
    failing("SET lock_timeout = '300ms'; CREATE INDEX CONCURRENTLY late ON t (b);");
    failing("SET lock_timeout = '300ms'; REINDEX INDEX CONCURRENTLY good;");
    drop(held);
    let (found, _) = until(&bench, &postgres.monitor_url(), rule, "fail");
    let told = fix(&found, rule);
    let lines: Vec<&str> = told.lines().collect();
    for line in [
        "DROP INDEX CONCURRENTLY public.\"Twice\";",
        "-- CREATE UNIQUE INDEX CONCURRENTLY \"Twice\" ON public.t USING btree (a);",
        "REINDEX INDEX CONCURRENTLY public.late;",
        "DROP INDEX CONCURRENTLY public.good_ccnew;",
        "CREATE INDEX of_parts ON public.parts USING btree (a);",
    ] {
        assert!(lines.contains(&line), "{line}\n\n{told}");
    }
    is_fixed(&bench, &mut postgres, rule, "fail");
    let children = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'of_parts'::regclass";
    assert_eq!(postgres.sql(children), "2", "one on each partition");
}

#[test]
fn indexes_that_are_the_same_in_everything_are_dropped_as_printed_and_others_are_kept() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE t (a text, b int, c int, EXCLUDE (b WITH =));
         CREATE INDEX lower_a ON t (lower(a)) WHERE b > 0; CREATE INDEX another_lower_a ON t (lower(a)) WHERE b > 0;
         CREATE INDEX upper_a ON t (upper(a)) WHERE b > 0; CREATE INDEX lower_more ON t (lower(a)) WHERE b > 1;
         CREATE INDEX pattern_a ON t (a text_pattern_ops); CREATE INDEX plain_a ON t (a); CREATE INDEX down_a ON t (a DESC);
         CREATE INDEX hash_a ON t USING hash (a); CREATE UNIQUE INDEX unique_c ON t (c); CREATE INDEX c_with ON t (c) INCLUDE (b);
         CREATE TABLE parts (a int, b int) PARTITION BY RANGE (a);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
         CREATE INDEX parts_a ON parts (a); CREATE INDEX parts_a_b ON parts (a, b);",
    );
    if version(&postgres) >= 15 {
        postgres.sql("CREATE UNIQUE INDEX unique_c_or_null ON t (c) NULLS NOT DISTINCT");
    }
    let found = is_fixed(&bench, &mut postgres, "db.duplicate_index", "fail");
    let told = fix(&found, "db.duplicate_index");
    let mut lines: Vec<&str> = told.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["DROP INDEX CONCURRENTLY public.another_lower_a;", "DROP INDEX public.parts_a;"]);
}

#[test]
fn foreign_keys_of_partitioned_tables_count_the_rows_of_their_partitions() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (a int, parent_id int REFERENCES parent, again int REFERENCES parent) PARTITION BY RANGE (a);
         CREATE TABLE child_1 PARTITION OF child FOR VALUES FROM (0) TO (100000);
         ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent;
         INSERT INTO child SELECT n, 1, 1 FROM generate_series(1, 12000) AS n; ANALYZE child_1;",
    );
    let found = is_fixed(&bench, &mut postgres, "db.foreign_key_index", "fail");
    let told = fix(&found, "db.foreign_key_index");
    assert_eq!(told, "CREATE INDEX ON public.child (again);\nCREATE INDEX ON public.child (parent_id);");
}

#[test]
fn all_fixes_of_a_database_without_indexes_run_at_once_leave_nothing_to_say() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE parent (a int, b int, PRIMARY KEY (a, b), UNIQUE (a));
         INSERT INTO parent SELECT n, n FROM generate_series(1, 12000) AS n;
         CREATE TABLE child (a int REFERENCES parent (a), b int, FOREIGN KEY (a, b) REFERENCES parent);
         INSERT INTO child SELECT a, b FROM parent;
         CREATE TABLE project (id int PRIMARY KEY); INSERT INTO project VALUES (1);
         CREATE SCHEMA tenant;
         CREATE TABLE tenant.tasks (project_id int REFERENCES project, status text, priority int, created_at timestamptz);
         INSERT INTO tenant.tasks SELECT 1, 'todo', 1, now() FROM generate_series(1, 12000); ANALYZE;",
    );
    let rules = ["db.index.tasks_complex", "db.foreign_key_index", "db.duplicate_index"];
    let url = postgres.monitor_url();
    let look = || {
        let only: Vec<&str> = rules.iter().flat_map(|rule| ["--only", rule]).collect();
        check(&bench, &[&["db", "--postgres", &url][..], &only].concat()).0
    };
    let found = look();
    assert_eq!(outcome(&found, "db.foreign_key_index"), "fail", "{found:#}");
    let of_keys = fix(&found, "db.foreign_key_index");
    assert!(of_keys.contains("-- as db.index.tasks_complex has it"), "{of_keys}");
    assert!(!of_keys.contains("(a);") && of_keys.contains("ON public.child (a, b);"), "{of_keys}");
    let findings = found["findings"].as_array().unwrap();
    let fixes: Vec<&str> = findings.iter().filter_map(|finding| finding["fix"]["text"].as_str()).collect();
    apply(&mut postgres, &fixes.join("\n"));
    let found = look();
    for rule in rules {
        assert_eq!(outcome(&found, rule), "pass", "{found:#}");
    }
}

#[test]
fn rows_that_were_written_and_analyzed_in_one_session_are_counted_once() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1); CREATE TABLE child (a int REFERENCES parent);
         INSERT INTO child SELECT 1 FROM generate_series(1, 6000); ANALYZE child;",
    );
    let rule = "db.foreign_key_index";
    let told = |outcome: &str| evidence(&until(&bench, &postgres.monitor_url(), rule, outcome).0, rule).join("\n");
    assert!(told("warn").contains("public.child (a) → public.parent: 6,000 rows"), "{}", told("warn"));
    let locked = postgres.holding("LOCK TABLE child IN ACCESS EXCLUSIVE MODE");
    assert!(told("warn").contains("6,000 rows"), "whoever holds the table holds nobody up: {}", told("warn"));
    drop(locked);
    // As many pages more, of which no ANALYZE knows.
    postgres.sql("ALTER TABLE child SET (autovacuum_enabled = off)");
    postgres.sql("INSERT INTO child SELECT 1 FROM generate_series(1, 6000)");
    let told = told("fail");
    assert!(told.contains("public.child (a) → public.parent: 1"), "{told}");
}
