//! The section of the terminal: what is written beyond drawing.

use super::fault::Faults;
use super::section::Section;

/// What may be written to the terminal beyond frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSettings {
    /// Whether the copy key may write the terminal's clipboard (OSC 52).
    pub copy: bool,
    /// Whether the bell may ring.
    pub bell: bool,
    /// Whether the window's title may be set.
    pub title: bool,
}

impl Default for TerminalSettings {
    fn default() -> Self {
        Self {
            copy: false,
            bell: true,
            title: true,
        }
    }
}

/// Reads the section; what is left out or wrong keeps its default.
pub(super) fn parse_terminal(faults: &mut Faults<'_>, section: &Section<'_>) -> TerminalSettings {
    section.refuse_unknown(faults, &["copy", "bell", "title"]);
    let mut settings = TerminalSettings::default();
    for (key, value) in [
        ("copy", &mut settings.copy),
        ("bell", &mut settings.bell),
        ("title", &mut settings.title),
    ] {
        if let Some(said) = section.get(key).and_then(|entry| entry.flag(faults)) {
            *value = said;
        }
    }
    settings
}
