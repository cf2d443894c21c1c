//! What Graph tells of what was left in an account: grants, assignments, authentication methods, inbox rules; and the
//! request that takes one away.
//!
//! A rule is disabled first, so that it can still be looked at; one that is disabled can be deleted. Graph v1.0 tells no
//! forwarding of a mailbox and no delegates, and devices are listed only. Source: Microsoft Graph v1.0
//! `oAuth2PermissionGrant`, `appRoleAssignment`, `authenticationMethod`, `messageRule`, `device`. What must not live here:
//! HTTP policy.

use reqwest::Method;
use serde_json::{Value, json};

use super::snapshot::{ASSIGNED, GRANTS};
use super::{Entra, get, is_id, marked, wire};
use crate::connect::capability::{ConnectError, Lacking, Step, one_remnant};
use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::connect::http::{Class, Request};
use crate::domain::account::Account;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

#[cfg(doc)]
use crate::connect::capability::Identity;

const RULES: &str = "/v1.0/users/{user-id}/mailFolders/{mailFolder-id}/messageRules";
const RULE: &str =
    "/v1.0/users/{user-id}/mailFolders/{mailFolder-id}/messageRules/{messageRule-id}";
const GRANT: &str = "/v1.0/oauth2PermissionGrants/{oAuth2PermissionGrant-id}";
const ASSIGNMENT: &str = "/v1.0/users/{user-id}/appRoleAssignments/{appRoleAssignment-id}";
const INBOX: &str = "inbox";
const DEVICES: &str = "/v1.0/users/{user-id}/registeredDevices";

/// Types of methods, where each is deleted, and whether it is a way to have the password back and no second factor.
const METHODS: [(&str, &str, bool); 7] = [
    (
        "microsoftAuthenticator",
        "/v1.0/users/{user-id}/authentication/microsoftAuthenticatorMethods/{microsoftAuthenticatorAuthenticationMethod-id}",
        false,
    ),
    (
        "fido2",
        "/v1.0/users/{user-id}/authentication/fido2Methods/{fido2AuthenticationMethod-id}",
        false,
    ),
    (
        "phone",
        "/v1.0/users/{user-id}/authentication/phoneMethods/{phoneAuthenticationMethod-id}",
        false,
    ),
    (
        "softwareOath",
        "/v1.0/users/{user-id}/authentication/softwareOathMethods/{softwareOathAuthenticationMethod-id}",
        false,
    ),
    (
        "temporaryAccessPass",
        "/v1.0/users/{user-id}/authentication/temporaryAccessPassMethods/{temporaryAccessPassAuthenticationMethod-id}",
        false,
    ),
    (
        "windowsHelloForBusiness",
        "/v1.0/users/{user-id}/authentication/windowsHelloForBusinessMethods/{windowsHelloForBusinessAuthenticationMethod-id}",
        false,
    ),
    (
        "email",
        "/v1.0/users/{user-id}/authentication/emailMethods/{emailAuthenticationMethod-id}",
        true,
    ),
];
/// What the ids of grants and of assignments begin with here: both let an application act.
const OF_GRANT: &str = "grant";
const OF_ASSIGNMENT: &str = "assignment";

/// What the id of a rule that is disabled begins with here: deleting it is another thing than disabling it.
const OFF: &str = "disabled/";

/// Words of a rule's actions that send mail away or hide it.
const SENDS: [&str; 3] = ["forwardTo", "forwardAsAttachmentTo", "redirectTo"];

fn lacking<T>(reason: impl Into<Safe>) -> Result<T, Lacking> {
    Err(Lacking {
        reason: reason.into(),
    })
}

fn fact(label: &str, value: Option<Untrusted>) -> Option<Untrusted> {
    value.map(|value| Untrusted::new(format!("{label} {}", value.raw())))
}

/// Tells whether a type of methods is a way to have the password back and no second factor.
pub(super) fn recovers(kind: &str) -> bool {
    let known = METHODS.iter().find(|(name, _, _)| *name == kind);
    known.is_some_and(|(_, _, recovers)| *recovers)
}

