//! What was left in a mailbox: filters, forwarding, delegates.
//!
//! The mailbox is another server's, and its owner's: a token for it is asked for on behalf of the owner, with a scope for
//! reading (and for filters) and one for what shares the mailbox. Source: Gmail API v1, `users.settings`.
//!
//! What must not live here: the directory.

use reqwest::Method;
use serde_json::{Value, json};

use super::scope::{MailScope, explained};
use super::{Google, evidence, wire};
use crate::connect::capability::{Accepted, ActionFacts, ConnectError, Lacking, Step};
use crate::connect::decode::{FieldError, at, each, need_text, text};
use crate::connect::http::{Class, Request};
use crate::domain::account::Account;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const FILTERS: &str = "/gmail/v1/users/{userId}/settings/filters";
const FILTER: &str = "/gmail/v1/users/{userId}/settings/filters/{id}";
const FORWARDING: &str = "/gmail/v1/users/{userId}/settings/autoForwarding";
const ADDRESSES: &str = "/gmail/v1/users/{userId}/settings/forwardingAddresses";
const ADDRESS: &str = "/gmail/v1/users/{userId}/settings/forwardingAddresses/{forwardingEmail}";
const DELEGATES: &str = "/gmail/v1/users/{userId}/settings/delegates";
const DELEGATE: &str = "/gmail/v1/users/{userId}/settings/delegates/{delegateEmail}";

/// The id that stands for forwarding all mail; an address has an `@` in it.
const ALL: &str = "all mail";

/// Tells whether things of a kind lie in the mailbox.
pub(super) fn holds(kind: RemnantKind) -> bool {
    matches!(
        kind,
        RemnantKind::InboxRule | RemnantKind::Forwarding | RemnantKind::Delegate
    )
}

/// Reads one filter; its name says what it looks for and what it does.
fn filter(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let looks = ["from", "to", "subject", "query", "negatedQuery"].iter();
    let looks = looks.filter_map(|field| {
        let wanted = text(record, &format!("criteria.{field}"))?;
        Some(format!("{field} {}", wanted.raw()))
    });
    let labels = |field: &str, word: &str| {
        let all = at(record, &format!("action.{field}"))?.as_array()?;
        let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
        (!all.is_empty()).then(|| format!("{word} {}", all.join(" ")))
    };
    let forward = text(record, "action.forward");
    let does = [
        forward.map(|to| format!("forwards to {}", to.raw())),
        labels("addLabelIds", "adds"),
        labels("removeLabelIds", "removes"),
    ];
    let does: Vec<String> = does.into_iter().flatten().collect();
    let name = format!(
        "{}: {}",
        looks.collect::<Vec<_>>().join(", "),
        does.join(", ")
    );
    let item = Item::new(RemnantKind::InboxRule, id.raw(), &name);
    Ok(Remnant::new(item, record))
}

/// Reads whether all mail is forwarded; `None` where it is not.
///
/// # Errors
/// The answer is none: what it says is not known, and is not that nothing is forwarded.
fn forwarding(record: &Value) -> Result<Option<Remnant>, FieldError> {
    let fields = record.as_object();
    let fields = fields.ok_or(FieldError::Type("autoForwarding", "an object"))?;
    match fields.get("enabled") {
        Some(Value::Bool(true)) => {}
        None if fields.contains_key("error") => return Err(FieldError::Missing("enabled")),
        Some(Value::Bool(false)) | None => return Ok(None),
        Some(_) => return Err(FieldError::Type("enabled", "true or false")),
    }
    let to = text(record, "emailAddress").unwrap_or_default();
    let name = format!("of all mail to {}", to.raw());
    let mut remnant = Remnant::new(Item::new(RemnantKind::Forwarding, ALL, &name), record);
    remnant.details = text(record, "disposition").into_iter().collect();
    Ok(Some(remnant))
}

/// Reads somebody's address and how far it was confirmed.
fn address(kind: RemnantKind, field: &'static str, record: &Value) -> Result<Remnant, FieldError> {
    let mail = need_text(record, field)?;
    let mut remnant = Remnant::new(Item::new(kind, mail.raw(), mail.raw()), record);
    remnant.details = text(record, "verificationStatus").into_iter().collect();
    Ok(remnant)
}

