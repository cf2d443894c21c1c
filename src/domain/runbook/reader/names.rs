//! What the names of headings, labels and inputs say: numbering, boilerplate, labels of lists.
//!
//! What must not live here: blocks, steps.

use unicode_width::UnicodeWidthStr;

/// Longest label in columns.
const LABEL_COLUMNS: usize = 100;

/// Headings, without numbering and in lower case, whose sections are never steps.
const BOILERPLATE: &[&str] = &[
    "objective",
    "scope",
    "inputs",
    "input",
    "required inputs",
    "optional inputs",
    "input parameters",
    "input variables",
    "playbook inputs",
    "playbook outputs",
    "runbook inputs",
    "workflow inputs",
    "parameters",
    "outputs",
    "required outputs",
    "tools",
    "tools used",
    "required tools",
    "references",
    "reference",
    "resources",
    "additional information",
    "additional resources",
    "overview",
    "background",
    "disclaimer",
    "points of contact",
    "revision history",
    "metrics",
    "completion",
    "completion criteria",
    "expected outputs",
    "rubric",
    "backlog",
    "backlog items",
    "current backlog items",
    "addressed backlog items",
    "additional reading",
    "further reading",
    "acknowledgements",
    "authors",
    "executive summary",
    "introduction",
    "conclusion",
    "version history",
    "document history",
    "related runbooks",
    "related documents",
    "prerequisite knowledge",
    "table of contents",
    "contents",
    "changelog",
    "glossary",
    "next steps",
    "see also",
    "related playbooks",
    "critical warnings",
    "mitre",
    "license",
    "about",
    "purpose",
    "meaning",
    "impact",
    "out of scope",
    "notes",
    "false positives",
    "false positive analysis",
    "indicators",
    "indicators of compromise",
    "potential indicators of compromise",
    "key indicators",
    "common indicators",
    "symptoms",
    "faq",
    "frequently asked questions",
    "kpis",
    "key performance indicators",
    "contacts",
    "contact list",
    "key contacts",
    "emergency contacts",
    "roles and responsibilities",
    "roles & responsibilities",
    "escalation matrix",
    "dependencies",
    "definitions",
    "audience",
    "intended audience",
    "assumptions",
    "when to use",
    "when to use this runbook",
    "when to use this playbook",
    "document control",
    "links",
];

/// Headings of an own short list.
const SHORT_LISTS: &[&str] = &["checklist", "response steps", "quick steps"];

/// Words of a name that make the checklist it ends with one of the whole response.
const OF_RESPONSE: &[&str] = &["quick", "response", "responder", "incident", "analyst"];

/// Words of a name that make the checklist it ends with one of a part.
const OF_PART: &[&str] = &[
    "post",
    "after",
    "pre",
    "closure",
    "closing",
    "evidence",
    "update",
    "review",
    "readiness",
    "preparation",
];

/// Headings of a list of steps in a runbook without phases.
const WORKFLOWS: &[&str] = &[
    "workflow",
    "workflow steps",
    "workflow steps & diagram",
    "steps",
    "procedure",
    "instructions",
    "actions",
    "response",
];

/// Labels of list items whose children are the steps.
const STEP_LABELS: &[&str] = &[
    "sub-runbooks/steps",
    "sub-runbooks",
    "steps",
    "actions",
    "tasks",
    "procedure",
    "activities",
    "key activities",
];

/// Labels of list items that say something about the phase.
const ASIDE_LABELS: &[&str] = &[
    "objective",
    "objectives",
    "goal",
    "goals",
    "purpose",
    "scope",
    "note",
    "notes",
    "description",
    "owner",
    "outcome",
];

/// What the beginning of a heading said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    None,
    /// `Phase 2:`, `Part 4b -`, `(P)`.
    Phase,
    /// `Step 3:`, `Step 2.1:`.
    Step,
    /// `3.`, `AA1.`; but not `2.1`, which numbers parts of a text.
    Ordinal,
}

/// Takes numbering and trailing asides off a heading: `Phase 1: Preparation (Ongoing)` is `Preparation`.
pub(super) fn without_numbering(heading: &str) -> (Numbering, String) {
    let text = heading
        .trim()
        .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '(');
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let numbered = second.starts_with(|c: char| c.is_ascii_digit());
    let (kind, skip) = match first.to_lowercase().as_str() {
        "phase" | "part" | "stage" if numbered => (Numbering::Phase, 2),
        "step" if numbered => (Numbering::Step, 2),
        _ if is_letter_tag(first) && !second.is_empty() => (Numbering::Phase, 1),
        _ if is_ordinal(first) && !second.is_empty() => {
            let dotted = first.trim_end_matches(['.', ')', ':']).contains('.');
            let kind = if dotted {
                Numbering::None
            } else {
                Numbering::Ordinal
            };
            (kind, 1)
        }
        _ if is_bare_number(first) && second.starts_with(char::is_uppercase) => {
            (Numbering::Ordinal, 1)
        }
        _ => (Numbering::None, 0),
    };
    let name: Vec<&str> = text.split_whitespace().skip(skip).collect();
    let name = name.join(" ");
    let name = name
        .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '(')
        .trim();
    let bare = match name.rfind(" (") {
        Some(at) if name.ends_with(')') => name.get(..at).unwrap_or(name),
        _ => name,
    };
    let bare = bare.trim_end_matches([':', ' ']);
    // A number without a name is the name.
    let nameless = bare.is_empty() || bare.starts_with('(') && bare.ends_with(')');
    let bare = if nameless {
        text.trim_end_matches([':', ' '])
    } else {
        bare
    };
    (kind, bare.to_owned())
}

