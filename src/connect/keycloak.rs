//! Keycloak Admin REST API (26): accounts, disabling, signing out, and the sessions that prove it.
//!
//! Order of a containment: end each offline session, sign out, disable, sign out again; with a new password the same.
//! Signing out ends the online sessions and makes refresh tokens of before void, but leaves offline sessions in their
//! list; disabling ends nothing, and neither does a new password.
//! Keycloak sends no date, so nothing here is proven by time.
//!
//! What must not live here: HTTP policy, decisions about when to act.

mod evidence;
mod examined;
mod facts;
mod left;
mod log;
mod password;
mod snapshot;
mod wire;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::capability::{
    Accepted, ActionFacts, ConnectError, ConnectErrorKind, Identity, Lacking, PreparedCall,
    ProofQuery, Reading, Schedule, Step, keeps_none, no_item, no_risk,
};
use super::decode::FieldError;
use super::http::{Answer, Class, Credential, HttpClient, Request, TokenGrant};
use crate::config::settings::{Connection, OauthClient};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::one_time::OneTime;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What it is called where it does not offer something.
const NAME: &str = "Keycloak";

const TOKEN: &str = "/realms/{realm}/protocol/openid-connect/token";
const REALM: &str = "/admin/realms/{realm}";
const USERS: &str = "/admin/realms/{realm}/users";
const USER: &str = "/admin/realms/{realm}/users/{user-id}";
const PASSWORD: &str = "/admin/realms/{realm}/users/{user-id}/reset-password";
const LOGOUT: &str = "/admin/realms/{realm}/users/{user-id}/logout";
const SESSION: &str = "/admin/realms/{realm}/sessions/{session}";
const SESSIONS: &str = "/admin/realms/{realm}/users/{user-id}/sessions";
const OFFLINE: &str = "/admin/realms/{realm}/users/{user-id}/offline-sessions/{clientUuid}";
const CONSENTS: &str = "/admin/realms/{realm}/users/{user-id}/consents";
const CONSENT: &str = "/admin/realms/{realm}/users/{user-id}/consents/{client}";
const CREDENTIALS: &str = "/admin/realms/{realm}/users/{user-id}/credentials";
const CREDENTIAL: &str = "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}";
const FEDERATED: &str = "/admin/realms/{realm}/users/{user-id}/federated-identity";
const LINK: &str = "/admin/realms/{realm}/users/{user-id}/federated-identity/{provider}";
const GROUPS: &str = "/admin/realms/{realm}/users/{user-id}/groups";
const ROLES: &str = "/admin/realms/{realm}/users/{user-id}/role-mappings";
const ALL_ROLES: &str =
    "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}/composite";
const REALM_ROLES: &str = "/admin/realms/{realm}/users/{user-id}/role-mappings/realm/composite";
const CLIENTS: &str = "/admin/realms/{realm}/clients";
const LOCK: &str = "/admin/realms/{realm}/attack-detection/brute-force/users/{userId}";
const EVENTS: &str = "/admin/realms/{realm}/events";
const EVENTS_CONFIG: &str = "/admin/realms/{realm}/events/config";
const ADMIN_EVENTS: &str = "/admin/realms/{realm}/admin-events";

/// Accounts that one search may find; more is an error, never a shorter answer.
const FOUND_MAX: usize = 100;

/// JSON pointers to Keycloak's words in an error body, the token endpoint's among them.
pub(crate) const ERROR_WORDS: &[&str] = &["/errorMessage", "/error", "/error_description"];

/// Says how a connection gets its tokens; `None` where it is configured for another way.
pub(crate) fn grant(connection: &Connection) -> Option<TokenGrant> {
    let client = connection.client.as_ref()?;
    let mut form = vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", client.client_id.clone()),
    ];
    let mut secret_field = "client_secret";
    if let Some(username) = &client.username {
        form = vec![
            ("grant_type", "password".to_owned()),
            ("client_id", client.client_id.clone()),
            ("username", username.clone()),
        ];
        secret_field = "password";
    }
    Some(TokenGrant {
        base: connection.url.clone(),
        template: TOKEN,
        ids: vec![client.token_realm.clone()],
        form,
        credential: Credential::Field(secret_field),
    })
}

