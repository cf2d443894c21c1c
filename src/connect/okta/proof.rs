//! What proves that an action took effect at Okta.
//!
//! Suspension: the strongly consistent `GET` of the user. Cleared sessions: Okta has no list of a user's sessions, so two
//! facts together: an entry of the System Log, made by our own token after the send, and no client that still lists a
//! refresh token of the user. Sessions that apps keep by themselves cannot be read.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::log::quote;
use crate::connect::capability::ProofQuery;
use crate::connect::decode::{at, text, time};
use crate::domain::text::Untrusted;

/// Event type of the entry that cleared sessions leave.
pub(crate) const CLEARED: &str = "user.session.clear";
/// From how long before the provider's clock before the send on entries are looked for: that clock may be ahead of the log's.
const EARLIER: TimeDelta = TimeDelta::minutes(5);

/// Gives the time from which on entries are asked for.
pub(crate) fn earliest(not_before: DateTime<Utc>) -> DateTime<Utc> {
    not_before.checked_sub_signed(EARLIER).unwrap_or(not_before)
}

/// Gives the filter for entries that could prove it.
pub(crate) fn filter(account: &str) -> String {
    format!(
        "eventType eq {} and target.id eq {}",
        quote(CLEARED),
        quote(account)
    )
}

/// The entry that proves an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: Untrusted,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: Untrusted,
    pub(crate) by_request: bool,
}

/// Finds the entry that proves the query: right kind, target, actor, token, result and time, and not used before.
///
/// The entry of our own request comes first, whatever its time: it is known by its id. Another one of our own token after the
/// send also shows that the sessions ended, but only once requests of ours that were sent before and wait for their entry had
/// theirs: an answer that was lost told no id, so the first entries may be theirs. And it is of after all that was answered
/// before: the network may have delivered that twice, and the copy has an id that nobody was told. Without the provider's
/// clock only our own request's counts.
pub(crate) fn find(
    entries: &[Value],
    query: &ProofQuery,
    own: &str,
    token: Option<&str>,
) -> Option<Entry> {
    // The clock before the send has whole seconds, cut: what is older than it by itself is an earlier request's.
    let is_in_time = |entry: &Entry| {
        let is_later = query.not_before.is_some_and(|since| entry.at >= since)
            && query.after.is_none_or(|after| entry.at >= after);
        entry.by_request || is_later
    };
    let mut found: Vec<Entry> = entries
        .iter()
        .filter_map(|entry| fits(entry, query, own, token))
        .filter(is_in_time)
        .collect();
    found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.raw().cmp(b.id.raw())));
    found.dedup();
    let own = found.iter().position(|entry| entry.by_request);
    found.into_iter().nth(own.unwrap_or(query.ahead))
}

/// Finds an entry that may be that of the query and does not prove it: no answer told the id of the request, and by its time,
/// or because earlier requests wait for theirs, it may be that of another.
pub(crate) fn unclear(
    entries: &[Value],
    query: &ProofQuery,
    own: &str,
    token: Option<&str>,
) -> Option<Entry> {
    if query.request_id.is_some() {
        return None;
    }
    entries
        .iter()
        .find_map(|entry| fits(entry, query, own, token))
}

