//! Closing cases: verdict and comment in one step, and the false positive as one flow.
//!
//! What must not live here: sending (`engine`), the undo itself (it is an ordinary plan).

mod not_over;

use not_over::NotOver;

use super::list::key_of;
use super::typed::fill;
use super::work::{call, refuse, targets};
use super::writing::{input, is_save};
use crate::app::actions::{self, Choice, Readiness};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::closing::{CloseDialog, FalsePositive, OpenTasks};
use crate::app::model::typed::joined;
use crate::app::model::{Layer, Model};
use crate::app::report;
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::CaseId;
use crate::domain::text::Untrusted;
use crate::domain::verdict::{CaseChange, Closing, Verdict};
use crate::safe;

/// Most characters of a comment.
const COMMENT_MAX: usize = 4_000;

/// Opens the dialog for the marked cases, else for the one under the cursor or the open one.
pub(super) fn close(model: &mut Model, verdict: Option<Verdict>) -> Vec<Effect> {
    let cases = targets(model);
    open(model, cases, verdict)
}

fn open(model: &mut Model, cases: Vec<CaseId>, verdict: Option<Verdict>) -> Vec<Effect> {
    if let Some(reason) = refuse(model) {
        model.say(Level::Warning, safe!("close: {}", reason), None);
        return Vec::new();
    }
    let shut = |id: &CaseId| {
        model
            .queue
            .case(id)
            .is_some_and(|case| !case.status.is_open())
    };
    let (closed, cases): (Vec<CaseId>, Vec<CaseId>) = cases.into_iter().partition(|id| shut(id));
    if cases.is_empty() {
        let line = if closed.is_empty() {
            "close: no case is chosen"
        } else {
            "close: it is closed already"
        };
        model.say(Level::Warning, line, None);
        return Vec::new();
    }
    let is_open = |id: &CaseId| model.open.as_ref().is_some_and(|open| open.id == *id);
    let steps = if cases.iter().any(is_open) {
        report::rows(model).iter().map(|row| row.open).sum()
    } else {
        0
    };
    let others = cases.iter().filter(|id| !is_open(id));
    let not_counted = others.map(|id| call(model, id)).collect();
    let named = cases
        .iter()
        .map(|id| (id.clone(), call(model, id)))
        .collect();
    let mut dialog = CloseDialog::new(named, verdict, steps);
    dialog.not_counted = not_counted;
    let found = NotOver::of(model, &cases, dialog.is_false_positive);
    for comment in cases.iter().filter_map(|id| model.typed.closing(id)) {
        take_back(&mut dialog, comment);
    }
    let undone = found.undone();
    dialog.stays = found.lines();
    if dialog.back.is_some() {
        model.say(Level::Warning, "your comment is back", None);
    }
    if let Some(undone) = undone {
        model.say(Level::Info, safe!("close: {}", undone), None);
    }
    for line in &dialog.stays {
        let hint = safe!(
            "closing undoes nothing; {} lists what is contained, {} what is unfinished",
            key_of(model, "contained"),
            key_of(model, "unfinished")
        );
        model.say(Level::Warning, safe!("close: {}", line), Some(hint));
    }
    model.layers.push(Layer::Close(Box::new(dialog)));
    vec![Effect::LookBeforeClosing(cases)]
}

/// Puts the comment of a closing that failed into a dialog, before what is typed there.
fn take_back(dialog: &mut CloseDialog, comment: &Untrusted) {
    let typed = Untrusted::new(dialog.comment());
    // Several cases are closed with one comment.
    if !typed.raw().contains(comment.raw()) {
        fill(&mut dialog.area, joined(comment, &typed).raw());
        dialog.warned = false;
    }
    dialog.back = Some(comment.clone());
}

/// Takes that a case was not closed: its comment is kept until it is, and comes back also where it is asked for already.
pub(super) fn failed(model: &mut Model, case: &CaseId, comment: &Untrusted) {
    model.typed.keep_closing(case, comment);
    for layer in &mut model.layers {
        if let Layer::Close(dialog) = layer
            && dialog.cases.iter().any(|(id, _)| id == case)
        {
            take_back(dialog, comment);
        }
    }
}

