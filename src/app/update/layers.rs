//! What a key does while a layer is open.

use super::panes::{self, Walk};
use super::{
    activity, approval, closing, copy, documenting, hold, leaving, left, list, open_case, planning,
    runbooks, search, unfinished, work, writing,
};
use crate::app::actions::{Choice, kept_by_name, nobody_chosen};
use crate::app::command::{COMMANDS, Command};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::contained;
use crate::app::model::layer::{REARM_WORD, SNOOZES};
use crate::app::model::{LEAST, Layer, Model};
use crate::domain::audit::{Body, LikelihoodSet};
use crate::domain::containment::confirm::{DialogKey, Letter, Step};
use crate::domain::likelihood::Likelihood;
use crate::safe;

/// More lines than a confirmation has on the narrowest screen.
const CONFIRM_LINES_MAX: usize = 400;

pub(super) fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    let walk = match command {
        Command::Down => Some(Walk::By(1)),
        Command::Up => Some(Walk::By(-1)),
        Command::First => Some(Walk::First),
        Command::Last => Some(Walk::Last),
        Command::HalfDown => Some(Walk::By(panes::half_page(model))),
        Command::HalfUp => Some(Walk::By(-panes::half_page(model))),
        _ => None,
    };
    if let Some(walk) = walk {
        move_in_layer(model, walk);
        return Vec::new();
    }
    let acts = matches!(
        command,
        Command::SendAgain
            | Command::CloseWithReason
            | Command::ContainBoth
            | Command::Undo
            | Command::ChangeEnd
            | Command::KeepContained
            | Command::PostReport
            | Command::ShowSecret
            | Command::RemoveLeft
            | Command::CompromiseWindow
    ) || (command == Command::Open
        && matches!(
            model.layers.last(),
            Some(
                Layer::Likelihood { .. }
                    | Layer::Approvals { .. }
                    | Layer::HoldEnd { .. }
                    | Layer::Runbooks { nested: false, .. }
            )
        ));
    if model.locked && acts {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    match command {
        Command::Back => {
            model.layers.pop();
            Vec::new()
        }
        Command::Open => choose_row(model),
        Command::ContainBoth => from_menu(model, Choice::Contain),
        Command::ContainRevoke => from_menu(model, Choice::Revoke),
        Command::ContainDisable => from_menu(model, Choice::Disable),
        Command::ShowSecret => super::secrets::show(model),
        Command::ContainReset => from_menu(model, Choice::Reset),
        Command::ContainExpire => from_menu(model, Choice::Expire),
        Command::ContainCompromised => from_menu(model, Choice::Compromised),
        Command::ContainDismiss => from_menu(model, Choice::Dismiss),
        Command::ContainMonitor => from_menu(model, Choice::Monitor),
        Command::ContainNothing => from_menu(model, Choice::Nothing),
        Command::CheckAgain => unfinished::check_again(model),
        Command::Undo if matches!(model.layers.last(), Some(Layer::Contain { .. })) => {
            from_menu(model, Choice::Enable)
        }
        Command::Undo | Command::ChangeEnd | Command::KeepContained => {
            hold::on_contained(model, command)
        }
        Command::PostReport => documenting::post(model),
        Command::Copy => copy::of_layer(model),
        Command::SendAgain => unfinished::send_again(model),
        Command::CloseWithReason => {
            unfinished::close(model);
            Vec::new()
        }
        _ => left::command(model, command),
    }
}

