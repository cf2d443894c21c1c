//! What follows an enabling: the watch with its end, the reminder of it, the alarms, the summary.

use chrono::{DateTime, TimeDelta, Utc};

use super::panes;
use crate::app::command::Command;
use crate::app::decision::{self, Decision, OVER};
use crate::app::effect::Effect;
use crate::app::message::{Level, WatchOf};
use crate::app::model::contained::{recovering, rows, watched};
use crate::app::model::{Held, Layer, Model, Purpose};
use crate::app::window;
use crate::domain::audit::{
    AttackSign, Body, Entry, RecoverySaid, RecoveryWord, WatchOver, WatchSeen, WatchUntil,
};
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::hold::{Stage, near_word};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::recovery_watch::{RecoveryWatch, signs};
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::ids::{AccountId, ActionId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Gives the records of a confirmed plan: what names the attacker, and the watch that an enabling begins.
pub(super) fn confirmed(model: &mut Model, plan: &ConfirmedPlan) -> Vec<(ActionId, Body)> {
    let of_kind = |kind| {
        let mut actions = plan.actions().iter();
        actions.find(|action| action.kind() == kind)
    };
    let enables = of_kind(ActionKind::EnableAccount);
    let decides = enables.or_else(|| of_kind(ActionKind::DisableAccount));
    let Some(decides) = decides.filter(|_| !plan.dry_run()) else {
        return Vec::new();
    };
    let account = &plan.account().id;
    let said = |word| {
        Body::Recovery(RecoverySaid {
            case: plan.case().clone(),
            account: account.clone(),
            word,
        })
    };
    let mut records = Vec::new();
    let length = TimeDelta::from_std(model.settings.policy.hold.recovery).unwrap_or_default();
    let until = model.now.utc.checked_add_signed(length);
    if let (Some(enables), Some(until)) = (enables, until)
        && !length.is_zero()
    {
        // Whoever disabled it: what this console knows of that may lag behind, and another host's log it cannot see.
        let line = safe!(
            "once it is enabled it is watched until {}",
            near_word(until, model.now.utc)
        );
        model.say(Level::Info, line, None);
        records.push(said(RecoveryWord::Until(WatchUntil {
            aid: enables.aid().clone(),
            login: plan.account().login.clone(),
            owner: owner(model),
            until,
            how: "confirmed".to_owned(),
            reason: None,
            looked: None,
        })));
    }
    let signs = signs_of(model, plan);
    if !signs.is_empty() {
        records.push(said(RecoveryWord::Signs(signs)));
    }
    let aid = decides.aid();
    records
        .into_iter()
        .map(|body| (aid.clone(), body))
        .collect()
}

/// Gives what names the attacker in the open case, where it is the plan's.
fn signs_of(model: &Model, plan: &ConfirmedPlan) -> Vec<AttackSign> {
    let open = model.open.as_ref().filter(|open| open.id == *plan.case());
    let (Some(open), Some(window)) = (open, window::span(model)) else {
        return Vec::new();
    };
    let account = open.the_account();
    if account.is_none_or(|account| account.id != plan.account().id) {
        return Vec::new();
    }
    let pane = &open.activity;
    signs(
        &pane.activity,
        pane.standing_findings(),
        window,
        &pane.names,
    )
}

/// Gives who answers for what is decided here.
pub(super) fn owner(model: &Model) -> Untrusted {
    let operator = &model.operator;
    operator.login.as_ref().unwrap_or(&operator.os_user).clone()
}

/// Gives what the row of the list under the cursor is about, where it is a watch.
pub(super) fn row(model: &Model, cursor: usize) -> Option<Held> {
    let place = cursor.checked_sub(rows(model).len())?;
    recovering(model).get(place).map(|watch| watched(watch))
}

/// Carries out a command of the list on a watch.
pub(super) fn on_row(model: &mut Model, cursor: usize, command: Command) -> Vec<Effect> {
    let Some(held) = row(model, cursor) else {
        return Vec::new();
    };
    let watch = model.ledger.recoveries().of(&held.account);
    let is_over = watch.is_none_or(|watch| watch.over.is_some());
    let refusal = match command {
        Command::ChangeEnd | Command::KeepContained if is_over => Some(OVER.into()),
        Command::ChangeEnd | Command::KeepContained => model
            .audit_fault
            .as_ref()
            .map(|fault| safe!("the audit log cannot be written: {}", fault.what)),
        _ => Some("it is enabled already; open its case to contain it again".into()),
    };
    if let Some(refusal) = refusal {
        model.say(Level::Warning, refusal, None);
        return Vec::new();
    }
    let of = Box::new(held);
    if command == Command::ChangeEnd {
        model.layers.push(Layer::HoldEnd {
            of,
            watch: true,
            cursor: 0,
        });
    } else {
        panes::write(model, Purpose::EndWatch(of));
    }
    Vec::new()
}

/// Gives when this console had looked last at all of a watch and could read it: the older of its two looks.
fn well_looked(model: &Model, watch: &RecoveryWatch) -> Option<DateTime<Utc>> {
    let last = |of: WatchOf| {
        let look = model.watched.get(&(watch.account.clone(), of))?;
        let is_well = look.looked.is_some() && look.fault.is_none();
        is_well.then_some(look.good.utc)
    };
    let older = last(WatchOf::Recovery)?.min(last(WatchOf::Left)?);
    // One of before is of an earlier watch over the same account.
    (older > watch.since).then_some(older)
}

/// Gives the record of a decision on the watch over an account, where it runs.
fn decided(
    model: &Model,
    of: &Held,
    until: DateTime<Utc>,
    how: &str,
    reason: Option<Untrusted>,
) -> Option<Body> {
    let mut running = model.ledger.recoveries().running();
    let watch = running.find(|watch| watch.account == of.account)?;
    // That nothing was seen is as good as the last look; once the watch has ended no console knows of it any more.
    let looked = (how == "ended").then(|| well_looked(model, watch));
    let word = WatchUntil {
        aid: watch.aid.clone(),
        login: of.login.clone(),
        owner: owner(model),
        until,
        how: how.to_owned(),
        reason,
        looked: looked.flatten(),
    };
    Some(Body::Recovery(RecoverySaid {
        case: of.case.clone(),
        account: of.account.clone(),
        word: RecoveryWord::Until(word),
    }))
}

/// Tells the case what was decided, in one write with the record of it: one is not said without the other. Where that does
/// not fit what is on record, or this console knows of another reason, nothing is decided.
pub(super) fn decide(
    model: &mut Model,
    of: &Held,
    text: &Safe,
    (decision, otherwise): (Decision, Option<&'static str>),
) -> Vec<Effect> {
    let otherwise = otherwise.map(|why| decision::nothing(&of.login, &why.into()));
    if let Some(line) = decision.refusal(&model.ledger).or(otherwise) {
        model.say(Level::Warning, line, Some(decision::HINT.into()));
        return Vec::new();
    }
    vec![Effect::PostNote {
        case: of.case.clone(),
        text: Untrusted::new(text.as_str()),
        phase: None,
        drafted: false,
        decided: Some(Box::new(decision)),
    }]
}

/// Tells the case what was decided of a watch, where it runs.
fn decide_watch(model: &mut Model, of: &Held, text: &Safe, record: Option<Body>) -> Vec<Effect> {
    let Some(record) = record else {
        let line = decision::nothing(&of.login, &OVER.into());
        model.say(Level::Warning, line, Some(decision::HINT.into()));
        return Vec::new();
    };
    let is_going = is_going(model, &of.account, ActionKind::DisableAccount);
    let decision = Decision {
        record,
        says_contained: false,
    };
    let otherwise = is_going.then_some("disabling it is under way");
    decide(model, of, text, (decision, otherwise))
}

/// Tells whether something was confirmed here for an account of which nothing is on record yet.
pub(super) fn is_going(model: &Model, account: &AccountId, kind: ActionKind) -> bool {
    let mut going = model.going.iter().filter_map(|aid| model.ledger.get(aid));
    going.any(|act| act.account == *account && act.kind == kind)
}

/// Records another end of a watch and tells the case.
pub(super) fn changed(model: &mut Model, of: &Held, until: DateTime<Utc>) -> Vec<Effect> {
    let record = decided(model, of, until, "changed", None);
    let text = safe!(
        "{} (id {}), enabled again, is watched until {}, owner {}.",
        of.login.field(),
        of.account.shown(),
        time_word(until),
        owner(model).field()
    );
    decide_watch(model, of, &text, record)
}

/// Ends a watch before its time, with a reason, and tells the case.
pub(super) fn ended(model: &mut Model, of: &Held, reason: Untrusted) -> Vec<Effect> {
    let now = model.now.utc;
    let watch = model.ledger.recoveries().of(&of.account);
    let look = model.recovery_watch(&of.account);
    let was_seen = match watch {
        // Of a watch that nobody kept, or that could not read, nothing can be said.
        Some(watch) if watch.seen.is_empty() => {
            // What the record of this decision says of it.
            let word = watch.nothing_told(well_looked(model, watch));
            let fault = look.and_then(|look| look.fault.as_ref());
            fault.map_or(word.clone(), |fault| {
                safe!("{}; the last look failed: {}", word, fault.what)
            })
        }
        Some(watch) if watch.seen.len() == 1 => "1 thing was seen".into(),
        Some(watch) => safe!("{} things were seen", watch.seen.len()),
        None => "what was seen is not known".into(),
    };
    let why = reason.line();
    let record = decided(model, of, now, "ended", Some(reason));
    let text = safe!(
        "The watch over {} (id {}), enabled again, was ended before its time by {}; {}. Reason: {}",
        of.login.field(),
        of.account.shown(),
        owner(model).field(),
        was_seen,
        why
    );
    decide_watch(model, of, &text, record)
}

/// Reminds of ends of watches that come near, each once.
pub(super) fn remind(model: &mut Model) -> Vec<Effect> {
    let (now, times) = (model.now.utc, model.settings.policy.hold);
    let reminder = times.reminder.min(times.recovery / 2);
    let mut due = Vec::new();
    for watch in model.ledger.recoveries().running() {
        let stage = watch.stage(now, reminder);
        let key = (watch.account.clone(), watch.until, stage);
        if stage == Stage::Soon && !model.reminded.contains(&key) {
            let enabled = watch.enabled();
            due.push((key, enabled, watch.login.field(), watch.owner.field()));
        }
    }
    let rang = !due.is_empty();
    for (key, enabled, login, owner) in due {
        let until = near_word(key.1, now);
        let line = safe!("the watch over {}, {}, ends {}", login, enabled, until);
        model.say(Level::Warning, line, Some(safe!("owner {}", owner)));
        model.reminded.insert(key);
    }
    if rang { vec![Effect::Bell] } else { Vec::new() }
}

/// Rings for what the watch put on record, and says how it ended.
pub(super) fn alarm_of_records(model: &mut Model, entries: &[Entry]) -> Vec<Effect> {
    let mut rang = false;
    for entry in entries {
        let Body::Recovery(said) = &entry.body else {
            continue;
        };
        match &said.word {
            RecoveryWord::Seen(seen) => {
                let key = alarm_key(&said.account, seen);
                let watch = watch_of(model, &said.account, &seen.aid);
                let rings = watch.is_none_or(|watch| watch.rings_for(seen));
                if model.alarmed.insert(key) && rings {
                    alarm(model, &said.account, seen);
                    rang = true;
                }
            }
            RecoveryWord::Over(over) => {
                said_over(model, &said.account, over);
                rang = true;
            }
            RecoveryWord::Until(word) => said_until(model, word),
            RecoveryWord::Signs(_) | RecoveryWord::Looked(_) => {}
        }
    }
    if rang { vec![Effect::Bell] } else { Vec::new() }
}

/// Gives what an alarm is known by: what one watch saw can be seen by the next one under the same id.
fn alarm_key(account: &AccountId, seen: &WatchSeen) -> (AccountId, Untrusted) {
    let key = format!("{} {}", seen.aid, seen.key.raw());
    (account.clone(), Untrusted::new(key))
}

fn watch_of<'a>(
    model: &'a Model,
    account: &AccountId,
    aid: &ActionId,
) -> Option<&'a RecoveryWatch> {
    let mut all = model.ledger.recoveries().all();
    all.find(|watch| watch.account == *account && watch.aid == *aid)
}

