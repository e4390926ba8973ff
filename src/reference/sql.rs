//! Every statement that the service sends to PostgreSQL: one a purpose, so that `pg_stat_statements` reads like a list of
//! what the service does. Its ids are text, as in the guide's own examples.

/// Held while tables are made and filled, so that two services that start together do not race.
pub(super) const LOCK_SCHEMA: &str = "SELECT pg_advisory_lock(7239801)";

/// The tables. A foreign key is there only where an index of the guide leads with its column.
pub(super) const TABLES: &str = "
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS users (
    id text PRIMARY KEY,
    email text NOT NULL UNIQUE,
    permissions text[] NOT NULL DEFAULT '{read,write}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS user_sessions (
    token text PRIMARY KEY,
    user_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS projects (
    id text PRIMARY KEY,
    user_id text NOT NULL REFERENCES users (id),
    name text NOT NULL,
    description text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS git_branches (
    id text PRIMARY KEY,
    project_id text NOT NULL REFERENCES projects (id),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS tasks (
    id text PRIMARY KEY,
    user_id text NOT NULL REFERENCES users (id),
    project_id text REFERENCES projects (id),
    git_branch_id text,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    priority text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS contexts (
    id text PRIMARY KEY,
    level text NOT NULL,
    context_id text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS counters (
    name text PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO counters VALUES ('tasks created', 0) ON CONFLICT DO NOTHING;
DELETE FROM user_sessions WHERE created_at < now() - interval '1 day';";

/// The guide's five, without CONCURRENTLY: the lock is ours, and nobody else is there yet.
pub(super) const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS idx_tasks_user_id_status ON tasks (user_id, status);
CREATE INDEX IF NOT EXISTS idx_projects_user_id_created_at ON projects (user_id, created_at);
CREATE INDEX IF NOT EXISTS idx_git_branches_project_id ON git_branches (project_id);
CREATE INDEX IF NOT EXISTS idx_contexts_level_context_id ON contexts (level, context_id);
CREATE INDEX IF NOT EXISTS idx_tasks_complex ON tasks (project_id, status, priority, created_at);";

pub(super) const NO_INDEXES: &str = "
DROP INDEX IF EXISTS idx_tasks_user_id_status;
DROP INDEX IF EXISTS idx_projects_user_id_created_at;
DROP INDEX IF EXISTS idx_git_branches_project_id;
DROP INDEX IF EXISTS idx_contexts_level_context_id;
DROP INDEX IF EXISTS idx_tasks_complex;";

pub(super) const ALL_TASKS: &str = "SELECT count(*) FROM tasks";

/// Users numbered from 1 to $1, the first of them the guide's own; with their projects ($2 names, $3 descriptions),
/// branches and contexts. Ids follow from addresses and names: whoever logs in later under such an address is that user.
pub(super) const SEED_USERS: &str = "
WITH made AS (
    INSERT INTO users (id, email, created_at)
    SELECT 'user-' || md5(email), email, timestamptz '2025-01-01'
    FROM generate_series(1, $1::bigint) AS number,
         LATERAL (SELECT CASE number WHEN 1 THEN 'test@example.com' ELSE 'user' || number || '@example.com' END) AS named (email)
    ON CONFLICT DO NOTHING
    RETURNING id, created_at
), with_projects AS (
    INSERT INTO projects (id, user_id, name, description, created_at)
    SELECT md5(made.id || name), made.id, name, description, made.created_at + ordinal * interval '1 second'
    FROM made, unnest($2::text[], $3::text[]) WITH ORDINALITY AS project (name, description, ordinal)
    RETURNING id, created_at
), with_branches AS (
    INSERT INTO git_branches (id, project_id, name, created_at)
    SELECT md5(with_projects.id || name), with_projects.id, name, created_at
    FROM with_projects, unnest(ARRAY['develop', 'main']) AS branch (name)
)
INSERT INTO contexts (id, level, context_id, created_at)
SELECT md5('context ' || id), 'project', id, created_at FROM with_projects";

/// As many tasks as $2 of those numbered from 1 to $1 that are not there yet, spread over the users numbered to $3, their
/// projects, branches, four statuses and three priorities.
pub(super) const SEED_TASKS: &str = "
INSERT INTO tasks (id, user_id, project_id, git_branch_id, title, description, status, priority, created_at)
SELECT md5('task ' || number)::uuid::text, users.id, projects.id, md5(projects.id || branch),
       'Task ' || number, 'Seeded task ' || number || ' of this project',
       (ARRAY['todo', 'in_progress', 'review', 'done'])[1 + number / 7 % 4],
       (ARRAY['low', 'medium', 'high'])[1 + number / 3 % 3],
       timestamptz '2025-01-01' + number * interval '1 second'
FROM generate_series(1, $1::bigint) AS number
JOIN users ON users.email = CASE number % $3::bigint WHEN 0 THEN 'test@example.com'
                            ELSE 'user' || number % $3::bigint + 1 || '@example.com' END
CROSS JOIN LATERAL (SELECT ($4::text[])[1 + number / $3::bigint % 5], (ARRAY['develop', 'main'])[1 + number / $3::bigint / 5 % 2])
    AS place (project, branch)
JOIN projects ON projects.id = md5(users.id || project)
WHERE NOT EXISTS (SELECT FROM tasks WHERE id = md5('task ' || number)::uuid::text)
LIMIT $2::bigint";

/// A user of this address, with projects and branches, where there is none.
pub(super) const ADD_USER: &str = "
WITH made AS (
    INSERT INTO users (id, email) VALUES ('user-' || md5($1), $1) ON CONFLICT DO NOTHING RETURNING id
), with_projects AS (
    INSERT INTO projects (id, user_id, name, description, created_at)
    SELECT md5(made.id || name), made.id, name, description, now() + ordinal * interval '1 microsecond'
    FROM made, unnest($2::text[], $3::text[]) WITH ORDINALITY AS project (name, description, ordinal)
    RETURNING id
)
INSERT INTO git_branches (id, project_id, name)
SELECT md5(id || name), id, name FROM with_projects, unnest(ARRAY['develop', 'main']) AS branch (name)";

pub(super) const ADD_SESSION: &str = "INSERT INTO user_sessions (token, user_id) VALUES ($1, 'user-' || md5($2))";

pub(super) const USER_OF_TOKEN: &str = "SELECT user_id FROM user_sessions WHERE token = $1";

pub(super) const PERMISSIONS: &str = "SELECT permissions FROM users WHERE id = $1";

/// A row for each branch of each project, with the number of its tasks.
pub(super) const PROJECTS_WITH_BRANCHES: &str = "
SELECT projects.id, projects.name, projects.description, projects.created_at,
       git_branches.id AS branch_id, git_branches.name AS branch, count(tasks.id) AS tasks
FROM projects
LEFT JOIN git_branches ON git_branches.project_id = projects.id
LEFT JOIN tasks ON tasks.project_id = projects.id AND tasks.git_branch_id = git_branches.id
WHERE projects.user_id = $1
GROUP BY projects.id, git_branches.id
ORDER BY projects.created_at, projects.id, git_branches.name";

/// The first of the statements that N+1 makes,
pub(super) const PROJECTS: &str = "
SELECT id, name, description, created_at FROM projects WHERE user_id = $1 ORDER BY created_at, id";

/// and the one that follows for each project.
pub(super) const BRANCHES_OF_PROJECT: &str = "
SELECT git_branches.id AS branch_id, git_branches.name AS branch, count(tasks.id) AS tasks
FROM git_branches
LEFT JOIN tasks ON tasks.project_id = git_branches.project_id AND tasks.git_branch_id = git_branches.id
WHERE git_branches.project_id = $1
GROUP BY git_branches.id
ORDER BY git_branches.name";

/// `total` counts all of them, whatever part is asked for.
pub(super) const TASKS: &str = "
SELECT id, title, description, status, priority, created_at, count(*) OVER () AS total
FROM tasks WHERE user_id = $1
ORDER BY created_at DESC LIMIT $2 OFFSET $3";

pub(super) const TASKS_OF_STATUS: &str = "
SELECT id, title, description, status, priority, created_at, count(*) OVER () AS total
FROM tasks WHERE user_id = $1 AND status = $4
ORDER BY created_at DESC LIMIT $2 OFFSET $3";

/// For the part that holds none of them, and so no `total`.
pub(super) const COUNT_TASKS: &str = "SELECT count(*) FROM tasks WHERE user_id = $1 AND (status = $2 OR $2 IS NULL)";

/// In the main branch of the user's first project.
pub(super) const ADD_TASK: &str = "
INSERT INTO tasks (id, user_id, project_id, git_branch_id, title, description, status, priority, created_at)
SELECT $1, $2, first.id, git_branches.id, $3, $4, $5, $6, $7::timestamptz
FROM (VALUES (1)) AS always
LEFT JOIN (SELECT id FROM projects WHERE user_id = $2 ORDER BY created_at LIMIT 1) AS first ON true
LEFT JOIN git_branches ON git_branches.project_id = first.id AND git_branches.name = 'main'";

/// All but the user's newest $2.
pub(super) const FORGET_OLD_TASKS: &str = "
DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE user_id = $1 ORDER BY created_at DESC OFFSET $2)";

/// After the tables were filled: what the planner knows of them.
pub(super) const ANALYZE: &str = "VACUUM ANALYZE users, projects, git_branches, tasks, contexts";

/// The row that every new task waits for under lock contention.
pub(super) const COUNT_TASK: &str = "UPDATE counters SET value = value + 1 WHERE name = 'tasks created'";
