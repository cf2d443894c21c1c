use std::collections::BTreeSet;

use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use rstest::rstest;

use super::super::parse_runbook;
use super::ticks::Said;
use super::*;

const TEXT: &str = "# Title\n\n## Preparation\n\n1. Be ready\n\n## Identification\n\n1. Read\n2. (Optional) Ask\n3. Judge\n\n\
                    ## Containment\n\n1. Disable\n\n## Runbook feedback\n\n1. Was it right?\n";

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, second).unwrap()
}

fn derived(text: &str) -> Checklist {
    Checklist::derive(&parse_runbook(text, "title.md"))
}

fn list() -> ListId {
    ListId::root("title.md".into())
}

fn find<'a>(list: &'a Checklist, label: &str) -> (&'a Section, &'a Step) {
    list.items()
        .find(|(_, step)| step.label.raw() == label)
        .unwrap_or_else(|| panic!("no step {label}"))
}

fn done() -> ItemState {
    ItemState::Done {
        by: "mara".into(),
        at: at(5),
        evidence: None,
    }
}

fn skipped() -> ItemState {
    ItemState::Skipped {
        reason: "no tool".into(),
        by: "mara".into(),
        at: at(5),
    }
}

/// Records a state as the console does: with the words, and the keys of the text first.
fn tick(ticks: &mut CaseTicks, checklist: &Checklist, label: &str, state: ItemState) {
    let (section, step) = find(checklist, label);
    let text = checklist.text_id();
    if let Some(text) = text.clone() {
        ticks.learn(text, checklist.items().map(|(_, step)| step.key.clone()));
    }
    let found = ListState::new(checklist, &list(), ticks);
    ticks.apply(Tick {
        item: ItemId {
            list: list(),
            step: step.key.clone(),
        },
        state: Some(state),
        note: None,
        said: Some(Said {
            phase: section.name.clone(),
            words: step.text.clone(),
            text,
        }),
        instead_of: found.of(&step.key).recorded.clone(),
    });
}

fn shown(checklist: &Checklist, ticks: &CaseTicks) -> ListState {
    ListState::new(checklist, &list(), ticks)
}

fn view(checklist: &Checklist, ticks: &CaseTicks, label: &str) -> ItemView {
    shown(checklist, ticks)
        .of(&find(checklist, label).1.key)
        .clone()
}

