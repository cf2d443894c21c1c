//! What a terminal can do, told from its environment: nothing of this is asked.
//!
//! Pure: the values of the variables are arguments. What must not live here: what a terminal says itself (`input`).

/// What may be written beyond letters, places and styles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Erasing fills with the background colour (`bce`), so blanks need not be written (ECH, EL).
    pub erase: bool,
    /// The last letter can be repeated (REP).
    pub repeat: bool,
    /// It can be asked for a mode (DECRQM): others print a part of the question.
    pub asked: bool,
}

impl Features {
    /// Tells what a terminal can do from `TERM`, as its terminfo entry claims (ncurses' `terminfo.src`).
    pub fn of_term(term: &str) -> Self {
        let starts = |names: &[&str]| names.iter().any(|name| term.starts_with(name));
        Self {
            erase: starts(&[
                "xterm",
                "tmux",
                "foot",
                "alacritty",
                "rxvt",
                "linux",
                "wezterm",
            ]),
            repeat: starts(&["xterm", "foot", "alacritty", "wezterm"]),
            asked: starts(&["xterm", "tmux", "foot", "alacritty", "wezterm", "contour"]),
        }
    }
}

/// Tells whether a terminal can draw frames at all; `dumb` ones cannot.
pub fn can_draw(term: &str) -> bool {
    !term.is_empty() && term != "dumb"
}

/// Tells whether the locale is UTF-8: the first of the three variables that is set and not empty decides (POSIX).
pub fn is_utf8(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> bool {
    [lc_all, lc_ctype, lang]
        .into_iter()
        .flatten()
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("xterm-256color", true, true, true)]
    #[case("tmux-256color", true, false, true)]
    #[case("linux", true, false, false)]
    #[case("screen", false, false, false)]
    #[case("vt220", false, false, false)]
    #[case("", false, false, false)]
    fn known_terminals(
        #[case] term: &str,
        #[case] erase: bool,
        #[case] repeat: bool,
        #[case] asked: bool,
    ) {
        let expected = Features {
            erase,
            repeat,
            asked,
        };
        assert_eq!(Features::of_term(term), expected);
    }

    #[rstest]
    #[case(None, None, Some("en_GB.UTF-8"), true)]
    #[case(Some("C"), None, Some("en_GB.UTF-8"), false)]
    #[case(Some(""), Some("C.utf8"), None, true)]
    #[case(None, None, None, false)]
    fn locales(
        #[case] all: Option<&str>,
        #[case] ctype: Option<&str>,
        #[case] lang: Option<&str>,
        #[case] expected: bool,
    ) {
        assert_eq!(is_utf8(all, ctype, lang), expected);
    }

    #[rstest]
    #[case("dumb", false)]
    #[case("", false)]
    #[case("xterm", true)]
    fn dumb_terminals(#[case] term: &str, #[case] expected: bool) {
        assert_eq!(can_draw(term), expected);
    }
}
