//! `x`: runs what a step names, by the same ways as its own key; what no connection does is printed to be done by hand.
//!
//! What must not live here: plans and dialogs of actions; nothing here goes around them.

use super::panes::{choose, likelihood, note};
use super::{documenting, evidence, list, open_case};
use crate::app::actions::Choice;
use crate::app::checklist;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Layer, Model, Pane};
use crate::domain::case::Subject;
use crate::domain::runbook::Phase;
use crate::domain::runbook::binding::{Capability, next_capability, unbound};
use crate::domain::runbook::filled::by_hand;
use crate::domain::text::Safe;
use crate::safe;

/// Runs what the step under the cursor names.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let (Some(row), Some((section, step))) =
        (checklist::selected_row(model), checklist::selected(model))
    else {
        return Vec::new();
    };
    let phase = section.picerl;
    let capability = next_capability(phase, step, &evidence::of_open(model));
    let by_hand = !unbound(step).is_empty();
    if list::ask_gate_before(model, row) {
        return Vec::new();
    }
    match capability {
        Some(capability) => run_capability(model, capability, phase),
        None if by_hand => show_by_hand(model),
        None => {
            let line = "the step names nothing to run: do it and tick it";
            model.say(Level::Info, line, None);
            Vec::new()
        }
    }
}

fn show_by_hand(model: &mut Model) -> Vec<Effect> {
    let inputs = checklist::inputs(model);
    let Some((_, step)) = checklist::selected(model) else {
        return Vec::new();
    };
    let title = safe!("By hand: {}", step.label.field());
    let text = by_hand(&model.runbook, step, &inputs);
    model.layers.push(Layer::Reading {
        title,
        text,
        scroll: 0,
    });
    Vec::new()
}

fn run_capability(model: &mut Model, capability: Capability, phase: Option<Phase>) -> Vec<Effect> {
    match capability {
        Capability::RevokeSessions | Capability::RevokeSessionsAgain => {
            return choose(model, Choice::Revoke);
        }
        Capability::DisableAccount => return choose(model, Choice::Disable),
        Capability::EnableAccount => return choose(model, Choice::Enable),
        Capability::DecideContainment => super::findings::contain(model),
        Capability::JudgeLikelihood => likelihood(model),
        Capability::PostComment => return comment(model, phase),
        Capability::ReadActivity => {
            let hours = model.settings.timeline.window_hours;
            return open_case::search(model, hours);
        }
        Capability::ReadCase => return open_case::read_again(model),
        Capability::RelatedCases => related(model),
        Capability::CheckConnections => return open_case::refresh(model),
        Capability::ReadAccount | Capability::EntitySummary => {
            return open_case::read_account(model);
        }
        Capability::WatchAccount => model.focus = Pane::Activity,
        Capability::ResetPassword
        | Capability::ContainHost
        | Capability::CloseCase
        | Capability::TellUser
        | Capability::TellHelpdesk
        | Capability::LookUpObservable => return show_by_hand(model),
    }
    Vec::new()
}

/// A comment of the phase: the record of a response that is not in the case yet, else the report of the phase.
fn comment(model: &mut Model, phase: Option<Phase>) -> Vec<Effect> {
    let acts = matches!(phase, Some(Phase::Containment | Phase::Recovery) | None);
    if acts && !model.ledger.undocumented().is_empty() {
        return documenting::records_due(model);
    }
    if let Some(effects) = phase.and_then(|phase| documenting::of_phase(model, phase)) {
        return effects;
    }
    note(model);
    Vec::new()
}

/// Shows the cases of the queue that name the same user, and says what the queue cannot know.
fn related(model: &mut Model) {
    let now = model.now;
    let Some(open) = &model.open else { return };
    let Some(user) = &open.user else {
        model.say(Level::Warning, "other cases: the case names no user", None);
        return;
    };
    let named = |subject: &Subject| match subject {
        Subject::User(name) => name == user,
        Subject::Several(names) => names.contains(user),
        Subject::NoUser => false,
    };
    let mut text = Safe::default();
    let mut count = 0_usize;
    for case in model.queue.all().iter().filter(|case| case.id != open.id) {
        if model.queue.subjects.get(&case.id).is_some_and(named) {
            count += 1;
            text.push(&safe!(
                "#{} {}  {}\n",
                case.number.unwrap_or_default(),
                case.vendor_status.field(),
                case.title.field()
            ));
        }
    }
    let head = safe!(
        "{} other cases of {} in the queue:\n\n",
        count,
        user.field()
    );
    let mut all = head;
    all.push(&text);
    all.push(&Safe::fixed(
        "\nOnly cases of the queue are known, and of those not opened yet only what the list says of them.",
    ));
    if let Some(open) = &mut model.open {
        open.related_seen = Some(now);
    }
    model.layers.push(Layer::Reading {
        title: "Other cases of the user".into(),
        text: all,
        scroll: 0,
    });
}
