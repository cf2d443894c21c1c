//! What Okta tells of what was left in an account: grants, refresh tokens by client, factors, devices, recovery data.
//!
//! Source: Okta Management API, schemas `OAuth2ScopeConsentGrant`, `OAuth2RefreshToken`, `UserFactor`, `UserDevice`. The
//! list of factors has only those that the policy lets the account use (see `enrolled` for the others); one thing is asked
//! for by its id, and is gone where its list does not have it either. What must not live here: the words of the dialog (see
//! `removal`).

use serde_json::Value;

use super::{
    CLIENTS, FACTOR, FACTORS, GRANT, GRANTS, Okta, TOKENS, USER, USER_DEVICES, enrolled, wire,
};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::connect::http::Request;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most clients whose tokens are listed; more is said, never left out in silence.
const CLIENTS_MAX: usize = 100;

/// Says why one list is not known.
fn unread(error: ConnectError) -> Safe {
    error.what
}

/// Leaves out of a record what only leads to other records.
pub(super) fn bare(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "_links" | "_embedded"));
    }
    record
}

pub(super) fn fact(label: &str, value: Option<Untrusted>) -> Option<Untrusted> {
    value.map(|value| Untrusted::new(format!("{label} {}", value.raw())))
}

/// Names the client of a grant or token as the list of clients does.
fn client_name(clients: &[wire::Client], id: &str) -> String {
    let known = clients.iter().find(|client| client.id.raw() == id);
    known.map_or_else(|| id.to_owned(), |client| client.name.raw().to_owned())
}

/// Reads one grant; `None` for one that is void.
fn grant(record: &Value, clients: &[wire::Client]) -> Result<Option<Remnant>, FieldError> {
    if !wire::token_lives(record) {
        return Ok(None);
    }
    let id = need_text(record, "id")?;
    let scope = need_text(record, "scopeId")?;
    let client = text(record, "clientId").unwrap_or_default();
    // The application is named by the grant itself; its client is listed only while it holds tokens.
    let title = text(record, "_links.app.title").or_else(|| text(record, "_links.client.title"));
    let called = title.map_or_else(
        || client_name(clients, client.raw()),
        |title| title.raw().to_owned(),
    );
    let name = format!("{called}: {}", scope.raw());
    let mut remnant = Remnant::new(
        Item::new(RemnantKind::OauthGrant, id.raw(), &name),
        &bare(record),
    );
    remnant.since = time(record, "created");
    remnant.details = [
        fact("client", Some(client)),
        fact("given by", text(record, "source")),
        fact("issuer", text(record, "issuer")),
    ]
    .into_iter()
    .flatten()
    .collect();
    Ok(Some(remnant))
}

/// Puts the refresh tokens of one client together; `None` where none of them can be used.
fn tokens(client: &wire::Client, records: &[Value]) -> Option<Remnant> {
    let living: Vec<Value> = records
        .iter()
        .filter(|one| wire::token_lives(one))
        .map(bare)
        .collect();
    let created = living.iter().filter_map(|one| time(one, "created"));
    let newest = created.max();
    let mut scopes: Vec<&str> = living
        .iter()
        .filter_map(|one| at(one, "scopes")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    let count = match living.len() {
        0 => return None,
        1 => "1 token".to_owned(),
        many => format!("{many} tokens, the newest of that time"),
    };
    let details = vec![
        Untrusted::new(count),
        Untrusted::new(format!("scopes {}", scopes.join(" "))),
        Untrusted::new(format!("client {}", client.id.raw())),
    ];
    let item = Item::new(
        RemnantKind::RefreshToken,
        client.id.raw(),
        client.name.raw(),
    );
    Some(Remnant {
        since: newest,
        details,
        ..Remnant::new(item, &Value::Array(living))
    })
}

/// Gives what a factor is called: its device, number, address or name.
fn factor_name(record: &Value) -> Option<Untrusted> {
    let fields = [
        "profile.name",
        "profile.authenticatorName",
        "profile.phoneNumber",
        "profile.email",
        "profile.questionText",
        "profile.credentialId",
    ];
    fields.iter().find_map(|field| text(record, field))
}

/// Reads one factor.
fn factor(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let kind = need_text(record, "factorType")?;
    let called = factor_name(record).unwrap_or_default();
    let name = format!("{} {}", kind.raw(), called.raw());
    let item = Item::new(RemnantKind::MfaMethod, id.raw(), name.trim_end());
    let mut remnant = Remnant::new(item, &bare(record));
    remnant.since = time(record, "created");
    remnant.details = [
        text(record, "status"),
        fact("of", text(record, "provider")),
        fact("on", text(record, "profile.platform")),
    ]
    .into_iter()
    .flatten()
    .collect();
    Ok(remnant)
}

/// Reads one device, which belongs to the organisation and not to the account alone.
fn device(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "device.id")?;
    let name = text(record, "device.profile.displayName").unwrap_or_else(|| id.clone());
    let item = Item::new(RemnantKind::Device, id.raw(), name.raw());
    let mut remnant = Remnant::new(item, &bare(record));
    remnant.since = time(record, "created");
    remnant.details = [
        text(record, "device.status"),
        text(record, "device.profile.platform"),
        fact("serial", text(record, "device.profile.serialNumber")),
    ]
    .into_iter()
    .flatten()
    .collect();
    remnant.kept = Some(
        "a device is the organisation's: it is deactivated in the admin console, for all who use it"
            .into(),
    );
    Ok(remnant)
}

