//! What was typed here and is not known to be anywhere else: not on record, and not on disk as it was typed last.
//!
//! What must not live here: what follows from it (`update::typed`), drafts on disk (`store`).

use std::collections::BTreeMap;

use super::Model;
use super::layer::Purpose;
use crate::domain::ids::CaseId;
use crate::domain::report::{Kind, Target};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What a text is for, as it is found again when it is asked for once more.
#[derive(Clone, Debug)]
pub struct About {
    purpose: Purpose,
    /// The open case and its user, where the purpose does not name them.
    open: Option<(CaseId, Option<Untrusted>)>,
}

impl About {
    /// Takes what a text is written for now.
    pub fn of(model: &Model, purpose: &Purpose) -> Self {
        let is_of_open = matches!(
            purpose,
            Purpose::MonitorOnly | Purpose::NoAction | Purpose::Dismiss(..)
        );
        let open = model.open.as_ref().filter(|_| is_of_open);
        Self {
            purpose: purpose.clone(),
            open: open.map(|open| (open.id.clone(), open.user.clone())),
        }
    }

    /// Takes a text that has a draft on disk.
    pub fn draft(target: &Target) -> Self {
        let purpose = if target.subject.kind == Kind::Note {
            Purpose::Note(target.case.clone())
        } else {
            Purpose::Document(Box::new(target.clone()))
        };
        Self {
            purpose,
            open: None,
        }
    }

    /// Gives what it is written for.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// Gives the words for it.
    pub fn title(&self) -> Safe {
        match &self.purpose {
            Purpose::Document(target) => target.subject.title(),
            purpose => purpose.title().into(),
        }
    }

    /// Tells whether a text is for the same.
    pub fn is(&self, other: &Self) -> bool {
        self.open == other.open && self.fits(&other.purpose)
    }

    /// Tells whether a purpose is the same, whatever of it may have changed since it was asked for.
    pub fn fits(&self, purpose: &Purpose) -> bool {
        match (&self.purpose, purpose) {
            (Purpose::Skip(one), Purpose::Skip(other))
            | (Purpose::NotApplicable(one), Purpose::NotApplicable(other))
            | (Purpose::StepNote(one), Purpose::StepNote(other)) => {
                one.case == other.case
                    && one.runbook == other.runbook
                    && one.step == other.step
                    && one.said.within == other.said.within
            }
            (Purpose::Waive(one), Purpose::Waive(other)) => {
                one.case == other.case && one.list == other.list && one.phase == other.phase
            }
            // Its end is chosen anew.
            (Purpose::Snooze(one, _), Purpose::Snooze(other, _)) => one == other,
            (one, other) => one == other,
        }
    }
}

/// One text; an empty one only says that its draft is open.
#[derive(Clone, Debug)]
struct Kept {
    about: About,
    text: Untrusted,
    /// Whether what was left of it on disk is in it.
    is_whole: bool,
    /// Whether its editor was left, and the disk is asked what it has of it.
    is_left: bool,
    /// What of it was handed to the log, where nobody knows whether it is on record.
    perhaps: Option<Untrusted>,
    /// The number it is being put on record under, if it is.
    asked: Option<u64>,
}

impl Kept {
    fn has_words(&self) -> bool {
        has_words(&self.text)
    }
}

/// The texts, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    texts: Vec<Kept>,
    /// The comments of closings that failed.
    closings: BTreeMap<CaseId, Untrusted>,
    /// The last number that was given.
    last: u64,
}

impl Typed {
    /// Tells whether nothing that was typed is known to be here only.
    pub fn is_empty(&self) -> bool {
        self.titles().next().is_none()
    }

    /// Lists the words for what may be on record, and nobody knows.
    pub fn perhaps(&self) -> impl Iterator<Item = Safe> {
        let texts = self.texts.iter();
        let texts = texts.filter(|text| text.has_words() && text.perhaps.is_some());
        texts.map(|text| text.about.title())
    }

    /// Lists the words for what is here only.
    pub fn titles(&self) -> impl Iterator<Item = Safe> {
        let is_here = |text: &&Kept| text.has_words() && text.perhaps.as_ref() != Some(&text.text);
        let texts = self.texts.iter().filter(is_here);
        let closings = self.closings.keys();
        let closings = closings.map(|case| safe!("closing comment of {}", case.shown()));
        texts.map(|text| text.about.title()).chain(closings)
    }

