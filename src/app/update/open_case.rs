//! Opening a case: its file first, then the account of its user, then the user's activity.

use std::time::Duration as StdDuration;

use chrono::Duration;

use super::own_comments;
use super::sources::user_sources;
use super::world::events_changed;
use super::{by_hand, resume, runbooks, secrets};
use crate::app::effect::{Effect, Search};
use crate::app::message::{Level, SearchEnd};
use crate::app::model::comments::OwnComments;
use crate::app::model::{ActivityPane, Found, Layer, Load, Looks, Model, OpenCase, Purpose};
use crate::app::related::Seen;
use crate::domain::account::Account;
use crate::domain::audit::{Body, CaseRead};
use crate::domain::case::{CaseFile, Subject};
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::text::Untrusted;

/// How long ago the account was last asked for at least when time asks for it again, while its case is open.
const EACH: StdDuration = StdDuration::from_secs(60);
/// The same where somebody opens a text that says how the account was read.
const FRESH: StdDuration = StdDuration::from_secs(10);
/// Most observables of one case that are compared with those of others.
const SEEN_MAX: usize = 500;
/// Most cases of which they are kept.
const CASES_SEEN_MAX: usize = 1_000;

/// Opens a case: its file first, then the account of its user, then the user's activity.
pub(super) fn open_case(model: &mut Model, case: CaseId) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(open) = &model.open {
        effects.push(Effect::StopSearch(open.activity.search));
    }
    effects.extend(resume::leave(model));
    let now = model.now;
    let counted = model.troubles.clone();
    model
        .opened
        .entry(case.clone())
        .or_insert((now.utc, counted));
    model.open = Some(OpenCase {
        id: case.clone(),
        file: Load::Loading(now),
        subject: Subject::NoUser,
        user: None,
        account: Load::Idle,
        looks: Looks::default(),
        left: Load::Idle,
        left_marked: Vec::new(),
        activity: ActivityPane::default(),
        related_seen: None,
        similar: Load::Loading(now),
        back: None,
        comments: OwnComments::default(),
    });
    model.false_positive = None;
    resume::come_back(model);
    runbooks::for_opened(model);
    resume::step_again(model);
    model.focus = crate::app::model::Pane::Activity;
    effects.push(Effect::Record(vec![Body::CaseOpened {
        case: case.clone(),
    }]));
    effects.push(Effect::ReadCase(case.clone()));
    effects.push(Effect::ReadSimilar(case));
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

/// Looks the user of the open case up again, and says it anew where that fails.
pub(super) fn read_account(model: &mut Model) -> Vec<Effect> {
    if let Some(open) = &mut model.open {
        open.looks.fault = None;
    }
    look_up(model)
}

/// Looks the user of the open case up again where nobody asked for it: a failure that was said already is not said anew.
pub(super) fn look_up(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    let Some(user) = &open.user else {
        return Vec::new();
    };
    open.looks.asked = Some(now);
    vec![Effect::ReadAccount {
        case: open.id.clone(),
        name: user.clone(),
    }]
}

/// Looks the user of the open case up again every minute: others may act on the account.
///
/// One that could not be read yet is asked for once its source answers.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let was_read = |open: &OpenCase| matches!(open.account, Load::Ready(..));
    if !model.open.as_ref().is_some_and(was_read) {
        return Vec::new();
    }
    look_up_after(model, EACH)
}

/// Looks the user of the open case up again for a text that says how the account was read, unless that was a moment ago.
pub(super) fn look_up_for_text(model: &mut Model) -> Vec<Effect> {
    look_up_after(model, FRESH)
}

/// Looks the user of the open case up again, unless it was asked for or read less than so long ago.
pub(super) fn look_up_after(model: &mut Model, least: StdDuration) -> Vec<Effect> {
    let looked = model.open.as_ref().and_then(OpenCase::looked);
    if looked.is_none_or(|at| model.age(at) < least) {
        return Vec::new();
    }
    look_up(model)
}

/// Shows the response of the open case.
pub(super) fn show_response(model: &mut Model) -> Vec<Effect> {
    model.layers.push(Layer::Response { scroll: 0 });
    look_up_for_text(model)
}

pub(super) fn case_read(
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
    let record = Body::CaseRead(CaseRead {
        case: case.clone(),
        alerts: file.alerts.len() as u64,
        observables: file.observables.len() as u64,
        comments: file.comments.len() as u64,
    });
    let seen: Seen = file
        .observables
        .iter()
        .take(SEEN_MAX)
        .map(|one| (one.kind.clone(), one.value.clone()))
        .collect();
    open.file = Load::Ready(file, now);
    if model.seen.len() < CASES_SEEN_MAX {
        model.seen.insert(case.clone(), seen);
    }
    let before = std::mem::replace(&mut open.subject, subject.clone());
    model.queue.subjects.insert(case.clone(), subject.clone());
    let mut effects = if first {
        vec![Effect::Record(vec![record])]
    } else {
        Vec::new()
    };
    if first {
        effects.extend(runbooks::for_read(model));
        resume::step_again(model);
        effects.extend(ask_user(model, subject));
    } else {
        effects.extend(renamed(model, &before, subject));
    }
    own_comments::comments_read(model);
    effects.extend(super::approval::announce(model));
    effects.extend(super::mirror::look(model));
    effects
}

fn ask_user(model: &mut Model, subject: Subject) -> Vec<Effect> {
    match subject {
        Subject::User(user) => choose_user(model, user),
        Subject::Several(names) => {
            model.layers.push(Layer::ChooseUser { names, cursor: 0 });
            Vec::new()
        }
        Subject::NoUser => Vec::new(),
    }
}

