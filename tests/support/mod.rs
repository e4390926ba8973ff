//! What the end-to-end tests load and how they run the binary. Nothing here shares code with the crate under test.
//!
//! | file | what it is |
//! |---|---|
//! | `asking` | one HTTP request |
//! | `counting` | a server that counts what reaches it, and knows the true service times |
//! | `faults` | a server that misbehaves, one way a path |
//! | `harness` | runs the built binary in a folder of its own |
//! | `secure` | a server with a certificate of any kind, speaking HTTP/2 and misbehaving in it |
//! | `service` | the reference service as a process |
//! | `stack` | private PostgreSQL, Redis and nginx, from the files of `config/` |
//! | `whole` | the reference service on PostgreSQL and Redis, behind nginx |
//! | `wire` | reads HTTP/1.1 requests from a socket |
#![allow(dead_code, unreachable_pub, reason = "every test binary takes the parts that it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

pub mod asking;
pub mod counting;
pub mod faults;
pub mod harness;
pub mod secure;
pub mod service;
pub mod stack;
pub mod whole;
pub mod wire;
