//! The facts a report is composed from: already safe to show, nothing but what is known.
//!
//! What must not live here: wording of a report.

use chrono::{DateTime, Utc};

use crate::domain::severity::Severity;
use crate::domain::text::Safe;

/// What is known of one case.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it is written.
    pub now: DateTime<Utc>,
    /// Who writes.
    pub by: Safe,
    /// `case #14`, or its id.
    pub case: Safe,
    /// Title of the case.
    pub title: Safe,
    /// Severity.
    pub severity: Option<Severity>,
    /// The vendor's word for the status, and the owner.
    pub status: Safe,
    /// When the case was created.
    pub created: Option<DateTime<Utc>>,
    /// The alert that says most, and when it was raised.
    pub alert: Option<(Safe, DateTime<Utc>)>,
    /// Names the log that all that is said of actions goes by.
    pub log: Safe,
    /// Why something that other consoles recorded may be missing in it, if so: then nothing is denied by it.
    pub unread: Option<Safe>,
    /// What logs of other hosts beside it hold that is not over, if they do.
    pub beside: Option<Safe>,
    /// That the case tells of actions that are not in this log, or was not read, if so.
    pub others: Option<Safe>,
    /// The account as it was read, and when: login, id, connection, status.
    pub account: Option<(Safe, DateTime<Utc>)>,
    /// How the account stands, where something was done to it.
    pub standing: Option<Safe>,
    /// The likelihood a person judged, and when.
    pub likelihood: Option<(Safe, DateTime<Utc>)>,
    /// Decisions on what to do, each with its time, one sentence each.
    pub decisions: Vec<Safe>,
    /// How the activity was searched; `None` when it was not.
    pub search: Option<Safe>,
    /// What the console found.
    pub findings: Vec<FindingFact>,
    /// Every action with its word and its proof.
    pub actions: Vec<ActionFact>,
    /// What is still contained, until when.
    pub contained: Vec<Safe>,
    /// What will not remind anybody by itself.
    pub silenced: Vec<Safe>,
    /// From when to when the account was in other hands, in words.
    pub window: Option<Safe>,
    /// What can be undone, and how.
    pub ways_back: Vec<Safe>,
    /// Sources that are not well.
    pub sources: Vec<Safe>,
    /// What went wrong on each connection since the case was opened.
    pub troubles: Vec<Safe>,
    /// Since when that was counted.
    pub counted_since: Option<DateTime<Utc>>,
    /// The phases of the runbook.
    pub phases: Vec<PhaseFacts>,
    /// The runbook's title.
    pub runbook: Safe,
    /// What is documented already.
    pub documented: Vec<Safe>,
    /// Who is to be called.
    pub escalation: Vec<Safe>,
}

/// What the handover of a shift says beside its cases.
#[derive(Clone, Debug)]
pub struct Shift {
    /// When it is written.
    pub now: DateTime<Utc>,
    /// Who writes.
    pub by: Safe,
    /// Names the log that all that is said of actions goes by.
    pub log: Safe,
    /// What logs of other hosts beside it hold that is not over, if they do.
    pub beside: Option<Safe>,
    /// Why something that other consoles recorded may be missing in it, if so.
    pub unread: Option<Safe>,
    /// When the queue was read; `None` where it was not.
    pub queue: Option<DateTime<Utc>>,
    /// Why not all of the cases may be known, if so.
    pub unknown: Vec<Safe>,
}

/// One finding with its evidence.
#[derive(Clone, Debug)]
pub struct FindingFact {
    /// When, why, by which rule.
    pub what: Safe,
    /// Rows it rests on.
    pub evidence: Vec<Safe>,
    /// How many more rows there are.
    pub more: usize,
}

/// One action.
#[derive(Clone, Debug)]
pub struct ActionFact {
    /// Its line: what, word, when sent, after how long, evidence, id.
    pub line: Safe,
    /// When it was sent, for the timeline.
    pub sent: Option<DateTime<Utc>>,
    /// Whether it is proven.
    pub proven: bool,
    /// Whether it has no final word yet.
    pub unfinished: bool,
}