/// Reads one authentication method; `None` for the password, which is reset and not removed.
fn method(record: &Value) -> Result<Option<Remnant>, FieldError> {
    let Some(factor) = wire::method(record)? else {
        return Ok(None);
    };
    let kind = wire::method_type(record)?;
    let is_known = METHODS.iter().any(|(name, _, _)| *name == kind);
    let what = if recovers(kind) {
        RemnantKind::RecoveryData
    } else {
        RemnantKind::MfaMethod
    };
    let item = Item::new(
        what,
        format!("{kind}/{}", factor.id.raw()),
        factor.kind.raw(),
    );
    let mut remnant = Remnant::new(item, record);
    remnant.since = factor.created;
    if !is_known {
        remnant.kept =
            Some("no request is known for its type: remove it in the admin center".into());
    }
    Ok(Some(remnant))
}

/// Reads one delegated grant; `name` is the application's, `account` the id of the user whose it has to be.
fn grant(record: &Value, name: &Untrusted, account: &str) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let scope = text(record, "scope").unwrap_or_default();
    let named = format!("{}: {}", name.raw(), scope.raw().trim());
    let item = Item::new(
        RemnantKind::OauthGrant,
        format!("{OF_GRANT}/{}", id.raw()),
        &named,
    );
    let mut remnant = Remnant::new(item, record);
    if text(record, "consentType").is_none_or(|kind| kind.raw() != "Principal") {
        remnant.kept = Some("it is the whole tenant's, not of this user alone".into());
    } else if text(record, "principalId").is_none_or(|principal| principal.raw() != account) {
        remnant.kept = Some("it does not say that it is this user's".into());
    }
    Ok(remnant)
}

/// Reads one assignment to an application.
fn assignment(record: &Value, account: &str) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let name = wire::assigned(record)?;
    let item = Item::new(
        RemnantKind::OauthGrant,
        format!("{OF_ASSIGNMENT}/{}", id.raw()),
        &format!("assigned to {}", name.raw()),
    );
    let mut remnant = Remnant::new(item, record);
    remnant.since = time(record, "createdDateTime");
    if text(record, "principalId").is_none_or(|principal| principal.raw() != account) {
        remnant.kept = Some("it comes from a group: change the group".into());
    }
    Ok(remnant)
}

/// Gives the addresses that a rule sends mail to.
fn sent_to(record: &Value, action: &str) -> Option<Untrusted> {
    let all = at(record, "actions")?.get(action)?.as_array()?;
    let all = all
        .iter()
        .filter_map(|one| one.pointer("/emailAddress/address")?.as_str());
    let all: Vec<&str> = all.collect();
    (!all.is_empty()).then(|| Untrusted::new(format!("{action} {}", all.join(", "))))
}

/// Tells whether an item is a rule that is disabled.
pub(super) fn is_off(item: &Item) -> bool {
    item.kind == RemnantKind::InboxRule && item.id.raw().starts_with(OFF)
}

/// Reads one inbox rule; one that is disabled has an id and a name of its own.
fn rule(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let name = text(record, "displayName").unwrap_or_else(|| "without a name".into());
    let disabled = at(record, "isEnabled") == Some(&Value::Bool(false));
    let item = if disabled {
        let name = format!("{} (disabled)", name.raw());
        Item::new(RemnantKind::InboxRule, format!("{OFF}{}", id.raw()), &name)
    } else {
        Item::new(RemnantKind::InboxRule, id.raw(), name.raw())
    };
    let mut remnant = Remnant::new(item, record);
    let acts = |word: &str| {
        let value = at(record, "actions").and_then(|actions| actions.get(word));
        (value == Some(&Value::Bool(true))).then(|| Untrusted::new(word))
    };
    remnant.details = SENDS
        .iter()
        .map(|word| sent_to(record, word))
        .chain(["delete", "permanentDelete", "markAsRead"].map(acts))
        .chain([fact(
            "moves to folder",
            text(record, "actions.moveToFolder"),
        )])
        .flatten()
        .collect();
    if at(record, "isReadOnly") == Some(&Value::Bool(true)) {
        remnant.kept =
            Some("it is read-only: this interface neither changes nor deletes it".into());
    }
    Ok(remnant)
}

