//! One file a subcommand. Wires the rooms together; the only room that prints.

pub mod serve;
