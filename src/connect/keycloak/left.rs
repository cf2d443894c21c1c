//! What Keycloak tells of what was left in an account: consents, sessions on- and offline, credentials, linked accounts.
//!
//! Source: Keycloak Admin REST API 26, `CredentialRepresentation`, `UserSessionRepresentation`,
//! `FederatedIdentityRepresentation`; a consent has no schema there. What must not live here: HTTP policy.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    CONSENT, CONSENTS, CREDENTIAL, CREDENTIALS, FEDERATED, Keycloak, LINK, SESSION, differs, facts,
    is_id, wire,
};
use crate::connect::capability::{ConnectError, Lacking, Step};
use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::connect::http::{Class, Request};
use crate::domain::account::{Account, Session};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

#[cfg(doc)]
use crate::connect::capability::Identity;

fn unread(error: ConnectError) -> Safe {
    error.what
}

fn lacking<T>(reason: impl Into<Safe>) -> Result<T, Lacking> {
    Err(Lacking {
        reason: reason.into(),
    })
}

fn fact(label: &str, value: Option<Untrusted>) -> Option<Untrusted> {
    value.map(|value| Untrusted::new(format!("{label} {}", value.raw())))
}

/// Joins the texts of a list.
fn words(record: &Value, field: &'static str) -> Option<Untrusted> {
    let all = at(record, field)?.as_array()?;
    let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
    (!all.is_empty()).then(|| Untrusted::new(all.join(" ")))
}

/// Reads one consent, with the offline tokens that go with it.
fn consent(record: &Value) -> Result<Remnant, FieldError> {
    let client = need_text(record, "clientId")?;
    let holds = wire::offline_client(record)?.is_some();
    let item = Item::new(RemnantKind::OauthGrant, client.raw(), client.raw());
    let mut remnant = Remnant::new(item, record);
    remnant.since = time(record, "createdDate");
    remnant.details = [
        fact("scopes", words(record, "grantedClientScopes")),
        holds.then(|| "holds offline tokens, which end with it".into()),
    ]
    .into_iter()
    .flatten()
    .collect();
    Ok(remnant)
}

/// Reads one credential; `None` for the password, which is reset and not removed.
fn credential(record: &Value) -> Result<Option<Remnant>, FieldError> {
    let id = need_text(record, "id")?;
    let kind = need_text(record, "type")?;
    if kind.raw() == "password" {
        return Ok(None);
    }
    let label = text(record, "userLabel").unwrap_or_default();
    let name = format!("{} {}", kind.raw(), label.raw());
    let item = Item::new(RemnantKind::MfaMethod, id.raw(), name.trim_end());
    let mut remnant = Remnant::new(item, record);
    remnant.since = time(record, "createdDate");
    remnant.details = text(record, "credentialData").into_iter().collect();
    if let Some(link) = text(record, "federationLink") {
        remnant.kept = Some(safe!("it is kept by the federation {}", link.field()));
    }
    Ok(Some(remnant))
}

/// Puts one session as something that was left.
fn session(session: &Session) -> Remnant {
    let clients: Vec<&str> = session.clients.iter().map(Untrusted::raw).collect();
    let (kind, word) = if session.offline {
        (RemnantKind::RefreshToken, "offline session of")
    } else {
        (RemnantKind::Session, "of")
    };
    let name = format!("{word} {}", clients.join(", "));
    let item = Item::new(kind, session.id.raw(), name.trim_end_matches([' ', ',']));
    let record = json!({
        "id": session.id.raw(), "offline": session.offline, "clients": clients,
        "started": session.started.map(|at| at.to_rfc3339()),
        "lastUsed": session.last_used.map(|at| at.to_rfc3339()),
        "ip": session.ip.as_ref().map(Untrusted::raw),
    });
    let mut remnant = Remnant::new(item, &record);
    remnant.since = session.started;
    remnant.last_used = session.last_used;
    remnant.details = fact("from", session.ip.clone()).into_iter().collect();
    remnant
}

