//! Google Workspace: accounts by the Directory API, what was done by the Reports API, alerts by the Alert Center API.
//!
//! A service account acts for an administrator by domain-wide delegation, with one token for each scope (see `scope`). Order
//! of a containment: sign out, end the token of each app, suspend, sign out again. Signing out leaves the tokens of apps and
//! app passwords alone, and Google lists no browser sessions: that it happened is told by the log of administrators only.
//!
//! What must not live here: HTTP policy, decisions about when to act.

mod administrators;
mod alerts;
mod evidence;
mod examined;
mod facts;
mod left;
mod log;
mod mailbox;
mod password;
mod proof;
pub(crate) mod scope;
mod snapshot;
mod wire;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::capability::{
    Accepted, ActionFacts, ConnectError, ConnectErrorKind, Identity, Lacking, PreparedCall,
    ProofQuery, Reading, Schedule, Step, keeps_none, no_item, no_risk,
};
use super::decode::FieldError;
use super::http::{Answer, Class, HttpClient, Request};
use crate::config::settings::{Connection, EnvironmentKind};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::administrators::RoleHeld;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::one_time::OneTime;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use scope::{Clients, Scope};

/// What it is called where it does not offer something.
const NAME: &str = "Google Workspace";

const USERS: &str = "/admin/directory/v1/users";
const USER: &str = "/admin/directory/v1/users/{userKey}";
const SIGN_OUT: &str = "/admin/directory/v1/users/{userKey}/signOut";
const TOKENS: &str = "/admin/directory/v1/users/{userKey}/tokens";
const TOKEN: &str = "/admin/directory/v1/users/{userKey}/tokens/{clientId}";
const ASP: &str = "/admin/directory/v1/users/{userKey}/asps/{codeId}";
const ASPS: &str = "/admin/directory/v1/users/{userKey}/asps";
const GROUPS: &str = "/admin/directory/v1/groups";
const MOBILE: &str = "/admin/directory/v1/customer/{customerId}/devices/mobile";
const ASSIGNMENTS: &str = "/admin/directory/v1/customer/{customer}/roleassignments";
const ACTIVITIES: &str =
    "/admin/reports/v1/activity/users/{userKey}/applications/{applicationName}";
const ALERTS: &str = "/v1beta1/alerts";

/// The customer that the administrator belongs to.
const CUSTOMER: &str = "my_customer";

/// Accounts that one search may find; more is an error, never a shorter answer.
const FOUND_MAX: &str = "100";

/// JSON pointers to Google's words in an error body, the token endpoint's among them.
pub(crate) const ERROR_WORDS: &[&str] = &[
    "/error/errors/0/reason",
    "/error/message",
    "/error",
    "/error_description",
];

/// Reasons of a 403 that ask to slow down. Source: Directory API, limits and quotas.
pub(crate) const SLOW_DOWN: &[&str] = &[
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
];

/// A connection to one Google Workspace customer.
#[derive(Debug)]
pub struct Google {
    connection: ConnectionName,
    clients: Clients,
    own: OnceCell<(AccountId, Untrusted)>,
}

