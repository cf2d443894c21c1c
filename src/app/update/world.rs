//! What news from the world do to the model, and what opening a case sets off.

use chrono::Duration;

use super::evidence;
use crate::app::effect::{Effect, Search};
use crate::app::message::{Level, Message, Polled, SearchEnd};
use crate::app::model::{ActivityPane, Found, Layer, Load, Model, OpenCase};
use crate::domain::account::Account;
use crate::domain::audit::{Body, Entry};
use crate::domain::case::{Case, CaseFile, Subject, UserSource};
use crate::domain::containment::confirm::Confirmation;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;
use crate::domain::timeline::finding::{Rule, Tuning};
use crate::safe;

pub(super) fn take(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::SourcePolled {
            source,
            seq,
            result,
        } => polled(model, &source, seq, result),
        Message::OperatorKnown(operator) => {
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
        Message::ActivityPage {
            search,
            events,
            faults,
        } => {
            let Some(open) = model.open.as_mut().filter(|o| o.activity.search == search) else {
                return Vec::new();
            };
            open.activity.activity.faults.extend(faults);
            if open.activity.activity.merge(events) > 0 {
                return events_changed(model);
            }
            Vec::new()
        }
        Message::ActivityEnded { search, result } => activity_ended(model, search, result),
        Message::PlanMade(result) => plan_made(model, result),
        Message::Recorded(entries) => recorded(model, &entries),
        Message::AuditFailed(fault) => {
            let line = safe!(
                "the audit log cannot be written, no action will run: {}",
                fault.what
            );
            model.say(Level::Error, line, fault.hint.clone());
            model.audit_fault = Some(fault);
            Vec::new()
        }
        Message::Noticed { level, fault } => {
            model.say(level, fault.what, fault.hint);
            Vec::new()
        }
        Message::Key(_)
        | Message::Pasted
        | Message::Resized { .. }
        | Message::Tick
        | Message::Ended => Vec::new(),
    }
}

pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    evidence::tick_by_evidence(model)
}

fn polled(
    model: &mut Model,
    source: &ConnectionName,
    seq: u64,
    result: Result<Polled, Fault>,
) -> Vec<Effect> {
    let boot = model.now.boot;
    let Some(place) = model.sources.iter().position(|known| known.name == *source) else {
        return Vec::new();
    };
    if seq <= model.sources[place].seq {
        return Vec::new();
    }
    model.sources[place].seq = seq;
    match result {
        Err(fault) => {
            let first = model.sources[place].fault.is_none();
            if first {
                let line = safe!("{}: {}", model.sources[place].label, fault.what);
                model.say(Level::Warning, line, fault.hint.clone());
            }
            model.sources[place].fault = Some(fault);
            Vec::new()
        }
        Ok(polled) => {
            let was_down = model.sources[place].fault.take().is_some();
            model.sources[place].heard.good = Some(boot);
            if was_down {
                let line = safe!("{} answers again", model.sources[place].label);
                model.say(Level::Info, line, None);
            }
            match polled {
                Polled::Cases {
                    cases,
                    faults,
                    truncated,
                } => {
                    model.sources[place].bad_records = faults.len();
                    model.queue.truncated = truncated;
                    cases_polled(model, cases)
                }
                Polled::Alerts { faults, .. } => {
                    model.sources[place].bad_records = faults.len();
                    Vec::new()
                }
                Polled::Alive => Vec::new(),
            }
        }
    }
}

fn cases_polled(model: &mut Model, cases: Vec<Case>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for case in &cases {
        let fresh = model.queue.heard && !model.queue.all().iter().any(|old| old.id == case.id);
        if fresh && case.severity >= Severity::Critical && case.status.is_open() {
            let line = safe!("new critical case #{}", case.number.unwrap_or_default());
            model.say(Level::Alarm, line, None);
            effects.push(Effect::Bell);
        }
        if !model.queue.subjects.contains_key(&case.id) {
            let sources = user_sources(model, &case.id);
            let subject = bare(case).subject(&sources);
            model.queue.subjects.insert(case.id.clone(), subject);
        }
    }
    // The open case may have changed under us; its row is taken from the poll, its file when it is re-read.
    model.queue.take(cases);
    effects
}

/// A case as the list knows it: no observables, no alerts.
fn bare(case: &Case) -> CaseFile {
    CaseFile {
        case: case.clone(),
        observables: Vec::new(),
        alerts: Vec::new(),
        tasks: Vec::new(),
        comments: Vec::new(),
        faults: Vec::new(),
    }
}

fn user_sources(model: &Model, case: &CaseId) -> Vec<UserSource> {
    model
        .settings
        .connections
        .iter()
        .find(|connection| connection.name == case.connection)
        .map(|connection| connection.case_user.clone())
        .unwrap_or_default()
}

