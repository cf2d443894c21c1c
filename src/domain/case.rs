//! Cases, alerts and observables as every case system is read into, and how a case names its user.
//!
//! What must not live here: a vendor's field names, io, anything that parses titles for users.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::CaseId;
use super::severity::{CaseStatus, Severity};
use super::text::Untrusted;

/// A case as the queue shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Connection and the vendor's own id.
    pub id: CaseId,
    /// The number people say aloud, where the vendor has one.
    pub number: Option<u64>,
    /// Title as given by the vendor.
    pub title: Untrusted,
    /// Description, Markdown or plain.
    pub description: Untrusted,
    /// Severity by OCSF.
    pub severity: Severity,
    /// Status by OCSF.
    pub status: CaseStatus,
    /// The vendor's own word for the status.
    pub vendor_status: Untrusted,
    /// Login of the owner.
    pub assignee: Option<Untrusted>,
    /// When the case was created.
    pub created: DateTime<Utc>,
    /// When it last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Tags in the vendor's order.
    pub tags: Vec<Untrusted>,
    /// Custom fields, name and value as text.
    pub fields: Vec<(Untrusted, Untrusted)>,
}

/// Everything about one case that is read when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// The case itself, re-read.
    pub case: Case,
    /// Observables of the case.
    pub observables: Vec<Observable>,
    /// Alerts linked to the case.
    pub alerts: Vec<Alert>,
    /// Tasks of the case.
    pub tasks: Vec<Task>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Records that could not be read, with the reason.
    pub faults: Vec<RecordFault>,
}

/// Something seen: an address, a login, a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observable {
    /// The vendor's type word, such as `ip`, `mail`, `hash`.
    pub kind: Untrusted,
    /// The value.
    pub value: Untrusted,
    /// Tags of the observable.
    pub tags: Vec<Untrusted>,
}

/// A signal of the SIEM or of the identity provider, or an alert linked to a case.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Alert {
    /// The vendor's id.
    pub id: Untrusted,
    /// Name of the rule or title of the alert.
    pub title: Untrusted,
    /// Severity by OCSF.
    pub severity: Severity,
    /// When it was raised.
    pub at: DateTime<Utc>,
    /// When what it is about was, where the source tells that apart.
    pub happened: Option<DateTime<Utc>>,
    /// Whether it calls a sign-in risky; `false` as well where the source does not say what it is about.
    pub sign_in: bool,
    /// Whether the vendor says the act was blocked; `None` when it does not say.
    pub blocked: Option<bool>,
    /// Type of threat.
    pub threat: Option<Untrusted>,
    /// Hash of the file, if any.
    pub hash: Option<Untrusted>,
    /// Name of the file, if any.
    pub file: Option<Untrusted>,
    /// `user.id` of the alert.
    pub user_id: Option<Untrusted>,
    /// `user.name` of the alert.
    pub user_name: Option<Untrusted>,
    /// Further users that it names, where it is about several.
    pub also: Vec<Untrusted>,
    /// How many users it names beyond those that are kept.
    pub users_left_out: usize,
    /// `source.ip` of the alert.
    pub source_ip: Option<Untrusted>,
    /// The rule's own guidance.
    pub guidance: Option<Untrusted>,
    /// The source's own word for how far it is worked on.
    pub status: Option<Untrusted>,
    /// What else the source says of it, as it wrote it.
    pub told: Option<Untrusted>,
}

/// A task of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The vendor's id.
    pub id: Untrusted,
    /// Title.
    pub title: Untrusted,
    /// The vendor's status word.
    pub status: Untrusted,
    /// Owner.
    pub assignee: Option<Untrusted>,
    /// The text below the title.
    pub description: Option<Untrusted>,
    /// When it was made, by the vendor's clock.
    pub created: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub changed: Option<DateTime<Utc>>,
    /// Who changed it last.
    pub changed_by: Option<Untrusted>,
}

impl Task {
    /// Tells whether a mark stands in its text.
    pub fn bears(&self, marker: &str) -> bool {
        let text = self.description.as_ref();
        text.is_some_and(|text| text.raw().contains(marker))
    }

    /// Gives when it was changed last, or made, in milliseconds; 0 when the vendor does not say.
    pub fn changed_ms(&self) -> i64 {
        let at = self.changed.or(self.created);
        at.map_or(0, |at| at.timestamp_millis())
    }

    /// Gives when it was made, in milliseconds; 0 when the vendor does not say.
    pub fn created_ms(&self) -> i64 {
        self.created.map_or(0, |at| at.timestamp_millis())
    }
}

/// A comment of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The vendor's id.
    pub id: Untrusted,
    /// Who wrote it.
    pub author: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
    /// The text.
    pub message: Untrusted,
    /// Whether it was changed after it was written, or may have been.
    pub edited: bool,
}

/// One record of an answer that could not be read; the rest passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// Which record, as far as it can be named: an id, or the index in the answer.
    pub record: Untrusted,
    /// What was wrong with which field.
    pub reason: Untrusted,
}

/// One configured place where a case names its user; sources are asked in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UserSource {
    /// Observables of this type, such as `mail` or `username`.
    Observable(String),
    /// A custom field of this name.
    Field(String),
    /// A tag with this prefix, such as `user:`.
    TagPrefix(String),
    /// `user.id` of a linked alert.
    AlertUserId,
    /// `user.name` of a linked alert.
    AlertUserName,
}

/// Whom a case is about, by the configured sources alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// No configured source names a user.
    NoUser,
    /// Exactly one.
    User(Untrusted),
    /// Several: the analyst chooses.
    Several(Vec<Untrusted>),
}

impl CaseFile {
    /// Gives the alert that says most about the case: of the most severe, the newest.
    pub fn main_alert(&self) -> Option<&Alert> {
        self.alerts
            .iter()
            .max_by_key(|alert| (alert.severity, alert.at))
    }

    /// Finds the user of the case: the first source that names anybody decides.
    ///
    /// Values are compared on their raw bytes; one source with two different values is `Several`.
    pub fn subject(&self, sources: &[UserSource]) -> Subject {
        for source in sources {
            let mut found: Vec<Untrusted> = Vec::new();
            for name in self.named_by(source) {
                if !name.is_empty() && !found.contains(&name) {
                    found.push(name);
                }
            }
            match found.len() {
                0 => {}
                1 => return Subject::User(found.remove(0)),
                _ => return Subject::Several(found),
            }
        }
        Subject::NoUser
    }

    fn named_by(&self, source: &UserSource) -> Vec<Untrusted> {
        match source {
            UserSource::Observable(kind) => self
                .observables
                .iter()
                .filter(|o| o.kind.raw() == kind)
                .map(|o| o.value.clone())
                .collect(),
            UserSource::Field(name) => self
                .case
                .fields
                .iter()
                .filter(|(key, _)| key.raw() == name)
                .map(|(_, value)| value.clone())
                .collect(),
            UserSource::TagPrefix(prefix) => self
                .case
                .tags
                .iter()
                .filter_map(|tag| tag.raw().strip_prefix(prefix.as_str()))
                .map(Untrusted::new)
                .collect(),
            UserSource::AlertUserId => self
                .alerts
                .iter()
                .filter_map(|alert| alert.user_id.clone())
                .collect(),
            UserSource::AlertUserName => self
                .alerts
                .iter()
                .filter_map(|alert| alert.user_name.clone())
                .collect(),
        }
    }
}
