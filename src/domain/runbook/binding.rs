//! What the tools named in a step mean for the console, and what evidence ticks a step by itself.
//!
//! Tool names in runbooks are placeholders of some house. What lives here: the map from names to
//! capabilities of the console, and the rules of evidence. What must not: doing anything.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Phase, Runbook, Step, ToolCall};
use crate::domain::text::Untrusted;

/// Something the console itself can do for a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Shows whether every connection works and with which permissions.
    CheckConnections,
    /// Reads the case in full.
    ReadCase,
    /// Looks for duplicates and other open cases of the user.
    RelatedCases,
    /// Shows who the account belongs to, its state, roles and sign-in methods.
    ReadAccount,
    /// Shows the summary of an entity.
    EntitySummary,
    /// Loads the activity of the user for a window.
    ReadActivity,
    /// Asks for the likelihood of a compromise.
    JudgeLikelihood,
    /// Asks which containment, if any, is wanted.
    DecideContainment,
    /// Ends every session of the account.
    RevokeSessions,
    /// Ends every session once more, after the account was disabled.
    RevokeSessionsAgain,
    /// Disables the account.
    DisableAccount,
    /// Enables the account again.
    EnableAccount,
    /// Sets the password to one that nobody knows, or makes the user choose a new one.
    ResetPassword,
    /// Tells the provider that somebody else has the account.
    ConfirmCompromised,
    /// Tells the provider that there is no risk any more.
    DismissRisk,
    /// Shows what an attacker may have left in the account, to be removed one by one.
    ReadLeft,
    /// Watches for activity after the containment.
    WatchAccount,
    /// Contains a host.
    ContainHost,
    /// Puts a comment into the case.
    PostComment,
    /// Closes the case.
    CloseCase,
    /// Tells the user on a channel that survives the lock-out.
    TellUser,
    /// Tells the helpdesk.
    TellHelpdesk,
    /// Looks up the reputation of an observable.
    LookUpObservable,
}

/// What a tool name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The console can do it.
    Bound(Capability),
    /// The console cannot: the manual way is shown.
    Unbound,
}

/// Names of tools and what they stand for, our own first, then those of well-known public runbooks.
const NAMES: &[(&str, Capability)] = &[
    ("quell.check_connections", Capability::CheckConnections),
    ("quell.read_case", Capability::ReadCase),
    ("quell.related_cases", Capability::RelatedCases),
    ("quell.read_account", Capability::ReadAccount),
    ("quell.entity_summary", Capability::EntitySummary),
    ("quell.search_activity", Capability::ReadActivity),
    ("quell.judge_likelihood", Capability::JudgeLikelihood),
    ("quell.decide_containment", Capability::DecideContainment),
    ("quell.revoke_sessions", Capability::RevokeSessions),
    (
        "quell.revoke_sessions_again",
        Capability::RevokeSessionsAgain,
    ),
    ("quell.disable_account", Capability::DisableAccount),
    ("quell.enable_account", Capability::EnableAccount),
    ("quell.reset_password", Capability::ResetPassword),
    ("quell.confirm_compromised", Capability::ConfirmCompromised),
    ("quell.dismiss_risk", Capability::DismissRisk),
    ("quell.read_left", Capability::ReadLeft),
    ("quell.watch_account", Capability::WatchAccount),
    ("quell.contain_host", Capability::ContainHost),
    ("quell.post_comment", Capability::PostComment),
    ("quell.close_case", Capability::CloseCase),
    ("quell.tell_user", Capability::TellUser),
    ("quell.tell_helpdesk", Capability::TellHelpdesk),
    ("quell.look_up_observable", Capability::LookUpObservable),
    ("secops-soar.get_case_full_details", Capability::ReadCase),
    ("secops-soar.post_case_comment", Capability::PostComment),
    (
        "secops-mcp.search_security_events",
        Capability::ReadActivity,
    ),
    ("secops-mcp.search_udm", Capability::ReadActivity),
    ("secops-mcp.lookup_entity", Capability::EntitySummary),
    ("okta-mcp.lookup_okta_user", Capability::ReadAccount),
    ("okta-mcp.disable_okta_user", Capability::DisableAccount),
    ("okta-mcp.enable_okta_user", Capability::EnableAccount),
    (
        "okta-mcp.reset_okta_user_password",
        Capability::ResetPassword,
    ),
    ("okta-mcp.terminate_sessions", Capability::RevokeSessions),
    (
        "okta-mcp.terminate_okta_user_sessions",
        Capability::RevokeSessions,
    ),
    ("gti-mcp.get_file_report", Capability::LookUpObservable),
    (
        "gti-mcp.get_ip_address_report",
        Capability::LookUpObservable,
    ),
    ("gti-mcp.get_domain_report", Capability::LookUpObservable),
    ("gti-mcp.get_url_report", Capability::LookUpObservable),
];

