//! The short list: derived from the runbook, never written twice, with the ticks folded over it.
//!
//! What lives here: the order of the list, the states of its items and what follows from them. What must
//! not: layout, and where ticks are stored (they are records of the audit log).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Phase, Runbook, Step, StepKey};
use crate::domain::text::Untrusted;

/// The short list of one runbook, in the order in which it is shown.
///
/// During an incident preparation and feedback are of little use: the phases of the response come first,
/// preparation, lessons learned and feedback last and folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// The title of the runbook.
    pub title: Untrusted,
    /// The file name of the runbook.
    pub file: Untrusted,
    /// The phases in the order of display.
    pub sections: Vec<Section>,
}

/// One phase of the short list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The runbook's own name for it, else its title.
    pub name: Untrusted,
    /// The phase of the model it stands for.
    pub picerl: Option<Phase>,
    /// Whether it starts folded.
    pub folded: bool,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// What has become of an item of the list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ItemState {
    /// Nothing yet.
    #[default]
    Open,
    /// Done, by whom and when, and the evidence when it ticked itself.
    Done {
        /// The operator, or `quell` when evidence ticked it.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
        /// What ticked it.
        evidence: Option<Untrusted>,
    },
    /// Left out, for a reason.
    Skipped {
        /// Why.
        reason: Untrusted,
        /// The operator.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
    /// Does not apply to this case, for a reason.
    NotApplicable {
        /// Why.
        reason: Untrusted,
        /// The operator.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The word for the state of an item, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickWord {
    /// The tick was taken back.
    Open,
    /// Done.
    Done,
    /// Left out; needs a reason.
    Skipped,
    /// Does not apply; needs a reason.
    NotApplicable,
}

/// One change of one item, as it is stored in the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// The case, by the id that names it everywhere in the console.
    pub case: Untrusted,
    /// The file name of the runbook.
    pub runbook: Untrusted,
    /// The step.
    pub step: StepKey,
    /// What it became.
    pub state: TickWord,
    /// The operator, or `quell` when evidence ticked it.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
    /// What ticked it, for `Done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Untrusted>,
    /// Why, for `Skipped` and `NotApplicable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Untrusted>,
}

/// A skip without a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("skipping a step or calling it not applicable needs a reason")]
pub struct NoReason;

impl Tick {
    /// Turns the record into the state it stands for.
    ///
    /// # Errors
    /// [`NoReason`] when an item is skipped or not applicable and the reason is missing or blank.
    pub fn item_state(&self) -> Result<ItemState, NoReason> {
        let (by, at) = (self.by.clone(), self.at);
        let reason = || {
            self.reason
                .clone()
                .filter(|reason| !reason.raw().trim().is_empty())
                .ok_or(NoReason)
        };
        Ok(match self.state {
            TickWord::Open => ItemState::Open,
            TickWord::Done => ItemState::Done {
                by,
                at,
                evidence: self.evidence.clone(),
            },
            TickWord::Skipped => ItemState::Skipped {
                reason: reason()?,
                by,
                at,
            },
            TickWord::NotApplicable => ItemState::NotApplicable {
                reason: reason()?,
                by,
                at,
            },
        })
    }
}

impl ItemState {
    /// Tells whether the item is still open.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// The ticks of one case: step to state; steps that are missing are open.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CaseTicks(BTreeMap<StepKey, ItemState>);

/// The ticks of all cases, folded from the records in their order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ticks(BTreeMap<Untrusted, CaseTicks>);

impl Ticks {
    /// Folds one record in; the last record of an item holds.
    ///
    /// # Errors
    /// [`NoReason`] when the record lacks the reason it needs; nothing is changed then.
    pub fn apply(&mut self, tick: &Tick) -> Result<(), NoReason> {
        let state = tick.item_state()?;
        let case = self.0.entry(tick.case.clone()).or_default();
        if state.is_open() {
            case.0.remove(&tick.step);
        } else {
            case.0.insert(tick.step.clone(), state);
        }
        Ok(())
    }

    /// Gives the ticks of one case, none when nothing was ticked.
    pub fn of_case(&self, case: &Untrusted) -> CaseTicks {
        self.0.get(case).cloned().unwrap_or_default()
    }
}

impl CaseTicks {
    /// Gives the state of one step.
    pub fn state(&self, step: &StepKey) -> &ItemState {
        self.0.get(step).unwrap_or(&ItemState::Open)
    }

    /// Goes through the steps that are not open.
    pub fn iter(&self) -> impl Iterator<Item = (&StepKey, &ItemState)> {
        self.0.iter()
    }
}

/// How far a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// Items done.
    pub done: usize,
    /// Items skipped with a reason.
    pub skipped: usize,
    /// Items that do not apply.
    pub not_applicable: usize,
    /// All items.
    pub total: usize,
}

impl Progress {
    /// Counts the items that are no longer open.
    pub fn settled(self) -> usize {
        self.done + self.skipped + self.not_applicable
    }

