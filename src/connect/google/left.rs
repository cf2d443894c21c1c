//! What Google tells of what was left in an account: apps with tokens, app passwords, backup codes, aliases, ways to recover
//! the password, mobile devices.
//!
//! Of the second step it says only whether there is one, and of backup codes the codes themselves: they are counted and
//! dropped. Filters, forwarding and delegates are the mailbox's (`mailbox`). Source: Directory API v1, `Token`, `Asp`, `User`,
//! `VerificationCode`, `Alias`, `MobileDevice`. What must not live here: HTTP policy.

use reqwest::Method;
use serde_json::{Value, json};

use super::scope::Scope;
use super::{
    ASP, ASPS, CUSTOMER, Google, MOBILE, TOKEN, TOKENS, USER, facts, is_id, mailbox, wire,
};
use crate::connect::capability::{ConnectError, Lacking, Step};
use crate::connect::decode::{FieldError, at, need_text, text, texts, time};
use crate::connect::http::{Class, Request};
use crate::domain::account::{Account, Factor};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind, Unread};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const ALIASES: &str = "/admin/directory/v1/users/{userKey}/aliases";
const ALIAS: &str = "/admin/directory/v1/users/{userKey}/aliases/{alias}";
const CODES: &str = "/admin/directory/v1/users/{userKey}/verificationCodes";
const INVALIDATE: &str = "/admin/directory/v1/users/{userKey}/verificationCodes/invalidate";

/// The id and the name of all backup codes together: they are void together.
const BACKUP: &str = "backup codes";
/// What is never listed of the second step.
const CODES_ONLY: &str = "Google lists no second factors but backup codes";
/// What is never listed of devices. Source: Directory API v1, `mobiledevices.list`.
const COMPANY_OWNED: &str = "company-owned devices are not listed by this interface";
/// Fields of the profile by which the password can be had back.
const WAYS: [&str; 2] = ["recoveryEmail", "recoveryPhone"];

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
    let weakens = "Google lists no methods, and turning the second step off as a whole would weaken the account";
    Remnant {
        kept: (kind == RemnantKind::MfaMethod).then(|| weakens.into()),
        ..Remnant::new(item, &json!(factor.kind.raw()))
    }
}

/// Sees that a record is a backup code; the code goes no further.
fn code(record: &Value) -> Result<(), FieldError> {
    need_text(record, "verificationCode").map(|_| ())
}

/// Puts the backup codes that can be used together; `None` where there is none.
fn backup_codes(count: usize) -> Option<Remnant> {
    let item = Item::new(RemnantKind::MfaMethod, BACKUP, BACKUP);
    let count_word = match count {
        0 => return None,
        1 => "1 code that can be used, not kept and not shown".to_owned(),
        more => format!("{more} codes that can be used, not kept and not shown"),
    };
    Some(Remnant {
        details: vec![Untrusted::new(count_word)],
        ..Remnant::new(item, &json!({"codes": count}))
    })
}

/// Adds what is known of the second step, and names what Google never tells of it.
///
/// What it lists at all is whole once the codes were read, so that codes which are gone are known to be; methods that it has
/// no list of stand beside it as not read.
fn add_methods(
    left: &mut LeftBehind,
    mut methods: Vec<Remnant>,
    codes: Result<usize, ConnectError>,
) {
    let kind = RemnantKind::MfaMethod;
    match codes {
        Ok(codes) => {
            methods.extend(backup_codes(codes));
            left.add(kind, Ok(methods));
            let reason = CODES_ONLY.into();
            left.unread.push(Unread { kind, reason });
        }
        Err(error) => {
            let reason = safe!("{}; backup codes: {}", CODES_ONLY, error.what);
            left.add_part(kind, methods, reason);
        }
    }
}

/// Reads one alias; `fixed` are those that Google made and keeps.
fn alias(record: &Value, fixed: &[Untrusted]) -> Result<Remnant, FieldError> {
    let address = need_text(record, "alias")?;
    let item = Item::new(RemnantKind::MailAlias, address.raw(), address.raw());
    let is_fixed = fixed.contains(&address);
    Ok(Remnant {
        kept: is_fixed.then(|| "it comes with the domain and cannot be changed".into()),
        ..Remnant::new(item, record)
    })
}

