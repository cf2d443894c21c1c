//! One account with everything that is read of it, and whose token it is.
//!
//! What must not live here: the shapes of records (see `wire`).

use serde_json::Value;

use super::{
    ALL_ROLES, CLIENTS, CONSENTS, CREDENTIALS, EVENTS, EVENTS_CONFIG, GROUPS, Keycloak, LOCK,
    OFFLINE, REALM, REALM_ROLES, ROLES, SESSIONS, wire,
};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{FieldError, each, text, time};
use crate::connect::http::{Answer, Request};
use crate::domain::account::{Account, Group, Session};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

/// Groups of one page, and pages that are read at most; a longer list is an error, never a shorter answer.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// Keeps what could be read and says what could not.
fn or_gap<T>(result: Result<T, ConnectError>, what: &str, gaps: &mut Vec<Untrusted>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            gaps.push(Untrusted::new(format!(
                "{what} could not be read: {}",
                error.what.as_str()
            )));
            None
        }
    }
}

/// Decodes a list of which no record may be missing.
fn whole<T>(
    answer: &Answer,
    records: &[Value],
    decode: impl Fn(&Value) -> Result<T, FieldError>,
) -> Result<Vec<T>, ConnectError> {
    let (items, faults) = each(records, &["id", "clientId"], decode);
    match faults.first() {
        Some(fault) => Err(answer.unusable(&safe!(
            "record {}: {}",
            fault.record.field(),
            fault.reason.line()
        ))),
        None => Ok(items),
    }
}

