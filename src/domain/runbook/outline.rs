//! The outline of a runbook: what `quell runbook checklist --json` prints and what the console lists.
//!
//! What lives here: the shape of the JSON, built from a [`Runbook`] and a way to find linked files. What must
//! not: reading Markdown, and looking for the files.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Input, Link, Notice, PhaseSection, Runbook, Step};
use crate::domain::phase::Phase;
use crate::domain::text::Untrusted;

/// A runbook in the shape of the JSON that is printed of it, field by field in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// The title.
    pub title: Untrusted,
    /// The inputs it declares.
    pub inputs: Vec<OutlineInput>,
    /// The phases in the order of the text.
    pub phases: Vec<OutlinePhase>,
    /// The runbooks it sends to, each path once.
    pub linked_runbooks: Vec<OutlineRunbook>,
    /// The documents it names for reading, each path once.
    pub linked_documents: Vec<OutlineDocument>,
    /// What was not understood, and the linked runbooks that were not found, by line.
    pub notices: Vec<OutlineNotice>,
}

/// An input as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineInput {
    /// The name without `${}`.
    pub name: Untrusted,
    /// Whether the runbook works without it.
    pub optional: bool,
    /// The value that holds when none is given.
    pub default: Option<Untrusted>,
    /// Names that may be given instead of it.
    pub alternatives: Vec<Untrusted>,
}

/// A phase as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlinePhase {
    /// The runbook's own name, `None` when the text has no phases.
    pub name: Option<Untrusted>,
    /// The phase of the model it stands for: `lessons_learned`.
    pub picerl: Option<Phase>,
    /// The steps of the first level.
    pub steps: Vec<OutlineStep>,
}

/// A step of the first level as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineStep {
    /// Words of the source: the label without the ellipsis of a cut.
    pub label: Untrusted,
    /// The line it begins on, from 1.
    pub line: u32,
    /// How many steps stand directly below it.
    pub substeps: usize,
    /// Whether a person must answer before the response goes on.
    pub gate: bool,
    /// Whether the runbook calls it optional.
    pub optional: bool,
    /// When it applies, in the runbook's words.
    pub condition: Option<Untrusted>,
    /// The tools that it and the steps below it name, as `server.tool`, each once.
    pub tools: Vec<Untrusted>,
    /// The runbooks that it and the steps below it send to, as written, each once.
    pub runbooks: Vec<Untrusted>,
}

/// A linked runbook as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineRunbook {
    /// The path as written.
    pub path: Untrusted,
    /// The file that was found for it.
    pub resolved: Option<Untrusted>,
    /// The line of its first mention, from 1.
    pub line: u32,
}

/// A linked document as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineDocument {
    /// The path as written.
    pub path: Untrusted,
    /// The line of its first mention, from 1.
    pub line: u32,
}

/// A notice as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineNotice {
    /// The line it is about, from 1.
    pub line: u32,
    /// What about it; may quote the source.
    pub text: Untrusted,
}

impl Outline {
    /// Makes the outline of a runbook.
    ///
    /// `resolve` answers the file that a path, as written, leads to from this runbook. A linked runbook for which it
    /// answers `None` is a notice; what only the whole set of runbooks shows, such as loops, is for the caller.
    pub fn of(runbook: &Runbook, resolve: &dyn Fn(&str) -> Option<String>) -> Self {
        let linked_runbooks: Vec<OutlineRunbook> = runbook
            .linked_runbooks
            .iter()
            .map(|link| OutlineRunbook {
                path: link.path.clone(),
                resolved: resolve(link.path.raw()).map(Untrusted::new),
                line: link.line,
            })
            .collect();
        let missing = linked_runbooks
            .iter()
            .filter(|link| link.resolved.is_none())
            .map(|link| OutlineNotice {
                line: link.line,
                text: Untrusted::new(format!("linked runbook '{}' not found", link.path.raw())),
            });
        let mut notices: Vec<OutlineNotice> = runbook.notices.iter().map(Into::into).collect();
        notices.extend(missing);
        notices.sort_by_key(|notice| notice.line);
        Self {
            title: runbook.title.clone(),
            inputs: runbook.inputs.iter().map(Into::into).collect(),
            phases: runbook.phases.iter().map(Into::into).collect(),
            linked_runbooks,
            linked_documents: runbook.linked_documents.iter().map(Into::into).collect(),
            notices,
        }
    }

    /// Writes it as JSON of two-space indentation in pure ASCII: nothing of it can steer a terminal, nothing is lost.
    ///
    /// # Errors
    /// The error of the JSON writer; none is known for this shape.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string_pretty(self)?;
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if c == '\n' || (' '..='~').contains(&c) {
                out.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _infallible = write!(out, "\\u{unit:04x}");
                }
            }
        }
        Ok(out)
    }
}