/// Opens a case: its file first, then the account of its user, then the user's activity.
pub(super) fn open_case(model: &mut Model, case: CaseId) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(open) = &model.open {
        effects.push(Effect::StopSearch(open.activity.search));
    }
    let now = model.now;
    model.open = Some(OpenCase {
        id: case.clone(),
        file: Load::Loading(now),
        subject: Subject::NoUser,
        user: None,
        account: Load::Idle,
        activity: ActivityPane::default(),
    });
    model.checklist_toggled.clear();
    model.checklist_cursor = 0;
    model.focus = crate::app::model::Pane::Activity;
    effects.push(Effect::Record(vec![Body::CaseOpened {
        case: case.clone(),
    }]));
    effects.push(Effect::ReadCase(case));
    effects
}

/// Reads the open case again.
pub(super) fn read_again(model: &mut Model) -> Vec<Effect> {
    match &model.open {
        Some(open) => vec![Effect::ReadCase(open.id.clone())],
        None => Vec::new(),
    }
}

/// Asks every source now, and for the open case and its account again.
pub(super) fn refresh(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::PollNow];
    effects.extend(read_again(model));
    effects.extend(read_account(model));
    model.say(Level::Info, "asking every source", None);
    effects
}

/// Looks the user of the open case up again.
pub(super) fn read_account(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let Some(user) = &open.user else {
        return Vec::new();
    };
    vec![Effect::ReadAccount {
        case: open.id.clone(),
        name: user.clone(),
    }]
}

fn case_read(
    model: &mut Model,
    case: &CaseId,
    result: Result<Box<CaseFile>, Fault>,
) -> Vec<Effect> {
    let now = model.now;
    let sources = user_sources(model, case);
    let Some(open) = model.open.as_mut().filter(|open| open.id == *case) else {
        return Vec::new();
    };
    let file = match result {
        Ok(file) => file,
        Err(fault) => {
            let line = fault.what.clone();
            if open.file.ready().is_none() {
                open.file = Load::Failed(fault, now);
            }
            model.say(Level::Error, line, None);
            return Vec::new();
        }
    };
    let first = open.file.ready().is_none();
    let subject = file.subject(&sources);
    let record = Body::CaseRead {
        case: case.clone(),
        alerts: file.alerts.len() as u64,
        observables: file.observables.len() as u64,
        comments: file.comments.len() as u64,
    };
    open.file = Load::Ready(file, now);
    open.subject = subject.clone();
    model.queue.subjects.insert(case.clone(), subject.clone());
    let mut effects = if first {
        vec![Effect::Record(vec![record])]
    } else {
        Vec::new()
    };
    if first {
        match subject {
            Subject::User(user) => effects.extend(choose_user(model, user)),
            Subject::Several(names) => {
                model.layers.push(Layer::ChooseUser { names, cursor: 0 });
            }
            Subject::NoUser => {}
        }
    }
    effects
}

/// Sets the user of the open case and looks the account up.
pub(super) fn choose_user(model: &mut Model, user: Untrusted) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    open.user = Some(user.clone());
    open.account = Load::Loading(now);
    vec![Effect::ReadAccount {
        case: open.id.clone(),
        name: user,
    }]
}

fn account_read(
    model: &mut Model,
    case: &CaseId,
    asked: &Untrusted,
    result: Result<Vec<Account>, Fault>,
) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = model
        .open
        .as_mut()
        .filter(|o| o.id == *case && o.user.as_ref() == Some(asked))
    else {
        return Vec::new();
    };
    let before = open.the_account().map(|account| account.id.clone());
    match result {
        Err(fault) => {
            let line = fault.what.clone();
            if open.account.ready().is_none() {
                open.account = Load::Failed(fault, now);
            }
            model.say(Level::Error, line, None);
        }
        Ok(mut accounts) => {
            let found = match accounts.len() {
                0 => Found::Nobody,
                1 => Found::One(Box::new(accounts.remove(0))),
                _ => Found::Several(accounts),
            };
            open.account = Load::Ready(found, now);
        }
    }
    model.judge();
    let after = model
        .open
        .as_ref()
        .and_then(OpenCase::the_account)
        .map(|account| account.id.clone());
    let searched = model
        .open
        .as_ref()
        .is_some_and(|open| open.activity.search != 0);
    // Without an account the activity is still searched, by the name alone.
    if !searched || before != after {
        let hours = model.settings.timeline.window_hours;
        return search(model, hours);
    }
    Vec::new()
}