/// Gives the request that removes an item of a mailbox, and the scope that it needs.
fn removal_request(item: &Item, mail: &str) -> Result<(MailScope, Request), ConnectError> {
    let delete = |route| Request::new(Class::Write, Method::DELETE, route, &[mail, item.id.raw()]);
    Ok(match item.kind {
        RemnantKind::InboxRule => (MailScope::Basic, delete(FILTER)?),
        RemnantKind::Forwarding if item.id.raw() == ALL => {
            let request = Request::new(Class::Write, Method::PUT, FORWARDING, &[mail])?;
            (MailScope::Sharing, request.json(&json!({"enabled": false})))
        }
        RemnantKind::Forwarding => (MailScope::Sharing, delete(ADDRESS)?),
        RemnantKind::Delegate => (MailScope::Sharing, delete(DELEGATE)?),
        _ => {
            let what = safe!("{} does not lie in a mailbox", item.word());
            return Err(ConnectError::unsent(what));
        }
    })
}

fn facts(item: &Item, scope: MailScope) -> ActionFacts {
    let kept = "what was there before is kept in the audit log";
    let (effect, undo): (Safe, Safe) = match item.kind {
        RemnantKind::InboxRule => (
            "this filter is deleted; mail that it moved, hid or sent on stays where it is".into(),
            safe!("by hand only: a filter made anew has another id; {}", kept),
        ),
        RemnantKind::Delegate => (
            safe!("{} cannot open the mailbox any more", item.name.field()),
            safe!(
                "by hand only: the owner of the address has to accept anew; {}",
                kept
            ),
        ),
        _ if item.id.raw() == ALL => (
            "new mail is not forwarded any more; the address stays among those that can be chosen"
                .into(),
            safe!("by hand only: switch forwarding on again; {}", kept),
        ),
        _ => (
            safe!("{} cannot be forwarded to any more", item.name.field()),
            safe!(
                "by hand only: the owner of the address has to confirm anew; {}",
                kept
            ),
        ),
    };
    ActionFacts {
        effect,
        undo,
        limits: safe!(
            "mail that is gone does not come back; ends no session; needs {}",
            scope.word()
        ),
        proof: "it is not listed any more, read twice".into(),
    }
}

fn broken(error: &FieldError) -> Safe {
    Untrusted::new(error.to_string()).line()
}

impl Google {
    async fn in_mailbox(&self, mail: &str, route: &'static str) -> Result<Value, ConnectError> {
        let scope = MailScope::Basic;
        let http = self.clients.mailbox(mail, scope)?;
        let request = Request::get(route, &[mail])?.list().urgent();
        let answer = http.read(&request).await;
        answer
            .map_err(|error| explained(error, scope.word()))?
            .json()
    }

    async fn listed(
        &self,
        mail: &str,
        (route, field): (&'static str, &'static str),
        decode: impl Fn(&Value) -> Result<Remnant, FieldError>,
    ) -> Result<Vec<Remnant>, Safe> {
        let page = self
            .in_mailbox(mail, route)
            .await
            .map_err(|error| error.what)?;
        let records = wire::items(&page, field).map_err(|error| broken(&error))?;
        let (all, faults) = each(records, &["id"], decode);
        match faults.first() {
            Some(fault) => Err(safe!(
                "record {}: {}",
                fault.record.field(),
                fault.reason.line()
            )),
            None => Ok(all),
        }
    }

    /// Reads what was left in a mailbox, each kind for itself.
    pub(super) async fn add_mailbox(&self, mail: &str, left: &mut LeftBehind) {
        let forwarded = ("forwardingEmail", RemnantKind::Forwarding);
        let delegated = ("delegateEmail", RemnantKind::Delegate);
        let (filters, all, addresses, delegates) = futures::join!(
            self.listed(mail, (FILTERS, "filter"), filter),
            self.in_mailbox(mail, FORWARDING),
            self.listed(mail, (ADDRESSES, "forwardingAddresses"), |record| {
                address(forwarded.1, forwarded.0, record)
            }),
            self.listed(mail, (DELEGATES, "delegates"), |record| {
                address(delegated.1, delegated.0, record)
            }),
        );
        left.add(RemnantKind::InboxRule, filters);
        let all = all
            .map_err(|error| error.what)
            .and_then(|record| forwarding(&record).map_err(|error| broken(&error)));
        let forwarding = all.and_then(|one| {
            let addresses = addresses?;
            Ok(one.into_iter().chain(addresses).collect())
        });
        left.add(RemnantKind::Forwarding, forwarding);
        left.add(RemnantKind::Delegate, delegates);
    }