    /// Adds another count.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            skipped: self.skipped + other.skipped,
            not_applicable: self.not_applicable + other.not_applicable,
            total: self.total + other.total,
        }
    }
}

impl Checklist {
    /// Derives the short list from the runbook.
    pub fn derive(runbook: &Runbook) -> Self {
        let mut order: Vec<usize> = (0..runbook.phases.len()).collect();
        let rank = |i: &usize| {
            runbook
                .phases
                .get(*i)
                .map_or(0, |phase| display_rank(phase.picerl, phase.feedback))
        };
        order.sort_by_key(rank);
        let sections = order
            .iter()
            .filter_map(|i| runbook.phases.get(*i))
            .map(|phase| Section {
                name: phase.name.clone().unwrap_or_else(|| runbook.title.clone()),
                picerl: phase.picerl,
                folded: display_rank(phase.picerl, phase.feedback) > 0,
                steps: phase.steps.clone(),
            })
            .collect();
        Self {
            title: runbook.title.clone(),
            file: runbook.file.clone(),
            sections,
        }
    }

    /// Finds the step that is to be done now: the first open one of the first phase that is not complete.
    ///
    /// Gives the index of the section and of the step in it. Folded sections come into it when everything
    /// before them is complete.
    pub fn current(&self, ticks: &CaseTicks) -> Option<(usize, usize)> {
        self.sections
            .iter()
            .enumerate()
            .filter(|(_, section)| !section.is_complete(ticks))
            .find_map(|(i, section)| Some((i, section.first_open(ticks)?)))
    }

    /// Counts over all sections that are not folded.
    pub fn progress(&self, ticks: &CaseTicks) -> Progress {
        self.sections
            .iter()
            .filter(|section| !section.folded)
            .fold(Progress::default(), |sum, section| {
                sum.plus(section.progress(ticks))
            })
    }

    /// Lists ticks whose step is no longer in the text: *the text changed since*.
    pub fn lost_ticks<'a>(&self, ticks: &'a CaseTicks) -> Vec<(&'a StepKey, &'a ItemState)> {
        ticks
            .iter()
            .filter(|(key, _)| !self.sections.iter().any(|s| holds(&s.steps, key)))
            .collect()
    }
}

impl Section {
    /// Counts the states of its steps of the first level.
    pub fn progress(&self, ticks: &CaseTicks) -> Progress {
        let mut progress = Progress {
            total: self.steps.len(),
            ..Progress::default()
        };
        for step in &self.steps {
            match ticks.state(&step.key) {
                ItemState::Open => {}
                ItemState::Done { .. } => progress.done += 1,
                ItemState::Skipped { .. } => progress.skipped += 1,
                ItemState::NotApplicable { .. } => progress.not_applicable += 1,
            }
        }
        progress
    }

    /// Lists the open steps that block closing the phase: all but the optional ones.
    pub fn open_mandatory(&self, ticks: &CaseTicks) -> Vec<&Step> {
        self.steps
            .iter()
            .filter(|step| !step.optional && ticks.state(&step.key).is_open())
            .collect()
    }

    /// Tells whether no mandatory step is open.
    pub fn is_complete(&self, ticks: &CaseTicks) -> bool {
        self.open_mandatory(ticks).is_empty()
    }

    fn first_open(&self, ticks: &CaseTicks) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| ticks.state(&step.key).is_open())
    }
}

/// 0 for the response itself, then preparation, lessons learned and feedback.
fn display_rank(picerl: Option<Phase>, feedback: bool) -> u8 {
    match picerl {
        Some(Phase::Preparation) => 1,
        Some(Phase::LessonsLearned) => 2,
        _ if feedback => 3,
        _ => 0,
    }
}

