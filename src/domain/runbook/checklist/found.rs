//! Finds the items of a list again in a text that was edited since.
//!
//! By content, never by place: the key first, then the same words in another phase (moved), then words that are
//! much the same (changed). A step that stood in the text already when the tick was made is never taken for the
//! changed version of another. What is found nowhere is gone from the text, and listed.
//!
//! Steps with the same words in the same phase are told apart by their order among each other. When one of them is
//! removed, nobody can say which it was: what is left counts as done only if all of them were. Must not live here: io.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{Step, StepKey, normalised};
use super::ticks::{CaseTicks, Item, ItemState, ListId, Note, PhaseClosed, phase_key};
use super::{Checklist, Section};
use crate::domain::text::Untrusted;

/// How much of the words must be the same in the same phase, and in another.
const ALIKE: (f64, f64) = (0.5, 0.75);
/// What a common beginning adds: the step has kept its name.
const SAME_NAME: f64 = 0.5;
/// Shorter names say nothing.
const NAME_MIN: usize = 8;
/// Most pairs that are compared by their words.
const MOST_PAIRS: usize = 40_000;

/// One item as it stands in the text of today.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ItemView {
    /// What became of it.
    pub state: ItemState,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
    /// What the runbook said when it was settled, where it says something else now.
    pub changed: Option<Untrusted>,
    /// The key it is on record under, where that is another.
    pub recorded: Option<StepKey>,
    /// Whether anybody or anything ever changed its state.
    pub touched: bool,
    /// Whether it was waived when its phase was closed.
    pub waived: bool,
    /// How many steps had these words when it was settled, where fewer have them now and not all were settled alike:
    /// then nobody knows whether it was this one. 0 elsewhere.
    pub alike: usize,
}

impl ItemView {
    /// Tells whether it has to be done: also where it was settled and that may not hold of what the text says now.
    pub fn is_open(&self) -> bool {
        self.state.is_open() || self.is_unsure()
    }

    /// Tells whether it was settled and that may not hold of what the text says now.
    pub fn is_unsure(&self) -> bool {
        self.changed.is_some() || self.alike > 0
    }
}

/// What became of a list, item by item, in the text of today.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListState {
    items: BTreeMap<StepKey, ItemView>,
    /// What is on record and no longer in the text.
    pub gone: Vec<(StepKey, Item)>,
    closed: BTreeMap<String, PhaseClosed>,
}

static UNTOUCHED: ItemView = ItemView {
    state: ItemState::Open,
    notes: Vec::new(),
    changed: None,
    recorded: None,
    touched: false,
    waived: false,
    alike: 0,
};

impl ListState {
    /// Lays what is on record of a list over its text.
    pub fn new(checklist: &Checklist, list: &ListId, ticks: &CaseTicks) -> Self {
        let mut state = Self {
            closed: ticks.closed(list),
            ..Self::default()
        };
        let mut recorded: BTreeMap<&StepKey, &Item> = ticks.items(list).collect();
        let fewer = fewer_alike(checklist, &recorded, ticks);
        let mut free: Vec<(&Section, &Step)> = Vec::new();
        for (section, step) in checklist.items() {
            match recorded.remove(&step.key) {
                Some(item) => state.put(step, item, None, false),
                None => free.push((section, step)),
            }
        }
        recorded.retain(|_, item| item.is_worth_keeping());
        if !recorded.is_empty() {
            state.take_moved(&mut recorded, &mut free);
            state.take_changed(&mut recorded, &mut free, ticks);
        }
        let gone = recorded
            .into_iter()
            .filter(|(_, item)| item.state != ItemState::Open || !item.notes.is_empty());
        state.gone = gone
            .map(|(key, item)| (key.clone(), item.clone()))
            .collect();
        state.mark_alike(&fewer);
        state.mark_waived(checklist);
        state
    }

    /// Marks what is settled of steps of which one was removed.
    fn mark_alike(&mut self, fewer: &HashMap<String, usize>) {
        if fewer.is_empty() {
            return;
        }
        for (key, view) in &mut self.items {
            let recorded = view.recorded.as_ref().unwrap_or(key);
            if let Some(count) = fewer.get(recorded.of_words())
                && view.state != ItemState::Open
            {
                view.alike = *count;
            }
        }
    }

    fn put(&mut self, step: &Step, item: &Item, recorded: Option<&StepKey>, changed: bool) {
        let settled = item.state != ItemState::Open;
        let said = item.said.as_ref().map(|said| said.words.clone());
        let view = ItemView {
            state: item.state.clone(),
            notes: item.notes.clone(),
            changed: said.filter(|_| changed && settled),
            recorded: recorded.cloned(),
            touched: item.touched,
            waived: false,
            alike: 0,
        };
        self.items.insert(step.key.clone(), view);
    }

