//! What a case is told of the watch: once what was seen, once how it ended.
//!
//! What must not live here: posting, and who does (`engine`).

use chrono::{DateTime, Utc};

use super::{Over, RecoveryWatch};
use crate::domain::containment::hold::{account_named, by_this_log, signed};
use crate::domain::containment::note::Anchor;
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::time_word;
use crate::domain::ids::ActionId;
use crate::domain::text::{Untrusted, sink};

/// Things named in a comment.
const NAMED: usize = 8;

impl RecoveryWatch {
    /// Gives the marker of the comment that it is over; each time it was opened anew it has another.
    pub fn over_marker(&self) -> String {
        let marker = over_marker(&self.aid);
        match self.reopened {
            0 => marker,
            times => format!("{marker}-{times}"),
        }
    }
}

/// Gives the marker of the comment that something was seen after an enabling.
pub fn seen_marker(aid: &ActionId) -> String {
    format!("quell:returned-{aid}")
}

/// Gives the marker of the comment that the watch after an enabling is over.
pub fn over_marker(aid: &ActionId) -> String {
    format!("quell:watched-{aid}")
}

/// Tells whether a marker is that of one of these comments.
pub(in crate::domain::containment) fn is_told(marker: &str) -> bool {
    marker.starts_with("quell:returned-") || marker.starts_with("quell:watched-")
}

/// Composes the comment that something was seen after the account was enabled again.
pub fn seen_comment(watch: &RecoveryWatch, standing: &Standing, anchor: &Anchor) -> String {
    let mut lines = vec![
        "**Seen after the account was enabled again**\n".to_owned(),
        account_named(&watch.login, &watch.account),
        String::new(),
    ];
    lines.extend(watch.seen.iter().take(NAMED).map(|one| {
        let source = Untrusted::new(one.source.as_str());
        format!(
            "- {}: {} (seen at {})",
            time_word(one.at),
            sink::markdown(&one.text.line()),
            sink::markdown(&source.field()),
        )
    }));
    if watch.seen.len() > NAMED {
        lines.push(format!("- and {} more", watch.seen.len() - NAMED));
    }
    lines.push(String::new());
    // It may have waited for its case beyond the end.
    let (until, then) = match &watch.over {
        None => (
            watch.until,
            "What comes later is in the summary at the end.".to_owned(),
        ),
        Some(over) => (
            watched_until(watch, over),
            format!("Its watch is over since {}.", time_word(over.at)),
        ),
    };
    lines.push(format!(
        "Enabled {}, watched until {}, owner {}. {then}",
        time_word(watch.since),
        time_word(until),
        sink::markdown(&watch.owner.field()),
    ));
    signed(
        &lines.join("\n"),
        &by_this_log(standing),
        &seen_marker(&watch.aid),
        anchor,
    )
}

/// Composes the comment that the watch is over, at its end or before.
pub fn over_comment(
    watch: &RecoveryWatch,
    over: &Over,
    standing: &Standing,
    anchor: &Anchor,
) -> String {
    let mut lines = vec![
        "**The watch after the recovery is over**\n".to_owned(),
        account_named(&watch.login, &watch.account),
        String::new(),
        format!(
            "Enabled {}, watched until {}: {}.",
            time_word(watch.since),
            time_word(watched_until(watch, over)),
            sink::markdown(&over.text.line()),
        ),
    ];
    lines.extend(watch.seen.iter().map(|one| {
        let text = sink::markdown(&one.text.line());
        format!("- {}: {text}", time_word(one.at))
    }));
    signed(
        &lines.join("\n"),
        &by_this_log(standing),
        &watch.over_marker(),
        anchor,
    )
}

/// Gives until when an account was watched: one that was ended early was not until its end.
fn watched_until(watch: &RecoveryWatch, over: &Over) -> DateTime<Utc> {
    watch.until.min(over.at)
}
