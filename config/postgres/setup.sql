-- Two roles and the database of the service. Run once, by a superuser, with psql; the passwords come from the
-- environment, so that they stand in no file and no list of processes.
\set ON_ERROR_STOP on
-- Nor in the server's log, nor among the statements that it counts.
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET pg_stat_statements.track_utility = off;
-- Up to PostgreSQL 13 the default is md5, by which nobody gets in where pg_hba.conf asks for this.
SET password_encryption = 'scram-sha-256';
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
