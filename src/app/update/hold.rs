//! What follows a containment: its end, the reminder of it, the list of everything contained, the alarms of the watch.

use chrono::{DateTime, TimeDelta, Utc};

use super::recovery::{self, owner};
use super::{evidence, open_case, panes};
use crate::app::command::Command;
use crate::app::decision::Decision;
use crate::app::effect::Effect;
use crate::app::message::{Level, WatchOf};
use crate::app::model::contained::{self, Contained, ends, rows};
use crate::app::model::{Held, Layer, Model, Purpose, Watch};
use crate::config::settings::Mode;
use crate::domain::audit::{Body, Entry, HoldSet, Observed, OutcomeState, WatchSuccess};
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::hold::{Stage, near_word, until_word};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::Standing;
use crate::domain::fault::Fault;
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::finding::Rule;
use crate::safe;

/// How long after it was sent an accepted disabling that reads otherwise is not only late: no provider's is read for longer.
pub(super) const LONG_AGO: TimeDelta = TimeDelta::minutes(4);

/// How long after it was sent a look at the account is one of after it: providers tell the time in whole seconds.
const AFTER: TimeDelta = TimeDelta::seconds(1);

/// Takes how a look at a contained account went; the first that fails and the first after all is well again are said.
pub(super) fn watched(model: &mut Model, account: AccountId, of: WatchOf, fault: Option<Fault>) {
    let fails = |model: &Model| model.watched.values().any(|watch| watch.fault.is_some());
    let before = fails(model);
    let now = model.now;
    let key = (account, of);
    let good = match model.watched.get(&key) {
        Some(watch) if fault.is_some() => watch.good,
        _ => now,
    };
    let what = fault.as_ref().map(|fault| fault.what.clone());
    let watch = Watch {
        looked: Some(now.utc),
        good,
        fault,
    };
    model.watched.insert(key, watch);
    match (before, what) {
        (false, Some(what)) => {
            let whose: &'static str = match of {
                WatchOf::Status | WatchOf::Successes => "a contained account",
                WatchOf::Recovery | WatchOf::Left => "an account enabled again",
            };
            let line = safe!("the watch over {} fails: {}", whose, what);
            let hint =
                "what it does now may not be seen here; the list of everything contained says more";
            model.say(Level::Warning, line, Some(hint.into()));
        }
        (true, None) if !fails(model) => {
            model.say(Level::Info, "every account is watched again", None);
        }
        _ => {}
    }
}

/// Gives the records of the end that a containment gets when it is confirmed, and of the watch that follows an enabling,
/// each with the action it belongs to: what is not sent changes no end that was set before.
pub(super) fn confirmed(model: &mut Model, plan: &ConfirmedPlan) -> Vec<(ActionId, Body)> {
    let mut records = recovery::confirmed(model, plan);
    let mut actions = plan.actions().iter();
    let disables = actions.find(|action| action.kind() == ActionKind::DisableAccount);
    let Some(disables) = disables.filter(|_| !plan.dry_run()) else {
        return records;
    };
    let length = TimeDelta::from_std(model.settings.policy.hold.length).unwrap_or_default();
    let until = model.now.utc.checked_add_signed(length);
    let of = Held {
        case: plan.case().clone(),
        account: plan.account().id.clone(),
        login: plan.account().login.clone(),
    };
    if let Some(until) = until {
        let key = |id| {
            let chord = model.keymap.keys_of(id).first();
            chord.map_or_else(Safe::default, |chord| {
                Untrusted::new(chord.to_string()).field()
            })
        };
        let line = safe!("to be contained until {}", near_word(until, model.now.utc));
        let hint = safe!("{} {} changes it", key("contained"), key("contained-end"));
        model.say(Level::Info, line, Some(hint));
    }
    let set = set(model, &of, until, "confirmed", None);
    records.push((disables.aid().clone(), set));
    records
}

fn set(
    model: &Model,
    of: &Held,
    until: Option<DateTime<Utc>>,
    how: &str,
    reason: Option<Untrusted>,
) -> Body {
    Body::HoldSet(HoldSet {
        case: of.case.clone(),
        account: of.account.clone(),
        login: of.login.clone(),
        owner: owner(model),
        until,
        how: how.to_owned(),
        reason,
    })
}