impl Keycloak {
    pub(super) async fn list<T>(
        &self,
        request: Request,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, ConnectError> {
        let answer = self.http.read(&request.list()).await?;
        let records: Vec<Value> = answer.json()?;
        whole(&answer, &records, decode)
    }

    async fn record(&self, request: Request) -> Result<Value, ConnectError> {
        self.http.read(&request).await?.json()
    }

    /// Reads the sessions of an account, online and offline.
    pub(super) async fn sessions(&self, id: &str) -> Result<Vec<Session>, ConnectError> {
        let online = self.list(self.get(SESSIONS, &[id])?, |record| {
            wire::session(record, id, false)
        });
        let (online, holders) = futures::join!(online, self.offline_clients(id));
        let (mut all, holders) = (online?, holders?);
        for client in holders {
            let request = self.get(OFFLINE, &[id, client.id.raw()])?;
            // One session can be listed for several clients. A client that is not there any more leaves what the consents say
            // of it open: they are read anew, and it is not among them then.
            let offline = self.list(request, |record| wire::session(record, id, true));
            all.extend(offline.await?);
        }
        let mut seen: Vec<Session> = Vec::new();
        for session in all {
            if !seen
                .iter()
                .any(|known| known.id == session.id && known.offline == session.offline)
            {
                seen.push(session);
            }
        }
        Ok(seen)
    }

    /// Lists the clients that hold offline tokens of the account.
    async fn offline_clients(&self, id: &str) -> Result<Vec<wire::Client>, ConnectError> {
        let consents = self.list(self.get(CONSENTS, &[id])?, wire::offline_client);
        Ok(consents.await?.into_iter().flatten().collect())
    }

    async fn groups(&self, id: &str) -> Result<Vec<Group>, ConnectError> {
        let mut all = Vec::new();
        for page in 0..PAGES {
            let request = self
                .get(GROUPS, &[id])?
                .list()
                .query("first", &(page * PAGE).to_string())
                .query("max", &PAGE.to_string());
            let answer = self.http.read(&request).await?;
            let records: Vec<Value> = answer.json()?;
            all.extend(whole(&answer, &records, wire::group)?);
            if records.len() < PAGE {
                return Ok(all);
            }
            if page + 1 == PAGES {
                return Err(answer.unusable(&"the list does not end".into()));
            }
        }
        Ok(all)
    }

    /// Lists the clients whose roles make an administrator, by their internal ids; of other realms than `master` one.
    ///
    /// Keycloak leaves the roles of clients that the token may not see out of an account's roles without a word.
    async fn admin_clients(&self) -> Result<Vec<Untrusted>, ConnectError> {
        let realm = &self.client.realm;
        let mut request = self.get(CLIENTS, &[])?.list();
        if realm != wire::MASTER {
            request = request.query("clientId", &wire::admin_client(realm));
        }
        let answer = match self.http.read(&request).await {
            Ok(answer) => answer,
            Err(error) if error.kind == ConnectErrorKind::Denied => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let records: Vec<Value> = answer.json()?;
        let administers = |record: &&Value| {
            text(*record, "clientId").is_some_and(|id| wire::administers(id.raw(), realm))
        };
        let ids = records
            .iter()
            .filter(administers)
            .filter_map(|record| text(record, "id"));
        Ok(ids.collect())
    }

    /// Tells whether the token may see the client whose roles make an administrator.
    pub(super) async fn sees_client_roles(&self) -> Result<bool, ConnectError> {
        Ok(!self.admin_clients().await?.is_empty())
    }

    /// Reads the roles that make the account an administrator, wherever it has them from: first those it has itself, then,
    /// where it has none, those that it has by a role that holds them, by a group, or by a group above.
    async fn administrator_roles(&self, id: &str) -> Result<Vec<Untrusted>, ConnectError> {
        let realm = &self.client.realm;
        let request = self.get(ROLES, &[id])?;
        let (answer, clients) = futures::join!(self.http.read(&request), self.admin_clients());
        let (answer, clients) = (answer?, clients?);
        if clients.is_empty() {
            return Err(ConnectError::unsent(
                "the token may not see client roles; it lacks the role view-clients".into(),
            ));
        }
        let record: Value = answer.json()?;
        let mut roles =
            wire::roles(&record, realm).map_err(|error| super::unreadable(&answer, &error))?;
        let mut handed = Vec::new();
        for client in &clients {
            let request = self.get(ALL_ROLES, &[id, client.raw()])?;
            handed.extend(self.list(request, wire::role).await?);
        }
        if realm == wire::MASTER {
            let request = self.get(REALM_ROLES, &[id])?;
            let all = self.list(request, wire::role).await?;
            handed.extend(wire::of_master(all));
        }
        if roles.is_empty() {
            roles = handed;
        }
        Ok(roles)
    }

    /// Reads the last sign-in that the realm kept; `None` where there is none.
    async fn last_sign_in(
        &self,
        id: &str,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, ConnectError> {
        let config = self.record(self.get(EVENTS_CONFIG, &[])?).await?;
        if config.get("eventsEnabled") != Some(&Value::Bool(true)) {
            return Err(ConnectError::unsent(
                "the realm does not save user events".into(),
            ));
        }
        let request = self
            .get(EVENTS, &[])?
            .query("user", id)
            .query("type", "LOGIN")
            .query("direction", "desc")
            .query("max", "1");
        let newest = self
            .list(request, |record| Ok(time(record, "time")))
            .await?;
        Ok(newest.into_iter().flatten().next())
    }

    /// Reads how long an access token of the realm lives; `None` where the token may not know.
    pub(super) async fn read_lifespan(&self) -> Result<Option<u64>, ConnectError> {
        let realm = self.record(self.get(REALM, &[])?).await?;
        let seconds = realm.get("accessTokenLifespan").and_then(Value::as_u64);
        *self
            .lifespan
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = seconds;
        Ok(seconds)
    }

    /// Reads an account with all that belongs to it; what cannot be read is named in its gaps.
    pub(super) async fn snapshot(&self, id: &AccountId) -> Result<Account, ConnectError> {
        let raw = id.raw();
        let credentials = self.list(self.get(CREDENTIALS, &[raw])?, wire::credential);
        let lock = self.record(self.get(LOCK, &[raw])?);
        let (user, groups, roles, credentials, sessions, lock, last, lifespan) = futures::join!(
            self.user(raw),
            self.groups(raw),
            self.administrator_roles(raw),
            credentials,
            self.sessions(raw),
            lock,
            self.last_sign_in(raw),
            self.read_lifespan(),
        );
        let Some((mut account, _)) = user? else {
            return Err(ConnectError {
                kind: ConnectErrorKind::NotFound,
                what: "the account is not found".into(),
                hint: None,
                status: Some(404),
                request_id: None,
            });
        };
        if account.id != *id {
            return Err(ConnectError::unsent(
                "the answer is about another account".into(),
            ));
        }
        let mut gaps = Vec::new();
        let groups = or_gap(groups, "groups", &mut gaps);
        account.roles = or_gap(roles, "administrator roles", &mut gaps);
        account.groups = groups;
        if let Some(credentials) = or_gap(credentials, "credentials", &mut gaps) {
            account.password_changed = wire::password_changed(&credentials);
            account.factors = Some(wire::factors(credentials));
        }
        account.sessions = or_gap(sessions, "sessions", &mut gaps);
        account.token_clients = account.sessions.as_ref().map(|sessions| {
            let offline = sessions.iter().filter(|session| session.offline);
            offline
                .flat_map(|session| session.clients.clone())
                .collect()
        });
        if let Some(lock) = or_gap(lock, "failed sign-ins", &mut gaps)
            && lock.get("disabled") == Some(&Value::Bool(true))
        {
            let words = format!(
                "{}, locked after failed sign-ins",
                account.vendor_status.raw()
            );
            account.vendor_status = Untrusted::new(words);
        }
        account.last_sign_in = or_gap(last, "sign-ins", &mut gaps).flatten();
        or_gap(lifespan, "the life of access tokens", &mut gaps);
        account.gaps = gaps;
        Ok(account)
    }

    /// Finds out whose token it is: the client's own account, or the user of the password grant.
    pub(super) async fn owner(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let client = &self.client;
        let name = client
            .username
            .clone()
            .unwrap_or_else(|| format!("service-account-{}", client.client_id.to_lowercase()));
        if client.token_realm != client.realm {
            // No account of this realm; that the token works is what is asked here.
            self.record(self.get(REALM, &[])?).await?;
            let id = format!("{}/{name}", client.token_realm);
            let id = AccountId::new(self.connection.clone(), id);
            return Ok((id, Untrusted::new(name)));
        }
        let mut found = self.named("username", &name).await?;
        match (found.pop(), found.is_empty()) {
            (Some(own), true) => Ok((own.id, own.login)),
            _ => Err(ConnectError::unsent(safe!(
                "the account of our own token, {}, is not found",
                Untrusted::new(name.as_str()).ident()
            ))),
        }
    }
}
