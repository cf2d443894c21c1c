//! Work on the queue: claims, marks, merges, snoozes, and what came of them.
//!
//! What must not live here: closing (`closing`), sending (`engine`).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::panes::write;
use crate::app::effect::Effect;
use crate::app::message::{Changed, Level};
use crate::app::model::layer::{Asked, Question, SNOOZES};
use crate::app::model::{Layer, Model, Pane, Purpose};
use crate::app::related;
use crate::config::settings::Mode;
use crate::domain::audit::{Body, CaseSnoozed};
use crate::domain::case::Case;
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::ids::CaseId;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::verdict::CaseChange;
use crate::safe;

/// Most cases that are merged in one step.
const MERGE_MAX: usize = 10;

/// Says what a case is called: its number, else its id.
pub(super) fn call(model: &Model, id: &CaseId) -> Safe {
    match model.queue.case(id).and_then(|case| case.number) {
        Some(number) => safe!("#{}", number),
        None => id.shown(),
    }
}

/// Lists the cases a command is about: the marked ones, the one under the cursor in the queue, else the open one.
pub(super) fn targets(model: &Model) -> Vec<CaseId> {
    if model.focus == Pane::Cases {
        let marked = model.queue.marked();
        if !marked.is_empty() {
            return marked.into_iter().map(|case| case.id.clone()).collect();
        }
        return model
            .queue
            .selected()
            .map(|case| case.id.clone())
            .into_iter()
            .collect();
    }
    model
        .open
        .as_ref()
        .map(|open| open.id.clone())
        .into_iter()
        .collect()
}

/// Tells why nothing can be changed in the case system now, if so.
pub(super) fn refuse(model: &Model) -> Option<Safe> {
    if let Some(fault) = &model.audit_fault {
        return Some(safe!("the audit log cannot be written: {}", fault.what));
    }
    match model.mode() {
        Mode::Live => None,
        mode => Some(safe!(
            "{}: nothing is changed in the case system",
            mode.word()
        )),
    }
}

/// `a`: makes cases the operator's own; the operator's own one is given back.
pub(super) fn claim(model: &mut Model) -> Vec<Effect> {
    let cases = targets(model);
    if cases.is_empty() {
        model.say(Level::Warning, "claim: no case is chosen", None);
        return Vec::new();
    }
    if let Some(reason) = refuse(model) {
        model.say(Level::Warning, safe!("claim: {}", reason), None);
        return Vec::new();
    }
    let Some(me) = model.operator.login.clone() else {
        let line = "claim: the case system has not said yet whose token this is";
        model.say(Level::Warning, line, None);
        return Vec::new();
    };
    let owner = |model: &Model, id: &CaseId| {
        let case = model.queue.case(id)?;
        case.assignee.clone()
    };
    if let [case] = cases.as_slice() {
        let seen = owner(model, case);
        return match seen {
            Some(owner) if owner == me => {
                model.say(Level::Info, safe!("releasing {}", call(model, case)), None);
                change(vec![case.clone()], CaseChange::Release)
            }
            Some(owner) => {
                let text = safe!(
                    "{} belongs to {}. Take it over?",
                    call(model, case),
                    owner.field()
                );
                ask(
                    model,
                    "Take over",
                    text,
                    Asked::TakeOver(case.clone(), owner),
                );
                Vec::new()
            }
            None => {
                model.say(Level::Info, safe!("claiming {}", call(model, case)), None);
                change(vec![case.clone()], CaseChange::Claim { seen: None })
            }
        };
    }
    let (free, taken): (Vec<CaseId>, Vec<CaseId>) =
        cases.into_iter().partition(|id| owner(model, id).is_none());
    for id in &taken {
        let word = match owner(model, id) {
            Some(owner) if owner == me => "yours already".into(),
            Some(owner) => safe!("belongs to {}: not touched", owner.field()),
            None => Safe::default(),
        };
        model.say(Level::Info, safe!("{}: {}", call(model, id), word), None);
    }
    model.queue.unmark();
    if free.is_empty() {
        return Vec::new();
    }
    model.say(Level::Info, safe!("claiming {} cases", free.len()), None);
    change(free, CaseChange::Claim { seen: None })
}

