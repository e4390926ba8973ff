-- Two roles and the database of the service. Run once, by a superuser, with psql; the passwords come from the
-- environment, so that they stand in no file and no list of processes.
\set ON_ERROR_STOP on
\set service_password `printf %s "$AGENTHUB_PASSWORD"`
\set monitor_password `printf %s "$AGENTHUB_MONITOR_PASSWORD"`

-- The service's own: owns the database, and with it its tables.
CREATE ROLE agenthub LOGIN PASSWORD :'service_password';
CREATE DATABASE agenthub OWNER agenthub;
REVOKE CONNECT ON DATABASE agenthub FROM PUBLIC;

-- The probes': reads every statistics view and no table, writes nothing.
CREATE ROLE agenthub_monitor LOGIN PASSWORD :'monitor_password' IN ROLE pg_monitor;
ALTER ROLE agenthub_monitor SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE agenthub TO agenthub_monitor;

\connect agenthub
CREATE EXTENSION pg_stat_statements;
