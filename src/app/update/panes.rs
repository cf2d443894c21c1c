//! What a command does when no layer is open.

use super::planning::choose;
use super::{
    activity, approval, closing, copy, documenting, leaving, list, open_case, run_step, runbooks,
    work,
};
use crate::app::actions::{Choice, nobody_chosen, pane_rows, under_cursor};
use crate::app::checklist;
use crate::app::command::Command;
use crate::app::effect::Effect;
use crate::app::local;
use crate::app::message::Level;
use crate::app::model::{Layer, ListRow, Model, Pane, Purpose};
use crate::app::ready::posting;
use crate::domain::case::Subject;
use crate::domain::freshness::time_word;
use crate::domain::likelihood::Likelihood;
use crate::domain::report::Target;
use crate::domain::text::{Excerpt, Safe, Untrusted};
use crate::safe;

pub(super) use super::typed::write;

/// Windows of the activity in hours, in the order `t` goes through them.
const WINDOWS: [u32; 3] = [24, 48, 72];

/// Commands that act on an account or write into a case: after an idle time they ask for a word first.
const ARMED: [Command; 35] = [
    Command::MarkEvent,
    Command::TagEvent,
    Command::EventNote,
    Command::AddEvent,
    Command::PostEvent,
    Command::DismissFinding,
    Command::Claim,
    Command::CloseCase,
    Command::FalsePositive,
    Command::Merge,
    Command::CompromiseWindow,
    Command::Contain,
    Command::ContainBoth,
    Command::ContainRevoke,
    Command::ContainDisable,
    Command::ContainMonitor,
    Command::ContainNothing,
    Command::ContainReset,
    Command::ContainExpire,
    Command::ContainCompromised,
    Command::ContainDismiss,
    Command::ShowSecret,
    Command::Undo,
    Command::Likelihood,
    Command::Note,
    Command::Document,
    Command::Handover,
    Command::Tick,
    Command::SkipStep,
    Command::NotApplicable,
    Command::RunStep,
    Command::TickHere,
    Command::StepNote,
    Command::ClosePhase,
    Command::ChooseRunbook,
];

