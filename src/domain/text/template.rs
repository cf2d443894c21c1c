//! Own wording with safe arguments: the macro [`safe!`](crate::safe).
//!
//! What must not live here: anything that takes text from outside.

use std::fmt;
use std::net::IpAddr;

use super::{Safe, escape};

/// What may stand in a `{}` of [`safe!`](crate::safe): safe texts, numbers, and own types with fixed words.
///
/// Never implement it for a type that prints text from outside. An own type whose `Display` writes only
/// words of the source says so with an empty `impl Shown for X {}`.
pub trait Shown: fmt::Display {
    /// Gives the text; `precision` is the number of decimals asked for with `{:.n}`.
    fn shown(&self, precision: Option<usize>) -> Safe {
        let text = match precision {
            Some(decimals) => format!("{self:.decimals$}"),
            None => format!("{self}"),
        };
        escape::own(&text)
    }
}

impl Shown for Safe {
    fn shown(&self, precision: Option<usize>) -> Safe {
        match precision {
            Some(cells) => self.fit(cells),
            None => self.clone(),
        }
    }
}

impl Shown for &'static str {}

impl<T: Shown> Shown for &T {
    fn shown(&self, precision: Option<usize>) -> Safe {
        T::shown(self, precision)
    }
}

macro_rules! shown_by_display {
    ($($type:ty),*) => { $(impl Shown for $type {})* };
}
shown_by_display!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, IpAddr
);

/// Builds safe text from own wording: `safe!("{} of {} sessions", done, all)`.
///
/// Each `{}` takes one argument of a type that is [`Shown`](crate::domain::text::Shown): `Safe`, numbers,
/// `&'static str`, own words. `{:>8}`, `{:<8}`, `{:^8}` fill up to a width measured in cells, `{:02}` fills
/// a number with zeros, `{:.1}` sets decimals (or cuts a `Safe` to that many cells). Escapes inside
/// arguments stay marked as escapes. Captured names (`{name}`) and positions (`{0}`) do not compile,
/// neither does a wrong number of arguments.
#[macro_export]
macro_rules! safe {
    ($template:literal $(, $argument:expr)* $(,)?) => {{
        const _: () = $crate::domain::text::template::check(
            $template,
            <[&str]>::len(&[$(stringify!($argument)),*]),
        );
        $crate::domain::text::template::build(
            $template,
            &[$(&$argument as &dyn $crate::domain::text::Shown),*],
        )
    }};
}

/// Checks a template while compiling; used by [`safe!`](crate::safe) only.
///
/// # Panics
///
/// When the template is wrong, which stops the compiler.
#[doc(hidden)]
pub const fn check(template: &'static str, arguments: usize) {
    let bytes = template.as_bytes();
    let mut at = 0;
    let mut holes = 0;
    while at < bytes.len() {
        let next = if at + 1 < bytes.len() {
            bytes[at + 1]
        } else {
            0
        };
        match bytes[at] {
            b'{' if next == b'{' => at += 1,
            b'}' if next == b'}' => at += 1,
            b'{' => {
                assert!(
                    next == b'}' || next == b':',
                    "safe!: a brace pair takes no name or position; give arguments after the template"
                );
                at += 1;
                while at < bytes.len() && bytes[at] != b'}' {
                    assert!(
                        matches!(bytes[at], b':' | b'<' | b'>' | b'^' | b'.' | b'0'..=b'9'),
                        "safe!: a spec is [<>^][0][width][.precision]"
                    );
                    at += 1;
                }
                assert!(at < bytes.len(), "safe!: an opening brace is not closed");
                holes += 1;
            }
            b'}' => panic!("safe!: a closing brace is not opened; write it twice"),
            byte => assert!(
                byte == b'\n' || (byte >= 0x20 && byte != 0x7F),
                "safe!: a control character in the template"
            ),
        }
        at += 1;
    }
    assert!(
        holes == arguments,
        "safe!: not as many arguments as brace pairs"
    );
}