    /// Gives the step that removes an item of a mailbox.
    pub(super) fn mailbox_step(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        let mail = account.login.raw();
        let made = || {
            let (scope, request) = removal_request(item, mail)?;
            let call = self.clients.mailbox(mail, scope)?.prepared(&request)?;
            Ok((call, facts(item, scope)))
        };
        let (call, facts) = made().map_err(|error: ConnectError| Lacking { reason: error.what })?;
        Ok(Step {
            kind: ActionKind::RemoveItem,
            call,
            facts,
        })
    }

    /// Sends the confirmed removal of an item of a mailbox.
    pub(super) async fn remove_in_mailbox(
        &self,
        action: &ConfirmedAction,
        item: &Item,
    ) -> Result<Accepted, ConnectError> {
        let mail = action.call().path.split('/').nth(4).unwrap_or_default();
        let mail = evidence::decoded(mail);
        let (scope, request) = removal_request(item, &mail)?;
        let http = self.clients.mailbox(&mail, scope)?;
        if http.prepared(&request)? != *action.call() {
            return Err(ConnectError::unsent(safe!(
                "{}: the confirmed request does not belong to this connection",
                action.kind().word()
            )));
        }
        let answer = http.write(&request).await;
        let answer = answer.map_err(|error| explained(error, scope.word()))?;
        Ok(Accepted {
            status: answer.status,
            request_id: answer.request_id,
            server_date: answer.server_date,
            secret: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_what_it_looks_for_and_what_it_does() {
        let record = json!({
            "id": "F1", "criteria": {"from": "bank", "subject": "invoice"},
            "action": {"forward": "drop@x.example", "removeLabelIds": ["INBOX"]},
        });
        let read = filter(&record).unwrap_or_else(|error| panic!("{error}"));
        let name = "from bank, subject invoice: forwards to drop@x.example, removes INBOX";
        assert_eq!((read.item.id.raw(), read.item.name.raw()), ("F1", name));
        assert!(filter(&json!({"criteria": {}})).is_err());
    }

    #[test]
    fn forwarding_that_is_off_is_none() {
        let on = json!({"enabled": true, "emailAddress": "drop@x.example", "disposition": "trash"});
        let id = forwarding(&on).map(|one| one.map(|one| one.item.id));
        assert_eq!(id, Ok(Some(ALL.into())));
        let off = json!({"enabled": false, "emailAddress": "a@b"});
        assert_eq!(forwarding(&off), Ok(None));
        assert_eq!(forwarding(&json!({})), Ok(None));
    }

    #[test]
    fn an_answer_that_says_nothing_is_not_that_nothing_is_forwarded() {
        let object = FieldError::Type("autoForwarding", "an object");
        for answer in [json!(null), json!([]), json!("x"), json!(true), json!(0)] {
            assert_eq!(forwarding(&answer), Err(object.clone()), "{answer}");
        }
        let failed = json!({"error": {"code": 503, "message": "backendError"}});
        assert_eq!(forwarding(&failed), Err(FieldError::Missing("enabled")));
        let flag = FieldError::Type("enabled", "true or false");
        for enabled in [json!("true"), json!(null), json!(1), json!({})] {
            let answer = json!({"enabled": enabled});
            assert_eq!(forwarding(&answer), Err(flag.clone()), "{answer}");
        }
    }

    #[test]
    fn each_thing_has_its_own_request_and_scope() {
        let scope = |kind, id: &str| {
            removal_request(&Item::new(kind, id, "x"), "a@b").map(|(scope, _)| scope.word())
        };
        let sharing = Ok("gmail.settings.sharing");
        assert_eq!(
            scope(RemnantKind::InboxRule, "F1"),
            Ok("gmail.settings.basic")
        );
        assert_eq!(scope(RemnantKind::Forwarding, ALL), sharing);
        assert_eq!(scope(RemnantKind::Forwarding, "a@b"), sharing);
        assert_eq!(scope(RemnantKind::Delegate, "a@b"), sharing);
        for kind in RemnantKind::ALL {
            assert_eq!(scope(kind, "7").is_ok(), holds(kind), "{kind:?}");
        }
    }
}