/// Lists the addresses and numbers by which the password can be had back.
fn recovery(record: &Value) -> Vec<Remnant> {
    let known = [
        ("profile.email", "mail"),
        ("profile.secondEmail", "second mail"),
        ("profile.mobilePhone", "mobile phone"),
        ("profile.primaryPhone", "phone"),
        ("credentials.recovery_question.question", "question"),
    ];
    let named = known.iter().filter_map(|(field, word)| {
        let value = text(record, field)?;
        let name = format!("{word} {}", value.raw());
        let item = Item::new(RemnantKind::RecoveryData, *field, &name);
        Some(Remnant {
            kept: Some(
                "it is part of the profile: compare it with what the person says, change it there"
                    .into(),
            ),
            ..Remnant::new(item, &Value::String(value.raw().to_owned()))
        })
    });
    named.collect()
}

/// Finds the record of an id in a list; one that tells no id may be it.
fn one_of(records: &[Value], id: &str) -> Result<Option<Value>, FieldError> {
    for record in records {
        if need_text(record, "id")?.raw() == id {
            return Ok(Some(record.clone()));
        }
    }
    Ok(None)
}

impl Okta {
    /// Reads all records of a list below a user, as they came.
    async fn all(&self, route: &'static str, account: &str) -> Result<Vec<Value>, ConnectError> {
        let (records, _) = self.list(route, &[account]).await?;
        Ok(records)
    }