    /// The same words in another phase, or as another repetition.
    fn take_moved(
        &mut self,
        recorded: &mut BTreeMap<&StepKey, &Item>,
        free: &mut Vec<(&Section, &Step)>,
    ) {
        recorded.retain(|key, item| {
            let Some(said) = &item.said else { return true };
            let words = normalised(said.words.raw());
            let found = free
                .iter()
                .position(|(_, step)| normalised(step.text.raw()) == words);
            match found {
                Some(place) => {
                    let (_, step) = free.remove(place);
                    self.put(step, item, Some(key), false);
                    false
                }
                None => true,
            }
        });
    }

    fn take_changed(
        &mut self,
        recorded: &mut BTreeMap<&StepKey, &Item>,
        free: &mut Vec<(&Section, &Step)>,
        ticks: &CaseTicks,
    ) {
        let mut pairs: Vec<(f64, StepKey, StepKey)> = Vec::new();
        let compared = recorded
            .iter()
            .flat_map(|(key, item)| free.iter().map(move |new| (*key, *item, *new)));
        for (key, item, (section, step)) in compared.take(MOST_PAIRS) {
            let Some(said) = &item.said else { continue };
            let was_there = said
                .text
                .as_ref()
                .and_then(|text| ticks.keys_of(text))
                .is_some_and(|keys| keys.contains(&step.key));
            if was_there {
                continue;
            }
            let score = likeness(said.words.raw(), step);
            let same = phase_key(&said.phase) == phase_key(&section.name);
            if score >= if same { ALIKE.0 } else { ALIKE.1 } {
                pairs.push((score, key.clone(), step.key.clone()));
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (_, old, new) in pairs {
            let place = free.iter().position(|(_, step)| step.key == new);
            let (Some(place), Some(item)) = (place, recorded.get(&old).copied()) else {
                continue;
            };
            let (_, step) = free.remove(place);
            self.put(step, item, Some(&old), true);
            recorded.remove(&old);
        }
    }

    fn mark_waived(&mut self, checklist: &Checklist) {
        for section in &checklist.sections {
            let Some(closed) = self.closed.get(&phase_key(&section.name)) else {
                continue;
            };
            for step in &section.steps {
                if closed.waived.contains(&step.key) {
                    self.items.entry(step.key.clone()).or_default().waived = true;
                }
            }
        }
    }

    /// Gives one item.
    pub fn of(&self, step: &StepKey) -> &ItemView {
        self.items.get(step).unwrap_or(&UNTOUCHED)
    }

    /// Gives how a phase was closed, if it is.
    pub fn closed(&self, section: &Section) -> Option<&PhaseClosed> {
        self.closed.get(&phase_key(&section.name))
    }

    /// Tells whether a phase is closed.
    pub fn is_closed(&self, section: &Section) -> bool {
        self.closed(section).is_some()
    }
}

/// Counts the steps with the same words in the same phase that there were when one of them was settled, by the part of
/// their keys that names the words, where fewer are left and not all of them had been settled alike.
fn fewer_alike(
    checklist: &Checklist,
    recorded: &BTreeMap<&StepKey, &Item>,
    ticks: &CaseTicks,
) -> HashMap<String, usize> {
    let mut before: HashMap<&str, usize> = HashMap::new();
    for (key, item) in recorded {
        let text = item.said.as_ref().and_then(|said| said.text.as_ref());
        let Some(keys) = text.and_then(|text| ticks.keys_of(text)) else {
            continue;
        };
        let words = key.of_words();
        // The first of them has no ordinal and is the least.
        let there = StepKey::try_from(words.to_owned()).ok().map_or(0, |first| {
            keys.range(first..)
                .take_while(|key| key.of_words() == words)
                .count()
        });
        let count = before.entry(words).or_insert(usize::MAX);
        *count = (*count).min(there);
    }
    before.retain(|_, count| *count > 1);
    if before.is_empty() {
        return HashMap::new();
    }
    let mut now: HashMap<&str, usize> = HashMap::new();
    for (_, step) in checklist.items() {
        *now.entry(step.key.of_words()).or_insert(0) += 1;
    }
    let same = |words: &str, count: usize| {
        let mut states = recorded
            .iter()
            .filter(|(key, _)| key.of_words() == words)
            .map(|(_, item)| std::mem::discriminant(&item.state));
        let first = states.next();
        let alike = states.clone().all(|state| Some(state) == first);
        alike && states.count() + 1 == count
    };
    before
        .into_iter()
        .filter(|(words, count)| {
            now.get(words).copied().unwrap_or(0) < *count && !same(words, *count)
        })
        .map(|(words, count)| (words.to_owned(), count))
        .collect()
}

/// Says how much two texts have in common, 0 to 1, and more where the step has kept its name.
fn likeness(old: &str, step: &Step) -> f64 {
    let old = normalised(old);
    let name = normalised(step.label.raw());
    let named = name.len() >= NAME_MIN && old.starts_with(&name);
    shared_words(&old, &normalised(step.text.raw())) + if named { SAME_NAME } else { 0.0 }
}

/// Gives the part of the different words that both have (Dice).
fn shared_words(a: &str, b: &str) -> f64 {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let both = a.intersection(&b).count();
    if a.is_empty() && b.is_empty() {
        return 0.0;
    }
    2.0 * count(both) / count(a.len() + b.len())
}