fn change(cases: Vec<CaseId>, change: CaseChange) -> Vec<Effect> {
    vec![Effect::ChangeCases { cases, change }]
}

fn ask(model: &mut Model, title: &'static str, text: Safe, then: Asked) {
    let question = Question { title, text, then };
    model.layers.push(Layer::Ask(Box::new(question)));
}

/// Takes the answer to a question.
pub(super) fn answered(model: &mut Model, question: Question) -> Vec<Effect> {
    match question.then {
        Asked::TakeOver(case, owner) => {
            model.say(Level::Info, safe!("claiming {}", call(model, &case)), None);
            change(vec![case], CaseChange::Claim { seen: Some(owner) })
        }
        Asked::Merge(cases) => {
            // It may have been asked a while ago.
            if let Some(reason) = refuse(model).or_else(|| unmergeable(model, &cases)) {
                model.say(Level::Warning, safe!("merge: {}", reason), None);
                return Vec::new();
            }
            model.queue.unmark();
            model.say(Level::Info, safe!("merging {} cases", cases.len()), None);
            vec![Effect::MergeCases(cases)]
        }
    }
}

/// Takes how a change of a case went.
pub(super) fn changed(
    model: &mut Model,
    id: &CaseId,
    change: &CaseChange,
    result: Result<Changed, Fault>,
) {
    let name = call(model, id);
    match result {
        Ok(Changed::Done(case) | Changed::Already(case)) => {
            let word: Safe = match change {
                CaseChange::Claim { .. } => "is yours".into(),
                CaseChange::Release => "is free again".into(),
                CaseChange::Close(closing) => safe!(
                    "is closed: {} ({})",
                    closing.verdict.word(),
                    case.vendor_status.field()
                ),
            };
            model.say(Level::Info, safe!("{} {}", name, word), None);
            took(model, *case);
        }
        Err(fault) => {
            // The dialog is gone, and what was typed there is not to be.
            if let CaseChange::Close(closing) = change {
                super::closing::failed(model, id, &closing.comment);
                let line = safe!("{}: your comment: {}", name, closing.comment.line());
                model.say(Level::Info, line, None);
            }
            let line = safe!("{}: {}", name, fault.what);
            model.say(Level::Warning, line, fault.hint);
        }
    }
}

/// Forgets the comments of closings that failed where the case is closed by now, by whomever.
pub(super) fn forget_closed(model: &mut Model, cases: &[Case]) {
    for case in cases.iter().filter(|case| !case.status.is_open()) {
        model.typed.forget_closing(&case.id);
    }
}

/// Shows a case as it was just read, in the queue and where it is open.
fn took(model: &mut Model, case: Case) {
    forget_closed(model, std::slice::from_ref(&case));
    if let Some(open) = model.open.as_mut().filter(|open| open.id == case.id)
        && let crate::app::model::Load::Ready(file, _) = &mut open.file
    {
        file.case = case.clone();
    }
    model.queue.replace(case);
}

/// `J`: asks whether the marked cases become one.
pub(super) fn merge(model: &mut Model) {
    let marked: Vec<CaseId> = model
        .queue
        .marked()
        .into_iter()
        .map(|case| case.id.clone())
        .collect();
    if let Some(reason) = refuse(model).or_else(|| unmergeable(model, &marked)) {
        model.say(Level::Warning, safe!("merge: {}", reason), None);
        return;
    }
    let names = marked.iter().map(|id| call(model, id));
    let names = Safe::join(names, &Safe::fixed(", "));
    let text = safe!(
        "Make one new case of {}? The old ones are gone afterwards, and there is no way back.",
        names
    );
    ask(model, "Merge", text, Asked::Merge(marked));
}