/// Reads one device; nothing here changes it.
fn device(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let name = text(record, "displayName").unwrap_or_else(|| id.clone());
    let mut remnant = Remnant::new(Item::new(RemnantKind::Device, id.raw(), name.raw()), record);
    remnant.since = time(record, "registrationDateTime");
    remnant.last_used = time(record, "approximateLastSignInDateTime");
    let is = |field: &str, word: bool, says: &'static str| {
        (at(record, field) == Some(&Value::Bool(word))).then(|| says.into())
    };
    remnant.details = [
        is("accountEnabled", false, "is disabled"),
        text(record, "operatingSystem"),
        fact("trust", text(record, "trustType")),
        is("isManaged", true, "managed"),
        is("isManaged", false, "not managed"),
        fact("device id", text(record, "deviceId")),
    ]
    .into_iter()
    .flatten()
    .collect();
    remnant.kept = Some("no call for it here: disable it in the admin center".into());
    Ok(remnant)
}

fn broken(error: &FieldError) -> Safe {
    Untrusted::new(error.to_string()).line()
}

impl Entra {
    async fn left_grants(&self, id: &str) -> Result<Vec<Remnant>, Safe> {
        let keep = |record: &Value| Ok(record.clone());
        let request = |route| get(route, &[id]).map_err(|error| error.what);
        let (grants, assigned) = futures::join!(
            self.whole(request(GRANTS)?, GRANTS, keep),
            self.whole(request(ASSIGNED)?, ASSIGNED, |record| assignment(
                record, id
            )),
        );
        let mut all = assigned.map_err(|error| error.what)?;
        let grants = grants.map_err(|error| error.what)?;
        let clients = grants.iter().map(|record| need_text(record, "clientId"));
        let clients = clients.collect::<Result<Vec<_>, _>>();
        let clients = clients.map_err(|error| broken(&error))?;
        let (names, failed) = self.names_of(clients.iter().cloned().collect()).await;
        // Under its id a grant would look like another one than under its name.
        if let Some(error) = failed {
            return Err(safe!("the name of an application: {}", error.what));
        }
        for (record, client) in grants.iter().zip(&clients) {
            let name = names.get(client).unwrap_or(client);
            all.push(grant(record, name, id).map_err(|error| broken(&error))?);
        }
        Ok(all)
    }

    /// Reads everything that was left in an account, each kind for itself.
    pub(super) async fn remnants(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        let raw = id.raw();
        let (rules, devices) = (get(RULES, &[raw, INBOX])?, get(DEVICES, &[raw])?);
        let read = self.together(async {
            futures::join!(
                self.user(raw),
                self.left_grants(raw),
                self.method_records(raw),
                self.whole(rules, RULES, rule),
                self.whole(devices, DEVICES, device),
            )
        });
        let (user, grants, methods, rules, devices) = read.await;
        if user?.is_none_or(|(account, _)| account.id != *id) {
            return Err(ConnectError::unsent("the account is not found".into()));
        }
        let mut left = LeftBehind::default();
        left.add(RemnantKind::OauthGrant, grants);
        let methods = methods.map_err(|error| error.what).and_then(|records| {
            let all = records.iter().map(method).collect::<Result<Vec<_>, _>>();
            all.map_err(|error| broken(&error))
        });
        match methods {
            Ok(all) => {
                let all = all.into_iter().flatten();
                let (recover, factors) =
                    all.partition(|one| one.item.kind == RemnantKind::RecoveryData);
                left.add(RemnantKind::MfaMethod, Ok(factors));
                left.add(RemnantKind::RecoveryData, Ok(recover));
            }
            Err(reason) => {
                left.add(RemnantKind::MfaMethod, Err(reason.clone()));
                left.add(RemnantKind::RecoveryData, Err(reason));
            }
        }
        left.add(RemnantKind::InboxRule, rules.map_err(|error| error.what));
        left.add(RemnantKind::Device, devices.map_err(|error| error.what));
        for kind in [RemnantKind::Forwarding, RemnantKind::Delegate] {
            let reason = "Graph v1.0 does not tell it: look in Exchange's own administration";
            left.add(kind, Err(reason.into()));
        }
        Ok(left)
    }

