//! The lists of the wall: what nobody has taken, what is in work, responses, contained accounts, sources.

use chrono::{DateTime, Utc};

use super::flow::Section;
use super::source_word;
use crate::app::wall::{Contained, Row, Wall};
use crate::config::settings::Names;
use crate::domain::containment::hold::near_word;
use crate::domain::containment::recovery_watch::RecoveryWatch;
use crate::domain::containment::told::Until;
use crate::domain::freshness::Freshness;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::paint::Words;
use crate::ui::theme::Role;
use crate::ui::words;

/// Gives the name of a user, as initials unless names are shown: `mara.lind@acme.example` is `M. L.`
fn name(login: &Untrusted, names: Names) -> Safe {
    if names == Names::Full {
        return login.field();
    }
    let local = login.raw().split('@').next().unwrap_or_default();
    let local = local.rsplit('\\').next().unwrap_or_default();
    let initials: Vec<String> = local
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|part| part.chars().next())
        .take(3)
        .map(|c| format!("{}.", c.to_uppercase()))
        .collect();
    if initials.is_empty() {
        return "?".into();
    }
    Untrusted::new(initials.join(" ")).field()
}

/// Gives the width of a column of names.
fn name_width(names: Names) -> usize {
    match names {
        Names::Short => 8,
        Names::Full => 24,
    }
}

/// Says beside a title that its list is old.
fn age(wall: &Wall) -> Words {
    match wall.cases_freshness() {
        Some(Freshness::Stale(age)) => {
            Words::new(Role::SourceStale, safe!("OLD {}", words::minutes(age)))
        }
        Some(Freshness::NoAnswer(age)) => Words::new(
            Role::SourceDead,
            safe!("as it was {} ago", words::minutes(age)),
        ),
        _ => Words::empty(),
    }
}

/// Gives what is said where there is no case: that there is none, or that nobody knows.
fn no_case(wall: &Wall, none: &'static str) -> Safe {
    if wall.boards.is_empty() {
        "not known yet".into()
    } else {
        none.into()
    }
}

fn number(row: &Row) -> Safe {
    match row.number {
        Some(number) => safe!("#{}", number),
        None => row.id.shown().fit(8),
    }
}

/// Tells whether a case should have been taken by now.
pub(super) fn is_late(row: &Row, wall: &Wall) -> bool {
    row.deadline.is_some_and(|deadline| deadline < wall.now.utc)
}

fn countdown(row: &Row, now: DateTime<Utc>) -> (Role, Safe) {
    let Some(deadline) = row.deadline else {
        return (Role::Dim, "no limit".into());
    };
    match (deadline - now).to_std() {
        // Rounded up, so that it says LATE only when it is.
        Ok(left) => {
            let left = std::time::Duration::from_secs(left.as_secs().div_ceil(60) * 60);
            (Role::Deadline, safe!("ack {}", words::minutes(left)))
        }
        Err(_) => (
            Role::DeadlineLate,
            safe!("LATE {}", words::ago_between(deadline, now)),
        ),
    }
}

fn case(row: &Row, wall: &Wall) -> Words {
    Words::empty()
        .column(
            Role::of_severity(row.severity),
            &row.severity.word().into(),
            9,
        )
        .column_right(Role::Strong, &number(row), 6)
        .column_right(Role::Dim, &words::ago_between(row.created, wall.now.utc), 5)
        .add(Role::Text, "  ")
}

fn title(words: Words, row: &Row, wall: &Wall) -> Words {
    if wall.shown.names == Names::Full {
        words
            .add(Role::Text, "  ")
            .add(Role::Text, row.title.field())
    } else {
        words
    }
}

/// Lists the cases that nobody has taken.
pub(super) fn unclaimed(wall: &Wall) -> Section {
    let rows = wall.unclaimed();
    let late = rows.iter().filter(|row| is_late(row, wall)).count();
    let mut facts = age(wall);
    if late > 0 {
        facts = facts.gap(Role::DeadlineLate, safe!("{} LATE", late));
    }
    let lines = rows.iter().map(|row| {
        let (role, left) = countdown(row, wall.now.utc);
        title(case(row, wall).column(role, &left, 9), row, wall)
    });
    Section {
        title: "Unclaimed, next deadline first".into(),
        facts,
        rows: lines.collect(),
        none: no_case(wall, "every open case has an owner"),
    }
}

