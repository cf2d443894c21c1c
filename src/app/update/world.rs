//! What news from the world do to the model, and what opening a case sets off.

use super::hold;
use super::open_case::{account_read, activity_ended, case_read, read_account, read_again};
use super::sources::polled;
use super::{activity, approval, documenting, evidence, list, mirror, recovery};
use crate::app::effect::Effect;
use crate::app::message::{Level, Message, NoPlan};
use crate::app::model::{Found, Held, Layer, Load, Model};
use crate::domain::audit::{Body, Entry, SecretState};
use crate::domain::case::Case;
use crate::domain::containment::confirm::Confirmation;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Worth};
use crate::domain::containment::plan::Plan;
use crate::domain::containment::remnant::are_same;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::Untrusted;
use crate::safe;

pub(super) fn take(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::SourcePolled {
            source,
            seq,
            result,
        } => polled(model, &source, seq, result),
        Message::OperatorKnown(operator) => {
            model.queue.set_operator(operator.login.clone());
            model.operator = operator;
            Vec::new()
        }
        Message::OffersKnown(offers) => {
            model.offers = offers;
            Vec::new()
        }
        Message::CaseRead { case, result } => case_read(model, &case, result),
        Message::AccountRead {
            case,
            asked,
            result,
        } => account_read(model, &case, &asked, result),
        Message::LeftRead {
            case,
            account,
            result,
        } => {
            super::left::taken(model, &case, &account, result);
            Vec::new()
        }
        Message::AlertsRead { source, result } => super::alerts::read(model, &source, result),
        Message::ActivityPage {
            search,
            events,
            faults,
        } => {
            let Some(open) = model.open.as_mut().filter(|o| o.activity.search == search) else {
                return Vec::new();
            };
            open.activity.activity.faults.extend(faults);
            if open.activity.activity.merge(events) == 0 {
                return Vec::new();
            }
            // A case that stays open for days: the window is searched anew before it has grown without end.
            let slices = open.activity.slices as usize + 2;
            let most = model.settings.timeline.max_events.saturating_mul(slices);
            if open.activity.activity.len() > most {
                let hours = open.activity.window_hours;
                return super::open_case::search(model, hours);
            }
            events_changed(model)
        }
        Message::ActivityEnded { search, result } => activity_ended(model, search, result),
        Message::SliceEnded { search, result } => activity::slice_ended(model, search, result),
        Message::SourcesSeen { search, result } => activity::sources_seen(model, search, result),
        Message::SourceSearched { number, of, result } => {
            activity::answered(model, number, &of, result);
            Vec::new()
        }
        Message::CommentsRead { case, result } => approval::comments_read(model, &case, result),
        Message::TasksRead { case, result } => mirror::tasks_read(model, &case, result),
        Message::CaseChanged {
            case,
            change,
            result,
        } => {
            super::work::changed(model, &case, &change, result);
            Vec::new()
        }
        Message::CasesMerged { cases, result } => super::work::merged(model, &cases, result),
        Message::SimilarRead { case, result } => {
            similar_read(model, &case, result);
            Vec::new()
        }
        Message::OpenTasksRead { case, result } => {
            super::closing::looked(model, &case, &result);
            Vec::new()
        }
        Message::Copied(done) => {
            super::copy::told(model, done);
            Vec::new()
        }
        Message::ApprovalReady(result) => approval::ready(model, result),
        Message::DraftOpened { target, result } => documenting::opened(model, target, result),
        Message::DraftLeft { target, result } => {
            super::typed::draft_left(model, &target, result);
            Vec::new()
        }
        Message::Written { number, refused } => super::typed::written(model, number, refused),
        Message::Troubled { source, how } => {
            model.troubles.entry(source).or_default().count(how);
            Vec::new()
        }
        Message::PlanMade(result) => plan_made(model, result),
        Message::Recorded(entries) => recorded(model, &entries),
        Message::CaughtUp(is_read) => {
            let unread = "the log is not read to its end: what other consoles did may be missing";
            model.log_unread = (!is_read).then(|| unread.into());
            documenting::caught_up(model);
            Vec::new()
        }
        Message::AuditFailed(fault) => {
            audit_failed(model, fault);
            // What cannot be recorded is not sent.
            model.going.clear();
            Vec::new()
        }
        Message::AuditLooked { fault, low } => {
            audit_looked(model, fault, low);
            Vec::new()
        }
        Message::AuditBroken(fault) => {
            audit_broken(model, fault);
            Vec::new()
        }
        Message::Watched { account, of, fault } => {
            hold::watched(model, account, of, fault);
            Vec::new()
        }
        Message::Handed(handed) => super::secrets::take(model, handed),
        Message::Noticed { level, fault } => {
            model.say(level, fault.what, fault.hint);
            if level == Level::Alarm {
                vec![Effect::Bell]
            } else {
                Vec::new()
            }
        }
        Message::Key(_)
        | Message::Bunched { .. }
        | Message::Pasted
        | Message::Resized { .. }
        | Message::Tick
        | Message::Drawn
        | Message::Stopped
        | Message::NotStopped
        | Message::Ended => Vec::new(),
    }
}