/// Records a changed end and tells the case.
fn changed(
    model: &mut Model,
    of: &Held,
    until: Option<DateTime<Utc>>,
    reason: Option<Untrusted>,
) -> Vec<Effect> {
    let how = if reason.is_some() { "kept" } else { "changed" };
    let why = reason
        .as_ref()
        .map(|reason| safe!(" Reason: {}", reason.line()))
        .unwrap_or_default();
    let said = match until {
        Some(until) => time_word(until),
        None => "somebody decides".into(),
    };
    let stands = contained::row(model, &of.account).standing;
    let says_contained = matches!(stands, Standing::Contained { .. });
    let (login, id) = (of.login.field(), of.account.shown());
    let owner = owner(model).field();
    let text = if says_contained {
        safe!(
            "{} (id {}) stays contained until {}, owner {}.{}",
            login,
            id,
            said,
            owner,
            why
        )
    } else {
        safe!(
            "{} (id {}): what was done to contain it stays until {}, owner {}. Account is {}.{}",
            login,
            id,
            said,
            owner,
            stands.word(),
            why
        )
    };
    let otherwise = enabled(model, of);
    let decision = Decision {
        record: set(model, of, until, how, reason),
        says_contained,
    };
    recovery::decide(model, of, &text, (decision, otherwise))
}

/// Says why an account does not stay contained by what this console knows and no record says.
fn enabled(model: &Model, of: &Held) -> Option<&'static str> {
    let row = contained::row(model, &of.account);
    if recovery::is_going(model, &of.account, ActionKind::EnableAccount) {
        Some("enabling it is under way")
    } else if row.standing.is_active_again() || contained::reads_enabled(model, &row, AFTER) {
        Some("the account is ACTIVE again")
    } else {
        None
    }
}

/// Takes the end that was chosen.
pub(super) fn chosen(model: &mut Model, of: &Held, watch: bool, cursor: usize) -> Vec<Effect> {
    let Some(end) = ends(watch).get(cursor) else {
        return Vec::new();
    };
    match end.until(model.now.utc) {
        Some(until) if watch => recovery::changed(model, of, until),
        until => changed(model, of, until, None),
    }
}

/// Keeps an account contained until somebody decides.
pub(super) fn kept(model: &mut Model, of: &Held, reason: Untrusted) -> Vec<Effect> {
    changed(model, of, None, Some(reason))
}

/// Opens the case of a row of the list.
pub(super) fn open(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let held = rows(model).get(cursor).and_then(Contained::held);
    match held.or_else(|| recovery::row(model, cursor)) {
        Some(held) => show_case(model, &held.case),
        None => Vec::new(),
    }
}

fn show_case(model: &mut Model, case: &CaseId) -> Vec<Effect> {
    if model.open.as_ref().is_some_and(|open| open.id == *case) {
        model.focus = crate::app::model::Pane::Activity;
        return Vec::new();
    }
    open_case::open_case(model, case.clone())
}

/// Carries out a command of the list on the row under its cursor.
pub(super) fn on_contained(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(Layer::Contained { cursor }) = model.layers.last() else {
        return Vec::new();
    };
    let rows = rows(model);
    let Some(row) = rows.get(*cursor) else {
        let cursor = *cursor;
        return recovery::on_row(model, cursor, command);
    };
    let (Some(held), refusal) = (row.held(), not_undone_here(row)) else {
        return Vec::new();
    };
    if let Some(fault) = &model.audit_fault {
        let line = safe!("the audit log cannot be written: {}", fault.what);
        model.say(Level::Error, line, None);
        return Vec::new();
    }
    match command {
        Command::ChangeEnd => {
            let of = Box::new(held);
            model.layers.push(Layer::HoldEnd {
                of,
                watch: false,
                cursor: 0,
            });
            Vec::new()
        }
        Command::KeepContained => {
            panes::write(model, Purpose::Keep(Box::new(held)));
            Vec::new()
        }
        _ => undo(model, held, refusal),
    }
}