#[test]
fn the_response_comes_first_and_the_rest_is_folded() {
    let list = derived(TEXT);
    let names: Vec<_> = list
        .sections
        .iter()
        .map(|s| (s.name.raw(), s.folded))
        .collect();
    assert_eq!(
        names,
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
    let mut ticks = CaseTicks::default();
    assert_eq!(list.current(&shown(&list, &ticks)), Some((0, 0)));
    tick(&mut ticks, &list, "Read", done());
    assert_eq!(list.current(&shown(&list, &ticks)), Some((0, 1)));
    tick(&mut ticks, &list, "Judge", skipped());
    // What is optional does not hold the phase.
    let state = shown(&list, &ticks);
    assert_eq!(list.current(&state), Some((1, 0)));
    let progress = list.sections.first().unwrap().progress(&state);
    assert_eq!((progress.done, progress.skipped, progress.total), (1, 1, 3));
    assert_eq!(
        (list.progress(&state).settled(), list.progress(&state).total),
        (2, 4)
    );
}

#[rstest]
#[case::open(ItemState::Open, true, 0)]
#[case::done(done(), false, 1)]
#[case::skipped(skipped(), false, 1)]
#[case::not_applicable(ItemState::NotApplicable { reason: "x".into(), by: "m".into(), at: at(1) }, false, 1)]
#[case::refuted(ItemState::Refuted { evidence: "undone by others".into(), at: at(1) }, true, 0)]
#[case::stopped(ItemState::Stopped { by: "m".into(), at: at(1) }, true, 0)]
fn states(#[case] state: ItemState, #[case] open: bool, #[case] settled: usize) {
    let list = derived(TEXT);
    let mut ticks = CaseTicks::default();
    tick(&mut ticks, &list, "Disable", state);
    let found = shown(&list, &ticks);
    let section = list.sections.get(1).unwrap();
    assert_eq!(section.progress(&found).settled(), settled);
    assert_eq!(section.is_complete(&found), !open);
    assert_eq!(section.open_mandatory(&found).len(), usize::from(open));
}

#[test]
fn a_moved_step_keeps_its_tick_a_changed_one_says_what_it_said_and_a_deleted_one_is_listed() {
    let list = derived(TEXT);
    let mut ticks = CaseTicks::default();
    for label in ["Read", "Judge", "Disable"] {
        tick(&mut ticks, &list, label, done());
    }
    let edited = derived(
        "# Title\n\n## Phase 2: Identification\n\n1. Judge the likelihood\n2. Read\n\n## Phase 5: Recovery\n\n1. Disable\n",
    );
    assert!(!view(&edited, &ticks, "Read").is_open());
    let judged = view(&edited, &ticks, "Judge the likelihood");
    assert_eq!(judged.changed, Some("Judge".into()));
    assert!(judged.is_open(), "what it says now was not done");
    let disabled = view(&edited, &ticks, "Disable");
    assert!(!disabled.is_open(), "moved to another phase");
    assert!(shown(&edited, &ticks).gone.is_empty());
    let shorter = derived("# Title\n\n## Identification\n\n1. Something else entirely\n2. Read\n");
    let state = shown(&shorter, &ticks);
    let gone: Vec<_> = state
        .gone
        .iter()
        .filter_map(|(_, item)| Some(item.said.as_ref()?.words.raw()))
        .collect();
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(gone.contains(&"Judge") && gone.contains(&"Disable"));
    // And it is all there again when the old text comes back.
    assert!(shown(&list, &ticks).gone.is_empty());
    assert!(!view(&list, &ticks, "Judge").is_open());
}

#[test]
fn a_changed_step_that_is_ticked_anew_replaces_what_it_was() {
    let list = derived(TEXT);
    let mut ticks = CaseTicks::default();
    tick(&mut ticks, &list, "Judge", done());
    let edited = derived(&TEXT.replace("Judge", "Judge again"));
    assert!(view(&edited, &ticks, "Judge again").changed.is_some());
    tick(&mut ticks, &edited, "Judge again", done());
    assert_eq!(view(&edited, &ticks, "Judge again").changed, None);
    assert!(!view(&edited, &ticks, "Judge again").is_open());
    assert!(shown(&edited, &ticks).gone.is_empty());
}

/// Two steps with the same words; the `n`-th of them is ticked by its place.
const TWINS: &str =
    "# Title\n\n## Identification\n\n1. Call the owner\n2. Read\n3. Call the owner\n";

fn tick_twin(ticks: &mut CaseTicks, list: &Checklist, place: usize, state: ItemState) {
    let text = list.text_id();
    let keys = list.items().map(|(_, step)| step.key.clone());
    ticks.learn(text.clone().unwrap(), keys);
    let (section, step) = list.items().nth(place).unwrap();
    let recorded = shown(list, ticks).of(&step.key).recorded.clone();
    let said = Said {
        phase: section.name.clone(),
        words: step.text.clone(),
        text,
    };
    ticks.apply(Tick {
        item: ItemId {
            list: self::list(),
            step: step.key.clone(),
        },
        state: Some(state),
        note: None,
        said: Some(said),
        instead_of: recorded,
    });
}

fn views(list: &Checklist, ticks: &CaseTicks) -> Vec<(bool, usize)> {
    let state = shown(list, ticks);
    let items = list.items();
    items
        .map(|(_, step)| (state.of(&step.key).is_open(), state.of(&step.key).alike))
        .collect()
}

#[test]
fn steps_with_the_same_words_keep_ticks_of_their_own() {
    let list = derived(TWINS);
    for place in [0, 2] {
        let mut ticks = CaseTicks::default();
        tick_twin(&mut ticks, &list, place, done());
        let open: Vec<bool> = views(&list, &ticks).iter().map(|view| view.0).collect();
        assert_eq!(open, [place != 0, true, place != 2]);
        // Others move around them and change: they stay what they are.
        let moved = derived(&TWINS.replace("1. Call", "1. Look\n1. Call"));
        let open: Vec<bool> = views(&moved, &ticks).iter().map(|view| view.0).collect();
        assert_eq!(open, [true, place != 0, true, place != 2]);
    }
}

#[rstest]
#[case::the_first_was_done(0)]
#[case::the_second_was_done(2)]
fn when_one_of_them_is_removed_nobody_knows_which_was_done(#[case] place: usize) {
    let mut ticks = CaseTicks::default();
    tick_twin(&mut ticks, &derived(TWINS), place, done());
    for shorter in [
        "# Title\n\n## Identification\n\n1. Read\n3. Call the owner\n",
        "# Title\n\n## Identification\n\n1. Call the owner\n2. Read\n",
    ] {
        let edited = derived(shorter);
        let (_, step) = find(&edited, "Call the owner");
        let view = shown(&edited, &ticks).of(&step.key).clone();
        assert!(view.is_open() && view.alike == 2, "{view:?}");
        // Done anew, it is this one.
        let at = usize::from(shorter.contains("3. Call"));
        let mut ticks = ticks.clone();
        tick_twin(&mut ticks, &edited, at, done());
        assert_eq!(views(&edited, &ticks)[at], (false, 0));
    }
    // One that moved to another phase is not known either, and the old text brings all of it back.
    let moved = derived(
        "# Title\n\n## Identification\n\n1. Call the owner\n2. Read\n\n## Containment\n\n1. Call the owner\n",
    );
    assert_eq!(
        views(&moved, &ticks).iter().filter(|view| !view.0).count(),
        0
    );
    assert_eq!(views(&derived(TWINS), &ticks)[place], (false, 0));
}

#[test]
fn when_all_of_them_were_done_what_is_left_is_done() {
    let mut ticks = CaseTicks::default();
    let list = derived(TWINS);
    tick_twin(&mut ticks, &list, 0, done());
    tick_twin(&mut ticks, &list, 2, done());
    let shorter = derived("# Title\n\n## Identification\n\n1. Read\n2. Call the owner\n");
    assert_eq!(views(&shorter, &ticks)[1], (false, 0));
    let moved = derived(
        "# Title\n\n## Identification\n\n1. Call the owner\n\n## Containment\n\n1. Call the owner\n",
    );
    assert_eq!(views(&moved, &ticks), [(false, 0), (false, 0)]);
}

#[test]
fn the_same_runbook_opened_from_two_steps_is_two_lists() {
    let list = derived(TEXT);
    let (_, step) = find(&list, "Read");
    let inside = |key: &str| ListId {
        runbook: "title.md".into(),
        within: vec![StepKey::try_from(key.to_owned()).unwrap()],
    };
    let mut ticks = CaseTicks::default();
    ticks.apply(Tick {
        item: ItemId {
            list: inside("0123456789abcdef"),
            step: step.key.clone(),
        },
        state: Some(done()),
        note: None,
        said: None,
        instead_of: None,
    });
    let of = |id: &ListId| ListState::new(&list, id, &ticks).of(&step.key).is_open();
    assert!(!of(&inside("0123456789abcdef")));
    assert!(of(&inside("fedcba9876543210")));
    assert!(of(&super::tests::list()));
}

#[test]
fn a_closed_phase_keeps_what_was_waived_until_it_is_opened_again() {
    let list = derived(TEXT);
    let section = list.sections.first().unwrap();
    let key = find(&list, "Read").1.key.clone();
    let mut ticks = CaseTicks::default();
    let closed = PhaseClosed {
        by: "mara".into(),
        at: at(7),
        waived: BTreeSet::from([key.clone()]),
        reason: Some("no tool".into()),
    };
    ticks.close(super::tests::list(), &section.name, closed);
    let state = shown(&list, &ticks);
    assert!(state.is_closed(section) && state.of(&key).waived);
    assert_eq!(
        list.current(&state),
        Some((1, 0)),
        "the next phase is current"
    );
    ticks.reopen(&super::tests::list(), &section.name);
    let state = shown(&list, &ticks);
    assert!(!state.is_closed(section) && !state.of(&key).waived);
}

#[test]
fn lists_are_named_in_records_and_read_back() {
    let key = |text: &str| StepKey::try_from(text.to_owned()).unwrap();
    let id = ListId {
        runbook: "a/b.md".into(),
        within: vec![key("0123456789abcdef"), key("fedcba9876543210-2")],
    };
    let text = id.within_text();
    assert_eq!(ListId::read("a/b.md".into(), text.as_deref()), Some(id));
    assert_eq!(list().within_text(), None);
    assert_eq!(ListId::read("title.md".into(), None), Some(list()));
    assert_eq!(ListId::read("title.md".into(), Some("../x")), None);
}

fn any_steps() -> impl Strategy<Value = Vec<String>> {
    let words =
        "(look|read|ask|block|note|check|send|tell)( (the|a|mail|host|user|rule|case|log)){1,6}";
    prop::collection::btree_set(words, 3..12).prop_map(|set| set.into_iter().collect())
}

fn book(steps: &[String]) -> String {
    let half = steps.len() / 2;
    let mut text = "# T\n".to_owned();
    for (name, part) in [("Containment", 0..half), ("Recovery", half..steps.len())] {
        text.extend(["\n## ", name, "\n\n"]);
        for step in &steps[part] {
            text.extend(["1. ", step, "\n"]);
        }
    }
    text
}

/// What is known of each step, by its words.
fn by_words(checklist: &Checklist, ticks: &CaseTicks) -> Vec<(String, ItemView)> {
    let state = shown(checklist, ticks);
    checklist
        .items()
        .map(|(_, step)| (step.text.raw().to_owned(), state.of(&step.key).clone()))
        .collect()
}

proptest! {
    /// Editing one paragraph changes the state of its own item and of no other, and loses nothing.
    #[test]
    fn an_edit_touches_its_own_item_only(
        steps in any_steps(),
        ticked in prop::collection::vec(any::<bool>(), 12),
        place in any::<prop::sample::Index>(),
        new in "(look|read|ask|block|whole)( (new|words|mail|host|user|never|seen)){1,6} x",
    ) {
        let before = derived(&book(&steps));
        let mut ticks = CaseTicks::default();
        for (step, ticked) in steps.iter().zip(&ticked) {
            if *ticked {
                let label = before.items().find(|(_, s)| s.text.raw() == step).unwrap().1.label.clone();
                tick(&mut ticks, &before, label.raw(), done());
            }
        }
        let count = shown(&before, &ticks);
        let recorded = before.items().filter(|(_, s)| count.of(&s.key).touched).count();
        let place = place.index(steps.len());
        let mut edited = steps.clone();
        edited[place] = new.clone();
        let after = derived(&book(&edited));
        let old = by_words(&before, &ticks);
        for (words, view) in by_words(&after, &ticks) {
            if words == new {
                prop_assert!(view.is_open(), "new words were done by nobody");
                prop_assert!(view.state == ItemState::Open || view.changed == Some(steps[place].as_str().into()));
            } else {
                let known = old.iter().find(|(w, _)| *w == words).map(|(_, view)| view);
                prop_assert_eq!(Some(&view), known);
            }
        }
        let state = shown(&after, &ticks);
        let there = after.items().filter(|(_, s)| state.of(&s.key).touched).count();
        prop_assert_eq!(there + state.gone.len(), recorded, "nothing is lost");
    }

    /// Any order of the steps, in any phases, keeps every tick.
    #[test]
    fn moved_items_keep_theirs(steps in any_steps(), ticked in prop::collection::vec(any::<bool>(), 12), turn in 0usize..12) {
        let before = derived(&book(&steps));
        let mut ticks = CaseTicks::default();
        let labels: Vec<String> = before.items().map(|(_, s)| s.label.raw().to_owned()).collect();
        for (label, ticked) in labels.iter().zip(&ticked) {
            if *ticked {
                tick(&mut ticks, &before, label, done());
            }
        }
        let mut moved = steps.clone();
        moved.rotate_left(turn % steps.len());
        let after = derived(&book(&moved));
        let old = by_words(&before, &ticks);
        for (words, view) in by_words(&after, &ticks) {
            let known = old.iter().find(|(w, _)| *w == words).map(|(_, view)| &view.state);
            prop_assert_eq!(Some(&view.state), known);
            prop_assert_eq!(view.changed, None);
        }
        prop_assert!(shown(&after, &ticks).gone.is_empty());
    }

    /// The last record of an item holds.
    #[test]
    fn the_last_tick_of_a_step_holds(words in prop::collection::vec(0_usize..4, 1..20)) {
        let list = derived(TEXT);
        let all = [ItemState::Open, done(), skipped(), ItemState::Stopped { by: "m".into(), at: at(1) }];
        let mut ticks = CaseTicks::default();
        for word in &words {
            tick(&mut ticks, &list, "Read", all[*word].clone());
        }
        prop_assert_eq!(view(&list, &ticks, "Read").state, all[words[words.len() - 1]].clone());
    }
}
