//! The sections `[runbook]` and `[escalation]`: folders, the default, the rules that choose; the file of the path.
//!
//! What must not live here: what a rule means for a case (`domain::runbook::choice`), reading the files.

use std::path::PathBuf;

use super::fault::Faults;
use super::secret::parse_path;
use super::section::{Entry, Section};
use super::settings::RunbookSettings;
use crate::domain::mirror::Mirror;
use crate::domain::runbook::choice::{Pattern, Rule};
use crate::safe;

const MOST_FOLDERS: usize = 16;
const MOST_RULES: usize = 200;
const MIRRORS: [(&str, Mirror); 3] = [
    ("off", Mirror::Off),
    ("phases", Mirror::Phases),
    ("steps", Mirror::Steps),
];

/// Reads `[runbook]`; what is left out is what holds without it.
pub(super) fn parse_runbooks(faults: &mut Faults<'_>, section: &Section<'_>) -> RunbookSettings {
    section.refuse_unknown(faults, &["folders", "default", "rule", "mirror"]);
    RunbookSettings {
        folders: section
            .get("folders")
            .map(|entry| parse_folders(faults, &entry))
            .unwrap_or_default(),
        default: section
            .get("default")
            .and_then(|entry| parse_runbook_name(faults, &entry)),
        rules: section
            .get("rule")
            .map(|entry| parse_rules(faults, &entry))
            .unwrap_or_default(),
        mirror: section
            .get("mirror")
            .and_then(|entry| entry.one_of(faults, &MIRRORS))
            .unwrap_or_default(),
    }
}

/// Reads `[escalation]`: the path of the file.
pub(super) fn parse_escalation_file(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
) -> Option<PathBuf> {
    section.refuse_unknown(faults, &["file"]);
    let hint = "file = \"/etc/quell/escalation.toml\"";
    let entry = section.need(faults, "file", hint.into())?;
    parse_path(faults, &entry)
}

fn parse_folders(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Vec<PathBuf> {
    let list = entry.list(faults).unwrap_or_default();
    if list.len() > MOST_FOLDERS {
        entry.fault(faults, safe!("is more than {} folders", MOST_FOLDERS), None);
        return Vec::new();
    }
    list.iter()
        .filter_map(|part| parse_path(faults, part))
        .collect()
}

/// Reads the name of a runbook: its path inside the folders.
fn parse_runbook_name(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = entry.text(faults)?;
    let outside = text.starts_with(['/', '~']) || text.split('/').any(|part| part == "..");
    if outside {
        let hint = "write its path inside the folder: irps/phishing.md";
        entry.fault(
            faults,
            "is not a path inside the folders of runbooks".into(),
            Some(hint.into()),
        );
    }
    (!outside).then(|| text.to_owned())
}

fn parse_rules(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Vec<Rule> {
    let list = entry.list(faults).unwrap_or_default();
    if list.len() > MOST_RULES {
        entry.fault(faults, safe!("is more than {} rules", MOST_RULES), None);
        return Vec::new();
    }
    list.iter()
        .filter_map(|part| {
            let section = part.section(faults)?;
            parse_rule(faults, &section)
        })
        .collect()
}

fn parse_rule(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<Rule> {
    section.refuse_unknown(faults, &["alert_type", "tag", "title", "use"]);
    let path = section
        .need(faults, "use", "use = \"phishing-mail.md\"".into())
        .and_then(|entry| parse_runbook_name(faults, &entry));
    let conditions = ["alert_type", "tag", "title"];
    if conditions.iter().all(|key| section.get(key).is_none()) {
        let what = "says no alert_type, tag or title: it would never hold";
        let hint = "for every other case there is default = \"...\" in [runbook]";
        faults.fault(
            &section.span,
            &section.field,
            what.into(),
            Some(hint.into()),
        );
    }
    let mut patterns = |key| parse_patterns(faults, section, key);
    let (alert_type, tag, title) = (patterns("alert_type"), patterns("tag"), patterns("title"));
    Some(Rule {
        alert_type,
        tag,
        title,
        path: path?,
        line: Some(faults.line(&section.span)),
    })
}

/// Reads one pattern or a list of them.
fn parse_patterns(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    key: &'static str,
) -> Vec<Pattern> {
    let Some(entry) = section.get(key) else {
        return Vec::new();
    };
    let texts = if entry.is_text() {
        entry.text(faults).map(|text| vec![text.to_owned()])
    } else {
        entry.texts(faults)
    };
    let texts = texts.unwrap_or_default();
    texts.iter().map(|text| Pattern::new(text)).collect()
}
