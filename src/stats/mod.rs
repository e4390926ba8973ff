//! Mathematics, pure: no I/O, no clock. Every file names the source of what it implements.

mod distribution;

pub use distribution::Distribution;
