//! The harness against known service times: does this machine measure truly?
//!
//! A synthetic server of known service times writes down for itself when each request had come and when its answer was
//! written. The real driver puts load on it, the real journal is written, read back and judged, and the figures are held
//! against the server's own record of the same requests, and against what theory says of such a server. Sources: M. Kogias,
//! S. Mallon, E. Bugnion, "Lancet: a self-correcting latency measuring tool", USENIX ATC (2019), on knowing whether a
//! generator can be believed; G. Tene's wrk2 on what a closed loop does not see (coordinated omission).

mod compare;
mod drive;
mod machine;
mod process;
mod prove;
mod report;
mod schedule;
mod server;
mod shape;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use compare::{Counts, Requests, Row, Truth};
pub use drive::CalibrateError;
pub use prove::{Calibration, CoverageResult, Options, ShapeResult, calibrate};
pub use report::text;
pub use schedule::{Answer, Behaviour};
pub use server::{Record, Served, Server};
