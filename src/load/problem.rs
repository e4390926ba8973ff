//! What went wrong with a request, in few distinct words.

use crate::record::FailureKind;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}
