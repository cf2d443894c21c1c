//! `quell activity`: exported logs of any vendor as events and findings, without any connection; or the user of a case, from
//! the SIEM.
//!
//! Exit codes: 0 all was read, 2 some records could not be read or a source was not asked, 3 nothing could be read.
//!
//! What must not live here: envelopes and vendors' fields (`connect::logs`), what is odd (`domain::timeline`).

mod bytes;
mod frames;
mod of_case;
pub(super) mod pane;
mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};
use clap::Args;

use super::compose::Place;
use super::{
    Failure, INTERNAL, OK, UNREADABLE, USAGE, broken_pipe, compose, moment, reading, screen,
};
use crate::app::keymap::Keymap;
use crate::app::model::{Exported, Model, OwnLog, Start};
use crate::config::settings::{Mode, Settings};
use crate::connect::logs::{Logs, Source};
use crate::domain::case::RecordFault;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::ConnectionName;
use crate::domain::runbook::choice::Runbooks;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Activity, Row};
use crate::domain::timeline::event::Event;
use crate::domain::timeline::finding::{Context, Detection, Finding, examine};
use crate::safe;
use crate::store::places::Lookup;

/// Most threads that read.
const MOST_THREADS: usize = 8;

/// Names that are told where the one that was asked for is nobody's.
const MOST_ALIKE: usize = 3;

/// Exit code: some records could not be read.
const WARNINGS: u8 = 2;

/// What is read, of whom, and in which form it is told.
#[derive(Debug, Args)]
pub struct Asked {
    /// Exported logs, plain, gzip or zstd; `-` is standard input.
    #[arg(required_unless_present = "case", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The user of this case, asked of the SIEM of the configuration: number, or the vendor's id.
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    case: Option<String>,
    /// Whose records they are; `auto` tells by each record.
    #[arg(long, default_value = "auto", value_parser = source, conflicts_with = "case")]
    from: From,
    /// Only what this user did or what was done to this user: id, login or mail.
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// From this day or time on (UTC).
    #[arg(long, value_name = "T", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Until before this day or time (UTC).
    #[arg(long, value_name = "T", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// One ECS object a line.
    #[arg(long, conflicts_with = "findings")]
    json: bool,
    /// What is odd, one object a line.
    #[arg(long)]
    findings: bool,
    /// One event a line, also on a terminal, where the activity pane opens else.
    #[arg(long, conflicts_with_all = ["json", "findings"])]
    plain: bool,
    /// Local database of places, networks or hiding sources, in MaxMind's format; several times for several.
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    places: Vec<PathBuf>,
}

/// Whose records are read.
#[derive(Clone, Copy, Debug)]
struct From(Option<Source>);

fn source(text: &str) -> Result<From, String> {
    if text == "auto" {
        return Ok(From(None));
    }
    let all = || Source::ALL.map(Source::key).join(", ");
    Source::from_key(text)
        .map(|source| From(Some(source)))
        .ok_or_else(|| format!("not one of auto, {}", all()))
}

/// What was read of all files.
pub(super) struct Read {
    activity: Activity,
    /// Records that could not be read, each with its place.
    faults: Vec<RecordFault>,
    doubles: Vec<RecordFault>,
    records: BTreeMap<Source, usize>,
    /// What of the databases of places could not be read.
    broken: Vec<Fault>,
    /// How many events have no time.
    untimed: usize,
}

