//! The whole system: the reference service on a private PostgreSQL and Redis, behind nginx, as `scripts/stack.sh` starts it.

use super::service::Service;
use super::stack::{Nginx, Postgres, Redis};

/// The service on real parts.
pub struct Stack {
    // In this order they end.
    pub nginx: Nginx,
    pub service: Service,
    pub redis: Redis,
    pub postgres: Postgres,
}

impl Stack {
    /// With flags of `serve`.
    pub fn start(flags: &[&str]) -> Self {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let (database, cache) = (postgres.url(), redis.url());
        let service = Service::start(&[&["--database", &database, "--redis", &cache], flags].concat());
        let nginx = Nginx::in_front_of(service.url.trim_start_matches("http://"));
        Self { nginx, service, redis, postgres }
    }

    /// The configuration that names all of it; what is added to it is of `[observe]`.
    pub fn configuration(&self) -> String {
        format!(
            "host = \"{}\"\n[observe]\npostgres = \"{}\"\nredis = \"{}\"\nnginx = \"{}\"\nmetrics = \"{}/metrics\"\n",
            self.nginx.url(),
            self.postgres.monitor_url(),
            self.redis.url(),
            self.nginx.status_url(),
            self.service.url
        )
    }

    /// The same with the processes behind the addresses.
    pub fn configuration_with_processes(&self) -> String {
        format!(
            "{}process = [\"service={}\", \"postgres={}\", \"redis={}\", \"nginx={}\"]\n",
            self.configuration(),
            self.service.running.pid(),
            self.postgres.pid(),
            self.redis.pid(),
            self.nginx.pid()
        )
    }
}
