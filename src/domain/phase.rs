//! The phases of an incident response, by the names of the SANS model (PICERL).
//!
//! What lives here: the six phases, their order during a response, and how the many names that
//! runbooks give them map to the six. What must not: reading Markdown, or what a phase contains.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the six phases of the PICERL model (SANS Incident Handler's Handbook).
///
/// Runbook feedback is not one of the six: it is a section without a `Phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Readiness before anything happens.
    Preparation,
    /// What happened, to whom, and how likely it is.
    Identification,
    /// The attacker is shut out.
    Containment,
    /// What the attacker left is removed.
    Eradication,
    /// The user works again, and is watched.
    Recovery,
    /// What is learned from it.
    LessonsLearned,
}

/// What the name of a section says about its place in the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseName {
    /// It names one of the six phases.
    Picerl(Phase),
    /// It asks how good the runbook itself was.
    Feedback,
    /// It is a phase of its own kind, such as *Communicate*.
    Own,
}

impl Phase {
    /// Lists all six in the order of the model.
    pub const ALL: [Self; 6] = [
        Self::Preparation,
        Self::Identification,
        Self::Containment,
        Self::Eradication,
        Self::Recovery,
        Self::LessonsLearned,
    ];

    /// Gives the name as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparation => "Preparation",
            Self::Identification => "Identification",
            Self::Containment => "Containment",
            Self::Eradication => "Eradication",
            Self::Recovery => "Recovery",
            Self::LessonsLearned => "Lessons learned",
        }
    }

    /// Gives the name as it is written in JSON: `lessons_learned`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Identification => "identification",
            Self::Containment => "containment",
            Self::Eradication => "eradication",
            Self::Recovery => "recovery",
            Self::LessonsLearned => "lessons_learned",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Beginnings of words that stand for a phase, in runbooks of many houses.
const STEMS: &[(&str, PhaseName)] = &[
    ("prepar", PhaseName::Picerl(Phase::Preparation)),
    ("prerequisit", PhaseName::Picerl(Phase::Preparation)),
    ("readiness", PhaseName::Picerl(Phase::Preparation)),
    ("identif", PhaseName::Picerl(Phase::Identification)),
    ("detect", PhaseName::Picerl(Phase::Identification)),
    ("analy", PhaseName::Picerl(Phase::Identification)),
    ("triag", PhaseName::Picerl(Phase::Identification)),
    ("investiga", PhaseName::Picerl(Phase::Identification)),
    ("anális", PhaseName::Picerl(Phase::Identification)),
    ("untersuch", PhaseName::Picerl(Phase::Identification)),
    ("comunic", PhaseName::Own),
    ("contain", PhaseName::Picerl(Phase::Containment)),
    ("mitigat", PhaseName::Picerl(Phase::Containment)),
    ("remedial", PhaseName::Picerl(Phase::Containment)),
    ("eradicat", PhaseName::Picerl(Phase::Eradication)),
    ("remedia", PhaseName::Picerl(Phase::Eradication)),
    ("recover", PhaseName::Picerl(Phase::Recovery)),
    ("restor", PhaseName::Picerl(Phase::Recovery)),
    ("communicat", PhaseName::Own),
    ("diagnos", PhaseName::Picerl(Phase::Identification)),
    // Japanese, Chinese and Korean.
    ("準備", PhaseName::Picerl(Phase::Preparation)),
    ("准备", PhaseName::Picerl(Phase::Preparation)),
    ("준비", PhaseName::Picerl(Phase::Preparation)),
    ("検出", PhaseName::Picerl(Phase::Identification)),
    ("検知", PhaseName::Picerl(Phase::Identification)),
    ("特定", PhaseName::Picerl(Phase::Identification)),
    ("分析", PhaseName::Picerl(Phase::Identification)),
    ("調査", PhaseName::Picerl(Phase::Identification)),
    ("检测", PhaseName::Picerl(Phase::Identification)),
    ("识别", PhaseName::Picerl(Phase::Identification)),
    ("탐지", PhaseName::Picerl(Phase::Identification)),
    ("封じ込め", PhaseName::Picerl(Phase::Containment)),
    ("遏制", PhaseName::Picerl(Phase::Containment)),
    ("격리", PhaseName::Picerl(Phase::Containment)),
    ("根絶", PhaseName::Picerl(Phase::Eradication)),
    ("撲滅", PhaseName::Picerl(Phase::Eradication)),
    ("根除", PhaseName::Picerl(Phase::Eradication)),
    ("근절", PhaseName::Picerl(Phase::Eradication)),
    ("復旧", PhaseName::Picerl(Phase::Recovery)),
    ("回復", PhaseName::Picerl(Phase::Recovery)),
    ("リカバリ", PhaseName::Picerl(Phase::Recovery)),
    ("恢复", PhaseName::Picerl(Phase::Recovery)),
    ("복구", PhaseName::Picerl(Phase::Recovery)),
    // German, French, Spanish and Portuguese, where the word does not begin like the English one.
    ("vorbereit", PhaseName::Picerl(Phase::Preparation)),
    ("prépar", PhaseName::Picerl(Phase::Preparation)),
    ("erkennung", PhaseName::Picerl(Phase::Identification)),
    ("détect", PhaseName::Picerl(Phase::Identification)),
    ("detecc", PhaseName::Picerl(Phase::Identification)),
    ("detecç", PhaseName::Picerl(Phase::Identification)),
    ("eindämm", PhaseName::Picerl(Phase::Containment)),
    ("endiguement", PhaseName::Picerl(Phase::Containment)),
    ("confinement", PhaseName::Picerl(Phase::Containment)),
    ("contenc", PhaseName::Picerl(Phase::Containment)),
    ("contenç", PhaseName::Picerl(Phase::Containment)),
    ("beseitig", PhaseName::Picerl(Phase::Eradication)),
    ("éradic", PhaseName::Picerl(Phase::Eradication)),
    ("erradic", PhaseName::Picerl(Phase::Eradication)),
    ("wiederherstell", PhaseName::Picerl(Phase::Recovery)),
    ("rétabliss", PhaseName::Picerl(Phase::Recovery)),
    ("recuper", PhaseName::Picerl(Phase::Recovery)),
];

