//! Alerts of Google's Alert Center: what Google itself found, with the users it names.
//!
//! The interface has one open object (`data`) for each type of alert, and types are added: of it, only who it is about and an
//! address are understood, and the rest is kept as text. Closed and deleted alerts are left out; the interface has no filter
//! for either. Source: Google Workspace Alert Center API v1beta1, `alerts.list`, and its list of filter fields.
//!
//! What must not live here: what an alert means for a case.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::scope::Scope;
use super::{ALERTS, Google, unreadable, wire};
use crate::connect::capability::{ConnectError, Page};
use crate::connect::decode::{FieldError, at, each, need_text, need_time, text, time};
use crate::connect::http::{HttpClient, Request};
use crate::domain::case::Alert;
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;

/// Alerts of one page.
const PAGE: usize = 100;
/// Most pages of one reading; a page may hold nothing that is open.
const PAGES: usize = 20;
/// How far back alerts are asked for.
const BACK: TimeDelta = TimeDelta::days(30);
/// Most bytes of what else an alert says that are kept.
const TOLD: usize = 2_000;
/// Most users of one alert that are kept.
const USERS: usize = 100;
/// How deep in an alert its users are looked for.
const DEPTH: usize = 8;

/// The system that reports what it found of sign-ins; it reports other things too.
const IDENTITY: &str = "Google identity";

/// Types of its alerts that call a sign-in risky. The others tell of what became of an account or its password.
const SIGN_INS: [&str; 3] = [
    "Suspicious login",
    "Suspicious login (less secure app)",
    "Suspicious programmatic login",
];

/// Fields of the data of an alert that name a user of the customer's; others name a sender, or nobody.
const NAMES: [&str; 11] = [
    "email",
    "actorEmail",
    "actor",
    "userEmail",
    "triggeringUserEmail",
    "affectedUserEmails",
    "impactedUserEmails",
    "recipient",
    "recipients",
    "previousAdminEmail",
    "updatedAdminEmail",
];

/// Fields whose inside names others than users of the customer's.
const FOREIGN: [&str; 2] = ["maliciousEntity", "sender"];

/// Adds the users that a part of an alert names, in the order in which they stand there; beyond the most that are kept they are
/// only known.
fn add_users(
    value: &Value,
    depth: usize,
    users: &mut Vec<Untrusted>,
    known: &mut BTreeSet<String>,
) {
    let mut add = |value: &Value| {
        let name = value.as_str().filter(|name| name.contains('@'));
        if let Some(name) = name
            && known.insert(name.to_ascii_lowercase())
            && users.len() < USERS
        {
            users.push(Untrusted::new(name));
        }
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if NAMES.contains(&name.as_str()) {
                    add(value);
                    value.as_array().into_iter().flatten().for_each(&mut add);
                }
            }
            if depth == 0 {
                return;
            }
            let inner = fields.iter();
            for (_, value) in inner.filter(|(name, _)| !FOREIGN.contains(&name.as_str())) {
                add_users(value, depth - 1, users, known);
            }
        }
        Value::Array(all) if depth > 0 => {
            for value in all {
                add_users(value, depth - 1, users, known);
            }
        }
        _ => {}
    }
}

/// Gives the data of an alert as text, without the name of its type; cut where it is long.
fn told(data: &Value) -> Option<Untrusted> {
    let mut data = data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("@type");
        if fields.is_empty() {
            return None;
        }
    }
    let mut words = data.to_string();
    if words.len() > TOLD {
        let end = (0..=TOLD).rev().find(|at| words.is_char_boundary(*at));
        words.truncate(end.unwrap_or(0));
        words.push_str(" ... (cut)");
    }
    Some(Untrusted::new(words))
}

fn severity(record: &Value) -> Severity {
    let word = text(record, "metadata.severity");
    match word.as_ref().map(Untrusted::raw) {
        Some("HIGH") => Severity::High,
        Some("MEDIUM") => Severity::Medium,
        Some("LOW") => Severity::Low,
        _ => Severity::Unknown,
    }
}