pub(super) fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    if let Some(why) = model.lacking_case(command) {
        model.say(Level::Warning, why, None);
        return Vec::new();
    }
    let acts =
        ARMED.contains(&command) || (command == Command::Open && model.focus == Pane::Actions);
    if model.locked && acts {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    match command {
        Command::FocusCases => model.focus = Pane::Cases,
        Command::FocusActivity => model.focus = Pane::Activity,
        Command::FocusChecklist => model.focus = Pane::Checklist,
        Command::FocusActions => model.focus = Pane::Actions,
        Command::FocusNext => focus_by(model, 1),
        Command::FocusPrevious => focus_by(model, Pane::ALL.len() - 1),
        Command::Zoom => model.zoom = !model.zoom,
        Command::Down => walk(model, Walk::By(1)),
        Command::Up => walk(model, Walk::By(-1)),
        Command::First => walk(model, Walk::First),
        Command::Last => walk(model, Walk::Last),
        Command::HalfDown => walk(model, Walk::By(half_page(model))),
        Command::HalfUp => walk(model, Walk::By(-half_page(model))),
        Command::Open => return open(model),
        Command::Back => back(model),
        Command::Filter => {
            let before = model.queue.filter().to_owned();
            model.layers.push(Layer::Filter { before, esc: false });
        }
        Command::Help => {
            let context = model.focus.context();
            model.layers.push(Layer::Help { context, scroll: 0 });
        }
        Command::Messages => model.layers.push(Layer::Messages { scroll: 0 }),
        Command::Search => {
            model.layers.push(Layer::Search {
                typed: String::new(),
                cursor: 0,
            });
        }
        Command::Refresh => return open_case::refresh(model),
        Command::Redraw => return vec![Effect::Redraw],
        Command::Quit => return leaving::quit(model),
        Command::Contain => super::findings::contain(model),
        Command::ContainBoth => return choose(model, Choice::Contain),
        Command::ContainRevoke => return choose(model, Choice::Revoke),
        Command::ContainDisable => return choose(model, Choice::Disable),
        Command::ContainMonitor => return choose(model, Choice::Monitor),
        Command::ContainNothing => return choose(model, Choice::Nothing),
        Command::ContainReset => return choose(model, Choice::Reset),
        Command::ContainExpire => return choose(model, Choice::Expire),
        Command::ContainCompromised => return choose(model, Choice::Compromised),
        Command::ContainDismiss => return choose(model, Choice::Dismiss),
        Command::ShowSecret => return super::secrets::show(model),
        Command::ShowLeft
        | Command::MarkLeft
        | Command::MarkNewLeft
        | Command::RemoveLeft
        | Command::ReadLeft => {
            return super::left::show(model);
        }
        Command::Undo => return choose(model, Choice::Enable),
        Command::Likelihood => likelihood(model),
        Command::ChooseUser => choose_user(model),
        Command::Note => return note(model),
        Command::Document => return documenting::document(model),
        Command::Handover => return documenting::handover(model),
        Command::ShowEscalation => model.layers.push(Layer::Escalation { scroll: 0 }),
        Command::ShowResponse => return super::open_case::show_response(model),
        Command::Approvals => return approval::list(model),
        Command::ShowUnfinished => model.show_unfinished(),
        Command::NextFinding => with_activity(model, |pane| pane.seek_finding(true)),
        Command::DismissFinding => return super::findings::ask(model),
        Command::PreviousFinding => with_activity(model, |pane| pane.seek_finding(false)),
        Command::Window => return window(model),
        Command::TypeWindow => activity::ask_window(model),
        Command::ZoomIn => activity::zoom(model, true),
        Command::ZoomOut => activity::zoom(model, false),
        Command::FilterEvents => activity::begin_filter(model),
        Command::Pivot => activity::begin_pivot(model),
        Command::WhoElse => activity::who_else(model),
        Command::NextSlice => return activity::next_slice(model),
        Command::MarkEvent => return activity::mark(model),
        Command::TagEvent => activity::tag(model),
        Command::EventNote => activity::note(model),
        Command::AddEvent => activity::add(model),
        Command::PostEvent => {
            if let Some(reason) = posting(model) {
                model.say(Level::Warning, safe!("post: {}", reason), None);
            } else {
                return activity::post(model);
            }
        }
        Command::StopLoading => return stop_loading(model),
        Command::Tick => return list::enter(model),
        Command::TickHere => return list::tick(model),
        Command::SkipStep => return list::ask(model, Purpose::Skip),
        Command::NotApplicable => return list::ask(model, Purpose::NotApplicable),
        Command::StepNote => return list::ask(model, Purpose::StepNote),
        Command::ClosePhase => return list::close_phase(model),
        Command::OpenLinked => return runbooks::open_linked(model),
        Command::ChooseRunbook => runbooks::choose(model),
        Command::ShowInputs => model.layers.push(Layer::Inputs { cursor: 0 }),
        Command::ReadStep => read_step(model),
        Command::RunStep => return run_step::run(model),
        Command::CheckAgain | Command::SendAgain | Command::CloseWithReason => {
            model.show_unfinished();
        }
        Command::Claim => return work::claim(model),
        Command::CloseCase => return closing::close(model, None),
        Command::FalsePositive => return closing::false_positive(model),
        Command::Snooze => return work::snooze(model),
        Command::Mark => model.queue.mark(),
        Command::Merge => work::merge(model),
        Command::SortCases => {
            let order = model.queue.order().next();
            model.queue.set_order(order);
        }
        Command::ShowCard => model.layers.push(Layer::Card { scroll: 0 }),
        Command::ShowRelated => return work::show_related(model),
        Command::CompromiseWindow => compromise_window(model),
        Command::Copy => return copy::of_pane(model),
        Command::Suspend => return leaving::suspend(model),
        // It means something in the preview only.
        Command::PostReport => {}
        Command::ShowContained | Command::ChangeEnd | Command::KeepContained => {
            model.layers.push(Layer::Contained { cursor: 0 });
        }
    }
    Vec::new()
}

fn focus_by(model: &mut Model, by: usize) {
    let at = Pane::ALL
        .iter()
        .position(|pane| *pane == model.focus)
        .unwrap_or(0);
    model.focus = Pane::ALL[(at + by) % Pane::ALL.len()];
}