/// A connection to one realm of a Keycloak server.
#[derive(Debug)]
pub struct Keycloak {
    connection: ConnectionName,
    http: HttpClient,
    client: OauthClient,
    own: OnceCell<(AccountId, Untrusted)>,
    /// Seconds that an access token of this realm lives, as last read.
    lifespan: Mutex<Option<u64>>,
}

impl Keycloak {
    /// Makes a connection.
    pub fn new(connection: ConnectionName, http: HttpClient, client: OauthClient) -> Self {
        Self {
            connection,
            http,
            client,
            own: OnceCell::new(),
            lifespan: Mutex::default(),
        }
    }

    /// Starts a read below the realm.
    fn get(&self, route: &'static str, ids: &[&str]) -> Result<Request, ConnectError> {
        let mut all = vec![self.client.realm.as_str()];
        all.extend(ids);
        Ok(Request::get(route, &all)?.urgent())
    }

    fn decoded(&self, answer: &Answer, record: &Value) -> Result<Account, ConnectError> {
        let mut account =
            wire::user(record, &self.connection).map_err(|error| unreadable(answer, &error))?;
        account.server_date = answer.server_date;
        Ok(account)
    }

    /// Reads the user with an id; `None` where there is none.
    async fn user(&self, id: &str) -> Result<Option<(Account, Value)>, ConnectError> {
        match self.http.read(&self.get(USER, &[id])?).await {
            Ok(answer) => {
                let record: Value = answer.json()?;
                Ok(Some((self.decoded(&answer, &record)?, record)))
            }
            Err(error) if error.kind == ConnectErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the users with exactly this username or mail.
    async fn named(&self, field: &str, name: &str) -> Result<Vec<Account>, ConnectError> {
        let request = self.get(USERS, &[])?.list();
        let request = request
            .query(field, name)
            .query("exact", "true")
            .query("max", &FOUND_MAX.to_string());
        let answer = self.http.read(&request).await?;
        let records: Vec<Value> = answer.json()?;
        if records.len() >= FOUND_MAX {
            return Err(
                answer.unusable(&safe!("{} accounts or more answer to this name", FOUND_MAX))
            );
        }
        // A record that cannot be read may be the second account: all of it fails.
        let all = records.iter().map(|record| self.decoded(&answer, record));
        let mut all = all.collect::<Result<Vec<_>, _>>()?;
        all.retain(|account| carries(account, name));
        Ok(all)
    }

    /// Gives how long access tokens of the realm live, as last read.
    fn lifespan(&self) -> Option<u64> {
        *self.lifespan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
        let ids = [self.client.realm.as_str(), id];
        // Only what changes is sent: a field that is there replaces the old one whole.
        let set = |enabled: bool| {
            let request = Request::new(Class::Write, Method::PUT, USER, &ids)?;
            Ok(request.json(&json!({"enabled": enabled})))
        };
        match kind {
            ActionKind::DisableAccount => set(false),
            ActionKind::EnableAccount => set(true),
            ActionKind::RevokeSessions => Request::new(Class::Write, Method::POST, LOGOUT, &ids),
            ActionKind::ResetPassword | ActionKind::ExpirePassword => {
                self.password_request(kind, id, None)
            }
            ActionKind::RemoveItem => Err(no_item()),
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => Err(no_risk(NAME)),
        }
    }

    fn end_offline(&self, session: &str) -> Result<Request, ConnectError> {
        let ids = [self.client.realm.as_str(), session];
        let request = Request::new(Class::Write, Method::DELETE, SESSION, &ids)?;
        Ok(request.query("isOffline", "true"))
    }

    /// Gives a request only if it is the one that was confirmed.
    fn unchanged(
        &self,
        kind: ActionKind,
        request: Request,
        call: &PreparedCall,
    ) -> Result<Request, ConnectError> {
        if self.http.prepared(&request)? == *call {
            Ok(request)
        } else {
            Err(differs(kind))
        }
    }

    /// Builds the request of a confirmed call again and gives it only if it is the same.
    async fn confirmed(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<Request, ConnectError> {
        let (kind, call) = (action.kind(), action.call());
        if kind == ActionKind::RemoveItem {
            return self.confirmed_removal(action);
        }
        let path = call.path.split('?').next().unwrap_or_default();
        let mut segments = path.rsplit('/');
        let ends_session = kind == ActionKind::RevokeSessions && call.method == "DELETE";
        let id = match kind {
            ActionKind::RevokeSessions if !ends_session => segments.nth(1),
            ActionKind::ResetPassword => segments.nth(1),
            _ => segments.next(),
        };
        let id = id.map(|id| id.replace("%3A", ":"));
        let id = id.filter(|id| is_id(id)).ok_or_else(|| differs(kind))?;
        if kind.is_of_password() {
            return self.confirmed_password(kind, call, &id, password).await;
        }
        let request = if ends_session {
            self.end_offline(&id)?
        } else {
            self.request(kind, &id)?
        };
        self.unchanged(kind, request, call)
    }

    fn prepared(&self, request: Result<Request, ConnectError>) -> Result<PreparedCall, Lacking> {
        request
            .and_then(|request| self.http.prepared(&request))
            .map_err(|error| Lacking { reason: error.what })
    }

    /// Gives the requests that end the offline sessions of an account, one each.
    fn offline_steps(&self, account: &Account) -> Result<Vec<Step>, Lacking> {
        let offline = account.sessions.iter().flatten();
        let steps = offline.filter(|session| session.offline).map(|session| {
            if !is_id(session.id.raw()) {
                return Err(Lacking {
                    reason: "an offline session has an id that is none of this provider".into(),
                });
            }
            Ok(Step {
                kind: ActionKind::RevokeSessions,
                call: self.prepared(self.end_offline(session.id.raw()))?,
                facts: facts::offline(session, self.lifespan()),
            })
        });
        steps.collect()
    }
}

/// Tells whether a text has the letters of an id: a UUID, a session's id, or `f:provider:id` of a federated account.
fn is_id(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
}

fn differs(kind: ActionKind) -> ConnectError {
    ConnectError::unsent(safe!(
        "{}: the confirmed request does not belong to this connection",
        kind.word()
    ))
}

fn unreadable(answer: &Answer, error: &FieldError) -> ConnectError {
    answer.unusable(&Untrusted::new(error.to_string()).line())
}

/// Tells whether an account carries a name exactly; Keycloak compares usernames and mails in small letters.
fn carries(account: &Account, name: &str) -> bool {
    account.id.raw() == name
        || account.login.raw().eq_ignore_ascii_case(name)
        || account
            .mail
            .as_ref()
            .is_some_and(|mail| mail.raw().eq_ignore_ascii_case(name))
}

#[async_trait]
impl Identity for Keycloak {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn rate_is_low(&self) -> bool {
        self.http.rate_is_low()
    }

    async fn find(&self, name: &Untrusted) -> Result<Vec<Account>, ConnectError> {
        let raw = name.raw();
        let mut found: Vec<Account> = Vec::new();
        if is_id(raw) {
            let user = self.user(raw).await?.map(|(account, _)| account);
            found.extend(user.filter(|account| account.id.raw() == raw));
        }
        if raw.is_empty() {
            return Ok(found);
        }
        for field in ["username", "email"] {
            for account in self.named(field, raw).await? {
                if !found.iter().any(|known| known.id == account.id) {
                    found.push(account);
                }
            }
        }
        Ok(found)
    }

    async fn account(&self, id: &AccountId) -> Result<Account, ConnectError> {
        Box::pin(self.snapshot(id)).await
    }

    async fn own_account(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let own = self.own.get_or_try_init(|| self.owner());
        own.await.cloned()
    }

    async fn answers(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        self.owner().await
    }

    fn offers(&self, kind: ActionKind) -> Result<ActionFacts, Lacking> {
        if kind.is_of_risk() {
            return Err(keeps_none(NAME));
        }
        Ok(facts::facts(kind, self.lifespan()))
    }

    fn order(&self, kinds: &[ActionKind]) -> Vec<ActionKind> {
        let has = |kind| kinds.contains(&kind);
        let revoke = has(ActionKind::RevokeSessions);
        let keeps_out = has(ActionKind::DisableAccount) || has(ActionKind::ResetPassword);
        [
            (revoke, ActionKind::RevokeSessions),
            (has(ActionKind::DisableAccount), ActionKind::DisableAccount),
            (has(ActionKind::ResetPassword), ActionKind::ResetPassword),
            (has(ActionKind::ExpirePassword), ActionKind::ExpirePassword),
            (revoke && keeps_out, ActionKind::RevokeSessions),
            (has(ActionKind::EnableAccount), ActionKind::EnableAccount),
        ]
        .into_iter()
        .filter_map(|(is_wanted, kind)| is_wanted.then_some(kind))
        .collect()
    }

    fn prepare(&self, kind: ActionKind, account: &AccountId) -> Result<PreparedCall, Lacking> {
        let lacking = |reason: Safe| Lacking { reason };
        if account.connection != self.connection {
            return Err(lacking("the account belongs to another connection".into()));
        }
        if !is_id(account.raw()) {
            return Err(lacking(
                "the account's id is not an id of this provider".into(),
            ));
        }
        self.prepared(self.request(kind, account.raw()))
    }

    fn steps(
        &self,
        kinds: &[ActionKind],
        account: &Account,
    ) -> Result<Vec<Step>, (ActionKind, Lacking)> {
        if let Some(kind) = kinds.iter().find(|kind| kind.is_of_risk()) {
            return Err((*kind, keeps_none(NAME)));
        }
        let mut steps = Vec::new();
        if kinds.contains(&ActionKind::RevokeSessions) {
            let offline = self.offline_steps(account);
            steps = offline.map_err(|lacking| (ActionKind::RevokeSessions, lacking))?;
        }
        for kind in self.order(kinds) {
            if kind.is_of_password() {
                let step = self.password_step(kind, account);
                steps.push(step.map_err(|lacking| (kind, lacking))?);
                continue;
            }
            let call = self.prepare(kind, &account.id);
            steps.push(Step {
                kind,
                call: call.map_err(|lacking| (kind, lacking))?,
                facts: facts::facts(kind, self.lifespan()),
            });
        }
        Ok(steps)
    }

    async fn left_behind(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        self.remnants(id).await
    }

    fn removal(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        self.removal_step(item, account)
    }

    fn takes_password(&self, kind: ActionKind) -> bool {
        kind == ActionKind::ResetPassword
    }

    async fn ready(&self, _action: &ConfirmedAction) -> Result<(), ConnectError> {
        self.http.ready().await
    }

    async fn perform(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<Accepted, ConnectError> {
        let request = self.http.soon(self.confirmed(action, password)).await??;
        let answer = self.http.write(&request).await;
        let answer = answer.map_err(|error| match password {
            // What is said of it is recorded.
            Some(password) if password.appears_in(error.what.as_str()) => ConnectError {
                what: safe!("{}: its answer repeats the password", action.kind().word()),
                ..error
            },
            _ => error,
        })?;
        Ok(Accepted {
            status: answer.status,
            request_id: answer.request_id,
            server_date: answer.server_date,
            secret: None,
        })
    }

    async fn read_back(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        match query.kind {
            ActionKind::DisableAccount => self.read_enabled(query, false).await,
            ActionKind::EnableAccount => self.read_enabled(query, true).await,
            ActionKind::RevokeSessions => self.read_sessions(query).await,
            ActionKind::ResetPassword | ActionKind::ExpirePassword => {
                self.read_password(query).await
            }
            ActionKind::RemoveItem => self.read_removed(query).await,
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => Err(no_risk(NAME)),
        }
    }

    fn keeps_out(&self, status: &AccountStatus) -> bool {
        *status == AccountStatus::Disabled
    }

    fn schedule(&self, _kind: ActionKind) -> Schedule {
        facts::schedule()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("6f1c1a52-0b1e-4c3a-9d5e-0a4d2f7b9c01", true)]
    #[case("f:6f1c1a52-0b1e:mara", true)]
    #[case("hskKGvnDvm3j1gJ2JCtssMy4", true)]
    #[case("", false)]
    #[case("..", false)]
    #[case("mara@acme.example", false)]
    #[case("a/b", false)]
    #[case("a%2Fb", false)]
    fn ids(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(is_id(text), is_one);
    }
}
