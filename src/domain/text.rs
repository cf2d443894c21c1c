//! Untrusted bytes on one side, text that may be shown on the other, and the one way across.
//!
//! [`Untrusted`] holds what came from outside; [`show`] is the only function that turns it into [`Safe`].
//! The rule itself is in [`mod@escape`], the facts about single scalar values in [`scalar`], look-alike
//! identities in [`identity`], own wording in the macro [`safe!`](crate::safe), and the further encodings
//! that a spreadsheet, a case comment or a window title need in [`sink`].
//!
//! What must not live here: layout, colours, io.

pub mod escape;
mod excerpt;
pub mod identity;
mod safe;
pub mod scalar;
pub mod sink;
pub mod template;

use std::fmt;

pub use self::excerpt::Excerpt;
pub use self::identity::{Badge, Skeleton, is_written_alike, look_alike};
pub use self::safe::{Lines, Safe, Segments};
pub use self::template::Shown;
pub use crate::safe;

/// Text that came from outside and has not been made safe to show.
///
/// Compared, hashed and stored on its raw bytes. It has no `Display`, and its `Debug` is escaped, so it
/// cannot reach a screen, a log line or a note by accident.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps text from outside.
    pub fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// Gives the raw text, for comparing, matching and encoding into a request; never for showing.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Tells whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes it safe as one table cell: one line, at most 256 cells.
    pub fn field(&self) -> Safe {
        show(self.0.as_bytes(), Context::Field)
    }

    /// Makes it safe as one line of at most 4,096 cells.
    pub fn line(&self) -> Safe {
        show(self.0.as_bytes(), Context::Line)
    }

    /// Makes it safe as several lines, at most 64 KiB.
    pub fn block(&self) -> Safe {
        show(self.0.as_bytes(), Context::Block)
    }

    /// Makes it safe as an identity (login, host, mail, file, URL): never cut, with badges.
    pub fn ident(&self) -> Safe {
        show(self.0.as_bytes(), Context::Ident)
    }

    /// Gives the pure ASCII form of an identity, for the line under [`ident`](Self::ident).
    ///
    /// `None` where the text is ASCII already, so that the second line would say nothing new.
    pub fn ident_escaped(&self) -> Option<Safe> {
        identity::escaped(self)
    }

    /// Gives the badges of an identity taken alone, without other identities to compare with.
    pub fn badges(&self) -> Vec<Badge> {
        identity::badges(self.0.as_bytes())
    }

    /// Gives the UTS #39 skeleton, equal for texts that a reader may take for one another.
    pub fn skeleton(&self) -> Skeleton {
        Skeleton::of(self)
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({:?})", self.field().as_str())
    }
}

impl<T: Into<String>> From<T> for Untrusted {
    fn from(raw: T) -> Self {
        Self(raw.into())
    }
}

/// Where a text will stand, which decides its caps and what happens to line feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// One table cell: one line, at most 256 cells.
    Field,
    /// One line of at most 4,096 cells.
    Line,
    /// Several lines, at most 64 KiB; keeps line feeds, turns a tabulator into four spaces.
    Block,
    /// An identity that a person compares letter by letter: one line, never cut, with badges.
    Ident,
}

/// What the place of showing can draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Turns everything that is not ASCII into `<U+XXXX>` (serial line, mosh, screen, wall).
    pub ascii_only: bool,
}

/// Makes bytes from outside safe to show.
///
/// Nothing of the input vanishes: each character is visible as itself, visible as an escape, or counted
/// in a tail `…(+n)` or in `<+n>` for stacked combining marks.
pub fn show(raw: &[u8], context: Context) -> Safe {
    show_with(raw, context, Options::default())
}

