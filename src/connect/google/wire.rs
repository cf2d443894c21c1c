//! Google's records: users, groups, role assignments, tokens of apps, app passwords.
//!
//! Source: Directory API v1, `User`, `Group`, `RoleAssignment`, `Token`, `Asp`; all of their fields are optional there.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::domain::account::{Account, AccountStatus, Factor, Group, Session};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::text::Untrusted;

/// What Google asks of a user at the next sign-in, in our words.
pub(crate) const CHANGE: &str = "a new password";
/// Before the number of an app password, among what goes on without a sign-in.
pub(crate) const ASP: &str = "asp/";

fn flag(record: &Value, field: &'static str) -> Result<bool, FieldError> {
    match at(record, field) {
        Some(Value::Bool(flag)) => Ok(*flag),
        None | Some(Value::Null) => Err(FieldError::Missing(field)),
        Some(_) => Err(FieldError::Type(field, "true or false")),
    }
}

/// Gives the records of a list; Google leaves an empty one out. What tells an error in its place is no empty list.
pub(crate) fn items<'a>(page: &'a Value, field: &'static str) -> Result<&'a [Value], FieldError> {
    match at(page, field) {
        Some(Value::Array(items)) => Ok(items),
        None | Some(Value::Null) if at(page, "error").is_some() => Err(FieldError::Missing(field)),
        None | Some(Value::Null) if page.is_object() => Ok(&[]),
        _ => Err(FieldError::Type(field, "a list")),
    }
}

/// Gives the records of a list of the Directory or Reports API, whose answers tell their kind also where they have none.
pub(crate) fn records<'a>(page: &'a Value, field: &'static str) -> Result<&'a [Value], FieldError> {
    let items = items(page, field)?;
    match at(page, field) {
        None | Some(Value::Null) => need_text(page, "kind").map(|_| items),
        Some(_) => Ok(items),
    }
}

/// Gives the token of the next page; `None` at the end of a list. What is no text in its place is no end.
pub(crate) fn next_page(page: &Value) -> Result<Option<String>, FieldError> {
    match at(page, "nextPageToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok(Some(token.clone()).filter(|token| !token.is_empty())),
        Some(_) => Err(FieldError::Type("nextPageToken", "text")),
    }
}

/// Reads a time; a sign-in that never was has the time 0.
fn moment(record: &Value, field: &str) -> Option<DateTime<Utc>> {
    time(record, field).filter(|at| at.timestamp() > 0)
}

/// Reads one user.
pub(crate) fn user(record: &Value, connection: &ConnectionName) -> Result<Account, FieldError> {
    let id = need_text(record, "id")?;
    let login = need_text(record, "primaryEmail")?;
    let suspended = flag(record, "suspended")?;
    let archived = flag(record, "archived").unwrap_or(false);
    let (status, word) = match (suspended, archived) {
        (true, _) => {
            let reason = text(record, "suspensionReason");
            let reason = reason.map_or(String::new(), |reason| format!(" ({})", reason.raw()));
            (AccountStatus::Disabled, format!("suspended{reason}"))
        }
        (false, true) => {
            let word = "ARCHIVED".to_owned();
            (AccountStatus::Other("ARCHIVED".into()), word)
        }
        (false, false) => (AccountStatus::Active, "active".to_owned()),
    };
    let mut aliases = Vec::new();
    for field in ["aliases", "nonEditableAliases"] {
        aliases.extend(items(record, field)?.iter().filter_map(Value::as_str));
    }
    let required = flag(record, "changePasswordAtNextLogin").ok();
    Ok(Account {
        id: AccountId::new(connection.clone(), id.raw()),
        mail: Some(login.clone()),
        login,
        aliases: aliases.into_iter().map(Untrusted::new).collect(),
        name: text(record, "name.fullName").unwrap_or_default(),
        status,
        vendor_status: Untrusted::new(word),
        status_changed: moment(record, "suspensionTime"),
        last_sign_in: moment(record, "lastLoginTime"),
        password_changed: None,
        tokens_valid_from: None,
        source: None,
        zone: None,
        groups: None,
        roles: None,
        factors: Some(factors(record)),
        token_clients: None,
        sessions: None,
        required: required.map(|must| {
            if must {
                vec![CHANGE.into()]
            } else {
                Vec::new()
            }
        }),
        risk: None,
        gaps: Vec::new(),
        server_date: None,
    })
}

/// Gives what the user record says of the second step and of the ways back in; the methods themselves are not listed.
fn factors(record: &Value) -> Vec<Factor> {
    let factor = |id: &'static str, kind: Untrusted| Factor {
        id: id.into(),
        kind,
        status: "ACTIVE".into(),
        created: None,
    };
    let mut all = Vec::new();
    if flag(record, "isEnrolledIn2Sv") == Ok(true) {
        all.push(factor("2sv", "2-step verification".into()));
    }
    for (field, word) in [("recoveryEmail", "mail"), ("recoveryPhone", "phone")] {
        if let Some(way) = text(record, field) {
            let kind = Untrusted::new(format!("recovery {word} {}", way.raw()));
            all.push(factor(field, kind));
        }
    }
    all
}