fn similar_read(model: &mut Model, case: &CaseId, result: Result<Vec<Case>, Fault>) {
    let now = model.now;
    let Some(open) = model.open.as_mut().filter(|open| open.id == *case) else {
        return;
    };
    let first = matches!(open.similar, Load::Loading(_));
    open.similar = match result {
        Ok(cases) => Load::Ready(cases, now),
        Err(fault) => Load::Failed(fault, now),
    };
    if first {
        super::work::say_related(model);
    }
}

fn audit_failed(model: &mut Model, fault: Fault) {
    let line = safe!(
        "the audit log cannot be written, no action will run: {}",
        fault.what
    );
    model.say(Level::Error, line, fault.hint.clone());
    model.audit_fault = Some(fault);
}

/// Takes note of what a look at the audit log found; what is as before is not said again.
fn audit_looked(model: &mut Model, fault: Option<Fault>, low: Option<Fault>) {
    match fault {
        Some(fault) if model.audit_fault.as_ref().map(|known| &known.what) != Some(&fault.what) => {
            audit_failed(model, fault);
        }
        None if model.audit_fault.take().is_some() => {
            model.say(Level::Info, "the audit log can be written again", None);
        }
        _ => {}
    }
    if let (Some(low), None, None) = (&low, &model.audit_low, &model.audit_fault) {
        model.say(Level::Warning, low.what.clone(), low.hint.clone());
    }
    model.audit_low = low;
}

/// Keeps what a reading of the whole audit log found; what is as before is not said again.
fn audit_broken(model: &mut Model, fault: Option<Fault>) {
    match &fault {
        Some(fault) if model.audit_broken.as_ref() != Some(fault) => {
            model.say(Level::Error, fault.what.clone(), fault.hint.clone());
        }
        None if model.audit_broken.is_some() => {
            let line = "the audit log is whole, and is what this host remembers of it";
            model.say(Level::Info, line, None);
        }
        _ => {}
    }
    model.audit_broken = fault;
}

pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let mut effects = super::secrets::tick(model);
    effects.extend(super::open_case::tick(model));
    effects.extend(evidence::tick_by_evidence(model));
    effects.extend(hold::remind(model));
    effects.extend(recovery::remind(model));
    effects.extend(super::work::wake_due(model));
    effects
}

/// Finds anew what is odd, judges the account anew, rings when it acted after its containment.
pub(super) fn events_changed(model: &mut Model) -> Vec<Effect> {
    model.judge();
    let since = model.standing().and_then(Standing::since);
    activity::bring_records(model);
    if let Some(open) = &mut model.open {
        let own: Vec<&ActionView> = match open.account.ready() {
            Some(Found::One(account)) => model.ledger.on(&account.id).collect(),
            _ => Vec::new(),
        };
        open.activity
            .refresh(&model.settings.timeline.tuning, &own, since);
    }
    let mut effects = evidence::tick_by_evidence(model);
    effects.extend(hold::alarm_of_activity(model));
    effects
}

fn plan_made(model: &mut Model, result: Result<Box<Plan>, Box<NoPlan>>) -> Vec<Effect> {
    // Whoever pressed Esc meanwhile does not want the dialog any more, nor the answer to an earlier wish, good or bad.
    let waiting = match (model.layers.last(), &result) {
        (Some(Layer::Planning { kinds, items, of }), Ok(plan)) => {
            wanted(
                kinds,
                of,
                (&plan.case, &plan.account.id, plan.kinds().as_slice()),
            ) && are_same(items, &plan.items())
        }
        (Some(Layer::Planning { kinds, items, of }), Err(none)) => {
            wanted(
                kinds,
                of,
                (&none.case, &none.account, none.kinds.as_slice()),
            ) && are_same(items, &none.items)
        }
        _ => false,
    };
    if !waiting {
        return Vec::new();
    }
    model.layers.pop();
    match result {
        Ok(plan) => {
            // What it was made on is the newest reading there is.
            let effects = super::open_case::adopt(model, &plan.account);
            let confirmation = Confirmation::open(*plan);
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(confirmation),
                said: None,
                scroll: 0,
            });
            return effects;
        }
        Err(none) => {
            let NoPlan { items, fault, .. } = *none;
            super::closing::given_up(model);
            model.say(Level::Error, fault.what, fault.hint);
            // What was to be removed may be gone, or be another thing: the list that was looked at is of before.
            if !items.is_empty() {
                return super::left::read_again(model);
            }
        }
    }
    Vec::new()
}