/// Lists the cases that somebody has.
pub(super) fn claimed(wall: &Wall) -> Section {
    let rows = wall.claimed();
    let width = name_width(wall.shown.names);
    let lines = rows.iter().map(|row| {
        let owner = row
            .owner
            .as_ref()
            .map(|owner| name(owner, wall.shown.names));
        let line = case(row, wall).column(Role::Text, &owner.unwrap_or_default(), width);
        title(line, row, wall)
    });
    Section {
        title: "In work".into(),
        facts: match rows.len() {
            // The line below says whether there is none, or nobody knows.
            0 => age(wall),
            count => age(wall).gap(Role::Title, safe!("{}", count)),
        },
        rows: lines.collect(),
        none: no_case(wall, "no open case has an owner"),
    }
}

/// Gives the mark behind a word that rests on this host's log alone, where that is not certain.
fn mark(wall: &Wall, told: bool) -> &'static str {
    if wall.log_doubt.is_some() && !told {
        "?"
    } else {
        ""
    }
}

/// Says beside a title that this host's log is not certain.
fn doubt(wall: &Wall) -> Words {
    match &wall.log_doubt {
        Some(_) => Words::new(Role::LevelAlarm, "log BROKEN or cut"),
        None => Words::empty(),
    }
}

/// Gives what is said where nothing is known of responses.
fn no_response(wall: &Wall) -> Safe {
    if wall.log_doubt.is_some() {
        "none that a case tells of; the log is not certain".into()
    } else {
        "none that this host or a case tells of".into()
    }
}

/// Lists the actions that are under way.
pub(super) fn running(wall: &Wall) -> Section {
    let rows = wall.responses.running(wall.now.utc);
    let width = name_width(wall.shown.names);
    let lines = rows.iter().map(|row| {
        let mut line = Words::empty()
            .column(Role::Strong, &wall.case_word(&row.case), 7)
            .column(Role::Text, &name(&row.login, wall.shown.names), width)
            .add(Role::Text, row.what.clone())
            .gap(words::state_role(row.state), row.state.word())
            .add(Role::StateUnknown, mark(wall, row.told));
        if let Some(since) = row.since {
            line = line.gap(Role::Dim, words::ago_between(since, wall.now.utc));
        }
        if let Some(evidence) = &row.evidence
            && wall.shown.names == Names::Full
        {
            line = line.gap(Role::Dim, evidence.field());
        }
        line
    });
    let mut facts = doubt(wall);
    if wall.log_fault.is_some() {
        facts = Words::new(Role::LevelWarning, "log not readable: comments only");
    } else if facts.is_empty() && !rows.is_empty() {
        facts = Words::new(Role::Title, safe!("{}", rows.len()));
    }
    Section {
        title: "Responses under way".into(),
        facts,
        rows: lines.collect(),
        none: no_response(wall),
    }
}

/// Says what the watch over an account that was enabled again saw so far, with the roles of that and of what follows.
fn watched_word(watch: &RecoveryWatch) -> (Role, Safe, Role) {
    if !watch.seen.is_empty() {
        let word = Safe::fixed("ENABLED AGAIN, SEEN SINCE");
        (Role::LevelAlarm, word, Role::Text)
    } else if !watch.missed.is_empty() {
        let word = safe!("{}, not all of it read", watch.enabled());
        (Role::LevelWarning, word, Role::Text)
    } else {
        (Role::Dim, watch.enabled().into(), Role::Dim)
    }
}

/// Says that an account stands otherwise by a later word of its case; until when is no more certain than that.
fn doubted(row: &Contained, at: DateTime<Utc>, now: DateTime<Utc>) -> Words {
    let word: &'static str = if row.missing.is_some() {
        "PARTLY?"
    } else {
        "contained?"
    };
    let at = near_word(at, now);
    let line = Words::new(
        Role::LevelWarning,
        safe!("{}, its case says otherwise {}", word, at),
    );
    match &row.missing {
        Some(missing) => line.gap(Role::Dim, missing.clone()),
        None => line,
    }
}

