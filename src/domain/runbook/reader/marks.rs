//! What the words of a step say beside the task: gate, condition, optional, time limit, role, tools, files.
//!
//! What must not live here: where the words come from.

use std::collections::{BTreeMap, BTreeSet};

use super::names::input_name;
use crate::domain::runbook::{TimeLimit, ToolCall};
use crate::domain::text::Untrusted;

/// Words of a question to a person, without which the response does not go on.
const GATES: &[&str] = &[
    "confirm_action",
    "confirm-action",
    "ask_followup_question",
    "end runbook execution",
    "close and stop",
    "wait for approval",
    "do not go on",
    "do not proceed",
    "stop here",
];

/// Words in the name of a file that is to be read, not followed.
const BACKGROUND: &[&str] = &[
    "template",
    "guideline",
    "escalation",
    "polic",
    "contact",
    "writing",
    "glossary",
    "reference",
    "protocol",
    "overview",
    "planning",
    "context",
    "readme",
    "changelog",
    "license",
];

/// Tells whether the step asks a person.
pub(super) fn is_gate(text: &str) -> bool {
    let lower = text.to_lowercase();
    let asks = lower.contains("confirm")
        && ["with analyst", "with the analyst", "analyst confirms"]
            .iter()
            .any(|who| lower.contains(who));
    asks || lower.starts_with("gate:")
        || lower.contains(" gate:")
        || GATES.iter().any(|gate| lower.contains(gate))
}

/// Tells whether the step is called optional at its beginning or in its bold words.
pub(super) fn is_optional(text: &str, lead: &str) -> bool {
    let start = text.trim_start_matches(['(', '*', '[']).to_lowercase();
    start.starts_with("optional") || lead.to_lowercase().contains("(optional")
}

/// Finds when the step applies: an aside in its name, at its beginning or at the end of its first sentence, the aside
/// right below it, or a beginning with *If ...,*.
///
/// `lead` is the name of the step, `text` what follows it.
pub(super) fn condition_of(lead: &str, text: &str, below: Option<&str>) -> Option<String> {
    let named = asides(lead).into_iter().find(|aside| is_condition(aside));
    if let Some(aside) = named {
        return Some(conditional(aside).unwrap_or_else(|| aside.to_owned()));
    }
    let near: String = text.chars().take(300).collect();
    let near = near.trim_start_matches([':', ' ', '*']);
    let goes_on = !lead.trim_end().ends_with([':', '.']) && !text.trim_start().starts_with(':');
    beginning_aside(near)
        .or_else(|| goes_on.then(|| closing_aside(near)).flatten())
        .or(below)
        .filter(|aside| is_condition(aside))
        .map(|aside| conditional(aside).unwrap_or_else(|| aside.trim_end_matches('.').to_owned()))
        .or_else(|| conditional(near))
}