    /// Gives a text that can be gone on with: what is being put on record is not offered meanwhile.
    pub fn get(&self, about: &About) -> Option<&Untrusted> {
        let known = self.find(about).map(|text| &text.text);
        known.filter(|text| has_words(text))
    }

    /// Keeps a text as it is now.
    pub fn keep(&mut self, about: &About, text: &Untrusted) {
        if let Some(known) = self.find_mut(about) {
            known.text = text.clone();
        } else {
            self.texts.push(Kept {
                about: about.clone(),
                text: text.clone(),
                is_whole: false,
                is_left: false,
                perhaps: None,
                asked: None,
            });
        }
    }

    /// Keeps a text that has all in it that was left of it on disk; so has what it becomes.
    pub fn keep_whole(&mut self, about: &About, text: &Untrusted) {
        self.keep(about, text);
        if let Some(known) = self.find_mut(about) {
            known.is_whole = true;
        }
    }

    /// Tells whether all that was left of a text on disk is in it.
    pub fn is_whole(&self, about: &About) -> bool {
        self.find(about).is_some_and(|text| text.is_whole)
    }

    /// Tells whether a text that has all in it that was left of it on disk is being put on record.
    pub fn is_asked_whole(&self, about: &About) -> bool {
        let mut texts = self.texts.iter();
        texts.any(|text| text.asked.is_some() && text.is_whole && text.about.is(about))
    }

    /// Gives a text to whoever opens its editor again; it stays here until it is known to be somewhere else.
    pub fn reopen(&mut self, about: &About) -> Option<Untrusted> {
        let known = self.find_mut(about)?;
        known.is_left = false;
        let text = known.text.clone();
        if has_words(&text) {
            return Some(text);
        }
        self.forget(about);
        None
    }

    /// Takes that the editor of a text was left; tells whether there is something that is only here.
    pub fn leave(&mut self, about: &About) -> bool {
        let has_words = self.get(about).is_some();
        if !has_words {
            self.forget(about);
        }
        if let Some(text) = self.find_mut(about) {
            text.is_left = true;
        }
        has_words
    }

    /// Tells whether the editor of a text was left and not opened again.
    pub fn is_left(&self, about: &About) -> bool {
        self.find(about).is_some_and(|text| text.is_left)
    }

    /// Forgets a text that was given up, or is somewhere else.
    pub fn forget(&mut self, about: &About) {
        self.texts
            .retain(|text| text.asked.is_some() || !text.about.is(about));
    }

    /// Takes that a text is being put on record; gives the number its answer comes under.
    pub fn ask(&mut self, about: &About, text: &Untrusted) -> u64 {
        let is_whole = self.is_whole(about);
        let perhaps = self.find(about).and_then(|text| text.perhaps.clone());
        self.forget(about);
        self.last += 1;
        self.texts.push(Kept {
            about: about.clone(),
            text: text.clone(),
            is_whole,
            is_left: false,
            perhaps,
            asked: Some(self.last),
        });
        self.last
    }

    /// Takes that a text is on record.
    pub fn recorded(&mut self, number: u64) {
        self.texts.retain(|text| text.asked != Some(number));
    }

    /// Takes that a text was not put on record, or may not have been: it can be gone on with, before what was typed since.
    pub fn refused(&mut self, number: u64, may_stand: bool) -> Option<(About, Untrusted)> {
        let is_it = |text: &Kept| text.asked == Some(number);
        let place = self.texts.iter().position(is_it)?;
        let mut refused = self.texts.remove(place);
        let given = (refused.about.clone(), refused.text.clone());
        refused.asked = None;
        if may_stand {
            refused.perhaps = Some(refused.text.clone());
        }
        if let Some(since) = self.get(&refused.about) {
            refused.text = joined(&refused.text, since);
        }
        self.forget(&refused.about);
        self.texts.push(refused);
        Some(given)
    }