fn fits(entry: &Value, query: &ProofQuery, own: &str, token: Option<&str>) -> Option<Entry> {
    let is = |field: &str, wanted: &str| at(entry, field).and_then(Value::as_str) == Some(wanted);
    let at_account = at(entry, "target")?
        .as_array()?
        .iter()
        .any(|target| at(target, "id").and_then(Value::as_str) == Some(query.account.raw()));
    let ours = is("actor.id", own)
        && token.is_none_or(|token| is("transaction.detail.requestApiTokenId", token));
    if !(at_account && ours && is("eventType", CLEARED) && is("outcome.result", "SUCCESS")) {
        return None;
    }
    // What another request of ours left proves that one, however near in time they are.
    let of_another = text(entry, "transaction.id").is_some_and(|id| query.others.contains(&id));
    if of_another {
        return None;
    }
    let id = text(entry, "uuid")?;
    let published = time(entry, "published")?;
    let by_request = query
        .request_id
        .as_ref()
        .is_some_and(|id| is("transaction.id", id.raw()));
    if query.used.contains(&id) {
        return None;
    }
    let actor = text(entry, "actor.alternateId").or_else(|| text(entry, "actor.id"))?;
    Some(Entry {
        id,
        at: published,
        actor,
        by_request,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::ids::{AccountId, ConnectionName};
    use rstest::rstest;
    use serde_json::json;

    fn entry(uuid: &str, published: &str, transaction: &str) -> Value {
        json!({
            "uuid": uuid, "published": published, "eventType": CLEARED, "outcome": {"result": "SUCCESS"},
            "actor": {"id": "00uME", "alternateId": "me@x.org"}, "target": [{"id": "00u1", "type": "User"}],
            "transaction": {"id": transaction, "detail": {"requestApiTokenId": "00T1"}},
        })
    }

    fn query(request: Option<&str>, used: &[&str]) -> ProofQuery {
        let connection = ConnectionName::parse("okta").unwrap_or_else(|error| panic!("{error}"));
        ProofQuery {
            kind: ActionKind::RevokeSessions,
            item: None,
            account: AccountId::new(connection, "00u1"),
            not_before: DateTime::from_timestamp(1_795_230_000, 0),
            before: None,
            request_id: request.map(Untrusted::new),
            path: None,
            ahead: 0,
            used: used.iter().map(|id| Untrusted::new(*id)).collect(),
            others: Vec::new(),
            after: None,
        }
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut record = entry("a", "2026-11-21T03:00:05Z", "r1");
        if let Some(place) = record.pointer_mut(pointer) {
            *place = value;
        }
        record
    }

    #[rstest]
    #[case(entry("a", "2026-11-21T03:00:05Z", "r1"), true)]
    #[case(entry("a", "2026-11-21T02:59:58Z", "r1"), true)]
    // Known by its id, whatever the clocks say.
    #[case(entry("a", "2026-11-21T02:56:00Z", "r1"), true)]
    #[case(entry("a", "2026-11-21T02:56:00Z", "r2"), false)]
    #[case(entry("used", "2026-11-21T03:00:05Z", "r1"), false)]
    #[case(with("/eventType", json!("user.session.end")), false)]
    #[case(with("/outcome/result", json!("FAILURE")), false)]
    #[case(with("/actor/id", json!("00uOTHER")), false)]
    #[case(with("/target/0/id", json!("00u2")), false)]
    #[case(with("/target", json!([])), false)]
    #[case(with("/transaction/detail", json!({"requestApiTokenId": "00T2"})), false)]
    #[case(with("/transaction/detail", json!({})), false)]
    #[case(with("/published", json!("later")), false)]
    fn an_entry_proves_only_if_all_of_it_fits(#[case] record: Value, #[case] proves: bool) {
        let got = find(
            &[record],
            &query(Some("r1"), &["used"]),
            "00uME",
            Some("00T1"),
        );
        assert_eq!(got.is_some(), proves);
    }

    #[test]
    fn the_entry_of_our_own_request_comes_first() {
        let all = [
            entry("a", "2026-11-21T03:00:01Z", "r1"),
            entry("b", "2026-11-21T03:00:09Z", "r2"),
        ];
        let id =
            |request, used: &[&str]| find(&all, &query(request, used), "00uME", None).map(|e| e.id);
        assert_eq!(id(Some("r2"), &[]), Some("b".into()));
        assert_eq!(id(None, &[]), Some("a".into()));
        assert_eq!(id(None, &["a"]), Some("b".into()));
        assert_eq!(id(Some("r9"), &["a", "b"]), None);
    }

    #[rstest]
    #[case("2026-11-21T03:00:00Z", true)]
    #[case("2026-11-21T02:59:59.999Z", false)]
    #[case("2026-11-21T02:59:58.700Z", false)]
    fn only_the_entry_of_our_own_request_may_be_older_than_the_send(
        #[case] published: &str,
        #[case] proves: bool,
    ) {
        // The answer of an earlier clearing was lost, so nobody knows that the entry is its own.
        let all = [entry("a", published, "r1")];
        let found = |request| find(&all, &query(request, &[]), "00uME", None).is_some();
        assert_eq!((found(None), found(Some("r2"))), (proves, proves));
        assert!(found(Some("r1")));
    }

    #[rstest]
    #[case::before_it("2026-11-21T03:00:00.022Z", false)]
    #[case::of_then("2026-11-21T03:00:00.042Z", true)]
    fn the_copy_of_an_earlier_request_proves_only_itself(
        #[case] published: &str,
        #[case] proves: bool,
    ) {
        // The earlier one has its entry, and its account was disabled at .042.
        let all = [
            entry("a", "2026-11-21T03:00:00.021Z", "r1"),
            entry("b", published, "r2"),
        ];
        let found = |request| {
            let mut asked = query(request, &["a"]);
            asked.others = vec!["r1".into()];
            asked.after = DateTime::from_timestamp_millis(1_795_230_000_042);
            let may_be = unclear(&all, &asked, "00uME", None).is_some();
            (find(&all, &asked, "00uME", None).is_some(), may_be)
        };
        // No answer told its id: what is not its proof may still be its entry.
        assert_eq!(found(None), (proves, true));
        assert_eq!(found(Some("r3")), (proves, false));
        assert!(found(Some("r2")).0, "known by its id");
    }

    #[test]
    fn earlier_requests_that_wait_for_their_entry_come_first() {
        let all = [
            entry("b", "2026-11-21T03:00:09Z", "r2"),
            entry("a", "2026-11-21T03:00:01Z", "r1"),
            // The pages of a log may give an entry twice.
            entry("a", "2026-11-21T03:00:01Z", "r1"),
        ];
        let id = |request, ahead, used: &[&str]| {
            let mut asked = query(request, used);
            asked.ahead = ahead;
            find(&all, &asked, "00uME", None).map(|entry| entry.id)
        };
        assert_eq!(id(None, 0, &[]), Some("a".into()));
        assert_eq!(id(None, 1, &[]), Some("b".into()));
        assert_eq!(id(None, 2, &[]), None);
        // One that is ours by its id is nobody else's.
        assert_eq!(id(Some("r1"), 1, &[]), Some("a".into()));
        assert_eq!(id(Some("r2"), 2, &[]), Some("b".into()));
        // The one before has its own by now.
        assert_eq!(id(None, 0, &["a"]), Some("b".into()));
    }

    #[test]
    fn of_two_requests_without_an_answer_one_entry_proves_one() {
        let all = [entry("a", "2026-11-21T03:00:01Z", "r1")];
        let proven = |ahead, used: &[&str]| {
            let mut asked = query(None, used);
            asked.ahead = ahead;
            find(&all, &asked, "00uME", None).is_some()
        };
        assert!(proven(0, &[]), "the first takes it");
        assert!(!proven(1, &[]), "the second leaves it to the first");
        assert!(!proven(0, &["a"]), "and does not take it once it is used");
    }

    #[test]
    fn an_entry_of_another_request_of_ours_proves_nothing_else() {
        // The first clearing of a plan may be in the log before the second one's own entry.
        let all = [entry("a", "2026-11-21T03:00:01Z", "r1")];
        let mut asked = query(Some("r2"), &[]);
        asked.others = vec!["r1".into()];
        assert_eq!(find(&all, &asked, "00uME", None), None);
    }

    #[test]
    fn without_the_providers_clock_only_our_own_request_counts() {
        let all = [entry("a", "2026-11-21T03:00:01Z", "r1")];
        let mut asked = query(Some("r2"), &[]);
        asked.not_before = None;
        assert_eq!(find(&all, &asked, "00uME", None), None);
        asked.request_id = Some("r1".into());
        assert!(find(&all, &asked, "00uME", None).is_some_and(|entry| entry.by_request));
    }

    #[test]
    fn entries_are_asked_for_from_some_minutes_before_the_send_on() {
        let sent = query(None, &[]).not_before.unwrap_or_default();
        assert_eq!(earliest(sent), sent - TimeDelta::minutes(5));
    }

    #[rstest]
    #[case::a_clock_that_is_ahead(None, 0, &[], "2026-11-21T02:59:30Z", true)]
    #[case::one_before_waits(None, 1, &[], "2026-11-21T03:00:01Z", true)]
    #[case::of_another_action(None, 0, &["a"], "2026-11-21T02:59:30Z", false)]
    // The id of our own request is known, and this is not it.
    #[case::of_another_request(Some("r2"), 0, &[], "2026-11-21T02:59:30Z", false)]
    fn an_entry_that_may_be_ours_refutes_nothing(
        #[case] request: Option<&'static str>,
        #[case] ahead: usize,
        #[case] used: &[&'static str],
        #[case] published: &str,
        #[case] is_unclear: bool,
    ) {
        let all = [entry("a", published, "r1")];
        let mut asked = query(request, used);
        asked.ahead = ahead;
        assert_eq!(find(&all, &asked, "00uME", None), None);
        let found = unclear(&all, &asked, "00uME", None);
        assert_eq!(found.is_some(), is_unclear);
    }
}