/// Tells whether an answer is to what is being waited for: this case, this account, these kinds.
fn wanted(
    kinds: &[ActionKind],
    of: &Held,
    (case, account, planned): (&CaseId, &AccountId, &[ActionKind]),
) -> bool {
    of.case == *case
        && of.account == *account
        && kinds.iter().all(|kind| planned.contains(kind))
        && planned.iter().all(|kind| kinds.contains(kind))
}

/// Folds records; what they say about actions is said in the message line too.
pub(super) fn recorded(model: &mut Model, entries: &[Entry]) -> Vec<Effect> {
    let (mut reread, mut rang) = (false, false);
    let worths = super::secrets::worths(model);
    list::anchored(model, |model| {
        for entry in entries {
            model.ledger.apply(entry);
            model.casework.apply(entry);
            evidence::recorded(model, entry);
            mirror::recorded(model, entry);
            reread |= announce(model, entry);
            rang |= hold::alarm_of_reading(model, entry);
        }
    });
    let ledger = &model.ledger;
    model.going.retain(|aid| {
        ledger
            .get(aid)
            .is_some_and(|action| action.state == ActionState::Planned)
    });
    model.keep_unfinished_cursor();
    let mut effects = super::secrets::judge(model);
    super::secrets::say_changed(model, &worths);
    effects.extend(rang.then_some(Effect::Bell));
    effects.extend(hold::alarm_of_records(model, entries));
    effects.extend(recovery::alarm_of_records(model, entries));
    effects.extend(events_changed(model));
    effects.extend(mirror::wishes(model));
    effects.extend(super::work::wake_due(model));
    effects.extend(super::closing::go_on(model));
    if reread {
        effects.extend(read_account(model));
        effects.extend(super::left::read_again(model));
        effects.extend(read_again(model));
    }
    effects
}

/// Says what to do where an action ended without proof and what it made to be handed over is here or was shown.
fn again(model: &Model, action: &ActionView) -> Option<&'static str> {
    let is_here = matches!(action.secret?, SecretState::Waits | SecretState::Shown);
    let is_in_doubt = matches!(
        model.worth(&action.aid),
        Worth::Unanswered | Worth::Unproven | Worth::PerhapsReplaced
    );
    (is_here && is_in_doubt).then_some(
        "reset it again, here or at the provider: what was made may not open the account",
    )
}

/// Says what a record means to the analyst; tells whether the account and the case should be read again.
fn announce(model: &mut Model, entry: &Entry) -> bool {
    match &entry.body {
        Body::ActionOutcome { aid, .. } => {
            let Some(action) = model.ledger.get(aid) else {
                return false;
            };
            let level = match action.state {
                ActionState::Verified | ActionState::DryRun => Level::Info,
                ActionState::Drifted => Level::Alarm,
                ActionState::NotEffective if model.ledger.is_broken_promise(action) => Level::Alarm,
                _ => Level::Error,
            };
            let line = safe!(
                "{} of {}: {}",
                action.what(),
                action.login.field(),
                action.word()
            );
            // Read again once everything on the account has its word, not after each.
            let settled = !model
                .ledger
                .on(&action.account)
                .any(ActionView::is_unfinished);
            let hint = again(model, action).map(Into::into);
            model.say(level, line, hint);
            settled
        }
        Body::ApprovalRequested { expires, .. } => {
            let line = safe!(
                "a second person is asked in the case, until {}; nothing is sent before",
                time_word(*expires)
            );
            model.say(Level::Warning, line, None);
            false
        }
        Body::Approval { approver_login, .. } => {
            let line = safe!("approved by {}", approver_login.field());
            model.say(Level::Info, line, None);
            false
        }
        Body::ActionUnknown { aid, .. } => {
            let Some(action) = model.ledger.get(aid) else {
                return false;
            };
            let line = safe!(
                "{} of {}: UNKNOWN, it may have happened; reading back",
                action.what(),
                action.login.field()
            );
            model.say(Level::Error, line, None);
            false
        }
        Body::ActionDoc { pid, .. } => {
            let acts = model.ledger.plan(pid);
            let line = if acts.iter().any(|act| act.dry_run || act.may_have_left()) {
                "the response is documented in the case".into()
            } else {
                // Another console's plan on the same account may be under way.
                let login = acts.first().map(|act| act.login.field());
                safe!(
                    "of one plan for {} nothing was sent; the case has that on record",
                    login.unwrap_or_default()
                )
            };
            model.say(Level::Info, line, None);
            true
        }
        Body::Refusal { guard, reason, .. } => {
            let line = safe!(
                "refused by the guard {}: {}",
                Untrusted::new(guard.clone()).field(),
                reason.line()
            );
            model.say(Level::Error, line, None);
            false
        }
        _ => false,
    }
}