fn login_of(model: &Model, account: &AccountId, aid: &ActionId) -> Safe {
    let watch = watch_of(model, account, aid);
    watch.map_or_else(|| account.shown(), |watch| watch.login.field())
}

fn alarm(model: &mut Model, account: &AccountId, seen: &WatchSeen) {
    let line = safe!(
        "SEEN AFTER IT WAS ENABLED: {} at {}: {}",
        login_of(model, account, &seen.aid),
        clock_word(seen.at),
        seen.text.line()
    );
    let hint = "if it is not the user's own doing: contain the account again";
    model.say(Level::Alarm, line, Some(hint.into()));
}

/// Says what somebody decided of a watch; the end that came with it is said where the enabling is confirmed.
fn said_until(model: &mut Model, word: &WatchUntil) {
    let login = word.login.field();
    let line = match word.how.as_str() {
        "changed" => safe!(
            "{} is watched until {}",
            login,
            near_word(word.until, model.now.utc)
        ),
        "ended" => safe!("{} is not watched any more", login),
        _ => return,
    };
    model.say(
        Level::Info,
        line,
        Some(safe!("owner {}", word.owner.field())),
    );
}

fn said_over(model: &mut Model, account: &AccountId, over: &WatchOver) {
    let line = safe!(
        "the watch over {}, enabled again, is over: {}",
        login_of(model, account, &over.aid),
        over.text.line()
    );
    let level = if over.well {
        Level::Info
    } else {
        Level::Warning
    };
    model.say(level, line, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples::{account, aid, at};

    fn seen(number: u128, key: &str) -> WatchSeen {
        WatchSeen {
            aid: aid(number),
            thing: "password".to_owned(),
            source: "okta".to_owned(),
            key: key.into(),
            at: at(50),
            text: "changed".into(),
            address: None,
        }
    }

    #[test]
    fn what_the_next_watch_sees_under_the_same_id_rings_again() {
        let key = |number, key| alarm_key(&account().id, &seen(number, key));
        assert_eq!(key(3, "item-1"), key(3, "item-1"));
        assert_ne!(key(3, "item-1"), key(3, "item-2"));
        assert_ne!(key(3, "item-1"), key(4, "item-1"));
    }
}
