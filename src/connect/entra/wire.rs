//! Graph's records: users, what they are members of, methods, grants, risk.
//!
//! Source: Microsoft Graph v1.0 `user`, `directoryObject`, `authenticationMethod`, `oAuth2PermissionGrant`,
//! `appRoleAssignment`, `riskyUser`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, text, texts, time};
use crate::domain::account::{Account, AccountStatus, Factor, Risk, RiskState};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::text::Untrusted;

/// The properties of a user that are asked for; most of them come in no other way.
pub(crate) const SELECT: &str = "id,userPrincipalName,displayName,mail,otherMails,proxyAddresses,\
accountEnabled,userType,onPremisesSyncEnabled,signInSessionsValidFromDateTime,lastPasswordChangeDateTime";

/// Where the account of a guest is kept.
pub(crate) const ELSEWHERE: &str = "another tenant (guest)";
/// Where the account of a synchronized user is kept.
pub(crate) const ON_PREMISES: &str = "an on-premises directory (synchronized)";

/// Tells whether the user signs in at another tenant.
fn is_guest(record: &Value, login: &str) -> bool {
    login.contains("#EXT#") || text(record, "userType").is_some_and(|kind| kind.raw() == "Guest")
}

/// Reads one user.
pub(crate) fn user(record: &Value, connection: &ConnectionName) -> Result<Account, FieldError> {
    let id = need_text(record, "id")?;
    let login = need_text(record, "userPrincipalName")?;
    let enabled = match at(record, "accountEnabled") {
        Some(Value::Bool(enabled)) => *enabled,
        None | Some(Value::Null) => return Err(FieldError::Missing("accountEnabled")),
        Some(_) => return Err(FieldError::Type("accountEnabled", "true or false")),
    };
    let (status, word) = if enabled {
        (AccountStatus::Active, "enabled")
    } else {
        (AccountStatus::Disabled, "disabled")
    };
    let is_synced = at(record, "onPremisesSyncEnabled") == Some(&Value::Bool(true));
    let source = if is_guest(record, login.raw()) {
        Some(ELSEWHERE.into())
    } else {
        is_synced.then(|| ON_PREMISES.into())
    };
    Ok(Account {
        id: AccountId::new(connection.clone(), id.raw()),
        login,
        name: text(record, "displayName").unwrap_or_default(),
        mail: text(record, "mail"),
        status,
        vendor_status: word.into(),
        status_changed: None,
        last_sign_in: None,
        password_changed: time(record, "lastPasswordChangeDateTime"),
        tokens_valid_from: valid_from(record),
        source,
        aliases: aliases(record),
        zone: None,
        groups: None,
        roles: None,
        factors: None,
        token_clients: None,
        sessions: None,
        required: None,
        risk: None,
        gaps: Vec::new(),
        server_date: None,
    })
}

/// Gives the address of a proxy address for mail.
fn mail_of(proxy: &Untrusted) -> Option<&str> {
    let (kind, address) = proxy.raw().split_once(':')?;
    kind.eq_ignore_ascii_case("smtp").then_some(address)
}

/// Gives the further addresses of a mailbox, which no other one in the tenant has.
///
/// An address in `otherMails` is none of them: it may be anybody's, and several accounts can name the same.
fn aliases(record: &Value) -> Vec<Untrusted> {
    let main = text(record, "mail");
    let proxies = texts(record, "proxyAddresses");
    let mut all: Vec<Untrusted> = Vec::new();
    for address in proxies.iter().filter_map(mail_of) {
        let is_same = |one: &Untrusted| one.raw().eq_ignore_ascii_case(address);
        if !main.iter().chain(&all).any(is_same) {
            all.push(Untrusted::new(address));
        }
    }
    all
}

/// Gives the time from which on tokens of the user are good.
pub(crate) fn valid_from(record: &Value) -> Option<DateTime<Utc>> {
    time(record, "signInSessionsValidFromDateTime")
}

/// Tells whether a user carries a name exactly; Graph compares principal names and addresses in small letters.
pub(crate) fn carries(record: &Value, name: &str) -> bool {
    let same = |text: &Untrusted| text.raw().eq_ignore_ascii_case(name);
    ["id", "userPrincipalName", "mail"]
        .iter()
        .any(|field| text(record, field).as_ref().is_some_and(same))
        || texts(record, "otherMails").iter().any(same)
        || aliases(record).iter().any(same)
}

/// What an account is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// A role of the directory, by its id and name; without a name where that may not be read.
    Role(Untrusted, Option<Untrusted>),
    /// A group, by its id and name.
    Group(Untrusted, Option<Untrusted>),
    /// Anything else, such as an administrative unit.
    Other,
}