fn rows_of(model: &Model, layer: &Layer) -> usize {
    match layer {
        Layer::Contain { .. } => Choice::ALL.len(),
        Layer::Left { .. } => crate::app::left::rows(model).len(),
        Layer::Likelihood { .. } => Likelihood::ALL.len(),
        Layer::ChooseUser { names, .. } => names.len(),
        Layer::Runbooks { rows, .. } => rows.len(),
        Layer::Inputs { .. } => model.runbook.inputs.len(),
        Layer::Pivot { rows, .. } => rows.len(),
        Layer::Unfinished { .. } => model.ledger.unfinished().count(),
        Layer::Approvals { .. } => crate::app::approvals::rows(model).len(),
        Layer::Contained { .. } => contained::count(model),
        Layer::HoldEnd { watch, .. } => contained::ends(*watch).len(),
        Layer::Snooze { .. } => SNOOZES.len(),
        Layer::Related { .. } => crate::app::related::rows(model).len(),
        Layer::Messages { .. } => model.log.len(),
        Layer::Documents { .. } => crate::app::report::rows(model).len(),
        // Long lines are wrapped; drawing stops at the last of them.
        Layer::Preview { shown, .. } => shown.as_str().len() / 20 + shown.lines().count(),
        Layer::Reading { text, .. } => text.lines().count(),
        // Help and the response are a few screens at most; drawing stops at their last line.
        _ => COMMANDS.len() * 2,
    }
}

fn move_in_layer(model: &mut Model, walk: Walk) {
    let Some(layer) = model.layers.last() else {
        return;
    };
    let len = rows_of(model, layer);
    if let Some(
        Layer::Help { scroll: at, .. }
        | Layer::Reading { scroll: at, .. }
        | Layer::Messages { scroll: at }
        | Layer::Preview { scroll: at, .. }
        | Layer::Documents { cursor: at }
        | Layer::Response { scroll: at }
        | Layer::Escalation { scroll: at }
        | Layer::Contain { cursor: at }
        | Layer::Left { cursor: at }
        | Layer::Likelihood { cursor: at }
        | Layer::ChooseUser { cursor: at, .. }
        | Layer::Approvals { cursor: at }
        | Layer::Runbooks { cursor: at, .. }
        | Layer::Inputs { cursor: at }
        | Layer::Pivot { cursor: at, .. }
        | Layer::Contained { cursor: at }
        | Layer::Snooze { cursor: at, .. }
        | Layer::Related { cursor: at }
        | Layer::Card { scroll: at }
        | Layer::HoldEnd { cursor: at, .. },
    ) = model.layers.last_mut()
    {
        *at = walk.from(*at, len);
    }
    if let Some(Layer::Unfinished { cursor, aid }) = model.layers.last_mut() {
        // After its action ended the cursor stands on none: the first step only takes the row that moved there.
        if aid.is_some() || !matches!(walk, Walk::By(_)) {
            *cursor = walk.from(*cursor, len);
        }
        *aid = model
            .ledger
            .unfinished()
            .nth(*cursor)
            .map(|action| action.aid.clone());
    }
}

fn from_menu(model: &mut Model, choice: Choice) -> Vec<Effect> {
    model.layers.pop();
    planning::choose(model, choice)
}

