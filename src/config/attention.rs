//! The section `[attention]`: what an alarm does to the terminal.

use super::fault::Faults;
use super::section::Section;
use super::settings::Attention;

/// Reads `[attention]`; what is left out is on.
pub(super) fn parse_attention(faults: &mut Faults<'_>, section: &Section<'_>) -> Attention {
    section.refuse_unknown(faults, &["bell", "title"]);
    let mut flag = |key| {
        let entry = section.get(key);
        entry.and_then(|entry| entry.flag(faults)).unwrap_or(true)
    };
    Attention {
        bell: flag("bell"),
        title: flag("title"),
    }
}