/// Tells whether an alert calls a sign-in risky.
fn is_of_sign_in(record: &Value) -> bool {
    let is = |field: &str, word: &str| {
        text(record, field).is_some_and(|text| text.raw().eq_ignore_ascii_case(word))
    };
    is("source", IDENTITY) && SIGN_INS.iter().any(|word| is("type", word))
}

/// Reads one alert; `None` for one that is deleted or closed.
fn alert(record: &Value) -> Result<Option<Alert>, FieldError> {
    let id = need_text(record, "alertId")?;
    let status = text(record, "metadata.status");
    let is_deleted = at(record, "deleted") == Some(&Value::Bool(true));
    if is_deleted || status.as_ref().is_some_and(|word| word.raw() == "CLOSED") {
        return Ok(None);
    }
    let raised = match time(record, "createTime") {
        Some(raised) => raised,
        None => need_time(record, "startTime")?,
    };
    let (mut users, mut known) = (Vec::new(), BTreeSet::new());
    let data = at(record, "data").filter(|data| !data.is_null());
    if let Some(data) = data {
        add_users(data, DEPTH, &mut users, &mut known);
    }
    let users_left_out = known.len().saturating_sub(users.len());
    let mut users = users.into_iter();
    let sign_in = is_of_sign_in(record);
    // The login log tells of the same sign-in at its own time; an alert is raised some minutes later.
    let login = time(record, "data.loginDetails.loginTime").filter(|_| sign_in);
    let ip = ["data.loginDetails.ipAddress", "data.ipAddress"];
    Ok(Some(Alert {
        id,
        title: text(record, "type").unwrap_or_else(|| "alert without a type".into()),
        severity: severity(record),
        at: raised,
        happened: login.or_else(|| time(record, "startTime")),
        sign_in,
        threat: text(record, "source"),
        user_name: users.next(),
        also: users.collect(),
        users_left_out,
        source_ip: ip.iter().find_map(|field| text(record, field)),
        status,
        told: data.and_then(told),
        ..Alert::default()
    }))
}

/// Writes the filter for what was raised since a time.
fn raised_since(since: DateTime<Utc>) -> String {
    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("createTime >= \"{since}\"")
}

impl Google {
    /// Gives the vendor's time, as its newest answer told it; before that, ours.
    fn vendor_time(&self) -> DateTime<Utc> {
        let told = self.clients.all().filter_map(HttpClient::server_clock);
        let newest = told.max_by_key(|(_, read)| *read);
        let told = newest.and_then(|(told, read)| {
            told.checked_add_signed(TimeDelta::from_std(read.elapsed()).ok()?)
        });
        told.unwrap_or_else(Utc::now)
    }

