//! The inputs of a runbook, filled from the case; and its calls written out for doing them by hand.
//!
//! A value comes from the case, from the analyst or from the runbook's default, in that order of weight: what was
//! typed holds over the rest. What lives here: which names mean what, and taking secrets out of printed calls. What
//! must not: io.

use std::collections::BTreeMap;

use super::{Input, Runbook, Step};
use crate::domain::account::Account;
use crate::domain::case::CaseFile;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most values of one kind that are joined into one input.
const MOST_VALUES: usize = 20;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Typed by an analyst, on record.
    Typed,
    /// Read from the case.
    Case,
    /// The runbook's default.
    Default,
    /// There is none.
    Missing,
}

impl Origin {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Case => "from the case",
            Self::Default => "default",
            Self::Missing => "missing",
        }
    }
}

/// One input with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The name as declared.
    pub name: Untrusted,
    /// What it says, empty when missing.
    pub value: Untrusted,
    /// Where that comes from.
    pub origin: Origin,
    /// Whether the runbook works without it.
    pub optional: bool,
    /// What the runbook says about it.
    pub description: Untrusted,
}

impl Filled {
    /// Tells whether the runbook asks for it and it has no value.
    pub fn is_missing(&self) -> bool {
        self.origin == Origin::Missing && !self.optional
    }
}

/// What the case says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// The case, once read.
    pub file: Option<&'a CaseFile>,
    /// The name the user was looked up by.
    pub user: Option<&'a Untrusted>,
    /// The account, once found.
    pub account: Option<&'a Account>,
}

/// Fills the inputs of a runbook; `typed` is what analysts gave, by name.
pub fn fill(
    runbook: &Runbook,
    sources: Sources<'_>,
    typed: &BTreeMap<Untrusted, Untrusted>,
) -> Vec<Filled> {
    let inputs = runbook.inputs.iter();
    inputs
        .map(|input| fill_one(input, sources, typed))
        .collect()
}

fn fill_one(input: &Input, sources: Sources<'_>, typed: &BTreeMap<Untrusted, Untrusted>) -> Filled {
    let names = || std::iter::once(&input.name).chain(&input.alternatives);
    let typed = names().find_map(|name| typed.get(name)).cloned();
    let found = || names().find_map(|name| from_case(name.raw(), sources));
    let (value, origin) = match typed {
        Some(value) => (value, Origin::Typed),
        None => match found() {
            Some(value) => (value, Origin::Case),
            None => match input.default.clone() {
                Some(value) => (value, Origin::Default),
                None => (Untrusted::default(), Origin::Missing),
            },
        },
    };
    Filled {
        name: input.name.clone(),
        value,
        origin,
        optional: input.optional,
        description: input.description.clone(),
    }
}

/// Finds the value an input of this name means; by its words, whatever joins them.
fn from_case(name: &str, sources: Sources<'_>) -> Option<Untrusted> {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |word: &str| words.contains(&word);
    let any = |list: &[&str]| list.iter().any(|word| has(word));
    if any(&[
        "TYPE",
        "QUERY",
        "THRESHOLD",
        "COMMENT",
        "REASON",
        "HOURS",
        "LIMIT",
    ]) {
        // A word about a thing is not the thing.
        return None;
    }
    let file = sources.file;
    if any(&["ALERT", "ALERTS", "DETECTION", "DETECTIONS"]) {
        return alerts(
            file?,
            any(&["FIRST", "DETAIL", "DETAILS", "TITLE", "NAME", "SUMMARY"]),
        );
    }
    if any(&[
        "USER", "USERID", "USERNAME", "LOGIN", "ACCOUNT", "UPN", "EMAIL", "IDENTITY",
    ]) {
        return user(sources, any(&["EMAIL", "MAIL"]));
    }
    if any(&["CASE", "TICKET", "INCIDENT"]) {
        let case = &file?.case;
        let number = case.number.map(|number| Untrusted::new(number.to_string()));
        return Some(number.unwrap_or_else(|| Untrusted::new(case.id.raw())));
    }
    if any(&["HOST", "HOSTNAME", "ENDPOINT", "DEVICE", "MACHINE", "ASSET"]) {
        return observed(file?, &["hostname", "host", "fqdn"]);
    }
    if any(&["HASH", "SHA256", "MD5", "SHA1"]) {
        let file = file?;
        let alert = file.main_alert().and_then(|alert| alert.hash.clone());
        return alert.or_else(|| observed(file, &["hash", "sha256"]));
    }
    if any(&["IP", "IPS"]) {
        let file = file?;
        let alert = file.main_alert().and_then(|alert| alert.source_ip.clone());
        return observed(file, &["ip"]).or(alert);
    }
    if any(&["URL", "URLS"]) {
        return observed(file?, &["url"]);
    }
    any(&["DOMAIN", "DOMAINS"]).then(|| observed(file?, &["domain"]))?
}