    /// Reads one thing anew: a rule that was to be deleted is there as long as it is listed, disabled or not.
    pub(super) async fn one_left(
        &self,
        id: &AccountId,
        item: &Item,
    ) -> Result<Option<Remnant>, ConnectError> {
        let left = self.remnants(id).await?;
        let found = one_remnant(&left, item)?;
        match item.id.raw().strip_prefix(OFF) {
            Some(rule) if found.is_none() && is_off(item) => {
                let enabled = Item {
                    id: Untrusted::new(rule),
                    ..item.clone()
                };
                one_remnant(&left, &enabled)
            }
            _ => Ok(found),
        }
    }

    /// Builds the request that takes an item of an account away.
    fn removal_request(item: &Item, account: &str) -> Result<Request, ConnectError> {
        let none = || {
            ConnectError::unsent(safe!(
                "Entra ID has no request that removes the {}",
                item.word()
            ))
        };
        let delete = |route, ids: &[&str]| Request::new(Class::Write, Method::DELETE, route, ids);
        if item.kind == RemnantKind::InboxRule {
            if let Some(rule) = item.id.raw().strip_prefix(OFF) {
                return delete(RULE, &[account, INBOX, rule]).map(marked);
            }
            let ids = [account, INBOX, item.id.raw()];
            let request = Request::new(Class::Write, Method::PATCH, RULE, &ids)?;
            return Ok(marked(request.json(&json!({"isEnabled": false}))));
        }
        let (of, id) = item.id.raw().split_once('/').ok_or_else(none)?;
        let request = match (item.kind, of) {
            (RemnantKind::OauthGrant, OF_GRANT) => delete(GRANT, &[id]),
            (RemnantKind::OauthGrant, OF_ASSIGNMENT) => delete(ASSIGNMENT, &[account, id]),
            (RemnantKind::MfaMethod | RemnantKind::RecoveryData, _) => {
                let known = METHODS.iter().find(|(name, _, _)| *name == of);
                let (_, route, _) = known.ok_or_else(none)?;
                delete(route, &[account, id])
            }
            _ => Err(none()),
        };
        request.map(marked)
    }

    /// Gives the step of [`Identity::removal`].
    pub(super) fn removal_step(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        if account.id.connection != self.connection {
            return lacking("the account belongs to another connection");
        }
        if !is_id(account.id.raw()) {
            return lacking("its id is not an id of this provider");
        }
        if item.kind == RemnantKind::MfaMethod && account.factors.is_none() {
            return lacking("its MFA methods could not be read: what is left then is not known");
        }
        let request = Self::removal_request(item, account.id.raw());
        let call = request.and_then(|request| self.http.prepared(&request));
        Ok(Step {
            kind: ActionKind::RemoveItem,
            call: call.map_err(|error| Lacking { reason: error.what })?,
            facts: super::facts::removal_of(item, account.factors.as_deref().unwrap_or_default()),
        })
    }