/// Tells why cases cannot become one.
fn unmergeable(model: &Model, cases: &[CaseId]) -> Option<Safe> {
    let first = cases.first()?;
    if cases.len() > MERGE_MAX {
        return Some(safe!("more than {} cases are marked", MERGE_MAX));
    }
    if cases.iter().any(|case| case.connection != first.connection) {
        return Some("the marked cases are of different systems".into());
    }
    let shut = |id: &&CaseId| {
        model
            .queue
            .case(id)
            .is_none_or(|case| !case.status.is_open())
    };
    if let Some(id) = cases.iter().find(shut) {
        return Some(safe!("{} is closed", call(model, id)));
    }
    // What is contained, and what has to be documented, is known by its case.
    let acted = |id: &&CaseId| model.ledger.actions().any(|action| action.case == **id);
    if let Some(id) = cases.iter().find(acted) {
        return Some(safe!(
            "{} has actions of this console, which are known by its id",
            call(model, id)
        ));
    }
    (cases.len() < 2).then(|| "mark two cases or more with Space".into())
}

/// Takes how a merge went.
pub(super) fn merged(
    model: &mut Model,
    cases: &[CaseId],
    result: Result<Box<Case>, Fault>,
) -> Vec<Effect> {
    let names = cases.iter().map(|id| call(model, id));
    let names = Safe::join(names, &Safe::fixed(", "));
    match result {
        Ok(case) => {
            let line = safe!("{} are #{} now", names, case.number.unwrap_or_default());
            model.say(Level::Info, line, None);
            let open = model.open.as_ref();
            if open.is_some_and(|open| cases.contains(&open.id)) {
                return super::open_case::open_case(model, case.id.clone());
            }
        }
        Err(fault) => {
            model.say(
                Level::Error,
                safe!("merge of {}: {}", names, fault.what),
                fault.hint,
            );
        }
    }
    Vec::new()
}

/// `s`: asks for how long a case is not shown; one that is not shown is shown again.
pub(super) fn snooze(model: &mut Model) -> Vec<Effect> {
    let cases = targets(model);
    if cases.is_empty() {
        model.say(Level::Warning, "snooze: no case is chosen", None);
        return Vec::new();
    }
    if cases.iter().all(|id| model.queue.is_snoozed(id)) {
        if model.focus == Pane::Cases {
            model.queue.unmark();
        }
        return wake(model, &cases, "by hand");
    }
    model.layers.push(Layer::Snooze { cases, cursor: 0 });
    Vec::new()
}

/// Takes for how long; the reason is written next.
pub(super) fn snooze_chosen(model: &mut Model, cases: Vec<CaseId>, cursor: usize) {
    let Some((minutes, _)) = SNOOZES.get(cursor) else {
        return;
    };
    if let Some(until) = model
        .now
        .utc
        .checked_add_signed(TimeDelta::minutes(*minutes))
    {
        write(model, Purpose::Snooze(cases, until));
    }
}

/// Records that cases are not shown for a while, and why.
pub(super) fn snoozed(
    model: &mut Model,
    cases: Vec<CaseId>,
    until: DateTime<Utc>,
    reason: &Untrusted,
) -> Vec<Effect> {
    let line = safe!(
        "not shown here until {}; is:snoozed in the filter lists them",
        time_word(until)
    );
    model.say(Level::Info, line, None);
    model.queue.unmark();
    let bodies = cases.into_iter().map(|case| {
        Body::CaseSnoozed(CaseSnoozed {
            case,
            until: Some(until),
            reason: reason.clone(),
        })
    });
    vec![Effect::Record(bodies.collect())]
}

fn wake(model: &mut Model, cases: &[CaseId], why: &'static str) -> Vec<Effect> {
    let mut bodies = Vec::new();
    for case in cases {
        model.say(
            Level::Warning,
            safe!("{} is back: {}", call(model, case), why),
            None,
        );
        bodies.push(Body::CaseSnoozed(CaseSnoozed {
            case: case.clone(),
            until: None,
            reason: Untrusted::new(why),
        }));
    }
    vec![Effect::Record(bodies)]
}

