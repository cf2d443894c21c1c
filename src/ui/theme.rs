//! Roles and what they look like: themes are flat TOML files, one line a role.
//!
//! A line reads `"severity.critical" = "#ff8080 on #2a0f12 bold"`: a colour, `on` and a background, and any of
//! `bold dim underline reverse`. A role that is left out looks like its parent (`severity.critical`, `severity`,
//! `text`). A file that begins with `inherits = "dark"` changes that theme only where it says so. What must not live
//! here: which role a thing has (panes decide that), reading files.

mod color;
pub mod contrast;
mod file;

use ratatui::style::Style;

use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

use file::Given;

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colors {
    /// The sixteen the terminal names itself.
    Ansi16,
    /// The palette of 256.
    Indexed,
    /// 24 bits.
    True,
}

impl Colors {
    /// Tells how many colours a terminal has from `TERM` and `COLORTERM`.
    pub fn of_term(term: &str, colorterm: &str) -> Self {
        if ["truecolor", "24bit"].contains(&colorterm) || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Indexed
        } else if ["xterm-kitty", "alacritty", "foot", "wezterm"].contains(&term) {
            Self::True
        } else {
            Self::Ansi16
        }
    }
}

macro_rules! roles {
    ($($(#[doc = $doc:literal])* $name:ident = $key:literal),* $(,)?) => {
        /// What a piece of text is, as far as its look goes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Role { $($(#[doc = $doc])* $name),* }

        impl Role {
            /// Lists all roles.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Gives the name used in theme files.
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }
        }
    };
}

roles! {
    /// Ordinary text, and the background of everything.
    Text = "text",
    /// What matters less.
    Dim = "dim",
    /// What matters more.
    Strong = "strong",
    /// Rules between the panes.
    Border = "border",
    /// Title of a pane.
    Title = "title",
    /// Title of the pane that gets the keys.
    TitleFocused = "title.focused",
    /// The row under the cursor, in a pane that does not get the keys.
    Cursor = "cursor",
    /// The row under the cursor, where the keys go.
    CursorFocused = "cursor.focused",
    /// A key to press.
    Key = "key",
    /// What stands for a character that may not be drawn.
    Escape = "escape",
    /// `LIVE`.
    ModeLive = "mode.live",
    /// `DRY RUN`.
    ModeDryRun = "mode.dry_run",
    /// `READ ONLY`.
    ModeReadOnly = "mode.read_only",
    /// `DRILL`.
    ModeDrill = "mode.drill",
    /// A source that is well.
    SourceOk = "source.ok",
    /// A source that has not answered yet.
    SourceWaiting = "source.waiting",
    /// A source whose answers are old.
    SourceStale = "source.stale",
    /// A source that does not answer.
    SourceDead = "source.dead",
    /// Severity critical or fatal.
    SeverityCritical = "severity.critical",
    /// Severity high.
    SeverityHigh = "severity.high",
    /// Severity medium.
    SeverityMedium = "severity.medium",
    /// Severity low.
    SeverityLow = "severity.low",
    /// Severity informational or unknown.
    SeverityInfo = "severity.info",
    /// Proven.
    StateProven = "state.proven",
    /// Refuted, rejected, undone by others.
    StateRefuted = "state.refuted",
    /// Nobody knows.
    StateUnknown = "state.unknown",
    /// On its way.
    StatePending = "state.pending",
    /// An account that may sign in.
    AccountActive = "account.active",
    /// An account that may not.
    AccountDisabled = "account.disabled",
    /// A row that is new or changed.
    Change = "change",
    /// Time is left.
    Deadline = "deadline",
    /// No time is left.
    DeadlineLate = "deadline.late",
    /// Events on the time axis.
    Lane = "lane",
    /// Events that failed.
    LaneFailure = "lane.failure",
    /// What a detector says.
    Finding = "finding",
    /// What we did.
    Own = "own",
    /// A message that is good to know.
    LevelInfo = "level.info",
    /// A message worth a look.
    LevelWarning = "level.warning",
    /// A message that something failed.
    LevelError = "level.error",
    /// A message that somebody must look now.
    LevelAlarm = "level.alarm",
    /// Frame of a dialog.
    DialogBorder = "dialog.border",
    /// Heading of a dialog.
    DialogTitle = "dialog.title",
    /// Text that is being typed.
    Input = "input",
    /// A button.
    Button = "button",
    /// The button with the focus.
    ButtonFocused = "button.focused",
}

impl Role {
    /// Gives the role of a severity.
    pub fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Fatal | Severity::Critical => Self::SeverityCritical,
            Severity::High => Self::SeverityHigh,
            Severity::Medium => Self::SeverityMedium,
            Severity::Low => Self::SeverityLow,
            Severity::Informational | Severity::Unknown => Self::SeverityInfo,
        }
    }
}