    /// Lists the newest open alerts; at most `limit`.
    pub(super) async fn read_alerts(&self, limit: usize) -> Result<Page<Alert>, ConnectError> {
        let since = self.vendor_time() - BACK;
        let size = PAGE.min(limit.max(1)).to_string();
        let first = Request::get(ALERTS, &[])?
            .list()
            .query("filter", &raised_since(since))
            .query("orderBy", "create_time desc")
            .query("pageSize", &size);
        let mut all = Page {
            items: Vec::new(),
            faults: Vec::new(),
            truncated: false,
        };
        let mut next: Option<String> = None;
        // One that is raised meanwhile moves the others to the next page.
        let mut known: BTreeSet<Untrusted> = BTreeSet::new();
        for page in 0..PAGES {
            let request = match &next {
                None => first.clone(),
                Some(token) => first.clone().query("pageToken", token),
            };
            let answer = self.clients.read(Scope::Alerts, &request).await?;
            let body: Value = answer.json()?;
            let unread = |error: FieldError| unreadable(&answer, &error);
            let records = wire::items(&body, "alerts").map_err(unread)?;
            let more = wire::next_page(&body).map_err(unread)?;
            let (items, mut faults) = each(records, &["alertId"], alert);
            let items = items.into_iter().flatten();
            all.items
                .extend(items.filter(|one| known.insert(one.id.clone())));
            let room = limit.saturating_sub(all.faults.len());
            faults.truncate(room);
            all.faults.append(&mut faults);
            let circles = more.is_some() && more == next;
            next = more;
            let is_last = circles || page + 1 == PAGES;
            all.truncated =
                all.items.len() > limit || next.is_some() && (all.items.len() == limit || is_last);
            if next.is_none() || all.items.len() >= limit || circles {
                break;
            }
        }
        all.items.truncate(limit);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn read(record: &Value) -> Alert {
        match alert(record) {
            Ok(Some(alert)) => alert,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_alert_is_read() {
        let read = read(&json!({
            "customerId": "04drill1", "alertId": "a1", "createTime": "2026-11-21T03:00:00Z",
            "startTime": "2026-11-21T02:59:30Z", "type": "Suspicious login", "source": "Google identity",
            "data": {
                "@type": "type.googleapis.com/google.apps.alertcenter.type.AccountWarning",
                "email": "mara@acme.example",
                "loginDetails": {"loginTime": "2026-11-21T02:59:00Z", "ipAddress": "198.51.100.7"},
            },
            "metadata": {"status": "NOT_STARTED", "severity": "HIGH"},
        }));
        assert_eq!(read.title.raw(), "Suspicious login");
        assert_eq!(read.severity, Severity::High);
        assert_eq!(read.user_name, Some("mara@acme.example".into()));
        assert_eq!(read.source_ip, Some("198.51.100.7".into()));
        assert_eq!(read.status, Some("NOT_STARTED".into()));
        assert_eq!(read.at.timestamp(), 1_795_230_000);
        let happened = read.happened.map(|at| at.timestamp());
        assert_eq!(happened, Some(1_795_229_940), "when the sign-in was");
        assert!(read.sign_in);
        assert_eq!(read.users_left_out, 0);
        let told = read.told.unwrap_or_default();
        assert!(told.raw().contains("loginTime") && !told.raw().contains("@type"));
    }

    #[rstest]
    #[case("Google identity", "Suspicious login", true)]
    #[case("Google identity", "Suspicious login (less secure app)", true)]
    #[case("Google identity", "Suspicious programmatic login", true)]
    #[case("google identity", "SUSPICIOUS LOGIN", true)]
    #[case("Google identity", "Leaked password", false)]
    #[case("Google identity", "User suspended (suspicious activity)", false)]
    #[case("Gmail phishing", "User reported phishing", false)]
    #[case("Mobile device management", "Device compromised", false)]
    #[case("Data Loss Prevention", "Suspicious login", false)]
    fn only_an_alert_about_a_sign_in_is_one(
        #[case] source: &str,
        #[case] kind: &str,
        #[case] is_one: bool,
    ) {
        let read = read(&json!({
            "alertId": "a", "createTime": "2026-11-21T03:00:00Z", "startTime": "2026-11-21T02:50:00Z",
            "type": kind, "source": source, "data": {"loginDetails": {"loginTime": "2026-11-21T02:40:00Z"}},
        }));
        assert_eq!(read.sign_in, is_one);
        // A suspended account names a login too: the suspension was later.
        let minutes = if is_one { 20 } else { 10 };
        assert_eq!(
            read.happened,
            Some(read.at - TimeDelta::minutes(minutes)),
            "{kind}"
        );
    }

    #[rstest]
    #[case(json!({"createTime": "2026-11-21T03:00:00Z"}), None)]
    #[case(json!({"createTime": "2026-11-21T03:00:00Z", "startTime": "soon"}), None)]
    #[case(json!({"createTime": "2026-11-21T03:00:00Z", "startTime": "2026-11-21T02:59:00Z"}), Some(60))]
    #[case(json!({"startTime": "2026-11-21T02:59:00Z"}), Some(0))]
    fn when_it_was_is_told_or_left_open(#[case] mut record: Value, #[case] before: Option<i64>) {
        record["alertId"] = json!("a");
        let read = read(&record);
        let told = read.happened.map(|at| (read.at - at).num_seconds());
        assert_eq!(told, before);
    }

    #[rstest]
    #[case(json!({"email": "a@b"}), &["a@b"])]
    #[case(json!({"email": "a@b", "actorEmail": "A@B"}), &["a@b"])]
    #[case(json!({"actor": {"email": "a@b"}}), &["a@b"])]
    #[case(json!({"affectedUserEmails": ["a@b", "c@b", 7, "nobody"]}), &["a@b", "c@b"])]
    #[case(json!({"messages": [{"recipient": "a@b"}, {"recipient": "c@b"}]}), &["a@b", "c@b"])]
    #[case(json!({"ruleViolationInfo": {"triggeringUserEmail": "a@b"}}), &["a@b"])]
    #[case(json!({"maliciousEntity": {"entity": {"email": "evil@b"}}, "email": {"email": "a@b"}}), &["a@b"])]
    #[case(json!({"emailAddress": "x@b", "fromHeader": "y@b"}), &[])]
    #[case(json!("a@b"), &[])]
    #[case(json!([{"email": "a@b"}]), &["a@b"])]
    fn users_are_those_it_is_about(#[case] data: Value, #[case] expected: &[&str]) {
        let read =
            read(&json!({"alertId": "a", "createTime": "2026-11-21T03:00:00Z", "data": data}));
        let named = read.user_name.iter().chain(&read.also).map(Untrusted::raw);
        assert_eq!(named.collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case(json!({"deleted": true}), true)]
    #[case(json!({"deleted": "true"}), false)]
    #[case(json!({"metadata": {"status": "CLOSED"}}), true)]
    #[case(json!({"metadata": {"status": "IN_PROGRESS"}}), false)]
    #[case(json!({"metadata": {"status": "REOPENED"}}), false)]
    #[case(json!({}), false)]
    fn closed_and_deleted_ones_are_left_out(#[case] mut record: Value, #[case] is_out: bool) {
        record["alertId"] = json!("a");
        record["startTime"] = json!("2026-11-21T03:00:00Z");
        assert_eq!(alert(&record).map(|one| one.is_none()), Ok(is_out));
    }

    #[rstest]
    #[case(json!({"createTime": "2026-11-21T03:00:00Z"}), FieldError::Missing("alertId"))]
    #[case(json!({"alertId": "a"}), FieldError::Missing("startTime"))]
    fn broken_alerts_are_named(#[case] record: Value, #[case] error: FieldError) {
        assert_eq!(alert(&record), Err(error));
    }

    #[test]
    fn an_unknown_type_and_its_data_stay_as_text_and_have_an_end() {
        let record = json!({
            "alertId": "a", "createTime": "2026-11-21T03:00:00Z", "type": "Moon phase",
            "data": {"@type": "x", "words": "ä".repeat(4_000)}, "metadata": {"severity": "PURPLE"},
        });
        let read = read(&record);
        assert_eq!(
            (read.title.raw(), read.severity),
            ("Moon phase", Severity::Unknown)
        );
        let told = read.told.unwrap_or_default();
        assert!(told.raw().starts_with("{\"words\":\"ää") && told.raw().ends_with("(cut)"));
        assert!(told.raw().len() < TOLD + 20);
    }

    #[test]
    fn a_deep_alert_and_one_of_thousands_end() {
        let mut data = json!({"email": "deep@b"});
        for _ in 0..60 {
            data = json!({"in": data});
        }
        data["affectedUserEmails"] = (0..1_000).map(|n| json!(format!("u{n}@b"))).collect();
        let read =
            read(&json!({"alertId": "a", "createTime": "2026-11-21T03:00:00Z", "data": data}));
        assert_eq!(read.also.len() + 1, USERS);
        assert_eq!(read.users_left_out, 1_000 - USERS);
        assert!(read.user_name.is_some_and(|name| name.raw() == "u0@b"));
    }
}
