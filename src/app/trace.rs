//! What other users did from one address or device, as a text: each user with counts, then the events.
//!
//! What must not live here: asking for them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::app::model::ActivityPane;
use crate::app::model::activity::asking::Trace;
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Activity, Event, Outcome};
use crate::safe;

/// Most events that are listed.
const LISTED: usize = 500;

/// What one user did.
#[derive(Default)]
struct Did {
    ok: usize,
    failed: usize,
    other: usize,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

/// Tells what the SIEM answered; where it could not, what is loaded, and says which.
pub(super) fn told(
    pane: &ActivityPane,
    trace: &Trace,
    result: Result<(Vec<Event>, bool), Fault>,
) -> Safe {
    match result {
        Ok((events, truncated)) => {
            let mut activity = Activity::default();
            activity.merge(events);
            let more = if truncated {
                "; there are more, these are the newest"
            } else {
                ""
            };
            let head = safe!(
                "the SIEM was asked, all users, {} h: {} events{}\n",
                pane.window_hours,
                activity.len(),
                more
            );
            let rows: Vec<usize> = (0..activity.len()).collect();
            Safe::concat([head, table(&activity, &rows)])
        }
        Err(fault) => {
            let value = trace.value();
            let same = |index: &usize| {
                pane.activity.row(*index).is_some_and(|row| match trace {
                    Trace::Address(_) => row.ip() == Some(value),
                    Trace::Device(_) => row.device() == Some(value),
                })
            };
            let rows: Vec<usize> = (0..pane.activity.len()).filter(same).collect();
            let head = safe!(
                "only within what is loaded of this user, {} events; the SIEM could not be asked: {}\n",
                rows.len(),
                fault.what
            );
            Safe::concat([head, table(&pane.activity, &rows)])
        }
    }
}

fn table(activity: &Activity, rows: &[usize]) -> Safe {
    let rows = || rows.iter().filter_map(|index| activity.row(*index));
    let mut users: BTreeMap<Untrusted, Did> = BTreeMap::new();
    for row in rows() {
        let who = row.user().best().cloned().unwrap_or_default();
        let did = users.entry(who).or_default();
        match row.outcome() {
            Outcome::Success => did.ok += 1,
            Outcome::Failure => did.failed += 1,
            Outcome::Unknown => did.other += 1,
        }
        did.first.get_or_insert(row.at());
        did.last = Some(row.at());
    }
    let mut users: Vec<(Untrusted, Did)> = users.into_iter().collect();
    users.sort_by_key(|(_, did)| std::cmp::Reverse(did.ok + did.failed + did.other));
    let mut text = safe!("{} users\n\n", users.len());
    for (user, did) in &users {
        let name = if user.is_empty() {
            "no user named".into()
        } else {
            user.field()
        };
        let time = |at: Option<DateTime<Utc>>| at.map(time_word).unwrap_or_default();
        text.push(&safe!(
            "{}\n    {} ok, {} failed, {} other; {} to {}\n",
            name,
            did.ok,
            did.failed,
            did.other,
            time(did.first),
            time(did.last)
        ));
    }
    text.push(&"\n".into());
    let skipped = rows().count().saturating_sub(LISTED);
    if skipped > 0 {
        text.push(&safe!("{} older events are not listed\n", skipped));
    }
    let field = |text: Option<&Untrusted>| text.map(Untrusted::field).unwrap_or_default();
    for row in rows().skip(skipped) {
        text.push(&safe!(
            "{}  {:<4}  {:<28}  {}  {}\n",
            time_word(row.at()),
            row.outcome().word(),
            row.user().best().map(Untrusted::field).unwrap_or_default(),
            field(row.action()),
            field(row.place())
        ));
    }
    text
}
