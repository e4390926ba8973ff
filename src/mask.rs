//! What must not be written or shown: tokens, passwords, cookies.
use std::borrow::Cow;
/// x
pub struct Mask;
impl Mask {
    /// x
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let _ = secrets.into_iter().count();
        Self
    }
    /// x
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }
    /// x
    pub fn body<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }
}