/// How one argument is filled up.
#[derive(Clone, Copy, Default)]
struct Spec {
    align: Option<char>,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn parse(spec: &str) -> Self {
        let spec = spec.trim_start_matches(':');
        let (spec, precision) = match spec.split_once('.') {
            Some((before, decimals)) => (before, decimals.parse().ok()),
            None => (spec, None),
        };
        let align = spec.chars().next().filter(|c| "<>^".contains(*c));
        let width = spec.trim_start_matches(['<', '>', '^']);
        Self {
            align,
            zeros: width.starts_with('0'),
            width: width.parse().unwrap_or(0),
            precision,
        }
    }

    fn push(self, out: &mut Safe, argument: &dyn Shown) {
        let shown = argument.shown(self.precision);
        let free = self.width.saturating_sub(shown.width());
        let is_number = shown
            .as_str()
            .starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if self.zeros && is_number {
            let text = shown.as_str();
            let (sign, digits) = text
                .strip_prefix('-')
                .map_or(("", text), |digits| ("-", digits));
            out.push_plain(sign);
            out.push_plain(&"0".repeat(free));
            out.push_plain(digits);
            return;
        }
        let left = match self.align {
            Some('>') => free,
            Some('^') => free / 2,
            None if is_number => free,
            _ => 0,
        };
        out.push_plain(&" ".repeat(left));
        out.push(&shown);
        out.push_plain(&" ".repeat(free - left));
    }
}

/// Fills a template; used by [`safe!`](crate::safe) only, which has checked it.
#[doc(hidden)]
pub fn build(template: &'static str, arguments: &[&dyn Shown]) -> Safe {
    let mut out = Safe::default();
    let mut arguments = arguments.iter();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, hole) = rest.split_at(at);
        out.push(&escape::own(before));
        if let Some(after) = hole.strip_prefix("{{") {
            out.push_plain("{");
            rest = after;
        } else if let Some(after) = hole.strip_prefix("}}") {
            out.push_plain("}");
            rest = after;
        } else if let Some((spec, after)) = hole.split_once('}') {
            if let Some(argument) = arguments.next() {
                Spec::parse(spec.trim_start_matches('{')).push(&mut out, *argument);
            }
            rest = after;
        } else {
            rest = "";
        }
    }
    out.push(&escape::own(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::super::Untrusted;
    use super::*;

    #[test]
    fn fills_holes_in_order_and_pads_by_cells() {
        let name = Untrusted::new("漢\u{202E}").field();
        assert_eq!(
            safe!(
                "{}|{:>4}|{:<4}|{:^5}|{:02}|{:.1}|{{}}",
                name,
                7,
                "ab",
                "x",
                5,
                1.25
            )
            .as_str(),
            "漢<U+202E>|   7|ab  |  x  |05|1.2|{}"
        );
        assert_eq!(safe!("{:>12}|", name).as_str(), "  漢<U+202E>|");
        assert_eq!(safe!("{:03}", -5).as_str(), "-05");
    }

    #[test]
    fn escapes_in_arguments_stay_escapes() {
        let name = Untrusted::new("<U+202E>\u{202E}").field();
        let text = safe!("user {} at {}", &name, name);
        let escapes: Vec<_> = text
            .segments()
            .filter(|(is_escape, _)| *is_escape)
            .collect();
        assert_eq!(escapes, [(true, "<U+202E>"), (true, "<U+202E>")]);
        assert_eq!(text.as_str(), "user <U+202E><U+202E> at <U+202E><U+202E>");
    }

    #[test]
    fn own_words_are_not_trusted_with_controls() {
        struct Word;
        impl fmt::Display for Word {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a\x1b[31mb")
            }
        }
        impl Shown for Word {}
        assert_eq!(safe!("{}", Word).as_str(), "a^[[31mb");
    }
}