/// Reads the logs and shows or prints what was asked for.
///
/// # Errors
/// When no file can be read, or nothing in them is an event, with exit code 3; when the configuration or a database of
/// places cannot be used; when the output cannot be written.
pub fn run(
    asked: &Asked,
    place: &Place,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    if asked
        .since
        .zip(asked.until)
        .is_some_and(|(since, until)| since >= until)
    {
        let what = Fault::new("--since is not before --until: nothing lies between");
        return Err(Failure::one(USAGE, what));
    }
    if let Some(case) = &asked.case {
        return of_case(asked, case, place, out, told);
    }
    let (settings, keymap) = settings(place.config.as_deref())?;
    let shown = !(asked.json || asked.findings || asked.plain) && screen::is_there();
    if shown && let Err(error) = writeln!(told, "reading {}", asked.files_word()) {
        return broken_pipe(&error);
    }
    let mut read = read(asked, &settings)?;
    let nobody = asked.nobody(&read.activity);
    let bad = read.faults.len() + read.broken.len();
    let code = if bad == 0 { OK } else { WARNINGS };
    if shown {
        show(asked, &mut read.activity, settings.clone(), keymap, place)?;
    }
    let printed = if shown {
        Ok(())
    } else if asked.findings {
        let detection = asked.examine(&read.activity, &settings);
        print::findings(&read.activity, &detection, out, told)
    } else {
        // What is odd for one user shows against what all of them do; what is listed is the user's alone.
        read.activity
            .retain(|row| asked.is_of_user(row) && asked.is_in_window(row));
        print::events(&read.activity, asked.json, out)
    };
    let told = printed
        .and_then(|()| out.flush())
        .and_then(|()| print::summary(&read, told))
        .and_then(|()| print::faults(&read.broken, told))
        .and_then(|()| {
            nobody
                .iter()
                .try_for_each(|nobody| writeln!(told, "{nobody}"))
        });
    told.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

/// Prints the activity of the user of a case; what was asked of the SIEM is about that user already.
fn of_case(
    asked: &Asked,
    case: &str,
    place: &Place,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    let wanted = of_case::Wanted {
        case,
        user: asked.user.as_deref(),
        since: asked.since,
        until: asked.until,
    };
    let found = of_case::read(place, &wanted)?;
    let mut activity = Activity::default();
    activity.extend(found.events);
    activity.faults = found.faults;
    let printed = if asked.findings {
        let context = Context {
            subject: found.names.first().cloned(),
            contained_since: None,
        };
        let mut detection = examine(&activity, &found.tuning, &context);
        detection.findings.retain(|finding| {
            let row = activity.row(finding.row);
            row.is_some_and(|row| asked.is_in_window(row))
        });
        print::findings(&activity, &detection, out, told)
    } else {
        activity.retain(|row| asked.is_in_window(row));
        print::events(&activity, asked.json, out)
    };
    let printed = printed.and_then(|()| out.flush()).and_then(|()| {
        print::of_case(&activity, &found.names, found.truncated, told)?;
        reading::tell(&found.warnings, told)
    });
    let well = activity.faults.is_empty() && found.warnings.is_empty() && !found.truncated;
    let code = if well { OK } else { WARNINGS };
    printed.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

/// Gives the settings of a configuration that was asked for; without one, settings without any connection.
fn settings(config: Option<&Path>) -> Result<(Settings, Keymap), Failure> {
    let Some(config) = config else {
        return Ok((Settings::of_files(), Keymap::default()));
    };
    let mut loaded = compose::load(Some(config))?;
    loaded.settings.environment.mode = Mode::ReadOnly;
    loaded.settings.connections.clear();
    Ok((loaded.settings, loaded.keymap))
}

fn read(asked: &Asked, settings: &Settings) -> Result<Read, Failure> {
    let paths: Vec<PathBuf> = if asked.places.is_empty() {
        settings.timeline.places.clone()
    } else {
        asked.places.clone()
    };
    let places = compose::places(&paths)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut lookups: Vec<_> = (0..threads.min(MOST_THREADS))
        .map(|_| places.lookup())
        .collect();
    let mut logs = Logs::default();
    let mut complete: Vec<_> = lookups
        .iter_mut()
        .map(|lookup| |event: &mut Event| lookup.complete(event))
        .collect();
    for path in &asked.files {
        let unpacked = bytes::read(path)?;
        logs.read(unpacked.bytes, asked.from.0, &mut complete);
        if let Some(reason) = &unpacked.broken {
            logs.broken(reason);
        }
        if asked.files.len() > 1 {
            logs.came_from(&path.display().to_string());
        }
    }
    drop(complete);
    let found = logs.settled();
    let (mut activity, faults) = (found.activity, found.faults);
    if activity.is_empty() && !faults.is_empty() {
        let first = faults.first().map_or_else(Safe::default, |fault| {
            safe!("{}: {}", fault.record.field(), fault.reason.line())
        });
        let what = safe!("no event in {} records; the first: {}", faults.len(), first);
        return Err(Failure::one(
            UNREADABLE,
            Fault::new(what).hint("--from names the vendor where it cannot be told"),
        ));
    }
    let mut broken: Vec<Fault> = lookups.iter().flat_map(Lookup::faults).collect();
    // Each thread tells of the same file.
    broken.dedup_by(|one, other| one.what == other.what);
    activity.faults = faults;
    Ok(Read {
        untimed: activity.rows().take_while(Row::untimed).count(),
        faults: activity.faults.clone(),
        activity,
        doubles: found.doubles,
        records: found.records,
        broken,
    })
}

/// Opens the activity pane over what was read, until it is left.
fn show(
    asked: &Asked,
    activity: &mut Activity,
    settings: Settings,
    keymap: Keymap,
    place: &Place,
) -> Result<(), Failure> {
    let found = asked.examine(activity, &settings).findings;
    let mut evidence = vec![false; activity.len()];
    for row in found.iter().flat_map(|finding| &finding.evidence) {
        if let Some(slot) = evidence.get_mut(*row) {
            *slot = true;
        }
    }
    // What a finding rests on stays, also where it is somebody else's or older than the window.
    let places = activity.retain(|row| {
        let asked_for = asked.is_of_user(row) && asked.is_in_window(row);
        asked_for || evidence.get(row.index()) == Some(&true)
    });
    let found: Vec<Finding> = found
        .into_iter()
        .filter_map(|finding| finding.moved(&places))
        .collect();
    let newest = activity.rows().next_back().filter(|row| !row.untimed());
    let ends = newest.map(|row| row.at());
    let now = Moment {
        utc: ends.unwrap_or_default(),
        boot: std::time::Duration::ZERO,
    };
    let mut model = Model::new(Start {
        settings: Arc::new(settings),
        keymap: Arc::new(keymap),
        runbooks: Arc::new(Runbooks::default()),
        escalation: None,
        os_user: Untrusted::default(),
        own_log: OwnLog::default(),
        now,
        size: screen::size(),
    });
    let exported = Exported {
        files: asked.files_word(),
        user: asked.user.clone().map(Untrusted::new),
        ends,
    };
    let activity = std::mem::take(activity);
    let connection = ConnectionName::parse("exported-logs").map_err(|error| {
        let what = Untrusted::new(error.to_string());
        Failure::one(INTERNAL, Fault::new(what.line()))
    })?;
    model.show_exported(exported, connection, activity, found);
    let runtime = compose::runtime()?;
    runtime.block_on(screen::show_exported(model, &place.look))
}

impl Asked {
    fn is_of_user(&self, row: Row<'_>) -> bool {
        let asked = self.user.as_deref().map(Untrusted::new);
        asked.is_none_or(|user| row.user().is_named(&user) || row.target().is_named(&user))
    }

    /// Says that the user who was asked for is in none of the events, and who may be meant.
    fn nobody(&self, activity: &Activity) -> Option<Safe> {
        let user = self.user.as_deref()?;
        if activity.is_empty() || activity.rows().any(|row| self.is_of_user(row)) {
            return None;
        }
        let wanted = user.to_lowercase();
        let is_like = |text: &Untrusted| text.raw().to_lowercase().contains(&wanted);
        let mut alike: BTreeSet<Untrusted> = BTreeSet::new();
        for party in activity.rows().flat_map(|row| [row.user(), row.target()]) {
            let names = [party.name, party.email].into_iter().flatten();
            alike.extend(names.filter(is_like));
            if alike.len() >= MOST_ALIKE {
                break;
            }
        }
        let name = Untrusted::new(user).ident();
        let mut text = safe!("no user {}: in none of the {} events", name, activity.len());
        if !alike.is_empty() {
            let alike = Safe::join(alike.iter().map(Untrusted::ident), &Safe::fixed(", "));
            text.push(&safe!("; the like: {}", alike));
        }
        Some(text)
    }

    /// Tells whether a finding is about the user: by the name it gives, or by the event that decided it.
    fn is_about(&self, finding: &Finding, row: Row<'_>) -> bool {
        let named = finding.user.as_ref().zip(self.user.as_ref());
        named.is_some_and(|(name, user)| name.raw().eq_ignore_ascii_case(user))
            || self.is_of_user(row)
    }

    fn is_in_window(&self, row: Row<'_>) -> bool {
        let bounded = self.since.is_some() || self.until.is_some();
        !(bounded && row.untimed())
            && self.since.is_none_or(|since| row.at() >= since)
            && self.until.is_none_or(|until| row.at() < until)
    }

    /// Finds what is odd in all events; gives what is about the user and decided in the window.
    fn examine(&self, activity: &Activity, settings: &Settings) -> Detection {
        let context = Context {
            subject: self.user.clone().map(Untrusted::new),
            contained_since: None,
        };
        let mut detection = examine(activity, &settings.timeline.tuning, &context);
        detection.findings.retain(|finding| {
            let row = activity.row(finding.row);
            row.is_some_and(|row| self.is_in_window(row) && self.is_about(finding, row))
        });
        detection
    }

    /// Names the files in a few words.
    fn files_word(&self) -> Safe {
        let name = |path: &PathBuf| match path.file_name() {
            Some(name) if path.as_os_str() != "-" => Untrusted::new(name.to_string_lossy()).field(),
            _ => "standard input".into(),
        };
        let named = self.files.iter().take(3).map(name);
        let mut word = Safe::join(named, &Safe::fixed(", "));
        if self.files.len() > 3 {
            word.push(&safe!(" and {} more", self.files.len() - 3));
        }
        word
    }
}