/// Tells what a tool name stands for; names match whole and in lower case, never by likeness.
pub fn bind(call: &ToolCall) -> Binding {
    let name = format!("{}.{}", call.server.raw(), call.tool.raw()).to_lowercase();
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(Binding::Unbound, |(_, capability)| {
            Binding::Bound(*capability)
        })
}

/// Lists what the console can do for a step, in the order of the text, each once; sub-steps count.
pub fn capabilities(step: &Step) -> Vec<Capability> {
    let mut found = Vec::new();
    for call in calls(step) {
        if let Binding::Bound(capability) = bind(call)
            && !found.contains(&capability)
        {
            found.push(capability);
        }
    }
    found
}

/// Lists the tools of a step that the console cannot run; sub-steps count.
pub fn unbound(step: &Step) -> Vec<&ToolCall> {
    calls(step)
        .into_iter()
        .filter(|call| bind(call) == Binding::Unbound)
        .collect()
}

/// Lists the tools of a step that have to be used by hand: unbound ones, and those no connector offers yet.
pub fn manual(step: &Step) -> Vec<&ToolCall> {
    let offered = |capability| {
        !matches!(
            capability,
            Capability::ContainHost
                | Capability::CloseCase
                | Capability::TellUser
                | Capability::TellHelpdesk
                | Capability::LookUpObservable
        )
    };
    calls(step)
        .into_iter()
        .filter(|call| !matches!(bind(call), Binding::Bound(capability) if offered(capability)))
        .collect()
}

fn calls(step: &Step) -> Vec<&ToolCall> {
    let mut all: Vec<&ToolCall> = step.tools.iter().collect();
    for substep in &step.substeps {
        all.extend(calls(substep));
    }
    all
}

/// A kind of fact that ticks a step by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Every connection was checked and its state shown.
    ConnectionsChecked,
    /// The case was read in full.
    CaseRead,
    /// Other open cases of the user were shown.
    RelatedCasesShown,
    /// The account was read from the identity provider.
    AccountShown,
    /// The summary of the entity was shown.
    EntitySummaryShown,
    /// The activity of a window of so many hours was loaded whole.
    ActivityLoaded {
        /// The window in hours.
        hours: u32,
    },
    /// The likelihood was decided by the analyst.
    LikelihoodDecided,
    /// One of the five answers on containment was given.
    ContainmentDecided,
    /// An action was proven by reading back.
    ActionProven(Capability),
    /// An action that was proven is so no longer: others undid it.
    ActionUndone(Capability),
    /// The watch after the containment ended without activity of the account.
    NoActivityAfterContainment,
    /// A comment of this phase is in the case.
    CommentPosted,
    /// A comment of this phase was in the case and is no longer: somebody deleted it.
    CommentGone,
    /// The case was closed.
    CaseClosed,
    /// The user acknowledged the message.
    UserAcknowledged,
    /// Nothing is left in the account: only a person says so, for what was not listed may be there.
    NothingLeft,
    /// The helpdesk has the message.
    HelpdeskTold,
    /// The reputation of the observable was shown.
    ReputationShown,
}

/// A fact of the case, with the words that say what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which kind.
    pub kind: EvidenceKind,
    /// Since when it holds.
    pub at: DateTime<Utc>,
    /// What it is: *search of 72 h, 214 events*.
    pub source: Untrusted,
    /// The phase it belongs to: a comment on containment does not tick the one on recovery.
    pub phase: Option<Phase>,
}

/// The window that a step asks for when it says nothing of hours.
const DEFAULT_WINDOW: u32 = 24;

