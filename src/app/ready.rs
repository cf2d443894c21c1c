//! Whether a command would do something now, and why not: for the search over all commands.
//!
//! What must not live here: what the commands do; each says the same once more where it is carried out.

use super::actions::{Choice, Readiness, readiness};
use super::command::{Command, Spec};
use super::model::Model;
use crate::config::settings::Mode;
use crate::domain::case::Subject;
use crate::domain::text::Safe;
use crate::safe;

/// Gives the reason why a command is not possible now; `None` when it is.
pub fn refusal(model: &Model, spec: &Spec) -> Option<Safe> {
    use Command as C;
    let no_case = || model.open.is_none().then(|| "no case is open".into());
    let choice = |choice| match readiness(model, choice) {
        Readiness::No(reason) => Some(reason),
        Readiness::Ready(_) => None,
    };
    match spec.command {
        C::Undo => choice(Choice::Enable),
        C::ContainBoth | C::Contain => choice(Choice::Monitor),
        C::ShowLeft => super::left::closed(model),
        C::Claim => changes(model).or_else(|| {
            let none = model.open.is_none() && model.queue.is_empty();
            none.then(|| "no case is chosen".into())
        }),
        C::CloseCase => changes(model),
        C::FalsePositive => changes(model).or_else(no_case),
        C::Merge => changes(model).or_else(|| {
            let few = model.queue.marked().len() < 2;
            few.then(|| "fewer than two cases are marked".into())
        }),
        C::Note => posting(model).or_else(no_case),
        C::PostEvent => posting(model),
        C::Copy => {
            let off = !model.settings.terminal.copy;
            off.then(|| "switched off: [terminal] copy = true switches it on".into())
        }
        C::ChooseUser => no_case().or_else(|| {
            let several = model
                .open
                .as_ref()
                .is_some_and(|open| matches!(open.subject, Subject::Several(_)));
            (!several).then(|| "the case does not name several users".into())
        }),
        C::Likelihood
        | C::Document
        | C::Approvals
        | C::ChooseRunbook
        | C::ShowRelated
        | C::CompromiseWindow
        | C::NextFinding
        | C::PreviousFinding
        | C::DismissFinding
        | C::Window
        | C::Tick
        | C::TickHere
        | C::SkipStep
        | C::NotApplicable
        | C::RunStep
        | C::StepNote
        | C::ClosePhase => no_case(),
        C::StopLoading => no_case().or_else(|| {
            let loading = model
                .open
                .as_ref()
                .is_some_and(|open| open.activity.loading.is_some());
            (!loading).then(|| "nothing is loading".into())
        }),
        C::ShowUnfinished => {
            let none = model.ledger.unfinished().next().is_none();
            none.then(|| "no action is unfinished".into())
        }
        _ => None,
    }
}

/// Tells why nothing is written into a case by this console, if so. One that was left alone is armed again first, and what
/// was confirmed before still goes out.
pub(crate) fn posting(model: &Model) -> Option<Safe> {
    match model.settings.environment.mode {
        Mode::Live => None,
        mode => Some(safe!("{}: nothing is written into the case", mode.word())),
    }
}

/// Tells why nothing can be changed in the case system, if so.
fn changes(model: &Model) -> Option<Safe> {
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
