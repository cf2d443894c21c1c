//! What the doctor finds at a connection: whether it answers, its clock, the token and its rights, its newest events
//! and its detection rules.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::{Check, Verdict, check, failed};
use crate::config::settings::{Connection, Mode, Settings, Vendor};
use crate::connect::capability::{
    ActivitySource, Cases, ConnectError, ConnectErrorKind, Examined, LastSeen, Right, RuleSeen,
};
use crate::connect::registry::Connections;
use crate::domain::freshness::{Moment, age_word, time_word};
use crate::domain::ids::ConnectionName;
use crate::domain::mirror::Mirror;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Clock difference in seconds from which comparing times with a provider's becomes doubtful.
const CLOCK_WARNING: i64 = 5;
/// Clock difference in seconds that makes ends, approvals and windows of time wrong.
const CLOCK_FAULT: i64 = 300;

/// Age of the newest alert from which one asks whether the detections are alive.
const ALERTS_OLD: Duration = Duration::from_secs(7 * 86_400);

/// What the right to tasks is needed for, in the words of the case system's connection.
const TASKS: &str = "make and set tasks";

/// What was found at one connection.
pub(super) struct Found {
    /// Which.
    pub name: ConnectionName,
    /// The lines about it.
    pub checks: Vec<Check>,
    /// Why its token cannot be used, if so.
    pub refused: Option<Safe>,
    /// Why nobody can tell whether its token can be used, if so.
    pub unknown: Option<Safe>,
    /// The rights of the token, as far as they are told.
    pub rights: Vec<Right>,
}

/// Examines every connection that was made.
pub(super) async fn all(
    connections: &Connections,
    settings: &Settings,
    start: (Moment, Instant),
) -> Vec<Found> {
    let each = connections.examined.iter().map(|one| {
        let of = settings
            .connections
            .iter()
            .find(|known| known.name == *one.connection());
        examine(one.as_ref(), of, settings, start)
    });
    futures::future::join_all(each).await
}