/// Says why there is nothing of ours to undo in a row, if so.
fn not_undone_here(row: &Contained<'_>) -> Option<&'static str> {
    // Of one that was closed by hand or never read the plan reads how it stands.
    if row.is_disabled() || row.is_open() {
        None
    } else if row.reads_disabled() {
        Some("it is disabled, but not provably by an action of ours: enable it from its case")
    } else if row.standing.is_pending() {
        Some("its disabling is being read back: enable it after that")
    } else {
        Some("it is not disabled by this log, so there is nothing to enable")
    }
}

/// Plans the undo of a containment, whatever case is open; its own is opened beside the dialog. `refusal` says why there is
/// nothing of ours to undo, if so.
fn undo(model: &mut Model, held: Held, refusal: Option<&'static str>) -> Vec<Effect> {
    let busy = model
        .ledger
        .on(&held.account)
        .any(|act| act.kind == ActionKind::EnableAccount && act.is_unfinished());
    let refusal = if model.mode() == Mode::ReadOnly {
        Some("READ ONLY")
    } else if busy {
        Some("enabling it is under way already")
    } else {
        refusal
    };
    if let Some(refusal) = refusal {
        model.say(Level::Warning, safe!("undo: {}", refusal), None);
        return Vec::new();
    }
    model.layers.pop();
    super::closing::given_up(model);
    let mut effects = show_case(model, &held.case);
    let kinds = vec![ActionKind::EnableAccount];
    effects.push(Effect::MakePlan {
        case: held.case.clone(),
        account: held.account.clone(),
        asked_for: held.login.clone(),
        kinds: kinds.clone(),
        items: Vec::new(),
        window: crate::app::window::span(model),
    });
    let (of, items) = (Box::new(held), Vec::new());
    model.layers.push(Layer::Planning { kinds, items, of });
    effects
}

/// Reminds of ends that come near, and asks what to do at those that are over; each once. Where nothing from here holds the
/// account any more that is said instead.
pub(super) fn remind(model: &mut Model) -> Vec<Effect> {
    let (now, times) = (model.now.utc, model.settings.policy.hold);
    let mut due = Vec::new();
    for (place, row) in rows(model).into_iter().enumerate() {
        let Some((hold, until)) = row.hold.and_then(|hold| Some((hold, hold.until?))) else {
            continue;
        };
        let stage = hold.stage(now, times.reminder);
        let key = (row.account.clone(), until, stage);
        if stage > Stage::Running && !model.reminded.contains(&key) {
            let (login, owner) = (hold.login.field(), hold.owner.field());
            due.push((place, key, login, owner, row.not_held()));
        }
    }
    let rang = !due.is_empty();
    for (place, key, login, owner, otherwise) in due {
        let is_over = key.2 == Stage::Ended;
        let ends: &'static str = if is_over { "ended" } else { "ends" };
        let line = safe!(
            "the containment of {} {} {}",
            login,
            ends,
            near_word(key.1, now)
        );
        let (level, line) = match otherwise {
            Some(why) => (Level::Warning, safe!("{}: {}", line, why)),
            None if is_over => {
                let known: Safe = match model.unread(&key.0) {
                    None => "; nothing was undone".into(),
                    Some(unread) => safe!(" by the log; {}", unread),
                };
                let line = safe!("{}{}: extend, undo or keep it", line, known);
                (Level::Alarm, line)
            }
            None => (Level::Warning, line),
        };
        model.say(level, line, Some(safe!("owner {}", owner)));
        let is_asked = is_over && otherwise.is_none();
        if is_asked && model.layers.is_empty() && !model.locked {
            model.layers.push(Layer::Contained { cursor: place });
        }
        model.reminded.insert(key);
    }
    if rang { vec![Effect::Bell] } else { Vec::new() }
}

/// Rings for what the watch and the readings of the provider put on record.
pub(super) fn alarm_of_records(model: &mut Model, entries: &[Entry]) -> Vec<Effect> {
    let mut effects = Vec::new();
    // Of each account what it did first, and how often it did something.
    let mut seen: Vec<(&WatchSuccess, usize)> = Vec::new();
    for entry in entries {
        match &entry.body {
            Body::WatchSuccess(success)
                if model
                    .alarmed
                    .insert((success.account.clone(), success.event.clone())) =>
            {
                let mut known = seen.iter_mut();
                match known.find(|(one, _)| one.account == success.account) {
                    Some((first, count)) => {
                        *count += 1;
                        if success.at < first.at {
                            *first = success;
                        }
                    }
                    None => seen.push((success, 1)),
                }
            }
            Body::ActionOutcome {
                state: OutcomeState::Drifted,
                ..
            } => effects.push(Effect::Bell),
            // The end that came with a containment is said where that is confirmed.
            Body::HoldSet(set) if set.how != "confirmed" => {
                model.judge();
                let stands = contained::row(model, &set.account).standing;
                let what: &'static str = match stands {
                    Standing::Contained { .. } => "stays contained",
                    _ => "is partly contained, and that stays",
                };
                let until = until_word(set.until, model.now.utc);
                let line = safe!("{} {} {}", set.login.field(), what, until);
                model.say(
                    Level::Info,
                    line,
                    Some(safe!("owner {}", set.owner.field())),
                );
            }
            _ => {}
        }
    }
    for (first, count) in seen {
        let login = model.ledger.on(&first.account).next_back();
        let login = login.map(|act| act.login.field()).unwrap_or_default();
        let address = first.address.as_ref().map(Untrusted::field);
        let from = address.map_or_else(Safe::default, |address| safe!(" from {}", address));
        let line = safe!(
            "SUCCESS AFTER CONTAINMENT: {} at {}{}, {} in all",
            login,
            clock_word(first.at),
            from,
            count
        );
        let hint = "the account still acts: contain it again, end its sessions at the applications";
        model.say(Level::Alarm, line, Some(hint.into()));
        effects.push(Effect::Bell);
        effects.extend(evidence::refute_watch(model, &first.case));
    }
    effects
}