/// Lists the accounts that are contained.
pub(super) fn contained(wall: &Wall) -> Section {
    let rows = wall.responses.contained(wall.now.utc);
    let width = name_width(wall.shown.names);
    let now = wall.now.utc;
    let lines = rows.iter().map(|row| {
        let line = Words::empty()
            .column(Role::Strong, &wall.case_word(&row.case), 7)
            .column(Role::Text, &name(&row.login, wall.shown.names), width);
        if let Some(at) = row.otherwise {
            return line.chain(doubted(row, at, now));
        }
        let mark = mark(wall, row.told);
        let line = match &row.missing {
            None if !mark.is_empty() => line.add(Role::StateUnknown, safe!("contained{}", mark)),
            None => line.add(Role::StateProven, "contained"),
            Some(missing) => line.add(Role::StateUnknown, safe!("PARTLY{}: {}", mark, missing)),
        };
        let line = match row.until {
            Until::Unsaid => line,
            Until::Open => line.add(Role::Text, " until somebody decides"),
            Until::At(end) if end <= now => {
                let line = line.gap(Role::LevelWarning, "PAST ITS END");
                // A wall asks no provider: others may have enabled it since.
                if row.told {
                    line
                } else {
                    let since = near_word(row.since, now);
                    line.gap(Role::Dim, safe!("by the log of {}", since))
                }
            }
            Until::At(end) => line.add(Role::Text, safe!(" until {}", near_word(end, now))),
        };
        if row.told {
            line.gap(Role::Dim, "by its case")
        } else {
            line
        }
    });
    let watched = wall.responses.watched().map(|watch| {
        let line = Words::empty()
            .column(Role::Strong, &wall.case_word(&watch.case), 7)
            .column(Role::Text, &name(&watch.login, wall.shown.names), width);
        let (role, word, rest) = watched_word(watch);
        let end = safe!(", {}", watch.end_word(now));
        line.add(role, word)
            .add(Role::StateUnknown, mark(wall, false))
            .add(rest, end)
    });
    let count = (!rows.is_empty()).then(|| safe!("{}", rows.len()));
    Section {
        title: "Contained accounts".into(),
        facts: doubt(wall).gap(Role::Title, count.unwrap_or_default()),
        rows: lines.chain(watched).collect(),
        none: no_response(wall),
    }
}

/// Lists the sources with their state, and why the last question failed.
pub(super) fn sources(wall: &Wall) -> Section {
    let mut rows: Vec<Words> = wall
        .sources
        .iter()
        .map(|source| {
            let (role, word) = source_word(source, wall);
            let shown = Untrusted::new(source.name.as_str()).field();
            let mut line = Words::empty()
                .column(Role::Text, &source.label, 7)
                .column(Role::Title, &shown, 14)
                .add(role, word);
            if source.bad_records > 0 {
                let bad = safe!("{} bad records", source.bad_records);
                line = line.gap(Role::LevelWarning, bad);
            }
            // The reason of a failure names addresses.
            if let Some(fault) = &source.fault
                && wall.shown.names == Names::Full
            {
                line = line.gap(Role::Dim, fault.what.clone());
            }
            line
        })
        .collect();
    rows.extend(wall.log_doubt.iter().map(|fault| {
        let line = Words::empty()
            .column(Role::Text, &"log".into(), 7)
            .column(Role::Title, &"this host".into(), 14)
            .add(Role::SourceStale, "failing")
            .gap(Role::LevelAlarm, "BROKEN or cut");
        if wall.shown.names == Names::Full {
            line.gap(Role::Dim, fault.what.clone())
        } else {
            line
        }
    }));
    rows.extend(wall.unasked.iter().map(|name| {
        Words::empty()
            .column(Role::Dim, &"-".into(), 7)
            .column(Role::Dim, &Untrusted::new(name.as_str()).field(), 14)
            .add(Role::Dim, "not asked by a wall")
    }));
    Section {
        title: "Sources".into(),
        facts: Words::empty(),
        rows,
        none: "no source is configured".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::{account, aid, at, case};

    #[rstest]
    #[case("mara.lind@acme.example", "M. L.")]
    #[case("ACME\\jdoe", "J.")]
    #[case("svc-backup_01", "S. B. 0.")]
    #[case("@acme.example", "?")]
    #[case("\u{202e}evil", "E.")]
    #[case("", "?")]
    fn names_are_initials_for_the_room(#[case] login: &str, #[case] expected: &str) {
        assert_eq!(
            name(&Untrusted::new(login), Names::Short).as_str(),
            expected
        );
        assert_eq!(
            name(&Untrusted::new(login), Names::Full),
            Untrusted::new(login).field()
        );
    }

    #[test]
    fn what_was_not_read_of_a_watch_is_said() {
        let mut watch = RecoveryWatch {
            aid: aid(3),
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            since: at(0),
            is_read: true,
            until: at(3_600),
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: None,
            reopened: 0,
        };
        assert_eq!(
            watched_word(&watch),
            (Role::Dim, "enabled again".into(), Role::Dim)
        );
        watch.missed.insert("elastic".to_owned(), "403".into());
        let (role, word, _) = watched_word(&watch);
        assert_eq!(
            (role, word),
            (
                Role::LevelWarning,
                "enabled again, not all of it read".into()
            )
        );
    }
}