/// Shows again what was snoozed long enough; called as time goes by and when records came.
pub(super) fn wake_due(model: &mut Model) -> Vec<Effect> {
    let now = model.now.utc;
    let (mut asleep, mut due) = (BTreeSet::new(), Vec::new());
    for (case, snoozed) in model.casework.snoozed() {
        if snoozed.until > now {
            asleep.insert(case.clone());
        } else if model.queue.is_snoozed(case) {
            due.push(case.clone());
        }
    }
    model.queue.set_snoozed(asleep);
    if due.is_empty() {
        return Vec::new();
    }
    wake(model, &due, "its snooze is over")
}

/// Shows a snoozed case again when it has become worse.
pub(super) fn wake_worse(model: &mut Model, cases: &[Case]) -> Vec<Effect> {
    let worse: Vec<CaseId> = cases
        .iter()
        .filter(|case| model.queue.is_snoozed(&case.id))
        .filter(|case| {
            let known = model.queue.case(&case.id);
            known.is_some_and(|known| case.severity > known.severity)
        })
        .map(|case| case.id.clone())
        .collect();
    if worse.is_empty() {
        return Vec::new();
    }
    wake(model, &worse, "it has become worse")
}

/// Says what others did to cases that were the operator's, or that is open here.
pub(super) fn say_losses(model: &mut Model, cases: &[Case]) {
    let me = model.operator.login.clone();
    let open = model.open.as_ref().map(|open| open.id.clone());
    let mut lines: Vec<Safe> = Vec::new();
    for case in cases {
        let Some(known) = model.queue.case(&case.id) else {
            continue;
        };
        let name = call(model, &case.id);
        let was_mine = me.is_some() && known.assignee == me;
        if known.assignee != case.assignee && (was_mine || open.as_ref() == Some(&case.id)) {
            match &case.assignee {
                Some(owner) if case.assignee != me => {
                    let was = if was_mine { "was yours and " } else { "" };
                    lines.push(safe!("{} {}belongs to {} now", name, was, owner.field()));
                }
                None if was_mine => lines.push(safe!("{} is not yours any more", name)),
                _ => {}
            }
        }
        if open.as_ref() == Some(&case.id) && known.status.is_open() && !case.status.is_open() {
            lines.push(safe!("{} was closed: {}", name, case.vendor_status.field()));
        }
    }
    for line in lines {
        model.say(Level::Warning, line, Some("what you wrote is kept".into()));
    }
}

/// Says once that the open case is not in the case system any more; what was read of it stays.
pub(super) fn say_gone(model: &mut Model, cases: &[Case], truncated: bool) {
    let Some(open) = model.open.as_ref() else {
        return;
    };
    let id = open.id.clone();
    let here = cases.iter().any(|case| case.id == id);
    // What is not in a part of the list may be in the rest.
    let gone = !here && !truncated && model.queue.case(&id).is_some();
    if gone {
        let line = safe!(
            "{} is not in the case system any more: merged or deleted there",
            call(model, &id)
        );
        let hint = "what was read of it stays here; what is contained stays listed";
        model.say(Level::Error, line, Some(hint.into()));
    }
}

/// `=`: lists the other cases of the user and of what was seen.
pub(super) fn show_related(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = &mut model.open else {
        model.say(Level::Warning, "other cases: no case is open", None);
        return Vec::new();
    };
    open.related_seen = Some(now);
    let case = open.id.clone();
    model.layers.push(Layer::Related { cursor: 0 });
    vec![Effect::ReadSimilar(case)]
}

/// Opens the case under the cursor of that list.
pub(super) fn open_related(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let case = related::rows(model).get(cursor).map(|row| row.id.clone());
    case.map(|case| super::open_case::open_case(model, case))
        .unwrap_or_default()
}

/// Says once which other open cases name the same user.
pub(super) fn say_related(model: &mut Model) {
    let rows = related::rows(model);
    let open: Vec<Safe> = rows
        .iter()
        .filter(|row| row.is_open)
        .take(5)
        .map(|row| safe!("{} ({})", row.name, row.why))
        .collect();
    if !open.is_empty() {
        let line = safe!("also open: {}", Safe::join(open, &Safe::fixed(", ")));
        model.say(Level::Warning, line, Some("= lists them".into()));
    }
}