/// Takes that the dialog is left: a comment that came back stays as it is now, unless it was emptied.
fn left(model: &mut Model) {
    let Some(Layer::Close(dialog)) = model.layers.pop() else {
        return;
    };
    let mut line = "nothing was closed";
    if dialog.back.is_some() {
        let comment = Untrusted::new(dialog.comment());
        let is_empty = comment.raw().is_empty();
        for (case, _) in &dialog.cases {
            if is_empty {
                model.typed.forget_closing(case);
            } else {
                model.typed.keep_closing(case, &comment);
            }
        }
        if !is_empty {
            line = "nothing was closed; your comment is kept in this console";
        }
    }
    model.say(Level::Info, line, None);
}

/// Takes what would stay open.
pub(super) fn looked(model: &mut Model, case: &CaseId, result: &OpenTasks) {
    for layer in &mut model.layers {
        if let Layer::Close(dialog) = layer
            && dialog.cases.iter().any(|(id, _)| id == case)
        {
            dialog.open.insert(case.clone(), result.clone());
            dialog.warned = false;
        }
    }
}

/// Takes a key of the dialog.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if is_save(chord) {
        return finish(model);
    }
    let Some(Layer::Close(dialog)) = model.layers.last_mut() else {
        return Vec::new();
    };
    let again = std::mem::replace(&mut dialog.esc, false);
    match chord.key {
        Key::Up => dialog.choose(-1),
        Key::Down => dialog.choose(1),
        Key::Esc if again || dialog.comment().is_empty() => left(model),
        Key::Esc => dialog.esc = true,
        _ => {
            let room = dialog.comment().chars().count() < COMMENT_MAX;
            let shrinks = matches!(chord.key, Key::Backspace | Key::Delete) || chord.ctrl;
            if let Some(input) = input(chord).filter(|_| room || shrinks) {
                dialog.area.input(input);
                dialog.warned = false;
            }
        }
    }
    Vec::new()
}