/// Starts a new search for the activity of the open case's user.
pub(super) fn search(model: &mut Model, hours: u32) -> Vec<Effect> {
    let now = model.now;
    let limit = model.settings.timeline.max_events;
    model.last_search += 1;
    let number = model.last_search;
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    let Some(user) = &open.user else {
        return Vec::new();
    };
    let mut names = vec![user.clone()];
    let account = match open.account.ready() {
        Some(Found::One(account)) => {
            let more = [
                Some(account.login.clone()),
                account.mail.clone(),
                Some(account.id.raw().into()),
            ];
            for name in more.into_iter().flatten() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Some(account.id.clone())
        }
        _ => None,
    };
    let old = open.activity.search;
    open.activity = ActivityPane::begin(number, hours, now);
    let search = Search {
        number,
        account,
        names,
        since: now.utc - Duration::hours(i64::from(hours)),
        window_hours: hours,
        limit,
    };
    let mut effects = Vec::new();
    if old != 0 {
        effects.push(Effect::StopSearch(old));
    }
    effects.push(Effect::SearchActivity(search));
    effects
}

fn activity_ended(model: &mut Model, search: u64, result: Result<SearchEnd, Fault>) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = model
        .open
        .as_mut()
        .filter(|open| open.activity.search == search)
    else {
        return Vec::new();
    };
    open.activity.loading = None;
    match result {
        Ok(end) => {
            open.activity.heard = Some(now);
            open.activity.fault = None;
            open.activity.ended.get_or_insert(end);
        }
        Err(fault) => {
            let first = open.activity.fault.is_none();
            let line = fault.what.clone();
            open.activity.fault = Some(fault);
            if first {
                model.say(Level::Error, line, None);
            }
        }
    }
    events_changed(model)
}

/// Finds anew what is odd, judges the account anew, rings when it acted after its containment.
pub(super) fn events_changed(model: &mut Model) -> Vec<Effect> {
    model.judge();
    let since = model.standing().and_then(Standing::since);
    let tuning = Tuning {
        failures: model.settings.timeline.failures,
        window: Duration::from_std(model.settings.timeline.failure_window)
            .unwrap_or(Tuning::default().window),
    };
    let mut alarm = None;
    if let Some(open) = &mut model.open {
        let own: Vec<&ActionView> = match open.account.ready() {
            Some(Found::One(account)) => model.ledger.on(&account.id).collect(),
            _ => Vec::new(),
        };
        let alarmed = |pane: &ActivityPane| {
            pane.findings
                .iter()
                .find(|f| f.rule == Rule::SuccessAfterContainment)
                .map(|f| f.evidence.len())
        };
        let before = alarmed(&open.activity);
        open.activity.refresh(tuning, &own, since);
        if before.is_none() {
            alarm = alarmed(&open.activity);
        }
    }
    let mut effects = evidence::tick_by_evidence(model);
    if alarm.is_some() {
        model.say(
            Level::Alarm,
            "the account was active after its containment",
            None,
        );
        effects.push(Effect::Bell);
    }
    effects
}

fn plan_made(
    model: &mut Model,
    result: Result<Box<crate::domain::containment::plan::Plan>, Fault>,
) -> Vec<Effect> {
    // Whoever pressed Esc meanwhile does not want the dialog any more.
    let waiting = matches!(model.layers.last(), Some(Layer::Planning { .. }));
    if !waiting {
        return Vec::new();
    }
    model.layers.pop();
    match result {
        Ok(plan) => {
            let confirmation = Confirmation::open(*plan, model.now.boot);
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(confirmation),
                said: None,
            });
        }
        Err(fault) => model.say(Level::Error, fault.what, fault.hint),
    }
    Vec::new()
}

/// Folds records; what they say about actions is said in the message line too.
pub(super) fn recorded(model: &mut Model, entries: &[Entry]) -> Vec<Effect> {
    let mut reread = false;
    for entry in entries {
        model.ledger.apply(entry);
        model.casework.apply(entry);
        reread |= announce(model, entry);
    }
    let mut effects = events_changed(model);
    if reread {
        effects.extend(read_account(model));
        effects.extend(read_again(model));
    }
    effects
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
                _ => Level::Error,
            };
            let line = safe!(
                "{} of {}: {}",
                action.kind.word(),
                action.login.field(),
                action.state.word()
            );
            // Read again once everything on the account has its word, not after each.
            let settled = !model
                .ledger
                .on(&action.account)
                .any(|one| one.state.is_unfinished());
            model.say(level, line, None);
            settled
        }
        Body::ActionUnknown { aid, .. } => {
            let Some(action) = model.ledger.get(aid) else {
                return false;
            };
            let line = safe!(
                "{} of {}: UNKNOWN, it may have happened; reading back",
                action.kind.word(),
                action.login.field()
            );
            model.say(Level::Error, line, None);
            false
        }
        Body::ActionDoc { .. } => {
            model.say(Level::Info, "the response is documented in the case", None);
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
