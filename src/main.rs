//! Parses the command line, runs the command, turns its outcome into an exit code.
fn main() {}
