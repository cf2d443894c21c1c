//! What is wrong with a runbook before it is used: each finding with its line.
//!
//! What must not live here: io, printing, and the reading itself (its notices are findings here).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::binding::{Binding, bind};
use super::library::Library;
use super::{Notice, PhaseSection, Runbook, Step, StepKey};
use crate::domain::text::Untrusted;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A linked runbook is not there.
    BrokenLink,
    /// Links lead back to the runbook.
    Loop,
    /// The console has nothing that does what a tool does: the step is done by hand.
    UnboundTool,
    /// A variable is used that is no input and that no step makes.
    UndeclaredVariable,
    /// A phase has no steps.
    EmptyPhase,
    /// A step stands twice in its phase.
    DuplicateStep,
    /// The reader did not understand something.
    NotUnderstood,
}

impl Kind {
    /// Gives the words for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::BrokenLink => "broken link",
            Self::Loop => "loop",
            Self::UnboundTool => "unbound tool",
            Self::UndeclaredVariable => "undeclared variable",
            Self::EmptyPhase => "empty phase",
            Self::DuplicateStep => "duplicate step",
            Self::NotUnderstood => "not understood",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The line, from 1.
    pub line: u32,
    /// What kind of thing.
    pub kind: Kind,
    /// What about it; may quote the source.
    pub text: Untrusted,
}

/// Examines one runbook of a set; findings in the order of their lines.
pub fn examine(library: &Library, path: &str) -> Vec<Finding> {
    let Some(runbook) = library.get(path) else {
        return Vec::new();
    };
    let of_notice = |kind: Kind| {
        move |notice: Notice| Finding {
            line: notice.line,
            kind,
            text: notice.text,
        }
    };
    let mut found: Vec<Finding> = Vec::new();
    found.extend(
        library
            .missing(path)
            .into_iter()
            .map(of_notice(Kind::BrokenLink)),
    );
    found.extend(library.loops(path).into_iter().map(of_notice(Kind::Loop)));
    found.extend(unbound(&runbook));
    found.extend(undeclared(&runbook));
    for phase in &runbook.phases {
        found.extend(empty(phase));
        let name = phase.name.as_ref().map_or("", |name| name.raw());
        let mut seen = HashMap::new();
        for step in &phase.steps {
            found.extend(twice(name, step, &mut seen));
        }
    }
    // The reader says of an empty phase what is said of it above.
    let empty: BTreeSet<u32> = found
        .iter()
        .filter(|finding| finding.kind == Kind::EmptyPhase)
        .map(|finding| finding.line)
        .collect();
    let notices = runbook.notices.iter().cloned();
    found.extend(
        notices
            .filter(|notice| !empty.contains(&notice.line))
            .map(of_notice(Kind::NotUnderstood)),
    );
    found.sort();
    found.dedup();
    found
}

fn unbound(runbook: &Runbook) -> Vec<Finding> {
    let calls = runbook
        .walk()
        .flat_map(|(_, _, step)| step.tools.iter().map(move |call| (step.line, call)));
    calls
        .filter(|(_, call)| bind(call) == Binding::Unbound)
        .map(|(line, call)| Finding {
            line,
            kind: Kind::UnboundTool,
            text: Untrusted::new(format!(
                "the console does not do {}.{}: the step is done by hand",
                call.server.raw(),
                call.tool.raw()
            )),
        })
        .collect()
}

fn empty(phase: &PhaseSection) -> Option<Finding> {
    phase.steps.is_empty().then(|| Finding {
        line: phase.line,
        kind: Kind::EmptyPhase,
        text: match &phase.name {
            Some(name) => Untrusted::new(format!("the phase '{}' has no steps", name.raw())),
            None => Untrusted::new("no steps"),
        },
    })
}

/// Finds steps that say the same as one before them: a tick could not tell them apart.
fn twice(phase: &str, step: &Step, seen: &mut HashMap<StepKey, u32>) -> Vec<Finding> {
    let key = StepKey::of(phase, step.text.raw(), 1);
    let mut found = Vec::new();
    if let Some(first) = seen.get(&key) {
        found.push(Finding {
            line: step.line,
            kind: Kind::DuplicateStep,
            text: Untrusted::new(format!(
                "'{}' stands in line {first} already",
                step.label.raw()
            )),
        });
    } else {
        seen.insert(key, step.line);
    }
    let mut below = HashMap::new();
    for substep in &step.substeps {
        found.extend(twice(phase, substep, &mut below));
    }
    found
}

/// Words before a variable that say that it is made here.
const MAKING: &[&str] = &[
    "obtain",
    "store",
    "extract",
    "set ",
    "sets ",
    "save",
    "record",
    "note ",
    "identif",
    "determin",
    "generat",
    "collect",
    "receive",
    "call it",
    "call this",
    "call these",
    "result",
    "output",
    "return",
    "yield",
    "produc",
    "define",
    "build",
    "get ",
    "parse",
    "prepare",
    "derive",
    "create",
];

/// Finds variables that nobody declares and no step makes; code blocks have variables of their own.
fn undeclared(runbook: &Runbook) -> Vec<Finding> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for input in &runbook.inputs {
        known.insert(input.name.raw());
        known.extend(input.alternatives.iter().map(Untrusted::raw));
    }
    let mut used: BTreeMap<&str, u32> = BTreeMap::new();
    let mut outputs = false;
    for (line, text) in prose(runbook.source()) {
        if let Some(heading) = text.trim_start().strip_prefix('#') {
            outputs = heading.to_lowercase().contains("output");
        }
        known.extend(made(text));
        for (before, name) in variables(text) {
            if outputs || makes(before) {
                known.insert(name);
            }
            used.entry(name).or_insert(line);
        }
    }
    used.iter()
        .filter(|(name, _)| !known.contains(*name))
        .map(|(name, line)| Finding {
            line: *line,
            kind: Kind::UndeclaredVariable,
            text: Untrusted::new(format!("${{{name}}} is no input and no step makes it")),
        })
        .collect()
}