/// Reads one mobile device, and whose it is; nothing here changes it.
fn device(record: &Value) -> Result<(Remnant, Vec<Untrusted>), FieldError> {
    let id = need_text(record, "resourceId")?;
    let name = text(record, "model").unwrap_or_else(|| id.clone());
    let mut remnant = Remnant::new(Item::new(RemnantKind::Device, id.raw(), name.raw()), record);
    remnant.since = time(record, "firstSync");
    remnant.last_used = time(record, "lastSync");
    let fields = ["os", "type", "status", "deviceCompromisedStatus"];
    remnant.details = fields.iter().filter_map(|one| text(record, one)).collect();
    remnant.kept =
        Some("a mobile device is listed only: block or wipe it in the admin console".into());
    Ok((remnant, texts(record, "email")))
}

impl Google {
    /// Reads everything that was left in an account, each kind for itself.
    pub(super) async fn remnants(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        let raw = id.raw();
        let list = |route| Request::get(route, &[raw]);
        let whole = |record: &Value| Ok(record.clone());
        let (user, tokens, passwords, codes, aliases) = futures::join!(
            self.user(raw),
            self.list(Scope::Security, list(TOKENS)?, "items", grant),
            self.list(Scope::Security, list(ASPS)?, "items", app_password),
            self.list(Scope::Security, list(CODES)?, "items", code),
            self.list(Scope::Users, list(ALIASES)?, "aliases", whole),
        );
        let (account, record) = match user? {
            Some((account, record)) if account.id == *id => (account, record),
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
        let of = |kind, all: Vec<&Factor>| -> Vec<Remnant> {
            let all = all.into_iter().map(|factor| of_profile(kind, factor));
            all.collect()
        };
        let methods = of(RemnantKind::MfaMethod, methods);
        add_methods(&mut left, methods, codes.map(|codes| codes.len()));
        left.add(
            RemnantKind::RecoveryData,
            Ok(of(RemnantKind::RecoveryData, ways)),
        );
        let fixed = texts(&record, "nonEditableAliases");
        let aliases = aliases.map_err(|error| error.what).and_then(|all| {
            let all = all.iter().map(|record| alias(record, &fixed));
            let all = all.collect::<Result<Vec<_>, _>>();
            all.map_err(|error| Untrusted::new(error.to_string()).line())
        });
        left.add(RemnantKind::MailAlias, aliases);
        let devices = self.mobile(&account).await;
        match devices {
            Ok(devices) => left.add_part(RemnantKind::Device, devices, COMPANY_OWNED.into()),
            Err(error) => left.add(RemnantKind::Device, Err(error.what)),
        }
        self.add_mailbox(account.login.raw(), &mut left).await;
        Ok(left)
    }

    /// Lists the mobile devices of an account; one of somebody else that the search gave, too, is left out.
    async fn mobile(&self, account: &Account) -> Result<Vec<Remnant>, ConnectError> {
        let request = Request::get(MOBILE, &[CUSTOMER])?
            .query("query", &format!("email:{}", account.login.raw()))
            .query("projection", "FULL")
            .query("maxResults", "100");
        let all = self.list(Scope::Mobile, request, "mobiledevices", device);
        let is_own = |owner: &Untrusted| super::carries(account, owner.raw());
        let own = all.await?.into_iter().filter(|(_, owners)| {
            // Without an owner in it, the search is all that says whose it is.
            owners.is_empty() || owners.iter().any(is_own)
        });
        Ok(own.map(|(remnant, _)| remnant).collect())
    }

    /// Builds the request that removes an item of an account.
    fn removal_request(item: &Item, account: &str) -> Result<(Scope, Request), ConnectError> {
        let id = item.id.raw();
        let delete = |route| Request::new(Class::Write, Method::DELETE, route, &[account, id]);
        match item.kind {
            RemnantKind::OauthGrant => Ok((Scope::Security, delete(TOKEN)?)),
            RemnantKind::AppPassword => Ok((Scope::Security, delete(ASP)?)),
            RemnantKind::MailAlias => Ok((Scope::Users, delete(ALIAS)?)),
            RemnantKind::MfaMethod if id == BACKUP => {
                let request = Request::new(Class::Write, Method::POST, INVALIDATE, &[account])?;
                Ok((Scope::Security, request))
            }
            // `PUT` leaves a field that is not there as it is and clears one that is null.
            RemnantKind::RecoveryData if WAYS.contains(&id) => {
                let request = Request::new(Class::Write, Method::PUT, USER, &[account])?;
                Ok((Scope::Users, request.json(&json!({id: null}))))
            }
            _ => {
                let what = safe!("Google has no request that removes the {}", item.word());
                Err(ConnectError::unsent(what))
            }
        }
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
            let can = matches!(
                kind,
                RemnantKind::OauthGrant | RemnantKind::AppPassword | RemnantKind::MailAlias
            );
            assert_eq!(Google::removal_request(&item, "1").is_ok(), can, "{kind:?}");
        }
        // The second step as a whole is never switched off.
        let second = Item::new(RemnantKind::MfaMethod, "2sv", "2-step verification");
        assert!(Google::removal_request(&second, "1").is_err());
    }