fn holds(steps: &[Step], key: &StepKey) -> bool {
    steps
        .iter()
        .any(|step| &step.key == key || holds(&step.substeps, key))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::super::parse_runbook;
    use super::*;

    const TEXT: &str = "# Title\n\n## Preparation\n\n1. Be ready\n\n## Identification\n\n1. Read\n2. (Optional) Ask\n3. Judge\n\n\
                        ## Containment\n\n1. Disable\n\n## Runbook feedback\n\n1. Was it right?\n";

    fn at(second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, second).unwrap()
    }

    fn tick(step: &StepKey, state: TickWord, reason: Option<&str>) -> Tick {
        Tick {
            case: "case-1".into(),
            runbook: "title.md".into(),
            step: step.clone(),
            state,
            by: "mara".into(),
            at: at(5),
            evidence: None,
            reason: reason.map(Untrusted::new),
        }
    }

    fn key(list: &Checklist, label: &str) -> StepKey {
        let mut steps = list.sections.iter().flat_map(|section| &section.steps);
        steps
            .find(|step| step.label.raw() == label)
            .unwrap()
            .key
            .clone()
    }

    fn derived(text: &str) -> Checklist {
        Checklist::derive(&parse_runbook(text, "title.md"))
    }

    fn names(list: &Checklist) -> Vec<(&str, bool)> {
        list.sections
            .iter()
            .map(|s| (s.name.raw(), s.folded))
            .collect()
    }

    #[test]
    fn the_response_comes_first_and_the_rest_is_folded() {
        assert_eq!(
            names(&derived(TEXT)),
            [
                ("Identification", false),
                ("Containment", false),
                ("Preparation", true),
                ("Runbook feedback", true),
            ]
        );
    }

    #[test]
    fn the_current_step_passes_over_what_is_settled() {
        let list = derived(TEXT);
        let case = Untrusted::new("case-1");
        let mut ticks = Ticks::default();
        assert_eq!(list.current(&ticks.of_case(&case)), Some((0, 0)));
        ticks
            .apply(&tick(&key(&list, "Read"), TickWord::Done, None))
            .unwrap();
        assert_eq!(list.current(&ticks.of_case(&case)), Some((0, 1)));
        ticks
            .apply(&tick(
                &key(&list, "Judge"),
                TickWord::NotApplicable,
                Some("drill"),
            ))
            .unwrap();
        // What is optional does not hold the phase.
        let of_case = ticks.of_case(&case);
        assert_eq!(list.current(&of_case), Some((1, 0)));
        let progress = list.sections.first().unwrap().progress(&of_case);
        assert_eq!(
            (progress.done, progress.not_applicable, progress.total),
            (1, 1, 3)
        );
        assert_eq!(
            (
                list.progress(&of_case).settled(),
                list.progress(&of_case).total
            ),
            (2, 4)
        );
        assert!(ticks.of_case(&"case-2".into()).iter().next().is_none());
    }

    #[test]
    fn a_tick_can_be_taken_back() {
        let list = derived(TEXT);
        let read = key(&list, "Read");
        let mut ticks = Ticks::default();
        ticks.apply(&tick(&read, TickWord::Done, None)).unwrap();
        ticks.apply(&tick(&read, TickWord::Open, None)).unwrap();
        assert_eq!(
            ticks.of_case(&"case-1".into()).state(&read),
            &ItemState::Open
        );
    }

    #[test]
    fn a_skip_needs_a_reason() {
        let list = derived(TEXT);
        let read = key(&list, "Read");
        let mut ticks = Ticks::default();
        for reason in [None, Some("  ")] {
            for word in [TickWord::Skipped, TickWord::NotApplicable] {
                assert_eq!(ticks.apply(&tick(&read, word, reason)), Err(NoReason));
            }
        }
        assert_eq!(ticks, Ticks::default());
        ticks
            .apply(&tick(&read, TickWord::Skipped, Some("no tool")))
            .unwrap();
        let skipped = ItemState::Skipped {
            reason: "no tool".into(),
            by: "mara".into(),
            at: at(5),
        };
        assert_eq!(ticks.of_case(&"case-1".into()).state(&read), &skipped);
    }

    #[test]
    fn a_moved_step_keeps_its_tick_and_a_changed_one_loses_it() {
        let list = derived(TEXT);
        let mut ticks = Ticks::default();
        for label in ["Read", "Judge"] {
            ticks
                .apply(&tick(&key(&list, label), TickWord::Done, None))
                .unwrap();
        }
        let of_case = ticks.of_case(&"case-1".into());
        let edited = TEXT.replace(
            "## Identification\n\n1. Read\n2. (Optional) Ask\n3. Judge",
            "## Phase 2: Identification\n\n1. Judge again\n2. Read",
        );
        let edited = derived(&edited);
        assert!(!of_case.state(&key(&edited, "Read")).is_open());
        assert!(of_case.state(&key(&edited, "Judge again")).is_open());
        assert_eq!(edited.lost_ticks(&of_case).len(), 1);
        assert_eq!(list.lost_ticks(&of_case).len(), 0);
    }

    #[test]
    fn ticks_are_stored_as_they_were() {
        let list = derived(TEXT);
        let tick = tick(&key(&list, "Read"), TickWord::NotApplicable, Some("drill"));
        let text = serde_json::to_string(&tick).unwrap();
        assert!(text.contains("\"state\":\"not_applicable\""), "{text}");
        assert_eq!(serde_json::from_str::<Tick>(&text).unwrap(), tick);
        let broken = text.replace(tick.step.as_str(), "../../x");
        assert!(serde_json::from_str::<Tick>(&broken).is_err());
    }

    proptest! {
        #[test]
        fn the_last_tick_of_a_step_holds(words in prop::collection::vec(0_usize..4, 1..20)) {
            let list = derived(TEXT);
            let read = key(&list, "Read");
            let all = [TickWord::Open, TickWord::Done, TickWord::Skipped, TickWord::NotApplicable];
            let mut ticks = Ticks::default();
            for word in &words {
                ticks.apply(&tick(&read, all[*word], Some("why"))).unwrap();
            }
            let last = tick(&read, all[words[words.len() - 1]], Some("why")).item_state().unwrap();
            let of_case = ticks.of_case(&"case-1".into());
            prop_assert_eq!(of_case.state(&read), &last);
        }
    }
}
