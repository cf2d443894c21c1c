//! The text of a configuration file to [`Settings`]: all faults at once, each with its line and a hint.
//!
//! What must not live here: reading the file (`store`), the syntax of chords and the list of themes (`app`, `ui`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::connection::{name_of, parse_connection};
pub use super::fault::Fault;
use super::fault::Faults;
use super::nearest::nearest;
use super::runbook::{parse_escalation_file, parse_runbooks};
use super::section::{Entry, Section};
use super::settings::{
    Connection, Environment, EnvironmentKind, Mode, Policy, Role, Settings, Timeline, Wall,
};
use super::terminal::{TerminalSettings, parse_terminal};
use super::timeline::parse_timeline;
use crate::domain::containment::hold::HoldTimes;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;
use crate::safe;

const SECTIONS: &[&str] = &[
    "environment",
    "connection",
    "sla",
    "policy",
    "keys",
    "theme",
    "terminal",
    "timeline",
    "runbook",
    "escalation",
    "wall",
];
const SEVERITIES: &[&str] = &[
    "informational",
    "low",
    "medium",
    "high",
    "critical",
    "fatal",
];
const MOST_CONNECTIONS: usize = 32;
/// Idle time after which the console is READ ONLY, where the configuration says nothing.
const IDLE_LOCK: Duration = Duration::from_secs(15 * 60);

/// What a good configuration says, and where it says what others have to check.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The settings.
    pub settings: Settings,
    /// What is allowed but not good, in the order of the text.
    pub warnings: Vec<Fault>,
    /// Line of the theme's name, for the fault that there is no such theme.
    pub theme_line: Option<u32>,
}

/// Reads a configuration.
///
/// `file` is the name shown in faults; `known_commands` are the ids that `[keys]` may bind.
///
/// # Errors
/// Every fault of the text in its order, never an empty list.
pub fn parse(text: &str, file: &str, known_commands: &[&str]) -> Result<Parsed, Vec<Fault>> {
    let mut faults = Faults::new(text, file);
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        faults.syntax(&error.span().unwrap_or(0..0), error.message());
    }
    let whole = Section::whole(&table);
    whole.refuse_unknown(&mut faults, SECTIONS);
    let environment = parse_environment(&mut faults, &whole);
    let kind = environment.as_ref().map(|environment| environment.kind);
    let connections = parse_connections(&mut faults, &whole, kind);
    let sla = parse_sla(&mut faults, &whole);
    let policy = parse_policy(&mut faults, &whole);
    let (keys, _) = parse_keys(&mut faults, &whole, known_commands);
    let (theme, ascii) = parse_theme(&mut faults, &whole);
    let (theme, theme_line) = theme.unzip();
    let terminal = section(&mut faults, &whole, "terminal")
        .map_or_else(TerminalSettings::default, |section| {
            parse_terminal(&mut faults, &section)
        });
    let timeline = section(&mut faults, &whole, "timeline")
        .map_or_else(Timeline::default, |section| {
            parse_timeline(&mut faults, &section)
        });
    let runbooks = section(&mut faults, &whole, "runbook")
        .map(|section| parse_runbooks(&mut faults, &section))
        .unwrap_or_default();
    let escalation = section(&mut faults, &whole, "escalation")
        .and_then(|section| parse_escalation_file(&mut faults, &section));
    let wall = section(&mut faults, &whole, "wall").map_or_else(Wall::default, |section| {
        super::wall::parse_wall(&mut faults, &section)
    });
    let nowhere = whole.span.clone();
    let warnings = faults.finish()?;
    // Every `None` above comes with a fault, unless the text was too broken to tell what is missing.
    let Some(environment) = environment else {
        let mut unknown = Faults::new(text, file);
        unknown.syntax(&nowhere, "the section environment could not be read");
        return Err(unknown.finish().err().unwrap_or_default());
    };
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    let settings = Settings {
        environment,
        connections,
        sla,
        policy,
        keys,
        theme,
        terminal,
        ascii,
        timeline,
        runbooks,
        wall,
        escalation,
        sha256,
    };
    Ok(Parsed {
        settings,
        warnings,
        theme_line,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Gives a section that may be left out; a wrong one is noted and counts as left out.
fn section<'a>(
    faults: &mut Faults<'_>,
    whole: &Section<'a>,
    key: &'static str,
) -> Option<Section<'a>> {
    whole.get(key)?.section(faults)
}