    #[test]
    fn backup_codes_are_counted_and_kept_nowhere() {
        let record = json!({"userId": "1", "verificationCode": "48151623"});
        assert_eq!(code(&record), Ok(()));
        let refused = code(&json!({"verificationCode": {"x": "48151623"}}));
        let said = refused.map_err(|error| error.to_string());
        assert!(said.is_err_and(|said| !said.contains("48151623")));
        assert_eq!(backup_codes(0), None);
        let codes = backup_codes(8).unwrap_or_else(|| panic!("codes"));
        assert!(codes.details[0].raw().starts_with("8 codes"));
        assert_eq!(codes.before.raw(), r#"{"codes":8}"#);
        // Another number of them is the same thing.
        assert_eq!(backup_codes(1).map(|one| one.item), Some(codes.item));
    }

    #[test]
    fn methods_that_google_never_lists_are_named_and_codes_that_are_gone_are_known_to_be() {
        let read = |codes| {
            let mut left = LeftBehind::default();
            add_methods(&mut left, Vec::new(), codes);
            left
        };
        let codes = Item::new(RemnantKind::MfaMethod, BACKUP, BACKUP);
        let there = |left: &LeftBehind| left.lists(&codes).map(|found| found.is_some());
        assert_eq!(there(&read(Ok(2))), Ok(true));
        let gone = read(Ok(0));
        assert_eq!(there(&gone), Ok(false));
        assert_eq!(gone.unread.len(), 1);
        assert_eq!(gone.unread[0].reason.as_str(), CODES_ONLY);
        let failed = read(Err(ConnectError::unsent("403".into())));
        let reason = there(&failed).err().unwrap_or_else(|| panic!("{failed:?}"));
        assert!(reason.as_str().contains("backup codes: 403"), "{reason}");
        assert!(reason.as_str().starts_with(CODES_ONLY), "{reason}");
    }

    #[test]
    fn a_way_to_recover_is_cleared_and_nothing_else_is_sent() {
        for way in WAYS {
            let item = Item::new(RemnantKind::RecoveryData, way, "recovery");
            let sent = Google::removal_request(&item, "1");
            let (scope, request) = sent.unwrap_or_else(|error| panic!("{error}"));
            let said = format!("{request:?}");
            assert_eq!(scope, Scope::Users);
            assert!(
                said.contains("PUT") && said.contains("/users/1\""),
                "{said}"
            );
        }
    }

    #[test]
    fn an_alias_of_the_domain_stays() {
        let record = json!({"alias": "m.lind@acme.example", "primaryEmail": "mara@acme.example"});
        let read = |fixed: &[Untrusted]| alias(&record, fixed).map(|one| one.kept.is_some());
        assert_eq!(read(&[]), Ok(false));
        assert_eq!(read(&["m.lind@acme.example".into()]), Ok(true));
        assert!(alias(&json!({"id": "1"}), &[]).is_err());
    }

    #[test]
    fn a_mobile_device_says_since_when_and_whose_it_is() {
        let record = json!({
            "resourceId": "AFi", "model": "Galaxy A15", "os": "Android 14", "firstSync": "2026-11-21T03:00:00.000Z",
            "email": ["mara@acme.example"],
        });
        let (read, owners) = device(&record).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.item.name.raw(), "Galaxy A15");
        assert!(read.since.is_some() && read.kept.is_some());
        assert_eq!(owners, [Untrusted::new("mara@acme.example")]);
    }
}