/// `(P)`: one or two letters in parentheses.
fn is_letter_tag(word: &str) -> bool {
    word.strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .is_some_and(|letters| {
            (1..=2).contains(&letters.len()) && letters.chars().all(char::is_alphabetic)
        })
}

/// `2.`, `2.1`, `3)`, `AA1.`: begins a numbered heading.
fn is_ordinal(word: &str) -> bool {
    let digits = word.chars().any(|c| c.is_ascii_digit());
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let dotted = word.contains('.') || word.ends_with([')', ':']);
    digits
        && letters <= 2
        && dotted
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || ".):".contains(c))
}

/// `2` of `2 Investigate`.
fn is_bare_number(word: &str) -> bool {
    word.parse::<u8>()
        .is_ok_and(|number| (1..=30).contains(&number))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    let name = name.trim().trim_end_matches([':', '.']);
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Tells whether bold words only call for attention to what follows them.
pub(super) fn is_call_out(lead: &str) -> bool {
    is_one_of(
        lead,
        &[
            "important",
            "note",
            "warning",
            "caution",
            "attention",
            "tip",
        ],
    )
}

/// Tells whether a section lists the phases themselves; what stands below its heading may still be phases.
pub(super) fn lists_phases(name: &str) -> bool {
    name.split(|c: char| !c.is_alphabetic())
        .any(|word| word.eq_ignore_ascii_case("phases"))
}

/// Tells whether a section of this name, and all below it, is never steps.
pub(super) fn is_boilerplate(name: &str) -> bool {
    let begins = |head: &str| {
        name.get(..head.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(head))
    };
    is_one_of(name, BOILERPLATE)
        || [
            "reference:",
            "references",
            "resources",
            "referencia:",
            "recursos",
        ]
        .iter()
        .any(|head| begins(head))
}

/// Tells whether a section of this name only goes with the text.
pub(super) fn is_appendix(name: &str) -> bool {
    let first = name.split_whitespace().next().unwrap_or_default();
    is_one_of(first, &["appendix", "annex"])
}

/// Tells whether a section of this name is a short list of its own.
pub(super) fn is_short_list(name: &str) -> bool {
    let words = || {
        name.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    let is = |word: &str, list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    let has = |list: &[&str]| words().any(|word| is(word, list));
    is_one_of(name, SHORT_LISTS)
        || words()
            .next_back()
            .is_some_and(|last| is(last, &["checklist"]))
            && words().count() <= 6
            && has(OF_RESPONSE)
            && !has(OF_PART)
}

/// Tells whether a section of this name holds the steps of a runbook without phases.
pub(super) fn is_workflow(name: &str) -> bool {
    is_one_of(name, WORKFLOWS)
}

/// Tells whether a section of this name may hold nothing but a picture.
pub(super) fn is_diagram(name: &str) -> bool {
    let names = ["diagram", "flowchart", "flow chart", "decision flow"];
    is_workflow(name) || is_one_of(name, &names)
}

/// Tells whether the section declares the inputs.
pub(super) fn is_inputs(name: &str) -> bool {
    let names = [
        "inputs",
        "input",
        "required inputs",
        "optional inputs",
        "input parameters",
        "parameters",
        "input variables",
        "playbook inputs",
        "runbook inputs",
        "workflow inputs",
    ];
    is_one_of(name, &names)
}

/// Tells whether the section lists the tools.
pub(super) fn is_tools(name: &str) -> bool {
    is_one_of(name, &["tools", "tools used", "required tools"])
}

/// Tells whether a list item only labels the steps below it.
pub(super) fn is_step_label(lead: &str) -> bool {
    is_one_of(lead, STEP_LABELS)
}

/// Tells whether a list item says something about the phase and is no step.
pub(super) fn is_aside_label(lead: &str) -> bool {
    is_one_of(lead, ASIDE_LABELS)
}

/// Makes the label of a text: its first sentence, cut at a word at about 100 columns.
pub(super) fn label_of(text: &str) -> String {
    let text = strip_box(text.trim());
    let text = text.split(" TODO").next().unwrap_or(text);
    let sentence = first_sentence(text).trim_end_matches(['.', ':', ',', ';', ' ']);
    let bare = ["e.g", "i.e"].iter().find_map(|end| {
        let before = sentence.strip_suffix(end)?;
        before.ends_with(' ').then_some(before)
    });
    cut_at_word(bare.unwrap_or(sentence).trim_end_matches([',', ' ', '(']))
}

/// Takes the mark of a list item and an empty or ticked box off a text.
pub(super) fn strip_box(text: &str) -> &str {
    let text = text.trim_start();
    let unmarked = text
        .strip_prefix("- ")
        .or_else(|| text.strip_prefix("* "))
        .unwrap_or(text)
        .trim_start();
    let boxes = [
        "[ ]", "[x]", "[X]", "\u{2610}", "\u{2611}", "\u{2b1c}", "\u{25a1}", "\u{25a2}",
    ];
    match boxes.iter().find_map(|mark| unmarked.strip_prefix(mark)) {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => text,
    }
}

/// Tells whether a text begins with an empty or ticked box, perhaps after the mark of a list item.
pub(super) fn has_box(text: &str) -> bool {
    strip_box(text).len() != text.trim_start().len()
}

/// Cuts at a word and says so with an ellipsis.
pub(super) fn cut_at_word(text: &str) -> String {
    if text.width() <= LABEL_COLUMNS {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split_whitespace() {
        let next = out.width() + word.width() + usize::from(!out.is_empty());
        if next >= LABEL_COLUMNS && !out.is_empty() {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.width() >= LABEL_COLUMNS {
        let mut short = String::new();
        for c in out.chars() {
            if short.width() >= LABEL_COLUMNS - 2 {
                break;
            }
            short.push(c);
        }
        out = short;
    }
    out.push('…');
    out
}

pub(super) fn first_sentence(text: &str) -> &str {
    let mut before = "";
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let head = text.get(..end).unwrap_or(text);
        let ends = match c {
            '\n' => return before,
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                let next = text.get(end..).and_then(|rest| rest.chars().next());
                next.is_some_and(char::is_whitespace) && !is_abbreviation(head)
            }
            _ => false,
        };
        if ends {
            return head;
        }
        before = head;
    }
    text
}

fn is_abbreviation(head: &str) -> bool {
    let last = head
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or_default();
    let bare = last.trim_end_matches('.');
    let initials = bare.split('.').all(|part| part.chars().count() == 1) && bare.contains('.');
    ["etc", "vs", "cf", "no"].contains(&bare.to_lowercase().as_str())
        || initials
        || bare.chars().all(|c| c.is_ascii_digit())
}

/// Finds the name of an input that stands without a code span: `ip_address (string): ...`, `Host: ...`.
pub(super) fn bare_input(text: &str) -> Option<&str> {
    let text = text.strip_prefix("(Optional)").unwrap_or(text).trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == ':' || c == '(')?;
    let after = text.get(end..)?.trim_start();
    after
        .starts_with([':', '(', '-', '\u{2013}', '\u{2014}'])
        .then(|| input_name(text.get(..end)?))
        .flatten()
}

/// Takes `${}` off the name of an input; `None` when it is not a name.
pub(super) fn input_name(code: &str) -> Option<&str> {
    let bare = code
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(code);
    let names = bare.starts_with(|c: char| c.is_ascii_alphabetic())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    names.then_some(bare)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Phase 1: Preparation (Ongoing)", Numbering::Phase, "Preparation")]
    #[case("Part 4b — Eradicate", Numbering::Phase, "Eradicate")]
    #[case("(L) Lessons/Opportunities", Numbering::Phase, "Lessons/Opportunities")]
    #[case("Step 2.1: Get Context", Numbering::Step, "Get Context")]
    #[case(
        "2.1 Initial Triage Questions",
        Numbering::None,
        "Initial Triage Questions"
    )]
    #[case("AA1. Verify", Numbering::Ordinal, "Verify")]
    #[case("🚨 Containment:", Numbering::None, "Containment")]
    #[case("Contain", Numbering::None, "Contain")]
    #[case("2 Investigate", Numbering::Ordinal, "Investigate")]
    #[case("24 hours later", Numbering::None, "24 hours later")]
    #[case("Step 7:", Numbering::Step, "Step 7")]
    #[case("Phase 2 (now)", Numbering::Phase, "Phase 2 (now)")]
    #[case("", Numbering::None, "")]
    fn numbering(#[case] heading: &str, #[case] kind: Numbering, #[case] name: &str) {
        assert_eq!(without_numbering(heading), (kind, name.to_owned()));
    }

    #[rstest]
    #[case("Look at mail, e.g. headers. Then act.", "Look at mail, e.g. headers")]
    #[case("One line only", "One line only")]
    #[case("first\nsecond", "first")]
    #[case("確認する。次へ", "確認する。")]
    fn labels(#[case] text: &str, #[case] label: &str) {
        assert_eq!(label_of(text), label);
    }

    #[test]
    fn a_long_label_is_cut_at_a_word() {
        let label = label_of(&"word ".repeat(60));
        assert!(label.width() <= LABEL_COLUMNS, "{}", label.width());
        assert!(label.ends_with("word…"));
        assert!(label_of(&"x".repeat(500)).width() <= LABEL_COLUMNS);
    }
}
