//! A part of a text from outside that is kept once for all its parts.

use std::fmt;
use std::sync::Arc;

use super::{Context, Safe, Untrusted, show};

/// A part of a text from outside, which many parts may share: a record of a log is not kept twice.
///
/// As [`Untrusted`] it has no `Display`, is compared on its raw text, and its `Debug` is escaped.
#[derive(Clone, Default)]
pub struct Excerpt {
    whole: Option<Arc<String>>,
    from: usize,
    length: usize,
}

impl Excerpt {
    /// Makes it of a text of its own.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            from: 0,
            length: text.len(),
            whole: Some(Arc::new(text)),
        }
    }

    /// Names a part of a text by its place; what is no part of it is copied.
    pub fn of(whole: &Arc<String>, part: &str) -> Self {
        let from = part.as_ptr().addr().checked_sub(whole.as_ptr().addr());
        let here = from.and_then(|from| whole.get(from..from.checked_add(part.len())?));
        match from.filter(|_| here.is_some_and(|here| std::ptr::eq(here, part))) {
            Some(from) => Self {
                whole: Some(Arc::clone(whole)),
                from,
                length: part.len(),
            },
            None => Self::new(part),
        }
    }

    /// Gives the raw text, for comparing and matching; never for showing.
    pub fn raw(&self) -> &str {
        let whole = self.whole.as_ref();
        whole
            .and_then(|whole| whole.get(self.from..self.from + self.length))
            .unwrap_or_default()
    }

    /// Copies it out.
    pub fn untrusted(&self) -> Untrusted {
        Untrusted::new(self.raw())
    }

    /// Makes it safe as one line of at most 4,096 cells.
    pub fn line(&self) -> Safe {
        show(self.raw().as_bytes(), Context::Line)
    }
}

impl<T: Into<String>> From<T> for Excerpt {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Excerpt {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for Excerpt {}

impl fmt::Debug for Excerpt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.untrusted().fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_its_place_and_anything_else_is_copied() {
        let whole = Arc::new("one two".to_owned());
        let part = whole.split(' ').nth(1).unwrap_or_default();
        let excerpt = Excerpt::of(&whole, part);
        assert_eq!(excerpt.raw(), "two");
        assert_eq!(Arc::strong_count(&whole), 2);
        let other = Excerpt::of(&whole, &String::from("two"));
        assert_eq!(excerpt, other);
        assert_eq!(Arc::strong_count(&whole), 2);
        assert_eq!(Excerpt::default().raw(), "");
    }

    #[test]
    fn it_is_not_shown_raw() {
        assert_eq!(
            Excerpt::new("a\u{1b}[2J").line().as_str(),
            Untrusted::new("a\u{1b}[2J").line().as_str()
        );
        assert!(!format!("{:?}", Excerpt::new("\u{1b}")).contains('\u{1b}'));
    }
}