fn parse_environment(faults: &mut Faults<'_>, whole: &Section<'_>) -> Option<Environment> {
    let hint = "[environment] with name = \"acme-prod\" and kind = \"production\"";
    let section = whole
        .need(faults, "environment", hint.into())?
        .section(faults)?;
    section.refuse_unknown(faults, &["name", "kind", "mode", "idle_lock"]);
    let name = section
        .need(
            faults,
            "name",
            "name = \"acme-prod\": it stands in the status line".into(),
        )
        .and_then(|entry| parse_plain_name(faults, &entry, 32));
    let kinds = [
        ("production", EnvironmentKind::Production),
        ("drill", EnvironmentKind::Drill),
    ];
    let kind = section
        .need(
            faults,
            "kind",
            "kind = \"production\" or kind = \"drill\"".into(),
        )
        .and_then(|entry| entry.one_of(faults, &kinds));
    let modes = [
        ("dry_run", Mode::DryRun),
        ("live", Mode::Live),
        ("read_only", Mode::ReadOnly),
    ];
    let mode = section
        .get("mode")
        .map(|entry| entry.one_of(faults, &modes));
    let range = Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
    let idle_lock = section
        .get("idle_lock")
        .map(|entry| entry.duration(faults, &range));
    Some(Environment {
        name: name?,
        kind: kind?,
        mode: mode.unwrap_or(Some(Mode::default()))?,
        idle_lock: idle_lock.unwrap_or(Some(IDLE_LOCK))?,
    })
}

/// Reads a name of ASCII letters, digits, `-`, `_`, `.`.
fn parse_plain_name(faults: &mut Faults<'_>, entry: &Entry<'_>, longest: usize) -> Option<String> {
    let name = entry.text(faults)?;
    let fits = name.len() <= longest
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !fits {
        let what = safe!(
            "is not 1 to {} characters out of A-Z a-z 0-9 . _ -",
            longest
        );
        entry.fault(faults, what, None);
    }
    fits.then(|| name.to_owned())
}

fn parse_connections(
    faults: &mut Faults<'_>,
    whole: &Section<'_>,
    kind: Option<EnvironmentKind>,
) -> Vec<Connection> {
    let hint = "one [[connection]] for each system; quell init writes a sample";
    let Some(entry) = whole.need(faults, "connection", hint.into()) else {
        return Vec::new();
    };
    let Some(list) = entry.list(faults) else {
        return Vec::new();
    };
    if list.len() > MOST_CONNECTIONS {
        entry.fault(
            faults,
            safe!("is more than {} connections", MOST_CONNECTIONS),
            None,
        );
        return Vec::new();
    }
    let mut connections: Vec<Connection> = Vec::new();
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for (at, part) in list.iter().enumerate() {
        let Some(mut section) = part.section(faults) else {
            continue;
        };
        section.field = name_of(&section, at + 1);
        refuse_second(faults, &section, &mut names);
        connections.extend(parse_connection(faults, &section, kind));
    }
    let complete = connections.len() == list.len();
    if complete
        && !connections
            .iter()
            .any(|connection| connection.roles.contains(&Role::Cases))
    {
        let what = "none has the role cases: the queue stays empty";
        faults.warn(&entry.span, &entry.field, what.into(), None);
    }
    connections
}

fn refuse_second(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    names: &mut BTreeMap<String, u32>,
) {
    let Some(entry) = section.get("name") else {
        return;
    };
    // A name that is no text is noted where the connection is read.
    if !entry.is_text() {
        return;
    }
    let mut unheard = Faults::new("", "");
    let Some(Ok(name)) = entry.text(&mut unheard).map(ConnectionName::parse) else {
        return;
    };
    let line = faults.line(&entry.span);
    if let Some(first) = names.get(name.as_str()) {
        let what = safe!("is the name of the connection in line {} already", *first);
        entry.fault(
            faults,
            what,
            Some("give each connection its own name".into()),
        );
    } else {
        names.insert(name.as_str().to_owned(), line);
    }
}

fn parse_sla(faults: &mut Faults<'_>, whole: &Section<'_>) -> BTreeMap<String, Duration> {
    let Some(section) = section(faults, whole, "sla") else {
        return BTreeMap::new();
    };
    section.refuse_unknown(faults, SEVERITIES);
    let range = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
    SEVERITIES
        .iter()
        .filter_map(|key| {
            Some((
                (*key).to_owned(),
                section.get(key)?.duration(faults, &range)?,
            ))
        })
        .collect()
}

fn parse_policy(faults: &mut Faults<'_>, whole: &Section<'_>) -> Policy {
    let Some(section) = section(faults, whole, "policy") else {
        return Policy::default();
    };
    section.refuse_unknown(
        faults,
        &[
            "protected",
            "protected_groups",
            "own",
            "hold",
            "hold_reminder",
            "recovery_watch",
        ],
    );
    let hold = parse_hold(faults, &section);
    let mut texts = |key| {
        section
            .get(key)
            .and_then(|entry| entry.texts(faults))
            .unwrap_or_default()
    };
    Policy {
        protected: texts("protected"),
        protected_groups: texts("protected_groups"),
        own: texts("own"),
        hold,
        ..Policy::default()
    }
}