impl From<&Input> for OutlineInput {
    fn from(input: &Input) -> Self {
        Self {
            name: input.name.clone(),
            optional: input.optional,
            default: input.default.clone(),
            alternatives: input.alternatives.clone(),
        }
    }
}

impl From<&PhaseSection> for OutlinePhase {
    fn from(phase: &PhaseSection) -> Self {
        Self {
            name: phase.name.clone(),
            picerl: phase.picerl,
            steps: phase.steps.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Step> for OutlineStep {
    fn from(step: &Step) -> Self {
        let mut found = Named::default();
        found.take(step);
        Self {
            label: uncut(step),
            line: step.line,
            substeps: step.substeps.len(),
            gate: step.gate,
            optional: step.optional,
            condition: step.condition.clone(),
            tools: found.tools,
            runbooks: found.runbooks,
        }
    }
}

impl From<&Link> for OutlineDocument {
    fn from(link: &Link) -> Self {
        Self {
            path: link.path.clone(),
            line: link.line,
        }
    }
}

impl From<&Notice> for OutlineNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            line: notice.line,
            text: notice.text.clone(),
        }
    }
}

/// The label in the words of the source: an ellipsis that the reader put there is taken off.
fn uncut(step: &Step) -> Untrusted {
    let label = step.label.raw();
    match label.strip_suffix('…') {
        Some(words) if !step.text.raw().contains(label) => Untrusted::new(words),
        _ => step.label.clone(),
    }
}

/// What a step and those below it name, each once, in the order of the text.
#[derive(Default)]
struct Named {
    tools: Vec<Untrusted>,
    runbooks: Vec<Untrusted>,
    /// Each with whether it is a tool.
    seen: HashSet<(bool, Untrusted)>,
}

impl Named {
    fn take(&mut self, step: &Step) {
        for call in &step.tools {
            let name = Untrusted::new(format!("{}.{}", call.server.raw(), call.tool.raw()));
            if self.seen.insert((true, name.clone())) {
                self.tools.push(name);
            }
        }
        for path in &step.runbooks {
            if self.seen.insert((false, path.clone())) {
                self.runbooks.push(path.clone());
            }
        }
        for substep in &step.substeps {
            self.take(substep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_runbook;
    use super::*;

    const TEXT: &str = "# Tïtle\n\n## Inputs\n\n- `${A}` or `${B}`: which (default: 72)\n\n## Phase 3: Containment\n\n\
                        1. **Ask** (if needed): `x-mcp.one`\n   - `x-mcp.two` and `../a.md`\n2. See `b.md`\n";

    #[test]
    fn the_json_has_its_fields_in_their_order() {
        let runbook = parse_runbook(TEXT, "file.md");
        let outline = Outline::of(&runbook, &|path| {
            (path == "b.md").then(|| "dir/b.md".to_owned())
        });
        let json = outline.json().unwrap();
        assert!(json.is_ascii());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "title": "Tïtle",
            "inputs": [{"name": "A", "optional": false, "default": "72", "alternatives": ["B"]}],
            "phases": [{"name": "Containment", "picerl": "containment", "steps": [
                {"label": "Ask", "line": 9, "substeps": 1, "gate": false, "optional": false,
                 "condition": "if needed", "tools": ["x-mcp.one", "x-mcp.two"], "runbooks": ["../a.md"]},
                {"label": "See b.md", "line": 11, "substeps": 0, "gate": false, "optional": false,
                 "condition": null, "tools": [], "runbooks": ["b.md"]},
            ]}],
            "linked_runbooks": [
                {"path": "../a.md", "resolved": null, "line": 10},
                {"path": "b.md", "resolved": "dir/b.md", "line": 11},
            ],
            "linked_documents": [],
            "notices": [{"line": 10, "text": "linked runbook '../a.md' not found"}],
        });
        // As texts, so that the order of the fields counts.
        assert_eq!(value.to_string(), expected.to_string());
    }

    #[test]
    fn a_label_is_words_of_the_source() {
        let long = format!(
            "# T\n\n## Contain\n\n1. {}\n2. So on…\n",
            "word ".repeat(60)
        );
        let outline = Outline::of(&parse_runbook(&long, "f.md"), &|_| None);
        let labels: Vec<&str> = outline.phases[0]
            .steps
            .iter()
            .map(|step| step.label.raw())
            .collect();
        assert!(labels[0].ends_with("word"), "{}", labels[0]);
        assert_eq!(labels[1], "So on…");
    }
}