fn back(model: &mut Model) {
    if model.focus == Pane::Checklist && runbooks::leave(model) {
        // Back on the step the list was opened from.
    } else if model.focus == Pane::Activity && came_back(model) {
        // Back on the event a pivot or a filter began at.
    } else if model.zoom {
        model.zoom = false;
    } else if model.focus == Pane::Cases && !model.queue.filter().is_empty() {
        // The filter goes first: cases are often marked through one after another.
        model.queue.set_filter(String::new());
    } else if model.focus == Pane::Cases && model.queue.unmark() {
        model.say(Level::Info, "no case is marked any more", None);
    } else {
        model.focus = Pane::Cases;
    }
}

fn came_back(model: &mut Model) -> bool {
    let open = model.open.as_mut();
    open.is_some_and(|open| open.activity.come_back())
}

/// A movement of a cursor.
#[derive(Clone, Copy)]
pub(super) enum Walk {
    By(isize),
    First,
    Last,
}

impl Walk {
    /// Gives the new place among `len` rows.
    pub(super) fn from(self, at: usize, len: usize) -> usize {
        let last = len.saturating_sub(1);
        match self {
            Self::By(by) => at.saturating_add_signed(by).min(last),
            Self::First => 0,
            Self::Last => last,
        }
    }
}

pub(super) fn half_page(model: &Model) -> isize {
    isize::try_from((model.size.1 / 2).saturating_sub(2).max(1)).unwrap_or(1)
}

fn walk(model: &mut Model, walk: Walk) {
    match model.focus {
        Pane::Cases => {
            let at = model.queue.cursor_index().unwrap_or(0);
            let to = walk.from(at, model.queue.len());
            model.queue.move_to(to);
        }
        Pane::Activity => with_activity(model, |pane| {
            let to = walk.from(pane.cursor, pane.rows.len());
            pane.move_to(to);
        }),
        Pane::Checklist => {
            let len = checklist::rows(model).len();
            model.checklist_cursor = walk.from(model.checklist_cursor, len);
        }
        Pane::Actions => {
            let len = pane_rows(model).len();
            model.actions_cursor = walk.from(model.actions_cursor, len);
        }
    }
}

fn with_activity(model: &mut Model, act: impl FnOnce(&mut crate::app::model::ActivityPane)) {
    if let Some(open) = &mut model.open {
        act(&mut open.activity);
    }
}

fn open(model: &mut Model) -> Vec<Effect> {
    match model.focus {
        Pane::Cases => match model.queue.selected().map(|case| case.id.clone()) {
            Some(case) => open_case::open_case(model, case),
            None => Vec::new(),
        },
        Pane::Activity => {
            open_row(model);
            Vec::new()
        }
        Pane::Checklist => list::enter(model),
        Pane::Actions => {
            let choice = under_cursor(model);
            choice
                .map(|choice| choose(model, choice))
                .unwrap_or_default()
        }
    }
}

fn open_row(model: &mut Model) {
    let Some(open) = &model.open else { return };
    let pane = &open.activity;
    let (title, text): (Safe, Safe) = match pane.rows.get(pane.cursor) {
        Some(ListRow::Event(index)) => {
            let Some(row) = pane.activity.row(*index) else {
                return;
            };
            let text = Safe::concat([local::times(model, open, row), pretty(row.raw())]);
            (safe!("Event {}", time_word(row.at())), text)
        }
        Some(ListRow::Finding(index)) => {
            let Some(finding) = pane.findings.get(*index) else {
                return;
            };
            let mut text = safe!(
                "{}\nrule {}  MITRE ATT&CK {}  confidence {}\n",
                finding.reason,
                finding.rule.id(),
                finding.rule.technique(),
                finding.confidence.key()
            );
            if let Some(why) = pane.dismissal(finding) {
                text.push(&safe!("dismissed: {}\n", why.field()));
            }
            text.push(&"\n".into());
            for row in finding
                .evidence
                .iter()
                .filter_map(|index| pane.activity.row(*index))
            {
                let field =
                    |text: Option<&Untrusted>| text.map(Untrusted::field).unwrap_or_default();
                text.push(&safe!(
                    "{}  {}  {}  {}  {}  {}\n",
                    time_word(row.at()),
                    row.outcome().word(),
                    field(row.action()),
                    field(row.ip()),
                    field(row.place()),
                    field(row.agent())
                ));
            }
            ("Finding and its evidence".into(), text)
        }
        Some(ListRow::Deeds { first, count }) => {
            let deeds = pane.deeds.iter().skip(*first).take(*count);
            let lines = deeds.map(|deed| {
                let (at, by) = (time_word(deed.at), deed.by.field());
                safe!("{}  {}  {}\n", at, by, deed.what)
            });
            ("Done in the case".into(), Safe::concat(lines))
        }
        Some(ListRow::Own(_)) => {
            model.layers.push(Layer::Response { scroll: 0 });
            return;
        }
        _ => return,
    };
    model.layers.push(Layer::Reading {
        title,
        text,
        scroll: 0,
    });
}