    /// Builds the confirmed request again and gives it only if it is the same.
    pub(super) fn confirmed_removal(
        &self,
        action: &ConfirmedAction,
    ) -> Result<Request, ConnectError> {
        let refused = || super::differs(ActionKind::RemoveItem);
        let item = action.item().ok_or_else(refused)?;
        let path = action.call().path.as_str();
        // A grant stands for itself, without its user.
        let account = path.split_once("/users/").map_or("", |(_, rest)| rest);
        let account = account.split('/').next().unwrap_or_default();
        if !account.is_empty() && !is_id(account) {
            return Err(refused());
        }
        let request = Self::removal_request(item, account)?;
        if self.http.prepared(&request)? == *action.call() {
            Ok(request)
        } else {
            Err(refused())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(result: Result<T, FieldError>) -> T {
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn methods_are_removed_where_their_type_is_and_a_mail_address_recovers() {
        let of = |kind: &str| {
            read(method(&json!({
                "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethod"), "id": "m1",
                "createdDateTime": "2026-11-21T03:00:00Z",
            })))
        };
        assert_eq!(of("password"), None);
        for (kind, route, recovers) in METHODS {
            let found = of(kind).unwrap_or_else(|| panic!("{kind}"));
            assert!(found.kept.is_none() && found.since.is_some());
            assert_eq!(found.item.kind == RemnantKind::RecoveryData, recovers);
            let request = Entra::removal_request(&found.item, "u1");
            let request = request.unwrap_or_else(|error| panic!("{error}"));
            let end = format!("{request:?}");
            assert!(
                end.contains(&format!("/{kind}Methods/m1")),
                "{route}: {end}"
            );
        }
        let other = of("platformCredential").unwrap_or_else(|| panic!("it is listed"));
        assert!(other.kept.is_some());
        assert!(Entra::removal_request(&other.item, "u1").is_err());
    }

    #[test]
    fn what_is_not_the_users_alone_stays() {
        let name = Untrusted::new("MailSync");
        let one = |kind: &str, principal: Value| {
            let record = json!({"id": "g", "consentType": kind, "principalId": principal});
            read(grant(&record, &name, "u1")).kept
        };
        assert_eq!(one("Principal", json!("u1")), None);
        for (kind, principal, says) in [
            ("AllPrincipals", Value::Null, "whole tenant"),
            ("AllPrincipals", json!("u1"), "whole tenant"),
            ("Principal", json!("u2"), "not say that it is this user's"),
            ("Principal", Value::Null, "not say that it is this user's"),
        ] {
            let kept = one(kind, principal).unwrap_or_else(|| panic!("{kind}: it stays"));
            assert!(kept.as_str().contains(says), "{kept}");
        }
        let one = |principal: &str| {
            let record =
                json!({"id": "a", "resourceDisplayName": "Wiki", "principalId": principal});
            read(assignment(&record, "u1"))
        };
        assert!(one("u1").kept.is_none());
        assert!(one("g1").kept.is_some());
    }

    #[test]
    fn a_rule_says_what_it_does_and_is_disabled_before_it_is_deleted() {
        let record = json!({
            "id": "r1", "displayName": "..", "isEnabled": true, "actions": {
                "forwardTo": [{"emailAddress": {"address": "x@evil.example"}}], "permanentDelete": true,
            },
        });
        let found = read(rule(&record));
        let details: Vec<&str> = found.details.iter().map(Untrusted::raw).collect();
        assert_eq!(details, ["forwardTo x@evil.example", "permanentDelete"]);
        let sent = |item: &Item| {
            let request = Entra::removal_request(item, "u1");
            let request = request.unwrap_or_else(|error| panic!("{error}"));
            format!("{request:?}")
        };
        assert!(sent(&found.item).contains("PATCH"));
        let mut off = record.clone();
        off["isEnabled"] = json!(false);
        let disabled = read(rule(&off));
        assert!(!disabled.item.is_same(&found.item) && is_off(&disabled.item));
        assert_eq!(disabled.item.name.raw(), ".. (disabled)");
        let request = sent(&disabled.item);
        assert!(
            request.contains("DELETE") && request.contains("/messageRules/r1\""),
            "{request}"
        );
        for enabled in [true, false] {
            off["isEnabled"] = json!(enabled);
            off["isReadOnly"] = json!(true);
            assert!(read(rule(&off)).kept.is_some());
        }
    }

    #[test]
    fn a_device_says_since_when_and_stays() {
        let record = json!({
            "id": "d1", "displayName": "DESKTOP-7Q2K", "registrationDateTime": "2026-11-21T03:00:00Z",
            "operatingSystem": "Windows", "trustType": "Workplace", "isManaged": false, "accountEnabled": true,
        });
        let found = read(device(&record));
        assert_eq!(found.item.name.raw(), "DESKTOP-7Q2K");
        assert!(found.since.is_some() && found.kept.is_some());
        let details: Vec<&str> = found.details.iter().map(Untrusted::raw).collect();
        assert_eq!(details, ["Windows", "trust Workplace", "not managed"]);
        assert!(Entra::removal_request(&found.item, "u1").is_err());
    }
}
