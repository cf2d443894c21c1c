//! Runbooks: one long text, and the short list that is derived from it.
//!
//! What lives here: the model of a runbook that was read. The reader is in [`reader`], the short list and
//! its ticks in [`checklist`], what is printed of a runbook in [`outline`], what a step's tools mean for the
//! console in [`binding`], our own runbooks in [`builtin`], a set of them by path in [`library`], the one for a case
//! in [`choice`]. What must not: io, clocks, layout, and any second text beside the runbook's own.

pub mod binding;
pub mod builtin;
pub mod checklist;
pub mod choice;
pub mod condition;
pub mod filled;
pub mod library;
pub mod lint;
pub mod outline;
pub mod reader;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::reader::parse_runbook;
pub use crate::domain::phase::Phase;
use crate::domain::text::Untrusted;

/// A runbook as it was read from Markdown; it keeps the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runbook {
    /// The file name it was read from.
    pub file: Untrusted,
    /// The first heading, else the front matter's title, else the file name.
    pub title: Untrusted,
    /// The inputs it declares, in the order of the text.
    pub inputs: Vec<Input>,
    /// The phases in the order of the text; one without a name when the text has no phases.
    pub phases: Vec<PhaseSection>,
    /// Other runbooks that it names, each path once, as written.
    pub linked_runbooks: Vec<Link>,
    /// Background documents that it names, each path once, as written.
    pub linked_documents: Vec<Link>,
    /// What was not understood, in the order of the lines.
    pub notices: Vec<Notice>,
    source: String,
}

/// A value that the runbook asks for before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name without `${}`: `USER_ID`.
    pub name: Untrusted,
    /// Names that may be given instead of it (*`ALERT_ID` or `CASE_ID`*).
    pub alternatives: Vec<Untrusted>,
    /// Whether the runbook works without it.
    pub optional: bool,
    /// The value that holds when none is given.
    pub default: Option<Untrusted>,
    /// What the runbook says about it, empty when nothing.
    pub description: Untrusted,
    /// Its line in the source, from 1.
    pub line: u32,
}

/// One phase of a runbook under its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSection {
    /// The heading without its numbering, `None` when the text has no phases.
    pub name: Option<Untrusted>,
    /// The phase of the model it stands for, where it stands for one.
    pub picerl: Option<Phase>,
    /// Whether it asks how good the runbook itself was.
    pub feedback: bool,
    /// The line of the heading, from 1.
    pub line: u32,
    /// The steps of the first level.
    pub steps: Vec<Step>,
}

/// One step: an item of the short list, tied to the paragraph it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Names the step by its content: stays when the step moves, changes when its text changes.
    pub key: StepKey,
    /// The bold lead-in, else the first sentence, cut at a word at about 100 columns.
    pub label: Untrusted,
    /// The step's own words without markup and without its sub-steps.
    pub text: Untrusted,
    /// The line it begins on, from 1.
    pub line: u32,
    /// The lines it came from with all that belongs to it, from 1, end exclusive.
    pub lines: Range<u32>,
    /// The steps below it.
    pub substeps: Vec<Step>,
    /// Whether a person must answer before the response goes on.
    pub gate: bool,
    /// Whether the runbook calls it optional.
    pub optional: bool,
    /// When it applies, in the runbook's words.
    pub condition: Option<Untrusted>,
    /// The tools it names.
    pub tools: Vec<ToolCall>,
    /// The runbooks it sends to, as written.
    pub runbooks: Vec<Untrusted>,
    /// How soon it must be done.
    pub time_limit: Option<TimeLimit>,
    /// Who does it (`[IR Lead]`).
    pub role: Option<Untrusted>,
}

/// A tool that a step names: `okta-mcp.disable_okta_user`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolCall {
    /// The part before the dot.
    pub server: Untrusted,
    /// The part after it.
    pub tool: Untrusted,
}

/// A time limit in the runbook's words and in minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// The words: *within 10 minutes*.
    pub text: Untrusted,
    /// The limit in minutes.
    pub minutes: u32,
}

/// A file that the runbook names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The path as written.
    pub path: Untrusted,
    /// The line of its first mention, from 1.
    pub line: u32,
}

/// Something that the reader did not understand or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The line it is about, from 1.
    pub line: u32,
    /// What about it; may quote the source.
    pub text: Untrusted,
}

/// The name of a step that depends on nothing but its phase and its words.
///
/// 16 hexadecimal digits of the SHA-256 of both, normalised; the second and later steps with the same words
/// in the same phase carry an ordinal: `0123456789abcdef-2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepKey(String);

