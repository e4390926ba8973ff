//! The distinct texts of a run's failures, bounded in number and length.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{ErrorId, FailureKind};

/// Distinct texts that a run keeps; later ones count as [`OTHER`].
pub(super) const MOST_TEXTS: usize = 200;
/// Characters that are kept of a text.
pub(super) const MOST_CHARS: usize = 200;
/// The text that stands for those beyond [`MOST_TEXTS`]; id 0.
pub(super) const OTHER: &str = "other errors";

/// The texts by id, and back.
#[derive(Debug)]
pub(super) struct ErrorTexts(RwLock<Texts>);

#[derive(Debug)]
struct Texts {
    ids: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl ErrorTexts {
    pub(super) fn new() -> Self {
        Self(RwLock::new(Texts { ids: HashMap::from([(OTHER.into(), 0)]), texts: vec![OTHER.into()] }))
    }

    /// The id of a text: of its first line, cut at [`MOST_CHARS`]; of the kind's name where it is empty.
    pub(super) fn id(&self, kind: FailureKind, text: &str) -> ErrorId {
        let line = text.trim().lines().next().unwrap_or_default();
        let cut = line.char_indices().nth(MOST_CHARS).map_or(line, |(at, _)| &line[..at]);
        let text = if cut.is_empty() { kind.as_str() } else { cut };
        {
            let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(&id) = texts.ids.get(text) {
                return ErrorId(id);
            }
            if texts.texts.len() > MOST_TEXTS {
                return ErrorId(0);
            }
        }
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = texts.ids.get(text) {
            return ErrorId(id);
        }
        if texts.texts.len() > MOST_TEXTS {
            return ErrorId(0);
        }
        let id = texts.texts.len() as u32;
        let text: Arc<str> = text.into();
        texts.texts.push(Arc::clone(&text));
        texts.ids.insert(text, id);
        ErrorId(id)
    }

    /// The text of an id; [`OTHER`] for one that was never given out.
    pub(super) fn text(&self, id: ErrorId) -> Arc<str> {
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(texts.texts.get(id.0 as usize).unwrap_or(&texts.texts[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_id() {
        let errors = ErrorTexts::new();
        let a = errors.id(FailureKind::Status, "503 Service Unavailable");
        let b = errors.id(FailureKind::Connect, "connection refused");
        assert_ne!(a, b);
        assert_eq!(errors.id(FailureKind::Status, " 503 Service Unavailable\nand more"), a);
        assert_eq!(&*errors.text(b), "connection refused");
        assert_eq!(&*errors.text(errors.id(FailureKind::Timeout, " ")), "timeout");
    }

    #[test]
    fn texts_are_bounded_in_number_and_length() {
        let errors = ErrorTexts::new();
        let first = errors.id(FailureKind::Body, &"ä".repeat(1000));
        assert_eq!(*errors.text(first), *"ä".repeat(MOST_CHARS));
        let ids: std::collections::HashSet<_> =
            (0..1000).map(|n| errors.id(FailureKind::Check, &format!("text {n}"))).collect();
        assert_eq!(ids.len(), MOST_TEXTS, "all but one of the texts, and the one that stands for the rest");
        assert_eq!(&*errors.text(errors.id(FailureKind::Check, "text 999")), OTHER);
        assert_eq!(&*errors.text(errors.id(FailureKind::Check, "text 0")), "text 0");
        assert_eq!(&*errors.text(ErrorId(4000)), OTHER);
    }
}
