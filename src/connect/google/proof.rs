//! Which entry of the log of administrators proves what.
//!
//! Signing out and setting a password leave nothing else that can be read. An entry has no id of our request, so it is ours
//! when our own administrator made it on this account after the send, and of several requests of ours each has its own.
//!
//! What must not live here: requests.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::connect::capability::ProofQuery;
use crate::connect::decode::{at, text, time};
use crate::domain::text::Untrusted;

/// Name of the event that a sign-out leaves.
pub(crate) const SIGNED_OUT: &str = "RESET_SIGNIN_COOKIES";
/// Name of the event that a new password leaves.
pub(crate) const PASSWORD: &str = "CHANGE_PASSWORD";

/// The entry that proves an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its time and its number: a number alone is unique only among those of one time.
    pub(crate) id: Untrusted,
    pub(crate) at: DateTime<Utc>,
}

/// Finds the entry that proves the query: right event, account, actor and time, and not used before; requests of ours that
/// were sent before and wait for theirs come first. None is older than the provider's clock before the send, or of the second
/// in which an earlier one was answered: it may be of another request a moment earlier, or of a copy of it.
pub(crate) fn find(
    entries: &[Value],
    query: &ProofQuery,
    event: &str,
    own: &str,
    mail: &str,
) -> Option<Entry> {
    let sent = query.not_before?;
    let since = query.after.map_or(sent, |after| after.max(sent));
    let fits = |record: &Value| -> Option<Entry> {
        if text(record, "actor.profileId")?.raw() != own || !names(record, event, mail) {
            return None;
        }
        let moment = time(record, "id.time").filter(|at| *at >= since)?;
        let (told, number) = (
            text(record, "id.time")?,
            text(record, "id.uniqueQualifier")?,
        );
        let id = Untrusted::new(format!("{}/{}", told.raw(), number.raw()));
        let entry = Entry { id, at: moment };
        (!query.used.contains(&entry.id)).then_some(entry)
    };
    let mut found: Vec<Entry> = entries.iter().filter_map(fits).collect();
    found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.raw().cmp(b.id.raw())));
    found.dedup();
    found.into_iter().nth(query.ahead)
}

/// Tells whether one of an entry's events has a name and is about a user.
fn names(record: &Value, event: &str, mail: &str) -> bool {
    let events = at(record, "events").and_then(Value::as_array);
    events.into_iter().flatten().any(|one| {
        let parameters = at(one, "parameters").and_then(Value::as_array);
        let is_user = |parameter: &Value| {
            text(parameter, "name").is_some_and(|name| name.raw() == "USER_EMAIL")
                && text(parameter, "value")
                    .is_some_and(|user| user.raw().eq_ignore_ascii_case(mail))
        };
        text(one, "name").is_some_and(|name| name.raw() == event)
            && parameters.into_iter().flatten().any(is_user)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::ids::{AccountId, ConnectionName};
    use rstest::rstest;
    use serde_json::json;

    const MAIL: &str = "mara@acme.example";

    fn entry(number: &str, at: &str) -> Value {
        json!({
            "id": {"time": at, "uniqueQualifier": number, "applicationName": "admin"},
            "actor": {"profileId": "7", "email": "quell@acme.example"},
            "events": [{"name": SIGNED_OUT, "parameters": [{"name": "USER_EMAIL", "value": MAIL}]}],
        })
    }

    fn query(ahead: usize, used: &[&str]) -> ProofQuery {
        let connection = ConnectionName::parse("google").unwrap_or_else(|error| panic!("{error}"));
        ProofQuery {
            kind: ActionKind::RevokeSessions,
            item: None,
            account: AccountId::new(connection, "1040"),
            not_before: DateTime::from_timestamp(1_795_230_000, 0),
            before: None,
            request_id: None,
            path: None,
            ahead,
            used: used.iter().map(|id| Untrusted::new(*id)).collect(),
            others: Vec::new(),
            after: None,
        }
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut record = entry("1", "2026-11-21T03:00:05.250Z");
        if let Some(place) = record.pointer_mut(pointer) {
            *place = value;
        }
        record
    }

    fn found(entries: &[Value], query: &ProofQuery) -> Option<String> {
        find(entries, query, SIGNED_OUT, "7", MAIL).map(|entry| entry.id.raw().to_owned())
    }

    #[rstest]
    #[case(entry("1", "2026-11-21T03:00:05.250Z"), true)]
    #[case(entry("1", "2026-11-21T03:00:00.000Z"), true)]
    #[case(entry("1", "2026-11-21T02:59:59.999Z"), false)]
    #[case(with("/actor/profileId", json!("8")), false)]
    #[case(with("/actor", json!({"email": "quell@acme.example"})), false)]
    #[case(with("/events/0/name", json!("CHANGE_PASSWORD")), false)]
    #[case(with("/events/0/parameters/0/value", json!("kim@acme.example")), false)]
    #[case(with("/events/0/parameters/0/name", json!("GROUP_EMAIL")), false)]
    #[case(with("/events", json!([])), false)]
    #[case(with("/id/time", json!("later")), false)]
    fn an_entry_proves_only_if_all_of_it_fits(#[case] record: Value, #[case] proves: bool) {
        assert_eq!(found(&[record], &query(0, &[])).is_some(), proves);
    }

    #[test]
    fn each_request_has_an_entry_of_its_own() {
        let all = [
            entry("2", "2026-11-21T03:00:09.000Z"),
            entry("1", "2026-11-21T03:00:01.000Z"),
        ];
        let (first, second) = ("2026-11-21T03:00:01.000Z/1", "2026-11-21T03:00:09.000Z/2");
        assert_eq!(found(&all, &query(0, &[])).as_deref(), Some(first));
        // The one before waits for its own still.
        assert_eq!(found(&all, &query(1, &[])).as_deref(), Some(second));
        assert_eq!(found(&all[1..], &query(1, &[])), None);
        assert_eq!(found(&all, &query(0, &[first])).as_deref(), Some(second));
        assert_eq!(found(&all, &query(0, &[first, second])), None);
    }

    /// A copy of an earlier request, which the network delivered twice, has an entry that nothing claims.
    #[rstest]
    #[case::of_the_second_of_its_answer("2026-11-21T03:00:00.022Z", false)]
    #[case::at_the_end_of_it("2026-11-21T03:00:00.999Z", false)]
    #[case::of_the_next_second("2026-11-21T03:00:01.000Z", true)]
    fn an_entry_that_may_be_of_an_earlier_request_proves_nothing(
        #[case] told: &str,
        #[case] proves: bool,
    ) {
        let first = "2026-11-21T03:00:00.021Z/1";
        let all = [entry("1", "2026-11-21T03:00:00.021Z"), entry("2", told)];
        let mut asked = query(0, &[first]);
        assert!(found(&all, &asked).is_some());
        asked.after = DateTime::from_timestamp(1_795_230_001, 0);
        assert_eq!(found(&all, &asked).is_some(), proves);
        // It begins no earlier than the send.
        asked.not_before = DateTime::from_timestamp(1_795_230_002, 0);
        assert_eq!(found(&all, &asked), None);
    }

    #[test]
    fn without_the_providers_clock_nothing_is_proven() {
        let mut asked = query(0, &[]);
        asked.not_before = None;
        assert_eq!(
            found(&[entry("1", "2026-11-21T03:00:05.250Z")], &asked),
            None
        );
    }
}
