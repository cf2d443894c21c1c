//! What is written into a case at the end of a phase, at a handover and after the incident: composed from facts,
//! edited by the analyst, laid out as Markdown, kept in the records.
//!
//! What must not live here: where the facts come from (`app`), drafts on disk (`store`), posting (`engine`).

pub mod documents;
pub mod facts;
pub mod handover;
pub mod layout;
pub mod lessons;
pub mod phase;
pub mod trouble;

use super::phase::{Phase, PhaseName, phase_of_name};
use super::text::{Safe, Untrusted};
use crate::safe;

/// Most characters of a written report; far below what a case system takes in one comment.
pub const TEXT_MAX: usize = 24_000;

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The documentation of one phase.
    Phase,
    /// The lessons learned.
    Lessons,
    /// What is said of the runbook itself.
    Feedback,
    /// For whoever takes over.
    Handover,
    /// A note, posted as it was typed.
    Note,
}

impl Kind {
    /// Lists all kinds.
    pub const ALL: [Self; 5] = [
        Self::Phase,
        Self::Lessons,
        Self::Feedback,
        Self::Handover,
        Self::Note,
    ];

    /// Gives the word used in records.
    pub fn code(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Lessons => "lessons_learned",
            Self::Feedback => "feedback",
            Self::Handover => "handover",
            Self::Note => "note",
        }
    }

    /// Reads the word used in records.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a text is about: its kind, and the phase by the runbook's own name where it is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The kind.
    pub kind: Kind,
    /// The runbook's own name of the phase; empty for a handover.
    pub name: Untrusted,
}

impl Subject {
    /// Gives the subject of a phase of the runbook.
    pub fn of_phase(name: &Untrusted, picerl: Option<Phase>) -> Self {
        let kind = match (picerl, phase_of_name(name.raw())) {
            (Some(Phase::LessonsLearned), _) => Kind::Lessons,
            (None, Some(PhaseName::Feedback)) => Kind::Feedback,
            _ => Kind::Phase,
        };
        Self {
            kind,
            name: name.clone(),
        }
    }

    /// Gives the subject of a handover.
    pub fn handover() -> Self {
        Self {
            kind: Kind::Handover,
            name: Untrusted::default(),
        }
    }

    /// Gives the subject of a note.
    pub fn note() -> Self {
        Self {
            kind: Kind::Note,
            name: Untrusted::default(),
        }
    }

    /// Gives the words shown for it.
    pub fn title(&self) -> Safe {
        match self.kind {
            Kind::Handover => "Handover".into(),
            Kind::Note => "Note".into(),
            Kind::Phase => safe!("Phase {}", self.name.field()),
            Kind::Lessons | Kind::Feedback => self.name.field(),
        }
    }
}

/// One text of one case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The case.
    pub case: super::ids::CaseId,
    /// What about.
    pub subject: Subject,
}

impl Target {
    /// Gives the note of a case.
    pub fn note(case: super::ids::CaseId) -> Self {
        Self {
            case,
            subject: Subject::note(),
        }
    }
}

/// A text that is being put together, line by line.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Begins a section.
    fn heading(&mut self, text: &Safe) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(&safe!("# {}", text));
    }

    fn line(&mut self, text: &Safe) {
        // A fact is one line, whatever came with it.
        self.0.push_str(&text.as_str().replace('\n', " "));
        self.0.push('\n');
    }

    fn item(&mut self, text: &Safe) {
        self.line(&safe!("- {}", text));
    }

    fn under(&mut self, text: &Safe) {
        self.line(&safe!("  - {}", text));
    }

    /// A section with one item a fact; nothing at all where there is none.
    fn section(&mut self, title: &'static str, facts: &[Safe]) {
        if !facts.is_empty() {
            self.heading(&title.into());
            for fact in facts {
                self.item(fact);
            }
        }
    }

    /// A section that says so where there is nothing.
    fn section_or(&mut self, title: &'static str, facts: &[Safe], none: impl Into<Safe>) {
        self.heading(&title.into());
        if facts.is_empty() {
            self.line(&none.into());
        }
        for fact in facts {
            self.item(fact);
        }
    }

    fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Containment", Some(Phase::Containment), Kind::Phase)]
    #[case("What we learned", Some(Phase::LessonsLearned), Kind::Lessons)]
    #[case("Runbook feedback", None, Kind::Feedback)]
    #[case("Communicate", None, Kind::Phase)]
    fn a_phase_has_its_kind_of_text(
        #[case] name: &str,
        #[case] picerl: Option<Phase>,
        #[case] kind: Kind,
    ) {
        assert_eq!(Subject::of_phase(&name.into(), picerl).kind, kind);
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
    }
}