/// Reads how long a containment holds; the reminder must come before the end.
fn parse_hold(faults: &mut Faults<'_>, section: &Section<'_>) -> HoldTimes {
    let mut hold = HoldTimes::default();
    let range = Duration::from_secs(600)..=Duration::from_secs(90 * 86_400);
    if let Some(length) = section
        .get("hold")
        .and_then(|entry| entry.duration(faults, &range))
    {
        hold.length = length;
        hold.reminder = hold.reminder.min(length / 2);
    }
    if let Some(entry) = section.get("recovery_watch") {
        hold.recovery = parse_recovery(faults, &entry).unwrap_or(hold.recovery);
    }
    let Some(entry) = section.get("hold_reminder") else {
        return hold;
    };
    let range = Duration::from_secs(60)..=Duration::from_secs(90 * 86_400);
    match entry.duration(faults, &range) {
        Some(reminder) if reminder < hold.length => hold.reminder = reminder,
        Some(_) => {
            let hint = "hold = \"24h\" with hold_reminder = \"30m\"";
            entry.fault(faults, "is not shorter than hold".into(), Some(hint.into()));
        }
        None => {}
    }
    hold
}

/// Reads how long an account is watched once it is enabled again; nothing is no watch.
fn parse_recovery(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Duration> {
    let range = Duration::ZERO..=Duration::from_secs(90 * 86_400);
    let length = entry.duration(faults, &range)?;
    if length.is_zero() || length >= Duration::from_secs(600) {
        return Some(length);
    }
    let hint = "write 0h for no watch, else 10m or longer: recovery_watch = \"72h\"";
    entry.fault(faults, "is shorter than 10m".into(), Some(hint.into()));
    None
}

/// The keys of each command in `[keys]`, and its line, for faults of its chords.
pub type Keys = (BTreeMap<String, Vec<String>>, BTreeMap<String, u32>);

/// Reads `[keys]` alone, whatever else is wrong with the text: its chords are judged beside the other faults.
pub fn keys_of(text: &str, known_commands: &[&str]) -> Keys {
    // What is wrong here, `parse` says.
    let mut unheard = Faults::new(text, "");
    let (table, _) = DeTable::parse_recoverable(text);
    parse_keys(&mut unheard, &Section::whole(&table), known_commands)
}

fn parse_keys(faults: &mut Faults<'_>, whole: &Section<'_>, known: &[&str]) -> Keys {
    let (mut keys, mut lines) = Keys::default();
    let Some(section) = section(faults, whole, "keys") else {
        return (keys, lines);
    };
    for (command, span, entry) in section.entries() {
        if !known.contains(&command) {
            let near = nearest(command, known);
            let hint = near.map_or_else(
                || "quell keys prints the commands".into(),
                |name| safe!("did you mean {}?", Untrusted::new(name).ident()),
            );
            faults.fault(&span, &entry.field, "is not a command".into(), Some(hint));
            continue;
        }
        let chords = if entry.is_text() {
            entry.text(faults).map(|chord| vec![chord.to_owned()])
        } else {
            entry.texts(faults)
        };
        if let Some(chords) = chords {
            keys.insert(command.to_owned(), chords);
            lines.insert(command.to_owned(), faults.line(&span));
        }
    }
    (keys, lines)
}

/// Reads which theme, with its line, and whether only ASCII is drawn.
fn parse_theme(faults: &mut Faults<'_>, whole: &Section<'_>) -> (Option<(String, u32)>, bool) {
    let Some(section) = section(faults, whole, "theme") else {
        return (None, false);
    };
    section.refuse_unknown(faults, &["name", "file", "ascii"]);
    let ascii = section
        .get("ascii")
        .and_then(|entry| entry.flag(faults))
        .unwrap_or_default();
    if let Some(entry) = section.get("file") {
        if section.get("name").is_some() {
            entry.fault(faults, "stands beside name: one of them".into(), None);
        }
        let path = entry.text(faults).filter(|path| {
            let absolute = path.starts_with('/');
            if !absolute {
                entry.fault(faults, "is not an absolute path".into(), None);
            }
            absolute
        });
        let line = faults.line(&entry.span);
        return (path.map(|path| (path.to_owned(), line)), ascii);
    }
    let named = section.get("name").and_then(|entry| {
        let name = parse_plain_name(faults, &entry, 64)?;
        Some((name, faults.line(&entry.span)))
    });
    (named, ascii)
}

#[cfg(test)]
mod tests;