/// The text is not the key of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a runbook step: 16 hexadecimal digits, then -2 and up for a repetition")]
pub struct NotAStepKey;

impl StepKey {
    /// Makes the key of the `ordinal`-th step (from 1) with these words in this phase.
    pub fn of(phase: &str, text: &str, ordinal: u32) -> Self {
        PhaseDigest::of(phase).first(text).repeated(ordinal)
    }

    /// Makes the key of the `ordinal`-th step (from 1) out of that of the first with the same words.
    fn repeated(mut self, ordinal: u32) -> Self {
        if ordinal > 1 {
            self.0.push('-');
            self.0.push_str(&ordinal.to_string());
        }
        self
    }

    /// Gives the part that names phase and words, without the ordinal: the same for all steps that are alike.
    pub fn of_words(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Gives the key as it is stored: ASCII, safe everywhere.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digest of the name of a phase, from which those of its steps go on.
#[derive(Clone, Debug)]
struct PhaseDigest(Sha256);

impl PhaseDigest {
    fn of(phase: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(normalised(phase).as_bytes());
        hash.update(b"\n");
        Self(hash)
    }

    /// Makes the key of the first step with these words.
    fn first(&self, text: &str) -> StepKey {
        let mut hash = self.0.clone();
        hash.update(normalised(text).as_bytes());
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        StepKey(format!("{:016x}", u64::from_be_bytes(first)))
    }
}

impl TryFrom<String> for StepKey {
    type Error = NotAStepKey;

    fn try_from(text: String) -> Result<Self, NotAStepKey> {
        let (digits, ordinal) = text.split_once('-').unwrap_or((&text, "2"));
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let counts = ordinal
            .parse::<u32>()
            .is_ok_and(|n| n > 1 && n.to_string() == ordinal);
        if digits.len() == 16 && digits.chars().all(hex) && counts {
            Ok(Self(text))
        } else {
            Err(NotAStepKey)
        }
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> Self {
        key.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Lower case, one space between words: what editors and line breaks change is not a change of the text.
fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            out.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            out.push_str(&word.to_lowercase());
        }
    }
    out
}

impl Runbook {
    /// Gives the text it was read from, without a byte order mark.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Goes through all steps and sub-steps in the order of the text, with their depth (0 = first level).
    pub fn walk(&self) -> impl Iterator<Item = (&PhaseSection, usize, &Step)> {
        self.phases.iter().flat_map(|phase| {
            let mut out = Vec::new();
            collect(&phase.steps, 0, &mut out);
            out.into_iter()
                .map(move |(depth, step)| (phase, depth, step))
        })
    }

    /// Finds a step by its key.
    pub fn step(&self, key: &StepKey) -> Option<&Step> {
        self.walk()
            .map(|(_, _, step)| step)
            .find(|step| &step.key == key)
    }
}

fn collect<'a>(steps: &'a [Step], depth: usize, out: &mut Vec<(usize, &'a Step)>) {
    for step in steps {
        out.push((depth, step));
        collect(&step.substeps, depth + 1, out);
    }
}

impl Step {
    /// Gives the exact text of the runbook that the step came from, markup and all.
    pub fn paragraph(&self, runbook: &Runbook) -> Untrusted {
        let skip = usize::try_from(self.lines.start.saturating_sub(1)).unwrap_or(usize::MAX);
        let count = usize::try_from(self.lines.end.saturating_sub(self.lines.start)).unwrap_or(0);
        let text: Vec<&str> = runbook.source.lines().skip(skip).take(count).collect();
        Untrusted::new(text.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_key_depends_on_the_words_and_the_phase_only() {
        let key = StepKey::of("Containment", "Disable the account", 1);
        assert_eq!(
            key,
            StepKey::of("containment", "  Disable\nthe  Account ", 1)
        );
        assert_ne!(key, StepKey::of("Recovery", "Disable the account", 1));
        assert_ne!(key, StepKey::of("Containment", "Disable an account", 1));
        assert_eq!(
            StepKey::of("Containment", "Disable the account", 2).as_str(),
            format!("{key}-2")
        );
    }

    #[rstest]
    #[case("0123456789abcdef", true)]
    #[case("0123456789abcdef-2", true)]
    #[case("0123456789abcdef-1", false)]
    #[case("0123456789abcdef-02", false)]
    #[case("0123456789abcdef-", false)]
    #[case("0123456789ABCDEF", false)]
    #[case("0123", false)]
    #[case("", false)]
    fn keys_are_checked_when_they_are_read(#[case] text: &str, #[case] good: bool) {
        assert_eq!(StepKey::try_from(text.to_owned()).is_ok(), good);
    }
}