/// A case that is read again and names somebody else: what was found out about the other is not about this case.
fn renamed(model: &mut Model, before: &Subject, subject: Subject) -> Vec<Effect> {
    let still = |user: &Untrusted| match &subject {
        Subject::User(named) => named == user,
        Subject::Several(names) => names.contains(user),
        // Nobody named is no word against whom the analyst works on.
        Subject::NoUser => true,
    };
    let Some(open) = &model.open else {
        return Vec::new();
    };
    if open.user.as_ref().is_some_and(still) {
        return Vec::new();
    }
    let known = open.user.is_some();
    if known {
        model.say(
            Level::Warning,
            "the case names another user now: looked up anew",
            Some("a plan or a judgement that was open is given up".into()),
        );
        model.layers.retain(|layer| {
            !matches!(
                layer,
                Layer::Planning { .. }
                    | Layer::Confirm { .. }
                    | Layer::Likelihood { .. }
                    | Layer::Writing {
                        purpose: Purpose::MonitorOnly | Purpose::NoAction,
                        ..
                    }
            )
        });
    }
    if !known && subject == *before {
        // The choice is being made, or was left open: `U` asks again.
        return Vec::new();
    }
    model
        .layers
        .retain(|layer| !matches!(layer, Layer::ChooseUser { .. }));
    let mut effects = forget_user(model);
    effects.extend(ask_user(model, subject));
    effects
}

/// Drops everything that was found out about the user of the open case.
fn forget_user(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    // What was to be closed once another account is enabled is not closed behind the back of this choice.
    model.false_positive = None;
    let search = open.activity.search;
    open.user = None;
    open.account = Load::Idle;
    open.looks = Looks::default();
    open.left = Load::Idle;
    open.left_marked.clear();
    open.activity = ActivityPane::default();
    vec![Effect::StopSearch(search)]
}

/// Sets the user of the open case and looks the account up.
pub(super) fn choose_user(model: &mut Model, user: Untrusted) -> Vec<Effect> {
    let now = model.now;
    // The rows of one user must not stand under the name of another.
    let mut effects = forget_user(model);
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    open.user = Some(user.clone());
    open.account = Load::Loading(now);
    effects.push(Effect::ReadAccount {
        case: open.id.clone(),
        name: user,
    });
    effects
}

/// Shows an account as it was read for something else, where it is that of the open case.
pub(super) fn adopt(model: &mut Model, account: &Account) -> Vec<Effect> {
    let open = model.open.as_ref().filter(|open| {
        let shown = open.the_account();
        shown.is_some_and(|shown| shown.id == account.id)
    });
    let Some((case, Some(user))) = open.map(|open| (open.id.clone(), open.user.clone())) else {
        return Vec::new();
    };
    account_read(model, &case, &user, Ok(vec![account.clone()]))
}

pub(super) fn account_read(
    model: &mut Model,
    case: &CaseId,
    asked: &Untrusted,
    result: Result<Vec<Account>, Fault>,
) -> Vec<Effect> {
    let now = model.now;
    let worths = secrets::worths(model);
    let Some(open) = model
        .open
        .as_mut()
        .filter(|o| o.id == *case && o.user.as_ref() == Some(asked))
    else {
        return Vec::new();
    };
    let before = open.last_account().map(|account| account.id.clone());
    match result {
        Err(fault) => {
            let line = fault.what.clone();
            // Asked every minute, it fails every minute.
            let is_said = open.looks.fault.replace(line.clone()).as_ref() == Some(&line);
            if open.account.ready().is_none() {
                open.account = Load::Failed(fault, now);
            }
            if !is_said {
                model.say(Level::Error, line, None);
            }
        }
        Ok(mut accounts) => {
            let found = match accounts.len() {
                0 => Found::Nobody,
                1 => Found::One(Box::new(accounts.remove(0))),
                _ => Found::Several(accounts),
            };
            let is_nobody = matches!(found, Found::Nobody);
            let old = std::mem::replace(&mut open.account, Load::Ready(found, now));
            match old {
                Load::Ready(Found::One(account), read) if is_nobody => {
                    open.looks.was = Some((account, read));
                }
                _ if is_nobody => {}
                _ => open.looks.was = None,
            }
            open.looks.fault = None;
            if let Some(showing) = &mut model.showing {
                showing.is_awaited = false;
            }
        }
    }
    if let Some(open) = &mut model.open
        && before.as_ref() != open.last_account().map(|account| &account.id)
    {
        open.left = Load::Idle;
        open.left_marked.clear();
    }
    model.judge();
    model.keep_password();
    secrets::say_changed(model, &worths);
    let mut effects = by_hand::alarm(model);
    let after = model
        .open
        .as_ref()
        .and_then(OpenCase::last_account)
        .map(|account| account.id.clone());
    let searched = model
        .open
        .as_ref()
        .is_some_and(|open| open.activity.search != 0);
    // Without an account the activity is still searched, by the name alone.
    if !searched || before != after {
        let hours = model.settings.timeline.window_hours;
        effects.extend(search(model, hours));
    }
    effects
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
    if open.user.is_none() {
        return Vec::new();
    }
    let names = super::activity::names(open);
    let account = open.the_account().map(|account| account.id.clone());
    let old = open.activity.search;
    // Another window of the same user is looked at through the same filter.
    let filter = std::mem::take(&mut open.activity.view.filter);
    open.activity = ActivityPane::begin(number, hours, now);
    open.activity.view.filter = filter;
    open.activity.names.clone_from(&names);
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

pub(super) fn activity_ended(
    model: &mut Model,
    search: u64,
    result: Result<SearchEnd, Fault>,
) -> Vec<Effect> {
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
    super::alerts::join(model);
    let effects = events_changed(model);
    resume::events_again(model);
    effects
}
