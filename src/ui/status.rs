//! The status line: where we are, whether it is real, how every source is, what is open.

use ratatui::layout::Rect;

use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::approvals;
use crate::app::command::{Command, Context};
use crate::app::model::{Model, Source};
use crate::config::settings::{EnvironmentKind, Mode};
use crate::domain::containment::hold::Stage;
use crate::domain::containment::recovery_watch::RecoveryWatch;
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::{Freshness, clock_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// How much of the line is spelled out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Full,
    /// Sources that are well are only counted.
    Counted,
    /// And the name of the program is left out.
    Least,
}

/// Draws the line.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    // Of files there is no now: everything that is shown ends with them.
    let clock = match &model.exported {
        Some(_) => Words::empty(),
        None => Words::new(Role::Strong, clock_word(model.now.utc)).add(Role::Text, " "),
    };
    let room = usize::from(area.width).saturating_sub(clock.width() + 1);
    let line = [Detail::Full, Detail::Counted]
        .into_iter()
        .map(|detail| line(model, detail))
        .find(|line| line.width() <= room)
        .unwrap_or_else(|| line(model, Detail::Least));
    canvas.ends(area, 0, line, clock);
}

fn line(model: &Model, detail: Detail) -> Words {
    let environment = &model.settings.environment;
    let name = Untrusted::new(environment.name.as_str()).field();
    let mut line = if detail == Detail::Least {
        Words::new(Role::Text, " ").add(Role::Strong, name)
    } else {
        Words::new(Role::Dim, " quell ").add(Role::Strong, name)
    };
    line = line.add(Role::Text, " ").chain(mode(model.mode()));
    if environment.kind == EnvironmentKind::Drill {
        line = line.add(Role::Text, " ").add(Role::ModeDrill, " DRILL ");
    }
    if detail == Detail::Least {
        // The end of a line that is too long is cut off; this is not.
        line = line.chain(alarms(model));
    }
    line.chain(sources(model, detail))
        .chain(counts(model, detail))
}

/// What is wrong with the audit log itself.
fn alarms(model: &Model) -> Words {
    let mut words = Words::empty();
    for (is_so, text) in [
        (model.audit_fault.is_some(), " audit FAILED "),
        (model.audit_broken.is_some(), " log BROKEN "),
    ] {
        if is_so {
            words.push(Role::Text, "  ");
            words.push(Role::LevelAlarm, text);
        }
    }
    words
}

fn mode(mode: Mode) -> Words {
    let role = match mode {
        Mode::Live => Role::ModeLive,
        Mode::DryRun => Role::ModeDryRun,
        Mode::ReadOnly => Role::ModeReadOnly,
    };
    Words::new(role, safe!(" {} ", mode.word()))
}

fn sources(model: &Model, detail: Detail) -> Words {
    let mut words = Words::new(Role::Text, "");
    let mut well = 0usize;
    for source in &model.sources {
        let freshness = source.heard.freshness(model.now.boot);
        if freshness == Freshness::Ok && source.fault.is_none() && detail != Detail::Full {
            well += 1;
        } else {
            words = words.add(Role::Text, "  ").chain(one(source, freshness));
        }
    }
    if well > 0 {
        words = words
            .add(Role::Text, "  ")
            .add(Role::SourceOk, safe!("{} ok", well));
    }
    let bad: usize = model.sources.iter().map(|source| source.bad_records).sum();
    if bad > 0 {
        words = words.add(Role::Text, "  ").add(
            Role::LevelWarning,
            safe!(
                "{} {}",
                bad,
                if bad == 1 {
                    "bad record"
                } else {
                    "bad records"
                }
            ),
        );
    }
    words
}

fn one(source: &Source, freshness: Freshness) -> Words {
    let (role, word): (Role, Safe) = match freshness {
        Freshness::Ok | Freshness::Waiting if source.fault.is_some() => {
            (Role::SourceStale, "failing".into())
        }
        Freshness::Waiting => (Role::SourceWaiting, "waiting".into()),
        Freshness::Ok => (Role::SourceOk, "ok".into()),
        Freshness::Stale(age) => (Role::SourceStale, safe!("STALE {}", words::minutes(age))),
        Freshness::NoAnswer(age) => (Role::SourceDead, safe!("no answer {}", words::minutes(age))),
    };
    Words::new(Role::Text, source.label.clone())
        .add(Role::Text, " ")
        .add(role, word)
}

