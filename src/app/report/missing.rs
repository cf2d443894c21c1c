//! What became known since a report was composed and is not in its text.
//!
//! What must not live here: when that is asked (`update`).

use std::collections::HashSet;

use super::held::lasting;
use super::{actions, compose_of, facts, stands};
use crate::app::model::{Model, contained};
use crate::domain::report::{Target, handover};
use crate::domain::text::Safe;
use crate::safe;

/// Lists what the report would say of the account, of what holds accounts of its case and the way back, of actions, of the
/// log, of the records of others and of what was decided if it were composed now, and its text does not: somebody may have
/// acted since it was written. That something was looked at once more is nothing new.
pub fn missing(model: &Model, target: &Target, text: &str) -> Vec<Safe> {
    let id = &target.case;
    let facts = facts(model, id);
    let now = compose_of(model, target, &facts);
    let is_missing = |line: &Safe| now.contains(line.as_str()) && !text.contains(line.as_str());
    let denials = handover::denials(&facts);
    // What it reads as counts, and not that it was read once more.
    let account = facts.account.map(|(word, _)| word);
    let account = account.filter(|word| is_missing(&safe!("{} at ", word)));
    let standing = facts.standing.map(|word| safe!("the account is {}", word));
    let rows = contained::of_cases(model, std::slice::from_ref(id));
    let held = lasting(model, &rows, id).into_iter();
    let held = held.chain(facts.silenced).chain(facts.ways_back);
    let rest = standing.into_iter().chain(facts.others).chain(held);
    let rest = rest.chain(denials).chain(facts.decisions);
    // What came of one that the text names counts, also where it is not told anew.
    let acts = actions(model, id).filter_map(|act| {
        let line = stands(model, act);
        let is_new = act.is_to_come() && is_missing(&line);
        let is_named = text.contains(&act.aid.to_string());
        (is_new || (is_named && !text.contains(line.as_str()))).then_some(line)
    });
    let rest = rest.filter(|line| is_missing(line)).chain(acts);
    let mut seen: HashSet<Safe> = HashSet::new();
    let all = account.into_iter().chain(rest);
    all.filter(|line| seen.insert(line.clone())).collect()
}