    async fn records<T>(
        &self,
        route: &'static str,
        id: &str,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, ConnectError> {
        let (records, answer) = self.list(route, &[id]).await?;
        let read: Result<Vec<T>, FieldError> = records.iter().map(decode).collect();
        match (read, answer) {
            (Ok(items), _) => Ok(items),
            (Err(error), Some(answer)) => Err(super::unreadable(&answer, &error)),
            (Err(error), None) => Err(ConnectError::unsent(
                Untrusted::new(error.to_string()).line(),
            )),
        }
    }

    async fn grants(
        &self,
        id: &str,
        clients: &[wire::Client],
    ) -> Result<Vec<Remnant>, ConnectError> {
        let grants = self.records(GRANTS, id, |record| grant(record, clients));
        Ok(grants.await?.into_iter().flatten().collect())
    }

    async fn tokens_of(
        &self,
        id: &str,
        client: &wire::Client,
    ) -> Result<Option<Remnant>, ConnectError> {
        // A client that is not there any more is not listed in the next reading either; until then nobody knows.
        let (records, _) = self.list(TOKENS, &[id, client.id.raw()]).await?;
        Ok(tokens(client, &records))
    }

    async fn all_tokens(
        &self,
        id: &str,
        clients: &[wire::Client],
    ) -> Result<Vec<Remnant>, ConnectError> {
        if clients.len() > CLIENTS_MAX {
            return Err(ConnectError::unsent(safe!(
                "{} clients hold tokens, more than {}: clear the sessions with their tokens instead",
                clients.len(),
                CLIENTS_MAX
            )));
        }
        let mut all = Vec::new();
        for client in clients {
            all.extend(self.tokens_of(id, client).await?);
        }
        Ok(all)
    }

    /// Reads everything that was left in an account, each kind for itself.
    pub(super) async fn remnants(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        let raw = id.raw();
        let user = Request::get(USER, &[raw])?.urgent();
        let listed = |record: &Value| Ok((factor(record)?, record.clone()));
        let (user, clients, factors, enrolled, devices) = futures::join!(
            self.http.read(&user),
            self.whole(CLIENTS, raw, wire::client),
            self.records(FACTORS, raw, listed),
            self.enrollments(raw),
            self.records(USER_DEVICES, raw, device),
        );
        let user: Value = user?.json()?;
        let (known, clients) = match clients {
            Ok(clients) => (Ok(()), clients),
            Err(error) => (Err(error), Vec::new()),
        };
        let (grants, tokens) =
            futures::join!(self.grants(raw, &clients), self.all_tokens(raw, &clients));
        let mut left = LeftBehind::default();
        left.add(RemnantKind::OauthGrant, grants.map_err(unread));
        left.add(RemnantKind::RefreshToken, known.and(tokens).map_err(unread));
        enrolled::add_methods(&mut left, factors, enrolled);
        left.add(
            RemnantKind::Session,
            Err("Okta lists no sessions; revoke sessions ends all of them".into()),
        );
        left.add(RemnantKind::RecoveryData, Ok(recovery(&user)));
        left.add(RemnantKind::Device, devices.map_err(unread));
        Ok(left)
    }

    /// Reads one thing anew; what has an address of its own is asked for there.
    pub(super) async fn one_remnant(
        &self,
        id: &AccountId,
        item: &Item,
    ) -> Result<Option<Remnant>, ConnectError> {
        let raw = id.raw();
        match item.kind {
            RemnantKind::RefreshToken => {
                let clients = self.whole(CLIENTS, raw, wire::client).await?;
                match clients.iter().find(|client| client.id == item.id) {
                    Some(client) => self.tokens_of(raw, client).await,
                    None => Ok(None),
                }
            }
            RemnantKind::OauthGrant => {
                let id = item.id.raw();
                let request = Request::get(GRANT, &[raw, id])?;
                let listed = self.all(GRANTS, raw);
                let Some(record) = self.record(request, raw, id, listed).await? else {
                    return Ok(None);
                };
                let clients = self.whole(CLIENTS, raw, wire::client).await;
                grant(&record, &clients.unwrap_or_default()).map_err(|error| broken(&error))
            }
            RemnantKind::MfaMethod => {
                if let Some(id) = enrolled::id_of(item) {
                    return self.one_enrolled(raw, id).await;
                }
                let id = item.id.raw();
                let request = Request::get(FACTOR, &[raw, id])?;
                let listed = self.all(FACTORS, raw);
                let record = self.record(request, raw, id, listed).await?;
                let read = record.as_ref().map(factor).transpose();
                read.map_err(|error| broken(&error))
            }
            _ => {
                let left = self.remnants(id).await?;
                left.lists(item)
                    .map(Option::<&Remnant>::cloned)
                    .map_err(ConnectError::unsent)
            }
        }
    }

    /// Reads one record below an account that is there; `None` where the account has no such record.
    ///
    /// That its own address knows nothing of it does not say so: a gateway answers the same of what is there. Only then
    /// `listed` reads the list of its kind, which must not have it either.
    pub(super) async fn record(
        &self,
        request: Request,
        account: &str,
        id: &str,
        listed: impl Future<Output = Result<Vec<Value>, ConnectError>> + Send,
    ) -> Result<Option<Value>, ConnectError> {
        let error = match self.http.read(&request.urgent()).await {
            Ok(answer) => return answer.json().map(Some),
            Err(error) => error,
        };
        // The same answer as for an account that is gone, of which nothing is known.
        if error.kind != ConnectErrorKind::NotFound || self.user(account).await?.is_none() {
            return Err(error);
        }
        one_of(&listed.await?, id).map_err(|error| broken(&error))
    }
}

pub(super) fn broken(error: &FieldError) -> ConnectError {
    ConnectError::unsent(Untrusted::new(error.to_string()).line())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn client() -> wire::Client {
        wire::Client {
            id: "0oa1".into(),
            name: "MailSync".into(),
        }
    }

    #[test]
    fn a_grant_names_its_client_and_scope() {
        let record = json!({
            "id": "oag1", "clientId": "0oa1", "scopeId": "mail.read", "status": "ACTIVE", "source": "END_USER",
            "created": "2026-11-21T03:00:00.000Z", "issuer": "https://x", "_links": {"self": {}},
        });
        let read = grant(&record, &[client()]).ok().flatten();
        let read = read.unwrap_or_else(|| panic!("a grant"));
        assert_eq!(read.item.name.raw(), "MailSync: mail.read");
        let mut titled = record.clone();
        titled["_links"] = json!({"app": {"title": "Mail Sync Pro"}});
        let read_titled = grant(&titled, &[]).ok().flatten();
        let name = read_titled.map(|read| read.item.name.raw().to_owned());
        assert_eq!(name.as_deref(), Some("Mail Sync Pro: mail.read"));
        assert!(read.since.is_some() && !read.before.raw().contains("_links"));
        let mut void = record.clone();
        void["status"] = json!("REVOKED");
        assert_eq!(grant(&void, &[]), Ok(None));
        void["status"] = json!("ACTIVE");
        void["id"] = json!(null);
        assert!(grant(&void, &[]).is_err());
    }

    #[test]
    fn a_list_has_a_thing_or_not_only_where_all_that_may_be_it_tells_its_id() {
        let all = [json!({"id": "a", "n": 1}), json!({"id": "b", "n": 2})];
        assert_eq!(one_of(&all, "b"), Ok(Some(all[1].clone())));
        assert_eq!(one_of(&all, "c"), Ok(None));
        assert_eq!(one_of(&[], "c"), Ok(None));
        let untold = [all[0].clone(), json!({"n": 3})];
        assert_eq!(one_of(&untold, "a"), Ok(Some(all[0].clone())));
        assert_eq!(one_of(&untold, "c"), Err(FieldError::Missing("id")));
    }

    #[test]
    fn the_tokens_of_a_client_are_one_thing() {
        let token = |status: &str, created: &str| json!({"status": status, "created": created, "scopes": ["b", "a"]});
        let read = tokens(
            &client(),
            &[
                token("ACTIVE", "2026-11-21T03:00:00Z"),
                token("ACTIVE", "2026-11-21T04:00:00Z"),
                token("REVOKED", "2026-11-21T05:00:00Z"),
            ],
        );
        let read = read.unwrap_or_else(|| panic!("tokens"));
        assert!(read.details[0].raw().starts_with("2 tokens"));
        assert_eq!(read.details[1].raw(), "scopes a b");
        assert_eq!(
            read.since.map(|at| at.to_rfc3339()),
            Some("2026-11-21T04:00:00+00:00".to_owned())
        );
        assert_eq!(
            tokens(&client(), &[token("REVOKED", "2026-11-21T05:00:00Z")]),
            None
        );
    }

    #[test]
    fn a_factor_is_called_by_what_tells_it_from_others() {
        let record = json!({"id": "opf1", "factorType": "push", "profile": {"name": "Galaxy A15"}});
        let name = factor(&record).map(|read| read.item.name.raw().to_owned());
        assert_eq!(name, Ok("push Galaxy A15".to_owned()));
        let record = json!({"id": "q1", "factorType": "question"});
        let name = factor(&record).map(|read| read.item.name.raw().to_owned());
        assert_eq!(name, Ok("question".to_owned()));
    }

    #[test]
    fn what_leads_back_to_the_password_is_listed_and_not_removed() {
        let record =
            json!({"profile": {"email": "a@x", "secondEmail": "b@y", "mobilePhone": null}});
        let all = recovery(&record);
        let names: Vec<&str> = all.iter().map(|one| one.item.name.raw()).collect();
        assert_eq!(names, ["mail a@x", "second mail b@y"]);
        assert!(all.iter().all(|one| one.kept.is_some()));
    }
}
