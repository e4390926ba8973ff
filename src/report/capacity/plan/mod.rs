//! Reports of a plan: what N users need, and everything that was assumed.

mod markdown;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod words;

pub(in crate::report) use markdown::markdown;
pub(in crate::report) use terminal::text;