/// Reads one account at another provider.
fn linked(record: &Value) -> Result<Remnant, FieldError> {
    let provider = need_text(record, "identityProvider")?;
    let who = text(record, "userName").or_else(|| text(record, "userId"));
    let name = format!("{} {}", provider.raw(), who.unwrap_or_default().raw());
    let item = Item::new(RemnantKind::LinkedAccount, provider.raw(), name.trim_end());
    let mut remnant = Remnant::new(item, record);
    remnant.details = fact("id there", text(record, "userId"))
        .into_iter()
        .collect();
    Ok(remnant)
}

/// Lists the addresses by which the password can be had back, where the realm lets it be.
fn recovery(account: &Account) -> Vec<Remnant> {
    let mail = account.mail.iter().map(|mail| Remnant {
        kept: Some(
            "it is part of the profile: compare it with what the person says, change it there"
                .into(),
        ),
        ..Remnant::new(
            Item::new(
                RemnantKind::RecoveryData,
                "email",
                &format!("mail {}", mail.raw()),
            ),
            &json!(mail.raw()),
        )
    });
    mail.collect()
}

impl Keycloak {
    /// Reads everything that was left in an account, each kind for itself.
    pub(super) async fn remnants(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        let raw = id.raw();
        let (user, consents, credentials, sessions, linked) = futures::join!(
            self.user(raw),
            self.list(self.get(CONSENTS, &[raw])?, consent),
            self.list(self.get(CREDENTIALS, &[raw])?, credential),
            self.sessions(raw),
            self.list(self.get(FEDERATED, &[raw])?, linked),
        );
        let account = match user? {
            Some((account, _)) if account.id == *id => account,
            _ => return Err(ConnectError::unsent("the account is not found".into())),
        };
        let mut left = LeftBehind::default();
        left.add(RemnantKind::OauthGrant, consents.map_err(unread));
        let credentials = credentials.map(|all| all.into_iter().flatten().collect());
        left.add(RemnantKind::MfaMethod, credentials.map_err(unread));
        match sessions {
            Ok(sessions) => {
                let (offline, online): (Vec<&Session>, Vec<&Session>) =
                    sessions.iter().partition(|session| session.offline);
                let all = |list: Vec<&Session>| Ok(list.into_iter().map(session).collect());
                left.add(RemnantKind::RefreshToken, all(offline));
                left.add(RemnantKind::Session, all(online));
            }
            Err(error) => {
                for kind in [RemnantKind::RefreshToken, RemnantKind::Session] {
                    left.add(kind, Err(error.what.clone()));
                }
            }
        }
        left.add(RemnantKind::LinkedAccount, linked.map_err(unread));
        left.add(RemnantKind::RecoveryData, Ok(recovery(&account)));
        Ok(left)
    }

    /// Builds the request that removes an item of an account.
    fn removal_request(&self, item: &Item, account: &str) -> Result<Request, ConnectError> {
        let realm = self.client.realm.as_str();
        let id = item.id.raw();
        let delete = |route, ids: &[&str]| Request::new(Class::Write, Method::DELETE, route, ids);
        match item.kind {
            RemnantKind::OauthGrant => delete(CONSENT, &[realm, account, id]),
            RemnantKind::MfaMethod => delete(CREDENTIAL, &[realm, account, id]),
            RemnantKind::RefreshToken => self.end_offline(id),
            RemnantKind::Session => delete(SESSION, &[realm, id]),
            RemnantKind::LinkedAccount => delete(LINK, &[realm, account, id]),
            _ => Err(ConnectError::unsent(safe!(
                "Keycloak has no request that removes the {}",
                item.word()
            ))),
        }
    }

