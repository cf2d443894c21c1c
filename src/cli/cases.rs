//! `quell cases`: the queue line by line, for screen readers and scripts, in the words of the console.
//!
//! Exit codes: 0 all was read, 2 some of it could not be read, 3 nothing could.

use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::compose::{self, Place};
use super::reading::{self, WARNINGS, number};
use super::{Failure, OK};
use crate::app::model::queue::Queue;
use crate::config::settings::{Role, Settings};
use crate::domain::audit::ascii_json;
use crate::domain::case::Case;
use crate::domain::fault::Fault;
use crate::domain::freshness::{age_word, time_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most cases listed.
const CASES_MAX: usize = 10_000;

/// What is listed, and in which form.
#[derive(Debug, Args)]
pub struct Asked {
    /// Closed cases too.
    #[arg(long)]
    all: bool,
    /// One object a line.
    #[arg(long)]
    json: bool,
}

impl Asked {
    /// What is listed where a terminal cannot draw.
    pub fn plain() -> Self {
        Self {
            all: false,
            json: false,
        }
    }
}

/// Lists the cases in the rank of the queue.
///
/// # Errors
/// When the configuration cannot be used or no case system answers, with exit code 3.
pub fn run(
    place: &Place,
    asked: &Asked,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    let loaded = compose::load(place.config.as_deref())?;
    let (settings, made, mut faults) = reading::connections(&loaded, &[Role::Cases])?;
    let (cases, bad, more, heard) = reading::run(async {
        let (mut cases, mut bad, mut more, mut heard) = (Vec::new(), 0, false, 0usize);
        for source in &made.cases {
            match source.list(CASES_MAX).await {
                Ok(page) => {
                    cases.extend(page.items);
                    bad += page.faults.len();
                    more |= page.truncated;
                    heard += 1;
                }
                Err(error) => faults.push(Fault::from(error)),
            }
        }
        (cases, bad, more, heard)
    })?;
    if heard == 0 {
        return Err(reading::nothing(faults, "no case system is configured"));
    }
    let mut queue = Queue::default();
    queue.take(cases);
    let now = compose::now().utc;
    let all = queue.all().iter();
    let chosen: Vec<&Case> = all
        .filter(|case| asked.all || case.status.is_open())
        .collect();
    let printed = chosen.iter().try_for_each(|case| {
        if asked.json {
            writeln!(out, "{}", ascii_json(&object(case, &settings)))
        } else {
            writeln!(out, "{}", line(case, &settings, now))
        }
    });
    let printed = printed.and_then(|()| {
        let what: &'static str = if asked.all { "cases" } else { "open cases" };
        let and_more: &'static str = if more { ", there are more" } else { "" };
        let unread = if bad == 0 {
            Safe::default()
        } else {
            safe!(", {} records could not be read", bad)
        };
        let count = chosen.len();
        writeln!(told, "{count} {what}{and_more}{unread}")?;
        reading::tell(&faults, told)
    });
    let well = faults.is_empty() && bad == 0;
    reading::ended(printed, if well { OK } else { WARNINGS })
}

/// Gives until when somebody should have taken a case.
pub(super) fn deadline(case: &Case, settings: &Settings) -> Option<DateTime<Utc>> {
    let limit = settings.sla.get(case.severity.key())?;
    case.created
        .checked_add_signed(TimeDelta::from_std(*limit).ok()?)
}

/// Gives the owner, or how much time is left to take the case.
pub(super) fn owner(case: &Case, settings: &Settings, now: DateTime<Utc>) -> Safe {
    if let Some(owner) = &case.assignee {
        return safe!("owner {}", owner.field());
    }
    if !case.status.is_open() {
        return "no owner".into();
    }
    let Some(end) = deadline(case, settings) else {
        return "unclaimed".into();
    };
    if let Ok(left) = (end - now).to_std() {
        safe!("unclaimed, ack {}", age_word(left))
    } else {
        let late = (now - end).to_std().unwrap_or_default();
        safe!("unclaimed, LATE {}", age_word(late))
    }
}

fn line(case: &Case, settings: &Settings, now: DateTime<Utc>) -> Safe {
    safe!(
        "{:<9}  {:>6}  {:>4}  {}  {}  {}",
        Safe::fixed(case.severity.word()),
        number(case),
        age_word((now - case.created).to_std().unwrap_or_default()),
        case.status.word(),
        owner(case, settings, now),
        case.title.field()
    )
}

/// Gives a case as an object: times in UTC, texts as they came, escaped to ASCII by the caller.
pub(super) fn object(case: &Case, settings: &Settings) -> Value {
    let texts =
        |all: &[Untrusted]| -> Vec<Value> { all.iter().map(|one| json!(one.raw())).collect() };
    let fields: serde_json::Map<String, Value> = case
        .fields
        .iter()
        .map(|(name, value)| (name.raw().to_owned(), json!(value.raw())))
        .collect();
    json!({
        "@timestamp": time_word(case.created).as_str().replacen(' ', "T", 1),
        "quell": {"case": {
            "id": case.id.raw(),
            "connection": case.id.connection.as_str(),
            "number": case.number,
            "title": case.title.raw(),
            "severity": case.severity.key(),
            "status": case.status.word(),
            "vendor_status": case.vendor_status.raw(),
            "owner": case.assignee.as_ref().map(Untrusted::raw),
            "acknowledge_until": deadline(case, settings)
                .filter(|_| case.assignee.is_none() && case.status.is_open())
                .map(|end| time_word(end).as_str().replacen(' ', "T", 1)),
            "tags": texts(&case.tags),
            "fields": fields,
        }},
    })
}