impl Google {
    /// Makes a connection out of a client whose token has the scope for users.
    ///
    /// # Errors
    /// When an address cannot be used.
    pub fn new(
        users: HttpClient,
        connection: &Connection,
        kind: EnvironmentKind,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            connection: connection.name.clone(),
            clients: Clients::new(users, connection, kind)?,
            own: OnceCell::new(),
        })
    }

    fn decoded(&self, answer: &Answer, record: &Value) -> Result<Account, ConnectError> {
        let mut account =
            wire::user(record, &self.connection).map_err(|error| unreadable(answer, &error))?;
        account.server_date = answer.server_date;
        Ok(account)
    }

    /// Reads the user behind an id or an address; `None` where there is none.
    async fn user(&self, key: &str) -> Result<Option<(Account, Value)>, ConnectError> {
        let request = Request::get(USER, &[key])?
            .urgent()
            .query("projection", "full");
        match self.clients.read(Scope::Users, &request).await {
            Ok(answer) => {
                let record: Value = answer.json()?;
                Ok(Some((self.decoded(&answer, &record)?, record)))
            }
            Err(error) if error.kind == ConnectErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the users that an address leads to.
    async fn addressed(&self, address: &str) -> Result<Vec<Account>, ConnectError> {
        let request = Request::get(USERS, &[])?
            .list()
            .urgent()
            .query("customer", CUSTOMER)
            .query("query", &format!("email={}", quote(address)))
            .query("projection", "full")
            .query("maxResults", FOUND_MAX);
        let answer = self.clients.read(Scope::Users, &request).await?;
        let page: Value = answer.json()?;
        let unread = |error: FieldError| unreadable(&answer, &error);
        if wire::next_page(&page).map_err(unread)?.is_some() {
            return Err(answer.unusable(&safe!(
                "more than {} accounts answer to this name",
                FOUND_MAX
            )));
        }
        let records = wire::records(&page, "users").map_err(unread)?;
        // A record that cannot be read may be the second account: all of it fails.
        let all = records.iter().map(|record| self.decoded(&answer, record));
        let mut all = all.collect::<Result<Vec<_>, _>>()?;
        all.retain(|account| carries(account, address));
        Ok(all)
    }

    /// Finds out for whom the service account acts.
    async fn owner(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let subject = self.clients.subject();
        let user = self.user(subject).await?;
        user.map(|(account, _)| (account.id, account.login))
            .ok_or_else(|| {
                ConnectError::unsent(safe!(
                    "the administrator {} is not found",
                    Untrusted::new(subject).ident()
                ))
            })
    }

    /// Gives the request of an action and the scope that it needs.
    fn request(kind: ActionKind, id: &str) -> Result<(Scope, Request), ConnectError> {
        // Only what changes is sent: `PUT` leaves a field that is not there as it is.
        let set = |body: &Value| {
            let request = Request::new(Class::Write, Method::PUT, USER, &[id])?;
            Ok((Scope::Users, request.json(body)))
        };
        match kind {
            ActionKind::DisableAccount => set(&json!({"suspended": true})),
            ActionKind::EnableAccount => set(&json!({"suspended": false})),
            ActionKind::ResetPassword => set(&password::body(password::PLACE)),
            ActionKind::ExpirePassword => set(&json!({"changePasswordAtNextLogin": true})),
            ActionKind::RevokeSessions => {
                let request = Request::new(Class::Write, Method::POST, SIGN_OUT, &[id])?;
                Ok((Scope::Security, request))
            }
            ActionKind::RemoveItem => Err(no_item()),
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => Err(no_risk(NAME)),
        }
    }

    fn end_token(id: &str, client: &str) -> Result<(Scope, Request), ConnectError> {
        let request = Request::new(Class::Write, Method::DELETE, TOKEN, &[id, client])?;
        Ok((Scope::Security, request))
    }

    /// Builds the request of a confirmed call again and gives it only if it is the same.
    fn confirmed(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<(Scope, Request), ConnectError> {
        let (scope, request) = self.routed(action)?;
        if action.kind() != ActionKind::ResetPassword {
            return Ok((scope, request));
        }
        let password = password.ok_or_else(|| {
            ConnectError::unsent("reset password: no password was made for it".into())
        })?;
        Ok((scope, request.json(&password::body(password.sent()))))
    }

    /// Builds the request of a confirmed call without its password, with the scope it goes by.
    fn routed(&self, action: &ConfirmedAction) -> Result<(Scope, Request), ConnectError> {
        let (kind, call) = (action.kind(), action.call());
        let differs = || {
            ConnectError::unsent(safe!(
                "{}: the confirmed request does not belong to this connection",
                kind.word()
            ))
        };
        let path = call.path.split('?').next().unwrap_or_default();
        let mut parts = path.split('/').skip(5);
        let id = parts.next().filter(|id| is_id(id)).ok_or_else(differs)?;
        let (scope, request) = match (kind, call.method, parts.next()) {
            (ActionKind::RevokeSessions, "DELETE", Some("tokens")) => {
                let client = evidence::decoded(parts.next().unwrap_or_default());
                Self::end_token(id, &client)?
            }
            (ActionKind::RemoveItem, ..) => Self::confirmed_removal(action, id)?,
            _ => Self::request(kind, id)?,
        };
        if self.clients.of(scope).prepared(&request)? != *call {
            return Err(differs());
        }
        Ok((scope, request))
    }

    fn step(
        &self,
        kind: ActionKind,
        request: Result<(Scope, Request), ConnectError>,
        facts: ActionFacts,
    ) -> Result<Step, Lacking> {
        let call = request
            .and_then(|(scope, request)| self.clients.of(scope).prepared(&request))
            .map_err(|error| Lacking { reason: error.what })?;
        Ok(Step { kind, call, facts })
    }
}

/// Tells whether a text has the letters of an id.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Quotes a value for a search over users.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn unreadable(answer: &Answer, error: &FieldError) -> ConnectError {
    answer.unusable(&Untrusted::new(error.to_string()).line())
}

/// Tells whether an account carries a name exactly; Google compares addresses in small letters.
fn carries(account: &Account, name: &str) -> bool {
    account.id.raw() == name
        || account.login.raw().eq_ignore_ascii_case(name)
        || account
            .aliases
            .iter()
            .any(|alias| alias.raw().eq_ignore_ascii_case(name))
}

#[async_trait]
impl Identity for Google {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    async fn find(&self, name: &Untrusted) -> Result<Vec<Account>, ConnectError> {
        let raw = name.raw();
        let mut found: Vec<Account> = Vec::new();
        let is_address = raw.contains('@') && !raw.contains('/');
        // Nothing else is the key of a user.
        if !is_address && !raw.bytes().all(|byte| byte.is_ascii_digit()) || raw.is_empty() {
            return Ok(found);
        }
        let user = self.user(raw).await?.map(|(account, _)| account);
        found.extend(user.filter(|account| carries(account, raw)));
        if is_address {
            // The search finds a second account that the address leads to.
            for account in self.addressed(raw).await? {
                if !found.iter().any(|known| known.id == account.id) {
                    found.push(account);
                }
            }
        }
        Ok(found)
    }

    async fn account(&self, id: &AccountId) -> Result<Account, ConnectError> {
        self.snapshot(id).await
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
        if kind.is_of_risk() {
            return Err(keeps_none(NAME));
        }
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
        let step = self.step(kind, Self::request(kind, account.raw()), facts::facts(kind));
        step.map(|step| step.call)
    }

    fn steps(
        &self,
        kinds: &[ActionKind],
        account: &Account,
    ) -> Result<Vec<Step>, (ActionKind, Lacking)> {
        if let Some(kind) = kinds.iter().find(|kind| kind.is_of_risk()) {
            return Err((*kind, keeps_none(NAME)));
        }
        if let Some(refused) = password::refusal(kinds, account) {
            return Err(refused);
        }
        let mut steps: Vec<Step> = Vec::new();
        for kind in self.order(kinds) {
            let named = |lacking| (kind, lacking);
            let is_first = steps.is_empty();
            let call = self.prepare(kind, &account.id).map_err(named)?;
            let facts = facts::about(kind, account);
            steps.push(Step { kind, call, facts });
            if kind == ActionKind::RevokeSessions && is_first {
                let all = account.sessions.iter().flatten();
                for token in all.filter(|one| wire::is_token(one)) {
                    let request = Self::end_token(account.id.raw(), token.id.raw());
                    let step = self.step(kind, request, facts::of_token(token));
                    steps.push(step.map_err(named)?);
                }
            }
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

    async fn ready(&self, action: &ConfirmedAction) -> Result<(), ConnectError> {
        if action.item().is_some_and(|item| mailbox::holds(item.kind)) {
            // A client of one mailbox lives for one request, and so does its token.
            return Ok(());
        }
        let (scope, _) = self.routed(action)?;
        self.clients.of(scope).ready().await
    }

    async fn perform(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<Accepted, ConnectError> {
        if let Some(item) = action.item().filter(|item| mailbox::holds(item.kind)) {
            return self.remove_in_mailbox(action, item).await;
        }
        let (scope, request) = self.confirmed(action, password)?;
        let answer = self.clients.of(scope).write(&request).await;
        let answer = answer.map_err(|error| match password {
            // What is said of it is recorded.
            Some(password) if password.appears_in(error.what.as_str()) => ConnectError {
                what: safe!("{}: its answer repeats the password", action.kind().word()),
                ..error
            },
            _ => scope::explained(error, scope.word()),
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
            ActionKind::DisableAccount => self.read_suspended(query, true).await,
            ActionKind::EnableAccount => self.read_suspended(query, false).await,
            ActionKind::RevokeSessions => self.read_revoked(query).await,
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

    fn proves_by_time(&self, kind: ActionKind) -> bool {
        // An entry of the log names no request.
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
    #[case("104010401040104010401", true)]
    #[case("", false)]
    #[case("..", false)]
    #[case("mara@acme.example", false)]
    #[case("a%2Fb", false)]
    fn ids(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(is_id(text), is_one);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote("x' isAdmin=true '"), "'x\\' isAdmin=true \\''");
        assert_eq!(quote("x\\'y"), "'x\\\\\\'y'");
    }
}