    /// Gives the step of [`Identity::removal`].
    pub(super) fn removal_step(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        if account.id.connection != self.connection {
            return lacking("the account belongs to another connection");
        }
        // Clients and providers are called as their owners like; what cannot stand in a path is refused below.
        let is_named = matches!(
            item.kind,
            RemnantKind::OauthGrant | RemnantKind::LinkedAccount
        ) || is_id(item.id.raw());
        if !is_id(account.id.raw()) || !is_named {
            return lacking("its id is not an id of this provider");
        }
        let facts = match (item.kind, account.factors.as_deref()) {
            (RemnantKind::MfaMethod, None) => {
                return lacking(
                    "its MFA methods could not be read: what is left then is not known",
                );
            }
            (_, all) => facts::removal(item, all.unwrap_or_default(), self.lifespan()),
        };
        Ok(Step {
            kind: ActionKind::RemoveItem,
            call: self.prepared(self.removal_request(item, account.id.raw()))?,
            facts,
        })
    }

    /// Builds the confirmed request again and gives it only if it is the same.
    pub(super) fn confirmed_removal(
        &self,
        action: &ConfirmedAction,
    ) -> Result<Request, ConnectError> {
        let refused = || differs(ActionKind::RemoveItem);
        let item = action.item().ok_or_else(refused)?;
        let path = action.call().path.as_str();
        // `/admin/realms/REALM/users/ID/..` below whatever path the server has; a session stands for itself.
        let account = path.split_once("/users/").map_or("", |(_, rest)| rest);
        let account = account.split('/').next().unwrap_or_default();
        let account = account.replace("%3A", ":");
        if !account.is_empty() && !is_id(&account) {
            return Err(refused());
        }
        let request = self.removal_request(item, &account)?;
        self.unchanged(ActionKind::RemoveItem, request, action.call())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_no_method_to_remove() {
        let password = json!({"id": "p", "type": "password"});
        assert_eq!(credential(&password), Ok(None));
        let otp = json!({"id": "o", "type": "otp", "userLabel": "phone", "createdDate": 1_795_230_000_000_i64});
        let read = credential(&otp).ok().flatten();
        let read = read.unwrap_or_else(|| panic!("a credential"));
        assert_eq!(read.item.name.raw(), "otp phone");
        assert!(read.since.is_some() && read.kept.is_none());
        let kept = json!({"id": "o", "type": "otp", "federationLink": "ldap1"});
        let kept = credential(&kept).ok().flatten();
        assert!(kept.is_some_and(|kept| kept.kept.is_some()));
    }

    #[test]
    fn a_consent_says_whether_offline_tokens_end_with_it() {
        let record = json!({
            "clientId": "mail", "grantedClientScopes": ["email", "profile"], "createdDate": 1_795_230_000_000_i64,
            "additionalGrants": [{"key": "Offline Token", "client": "c1"}],
        });
        let read = consent(&record).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.details[0].raw(), "scopes email profile");
        assert!(read.details[1].raw().contains("offline tokens"));
        assert!(consent(&json!({"grantedClientScopes": []})).is_err());
    }

    #[test]
    fn a_linked_account_says_whose_it_is() {
        let record =
            json!({"identityProvider": "github", "userId": "9117", "userName": "mlind-work"});
        let read = linked(&record).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (read.item.id.raw(), read.item.name.raw()),
            ("github", "github mlind-work")
        );
        assert!(read.kept.is_none() && read.details[0].raw() == "id there 9117");
        assert!(linked(&json!({"userId": "9117"})).is_err());
    }

    #[test]
    fn sessions_are_told_apart_by_whether_they_need_the_user() {
        let one = |offline| Session {
            id: "s1".into(),
            offline,
            clients: vec!["portal".into()],
            started: None,
            last_used: None,
            ip: Some("203.0.113.9".into()),
        };
        assert_eq!(session(&one(true)).item.kind, RemnantKind::RefreshToken);
        let online = session(&one(false));
        assert_eq!(online.item.word().as_str(), "session of portal");
        assert_eq!(online.details[0].raw(), "from 203.0.113.9");
    }
}