/// Tells whether to ring: for a disabling that reads otherwise than it did, or than the provider said a while ago, or is refuted; each once.
/// Judged right after its record was folded.
pub(super) fn alarm_of_reading(model: &mut Model, entry: &Entry) -> bool {
    let (aid, is_final) = match &entry.body {
        Body::ActionObserve(Observed { aid, .. }) => (aid, false),
        Body::ActionOutcome {
            aid,
            state: OutcomeState::NotEffective,
            ..
        } => (aid, true),
        _ => return false,
    };
    let ledger = &model.ledger;
    let Some(action) = ledger.get(aid) else {
        return false;
    };
    if is_final {
        // Its line says it already.
        return ledger.is_broken_promise(action);
    }
    let login = action.login.field();
    let sent = action.sent.filter(|sent| entry.ts - *sent >= LONG_AGO);
    let what = if ledger.reads_undone(action) {
        safe!("{} was read as disabled and reads otherwise now", login)
    } else if let Some(sent) = sent.filter(|_| ledger.is_broken_promise(action)) {
        let at = time_word(sent);
        safe!(
            "disabling {} was accepted {} and reads otherwise",
            login,
            at
        )
    } else {
        return false;
    };
    let evidence = action.observed.as_ref().map(|(_, words)| words.line());
    let line = safe!("{}: {}", what, evidence.unwrap_or_default());
    let key = (action.account.clone(), Untrusted::new(aid.to_string()));
    if !model.alarmed.insert(key) {
        return false;
    }
    let hint = "look at the account: others may have enabled it; the last word is said once it is read to the end";
    model.say(Level::Alarm, line, Some(hint.into()));
    true
}

/// Rings for successes that the activity of the open case shows before the watch does; each once.
pub(super) fn alarm_of_activity(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let Some(account) = open.the_account().map(|account| account.id.clone()) else {
        return Vec::new();
    };
    let pane = &open.activity;
    let fresh: Vec<Untrusted> = pane
        .findings
        .iter()
        .filter(|finding| finding.rule == Rule::SuccessAfterContainment)
        .flat_map(|finding| &finding.evidence)
        .filter_map(|index| pane.activity.row(*index)?.id().cloned())
        .filter(|event| {
            !model.ledger.holds().knows(&account, event)
                && !model.alarmed.contains(&(account.clone(), event.clone()))
        })
        .collect();
    if fresh.is_empty() {
        return Vec::new();
    }
    model
        .alarmed
        .extend(fresh.into_iter().map(|event| (account.clone(), event)));
    // Where nothing disabled it there was no containment of it.
    let was_disabled = {
        let mut acts = model.ledger.on(&account);
        acts.any(ActionView::is_proven_disabling)
    };
    let what = if was_disabled {
        "the account was active after its containment"
    } else {
        "the account was active after its sessions were ended from here"
    };
    model.say(Level::Alarm, what, None);
    vec![Effect::Bell]
}
