//! What the words of a step say beside the task: gate, optional, role, tools, files.
//!
//! What must not live here: where the words come from.

use std::collections::{BTreeMap, BTreeSet};

use super::names::input_name;
use crate::domain::runbook::ToolCall;
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

/// Tells whether the step is called optional at its beginning, in its bold words or in its first sentence.
pub(super) fn is_optional(text: &str, lead: &str) -> bool {
    let start = text.trim_start_matches(['(', '*', '[']);
    let begins = start
        .get(..8)
        .is_some_and(|word| word.eq_ignore_ascii_case("optional"));
    begins
        || lead.to_lowercase().contains("(optional")
        || super::names::first_sentence(text)
            .to_lowercase()
            .contains("(optional)")
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
    ///
    /// The server `quell` needs no declaration.
    pub fn call(&self, code: &str) -> Option<ToolCall> {
        let name = code.split('(').next().unwrap_or_default().trim();
        let (server, tool) = match name.split_once('.') {
            Some((server, tool)) if self.servers.contains(server) || is_server_name(server) => {
                (server, tool)
            }
            Some(_) => return None,
            None => (self.tools.get(name)?.as_str(), name),
        };
        let is_tool = is_word(server) && is_word(tool) && !is_own_file(server, tool);
        is_tool.then(|| ToolCall {
            server: Untrusted::new(server),
            tool: Untrusted::new(tool),
        })
    }
}

/// Tells whether a name is a server's without being declared: the console's own, and those that say so.
fn is_server_name(name: &str) -> bool {
    is_own(name) || name.ends_with("-mcp") || name.ends_with("-soar")
}

fn is_own(name: &str) -> bool {
    name.eq_ignore_ascii_case("quell")
}

/// Tells whether what seems a tool of the console is a file that has its name: `quell.toml`.
fn is_own_file(server: &str, tool: &str) -> bool {
    is_own(server) && ["md", "toml"].contains(&tool)
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
            let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
            let background = if name.starts_with("readme.") {
                !is_folder_of_runbook(folder)
            } else {
                BACKGROUND.iter().any(|word| name.contains(word))
            };
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

/// Tells whether the README of a folder is a runbook: `../IRP-Malware/README.md`.
fn is_folder_of_runbook(folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or_default();
    name.split(|c: char| !c.is_alphanumeric())
        .any(|word| ["irp", "playbook", "runbook", "response"].contains(&word))
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
    #[case("secops-soar.post_case_comment", Some("post_case_comment"))]
    #[case("secops-soar.get_case(case_id=1)", Some("get_case"))]
    #[case("quell.read_case", Some("read_case"))]
    #[case("quell.toml", None)]
    #[case("quell.md", None)]
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
    #[case("quell.revoke_sessions", Some("revoke_sessions"))]
    #[case("Quell.Read_Case()", Some("Read_Case"))]
    #[case("quell.revoke_session", Some("revoke_session"))]
    #[case("quell.toml", None)]
    #[case("revoke_sessions", None)]
    #[case("other.revoke_sessions", None)]
    fn the_tools_of_the_console_need_no_declaration(
        #[case] code: &str,
        #[case] tool: Option<&str>,
    ) {
        let call = Toolbox::default().call(code);
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