/// Makes bytes from outside safe to show at a place with the given abilities.
pub fn show_with(raw: &[u8], context: Context, options: Options) -> Safe {
    let mut shown = escape::escape(raw, context, options);
    if context == Context::Ident {
        for badge in identity::badges(raw) {
            shown.push_escape(badge.label());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(b"plain", "plain")]
    #[case::invalid(b"a\xFF\xC3", "a<xFF><xC3>")]
    #[case::surrogate(b"\xED\xA0\x80", "<xED><xA0><x80>")]
    #[case::controls(b"\x00\x1b[2J\x7f\r\n\t", "^@^[[2J^?^M^J^I")]
    #[case::c1("\u{9B}31m".as_bytes(), "<9B>31m")]
    #[case::bidi("a\u{202E}b".as_bytes(), "a<U+202E>b")]
    #[case::blank_lookalike("a\u{A0}b".as_bytes(), "a<U+00A0>b")]
    #[case::tag("\u{E0041}".as_bytes(), "<U+E0041>")]
    #[case::letters("é漢ж".as_bytes(), "é漢ж")]
    #[case::mark("e\u{301}".as_bytes(), "e\u{301}")]
    #[case::mark_first("\u{301}e".as_bytes(), "\u{25CC}\u{301}e")]
    #[case::mark_on_blank("a \u{301}".as_bytes(), "a \u{25CC}\u{301}")]
    #[case::mark_on_escape("\u{202E}\u{301}".as_bytes(), "<U+202E>\u{25CC}\u{301}")]
    #[case::zalgo("e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}x".as_bytes(), "e\u{301}\u{301}\u{301}\u{301}<+2>x")]
    #[case::keycap("1\u{FE0F}\u{20E3}".as_bytes(), "1<U+FE0F><U+20E3>")]
    #[case::flag("\u{1F1E9}\u{1F1EA}".as_bytes(), "<U+1F1E9><U+1F1EA>")]
    #[case::family("👨\u{200D}👩".as_bytes(), "👨<U+200D>👩")]
    #[case::skin("👍\u{1F3FB}".as_bytes(), "👍<U+1F3FB>")]
    fn one_line(#[case] raw: &[u8], #[case] expected: &str) {
        for context in [Context::Field, Context::Line] {
            assert_eq!(show(raw, context).as_str(), expected);
        }
    }

    #[test]
    fn a_block_keeps_lines_and_spreads_tabulators() {
        let block = show(b"a\tb\r\nc\x1b", Context::Block);
        assert_eq!(block.as_str(), "a    b^M\nc^[");
        let lines: Vec<_> = block.lines().collect();
        assert_eq!(lines.len(), 2);
        let second: Vec<_> = lines.iter().skip(1).flat_map(Safe::segments).collect();
        assert_eq!(second, [(false, "c"), (true, "^[")]);
        assert_eq!(Safe::default().lines().count(), 1);
        assert_eq!(show(b"a\n\n", Context::Block).lines().count(), 3);
    }

    #[test]
    fn an_escape_differs_from_the_same_letters() {
        let shown = show("<U+202E>\u{202E}".as_bytes(), Context::Field);
        let parts: Vec<_> = shown.segments().collect();
        assert_eq!(parts, [(false, "<U+202E>"), (true, "<U+202E>")]);
    }

    #[test]
    fn caps_cut_between_characters_and_count_the_rest() {
        let field = show("x".repeat(300).as_bytes(), Context::Field);
        assert_eq!(field.as_str(), format!("{}…(+53)", "x".repeat(247)));
        assert_eq!(
            show("x".repeat(256).as_bytes(), Context::Field).width(),
            256
        );
        let escapes = show("\u{202E}".repeat(100).as_bytes(), Context::Field);
        assert!(escapes.as_str().ends_with("<U+202E>…(+70)"), "{escapes}");
        let block = show("漢".repeat(40_000).as_bytes(), Context::Block);
        assert!(block.as_str().len() <= 64 * 1024 && block.as_str().len() > 65_500);
        let marks = format!("{}e\u{301}{}", "x".repeat(246), "y".repeat(20));
        let cut = show(marks.as_bytes(), Context::Field);
        assert!(cut.as_str().ends_with("xe\u{301}…(+20)"), "{cut}");
        let ident = show("x".repeat(9_000).as_bytes(), Context::Ident);
        assert_eq!(ident.width(), 9_000);
    }

    #[rstest]
    #[case::plain("mara.cole", "mara.cole")]
    #[case::accent("jörg", "jörg [non-ASCII]")]
    #[case::mixed("p\u{430}ypal", "p\u{430}ypal [non-ASCII] [look-alike]")]
    #[case::whole(
        "\u{430}\u{441}\u{435}",
        "\u{430}\u{441}\u{435} [non-ASCII] [look-alike]"
    )]
    #[case::cyrillic(
        "\u{436}\u{430}\u{43D}\u{43D}\u{430}",
        "\u{436}\u{430}\u{43D}\u{43D}\u{430} [non-ASCII]"
    )]
    #[case::hidden("mara\u{200B}", "mara<U+200B> [non-ASCII] [look-alike]")]
    fn identities_have_badges(#[case] raw: &str, #[case] expected: &str) {
        let identity = Untrusted::new(raw);
        assert_eq!(identity.ident().as_str(), expected);
        assert_eq!(identity.ident_escaped().is_none(), raw.is_ascii());
        if let Some(escaped) = identity.ident_escaped() {
            assert!(escaped.as_str().is_ascii());
        }
    }

    #[test]
    fn a_badge_in_the_data_is_no_badge() {
        let faked = Untrusted::new("mara [look-alike]").ident();
        assert!(faked.segments().all(|(is_escape, _)| !is_escape));
    }

    #[rstest]
    #[case("paypal", "p\u{430}ypal", true)]
    #[case("paypal", "paypaI", true)]
    #[case("modern", "rnodern", true)]
    #[case("mara", "mara\u{200B}", true)]
    #[case("mara", "mara", false)]
    #[case("mara", "maria", false)]
    #[case("j\u{F6}rg", "jo\u{308}rg", true)]
    fn look_alikes(#[case] a: &str, #[case] b: &str, #[case] expected: bool) {
        assert_eq!(look_alike(&a.into(), &b.into()), expected);
        assert_eq!(look_alike(&b.into(), &a.into()), expected);
    }

    #[test]
    fn ascii_only_leaves_no_other_byte() {
        let options = Options { ascii_only: true };
        let long = format!("é漢e\u{301}\u{202E}{}", "ж".repeat(300));
        let shown = show_with(long.as_bytes(), Context::Field, options);
        assert!(shown.as_str().is_ascii() && shown.width() <= 256);
        assert!(
            shown
                .as_str()
                .starts_with("<U+00E9><U+6F22>e<U+0301><U+202E><U+0436>")
        );
    }

    #[rstest]
    #[case("hello", 5, "hello")]
    #[case("hello", 4, "hel…")]
    #[case("hello", 1, "…")]
    #[case("hello", 0, "")]
    #[case("漢字", 3, "漢…")]
    #[case("漢字", 2, "…")]
    #[case("a\u{202E}b", 9, "a…")]
    #[case("a\u{202E}bc", 10, "a<U+202E>…")]
    #[case("e\u{301}e\u{301}x", 2, "e\u{301}…")]
    fn fitting(#[case] raw: &str, #[case] width: usize, #[case] expected: &str) {
        assert_eq!(Untrusted::new(raw).field().fit(width).as_str(), expected);
    }

    #[test]
    fn fitting_a_block_keeps_the_first_line() {
        assert_eq!(Untrusted::new("ab\ncd").block().fit(80).as_str(), "ab…");
    }

    #[test]
    fn debug_and_display_are_safe() {
        assert_eq!(
            format!("{:?}", Untrusted::new("a\u{1b}[m")),
            "Untrusted(\"a^[[m\")"
        );
        assert_eq!(format!("{:>4}|", Untrusted::new("漢").field()), "  漢|");
    }

    /// Strings that meet the rule more often than plain random ones.
    fn nasty() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            any::<char>(),
            proptest::char::range(' ', '~'),
            proptest::char::range('\u{0}', '\u{9F}'),
            proptest::char::range('\u{300}', '\u{36F}'),
            proptest::char::range('\u{900}', '\u{97F}'),
            proptest::char::range('\u{1780}', '\u{17FF}'),
            proptest::char::range('\u{2000}', '\u{206F}'),
            proptest::char::range('\u{FE00}', '\u{FE0F}'),
            proptest::char::range('\u{1F1E0}', '\u{1F4FF}'),
        ];
        proptest::collection::vec(c, 0..400).prop_map(String::from_iter)
    }

    fn contexts() -> impl Strategy<Value = Context> {
        prop_oneof![
            Just(Context::Field),
            Just(Context::Line),
            Just(Context::Block),
            Just(Context::Ident),
        ]
    }

    proptest! {
        #[test]
        fn showing_twice_changes_nothing(text in nasty(), context in contexts()) {
            let once = show(text.as_bytes(), context);
            let twice = show(once.as_str().as_bytes(), context);
            if context == Context::Ident {
                // The badges are of the first showing's input, those of the second of its output.
                prop_assert!(twice.as_str().starts_with(once.as_str()));
            } else {
                prop_assert_eq!(once.as_str(), twice.as_str());
                prop_assert_eq!(twice.segments().filter(|(is_escape, _)| *is_escape).count(), 0);
            }
        }

        #[test]
        fn fit_is_never_wider_than_asked(text in nasty(), context in contexts(), width in 0_usize..80) {
            let shown = show(text.as_bytes(), context);
            let short = shown.fit(width);
            prop_assert!(short.width() <= width && short.lines().count() == 1);
            let whole: Vec<_> = shown.segments().filter(|part| part.0).collect();
            for (at, part) in short.segments().filter(|part| part.0).enumerate() {
                prop_assert_eq!(whole.get(at), Some(&part));
            }
        }

        #[test]
        fn segments_and_lines_lose_nothing(text in nasty(), context in contexts()) {
            let shown = show(text.as_bytes(), context);
            let joined: String = shown.segments().map(|(_, part)| part).collect();
            prop_assert_eq!(joined.as_str(), shown.as_str());
            let again = Safe::join(shown.lines(), &Safe::fixed("\n"));
            prop_assert_eq!(again, shown);
        }

        #[test]
        fn random_bytes_stay_within_the_caps(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(show(&raw, Context::Field).width() <= 256);
            prop_assert!(show(&raw, Context::Line).width() <= 4096);
            prop_assert!(show(&raw, Context::Block).as_str().len() <= 64 * 1024);
        }
    }
}