/// Finds `${NAME}`: what stands before it in the line, and the name.
fn variables(text: &str) -> Vec<(&str, &str)> {
    let name = |at: usize| {
        let (name, _) = text.get(at..)?.strip_prefix("${")?.split_once('}')?;
        let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        fits.then_some((text.get(..at)?, name))
    };
    text.match_indices("${")
        .filter_map(|(at, _)| name(at))
        .collect()
}

/// Finds names of capitals by themselves, in a code span or before an equals sign: what a step makes.
fn made(text: &str) -> Vec<&str> {
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut names = Vec::new();
    let mut rest = text;
    let mut last = ' ';
    while let Some(at) = rest.find(|c: char| c.is_ascii_uppercase()) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let end = from.find(|c: char| !capital(c)).unwrap_or(from.len());
        let (name, after) = from.split_at_checked(end).unwrap_or((from, ""));
        let left = before.chars().next_back().unwrap_or(last);
        let span = left == '`' && after.starts_with('`');
        let set = left != '{' && !left.is_alphanumeric() && after.trim_start().starts_with('=');
        if name.len() > 2 && (span || set) {
            names.push(name);
        }
        last = name.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    names
}

/// Tells whether the sentence before a variable says that it is made.
fn makes(before: &str) -> bool {
    let sentence = before
        .rsplit(". ")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    MAKING.iter().any(|word| sentence.contains(word))
}

/// Gives the lines outside of fenced code, numbered from 1.
fn prose(source: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut fence: Option<&str> = None;
    (1..).zip(source.lines()).filter(move |(_, text)| {
        let start = text.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return true,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const FAULTY: &str = "# T\n\n## Inputs\n\n- `${USER_ID}`: who\n\n## Tools\n\n- `x-mcp`: `one`\n\n\
        ## Phase 1: Preparation\n\n## Phase 3: Containment\n\n1. **Look** with `quell.read_case` at `${USER_ID}`.\n\
        2. **Ask** with `x-mcp.one`.\n3. Hash `${FILE_HASH}` with care.\n4. Obtain `${ANSWER}`, then use `${ANSWER}`.\n\
        5. **Look** with `quell.read_case` at `${USER_ID}`.\n6. Go on with `gone.md`.\n";

    fn said(text: &str) -> Vec<(u32, Kind)> {
        let mut library = Library::default();
        library.add("t.md", text.to_owned());
        let found = examine(&library, "t.md");
        found
            .iter()
            .map(|finding| (finding.line, finding.kind))
            .collect()
    }

    #[test]
    fn each_fault_has_its_line() {
        assert_eq!(
            said(FAULTY),
            [
                (11, Kind::EmptyPhase),
                (16, Kind::UnboundTool),
                (17, Kind::UndeclaredVariable),
                (19, Kind::DuplicateStep),
                (20, Kind::BrokenLink),
            ]
        );
    }

    #[rstest]
    #[case::declared("Use `${USER_ID}`.", 0)]
    #[case::unheard("Use `${HOST}`.", 1)]
    #[case::made_before("Extract `${HOST}`. Use `${HOST}`.", 0)]
    #[case::made_later("Use `${HOST}`. Then store it as `${HOST}`.", 0)]
    #[case::named_in_parentheses("Look it up (`HOST`) and use `${HOST}`.", 0)]
    #[case::assigned("Set `HOST=x`. Use `${HOST}`.", 0)]
    #[case::in_code("Run:\n   ```sh\n   echo ${HOST}\n   ```", 0)]
    #[case::of_another_sentence("Extract all. Use `${HOST}`.", 1)]
    fn variables(#[case] step: &str, #[case] findings: usize) {
        let text =
            format!("# T\n\n## Inputs\n\n- `${{USER_ID}}`: who\n\n## Containment\n\n1. {step}\n");
        let found = said(&text);
        assert_eq!(found.len(), findings, "{found:?}");
        assert!(
            found
                .iter()
                .all(|(line, kind)| *line == 9 && *kind == Kind::UndeclaredVariable)
        );
    }

    #[rstest]
    #[case::known("quell.revoke_sessions", &[])]
    #[case::misspelt("quell.revoke_session", &[(5, Kind::UnboundTool)])]
    #[case::of_nobody("quell.fly", &[(5, Kind::UnboundTool)])]
    fn a_name_of_the_console_needs_no_section_of_tools(
        #[case] name: &str,
        #[case] expected: &[(u32, Kind)],
    ) {
        let text = format!("# T\n\n## Containment\n\n1. **Revoke them** with `{name}`.\n");
        assert_eq!(said(&text), expected);
        let below = format!("# T\n\n## Containment\n\n1. Do this:\n   - revoke with `{name}`\n");
        let found = said(&below);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().all(|(line, _)| *line == 6), "{found:?}");
    }

    #[test]
    fn the_same_words_in_two_phases_are_two_steps() {
        let text = "# T\n\n## Containment\n\n1. Document it\n\n## Recovery\n\n1. Document it\n";
        assert_eq!(said(text), []);
    }
}