/// Reads what an account is a member of. Of a type that the token may not read only the id comes.
pub(crate) fn member(record: &Value) -> Result<Member, FieldError> {
    let id = need_text(record, "id")?;
    // The name of the field has dots in it that are part of it.
    let kind = record.get("@odata.type").and_then(Value::as_str);
    let name = text(record, "displayName");
    match kind.ok_or(FieldError::Missing("@odata.type"))? {
        "#microsoft.graph.directoryRole" => Ok(Member::Role(id, name)),
        "#microsoft.graph.group" => Ok(Member::Group(id, name)),
        _ => Ok(Member::Other),
    }
}

/// Reads a member of a role: the id of a user, or nothing for what is none.
pub(crate) fn user_in_role(record: &Value) -> Result<Option<Untrusted>, FieldError> {
    let id = need_text(record, "id")?;
    let kind = record.get("@odata.type").and_then(Value::as_str);
    let kind = kind.ok_or(FieldError::Missing("@odata.type"))?;
    Ok((kind == "#microsoft.graph.user").then_some(id))
}

/// Gives the type of an authentication method: `phone`, `fido2`.
pub(crate) fn method_type(record: &Value) -> Result<&str, FieldError> {
    let kind = record.get("@odata.type").and_then(Value::as_str);
    let kind = kind.ok_or(FieldError::Missing("@odata.type"))?;
    Ok(kind
        .trim_start_matches("#microsoft.graph.")
        .trim_end_matches("AuthenticationMethod"))
}

/// Status of a method that gives a forgotten password back and passes no sign-in.
const RECOVERS: &str = "recovery only";

/// Tells whether a method passes a sign-in.
pub(crate) fn passes(factor: &Factor) -> bool {
    factor.status.raw() != RECOVERS
}

/// Reads one authentication method; `None` for the password, which is no second factor.
pub(crate) fn method(record: &Value) -> Result<Option<Factor>, FieldError> {
    let id = need_text(record, "id")?;
    let kind = method_type(record)?;
    if kind == "password" {
        return Ok(None);
    }
    let named = ["displayName", "phoneNumber", "emailAddress", "model"]
        .iter()
        .find_map(|field| text(record, field));
    let shown = named.map_or_else(
        || kind.to_owned(),
        |named| format!("{kind} {}", named.raw()),
    );
    Ok(Some(Factor {
        id,
        kind: Untrusted::new(shown),
        // What is listed can be used.
        status: if super::left::recovers(kind) {
            RECOVERS.into()
        } else {
            "ACTIVE".into()
        },
        created: time(record, "createdDateTime"),
    }))
}

/// What an application may do in the name of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The application's service principal.
    pub(crate) client: Untrusted,
    /// The scopes, apart by blanks.
    pub(crate) scope: Untrusted,
}

/// Reads one delegated grant.
pub(crate) fn grant(record: &Value) -> Result<Grant, FieldError> {
    Ok(Grant {
        client: need_text(record, "clientId")?,
        scope: text(record, "scope").unwrap_or_default(),
    })
}

/// Reads the name of an application that the user is assigned to.
pub(crate) fn assigned(record: &Value) -> Result<Untrusted, FieldError> {
    let name = text(record, "resourceDisplayName");
    name.map_or_else(|| need_text(record, "resourceId"), Ok)
}

/// Reads a user's risk; of a user that is not listed among the risky ones there is nothing.
pub(crate) fn risk(record: &Value) -> Risk {
    let Some(said) = text(record, "riskState") else {
        return Risk {
            state: RiskState::Nothing,
            said: "none".into(),
        };
    };
    let state = match said.raw() {
        "none" => RiskState::Nothing,
        "confirmedCompromised" => RiskState::Compromised,
        "confirmedSafe" | "remediated" | "dismissed" => RiskState::Over,
        // A state that only a newer Graph knows is looked at like a risk.
        _ => RiskState::AtRisk,
    };
    let level = text(record, "riskLevel").unwrap_or_else(|| "unknown".into());
    let more = if is_processing(record) {
        ", being worked on"
    } else {
        ""
    };
    Risk {
        state,
        said: Untrusted::new(format!("{} ({}{more})", level.raw(), said.raw())),
    }
}

/// Tells whether a risk is still being changed.
pub(crate) fn is_processing(record: &Value) -> bool {
    at(record, "isProcessing") == Some(&Value::Bool(true))
}