    /// Keeps the comment of a closing that failed.
    pub fn keep_closing(&mut self, case: &CaseId, comment: &Untrusted) {
        self.closings.insert(case.clone(), comment.clone());
    }

    /// Gives the comment of a closing of a case that failed.
    pub fn closing(&self, case: &CaseId) -> Option<&Untrusted> {
        self.closings.get(case)
    }

    /// Forgets the comment of a closing: the case is closed, or the comment was given up.
    pub fn forget_closing(&mut self, case: &CaseId) {
        self.closings.remove(case);
    }

    fn find(&self, about: &About) -> Option<&Kept> {
        let is_it = |text: &&Kept| text.asked.is_none() && text.about.is(about);
        self.texts.iter().find(is_it)
    }

    fn find_mut(&mut self, about: &About) -> Option<&mut Kept> {
        let is_it = |text: &&mut Kept| text.asked.is_none() && text.about.is(about);
        self.texts.iter_mut().find(is_it)
    }
}

fn has_words(text: &Untrusted) -> bool {
    !text.raw().trim().is_empty()
}

/// Puts a text before another one, each on lines of its own.
pub fn joined(before: &Untrusted, after: &Untrusted) -> Untrusted {
    if !has_words(after) {
        return before.clone();
    }
    if !has_words(before) {
        return after.clone();
    }
    Untrusted::new(format!("{}\n{}", before.raw(), after.raw()))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::app::model::layer::Held;
    use crate::app::model::list::{PhaseRef, StepRef};
    use crate::domain::audit::StepSaid;
    use crate::domain::containment::samples::{account, at, case};
    use crate::domain::runbook::StepKey;
    use crate::domain::runbook::checklist::ListId;

    fn about(purpose: Purpose) -> About {
        About {
            purpose,
            open: None,
        }
    }

    fn note() -> About {
        About::draft(&Target::note(case()))
    }

    #[test]
    fn what_is_put_on_record_is_here_until_that_is_known_and_comes_back_when_refused() {
        let mut typed = Typed::default();
        typed.keep(&note(), &"one".into());
        let number = typed.ask(&note(), &"one".into());
        assert_eq!(typed.get(&note()), None, "it is not written twice");
        assert_eq!(typed.titles().count(), 1);
        typed.keep(&note(), &"two".into());
        let (of, text) = typed.refused(number, false).expect("it was asked for");
        assert!(of.is(&note()));
        assert_eq!(text.raw(), "one");
        assert_eq!(typed.get(&note()), Some(&"one\ntwo".into()));
        assert!(
            typed.refused(number, false).is_none(),
            "it is answered once"
        );
        let number = typed.ask(&note(), &"one\ntwo".into());
        typed.recorded(number + 1);
        assert!(!typed.is_empty(), "that was another one");
        typed.recorded(number);
        assert!(typed.is_empty());
    }

    #[test]
    fn what_may_be_on_record_is_not_said_to_be_here_only_until_it_is_known_to_be_there() {
        let mut typed = Typed::default();
        let number = typed.ask(&note(), &"one".into());
        assert!(typed.refused(number, true).is_some());
        assert_eq!(typed.get(&note()), Some(&"one".into()), "it is not lost");
        assert!(typed.is_empty() && typed.perhaps().count() == 1);
        // Written again and refused for sure, the first may be there all the same.
        let number = typed.ask(&note(), &"one".into());
        assert!(typed.refused(number, false).is_some());
        assert!(typed.is_empty() && typed.perhaps().count() == 1);
        typed.keep(&note(), &"one, two".into());
        assert!(!typed.is_empty(), "the rest is here only");
        assert_eq!(typed.perhaps().count(), 1);
        let number = typed.ask(&note(), &"one, two".into());
        typed.recorded(number);
        assert_eq!(typed.perhaps().count(), 0);
    }

    #[test]
    fn what_was_emptied_is_not_kept_and_what_is_opened_again_is_not_left() {
        let mut typed = Typed::default();
        assert!(!typed.leave(&note()));
        // Its draft was opened, and had nothing in it.
        typed.keep_whole(&note(), &"".into());
        assert!(typed.is_empty());
        typed.keep(&note(), &"one".into());
        assert!(typed.leave(&note()) && typed.is_left(&note()));
        assert_eq!(typed.reopen(&note()), Some("one".into()));
        assert!(!typed.is_left(&note()) && typed.is_whole(&note()));
        typed.keep(&note(), &" \n".into());
        assert!(typed.is_empty() && typed.titles().next().is_none());
        assert!(!typed.leave(&note()) && !typed.is_whole(&note()));
        assert_eq!(typed.reopen(&note()), None);
    }

    #[test]
    fn the_comment_of_a_closing_that_failed_is_here_only_until_it_is_forgotten() {
        let mut typed = Typed::default();
        typed.keep_closing(&case(), &"one".into());
        typed.keep_closing(&case(), &"two".into());
        assert_eq!(typed.closing(&case()), Some(&"two".into()));
        assert!(!typed.is_empty());
        let titles: Vec<String> = typed.titles().map(|title| title.to_string()).collect();
        assert_eq!(titles, [format!("closing comment of {}", case().shown())]);
        typed.forget_closing(&case());
        assert!(typed.is_empty() && typed.titles().next().is_none());
    }

    #[test]
    fn a_refused_text_still_has_what_was_on_disk_in_it() {
        let mut typed = Typed::default();
        typed.keep_whole(&note(), &"one".into());
        assert!(!typed.is_asked_whole(&note()));
        let number = typed.ask(&note(), &"one".into());
        assert!(typed.is_asked_whole(&note()));
        assert!(typed.refused(number, false).is_some());
        assert!(typed.is_whole(&note()) && !typed.is_asked_whole(&note()));
        typed.forget(&note());
        typed.keep(&note(), &"two".into());
        typed.ask(&note(), &"two".into());
        assert!(!typed.is_asked_whole(&note()), "its draft was not read");
    }

    fn step(label: &str, within: Option<&str>) -> Box<StepRef> {
        Box::new(StepRef {
            case: case(),
            runbook: "r.md".into(),
            step: StepKey::of("Containment", "a", 1),
            said: StepSaid {
                phase: "Containment".into(),
                words: label.into(),
                text: None,
                within: within.map(str::to_owned),
                instead_of: None,
            },
            label: label.into(),
            text: None,
        })
    }

    #[test]
    fn a_purpose_is_known_again_whatever_of_it_changed() {
        let skip = about(Purpose::Skip(step("Call", None)));
        assert!(skip.fits(&Purpose::Skip(step("Call them", None))));
        assert!(!skip.fits(&Purpose::Skip(step("Call", Some("b")))));
        assert!(!skip.fits(&Purpose::StepNote(step("Call", None))));
        let phase = |open: Vec<(StepKey, Untrusted)>| {
            Purpose::Waive(Box::new(PhaseRef {
                case: case(),
                list: ListId::root("r.md".into()),
                phase: "Containment".into(),
                open,
            }))
        };
        let waive = about(phase(Vec::new()));
        let step = (StepKey::of("Containment", "a", 1), "Call".into());
        assert!(waive.fits(&phase(vec![step])));
        let snooze = |minutes| Purpose::Snooze(vec![case()], at(0) + TimeDelta::minutes(minutes));
        assert!(about(snooze(15)).fits(&snooze(30)));
        let other = Purpose::Snooze(Vec::new(), DateTime::UNIX_EPOCH);
        assert!(!about(snooze(15)).fits(&other));
        let held = Held {
            case: case(),
            account: account().id,
            login: account().login,
        };
        let keep = about(Purpose::Keep(Box::new(held.clone())));
        assert!(keep.fits(&Purpose::Keep(Box::new(held.clone()))));
        assert!(!keep.fits(&Purpose::EndWatch(Box::new(held))));
    }

    #[test]
    fn a_decision_belongs_to_the_case_and_user_it_was_written_for() {
        let of = |number: Option<&str>| About {
            purpose: Purpose::MonitorOnly,
            open: number.map(|_| (case(), number.map(Into::into))),
        };
        let mut typed = Typed::default();
        typed.keep(&of(Some("mara")), &"why".into());
        assert!(typed.get(&of(Some("jo"))).is_none());
        assert!(typed.get(&of(None)).is_none());
        assert!(typed.get(&of(Some("mara"))).is_some());
    }
}