/// Tells which evidence a capability needs before it ticks the step.
///
/// The window of an activity search is the largest number of hours or days that the step's text names, else 24 h.
pub fn evidence_for(step: &Step, capability: Capability) -> EvidenceKind {
    match capability {
        Capability::CheckConnections => EvidenceKind::ConnectionsChecked,
        Capability::ReadCase => EvidenceKind::CaseRead,
        Capability::RelatedCases => EvidenceKind::RelatedCasesShown,
        Capability::ReadAccount => EvidenceKind::AccountShown,
        Capability::EntitySummary => EvidenceKind::EntitySummaryShown,
        Capability::ReadActivity => EvidenceKind::ActivityLoaded {
            hours: window_of(step).unwrap_or(DEFAULT_WINDOW),
        },
        Capability::JudgeLikelihood => EvidenceKind::LikelihoodDecided,
        Capability::DecideContainment => EvidenceKind::ContainmentDecided,
        Capability::RevokeSessions
        | Capability::RevokeSessionsAgain
        | Capability::DisableAccount
        | Capability::EnableAccount
        | Capability::ResetPassword
        | Capability::ConfirmCompromised
        | Capability::DismissRisk
        | Capability::ContainHost => EvidenceKind::ActionProven(capability),
        Capability::ReadLeft => EvidenceKind::NothingLeft,
        Capability::WatchAccount => EvidenceKind::NoActivityAfterContainment,
        Capability::PostComment => EvidenceKind::CommentPosted,
        Capability::CloseCase => EvidenceKind::CaseClosed,
        Capability::TellUser => EvidenceKind::UserAcknowledged,
        Capability::TellHelpdesk => EvidenceKind::HelpdeskTold,
        Capability::LookUpObservable => EvidenceKind::ReputationShown,
    }
}

/// Tells whether the facts tick the step, and by what.
///
/// Every capability of the step needs its evidence. A step without a capability, and one that also needs a tool
/// the console cannot run, never ticks itself. A gate ticks itself only by a decision of a person. `phase` is the
/// phase of the step; comments and watches tick only steps of their own phase.
pub fn ticked_by(phase: Option<Phase>, step: &Step, facts: &[Evidence]) -> Option<Untrusted> {
    let needed = capabilities(step);
    let decided = |c: &Capability| {
        matches!(
            c,
            Capability::JudgeLikelihood | Capability::DecideContainment
        )
    };
    if needed.is_empty() || !unbound(step).is_empty() {
        return None;
    }
    if step.gate && !needed.iter().any(decided) {
        return None;
    }
    let mut said = Vec::new();
    for capability in needed {
        let fact = satisfying(evidence_for(step, capability), phase, facts)?;
        said.push(fact.source.raw().to_owned());
    }
    Some(Untrusted::new(said.join("; ")))
}

/// Tells whether the facts refute that a step is done, by what and when: what was proven is so no longer.
///
/// An action that was proven anew after it was undone refutes nothing, and neither does a comment that is gone while
/// another one of the same phase is there. `phase` is the phase of the step.
pub fn refuted_by(
    phase: Option<Phase>,
    step: &Step,
    facts: &[Evidence],
) -> Option<(Untrusted, DateTime<Utc>)> {
    let last = |wanted: EvidenceKind| {
        let all = facts.iter().filter(move |fact| fact.kind == wanted);
        all.max_by_key(|fact| fact.at)
    };
    let of_phase = |wanted: EvidenceKind| {
        let all = facts.iter().filter(move |fact| fact.kind == wanted);
        all.filter(|fact| fact.phase == phase)
            .max_by_key(|fact| fact.at)
    };
    capabilities(step).into_iter().find_map(|capability| {
        if capability == Capability::PostComment {
            let gone = of_phase(EvidenceKind::CommentGone)?;
            return of_phase(EvidenceKind::CommentPosted)
                .is_none()
                .then(|| (gone.source.clone(), gone.at));
        }
        let undone = last(EvidenceKind::ActionUndone(capability))?;
        let proven = last(EvidenceKind::ActionProven(capability));
        proven
            .is_none_or(|proven| proven.at <= undone.at)
            .then(|| (undone.source.clone(), undone.at))
    })
}