/// One fault of a theme, with its file and line where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.as_str())]
pub struct ThemeFault(pub Safe);

/// The look of every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    name: String,
    styles: Vec<Style>,
    ascii: bool,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/", $name, ".toml")))),*]
    };
}

/// Themes that quell brings along: name and text.
pub const BUILTIN: [(&str, &str); 6] = embedded![
    "dark",
    "light",
    "high-contrast",
    "color-blind",
    "ansi16",
    "no-color",
];

/// Gives the text of a theme that quell brings along.
pub fn builtin(name: &str) -> Option<&'static str> {
    let found = BUILTIN.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

impl Theme {
    /// Chooses a theme: `NO_COLOR` wins, then the configured name, then what the terminal can do.
    ///
    /// # Errors
    /// Names the themes there are when the configured one is none of them.
    pub fn choose(
        name: Option<&str>,
        no_color: bool,
        colors: Colors,
    ) -> Result<Self, Vec<ThemeFault>> {
        let wanted = match name {
            _ if no_color => "no-color",
            Some(name) => name,
            None if colors == Colors::Ansi16 => "ansi16",
            None => "dark",
        };
        let Some(text) = builtin(wanted) else {
            let known = BUILTIN.iter().map(|(name, _)| Safe::fixed(name));
            return Err(vec![ThemeFault(safe!(
                "no theme is called {}; there are {}",
                Untrusted::new(wanted).field(),
                Safe::join(known, &Safe::fixed(", "))
            ))]);
        };
        Self::parse(wanted, text, colors)
    }

    /// Reads a theme; every fault is reported, not only the first. `name` stands before the lines of faults.
    ///
    /// # Errors
    /// Lines that are no TOML, unknown roles, words that are no colour and no attribute, a theme to inherit from that
    /// is none of those quell brings along.
    pub fn parse(name: &str, text: &str, colors: Colors) -> Result<Self, Vec<ThemeFault>> {
        let given = file::parse(name, text, colors)?;
        let base = given.get("text").copied().unwrap_or_default();
        let styles = Role::ALL
            .iter()
            .map(|role| {
                let own = inherited(role.key(), &given);
                Style {
                    fg: own.fg.or(base.fg),
                    bg: own.bg.or(base.bg),
                    ..own
                }
            })
            .collect();
        Ok(Self {
            name: name.to_owned(),
            styles,
            ascii: false,
        })
    }

    /// Gives a theme in which everything looks like the terminal's own text.
    pub fn plain() -> Self {
        Self {
            name: "plain".to_owned(),
            styles: vec![Style::default(); Role::ALL.len()],
            ascii: false,
        }
    }

    /// Draws rules and marks with ASCII, for terminals whose locale is not UTF-8.
    #[must_use]
    pub fn with_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// Tells whether only ASCII may be drawn.
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Gives the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

fn inherited(key: &'static str, given: &Given) -> Style {
    let parent = key.split_once('.').map(|(parent, _)| parent);
    [Some(key), parent, Some("text")]
        .into_iter()
        .flatten()
        .find_map(|key| given.get(key))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};
    use rstest::rstest;

    use super::contrast::{least, ratio, rgb};
    use super::*;

    fn theme(name: &str, colors: Colors) -> Theme {
        Theme::choose(Some(name), false, colors).unwrap_or_else(|e| panic!("{e:?}"))
    }

    #[rstest]
    fn text_can_be_read_on_its_background(
        #[values("dark", "light", "high-contrast", "color-blind", "ansi16", "no-color")] name: &str,
        #[values(Colors::True, Colors::Indexed, Colors::Ansi16)] colors: Colors,
    ) {
        // Sixteen colours are the terminal's own; only the theme made for them is used there by itself.
        if colors == Colors::Ansi16 && name != "ansi16" {
            return;
        }
        let theme = theme(name, colors);
        for role in Role::ALL {
            let (found, least) = (ratio(theme.style(*role)), least(*role));
            assert!(found >= least, "{role:?} of {name}: {found:.2} < {least}");
            if name == "high-contrast" && colors == Colors::True && *role != Role::Border {
                assert!(found >= 7.0, "{role:?} of {name}: {found:.2} < 7");
            }
        }
    }

