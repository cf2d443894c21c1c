//! Roles and what they look like: themes are flat TOML files, one line a role.
//!
//! A line reads `"severity.critical" = "#ff8080 on #2a0f12 bold"`: a colour, `on` and a background, and any of
//! `bold dim underline reverse`. A role that is left out looks like its parent (`severity.critical`, `severity`,
//! `text`). What must not live here: which role a thing has (panes decide that), reading files.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

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

/// One fault of a theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.as_str())]
pub struct ThemeFault(pub Safe);

/// The look of every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    name: &'static str,
    styles: Vec<Style>,
    ascii: bool,
}

/// Themes that quell brings along: name and text.
pub const BUILTIN: [(&str, &str); 4] = [
    (
        "dark",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/dark.toml")),
    ),
    (
        "light",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/light.toml")),
    ),
    (
        "ansi16",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/ansi16.toml")),
    ),
    (
        "no-color",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/no-color.toml")),
    ),
];

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
        let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == wanted) else {
            return Err(vec![ThemeFault(safe!(
                "no theme is called {}; there are dark, light, ansi16 and no-color",
                Untrusted::new(wanted).field()
            ))]);
        };
        Self::parse(name, text, colors)
    }

    /// Reads a theme; every fault is reported, not only the first.
    ///
    /// # Errors
    /// Lines that are no TOML, unknown roles, words that are no colour and no attribute.
    pub fn parse(name: &'static str, text: &str, colors: Colors) -> Result<Self, Vec<ThemeFault>> {
        let lines: BTreeMap<String, String> = toml::from_str(text).map_err(|cause| {
            vec![ThemeFault(safe!(
                "the theme cannot be read: {}",
                Untrusted::new(cause.message()).line()
            ))]
        })?;
        let mut faults = Vec::new();
        let mut given: BTreeMap<&'static str, Style> = BTreeMap::new();
        for (key, value) in &lines {
            match Role::ALL.iter().find(|role| role.key() == key) {
                None if is_parent(key) => {
                    // A name such as "severity" is no role of its own but may be inherited from.
                }
                None => {
                    faults.push(ThemeFault(safe!(
                        "{} is no role",
                        Untrusted::new(key.as_str()).field()
                    )));
                    continue;
                }
                Some(_) => {}
            }
            match parse_style(value, colors) {
                Ok(style) => {
                    if let Some(key) = known_key(key) {
                        given.insert(key, style);
                    }
                }
                Err(word) => faults.push(ThemeFault(safe!(
                    "{}: {} is no colour and no attribute",
                    Untrusted::new(key.as_str()).field(),
                    word.field()
                ))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
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
            name,
            styles,
            ascii: false,
        })
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
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Gives the look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

fn is_parent(key: &str) -> bool {
    Role::ALL.iter().any(|role| {
        role.key()
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Gives the role's own name, or the part of one before its dot, for a key that was checked.
fn known_key(key: &str) -> Option<&'static str> {
    Role::ALL.iter().find_map(|role| {
        let own = role.key();
        if own == key {
            return Some(own);
        }
        own.split_once('.')
            .map(|(parent, _)| parent)
            .filter(|parent| *parent == key)
    })
}

fn inherited(key: &'static str, given: &BTreeMap<&'static str, Style>) -> Style {
    let parent = key.split_once('.').map(|(parent, _)| parent);
    [Some(key), parent, Some("text")]
        .into_iter()
        .flatten()
        .find_map(|key| given.get(key))
        .copied()
        .unwrap_or_default()
}

fn parse_style(text: &str, colors: Colors) -> Result<Style, Untrusted> {
    let mut style = Style::default();
    let mut background = false;
    for word in text.split_whitespace() {
        match word {
            "on" => {
                background = true;
                continue;
            }
            "bold" => style = style.add_modifier(Modifier::BOLD),
            "dim" => style = style.add_modifier(Modifier::DIM),
            "underline" => style = style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style = style.add_modifier(Modifier::REVERSED),
            "default" => {}
            _ => {
                let color = parse_color(word, colors).ok_or_else(|| Untrusted::new(word))?;
                style = if background {
                    style.bg(color)
                } else {
                    style.fg(color)
                };
            }
        }
        background = false;
    }
    Ok(style)
}

const NAMED: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

fn parse_color(word: &str, colors: Colors) -> Option<Color> {
    if let Some((_, color)) = NAMED.iter().find(|(name, _)| *name == word) {
        return Some(*color);
    }
    let digits = word.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some(match colors {
        Colors::True => Color::Rgb(r, g, b),
        Colors::Indexed => Color::Indexed(nearest_indexed([r, g, b])),
        Colors::Ansi16 => nearest_named([r, g, b]),
    })
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.into_iter()
        .zip(b)
        .map(|(x, y)| u32::from(x.abs_diff(y)).pow(2))
        .sum()
}

/// The six steps of the colour cube of the 256-colour palette (xterm).
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Gives the red, green and blue of a colour of the 256-colour palette, from 16 up.
fn indexed_rgb(index: u8) -> [u8; 3] {
    if index >= 232 {
        let level = 8 + (index - 232) * 10;
        return [level; 3];
    }
    let place = usize::from(index.saturating_sub(16));
    [place / 36, place / 6 % 6, place % 6].map(|step| CUBE[step.min(5)])
}

fn nearest_indexed(rgb: [u8; 3]) -> u8 {
    (16..=255)
        .min_by_key(|index| distance(rgb, indexed_rgb(*index)))
        .unwrap_or(16)
}

fn nearest_named(rgb: [u8; 3]) -> Color {
    const VALUES: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    NAMED
        .iter()
        .zip(VALUES)
        .min_by_key(|(_, value)| distance(rgb, *value))
        .map_or(Color::Reset, |((_, color), _)| *color)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn luminance([r, g, b]: [u8; 3]) -> f64 {
        let part = |value: u8| {
            let c = f64::from(value) / 255.0;
            if c <= 0.03928 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn rgb(color: Option<Color>) -> Option<[u8; 3]> {
        match color? {
            Color::Rgb(r, g, b) => Some([r, g, b]),
            Color::Indexed(index) => Some(indexed_rgb(index)),
            _ => None,
        }
    }

    #[rstest]
    #[case("dark", Colors::True)]
    #[case("dark", Colors::Indexed)]
    #[case("light", Colors::True)]
    #[case("light", Colors::Indexed)]
    fn text_can_be_read_on_its_background(#[case] name: &str, #[case] colors: Colors) {
        let theme = Theme::choose(Some(name), false, colors).unwrap_or_else(|e| panic!("{e:?}"));
        for role in Role::ALL {
            let style = theme.style(*role);
            let (Some(fg), Some(bg)) = (rgb(style.fg), rgb(style.bg)) else {
                panic!("{role:?} of {name} has no colours of its own");
            };
            let (a, b) = (luminance(fg), luminance(bg));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            let least = match role {
                // Rules carry no words; dim text is text.
                Role::Border => 1.5,
                Role::Dim => 3.0,
                _ => 4.5,
            };
            assert!(ratio >= least, "{role:?} of {name}: {ratio:.2} < {least}");
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
    fn all_faults_come_at_once() {
        let text = "nonsense = \"red\"\ndim = \"mauve\"\n\"state.proven\" = \"#12\"\n";
        let faults = Theme::parse("test", text, Colors::True)
            .err()
            .unwrap_or_default();
        assert_eq!(faults.len(), 3, "{faults:?}");
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
        let chosen = Theme::choose(name, no_color, colors).map(|theme| theme.name());
        assert_eq!(chosen, Ok(expected));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(Theme::choose(Some("mauve"), false, Colors::True).is_err());
    }
}