async fn examine(
    source: &dyn Examined,
    settings: Option<&Connection>,
    console: &Settings,
    start: (Moment, Instant),
) -> Found {
    let is_case_system = settings.is_some_and(|one| one.vendor == Vendor::Thehive);
    let needed = |rights: Vec<Right>| {
        if is_case_system {
            needed_here(rights, console.runbooks.mirror, console.environment.mode)
        } else {
            rights
        }
    };
    let name = source.connection().clone();
    let mut found = Found {
        name: name.clone(),
        checks: Vec::new(),
        refused: None,
        unknown: None,
        rights: Vec::new(),
    };
    let asked = Instant::now();
    let token = source.token().await;
    found.checks.push(reachable(&name, source, &token));
    found.checks.push(clock(&name, source, asked, start));
    match token {
        Err(error) => {
            match error.kind {
                ConnectErrorKind::Denied | ConnectErrorKind::Rejected => {
                    found.refused = Some(safe!("the token is of no use: {}", error.what));
                }
                ConnectErrorKind::NotSent => found.refused = Some(error.what.clone()),
                // What was asked too often, elsewhere or in vain is no word on the token.
                ConnectErrorKind::Throttled(_)
                | ConnectErrorKind::Unknown
                | ConnectErrorKind::Malformed
                | ConnectErrorKind::NotFound => found.unknown = Some(error.what.clone()),
            }
            found.checks.push(failed(safe!("{}: token", name), error));
            // A token may be refused because one of its rights is: which one is told all the same.
            found.rights = needed(source.rights().await.unwrap_or_default());
            let rights = found.rights.iter().map(|right| of_right(&name, right));
            found.checks.extend(rights);
            return found;
        }
        Ok(words) => {
            let is_shared = words.as_str().contains("shared by several people");
            let verdict = if is_shared {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            found
                .checks
                .push(check(safe!("{}: token", name), verdict, words));
            found.checks.push(check(
                safe!("{}: token expiry", name),
                Verdict::NotKnown,
                "the vendor does not tell it by this interface",
            ));
        }
    }
    match source.rights().await {
        Ok(rights) => found.rights = needed(rights),
        Err(error) => {
            let mut none = check(
                safe!("{}: permissions", name),
                Verdict::NotKnown,
                safe!("not known: {}", error.what),
            );
            none.hint = error.hint;
            found.checks.push(none);
        }
    }
    found
        .checks
        .extend(found.rights.iter().map(|right| of_right(&name, right)));
    let Some(settings) = settings else {
        return found;
    };
    match source.last_seen().await {
        Ok(all) => {
            let now = start.0.utc + TimeDelta::from_std(start.1.elapsed()).unwrap_or_default();
            let silent = settings.silent;
            found
                .checks
                .extend(all.iter().map(|seen| alive(&name, seen, now, silent)));
        }
        Err(error) => found
            .checks
            .push(failed(safe!("{}: newest event", name), error)),
    }
    match source.rules(&settings.rules).await {
        Ok(rules) => found
            .checks
            .extend(rules.iter().map(|rule| of_rule(&name, rule))),
        Err(error) => found.checks.push(failed(safe!("{}: rules", name), error)),
    }
    found
}

fn reachable(
    name: &ConnectionName,
    source: &dyn Examined,
    token: &Result<Safe, ConnectError>,
) -> Check {
    let what = safe!("{}: reachable", name);
    let status = token.as_ref().err().map(|error| error.status);
    match (token, status.flatten()) {
        (Err(error), None) if source.server_clock().is_none() => Check {
            what,
            verdict: Verdict::Fault,
            found: error.what.clone(),
            hint: error.hint.clone(),
        },
        (_, Some(status)) => check(what, Verdict::Ok, safe!("it answers, with {}", status)),
        _ => check(what, Verdict::Ok, "it answers"),
    }
}

fn clock(
    name: &ConnectionName,
    source: &dyn Examined,
    asked: Instant,
    (now, started): (Moment, Instant),
) -> Check {
    let what = safe!("{}: clock", name);
    let Some((theirs, read)) = source.server_clock() else {
        return check(what, Verdict::NotKnown, "it has sent no date");
    };
    let ours =
        now.utc + TimeDelta::from_std(read.saturating_duration_since(started)).unwrap_or_default();
    // Dates have whole seconds: half of one is the best guess at the rest.
    let difference = theirs + TimeDelta::milliseconds(500) - ours;
    clock_line(what, difference, read.saturating_duration_since(asked))
}

/// Judges what a date is ahead of our clock when it came, of an answer that took so long: it was written at any time of that.
fn clock_line(what: Safe, difference: TimeDelta, took: Duration) -> Check {
    let least = difference.num_seconds();
    let most = if took < Duration::from_secs(1) {
        least
    } else {
        (difference + TimeDelta::from_std(took).unwrap_or_default()).num_seconds()
    };
    // Only what it differs by in any case is held against it.
    let certain = least.max(0) - most.min(0);
    let verdict = match certain {
        seconds if seconds <= CLOCK_WARNING => Verdict::Ok,
        seconds if seconds <= CLOCK_FAULT => Verdict::Warning,
        _ => Verdict::Fault,
    };
    let by = if least == most {
        safe!("differs by {} s", least)
    } else {
        safe!(
            "differs by {} s to {} s, for the answer took {} s",
            least,
            most,
            took.as_secs()
        )
    };
    let limits = safe!(
        "{}; limits: {} s doubtful, {} s wrong",
        by,
        CLOCK_WARNING,
        CLOCK_FAULT
    );
    let mut line = check(what, verdict, limits);
    if verdict != Verdict::Ok {
        line.hint = Some("look at the time service of this host first".into());
    }
    line
}

/// Gives the rights at a case system as this configuration needs them: those to tasks are for the mirror alone, and READ
/// ONLY misses none, because it writes nothing. What it has is not called too much there: the same key serves LIVE.
fn needed_here(rights: Vec<Right>, mirror: Mirror, mode: Mode) -> Vec<Right> {
    let as_needed = rights.into_iter().map(|mut right| {
        if right.needed_for == Some(TASKS) && mirror == Mirror::Off {
            right.needed_for = None;
        }
        right
    });
    as_needed
        .filter(|right| {
            let is_needed = right.needed_for.is_some() && mode != Mode::ReadOnly;
            is_needed || right.granted == Some(true)
        })
        .collect()
}

fn of_right(name: &ConnectionName, right: &Right) -> Check {
    let Some(needed_for) = right.needed_for else {
        let mut more = check(
            safe!("{}: beyond need", name),
            Verdict::Warning,
            safe!("{} is granted, nothing here needs it", right.name),
        );
        more.hint = Some("a token that may less can be abused less".into());
        return more;
    };
    let what = safe!("{}: may {}", name, needed_for);
    match right.granted {
        Some(true) => check(what, Verdict::Ok, safe!("granted: {}", right.name)),
        Some(false) => check(what, Verdict::Fault, safe!("missing: {}", right.name)),
        None => check(what, Verdict::NotKnown, safe!("not known: {}", right.name)),
    }
}

fn alive(
    name: &ConnectionName,
    seen: &LastSeen,
    now: chrono::DateTime<chrono::Utc>,
    silent: Duration,
) -> Check {
    let what = safe!("{}: newest event of {}", name, seen.source.field());
    let Some(at) = seen.at else {
        return check(what, Verdict::Warning, "none: the source is silent");
    };
    let age = (now - at).to_std().unwrap_or_default();
    if age > silent {
        let found = safe!(
            "{} ago, at {}: the source is silent",
            age_word(age),
            time_word(at)
        );
        return check(what, Verdict::Warning, found);
    }
    check(what, Verdict::Ok, safe!("{} ago", age_word(age)))
}

fn of_rule(name: &ConnectionName, rule: &RuleSeen) -> Check {
    let what = safe!(
        "{}: rule {}",
        name,
        Untrusted::new(rule.name.as_str()).field()
    );
    let last = match rule.last_alert {
        Some(at) => safe!("last alert {}", time_word(at)),
        None => "no alert of it".into(),
    };
    match rule.enabled {
        Some(true) => check(what, Verdict::Ok, safe!("enabled, {}", last)),
        Some(false) => check(what, Verdict::Fault, safe!("disabled, {}", last)),
        None => check(
            what,
            Verdict::NotKnown,
            safe!("{}; not known whether enabled", last),
        ),
    }
}

/// Says whether cases can be read.
pub(super) async fn read_cases(source: &Arc<dyn Cases>) -> Check {
    let what = safe!("{}: read cases", source.connection());
    match source.list(1).await {
        Ok(page) if page.faults.is_empty() => check(what, Verdict::Ok, "they can be read"),
        Ok(page) => check(
            what,
            Verdict::Warning,
            safe!("{} records could not be read", page.faults.len()),
        ),
        Err(error) => failed(what, error),
    }
}

/// Says whether approvals can work here: whether the case system tells one person from another.
pub(super) async fn second_person(source: &Arc<dyn Cases>, settings: &Settings) -> Check {
    let what = safe!("{}: second person", source.connection());
    let wanted = !settings.policy.approval.is_empty();
    match crate::engine::person(source.as_ref()).await {
        Ok(me) if wanted => check(
            what,
            Verdict::Ok,
            safe!("can be asked; you ask as {}", me.login.field()),
        ),
        Ok(me) => check(
            what,
            Verdict::Ok,
            safe!(
                "never needed by the policy; you would answer as {}",
                me.login.field()
            ),
        ),
        Err(reason) => {
            let verdict = if wanted {
                Verdict::Fault
            } else {
                Verdict::Warning
            };
            let mut none = check(what, verdict, safe!("cannot be asked: {}", reason));
            none.hint = Some("each person needs a key of their own at the case system".into());
            none
        }
    }
}

/// Says how old the newest open alert is.
pub(super) async fn alerts(source: &Arc<dyn ActivitySource>, now: Moment) -> Check {
    let what = safe!("{}: detections", source.connection());
    match source.alerts(1).await {
        Err(error) => failed(what, error),
        Ok(page) => match page.items.first() {
            None => check(
                what,
                Verdict::Warning,
                "no open alert: whether rules run is not known",
            ),
            Some(alert) => {
                let age = (now.utc - alert.at).to_std().unwrap_or_default();
                let verdict = if age > ALERTS_OLD {
                    Verdict::Warning
                } else {
                    Verdict::Ok
                };
                check(
                    what,
                    verdict,
                    safe!("newest open alert {} ago", age_word(age)),
                )
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn right(needed_for: &'static str, granted: Option<bool>) -> Right {
        Right {
            name: "manageIt".into(),
            needed_for: Some(needed_for),
            is_exact: false,
            kinds: Vec::new(),
            granted,
        }
    }

    #[rstest]
    #[case::alike(300, 100, "differs by 0 s; limits: ", Verdict::Ok)]
    #[case::doubtful(-7_000, 100, "differs by -7 s; limits: ", Verdict::Warning)]
    #[case::wrong(301_500, 100, "differs by 301 s; limits: ", Verdict::Fault)]
    #[case::slow(-5_800, 6_200, "differs by -5 s to 0 s, for the answer took 6 s; ", Verdict::Ok)]
    #[case::slow_and_behind(
        -16_000,
        6_000,
        "differs by -16 s to -10 s, for the answer took 6 s; ",
        Verdict::Warning
    )]
    #[case::slow_and_ahead(
        400_000,
        6_000,
        "differs by 400 s to 406 s, for the answer took 6 s; ",
        Verdict::Fault
    )]
    fn a_clock_is_judged_by_what_it_differs_by_however_long_the_answer_took(
        #[case] milliseconds: i64,
        #[case] took: u64,
        #[case] says: &str,
        #[case] verdict: Verdict,
    ) {
        let difference = TimeDelta::milliseconds(milliseconds);
        let line = clock_line(
            "okta: clock".into(),
            difference,
            Duration::from_millis(took),
        );
        assert!(line.found.as_str().starts_with(says), "{line:?}");
        assert_eq!(line.verdict, verdict);
    }

    #[rstest]
    #[case::merge_missing(
        "merge cases",
        Some(false),
        Mirror::Off,
        Mode::Live,
        Some(Verdict::Fault)
    )]
    #[case::merge_missing_in_dry_run(
        "merge cases",
        Some(false),
        Mirror::Off,
        Mode::DryRun,
        Some(Verdict::Fault)
    )]
    #[case::merge_missing_read_only("merge cases", Some(false), Mirror::Off, Mode::ReadOnly, None)]
    #[case::merge_read_only(
        "merge cases",
        Some(true),
        Mirror::Off,
        Mode::ReadOnly,
        Some(Verdict::Ok)
    )]
    #[case::merge_not_known("merge cases", None, Mirror::Off, Mode::Live, Some(Verdict::NotKnown))]
    #[case::tasks_missing(TASKS, Some(false), Mirror::Phases, Mode::Live, Some(Verdict::Fault))]
    #[case::tasks(TASKS, Some(true), Mirror::Steps, Mode::Live, Some(Verdict::Ok))]
    #[case::tasks_missing_without_a_mirror(TASKS, Some(false), Mirror::Off, Mode::Live, None)]
    #[case::tasks_not_known_without_a_mirror(TASKS, None, Mirror::Off, Mode::Live, None)]
    #[case::tasks_without_a_mirror(
        TASKS,
        Some(true),
        Mirror::Off,
        Mode::Live,
        Some(Verdict::Warning)
    )]
    fn a_right_at_the_case_system_is_judged_by_what_the_console_sends(
        #[case] needed_for: &'static str,
        #[case] granted: Option<bool>,
        #[case] mirror: Mirror,
        #[case] mode: Mode,
        #[case] verdict: Option<Verdict>,
    ) {
        let name = ConnectionName::parse("hive").expect("a name");
        let rights = needed_here(vec![right(needed_for, granted)], mirror, mode);
        let line = rights.first().map(|right| of_right(&name, right));
        assert_eq!(line.as_ref().map(|line| line.verdict), verdict, "{line:?}");
        if verdict == Some(Verdict::Fault) {
            let line = line.expect("it is judged");
            assert_eq!(line.what.as_str(), format!("hive: may {needed_for}"));
            assert_eq!(line.found.as_str(), "missing: manageIt");
        }
    }
}