fn alerts(file: &CaseFile, details: bool) -> Option<Untrusted> {
    if details {
        let first = file.alerts.iter().min_by_key(|alert| alert.at)?;
        return Some(Untrusted::new(format!(
            "{}, {}",
            first.title.raw(),
            time_word(first.at)
        )));
    }
    joined(file.alerts.iter().map(|alert| &alert.id))
}

fn user(sources: Sources<'_>, mail: bool) -> Option<Untrusted> {
    if mail && let Some(mail) = sources.account.and_then(|account| account.mail.clone()) {
        return Some(mail);
    }
    sources
        .account
        .map(|account| account.login.clone())
        .or_else(|| sources.user.cloned())
}

fn observed(file: &CaseFile, kinds: &[&str]) -> Option<Untrusted> {
    let all = file.observables.iter();
    joined(
        all.filter(|one| kinds.contains(&one.kind.raw().to_lowercase().as_str()))
            .map(|one| &one.value),
    )
}

fn joined<'a>(values: impl Iterator<Item = &'a Untrusted>) -> Option<Untrusted> {
    let values: Vec<&str> = values.take(MOST_VALUES).map(Untrusted::raw).collect();
    (!values.is_empty()).then(|| Untrusted::new(values.join(", ")))
}

/// Writes how a step is done by hand: its calls with the inputs filled in, then its paragraph likewise.
pub fn by_hand(runbook: &Runbook, step: &Step, inputs: &[Filled]) -> Safe {
    let mut text = Safe::fixed("No connection of this console does this. By hand:\n\n");
    let paragraph = step.paragraph(runbook);
    let named: Vec<&Filled> = inputs
        .iter()
        .filter(|input| input.origin != Origin::Missing)
        .filter(|input| paragraph.raw().contains(input.name.raw()))
        .collect();
    for call in super::binding::manual(step) {
        let arguments = named
            .iter()
            .map(|input| safe!("{}={}", input.name.field(), redacted(&input.value).field()));
        let arguments = Safe::join(arguments, &Safe::fixed(", "));
        let line = safe!(
            "  {}.{}({})\n",
            call.server.field(),
            call.tool.field(),
            arguments
        );
        text.push(&line);
    }
    text.push(&Safe::fixed("\n"));
    text.push(&redacted(&substituted(&paragraph, inputs)).block());
    text.push(&Safe::fixed("\n\nThen tick the step."));
    text
}

/// Puts values for `${NAME}` and `` `NAME` ``.
fn substituted(text: &Untrusted, inputs: &[Filled]) -> Untrusted {
    let mut out = text.raw().to_owned();
    for input in inputs
        .iter()
        .filter(|input| input.origin != Origin::Missing)
    {
        let name = input.name.raw();
        for written in [
            format!("${{{name}}}"),
            format!("`{name}`"),
            format!("<{name}>"),
        ] {
            out = out.replace(&written, input.value.raw());
        }
    }
    Untrusted::new(out)
}

/// Words before a value that must not be shown.
const SECRET: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "secret",
    "authorization",
    "credential",
    "private_key",
];
/// Words between the name of a header and its secret.
const SCHEMES: [&str; 4] = ["bearer", "ssws", "basic", "apikey"];

/// Takes what looks like a secret out of a text, line by line.
pub fn redacted(text: &Untrusted) -> Untrusted {
    let lines: Vec<String> = text.raw().split('\n').map(redacted_line).collect();
    Untrusted::new(lines.join("\n"))
}

