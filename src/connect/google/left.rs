//! What Google tells of what was left in an account: apps with tokens, app passwords, ways to recover the password.
//!
//! Of the second step it says only whether there is one. Filters, forwarding and delegates are the mailbox's (`mailbox`).
//! Source: Directory API v1, `Token`, `Asp`, `User`. What must not live here: HTTP policy.

use reqwest::Method;
use serde_json::{Value, json};

use super::scope::Scope;
use super::{ASP, ASPS, Google, TOKEN, TOKENS, facts, is_id, mailbox, wire};
use crate::connect::capability::{ConnectError, Lacking, Step};
use crate::connect::decode::{FieldError, at, text};
use crate::connect::http::{Class, Request};
use crate::domain::account::{Account, Factor};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

fn lacking<T>(reason: impl Into<Safe>) -> Result<T, Lacking> {
    Err(Lacking {
        reason: reason.into(),
    })
}

/// Reads what one app may do.
fn grant(record: &Value) -> Result<Remnant, FieldError> {
    let token = wire::token(record)?;
    let name = token.clients.first().map_or("", Untrusted::raw);
    let item = Item::new(RemnantKind::OauthGrant, token.id.raw(), name);
    let mut remnant = Remnant::new(item, record);
    let scopes = at(record, "scopes").and_then(Value::as_array);
    let scopes: Vec<&str> = scopes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !scopes.is_empty() {
        remnant.details = vec![Untrusted::new(format!("scopes {}", scopes.join(" ")))];
    }
    Ok(remnant)
}

/// Reads one app password.
fn app_password(record: &Value) -> Result<Remnant, FieldError> {
    let read = wire::app_password(record)?;
    let number = text(record, "codeId").unwrap_or_default();
    let name = text(record, "name").unwrap_or_default();
    let item = Item::new(RemnantKind::AppPassword, number.raw(), name.raw());
    let mut remnant = Remnant::new(item, record);
    remnant.since = read.started;
    remnant.last_used = read.last_used;
    Ok(remnant)
}

/// Puts what the user record says of one way in as something that was left.
fn of_profile(kind: RemnantKind, factor: &Factor) -> Remnant {
    let item = Item::new(kind, factor.id.raw(), factor.kind.raw());
    let kept = match kind {
        RemnantKind::RecoveryData => {
            "it is part of the profile: compare it with what the person says, change it in the admin console"
        }
        _ => {
            "Google lists no methods, and turning the second step off as a whole would weaken the account"
        }
    };
    Remnant {
        kept: Some(kept.into()),
        ..Remnant::new(item, &json!(factor.kind.raw()))
    }
}

impl Google {
    /// Reads everything that was left in an account, each kind for itself.
    pub(super) async fn remnants(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        let raw = id.raw();
        let list = |route| Request::get(route, &[raw]);
        let (user, tokens, passwords) = futures::join!(
            self.user(raw),
            self.list(Scope::Security, list(TOKENS)?, "items", grant),
            self.list(Scope::Security, list(ASPS)?, "items", app_password),
        );
        let account = match user? {
            Some((account, _)) if account.id == *id => account,
            _ => return Err(ConnectError::unsent("the account is not found".into())),
        };
        let mut left = LeftBehind::default();
        left.add(RemnantKind::OauthGrant, tokens.map_err(|error| error.what));
        let passwords = passwords.map_err(|error| error.what);
        left.add(RemnantKind::AppPassword, passwords);
        let (ways, methods): (Vec<&Factor>, Vec<&Factor>) = account
            .factors
            .iter()
            .flatten()
            .partition(|factor| factor.id.raw().starts_with("recovery"));
        for (kind, all) in [
            (RemnantKind::MfaMethod, methods),
            (RemnantKind::RecoveryData, ways),
        ] {
            let all = all.into_iter().map(|factor| of_profile(kind, factor));
            left.add(kind, Ok(all.collect()));
        }
        self.add_mailbox(account.login.raw(), &mut left).await;
        Ok(left)
    }

    /// Builds the request that removes an item of an account.
    fn removal_request(item: &Item, account: &str) -> Result<(Scope, Request), ConnectError> {
        let route = match item.kind {
            RemnantKind::OauthGrant => TOKEN,
            RemnantKind::AppPassword => ASP,
            _ => {
                let what = safe!("Google has no request that removes the {}", item.word());
                return Err(ConnectError::unsent(what));
            }
        };
        let ids = [account, item.id.raw()];
        let request = Request::new(Class::Write, Method::DELETE, route, &ids)?;
        Ok((Scope::Security, request))
    }

    /// Gives the step that removes an item, or why there is none for this account.
    pub(super) fn removal_step(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        if account.id.connection != self.connection {
            return lacking("the account belongs to another connection");
        }
        if !is_id(account.id.raw()) {
            return lacking("its id is not an id of this provider");
        }
        if mailbox::holds(item.kind) {
            return self.mailbox_step(item, account);
        }
        let request = Self::removal_request(item, account.id.raw());
        self.step(ActionKind::RemoveItem, request, facts::removal(item))
    }

    /// Builds the confirmed request again.
    pub(super) fn confirmed_removal(
        action: &ConfirmedAction,
        account: &str,
    ) -> Result<(Scope, Request), ConnectError> {
        let item = action
            .item()
            .ok_or_else(crate::connect::capability::no_item)?;
        Self::removal_request(item, account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_says_what_it_may() {
        let record = json!({"clientId": "7.apps", "displayText": "Sync", "scopes": ["a", "b"]});
        let read = grant(&record).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (read.item.id.raw(), read.item.name.raw()),
            ("7.apps", "Sync")
        );
        assert_eq!(read.details, [Untrusted::new("scopes a b")]);
        assert!(grant(&json!({"displayText": "Sync"})).is_err());
    }

    #[test]
    fn an_app_password_says_when_it_was_made_and_used() {
        let record = json!({"codeId": 3, "name": "Phone", "creationTime": "1795000000", "lastTimeUsed": "1795000001"});
        let read = app_password(&record).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((read.item.id.raw(), read.item.name.raw()), ("3", "Phone"));
        assert!(read.since < read.last_used);
        assert!(app_password(&json!({"name": "Phone"})).is_err());
    }

    #[test]
    fn only_what_has_a_request_can_be_removed() {
        for kind in RemnantKind::ALL {
            let item = Item::new(kind, "7", "x");
            let can = matches!(kind, RemnantKind::OauthGrant | RemnantKind::AppPassword);
            assert_eq!(Google::removal_request(&item, "1").is_ok(), can, "{kind:?}");
        }
    }
}
