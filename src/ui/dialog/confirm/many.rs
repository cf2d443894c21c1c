//! The confirmation of a plan that removes several things: how many, each with its request and what goes with it, in the
//! order in which they are sent.
//!
//! The count stands in the title and on the button, which no scrolling takes away. What must not live here: the frame
//! around it.

use super::{
    Detail, FACTS, Pick, REST, add_account, add_account_short, add_guards, factors, groups,
};
use crate::app::model::Model;
use crate::domain::containment::plan::{Plan, PlannedStep};
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::paint::Words;
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;

/// Rows from which on the account is told in full.
const ROOMY: u16 = 30;

/// Tells whether a plan removes more than one thing.
pub(super) fn is_of(plan: &Plan) -> bool {
    plan.steps.len() > 1 && plan.steps.iter().all(|step| step.item.is_some())
}

/// Names what is done.
pub(super) fn what(plan: &Plan) -> Safe {
    safe!("remove {} things", plan.steps.len())
}

/// Gives the sheet, the number of its lines that have to be read, and whether all of it fits so many rows.
pub(super) fn sheet(model: &Model, plan: &Plan, width: u16, rows: u16) -> (Sheet, usize, bool) {
    let mut sheet = Sheet::new(width);
    if rows >= ROOMY {
        add_account(&mut sheet, model, &plan.account, Detail::Dense);
    } else {
        add_account_short(&mut sheet, &plan.account);
    }
    add_guards(&mut sheet, model, plan);
    let order = safe!(
        "{} things, one request each, in this order; each is sent, proven and told for itself",
        plan.steps.len()
    );
    sheet.fact("removes", Role::Strong, &order);
    let mut host = None;
    for (step, place) in plan.steps.iter().zip(1usize..) {
        if host != Some(&step.call.host) {
            let shown = Untrusted::new(step.call.host.as_str()).ident();
            sheet.fact("requests to", Role::Strong, &shown);
            host = Some(&step.call.host);
        }
        add_step(&mut sheet, plan, step, place);
    }
    // What stays possible once a thing is gone belongs to what has to be read, as what it does stands with each.
    let ((_, undo), (limits, proof)) = (FACTS.split_at(1), REST.split_at(1));
    add_shared(&mut sheet, plan, undo);
    add_shared(&mut sheet, plan, limits);
    let needed = sheet.len();
    add_shared(&mut sheet, plan, proof);
    if rows < ROOMY {
        sheet.fact("groups", Role::Text, &groups(&plan.account));
        sheet.fact("MFA", Role::Text, &factors(&plan.account));
    }
    let is_whole = sheet.len() <= usize::from(rows);
    (sheet, needed, is_whole)
}

/// Adds one thing: what it is, since when, its request, and what goes with it where no step before says the same.
fn add_step(sheet: &mut Sheet, plan: &Plan, step: &PlannedStep, place: usize) {
    let Some(remnant) = &step.item else { return };
    let label = Words::new(Role::Dim, safe!("{:>2}.", place));
    sheet.labelled(label, 4, Role::DialogTitle, &remnant.item.named());
    let since = match remnant.since {
        Some(at) => safe!("there since {}", time_word(at)),
        None => "since when it is there is not told".into(),
    };
    let role = match remnant.cut {
        Some(_) => Role::LevelWarning,
        None => Role::Text,
    };
    sheet.text(4, role, &safe!("{}; {}", since, remnant.keeps()));
    let path = Untrusted::new(step.call.path.as_str()).ident();
    sheet.text(4, Role::Strong, &safe!("{} {}", step.call.method, path));
    let before = plan.steps.iter().take(place - 1).zip(1usize..);
    let mut same = before.filter(|(other, _)| other.facts.effect == step.facts.effect);
    let effect = same.next().map_or_else(
        || step.facts.effect.clone(),
        |(_, first)| safe!("as {}", first),
    );
    sheet.text(4, Role::Text, &effect);
}

/// Adds facts of the steps, each text once, with the numbers of the steps that it holds for.
fn add_shared(sheet: &mut Sheet, plan: &Plan, facts: &[(&'static str, Pick)]) {
    for (label, pick) in facts {
        let mut texts: Vec<(&Safe, Vec<Safe>)> = Vec::new();
        for (step, place) in plan.steps.iter().zip(1usize..) {
            let (text, place) = (pick(&step.facts), safe!("{}", place));
            match texts.iter_mut().find(|(said, _)| *said == text) {
                Some((_, places)) => places.push(place),
                None => texts.push((text, vec![place])),
            }
        }
        for (text, places) in texts {
            let of_all = places.len() == plan.steps.len();
            let places = Safe::join(places, &Safe::fixed(", "));
            let said = if of_all {
                text.clone()
            } else {
                safe!("{}: {}", places, text)
            };
            sheet.fact(label, Role::Text, &said);
        }
    }
}
