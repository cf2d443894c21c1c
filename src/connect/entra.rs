//! Microsoft Entra ID by Microsoft Graph v1.0: accounts, disabling, revoking sign-in sessions, and the fields that prove it.
//!
//! Order of a containment: revoke sessions, disable, revoke again; with a new password the same. Revoking moves the time
//! from which on tokens are good; disabling ends nothing by itself. Reads come from replicas, so what was written may be
//! read late. An application acts as itself, without a signed-in user.
//!
//! Source: Microsoft Graph v1.0, its permissions reference and its service-specific throttling limits.
//! What must not live here: HTTP policy, decisions about when to act.

mod administrators;
mod batch;
mod evidence;
mod examined;
mod facts;
mod left;
mod list;
mod log;
mod password;
mod recent;
mod risk;
mod snapshot;
mod wire;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::capability::{
    Accepted, ActionFacts, ConnectError, ConnectErrorKind, Identity, Lacking, PreparedCall,
    ProofQuery, Reading, Schedule, Step, no_item,
};
use super::decode::FieldError;
use super::http::{Answer, Assertion, Class, Credential, HttpClient, Request, TokenGrant};
use crate::config::settings::{Connection, EntraApp};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::administrators::RoleHeld;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::one_time::OneTime;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const TOKEN: &str = "/{tenant}/oauth2/v2.0/token";
const USERS: &str = "/v1.0/users";
const USER: &str = "/v1.0/users/{user-id}";
const REVOKE: &str = "/v1.0/users/{user-id}/revokeSignInSessions";

/// JSON pointers to Microsoft's words in an error body, those of the token endpoint among them.
pub(crate) const ERROR_WORDS: &[&str] = &[
    "/error/code",
    "/error/message",
    "/error",
    "/error_description",
];
/// Header with Graph's id of a request.
pub(crate) const REQUEST_ID: &str = "request-id";
/// Header with our own id of a request.
const OWN_ID: &str = "client-request-id";

/// Says how a connection gets its tokens; `None` where it is none of this vendor.
pub(crate) fn grant(connection: &Connection) -> Option<TokenGrant> {
    let app = connection.entra.as_ref()?;
    let scope = format!("{}/.default", connection.url.origin().ascii_serialization());
    let mut form = vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", app.client_id.clone()),
        ("scope", scope),
    ];
    let credential = match &app.certificate {
        None => Credential::Field("client_secret"),
        Some(thumbprint) => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.push(("client_assertion_type", kind.to_owned()));
            Credential::Signed(Assertion {
                field: "client_assertion",
                issuer: Some(app.client_id.clone()),
                subject: Some(app.client_id.clone()),
                thumbprint: Some(thumbprint.clone()),
                ..Assertion::default()
            })
        }
    };
    Some(TokenGrant {
        base: app.login.clone(),
        template: TOKEN,
        ids: vec![app.tenant.clone()],
        form,
        credential,
    })
}

/// A connection to one tenant.
#[derive(Debug)]
pub struct Entra {
    connection: ConnectionName,
    http: HttpClient,
    app: EntraApp,
    own: OnceCell<(AccountId, Untrusted)>,
    /// Names of applications by the id of their service principal.
    names: Mutex<BTreeMap<String, Untrusted>>,
    recent: recent::Recent,
    risk_turns: risk::Turns,
}

/// Marks a request as every one is marked: an id of our own, and that somebody waits for it.
fn marked(request: Request) -> Request {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    );
    request
        .header(OWN_ID, id)
        .header("x-ms-throttle-priority", "high".to_owned())
}

fn get(route: &'static str, ids: &[&str]) -> Result<Request, ConnectError> {
    Ok(marked(Request::get(route, ids)?).urgent())
}

impl Entra {
    /// Makes a connection.
    pub fn new(connection: ConnectionName, http: HttpClient, app: EntraApp) -> Self {
        Self {
            connection,
            http,
            app,
            own: OnceCell::new(),
            names: Mutex::default(),
            recent: recent::Recent::default(),
            risk_turns: risk::Turns::default(),
        }
    }