/// What a user record says of administrator roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    /// Super administrator.
    pub(crate) is_super: bool,
    /// Administrator by a role.
    pub(crate) is_delegated: bool,
}

/// Reads it; what is not said is an error, never a no.
pub(crate) fn rank(record: &Value) -> Result<Rank, FieldError> {
    Ok(Rank {
        is_super: flag(record, "isAdmin")?,
        is_delegated: flag(record, "isDelegatedAdmin")?,
    })
}

/// One role as it is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The role.
    pub(crate) role: Untrusted,
    /// Who has it: a user or a group.
    pub(crate) to: Untrusted,
    /// Whether that is a group.
    pub(crate) is_group: bool,
    /// Whether it holds in one organisational unit only.
    pub(crate) is_limited: bool,
}

impl Assignment {
    /// Gives the words for it: roles have numbers, and their names are read with a wider scope only.
    pub(crate) fn word(&self) -> Untrusted {
        let by = if self.is_group { " by a group" } else { "" };
        let of = if self.is_limited { " in one unit" } else { "" };
        Untrusted::new(format!("number {}{by}{of}", self.role.raw()))
    }
}

/// Reads one role assignment.
pub(crate) fn assignment(record: &Value) -> Result<Assignment, FieldError> {
    let is = |field: &str, word: &str| {
        text(record, field).is_some_and(|text| text.raw().eq_ignore_ascii_case(word))
    };
    Ok(Assignment {
        role: need_text(record, "roleId")?,
        to: need_text(record, "assignedTo")?,
        is_group: is("assigneeType", "group"),
        is_limited: is("scopeType", "ORG_UNIT"),
    })
}

/// Reads one group.
pub(crate) fn group(record: &Value) -> Result<Group, FieldError> {
    let id = need_text(record, "id")?;
    let name = text(record, "name").or_else(|| text(record, "email"));
    let name = name.unwrap_or_else(|| id.clone());
    Ok(Group { id, name })
}

/// Reads what an app may do without the user: it goes on like a session that outlives the sign-in.
pub(crate) fn token(record: &Value) -> Result<Session, FieldError> {
    let id = need_text(record, "clientId")?;
    let name = text(record, "displayText").unwrap_or_else(|| id.clone());
    Ok(Session {
        id,
        offline: true,
        clients: vec![name],
        started: None,
        last_used: None,
        ip: None,
    })
}

/// Reads one app password, which goes on in the same way.
pub(crate) fn app_password(record: &Value) -> Result<Session, FieldError> {
    let number = text(record, "codeId").ok_or(FieldError::Missing("codeId"))?;
    let name = text(record, "name").unwrap_or_default();
    Ok(Session {
        id: Untrusted::new(format!("{ASP}{}", number.raw())),
        offline: true,
        clients: vec![Untrusted::new(format!("app password {}", name.raw()))],
        started: seconds(record, "creationTime"),
        last_used: seconds(record, "lastTimeUsed"),
        ip: None,
    })
}

/// Reads a time in seconds since 1970, written as text.
fn seconds(record: &Value, field: &str) -> Option<DateTime<Utc>> {
    let seconds: i64 = text(record, field)?.raw().parse().ok()?;
    DateTime::from_timestamp(seconds, 0).filter(|at| at.timestamp() > 0)
}