fn finish(model: &mut Model) -> Vec<Effect> {
    if model.locked {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    let Some(Layer::Close(dialog)) = model.layers.last() else {
        return Vec::new();
    };
    let cases: Vec<CaseId> = dialog.cases.iter().map(|(id, _)| id.clone()).collect();
    // This console or another one may have done something since the dialog was opened.
    let found = NotOver::of(model, &cases, dialog.is_false_positive);
    let refusal = found.running(model).or_else(|| found.contained(model));
    let known = found.known(&model.ledger, &cases, model.now.utc);
    let stays = found.lines();
    let Some(Layer::Close(dialog)) = model.layers.last_mut() else {
        return Vec::new();
    };
    if let Some(missing) = dialog.missing() {
        dialog.said = Some(missing);
        return Vec::new();
    }
    let Some(verdict) = dialog.verdict else {
        return Vec::new();
    };
    dialog.judge(stays);
    if let Some(refusal) = refusal.filter(|_| dialog.closes_false_positive()) {
        dialog.said = Some(safe!("not closed: {}", refusal.short));
        let line = safe!("not closed as a false positive: {}", refusal.why);
        model.say(Level::Warning, line, Some(refusal.hint));
        return Vec::new();
    }
    if dialog.leaves_open() && !dialog.warned {
        dialog.warned = true;
        dialog.said = Some("something stays open; Ctrl-s once more closes all the same".into());
        return Vec::new();
    }
    let closing = Closing {
        verdict,
        comment: Untrusted::new(dialog.comment()),
        open_tasks: dialog
            .open_tasks()
            .iter()
            .map(|(id, _)| id.clone())
            .collect(),
        known,
    };
    model.layers.pop();
    model.queue.unmark();
    model.say(Level::Info, safe!("closing: {}", verdict.word()), None);
    vec![Effect::ChangeCases {
        cases,
        change: CaseChange::Close(closing),
    }]
}

/// A false positive: what is contained is undone by its own plan, then the case is closed as one.
pub(super) fn false_positive(model: &mut Model) -> Vec<Effect> {
    let Some(case) = model.open.as_ref().map(|open| open.id.clone()) else {
        model.say(Level::Warning, "false positive: no case is open", None);
        return Vec::new();
    };
    if let Some(reason) = refuse(model) {
        model.say(Level::Warning, safe!("false positive: {}", reason), None);
        return Vec::new();
    }
    let running = NotOver::of(model, std::slice::from_ref(&case), true).running(model);
    if let Some(refusal) = running {
        let line = safe!("false positive: {}", refusal.why);
        model.say(Level::Warning, line, Some(refusal.hint));
        return Vec::new();
    }
    let held = not_over::chosen(model).map(|row| row.account.clone());
    let Some(account) = held else {
        return close_free(model, case);
    };
    if let Readiness::No(reason) = actions::readiness(model, Choice::Enable) {
        let line = safe!(
            "false positive: what is contained cannot be undone yet: {}",
            reason
        );
        let hint = safe!(
            "{} reads the account again; {} lists what is contained",
            key_of(model, "refresh"),
            key_of(model, "contained")
        );
        model.say(Level::Warning, line, Some(hint));
        return Vec::new();
    }
    let line = "false positive: first the containment is undone, then the case is closed";
    model.say(Level::Info, line, None);
    let effects = super::planning::choose(model, Choice::Enable);
    model.false_positive = Some(FalsePositive {
        case,
        account,
        enabling: None,
    });
    effects
}

/// Opens the dialog of a false positive, unless an account is still contained from the case, or may be soon: a case of several
/// users may have more than the chosen one.
fn close_free(model: &mut Model, case: CaseId) -> Vec<Effect> {
    let cases = vec![case];
    let found = NotOver::of(model, &cases, true);
    let refusal = found.running(model).or_else(|| found.contained(model));
    if let Some(refusal) = refusal {
        let line = safe!("false positive: {}", refusal.why);
        model.say(Level::Warning, line, Some(refusal.hint));
        return Vec::new();
    }
    open(model, cases, Some(Verdict::FalsePositive))
}

/// Takes that the undo of a false positive was confirmed: the case waits for this enabling and no other.
pub(super) fn confirmed(model: &mut Model, plan: &ConfirmedPlan) {
    let enabling = plan
        .actions()
        .iter()
        .find(|action| action.kind() == ActionKind::EnableAccount);
    if let Some(waiting) = &mut model.false_positive
        && let Some(enabling) = enabling
        && waiting.enabling.is_none()
        && waiting.case == *plan.case()
        && waiting.account == plan.account().id
    {
        waiting.enabling = Some(enabling.aid().clone());
    }
}

/// Gives a false positive up whose undo was not confirmed: its plan was left, refused, or another one is asked for.
pub(super) fn given_up(model: &mut Model) {
    model.false_positive.take_if(|one| one.enabling.is_none());
}

/// Goes on with a false positive once its undo is proven and nothing else is open.
pub(super) fn go_on(model: &mut Model) -> Vec<Effect> {
    let Some(waiting) = model.false_positive.clone() else {
        return Vec::new();
    };
    let here = model
        .open
        .as_ref()
        .is_some_and(|open| open.id == waiting.case);
    let Some(aid) = waiting.enabling.filter(|_| here) else {
        if !here {
            model.false_positive = None;
        }
        return Vec::new();
    };
    let enabling = model.ledger.get(&aid);
    let proven = enabling.is_some_and(|act| act.state == ActionState::Verified);
    if !proven {
        // Where it ended otherwise a later undo is another wish.
        if enabling.is_some_and(|act| act.ended.is_some()) {
            model.false_positive = None;
        }
        return Vec::new();
    }
    let free = matches!(model.layers.last(), None | Some(Layer::Response { .. }));
    let held = not_over::held(model, &waiting.account).is_some();
    if !free || held || model.unfinished() > 0 {
        return Vec::new();
    }
    // Asked for once: what is closed by Esc stays closed.
    model.false_positive = None;
    close_free(model, waiting.case)
}
