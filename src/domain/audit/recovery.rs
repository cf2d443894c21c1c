//! What records say of the watch over an account that was enabled again: until when, what it looks for, what it saw.
//!
//! What must not live here: what follows from them (see `containment::recovery_watch`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::containment::remnant::RemnantKind;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::Untrusted;

/// Something of the watch over an account that was enabled again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySaid {
    /// The case.
    pub case: CaseId,
    /// The account.
    pub account: AccountId,
    /// What is said.
    pub word: RecoveryWord,
}

/// What is said of the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryWord {
    /// Somebody decided until when; it begins once the enabling is proven, or cannot be.
    Until(WatchUntil),
    /// What names the attacker in the case, found when an action was confirmed.
    Signs(Vec<AttackSign>),
    /// It saw something that should not be.
    Seen(WatchSeen),
    /// What was there already when a source was read first, or that it could not be read.
    Looked(WatchLooked),
    /// It ran to its end.
    Over(WatchOver),
}

/// Somebody decided until when an account is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchUntil {
    /// The enabling that it follows.
    pub aid: ActionId,
    /// The account's login.
    #[serde(with = "long")]
    pub login: Untrusted,
    /// Who answers for it.
    #[serde(with = "long")]
    pub owner: Untrusted,
    /// Until when.
    #[serde(with = "long::micros")]
    pub until: DateTime<Utc>,
    /// What was decided: `confirmed`, `changed` or `ended`.
    pub how: String,
    /// Why, in the analyst's words.
    #[serde(with = "long::option")]
    pub reason: Option<Untrusted>,
    /// When the console that ended it had last looked at all of it and could read it; missing where it had not, and in
    /// records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "long::micros_option")]
    pub looked: Option<DateTime<Utc>>,
}

/// What of an event names who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// `source.ip`.
    Address,
    /// `device.id`.
    Device,
    /// The session, as the vendor names it.
    Session,
}

/// Something by which the attacker is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttackSign {
    /// What kind of thing.
    pub kind: SignKind,
    /// Its value.
    #[serde(with = "long")]
    pub value: Untrusted,
}

/// The watch saw something that should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSeen {
    /// The enabling that the watch follows.
    pub aid: ActionId,
    /// What it is about, in a word by which two sources that tell of one thing are known: `attacker`, `MFA method`.
    pub thing: String,
    /// Where it was seen.
    pub source: String,
    /// Its id there.
    #[serde(with = "long")]
    pub key: Untrusted,
    /// When it happened; where nobody tells, when it was seen.
    #[serde(with = "long::micros")]
    pub at: DateTime<Utc>,
    /// What was seen, in words.
    #[serde(with = "long")]
    pub text: Untrusted,
    /// From which address.
    #[serde(with = "long::option")]
    pub address: Option<Untrusted>,
}

/// What was there already when a source was read first, or that it could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchLooked {
    /// The enabling that the watch follows.
    pub aid: ActionId,
    /// The source.
    pub source: String,
    /// Why it could not be read, or not whole; said once.
    #[serde(with = "long::option")]
    pub missed: Option<Untrusted>,
    /// Kinds of things whose list was read for the first time.
    pub kinds: Vec<RemnantKind>,
    /// What stood in these lists, each by a short hash.
    pub items: Vec<String>,
}

/// The watch ran to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchOver {
    /// The enabling that it followed.
    pub aid: ActionId,
    /// How long, what was read, what was seen.
    #[serde(with = "long")]
    pub text: Untrusted,
    /// Whether everything was read and nothing seen.
    pub well: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::containment::samples::{aid, at};

    #[test]
    fn an_end_on_record_from_an_older_version_reads_and_is_written_as_it_was() {
        let mut end = WatchUntil {
            aid: aid(3),
            login: "mara.lind@acme.example".into(),
            owner: "kim".into(),
            until: at(80),
            how: "ended".to_owned(),
            reason: Some("the user called".into()),
            looked: None,
        };
        let mut written = json!({
            "aid": aid(3).to_string(),
            "login": "mara.lind@acme.example",
            "owner": "kim",
            "until": "2027-01-15T08:01:20.000000Z",
            "how": "ended",
            "reason": "the user called",
        });
        let read = |value: &Value| serde_json::from_value::<WatchUntil>(value.clone()).ok();
        assert_eq!(read(&written), Some(end.clone()));
        assert_eq!(serde_json::to_value(&end).ok(), Some(written.clone()));
        end.looked = Some(at(70));
        written["looked"] = json!("2027-01-15T08:01:10.000000Z");
        assert_eq!(serde_json::to_value(&end).ok(), Some(written.clone()));
        assert_eq!(read(&written), Some(end));
    }
}