fn satisfying(wanted: EvidenceKind, phase: Option<Phase>, facts: &[Evidence]) -> Option<&Evidence> {
    let proven = |c: Capability| {
        facts
            .iter()
            .filter(move |fact| fact.kind == EvidenceKind::ActionProven(c))
    };
    match wanted {
        EvidenceKind::ActivityLoaded { hours } => facts.iter().find(
            |fact| matches!(fact.kind, EvidenceKind::ActivityLoaded { hours: h } if h >= hours),
        ),
        EvidenceKind::ActionProven(Capability::RevokeSessionsAgain) => {
            let disabled = proven(Capability::DisableAccount)
                .map(|fact| fact.at)
                .max()?;
            proven(Capability::RevokeSessionsAgain)
                .chain(proven(Capability::RevokeSessions))
                .find(|fact| fact.at > disabled)
        }
        EvidenceKind::CommentPosted | EvidenceKind::NoActivityAfterContainment => facts
            .iter()
            .find(|fact| fact.kind == wanted && fact.phase == phase),
        other => facts.iter().find(|fact| fact.kind == other),
    }
}

/// Finds the largest window in hours that the text of the step names: `72 h`, `24-72 hours`, `3 days`.
fn window_of(step: &Step) -> Option<u32> {
    let own = [&step.label, &step.text];
    let all = own
        .into_iter()
        .chain(step.substeps.iter().map(|sub| &sub.text));
    all.filter_map(|text| largest_hours(text.raw())).max()
}

fn largest_hours(text: &str) -> Option<u32> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut largest = None;
    for (i, word) in words.iter().enumerate() {
        let (number, unit) = word
            .find(|c: char| !c.is_ascii_digit())
            .and_then(|at| word.split_at_checked(at))
            .unwrap_or((word, words.get(i + 1).copied().unwrap_or_default()));
        let hours = match unit.to_lowercase().as_str() {
            "h" | "hr" | "hrs" | "hour" | "hours" => 1,
            "d" | "day" | "days" => 24,
            _ => continue,
        };
        let found = number
            .parse::<u32>()
            .ok()
            .and_then(|n| n.checked_mul(hours));
        largest = largest.max(found);
    }
    largest
}

/// Gives the capability that is to be run next: the first without its evidence, else the first.
pub fn next_capability(
    phase: Option<Phase>,
    step: &Step,
    facts: &[Evidence],
) -> Option<Capability> {
    let all = capabilities(step);
    let open = |c: &&Capability| satisfying(evidence_for(step, **c), phase, facts).is_none();
    all.iter().find(open).or_else(|| all.first()).copied()
}