/// Lays a JSON record out over lines; anything else stays as it came.
fn pretty(raw: &Excerpt) -> Safe {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(raw.raw());
    match parsed.and_then(|value| serde_json::to_string_pretty(&value)) {
        Ok(text) => Untrusted::new(text).block(),
        Err(_) => raw.untrusted().block(),
    }
}

/// Asks from when to when the account was in other hands, with what is known filled in.
pub(super) fn compromise_window(model: &mut Model) {
    let Some(case) = model.open.as_ref().map(|open| open.id.clone()) else {
        model.say(Level::Warning, "compromise window: no case is open", None);
        return;
    };
    let known = crate::app::window::of(model);
    write(model, Purpose::Window(case));
    if let (Some(window), Some(Layer::Writing { area, .. })) = (known, model.layers.last_mut())
        && area.is_empty()
    {
        area.insert_str(window.typed());
    }
}

pub(super) fn likelihood(model: &mut Model) {
    if model.open.is_none() {
        model.say(Level::Warning, "likelihood: no case is open", None);
        return;
    }
    if let Some(reason) = nobody_chosen(model) {
        model.say(Level::Warning, safe!("likelihood: {}", reason), None);
        return;
    }
    // The cursor stands on what is judged already, else on what the findings propose.
    let known = model
        .open
        .as_ref()
        .and_then(|open| model.likelihood_in(open))
        .map(|(value, _)| value);
    let proposed = model
        .open
        .as_ref()
        .and_then(|open| open.activity.proposal())
        .map(|proposal| proposal.value);
    let cursor = known
        .or(proposed)
        .and_then(|value| Likelihood::ALL.into_iter().position(|one| one == value))
        .unwrap_or(0);
    model.layers.push(Layer::Likelihood { cursor });
}

fn choose_user(model: &mut Model) {
    match model.open.as_ref().map(|open| &open.subject) {
        Some(Subject::Several(names)) => {
            let names = names.clone();
            model.layers.push(Layer::ChooseUser { names, cursor: 0 });
        }
        _ => model.say(Level::Info, "the case does not name several users", None),
    }
}

pub(super) fn note(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        model.say(Level::Warning, "note: no case is open", None);
        return Vec::new();
    };
    let case = open.id.clone();
    if let Some(reason) = posting(model) {
        model.say(Level::Warning, safe!("note: {}", reason), None);
        return Vec::new();
    }
    write(model, Purpose::Note(case.clone()));
    // Typing does not wait for what was left of an earlier one.
    vec![Effect::OpenDraft(Target::note(case))]
}

fn window(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let at = WINDOWS
        .iter()
        .position(|hours| *hours == open.activity.window_hours);
    let next = WINDOWS[at.map_or(0, |at| (at + 1) % WINDOWS.len())];
    open_case::search(model, next)
}

fn stop_loading(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    open.activity.loading = None;
    open.activity.slicing = None;
    let search = open.activity.search;
    model.say(Level::Info, "stopped loading; r asks again", None);
    vec![Effect::StopSearch(search)]
}

/// Shows the paragraph of the step under the cursor, after what became of the step.
fn read_step(model: &mut Model) {
    let Some((_, step)) = checklist::selected(model) else {
        return;
    };
    let title = safe!("{}, line {}", model.checklist.title.field(), step.line);
    let text = step.paragraph(&model.runbook).block();
    model.layers.push(Layer::Reading {
        title,
        text,
        scroll: 0,
    });
}
