//! `x`: runs what a step names, by the same ways as its own key; what no connection does is printed to be done by hand.
//!
//! What must not live here: plans and dialogs of actions; nothing here goes around them.

use super::panes::{likelihood, note};
use super::planning::choose;
use super::{documenting, evidence, list, open_case};
use crate::app::actions::Choice;
use crate::app::checklist;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Layer, Model, Pane};
use crate::app::ready::posting;
use crate::domain::runbook::Phase;
use crate::domain::runbook::binding::{Capability, next_capability, unbound};
use crate::domain::runbook::filled::by_hand;
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
        Capability::ResetPassword => return choose(model, Choice::Reset),
        Capability::ConfirmCompromised => return choose(model, Choice::Compromised),
        Capability::DismissRisk => return choose(model, Choice::Dismiss),
        Capability::ReadLeft => return super::left::show(model),
        Capability::DecideContainment => super::findings::contain(model),
        Capability::JudgeLikelihood => likelihood(model),
        Capability::PostComment => return comment(model, phase),
        Capability::ReadActivity => {
            let hours = model.settings.timeline.window_hours;
            return open_case::search(model, hours);
        }
        Capability::ReadCase => return open_case::read_again(model),
        Capability::RelatedCases => return super::work::show_related(model),
        Capability::CloseCase => return super::closing::close(model, None),
        Capability::CheckConnections => return open_case::refresh(model),
        Capability::ReadAccount | Capability::EntitySummary => {
            return open_case::read_account(model);
        }
        Capability::WatchAccount => model.focus = Pane::Activity,
        Capability::ContainHost
        | Capability::TellUser
        | Capability::TellHelpdesk
        | Capability::LookUpObservable => return show_by_hand(model),
    }
    Vec::new()
}

/// A comment of the phase: the record of a response that is not in the case yet, else the report of the phase.
fn comment(model: &mut Model, phase: Option<Phase>) -> Vec<Effect> {
    let acts = matches!(phase, Some(Phase::Containment | Phase::Recovery) | None);
    if acts && posting(model).is_none() && !model.ledger.undocumented().is_empty() {
        return documenting::records_due(model);
    }
    if let Some(effects) = phase.and_then(|phase| documenting::of_phase(model, phase)) {
        return effects;
    }
    note(model)
}
