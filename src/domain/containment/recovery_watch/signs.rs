//! What names the attacker in a case: addresses, devices and sessions that the findings rest on and that are not the user's.
//!
//! What must not live here: watching for them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::audit::{AttackSign, SignKind};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Activity, Outcome, Row};
use crate::domain::timeline::finding::{Confidence, Finding};

/// Most signs of one case.
const SIGNS_MAX: usize = 60;

/// Longest value that is kept, in bytes as the log escapes them; an attacker chooses it, and all signs of a case must fit
/// into one record.
const VALUE_MAX: usize = 600;

/// Gives what names the attacker, from the findings that count and the window of the compromise.
///
/// An address counts when a success of the account came from it within the window that decides a finding, and none did
/// before the window: a journey or a new network may be told by the user's own place. Devices and sessions are those of
/// successes within the window from such an address. `names` are those of the account.
pub fn signs<'a>(
    activity: &Activity,
    findings: impl Iterator<Item = &'a Finding>,
    (from, until): (DateTime<Utc>, Option<DateTime<Utc>>),
    names: &[Untrusted],
) -> Vec<AttackSign> {
    let is_success = |row: &Row<'_>| {
        row.outcome() == Outcome::Success
            && !row.untimed()
            && names.iter().any(|name| row.user().is_named(name))
    };
    let is_within = |row: &Row<'_>| row.at() >= from && until.is_none_or(|until| row.at() <= until);
    let before = activity
        .rows()
        .filter(|row| is_success(row) && row.at() < from);
    let own: BTreeSet<AttackSign> = before.flat_map(|row| traces(&row)).collect();
    let deciding = findings
        .filter(|finding| finding.confidence >= Confidence::Medium)
        .filter_map(|finding| activity.row(finding.row));
    let addresses: BTreeSet<AttackSign> = deciding
        .filter(|row| is_success(row) && is_within(row))
        .filter_map(|row| row.ip().and_then(|ip| sign(SignKind::Address, ip)))
        .filter(|sign| !own.contains(sign))
        .collect();
    let mut found = BTreeSet::new();
    for row in activity
        .rows()
        .filter(|row| is_success(row) && is_within(row))
    {
        let address = row.ip().and_then(|ip| sign(SignKind::Address, ip));
        if address.is_some_and(|address| addresses.contains(&address)) {
            found.extend(traces(&row).into_iter().filter(|sign| !own.contains(sign)));
        }
    }
    // Addresses come first in the order of signs: they outlive sessions.
    found.into_iter().take(SIGNS_MAX).collect()
}

fn traces(row: &Row<'_>) -> Vec<AttackSign> {
    let all = [
        (SignKind::Address, row.ip()),
        (SignKind::Device, row.device()),
        (SignKind::Session, row.session()),
    ];
    let all = all.into_iter();
    all.filter_map(|(kind, value)| sign(kind, value?)).collect()
}

/// Makes a sign; a value that names nothing, or is too long, is none.
pub(super) fn sign(kind: SignKind, value: &Untrusted) -> Option<AttackSign> {
    let names = !value.is_empty() && escaped_len(value.raw()) <= VALUE_MAX;
    names.then(|| AttackSign {
        kind,
        value: value.clone(),
    })
}

/// Gives the bytes that a text takes in the log, where all but printable ASCII is written as `\u` and four digits.
fn escaped_len(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => 2,
            ' '..='~' => 1,
            _ => 6 * c.len_utf16(),
        })
        .sum()
}