/// One phase of the runbook.
#[derive(Clone, Debug)]
pub struct PhaseFacts {
    /// The runbook's own name.
    pub name: Safe,
    /// Its items.
    pub items: Vec<ItemFact>,
}

/// One item of the list.
#[derive(Clone, Debug)]
pub struct ItemFact {
    /// Its label.
    pub label: Safe,
    /// What became of it.
    pub word: ItemWord,
    /// Who, when, by what, or why not.
    pub detail: Safe,
    /// Whether the runbook lets it be left out.
    pub optional: bool,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemWord {
    /// Nothing yet.
    Open,
    /// Done.
    Done,
    /// Left out.
    Skipped,
    /// Does not apply.
    NotApplicable,
}

impl ItemWord {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::NotApplicable => "not applicable",
        }
    }
}

impl PhaseFacts {
    /// Lists the labels of mandatory items that are open.
    pub fn open_mandatory(&self) -> impl Iterator<Item = &Safe> {
        self.items
            .iter()
            .filter(|item| item.word == ItemWord::Open && !item.optional)
            .map(|item| &item.label)
    }
}

#[cfg(test)]
pub(super) fn sample() -> Facts {
    let at =
        |seconds: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_800_000_000 + seconds);
    let item = |label: &'static str, word, detail: &'static str, optional| ItemFact {
        label: label.into(),
        word,
        detail: detail.into(),
        optional,
    };
    Facts {
        now: at(600),
        by: "ana, OS user ana".into(),
        case: "case #14".into(),
        title: "Password spray".into(),
        severity: Some(Severity::Critical),
        status: "New, owner ana".into(),
        created: Some(at(0)),
        alert: Some(("Many failures".into(), at(-60))),
        log: "the log of this host (ana at lap-b)".into(),
        unread: None,
        beside: None,
        others: None,
        account: Some(("mara (id 00u at okta), read as SUSPENDED".into(), at(590))),
        standing: Some("contained".into()),
        likelihood: Some(("HIGH".into(), at(30))),
        decisions: vec!["contain".into()],
        search: Some("24 h, 40 events".into()),
        findings: vec![FindingFact {
            what: "16 failed sign-ins, then a success".into(),
            evidence: vec!["FAILURE from 192.0.2.1".into()],
            more: 15,
        }],
        actions: vec![
            ActionFact {
                line: "disable account: proven".into(),
                sent: Some(at(60)),
                proven: true,
                unfinished: false,
            },
            ActionFact {
                line: "revoke sessions: unknown".into(),
                sent: Some(at(61)),
                proven: false,
                unfinished: true,
            },
        ],
        contained: vec!["mara: contained until 14:20Z".into()],
        silenced: Vec::new(),
        window: Some("02:58Z to 03:15Z, from the findings".into()),
        ways_back: vec!["mara is disabled: u enables it".into()],
        sources: vec!["SIEM: no answer".into()],
        troubles: vec!["okta: 2 refused for the rate (429)".into()],
        counted_since: Some(at(5)),
        phases: vec![
            PhaseFacts {
                name: "Identification".into(),
                items: vec![item(
                    "Read the case",
                    ItemWord::Done,
                    "quell, 09:00Z",
                    false,
                )],
            },
            PhaseFacts {
                name: "Containment".into(),
                items: vec![
                    item("Revoke", ItemWord::Done, "proven", false),
                    item("Tell the user", ItemWord::Skipped, "no channel", false),
                    item("Reset the password", ItemWord::Open, "", false),
                    item("Tell the manager", ItemWord::Open, "", true),
                ],
            },
            PhaseFacts {
                name: "Recovery".into(),
                items: vec![item("Enable", ItemWord::Open, "", false)],
            },
        ],
        runbook: "Compromised account".into(),
        documented: vec!["Phase Identification: comment ~9".into()],
        escalation: vec!["on-call lead: +1 555 0100, now".into()],
    }
}