    fn decoded(&self, answer: &Answer, record: &Value) -> Result<Account, ConnectError> {
        let mut account =
            wire::user(record, &self.connection).map_err(|error| unreadable(answer, &error))?;
        account.server_date = answer.server_date;
        Ok(account)
    }

    /// Reads the user with an id or a principal name; `None` where there is none.
    async fn user(&self, key: &str) -> Result<Option<(Account, Value)>, ConnectError> {
        let request = get(USER, &[key])?.query("$select", wire::SELECT);
        match self.read(&request).await {
            Ok(answer) => {
                let record: Value = answer.json()?;
                Ok(Some((self.decoded(&answer, &record)?, record)))
            }
            Err(error) if error.kind == ConnectErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the users that a filter finds and that carry the name themselves.
    async fn named(&self, filter: &str, name: &str) -> Result<Vec<Account>, ConnectError> {
        let request = get(USERS, &[])?
            .list()
            .query("$filter", filter)
            .query("$select", wire::SELECT)
            .query("$top", "100");
        let (answer, records, next) = self.page(&request, USERS).await?;
        if next.is_some() {
            return Err(answer.unusable(&"more than 100 accounts answer to this name".into()));
        }
        // A record that cannot be read may be the second account: all of it fails.
        let all = records
            .iter()
            .filter(|record| wire::carries(record, name))
            .map(|record| self.decoded(&answer, record));
        all.collect()
    }

    fn request(kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
        // Only what changes is sent.
        let set = |enabled: bool| {
            let request = Request::new(Class::Write, Method::PATCH, USER, &[id])?;
            Ok(request.json(&json!({"accountEnabled": enabled})))
        };
        let request = match kind {
            ActionKind::DisableAccount => set(false),
            ActionKind::EnableAccount => set(true),
            ActionKind::RevokeSessions => Request::new(Class::Write, Method::POST, REVOKE, &[id]),
            ActionKind::ResetPassword => password::reset(id, password::PLACE),
            ActionKind::ExpirePassword => password::expire(id),
            ActionKind::RemoveItem => Err(no_item()),
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => risk::request(kind, id),
        };
        request.map(marked)
    }

    /// Builds the request of a confirmed call again and gives it only if it is the same, with the password in its place.
    fn confirmed(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<Request, ConnectError> {
        let (kind, call) = (action.kind(), action.call());
        if kind == ActionKind::RemoveItem {
            return self.confirmed_removal(action);
        }
        let differs = || differs(kind);
        let named = action.account();
        if kind.is_of_risk() {
            // Whose risk it is stands in the body alone.
            let is_own = named.connection == self.connection && is_id(named.raw());
            let request = Self::request(kind, named.raw())?;
            let is_same = is_own && self.http.prepared(&request)? == *call;
            return is_same.then_some(request).ok_or_else(differs);
        }
        let mut segments = call.path.rsplit('/');
        let id = match kind {
            ActionKind::RevokeSessions => segments.nth(1),
            _ => segments.next(),
        };
        let id = id.filter(|id| is_id(id)).ok_or_else(differs)?;
        let request = Self::request(kind, id)?;
        if self.http.prepared(&request)? != *call {
            return Err(differs());
        }
        if kind != ActionKind::ResetPassword {
            return Ok(request);
        }
        let password = password.ok_or_else(|| {
            ConnectError::unsent("reset password: no password was made for it".into())
        })?;
        password::reset(id, password.sent()).map(marked)
    }
}

/// Tells whether a text has the form of an object's id.
fn is_id(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Quotes a value for a filter.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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

#[async_trait]
impl Identity for Entra {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn rate_is_low(&self) -> bool {
        self.http.rate_is_low()
    }

    async fn find(&self, name: &Untrusted) -> Result<Vec<Account>, ConnectError> {
        let raw = name.raw();
        let mut found: Vec<Account> = Vec::new();
        let is_mail = raw.contains('@');
        if is_id(raw) || is_mail {
            let user = self.user(raw).await?;
            let user = user.filter(|(_, record)| wire::carries(record, raw));
            found.extend(user.map(|(account, _)| account));
        }
        if !is_mail {
            return Ok(found);
        }
        let quoted = quote(raw);
        let alias = quote(&format!("smtp:{raw}"));
        for filter in [
            format!("mail eq {quoted}"),
            format!("otherMails/any(one:one eq {quoted})"),
            format!("proxyAddresses/any(one:one eq {alias})"),
        ] {
            for account in self.named(&filter, raw).await? {
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

    async fn other_administrators(
        &self,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        self.count_administrators(id, gone).await
    }

    async fn own_account(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let own = self.own.get_or_try_init(|| self.owner());
        own.await.cloned()
    }

    async fn answers(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        self.owner().await
    }

    fn offers(&self, kind: ActionKind) -> Result<ActionFacts, Lacking> {
        Ok(facts::facts(kind))
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
            (
                has(ActionKind::ConfirmCompromised),
                ActionKind::ConfirmCompromised,
            ),
            (has(ActionKind::DismissRisk), ActionKind::DismissRisk),
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
        let request = Self::request(kind, account.raw());
        request
            .and_then(|request| self.http.prepared(&request))
            .map_err(|error| lacking(error.what))
    }

    fn steps(
        &self,
        kinds: &[ActionKind],
        account: &Account,
    ) -> Result<Vec<Step>, (ActionKind, Lacking)> {
        let step = |kind: ActionKind| {
            if let Some(lacking) = facts::refusal(kind, account) {
                return Err((kind, lacking));
            }
            let call = self.prepare(kind, &account.id);
            Ok(Step {
                kind,
                call: call.map_err(|lacking| (kind, lacking))?,
                facts: facts::for_account(kind, account),
            })
        };
        self.order(kinds).into_iter().map(step).collect()
    }

    async fn left_behind(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        self.remnants(id).await
    }

    async fn remnant(&self, id: &AccountId, item: &Item) -> Result<Option<Remnant>, ConnectError> {
        self.one_left(id, item).await
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
        let kind = action.kind();
        let request = self.confirmed(action, password)?;
        let turn = if kind.is_of_risk() {
            let turn = self.risk_turn(action.account().raw());
            Some(self.http.soon(turn).await?)
        } else {
            None
        };
        let answer = self.http.write(&request).await;
        drop(turn);
        let answer = answer.map_err(|error| match password {
            // What is said of it is recorded.
            Some(password) if password.appears_in(error.what.as_str()) => ConnectError {
                what: safe!("{}: its answer repeats the password", kind.word()),
                ..error
            },
            _ => facts::explained(kind, error),
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
            ActionKind::RevokeSessions => self.read_revoked(query).await,
            ActionKind::ResetPassword => self.read_reset(query).await,
            ActionKind::ExpirePassword => self.read_expired(query).await,
            ActionKind::RemoveItem => self.read_removed(query).await,
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => self.read_risk(query).await,
        }
    }

    fn keeps_out(&self, status: &AccountStatus) -> bool {
        *status == AccountStatus::Disabled
    }

    fn proves_by_time(&self, kind: ActionKind) -> bool {
        kind == ActionKind::RevokeSessions
    }

    fn schedule(&self, kind: ActionKind) -> Schedule {
        facts::schedule(kind)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("6f1c1a52-0b1e-4c3a-9d5e-0a4d2f7b9c01", true)]
    #[case("6F1C1A52-0B1E-4C3A-9D5E-0A4D2F7B9C01", true)]
    #[case("6f1c1a52-0b1e-4c3a-9d5e-0a4d2f7b9c0", false)]
    #[case("6f1c1a52-0b1e-4c3a-9d5e-0a4d2f7b9c0g", false)]
    #[case("6f1c1a520b1e4c3a9d5e0a4d2f7b9c01", false)]
    #[case("", false)]
    #[case("mara@acme.example", false)]
    fn ids(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(is_id(text), is_one);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(
            quote("o'neill' or mail ne '@x"),
            "'o''neill'' or mail ne ''@x'"
        );
    }
}