fn counts(model: &Model, detail: Detail) -> Words {
    let mut words = if detail == Detail::Least {
        Words::empty()
    } else {
        alarms(model)
    };
    let mut count = |role: Role, text: Safe| {
        words.push(Role::Text, "  ");
        words.push(role, text);
    };
    if model.audit_fault.is_none() && model.audit_low.is_some() {
        count(Role::LevelWarning, "audit disk low".into());
    }
    let unfinished = model.unfinished();
    if unfinished > 0 {
        count(Role::StateUnknown, safe!("{} unfinished", unfinished));
    }
    let awaited = approvals::awaited(model).count();
    if awaited > 0 {
        count(Role::StatePending, safe!("{} awaiting approval", awaited));
    }
    let asked = approvals::waiting(model);
    if asked > 0 {
        let key = words::key_of(model, Command::Approvals, Context::Everywhere);
        count(Role::LevelWarning, safe!("approval asked: {}", key));
    }
    let notes = model.ledger.outbox().notes().len();
    let others = unposted(model);
    if others > 0 {
        count(Role::StateUnknown, safe!("{} to post", notes + others));
    } else if notes > 0 {
        let word: &'static str = if notes == 1 { "note" } else { "notes" };
        count(Role::StateUnknown, safe!("{} {} to post", notes, word));
    }
    let is_contained = |standing: &&Standing| matches!(standing, Standing::Contained { .. });
    let contained = model.standings.values().filter(is_contained).count();
    let partly = model.standings.len() - contained;
    if contained > 0 {
        let (role, end) = first_end(model);
        count(role, safe!("{} contained{}", contained, end));
    }
    if partly > 0 {
        count(Role::StateUnknown, safe!("{} partly contained", partly));
    }
    let watched: Vec<&RecoveryWatch> = model.ledger.recoveries().running().collect();
    let seen = watched
        .iter()
        .filter(|watch| !watch.seen.is_empty())
        .count();
    if seen > 0 {
        count(Role::LevelAlarm, safe!("{} enabled again: SEEN", seen));
    } else if !watched.is_empty() && detail != Detail::Least {
        count(Role::StateProven, safe!("{} watched", watched.len()));
    }
    if let Some(behind) = model.unwatched() {
        let word: &'static str = if behind.fails { "failing" } else { "STALE" };
        let many = if contained + partly + watched.len() == 1 {
            Safe::default()
        } else {
            safe!(" of {}", behind.accounts)
        };
        let age = words::minutes(behind.age);
        count(Role::SourceStale, safe!("watch{} {} {}", many, word, age));
    }
    if !model.settings.policy.of_host && model.exported.is_none() {
        count(Role::LevelWarning, "no policy".into());
    }
    words
}

/// Counts the records, the reports and what the watches saw, that wait for a console that is LIVE; there they are on their
/// way.
fn unposted(model: &Model) -> usize {
    if model.settings.environment.mode == Mode::Live {
        return 0;
    }
    let untold = model.ledger.untold(model.now.utc);
    model.ledger.undocumented().len()
        + model.ledger.documents().pending().len()
        + untold.alarms
        + untold.ends
        + untold.undone
}

/// Gives the end that comes first among the contained accounts, as the rest of a phrase.
fn first_end(model: &Model) -> (Role, Safe) {
    let now = model.now.utc;
    let reminder = model.settings.policy.hold.reminder;
    let holds = || {
        model
            .standings
            .iter()
            .filter(|(_, standing)| matches!(standing, Standing::Contained { .. }))
            .map(|(account, _)| (account, model.ledger.holds().hold(account)))
    };
    let ended: Vec<_> = holds()
        .filter(|(_, hold)| hold.is_some_and(|hold| hold.stage(now, reminder) == Stage::Ended))
        .map(|(account, _)| account)
        .collect();
    let first = holds()
        .filter_map(|(_, hold)| hold)
        .filter(|hold| hold.until.is_some())
        .min_by_key(|hold| hold.until);
    let several = holds().count() > 1;
    match first {
        None => (Role::StateProven, Safe::default()),
        Some(hold) if hold.stage(now, reminder) == Stage::Ended => {
            // Others may have enabled it while no console ran.
            let is_unread = ended.iter().any(|account| !model.is_read(account));
            let unread: &'static str = if is_unread { " by the log" } else { "" };
            let word = if several {
                safe!(", {} past the end{}", ended.len(), unread)
            } else {
                safe!(", past its end{}", unread)
            };
            (Role::LevelWarning, word)
        }
        Some(hold) => {
            let lead: &'static str = if several { ", first" } else { "" };
            (Role::StateProven, safe!("{} {}", lead, hold.word(now)))
        }
    }
}