/// Beginnings of words that decide wherever they stand in the name.
const DECIDING: &[(&str, PhaseName)] = &[
    ("feedback", PhaseName::Feedback),
    ("lesson", PhaseName::Picerl(Phase::LessonsLearned)),
    ("retrospective", PhaseName::Picerl(Phase::LessonsLearned)),
    ("postmortem", PhaseName::Picerl(Phase::LessonsLearned)),
    ("post incident", PhaseName::Picerl(Phase::LessonsLearned)),
    ("after action", PhaseName::Picerl(Phase::LessonsLearned)),
    ("aftermath", PhaseName::Picerl(Phase::LessonsLearned)),
    ("nachbereitung", PhaseName::Picerl(Phase::LessonsLearned)),
    ("leçons", PhaseName::Picerl(Phase::LessonsLearned)),
    ("lecciones", PhaseName::Picerl(Phase::LessonsLearned)),
    ("lições", PhaseName::Picerl(Phase::LessonsLearned)),
    ("学んだ教訓", PhaseName::Picerl(Phase::LessonsLearned)),
    ("教訓", PhaseName::Picerl(Phase::LessonsLearned)),
    ("インシデント後", PhaseName::Picerl(Phase::LessonsLearned)),
    ("经验教训", PhaseName::Picerl(Phase::LessonsLearned)),
    ("교훈", PhaseName::Picerl(Phase::LessonsLearned)),
];

/// Tells which phase a name stands for, or `None` when it is not the name of a phase.
///
/// The word that comes first decides (*Contain, eradicate and recover* is containment), except that
/// *feedback*, *lessons* and *post-incident* decide wherever they stand.
pub fn phase_of_name(name: &str) -> Option<PhaseName> {
    let mut joined = String::with_capacity(name.len());
    for word in name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !joined.is_empty() {
            joined.push(' ');
        }
        if word.is_ascii() {
            joined.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            joined.push_str(&word.to_lowercase());
        }
    }
    let starts = std::iter::once(0).chain(joined.match_indices(' ').map(|(at, _)| at + 1));
    let from_words: Vec<&str> = starts.filter_map(|at| joined.get(at..)).collect();
    let begins = |stem: &str| from_words.iter().any(|rest| rest.starts_with(stem));
    let deciding = DECIDING.iter().find(|(stem, _)| begins(stem));
    let first = || {
        from_words.iter().find_map(|rest| {
            let begins = |(stem, _): &&(&str, PhaseName)| rest.starts_with(stem);
            STEMS.iter().find(begins)
        })
    };
    deciding.or_else(first).map(|(_, phase)| *phase)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "Phase 1: Preparation (Ongoing)",
        PhaseName::Picerl(Phase::Preparation)
    )]
    #[case("Part 1 — Prepare", PhaseName::Picerl(Phase::Preparation))]
    #[case("Prerequisites", PhaseName::Picerl(Phase::Preparation))]
    #[case("(I) Identification", PhaseName::Picerl(Phase::Identification))]
    #[case("Part 2 — Detect & Analyze", PhaseName::Picerl(Phase::Identification))]
    #[case("Investigate", PhaseName::Picerl(Phase::Identification))]
    #[case("Immediate remedial actions", PhaseName::Picerl(Phase::Containment))]
    #[case("Contain-Eradicate", PhaseName::Picerl(Phase::Containment))]
    #[case("Part 4 - Eradicate & Recover", PhaseName::Picerl(Phase::Eradication))]
    #[case("Restore", PhaseName::Picerl(Phase::Recovery))]
    #[case("(L) Lessons/Opportunities", PhaseName::Picerl(Phase::LessonsLearned))]
    #[case("Post-Incident Activity", PhaseName::Picerl(Phase::LessonsLearned))]
    #[case("Phase 7: Lessons Learned / Runbook Feedback", PhaseName::Feedback)]
    #[case("Communicate", PhaseName::Own)]
    fn names_of_phases(#[case] name: &str, #[case] expected: PhaseName) {
        assert_eq!(phase_of_name(name), Some(expected));
    }

    #[rstest]
    #[case("")]
    #[case("Workflow Steps & Diagram")]
    #[case("Overview")]
    #[case("Escalation path")]
    fn names_of_other_things(#[case] name: &str) {
        assert_eq!(phase_of_name(name), None);
    }
}