/// Lists the tools of all steps that the console cannot run, with the line of their step.
pub fn unbound_tools(runbook: &Runbook) -> Vec<(u32, &ToolCall)> {
    runbook
        .walk()
        .flat_map(|(_, _, step)| step.tools.iter().map(move |call| (step.line, call)))
        .filter(|(_, call)| bind(call) == Binding::Unbound)
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use rstest::rstest;

    use super::super::parse_runbook;
    use super::*;

    fn call(name: &str) -> ToolCall {
        let (server, tool) = name.split_once('.').unwrap();
        ToolCall {
            server: server.into(),
            tool: tool.into(),
        }
    }

    fn step(words: &str) -> Step {
        let text =
            format!("# T\n\n## Tools\n\n- `quell`: `read_case`\n\n## Containment\n\n1. {words}\n");
        parse_runbook(&text, "t.md")
            .phases
            .remove(0)
            .steps
            .remove(0)
    }

    fn fact(kind: EvidenceKind, second: u32, phase: Option<Phase>) -> Evidence {
        Evidence {
            kind,
            at: Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, second).unwrap(),
            source: format!("fact {second}").into(),
            phase,
        }
    }

    #[rstest]
    #[case("quell.revoke_sessions", Binding::Bound(Capability::RevokeSessions))]
    #[case(
        "quell.confirm_compromised",
        Binding::Bound(Capability::ConfirmCompromised)
    )]
    #[case("quell.dismiss_risk", Binding::Bound(Capability::DismissRisk))]
    #[case(
        "okta-mcp.disable_okta_user",
        Binding::Bound(Capability::DisableAccount)
    )]
    #[case("secops-mcp.lookup_entity", Binding::Bound(Capability::EntitySummary))]
    #[case(
        "secops-soar.post_case_comment",
        Binding::Bound(Capability::PostComment)
    )]
    #[case(
        "Secops-SOAR.Post_Case_Comment",
        Binding::Bound(Capability::PostComment)
    )]
    #[case("other-mcp.disable_okta_user", Binding::Unbound)]
    #[case("okta-mcp.disable_okta_users", Binding::Unbound)]
    fn names_bind_whole(#[case] name: &str, #[case] expected: Binding) {
        assert_eq!(bind(&call(name)), expected);
    }

    #[test]
    fn every_name_binds_to_one_capability() {
        for (name, capability) in NAMES {
            assert_eq!(bind(&call(name)), Binding::Bound(*capability));
            assert_eq!(
                NAMES.iter().filter(|(other, _)| other == name).count(),
                1,
                "{name}"
            );
        }
    }

    #[rstest]
    #[case("Search `quell.search_activity` over the last 24-72 hours", 72)]
    #[case("Search `quell.search_activity` over 96h", 96)]
    #[case("Search `quell.search_activity` over 3 days", 72)]
    #[case("Search `quell.search_activity`", 24)]
    #[case("Search `quell.search_activity` over 99999999999999 h", 24)]
    fn windows(#[case] words: &str, #[case] hours: u32) {
        let kind = evidence_for(&step(words), Capability::ReadActivity);
        assert_eq!(kind, EvidenceKind::ActivityLoaded { hours });
    }

    #[test]
    fn a_search_ticks_only_when_it_went_far_enough() {
        let step = step("Search `quell.search_activity` over 72 h");
        let loaded = |hours| [fact(EvidenceKind::ActivityLoaded { hours }, 1, None)];
        assert_eq!(ticked_by(None, &step, &loaded(48)), None);
        assert_eq!(ticked_by(None, &step, &loaded(72)).unwrap().raw(), "fact 1");
    }

    #[test]
    fn revoking_again_counts_only_after_the_disabling() {
        let step = step("Again `quell.revoke_sessions_again`");
        let revoked = |second| {
            fact(
                EvidenceKind::ActionProven(Capability::RevokeSessions),
                second,
                None,
            )
        };
        let disabled = fact(
            EvidenceKind::ActionProven(Capability::DisableAccount),
            5,
            None,
        );
        assert_eq!(ticked_by(None, &step, &[revoked(9)]), None);
        assert_eq!(
            ticked_by(None, &step, &[revoked(4), disabled.clone()]),
            None
        );
        assert!(ticked_by(None, &step, &[revoked(4), disabled, revoked(6)]).is_some());
    }

    #[test]
    fn a_comment_ticks_only_its_own_phase() {
        let step = step("Note it `quell.post_comment`");
        let facts = [fact(
            EvidenceKind::CommentPosted,
            1,
            Some(Phase::Identification),
        )];
        assert_eq!(ticked_by(Some(Phase::Containment), &step, &facts), None);
        assert!(ticked_by(Some(Phase::Identification), &step, &facts).is_some());
    }

    #[test]
    fn nothing_ticks_without_all_of_its_evidence() {
        let case_read = [fact(EvidenceKind::CaseRead, 1, None)];
        let ticks = |words: &str| ticked_by(None, &step(words), &case_read).is_some();
        assert!(ticks("Read `quell.read_case`"));
        assert!(!ticks("Read"), "no tool, no evidence");
        assert!(!ticks("Read `quell.read_case` and `quell.entity_summary`"));
        assert!(!ticks("Read `quell.read_case` and `siem-mcp.unheard_of`"));
        assert!(!ticks("Read `quell.read_case`. Gate: a person says so."));
    }

    #[test]
    fn what_others_undid_refutes_until_it_is_proven_anew() {
        let step = step("Disable `quell.disable_account`");
        let proven = |second| {
            fact(
                EvidenceKind::ActionProven(Capability::DisableAccount),
                second,
                None,
            )
        };
        let undone = fact(
            EvidenceKind::ActionUndone(Capability::DisableAccount),
            5,
            None,
        );
        assert_eq!(refuted_by(None, &step, &[proven(3)]), None);
        assert!(refuted_by(None, &step, &[proven(3), undone.clone()]).is_some());
        assert!(refuted_by(None, &step, std::slice::from_ref(&undone)).is_some());
        assert_eq!(refuted_by(None, &step, &[undone, proven(9)]), None);
    }

    #[test]
    fn a_gate_ticks_by_a_decision() {
        let step = step("Decide `quell.decide_containment`. Gate: one of five answers.");
        assert!(step.gate);
        let decided = [fact(EvidenceKind::ContainmentDecided, 1, None)];
        assert!(ticked_by(None, &step, &decided).is_some());
    }
}