/// Finds the condition that a heading or a bold line puts on all below it: *If the credential is a password*.
pub(super) fn condition_of_heading(heading: &str) -> Option<String> {
    let heading = heading.trim().trim_end_matches(':');
    let begins = ["if ", "only if ", "when ", "in case of ", "unless "]
        .iter()
        .any(|word| begins_with(heading, word));
    let short = heading.chars().count() <= 160 && !heading.contains(". ");
    (begins && short).then(|| conditional(heading).unwrap_or_else(|| heading.to_owned()))
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Words of an aside that say when, and not only that something may be missing (*if any*).
fn is_condition(aside: &str) -> bool {
    let lower = aside.trim().to_lowercase();
    let begins = [
        "if ",
        "requires ",
        "when ",
        "only if ",
        "only when ",
        "only for ",
        "unless ",
    ]
    .iter()
    .any(|word| lower.starts_with(word));
    begins && !["if any", "if known", "if provided", "if determined"].contains(&lower.as_str())
}

/// `(if so) do it` gives the aside.
fn beginning_aside(text: &str) -> Option<&str> {
    text.trim_start()
        .strip_prefix('(')?
        .split_once(')')
        .map(|(aside, _)| aside.trim())
}

/// `Do it (if so). And more` gives the aside.
fn closing_aside(text: &str) -> Option<&str> {
    let (before, after) = text.split_once(')')?;
    let (sentence, aside) = before.rsplit_once('(')?;
    let ends =
        after.trim_start_matches([' ', '*']).is_empty() || after.starts_with(['.', ':', '\n']);
    (ends && !sentence.contains(". ")).then(|| aside.trim())
}

/// `If confirmed, act` gives `If confirmed`.
fn conditional(text: &str) -> Option<String> {
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let begins = ["if ", "only if ", "unless "]
        .iter()
        .any(|word| begins_with(start, word));
    if !begins {
        return None;
    }
    let mut depth = 0_u32;
    let mut end = start.len();
    for (at, c) in start.char_indices() {
        let next = start
            .get(at + c.len_utf8()..)
            .and_then(|rest| rest.chars().next());
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ')' | ',' | ':' | '\n' | '\u{2192}' | '\u{2014}' if depth == 0 => {
                end = at;
                break;
            }
            '.' if depth == 0 && next.is_none_or(char::is_whitespace) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let condition = start.get(..end)?.trim();
    let said = is_condition(condition) && condition.chars().count() <= 160;
    said.then(|| condition.to_owned())
}

/// Tells whether the whole text is one aside in parentheses, such as `(Requires email tools)`.
pub(super) fn whole_aside(text: &str) -> Option<&str> {
    let inner = text
        .trim()
        .trim_end_matches('.')
        .strip_prefix('(')?
        .strip_suffix(')')?;
    (!inner.contains(['(', ')'])).then_some(inner)
}

fn asides(text: &str) -> Vec<&str> {
    text.split('(')
        .skip(1)
        .filter_map(|part| part.split_once(')').map(|(inner, _)| inner.trim()))
        .collect()
}

/// Finds *within 10 minutes*, *within the first 24-48 hours*, *in the first hour*; of a range its end counts.
pub(super) fn time_limit_of(text: &str) -> Option<TimeLimit> {
    if !["ithin", "ITHIN", "irst", "ext"]
        .iter()
        .any(|part| text.contains(part))
    {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    (0..words.len()).find_map(|at| limit_at(words.get(at..)?))
}

fn limit_at(words: &[&str]) -> Option<TimeLimit> {
    let (within, rest) = words.split_first()?;
    let word = within.trim_start_matches(['(', '*', '[']);
    if !["within", "in"]
        .iter()
        .any(|limit| word.eq_ignore_ascii_case(limit))
    {
        return None;
    }
    let filler = rest
        .iter()
        .take_while(|word| {
            ["the", "first", "next"]
                .iter()
                .any(|filler| word.eq_ignore_ascii_case(filler))
        })
        .count();
    if filler < 2 && !word.eq_ignore_ascii_case("within") {
        return None;
    }
    let rest = rest.get(filler..)?;
    let bare = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase()
    };
    let number = bare(rest.first()?);
    let last = number
        .rsplit(['-', '\u{2013}', '\u{2014}'])
        .next()
        .unwrap_or_default();
    let (number, unit, used) = match (last.parse::<u32>(), unit_of(last)) {
        (Ok(number), _) => (number, unit_of(&bare(rest.get(1)?))?, 2),
        (_, Some(unit)) => (1, unit, 1),
        _ => return None,
    };
    let shown: Vec<&str> = words.iter().take(1 + filler + used).copied().collect();
    let shown = shown.join(" ");
    Some(TimeLimit {
        text: Untrusted::new(shown.trim_matches(|c: char| !c.is_alphanumeric())),
        minutes: number.checked_mul(unit)?,
    })
}

fn unit_of(word: &str) -> Option<u32> {
    match word {
        "min" | "mins" | "minute" | "minutes" => Some(1),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(60),
        "day" | "days" => Some(24 * 60),
        _ => None,
    }
}

/// Takes a role tag off the beginning: `[IR Lead] Decide`.
pub(super) fn role_of(text: &str) -> Option<(&str, &str)> {
    let (role, rest) = text.trim_start().strip_prefix('[')?.split_once(']')?;
    let named = (2..=40).contains(&role.len()) && role.starts_with(char::is_alphabetic);
    let plain = role
        .chars()
        .all(|c| c.is_alphanumeric() || " /&-".contains(c));
    (named && plain && !rest.starts_with('(')).then(|| (role, rest.trim_start()))
}

/// The tools that the runbook declares: bare names to servers.
#[derive(Debug, Default)]
pub(super) struct Toolbox {
    servers: BTreeSet<String>,
    tools: BTreeMap<String, String>,
}

impl Toolbox {
    /// Takes one item of the Tools section: `server`: `tool`, `tool`.
    pub fn declare(&mut self, text: &str, codes: &[(String, u32)]) {
        let Some((server, _)) = codes.first() else {
            return;
        };
        let at_start = text.trim_start().starts_with(&format!("{server}:"));
        if !is_word(server) || !(at_start || is_server_name(server)) {
            return;
        }
        self.servers.insert(server.clone());
        for (tool, _) in codes.iter().skip(1).filter(|(tool, _)| is_word(tool)) {
            self.tools
                .entry(tool.clone())
                .or_insert_with(|| server.clone());
        }
    }

    /// Takes a server and a tool that stand apart.
    pub fn declare_call(&mut self, server: &str, tool: &str) {
        if is_word(server) && is_word(tool) {
            self.servers.insert(server.to_owned());
            self.tools
                .entry(tool.to_owned())
                .or_insert_with(|| server.to_owned());
        }
    }

    /// Reads a code span as a tool: `server.tool`, `server.tool(...)`, or a bare name that was declared.
    pub fn call(&self, code: &str) -> Option<ToolCall> {
        let name = code.split('(').next().unwrap_or_default().trim();
        let (server, tool) = match name.split_once('.') {
            Some((server, tool)) if self.servers.contains(server) || is_server_name(server) => {
                (server, tool)
            }
            Some(_) => return None,
            None => (self.tools.get(name)?.as_str(), name),
        };
        (is_word(server) && is_word(tool)).then(|| ToolCall {
            server: Untrusted::new(server),
            tool: Untrusted::new(tool),
        })
    }
}

fn is_server_name(name: &str) -> bool {
    name.ends_with("-mcp") || name.ends_with("-soar")
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 80
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// What a path in a code span or a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Runbook,
    Document,
}

/// Tells whether a code span or the address of a link names a file of the runbook's own world.
pub(super) fn file_kind(text: &str, link: bool) -> Option<FileKind> {
    let path = text.split('#').next().unwrap_or_default().trim();
    let lower = path.to_lowercase();
    let outside =
        lower.contains("://") || lower.starts_with("mailto:") || lower.starts_with("data:");
    if path.is_empty() || outside || path.chars().any(char::is_control) {
        return None;
    }
    if is_slash_command(path) {
        return (!link).then_some(FileKind::Runbook);
    }
    let extension = lower.rsplit_once('.').map(|(_, extension)| extension);
    match extension {
        Some("md" | "markdown") => {
            let name = lower.rsplit('/').next().unwrap_or_default();
            let background = BACKGROUND.iter().any(|word| name.contains(word));
            Some(if background {
                FileKind::Document
            } else {
                FileKind::Runbook
            })
        }
        // An address of the web site that the text was written for, and no file.
        _ if lower.starts_with('/') && !names_a_file(&lower) => None,
        _ => link.then_some(FileKind::Document),
    }
}

fn names_a_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.split(['?', ':']).next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=5).contains(&extension.len())
            && extension.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// `/enrich-ioc`: a runbook called by a slash command.
fn is_slash_command(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.contains('-')
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

/// Finds the default of an input in its prose: *default: 72*, *defaults to 72*.
pub(super) fn default_of(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    let at = ["default: ", "defaults to ", "default is "]
        .iter()
        .find_map(|word| lower.find(word).map(|at| at + word.len()))?;
    let rest = text.get(at..)?;
    let end = rest.find([',', ')', ';', '\n']).unwrap_or(rest.len());
    let value = rest.get(..end)?.split(" = ").next()?.trim();
    let value = value.trim_end_matches(['.', '"', '\'']);
    let value = value.trim_start_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Finds the names of an input's line: the first, then those joined to it by *or*, before the colon.
pub(super) fn input_names(text: &str, codes: &[(String, u32)]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut at = 0;
    let marked = codes.iter().any(|(code, _)| code.starts_with("${"));
    for (code, _) in codes
        .iter()
        .filter(|(code, _)| !marked || code.starts_with("${"))
    {
        let Some(name) = input_name(code) else {
            break;
        };
        let Some(found) = text.get(at..).and_then(|rest| rest.find(code.as_str())) else {
            break;
        };
        let between = text.get(at..at + found).unwrap_or_default();
        let joined = between.trim().trim_matches(['(', ')', ',', '/']).trim();
        if !names.is_empty() && !["or", ""].contains(&joined.to_lowercase().as_str()) {
            break;
        }
        names.push(name.to_owned());
        at += found + code.len();
    }
    names
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Confirm the isolation with the analyst.", true)]
    #[case("If duplicate: End runbook execution.", true)]
    #[case("Gate: two people look at it.", true)]
    #[case("Confirm eradication steps are complete.", false)]
    fn gates(#[case] text: &str, #[case] gate: bool) {
        assert_eq!(is_gate(text), gate);
    }

    #[rstest]
    #[case("Re-enable Account (If Disabled):", "do it", Some("If Disabled"))]
    #[case("Re-enable:", "(Requires IDP tools) do it", Some("Requires IDP tools"))]
    #[case(
        "Disable it",
        " with `x` (if that was decided).",
        Some("if that was decided")
    )]
    #[case("", "Update the case (if applicable)", Some("if applicable"))]
    #[case("Ensure:", " threats (if any) are handled", None)]
    #[case("Look:", " at the case (if open). Then act", None)]
    #[case("", "If confirmed, act", Some("If confirmed"))]
    #[case(
        "Enrich:",
        " If it has IOCs (IPs, domains), enrich",
        Some("If it has IOCs (IPs, domains)")
    )]
    #[case("", "Act now (see below).", None)]
    #[case("", "Ifs and buts, all", None)]
    fn conditions(#[case] lead: &str, #[case] rest: &str, #[case] expected: Option<&str>) {
        assert_eq!(condition_of(lead, rest, None).as_deref(), expected);
    }

    #[rstest]
    #[case("Do it within 10 minutes.", Some(10))]
    #[case("Tell them within 2 hours", Some(120))]
    #[case("Immediate actions (within the first 15\u{2013}30 minutes)", Some(30))]
    #[case("In the first hour, act", Some(60))]
    #[case("in 10 minutes", None)]
    #[case("within reason", None)]
    #[case("within 99999999999 hours", None)]
    fn limits(#[case] text: &str, #[case] minutes: Option<u32>) {
        assert_eq!(time_limit_of(text).map(|limit| limit.minutes), minutes);
    }

    #[rstest]
    #[case("secops-soar.post_case_comment", Some("post_case_comment"))]
    #[case("secops-soar.get_case(case_id=1)", Some("get_case"))]
    #[case("quell.read_case", Some("read_case"))]
    #[case("read_case", Some("read_case"))]
    #[case("metadata.event_type", None)]
    #[case("report.md", None)]
    #[case("", None)]
    fn calls(#[case] code: &str, #[case] tool: Option<&str>) {
        let mut tools = Toolbox::default();
        tools.declare(
            "quell: read_case",
            &[("quell".to_owned(), 1), ("read_case".to_owned(), 1)],
        );
        let call = tools.call(code);
        assert_eq!(call.as_ref().map(|call| call.tool.raw()), tool);
    }

    #[rstest]
    #[case("../common_steps/enrich_ioc.md", false, Some(FileKind::Runbook))]
    #[case("/enrich-ioc", false, Some(FileKind::Runbook))]
    #[case(".clinerules/escalation_paths.md", false, Some(FileKind::Document))]
    #[case("resources/queries.sql", true, Some(FileKind::Document))]
    #[case("resources/queries.sql", false, None)]
    #[case("https://example.org/x.md", true, None)]
    #[case("#anchor", true, None)]
    fn files(#[case] path: &str, #[case] link: bool, #[case] kind: Option<FileKind>) {
        assert_eq!(file_kind(path, link), kind);
    }

    #[test]
    fn roles_and_defaults() {
        assert_eq!(role_of("[IR Lead] Decide"), Some(("IR Lead", "Decide")));
        assert_eq!(role_of("[x](y)"), None);
        assert_eq!(
            default_of("hours to look back (default: 72)").as_deref(),
            Some("72")
        );
        assert_eq!(default_of("nothing"), None);
    }

    #[test]
    fn inputs_with_alternatives() {
        let codes = [("${ALERT_ID}".to_owned(), 1), ("${CASE_ID}".to_owned(), 1)];
        assert_eq!(
            input_names("${ALERT_ID} or ${CASE_ID}: which", &codes),
            ["ALERT_ID", "CASE_ID"]
        );
        assert_eq!(
            input_names("${ALERT_ID}: see ${CASE_ID}", &codes),
            ["ALERT_ID"]
        );
    }
}