/// Tells whether something that goes on is the token of an app.
pub(crate) fn is_token(session: &Session) -> bool {
    session.offline && !session.id.raw().starts_with(ASP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn connection() -> ConnectionName {
        ConnectionName::parse("google").unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_user_is_read() -> Result<(), FieldError> {
        let record = json!({
            "id": "1040", "primaryEmail": "mara@acme.example", "name": {"fullName": "Mara Lind"},
            "aliases": ["m.lind@acme.example"], "nonEditableAliases": ["mara@acme.test"],
            "suspended": true, "suspensionReason": "ADMIN", "suspensionTime": "2026-11-21T03:00:00.000Z",
            "archived": true, "isEnrolledIn2Sv": true, "recoveryEmail": "m@home.example",
            "changePasswordAtNextLogin": true, "lastLoginTime": "1970-01-01T00:00:00.000Z",
        });
        let account = user(&record, &connection())?;
        assert_eq!(account.status, AccountStatus::Disabled);
        assert_eq!(account.vendor_status.raw(), "suspended (ADMIN)");
        assert_eq!(account.last_sign_in, None);
        assert!(account.status_changed.is_some());
        assert_eq!(account.aliases.len(), 2);
        assert_eq!(account.required, Some(vec![CHANGE.into()]));
        let kinds: Vec<String> = account
            .factors
            .unwrap_or_default()
            .iter()
            .map(|one| one.kind.raw().to_owned())
            .collect();
        assert_eq!(
            kinds,
            ["2-step verification", "recovery mail m@home.example"]
        );
        Ok(())
    }

    #[rstest]
    #[case(json!({"primaryEmail": "a@b", "suspended": false}), FieldError::Missing("id"))]
    #[case(json!({"id": "1", "suspended": false}), FieldError::Missing("primaryEmail"))]
    #[case(json!({"id": "1", "primaryEmail": "a@b"}), FieldError::Missing("suspended"))]
    #[case(json!({"id": "1", "primaryEmail": "a@b", "suspended": "no"}), FieldError::Type("suspended", "true or false"))]
    #[case(json!({"id": "1", "primaryEmail": "a@b", "suspended": false, "aliases": 7}), FieldError::Type("aliases", "a list"))]
    fn broken_users_are_named(#[case] record: Value, #[case] error: FieldError) {
        assert_eq!(user(&record, &connection()), Err(error));
    }

    #[rstest]
    #[case(json!({"suspended": false}), AccountStatus::Active)]
    #[case(json!({"suspended": false, "archived": true}), AccountStatus::Other("ARCHIVED".into()))]
    #[case(json!({"suspended": true}), AccountStatus::Disabled)]
    fn statuses(#[case] mut record: Value, #[case] status: AccountStatus) {
        record["id"] = json!("1");
        record["primaryEmail"] = json!("a@b");
        let account = user(&record, &connection());
        assert_eq!(account.map(|account| account.status), Ok(status));
    }

    #[test]
    fn what_is_not_said_of_a_rank_is_no_no() {
        let whole = json!({"isAdmin": false, "isDelegatedAdmin": true});
        assert!(rank(&whole).is_ok_and(|rank| rank.is_delegated && !rank.is_super));
        assert!(rank(&json!({"isAdmin": false})).is_err());
        assert!(rank(&json!({"isDelegatedAdmin": false})).is_err());
    }

    #[test]
    fn roles_are_told_by_their_number() {
        let record = json!({"roleId": "77", "assignedTo": "9", "assigneeType": "group", "scopeType": "ORG_UNIT"});
        let word = assignment(&record).map(|one| one.word());
        assert_eq!(word, Ok("number 77 by a group in one unit".into()));
        assert!(assignment(&json!({"roleId": "77"})).is_err());
    }

    #[rstest]
    #[case::none(json!({"kind": "k"}), Ok(0), Ok(0))]
    #[case::null(json!({"kind": "k", "items": null}), Ok(0), Ok(0))]
    #[case::empty(json!({"items": []}), Ok(0), Ok(0))]
    #[case::one(json!({"items": [7]}), Ok(1), Ok(1))]
    #[case::nothing(json!({}), Ok(0), Err(FieldError::Missing("kind")))]
    #[case::another_kind(json!({"kind": {}}), Ok(0), Err(FieldError::Type("kind", "text")))]
    #[case::an_error(
        json!({"error": {"code": 503}}),
        Err(FieldError::Missing("items")),
        Err(FieldError::Missing("items"))
    )]
    #[case::an_error_with_a_kind(
        json!({"kind": "k", "items": null, "error": {}}),
        Err(FieldError::Missing("items")),
        Err(FieldError::Missing("items"))
    )]
    fn what_has_no_records_is_an_empty_list_only_where_it_says_so(
        #[case] page: Value,
        #[case] anywhere: Result<usize, FieldError>,
        #[case] of_directory: Result<usize, FieldError>,
    ) {
        assert_eq!(items(&page, "items").map(<[Value]>::len), anywhere);
        assert_eq!(records(&page, "items").map(<[Value]>::len), of_directory);
    }

    #[rstest]
    #[case(json!({}), Ok(None))]
    #[case(json!({"nextPageToken": null}), Ok(None))]
    #[case(json!({"nextPageToken": ""}), Ok(None))]
    #[case(json!({"nextPageToken": "b"}), Ok(Some("b".to_owned())))]
    #[case(json!({"nextPageToken": 7}), Err(FieldError::Type("nextPageToken", "text")))]
    #[case(json!({"nextPageToken": ["b"]}), Err(FieldError::Type("nextPageToken", "text")))]
    #[case(json!({"nextPageToken": false}), Err(FieldError::Type("nextPageToken", "text")))]
    fn a_list_ends_only_where_no_page_is_named(
        #[case] page: Value,
        #[case] next: Result<Option<String>, FieldError>,
    ) {
        assert_eq!(next_page(&page), next);
    }

    #[test]
    fn what_goes_on_without_a_sign_in() -> Result<(), FieldError> {
        let app =
            token(&json!({"clientId": "1.apps.example", "displayText": "Mail", "scopes": []}))?;
        let password = app_password(
            &json!({"codeId": 7, "name": "Phone", "creationTime": "1795000000", "lastTimeUsed": "0"}),
        )?;
        assert!(is_token(&app) && !is_token(&password));
        assert!(password.started.is_some() && password.last_used.is_none());
        assert_eq!(password.clients, [Untrusted::new("app password Phone")]);
        assert!(token(&json!({"displayText": "Mail"})).is_err());
        assert_eq!(items(&json!({"kind": "x"}), "items"), Ok(&[][..]));
        assert!(items(&json!([]), "items").is_err());
        Ok(())
    }
}