fn choose_row(model: &mut Model) -> Vec<Effect> {
    match model.layers.pop() {
        Some(Layer::Contain { cursor }) => match Choice::ALL.get(cursor) {
            Some(choice) => planning::choose(model, *choice),
            None => Vec::new(),
        },
        Some(Layer::Likelihood { cursor }) => match Likelihood::ALL.get(cursor) {
            Some(value) => judged(model, *value),
            None => Vec::new(),
        },
        Some(Layer::ChooseUser { names, cursor }) => match names.get(cursor) {
            Some(name) => open_case::choose_user(model, name.clone()),
            None => Vec::new(),
        },
        Some(Layer::Approvals { cursor }) => {
            model.layers.push(Layer::Approvals { cursor });
            approval::open(model, cursor)
        }
        Some(Layer::Documents { cursor }) => documenting::chosen(model, cursor),
        Some(Layer::Contained { cursor }) => hold::open(model, cursor),
        Some(Layer::Snooze { cases, cursor }) => {
            work::snooze_chosen(model, cases, cursor);
            Vec::new()
        }
        Some(Layer::Related { cursor }) => work::open_related(model, cursor),
        Some(Layer::HoldEnd { of, watch, cursor }) => hold::chosen(model, &of, watch, cursor),
        Some(Layer::Runbooks {
            rows,
            cursor,
            nested,
        }) => match rows.get(cursor) {
            Some(row) => runbooks::chosen(model, row, nested),
            None => Vec::new(),
        },
        Some(Layer::Pivot { rows, cursor }) => match rows.get(cursor) {
            Some(row) => activity::chosen(model, row),
            None => Vec::new(),
        },
        Some(Layer::Inputs { cursor }) => {
            runbooks::type_input(model, cursor);
            Vec::new()
        }
        Some(other) => {
            model.layers.push(other);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn judged(model: &mut Model, value: Likelihood) -> Vec<Effect> {
    if let Some(reason) = nobody_chosen(model) {
        model.say(Level::Warning, safe!("likelihood: {}", reason), None);
        return Vec::new();
    }
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let body = Body::Likelihood(LikelihoodSet {
        case: open.id.clone(),
        account: open.the_account().map(|account| account.id.clone()),
        login: open.user.clone(),
        value: value.word().to_owned(),
        proposed: open
            .activity
            .proposal()
            .map(|proposal| proposal.value.word().to_owned()),
    });
    let hint = kept_by_name(model);
    model.say(
        Level::Info,
        safe!("likelihood {}: yours", value.word()),
        hint,
    );
    vec![Effect::Record(vec![body])]
}

/// Keys for layers that take letters themselves.
pub(super) fn raw_key(model: &mut Model, chord: Chord, letter: Letter) -> Vec<Effect> {
    match model.layers.last() {
        Some(Layer::Confirm { .. }) => confirm_key(model, chord, letter),
        Some(Layer::Filter { .. }) => filter_key(model, chord),
        Some(Layer::EventFilter(_)) => activity::filter_key(model, chord),
        Some(Layer::Search { .. }) => search::key(model, chord),
        Some(Layer::Writing { .. }) => writing::key(model, chord),
        Some(Layer::Approve { .. }) => approval::key(model, chord, letter),
        Some(Layer::ReadingRequest { .. } | Layer::OpeningDraft { .. }) => {
            if chord == Chord::plain(Key::Esc) {
                model.layers.pop();
            }
            Vec::new()
        }
        Some(Layer::Planning { .. }) => {
            if chord == Chord::plain(Key::Esc) {
                model.layers.pop();
                closing::given_up(model);
                model.say(Level::Info, "planning given up; nothing was done", None);
            }
            Vec::new()
        }
        Some(Layer::QuitAnyway) => {
            model.layers.pop();
            if chord == Chord::char('y') {
                return leaving::end(model);
            }
            Vec::new()
        }
        Some(Layer::Secret(_)) => super::secrets::key(model, chord),
        Some(Layer::Rearm { .. }) => rearm_key(model, chord),
        Some(Layer::Gate(_)) => gate_key(model, chord),
        Some(Layer::Close(_)) => closing::key(model, chord),
        Some(Layer::Ask(_)) => question_key(model, chord),
        _ => Vec::new(),
    }
}

/// A gate takes y or n and nothing else; what is not an answer changes nothing.
fn gate_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let yes = match chord {
        _ if chord == Chord::plain(Key::Esc) => {
            model.layers.pop();
            return Vec::new();
        }
        _ if chord == Chord::char('y') => true,
        _ if chord == Chord::char('n') => false,
        _ => return Vec::new(),
    };
    if model.locked {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    match model.layers.pop() {
        Some(Layer::Gate(gate)) => list::answered(model, &gate, yes),
        _ => Vec::new(),
    }
}

/// A question takes y; every other key is a no.
fn question_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if model.locked && chord == Chord::char('y') {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    match model.layers.pop() {
        Some(Layer::Ask(question)) if chord == Chord::char('y') => work::answered(model, *question),
        _ => {
            model.say(Level::Info, "nothing was changed", None);
            Vec::new()
        }
    }
}

fn rearm_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Rearm { typed }) = model.layers.last_mut() else {
        return Vec::new();
    };
    match chord.key {
        Key::Esc => {
            model.layers.pop();
        }
        Key::Backspace => {
            typed.pop();
        }
        Key::Char(c) if !chord.ctrl && !chord.alt && typed.len() < 20 && typable(c) => {
            typed.push(c);
            if typed == REARM_WORD {
                model.layers.pop();
                model.locked = false;
                model.say(Level::Info, "armed again", None);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Gives a key as the dialogs that lead to an act know it; `letter` says how it came.
pub(super) fn dialog_key(chord: Chord, letter: Letter) -> DialogKey {
    match chord.key {
        _ if chord.ctrl || chord.alt => DialogKey::Other,
        Key::Char(c) => letter(c),
        Key::Backspace => DialogKey::Backspace,
        Key::Tab | Key::BackTab => DialogKey::Tab,
        Key::Enter => DialogKey::Enter,
        Key::Esc => DialogKey::Esc,
        _ => DialogKey::Other,
    }
}

fn confirm_key(model: &mut Model, chord: Chord, letter: Letter) -> Vec<Effect> {
    let boot = model.now.boot;
    let too_small = model.size.0 < LEAST.0 || model.size.1 < LEAST.1;
    // Reading is no decision: it needs no dead time, and drawing stops at the last line.
    let walk = match chord.key {
        Key::Down => Some(Walk::By(1)),
        Key::Up => Some(Walk::By(-1)),
        Key::PageDown => Some(Walk::By(panes::half_page(model))),
        Key::PageUp => Some(Walk::By(-panes::half_page(model))),
        _ => None,
    };
    if let (Some(walk), Some(Layer::Confirm { scroll, .. })) = (walk, model.layers.last_mut()) {
        *scroll = walk.from(*scroll, CONFIRM_LINES_MAX);
        return Vec::new();
    }
    let key = dialog_key(chord, letter);
    let Some(Layer::Confirm {
        confirmation, said, ..
    }) = model.layers.last_mut()
    else {
        return Vec::new();
    };
    if too_small && key != DialogKey::Esc {
        // Nothing of the dialog is on the screen, so no key can mean what it says.
        *said = Some("keys did not count while the terminal was too small".into());
        return Vec::new();
    }
    match confirmation.key(key, boot) {
        Step::Stay(line) => {
            *said = line;
            Vec::new()
        }
        Step::Cancelled => {
            model.layers.pop();
            closing::given_up(model);
            model.say(Level::Info, "cancelled; nothing was sent", None);
            Vec::new()
        }
        Step::Confirmed(plan) => {
            model.layers.pop();
            model.layers.push(Layer::Response { scroll: 0 });
            let aids = plan.actions().iter().map(|action| action.aid().clone());
            model.going.extend(aids);
            left::confirmed(model, &plan);
            closing::confirmed(model, &plan);
            let promised = hold::confirmed(model, &plan);
            vec![Effect::Contain(Box::new(plan.promising(promised)))]
        }
    }
}

/// Tells whether a letter may be typed: one that is shown as itself.
pub(super) fn typable(c: char) -> bool {
    let mut bytes = [0; 4];
    let text: &str = c.encode_utf8(&mut bytes);
    !c.is_control()
        && crate::domain::text::show(text.as_bytes(), crate::domain::text::Context::Field).as_str()
            == text
}

fn filter_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let mut filter = model.queue.filter().to_owned();
    let Some(Layer::Filter { before, esc }) = model.layers.last_mut() else {
        return Vec::new();
    };
    let again = *esc;
    *esc = false;
    match chord.key {
        Key::Enter => {
            model.layers.pop();
        }
        Key::Esc if again || filter == *before => {
            let before = before.clone();
            model.layers.pop();
            model.queue.set_filter(before);
        }
        Key::Esc => *esc = true,
        Key::Backspace => {
            filter.pop();
            model.queue.set_filter(filter);
        }
        Key::Char(c) if !chord.ctrl && !chord.alt && typable(c) && filter.len() < 200 => {
            filter.push(c);
            model.queue.set_filter(filter);
        }
        _ => {}
    }
    Vec::new()
}