fn redacted_line(line: &str) -> String {
    let mut out = String::new();
    let mut hide = false;
    for word in line.split_inclusive([' ', '\t']) {
        let bare = word.trim_end();
        let blank = word.strip_prefix(bare).unwrap_or_default();
        let plain = bare.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let lower = plain.to_lowercase();
        if hide && !lower.is_empty() {
            let scheme = SCHEMES.contains(&lower.as_str());
            out.push_str(if scheme { bare } else { "[redacted]" });
            hide = scheme;
        } else if let Some((name, _)) = bare.split_once(['=', ':']).filter(|(name, value)| {
            is_secret(name) && value.trim_matches(['"', '\'', '`', ',']).chars().count() > 2
        }) {
            let sign = if bare.contains('=') { "=" } else { ":" };
            out.extend([name, sign, "[redacted]"]);
        } else {
            out.push_str(bare);
            hide = SCHEMES[..3].contains(&lower.as_str())
                || (bare.trim_end_matches(['"', '\'']).ends_with([':', '=']) && is_secret(bare));
        }
        out.push_str(blank);
    }
    out
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let last = lower.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    SECRET.iter().any(|word| last.ends_with(word))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use rstest::rstest;

    use super::super::parse_runbook;
    use super::*;
    use crate::domain::case::{Alert, Case, Observable};
    use crate::domain::ids::{CaseId, ConnectionName};
    use crate::domain::severity::{CaseStatus, Severity};

    fn file() -> CaseFile {
        let at = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
        let alert = |id: &str, minutes: i64| Alert {
            id: id.into(),
            title: format!("alert {id}").into(),
            severity: Severity::High,
            at: at + chrono::Duration::minutes(minutes),
            blocked: None,
            threat: None,
            hash: None,
            file: None,
            user_id: None,
            user_name: None,
            source_ip: Some("192.0.2.1".into()),
            guidance: None,
            ..Alert::default()
        };
        CaseFile {
            case: Case {
                id: CaseId::new(ConnectionName::parse("hive").unwrap(), "~41"),
                number: Some(14),
                title: "t".into(),
                description: "".into(),
                severity: Severity::High,
                status: CaseStatus::New,
                vendor_status: "New".into(),
                assignee: None,
                created: at,
                updated: None,
                tags: Vec::new(),
                fields: Vec::new(),
            },
            observables: vec![Observable {
                kind: "hostname".into(),
                value: "wks-1".into(),
                tags: Vec::new(),
            }],
            alerts: vec![alert("a2", 5), alert("a1", 0)],
            tasks: Vec::new(),
            comments: Vec::new(),
            faults: Vec::new(),
        }
    }

    #[rstest]
    #[case("USER_ID", Some("mara"))]
    #[case("user-name", Some("mara"))]
    #[case("CASE_ID", Some("14"))]
    #[case("ALERT_GROUP_IDENTIFIERS", Some("a2, a1"))]
    #[case("ALERT_IDS", Some("a2, a1"))]
    #[case("FIRST_ALERT", Some("alert a1, 2026-01-02 03:04:05Z"))]
    #[case("INITIAL_ALERT_DETAILS", Some("alert a1, 2026-01-02 03:04:05Z"))]
    #[case("ENDPOINT", Some("wks-1"))]
    #[case("IP_ADDRESS", Some("192.0.2.1"))]
    #[case("FILE_HASH", None)]
    #[case("ALERT_TYPE", None)]
    #[case("WINDOW_HOURS", None)]
    fn names_mean_what_they_say(#[case] name: &str, #[case] expected: Option<&str>) {
        let (file, user) = (file(), Untrusted::new("mara"));
        let sources = Sources {
            file: Some(&file),
            user: Some(&user),
            account: None,
        };
        let found = from_case(name, sources);
        assert_eq!(found.as_ref().map(Untrusted::raw), expected);
    }

    #[test]
    fn what_was_typed_holds_and_what_is_missing_is_marked() {
        let text = "# T\n\n## Inputs\n\n- `${USER_ID}`: who\n- `${FILE_HASH}`: which\n- *(Optional)* `${HOURS}`: how far (default: 72)\n\n\
                    ## Containment\n\n1. Do it\n";
        let runbook = parse_runbook(text, "t.md");
        let (file, user) = (file(), Untrusted::new("mara"));
        let sources = Sources {
            file: Some(&file),
            user: Some(&user),
            account: None,
        };
        let mut typed = BTreeMap::new();
        let filled = fill(&runbook, sources, &typed);
        let said: Vec<_> = filled.iter().map(|f| (f.value.raw(), f.origin)).collect();
        assert_eq!(
            said,
            [
                ("mara", Origin::Case),
                ("", Origin::Missing),
                ("72", Origin::Default)
            ]
        );
        assert!(filled.get(1).is_some_and(Filled::is_missing));
        typed.insert("USER_ID".into(), "otto".into());
        let filled = fill(&runbook, sources, &typed);
        assert_eq!(filled.first().map(|f| f.value.raw()), Some("otto"));
    }

    #[rstest]
    #[case(
        "curl -H 'Authorization: SSWS 00abcd' x",
        "curl -H 'Authorization: SSWS [redacted] x"
    )]
    #[case("token=abcdef next", "token=[redacted] next")]
    #[case("api_key: \"k123\" next", "api_key: [redacted] next")]
    #[case(
        "Reset the password: by telephone",
        "Reset the password: [redacted] telephone"
    )]
    #[case("Bearer eyJh.x.y", "Bearer [redacted]")]
    #[case("read the tokens of the user", "read the tokens of the user")]
    fn secrets_are_not_printed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(redacted(&text.into()).raw(), expected);
    }

    #[test]
    fn the_manual_way_has_the_call_with_its_inputs() {
        let text = "# T\n\n## Inputs\n\n- `${USER_ID}`: who\n\n## Tools\n\n- `x-mcp`: `fetch`\n\n## Containment\n\n\
                    1. Call `x-mcp.fetch` for `${USER_ID}` with token=abcdef.\n";
        let runbook = parse_runbook(text, "t.md");
        let user = Untrusted::new("mara");
        let sources = Sources {
            user: Some(&user),
            ..Sources::default()
        };
        let filled = fill(&runbook, sources, &BTreeMap::new());
        let step = runbook
            .phases
            .first()
            .and_then(|phase| phase.steps.first())
            .unwrap();
        let said = by_hand(&runbook, step, &filled);
        assert!(
            said.as_str().contains("x-mcp.fetch(USER_ID=mara)"),
            "{said}"
        );
        assert!(!said.as_str().contains("abcdef"), "{said}");
    }
}