    /// How a colour looks to eyes without one kind of cones (Viénot, Brettel, Mollon 1999), in linear light.
    fn seen([r, g, b]: [u8; 3], without_red: bool) -> [f64; 3] {
        let [r, g, b] = [r, g, b].map(contrast::linear);
        let rows = if without_red {
            [
                [0.11238, 0.88762, 0.0],
                [0.11238, 0.88762, 0.0],
                [0.00401, -0.00401, 1.0],
            ]
        } else {
            [
                [0.29275, 0.70725, 0.0],
                [0.29275, 0.70725, 0.0],
                [-0.02234, 0.02234, 1.0],
            ]
        };
        rows.map(|[x, y, z]| (x * r + y * g + z * b).clamp(0.0, 1.0).powf(1.0 / 2.2))
    }

    #[rstest]
    #[case(Role::StateProven, Role::StateRefuted)]
    #[case(Role::StateProven, Role::StateUnknown)]
    #[case(Role::StateRefuted, Role::StateUnknown)]
    #[case(Role::StatePending, Role::StateRefuted)]
    #[case(Role::SourceOk, Role::SourceDead)]
    #[case(Role::SourceOk, Role::SourceStale)]
    #[case(Role::SeverityCritical, Role::SeverityLow)]
    #[case(Role::SeverityCritical, Role::SeverityMedium)]
    #[case(Role::Own, Role::Finding)]
    #[case(Role::Lane, Role::LaneFailure)]
    fn eyes_without_red_or_green_tell_good_from_bad(#[case] one: Role, #[case] other: Role) {
        let theme = theme("color-blind", Colors::True);
        let color = |role| rgb(theme.style(role).fg).unwrap_or_else(|| panic!("{role:?}"));
        for without_red in [true, false] {
            let (a, b) = (
                seen(color(one), without_red),
                seen(color(other), without_red),
            );
            let far: f64 = a
                .iter()
                .zip(b)
                .map(|(x, y)| (x - y).powi(2))
                .sum::<f64>()
                .sqrt();
            assert!(far > 0.2, "{one:?} and {other:?}: {far:.2}");
        }
    }

    #[test]
    fn every_builtin_theme_reads() {
        for (name, text) in BUILTIN {
            for colors in [Colors::Ansi16, Colors::Indexed, Colors::True] {
                assert!(Theme::parse(name, text, colors).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn no_color_has_no_colour() {
        let theme =
            Theme::choose(Some("dark"), true, Colors::True).unwrap_or_else(|e| panic!("{e:?}"));
        for role in Role::ALL {
            let style = theme.style(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn a_missing_role_inherits() {
        let text = "text = \"#101010 on #f0f0f0\"\nseverity = \"#ff0000 bold\"\n";
        let theme = Theme::parse("test", text, Colors::True).unwrap_or_else(|e| panic!("{e:?}"));
        let style = theme.style(Role::SeverityHigh);
        assert_eq!(style.fg, Some(Color::Rgb(255, 0, 0)));
        assert_eq!(style.bg, Some(Color::Rgb(0xf0, 0xf0, 0xf0)));
        assert!(style.add_modifier.contains(Modifier::BOLD));
        assert_eq!(theme.style(Role::Own), theme.style(Role::Text));
    }

    #[test]
    fn a_theme_changes_another_only_where_it_says_so() {
        let text = "inherits = \"light\"\nkey = \"#123456\"\nstate.proven = \"bold\"\n";
        let (own, light) = (
            Theme::parse("own", text, Colors::True).unwrap_or_else(|e| panic!("{e:?}")),
            theme("light", Colors::True),
        );
        for role in Role::ALL {
            let changed = matches!(role, Role::Key | Role::StateProven);
            assert_eq!(own.style(*role) != light.style(*role), changed, "{role:?}");
        }
        assert_eq!(own.style(Role::Key).bg, light.style(Role::Text).bg);
    }

    #[rstest]
    #[case(None, false, Colors::Ansi16, "ansi16")]
    #[case(None, false, Colors::Indexed, "dark")]
    #[case(None, false, Colors::True, "dark")]
    #[case(Some("light"), false, Colors::True, "light")]
    #[case(Some("light"), true, Colors::True, "no-color")]
    fn the_right_theme_is_chosen(
        #[case] name: Option<&str>,
        #[case] no_color: bool,
        #[case] colors: Colors,
        #[case] expected: &str,
    ) {
        let chosen = Theme::choose(name, no_color, colors);
        let name = chosen.map(|theme| theme.name().to_owned());
        assert_eq!(name, Ok(expected.to_owned()));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(Theme::choose(Some("mauve"), false, Colors::True).is_err());
    }
}
