//! What a load can offer and prove, said before it starts.

use super::Targets;
use crate::record::Asked;

/// What can be said of a run before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The most requests a minute that the users can make, were every response instant; `None` where nothing bounds it.
    pub most_per_min: Option<f64>,
    /// About how many requests the steady window will see; `None` where it cannot be said.
    pub requests: Option<u64>,
    /// Lines for a person: what it offers, what it can prove, what is out of reach and what would bring it in.
    pub lines: Vec<String>,
}

/// What `asked` can offer and prove of `targets`.
pub fn outlook(asked: &Asked, targets: &Targets) -> Outlook {
    let _ = (asked, targets);
    Outlook { most_per_min: None, requests: None, lines: Vec::new() }
}