/// Tells whether another password is asked for at the next sign-in; `None` where that is not told.
pub(crate) fn must_change(record: &Value) -> Option<bool> {
    let profile = record.get("passwordProfile")?;
    profile.get("forceChangePasswordNextSignIn")?.as_bool()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn connection() -> ConnectionName {
        ConnectionName::parse("entra").unwrap_or_else(|error| panic!("{error}"))
    }

    fn record(more: &Value) -> Value {
        let mut record = json!({
            "id": "6f1c", "userPrincipalName": "mara.lind@acme.example", "displayName": "Mara Lind",
            "mail": "mara@acme.example", "accountEnabled": true, "userType": "Member",
            "lastPasswordChangeDateTime": "2026-11-01T03:00:00Z",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            record[name] = value.clone();
        }
        record
    }

    #[rstest]
    #[case(json!({}), None)]
    #[case(json!({"onPremisesSyncEnabled": null}), None)]
    #[case(json!({"onPremisesSyncEnabled": false}), None)]
    #[case(json!({"onPremisesSyncEnabled": true}), Some(ON_PREMISES))]
    #[case(json!({"userType": "Guest"}), Some(ELSEWHERE))]
    #[case(json!({"userPrincipalName": "mara_x.org#EXT#@acme.example"}), Some(ELSEWHERE))]
    fn where_an_account_is_kept(
        #[case] more: Value,
        #[case] source: Option<&'static str>,
    ) -> Result<(), FieldError> {
        let account = user(&record(&more), &connection())?;
        assert_eq!(account.source, source.map(Untrusted::from));
        assert_eq!(account.status, AccountStatus::Active);
        assert!(account.password_changed.is_some());
        Ok(())
    }

    #[rstest]
    #[case(json!({"id": ""}), FieldError::Type("id", "a text with letters"))]
    #[case(json!({"userPrincipalName": null}), FieldError::Missing("userPrincipalName"))]
    #[case(json!({"accountEnabled": null}), FieldError::Missing("accountEnabled"))]
    #[case(json!({"accountEnabled": "yes"}), FieldError::Type("accountEnabled", "true or false"))]
    fn broken_users_are_named(#[case] more: Value, #[case] error: FieldError) {
        assert_eq!(user(&record(&more), &connection()), Err(error));
    }

    #[rstest]
    #[case("MARA.LIND@acme.example", true)]
    #[case("mara@ACME.example", true)]
    #[case("6f1c", true)]
    #[case("private@x.org", true)]
    #[case("ml@acme.example", true)]
    #[case("SMTP:ml@acme.example", false)]
    #[case("sip@acme.example", false)]
    #[case("mara", false)]
    fn names_of_a_user(#[case] name: &str, #[case] is_one: bool) {
        let more = json!({
            "otherMails": ["Private@x.org"],
            "proxyAddresses": ["SMTP:ml@acme.example", "sip:sip@acme.example"],
        });
        assert_eq!(carries(&record(&more), name), is_one);
    }

    #[rstest]
    #[case("#microsoft.graph.directoryRole", Ok(Member::Role("1".into(), Some("A".into()))))]
    #[case("#microsoft.graph.group", Ok(Member::Group("1".into(), Some("A".into()))))]
    #[case("#microsoft.graph.administrativeUnit", Ok(Member::Other))]
    fn members(#[case] kind: &str, #[case] read: Result<Member, FieldError>) {
        let record = json!({"@odata.type": kind, "id": "1", "displayName": "A"});
        assert_eq!(member(&record), read);
    }

    #[test]
    fn a_member_of_a_type_that_is_not_said_is_a_fault() {
        let record = json!({"id": "1", "displayName": "A"});
        assert_eq!(member(&record), Err(FieldError::Missing("@odata.type")));
        assert!(method(&record).is_err() && user_in_role(&record).is_err());
    }

    #[test]
    fn methods_are_told_apart_by_their_type() -> Result<(), FieldError> {
        let of = |kind: &str| {
            method(&json!({
                "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethod"), "id": "1",
                "displayName": "Galaxy A15", "createdDateTime": "2026-11-21T03:00:00Z",
            }))
        };
        assert_eq!(of("password")?, None);
        let phone = of("microsoftAuthenticator")?;
        let phone = phone.ok_or(FieldError::Missing("method"))?;
        assert_eq!(phone.kind.raw(), "microsoftAuthenticator Galaxy A15");
        assert!(phone.created.is_some() && passes(&phone));
        let mail = of("email")?.ok_or(FieldError::Missing("method"))?;
        assert!(!passes(&mail), "it gives the password back and no more");
        Ok(())
    }

    #[rstest]
    #[case(json!({"riskState": "atRisk", "riskLevel": "high"}), RiskState::AtRisk, "high (atRisk)")]
    #[case(json!({"riskState": "confirmedCompromised", "riskLevel": "high", "isProcessing": true}), RiskState::Compromised, "high (confirmedCompromised, being worked on)")]
    #[case(json!({"riskState": "dismissed", "riskLevel": "none"}), RiskState::Over, "none (dismissed)")]
    #[case(json!({"riskState": "remediated", "riskLevel": "none"}), RiskState::Over, "none (remediated)")]
    #[case(json!({"riskState": "none", "riskLevel": "none"}), RiskState::Nothing, "none (none)")]
    #[case(json!({"riskState": "unknownFutureValue"}), RiskState::AtRisk, "unknown (unknownFutureValue)")]
    #[case(json!({}), RiskState::Nothing, "none")]
    #[case(Value::Null, RiskState::Nothing, "none")]
    fn what_is_read_of_a_risk(
        #[case] record: Value,
        #[case] state: RiskState,
        #[case] said: &'static str,
    ) {
        let said = said.into();
        assert_eq!(risk(&record), Risk { state, said });
    }
}
