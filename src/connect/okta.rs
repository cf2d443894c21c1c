//! Okta Management API: accounts, suspending, clearing sessions, and the System Log that proves it.
//!
//! Order of a containment: clear sessions, suspend, clear sessions again. The first clearing throws the attacker out at
//! once, suspending works only from ACTIVE and stops new sign-ins, the second clearing ends what began in between. With a
//! new password the same; an account that is enabled again gets its new password right after.
//!
//! What must not live here: HTTP policy, decisions about when to act.

mod administrators;
mod app;
mod enrolled;
mod evidence;
mod examined;
mod facts;
mod left;
mod log;
mod password;
mod proof;
mod removal;
mod risk;
mod wire;

use std::sync::Mutex;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::capability::{
    Accepted, ActionFacts, ConnectError, ConnectErrorKind, Identity, Lacking, PreparedCall,
    ProofQuery, Reading, Schedule, Step, no_item,
};
use super::decode::{FieldError, each};
use super::http::{Answer, Class, HttpClient, Request};
use crate::config::settings::ServiceApp;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::administrators::RoleHeld;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::one_time::OneTime;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const USER: &str = "/api/v1/users/{id}";
const USERS: &str = "/api/v1/users";
const SUSPEND: &str = "/api/v1/users/{id}/lifecycle/suspend";
const UNSUSPEND: &str = "/api/v1/users/{id}/lifecycle/unsuspend";
const RESET: &str = "/api/v1/users/{id}/lifecycle/reset_password";
const EXPIRE: &str = "/api/v1/users/{id}/lifecycle/expire_password";
const SESSIONS: &str = "/api/v1/users/{userId}/sessions";
const GROUPS: &str = "/api/v1/users/{id}/groups";
const ROLES: &str = "/api/v1/users/{userId}/roles";
const FACTORS: &str = "/api/v1/users/{userId}/factors";
const FACTOR: &str = "/api/v1/users/{userId}/factors/{factorId}";
const GRANTS: &str = "/api/v1/users/{userId}/grants";
const GRANT: &str = "/api/v1/users/{userId}/grants/{grantId}";
const USER_DEVICES: &str = "/api/v1/users/{userId}/devices";
const CLIENTS: &str = "/api/v1/users/{userId}/clients";
const TOKENS: &str = "/api/v1/users/{userId}/clients/{clientId}/tokens";

/// Pages of one list that are read at most; a longer list is an error, never a shorter answer.
const PAGES: usize = 20;

/// JSON pointers to Okta's words in an error body.
pub(crate) const ERROR_WORDS: &[&str] = &[
    "/errorCode",
    "/errorSummary",
    "/error",
    "/error_description",
];
/// Header with Okta's id of a request.
pub(crate) const REQUEST_ID: &str = "x-okta-request-id";
/// Word before an API token in `Authorization`.
pub(crate) const SCHEME: &str = "SSWS";

pub(crate) use self::app::grant;

/// A connection to one Okta organisation.
#[derive(Debug)]
pub struct Okta {
    connection: ConnectionName,
    http: HttpClient,
    token_id: Option<String>,
    app: Option<ServiceApp>,
    own: OnceCell<(AccountId, Untrusted)>,
    /// Why the risk of accounts was not told when it was last asked for.
    no_risk: Mutex<Option<Safe>>,
}

impl Okta {
    /// Makes a connection; `token_id` is the id of our API token as the System Log names it, `app` who asks for tokens.
    pub fn new(
        connection: ConnectionName,
        http: HttpClient,
        token_id: Option<String>,
        app: Option<ServiceApp>,
    ) -> Self {
        Self {
            connection,
            http,
            token_id,
            app,
            own: OnceCell::new(),
            no_risk: Mutex::default(),
        }
    }

    fn decoded(&self, answer: &Answer, record: &Value) -> Result<Account, ConnectError> {
        let mut account =
            wire::user(record, &self.connection).map_err(|error| unreadable(answer, &error))?;
        account.server_date = answer.server_date;
        Ok(account)
    }

    /// Reads whose token a request is sent with.
    async fn whose(&self, request: Request) -> Result<(AccountId, Untrusted), ConnectError> {
        if let Some(app) = &self.app {
            return self.answers_app(app).await;
        }
        let answer = self.http.read(&request).await?;
        let record: Value = answer.json()?;
        let account = self.decoded(&answer, &record)?;
        Ok((account.id, account.login))
    }

    /// Reads the user behind an id, login or short login; `None` where there is none.
    async fn user(&self, key: &str) -> Result<Option<Account>, ConnectError> {
        let request = Request::get(USER, &[key])?.urgent();
        match self.http.read(&request).await {
            Ok(answer) => {
                let record: Value = answer.json()?;
                self.decoded(&answer, &record).map(Some)
            }
            Err(error) if error.kind == ConnectErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all pages of a list below a user.
    async fn list(
        &self,
        route: &'static str,
        ids: &[&str],
    ) -> Result<(Vec<Value>, Option<Answer>), ConnectError> {
        let mut next = Some(Request::get(route, ids)?.list());
        let (mut all, mut last) = (Vec::new(), None);
        for _ in 0..PAGES {
            let Some(request) = next.take() else { break };
            let answer = self.http.read(&request.urgent()).await?;
            let mut page: Vec<Value> = answer.json()?;
            all.append(&mut page);
            next = self
                .http
                .next_page(&answer)?
                .map(|path| Request::follow(route, path));
            last = Some(answer);
        }
        match (next, last) {
            (Some(_), Some(answer)) => Err(answer.unusable(&"the list does not end".into())),
            (_, last) => Ok((all, last)),
        }
    }

    /// Reads a list of which no record may be missing.
    async fn whole<T>(
        &self,
        route: &'static str,
        id: &str,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, ConnectError> {
        let (records, last) = self.list(route, &[id]).await?;
        let (items, faults) = each(&records, &["id", "client_id"], decode);
        match (faults.first(), last) {
            (Some(fault), Some(answer)) => Err(answer.unusable(&safe!(
                "record {}: {}",
                fault.record.field(),
                fault.reason.line()
            ))),
            _ => Ok(items),
        }
    }

    fn request(kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
        match kind {
            ActionKind::DisableAccount => Request::new(Class::Write, Method::POST, SUSPEND, &[id]),
            ActionKind::EnableAccount => Request::new(Class::Write, Method::POST, UNSUSPEND, &[id]),
            // Refresh and access tokens go with the sessions, and so do remembered devices: an attacker's browser must
            // not count as a known one afterwards. Both are written out because their defaults differ by engine.
            ActionKind::RevokeSessions => {
                Ok(Request::new(Class::Write, Method::DELETE, SESSIONS, &[id])?
                    .query("oauthTokens", "true")
                    .query("forgetDevices", "true"))
            }
            // By mail it would reach whoever holds the mailbox.
            ActionKind::ResetPassword => {
                Ok(Request::new(Class::Write, Method::POST, RESET, &[id])?
                    .query("sendEmail", "false")
                    .query("revokeSessions", "true"))
            }
            ActionKind::ExpirePassword => Request::new(Class::Write, Method::POST, EXPIRE, &[id]),
            ActionKind::RemoveItem => Err(no_item()),
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => risk::request(kind, id),
        }
    }

    /// Builds the request of a confirmed call again and gives it only if it is the same.
    fn confirmed(&self, action: &ConfirmedAction) -> Result<Request, ConnectError> {
        let (kind, call) = (action.kind(), action.call());
        let differs = || {
            ConnectError::unsent(safe!(
                "{}: the confirmed request does not belong to this connection",
                kind.word()
            ))
        };
        if let Some(item) = action.item() {
            return self.confirmed_removal(item, call)?.ok_or_else(differs);
        }
        let path = call.path.split('?').next().unwrap_or_default();
        let mut segments = path.rsplit('/');
        let id = match kind {
            ActionKind::RevokeSessions => segments.nth(1),
            kind if kind.is_of_risk() => segments.nth(1),
            _ => segments.nth(2),
        };
        // An Okta id has nothing that needs encoding; anything else cannot have been prepared here.
        let id = id.filter(|id| is_id(id)).ok_or_else(differs)?;
        let request = Self::request(kind, id)?;
        if self.http.prepared(&request)? == *call {
            Ok(request)
        } else {
            Err(differs())
        }
    }
}

/// Tells whether a text has the letters of an Okta id.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn unreadable(answer: &Answer, error: &FieldError) -> ConnectError {
    answer.unusable(&Untrusted::new(error.to_string()).line())
}

/// Tells whether an account carries a name exactly; letters may differ in case, as Okta compares them.
fn carries(account: &Account, name: &str) -> bool {
    account.id.raw() == name
        || account.login.raw().eq_ignore_ascii_case(name)
        || account
            .mail
            .as_ref()
            .is_some_and(|mail| mail.raw().eq_ignore_ascii_case(name))
}

/// Keeps what could be read and says what could not.
fn or_gap<T>(
    result: Result<Vec<T>, ConnectError>,
    what: &str,
    gaps: &mut Vec<Untrusted>,
) -> Option<Vec<T>> {
    match result {
        Ok(items) => Some(items),
        Err(error) => {
            gaps.push(Untrusted::new(format!(
                "{what} could not be read: {}",
                error.what.as_str()
            )));
            None
        }
    }
}

#[async_trait]
impl Identity for Okta {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn rate_is_low(&self) -> bool {
        self.http.rate_is_low()
    }

    async fn find(&self, name: &Untrusted) -> Result<Vec<Account>, ConnectError> {
        let raw = name.raw();
        let mut found: Vec<Account> = Vec::new();
        // The direct read is the only strongly consistent one, but it takes short logins, and a slash has no encoding.
        if !matches!(raw, "" | "." | "..") && !raw.contains('/') {
            found.extend(
                self.user(raw)
                    .await?
                    .filter(|account| carries(account, raw)),
            );
        }
        // The search finds a second account with the same mail.
        let quoted = log::quote(raw);
        let request = Request::get(USERS, &[])?
            .list()
            .urgent()
            .query(
                "search",
                &format!("profile.login eq {quoted} or profile.email eq {quoted}"),
            )
            .query("limit", "200");
        let answer = self.http.read(&request).await?;
        let records: Vec<Value> = answer.json()?;
        for record in &records {
            // A record that cannot be read may be the second account: all of it fails.
            let account = self.decoded(&answer, record)?;
            if carries(&account, raw) && !found.iter().any(|known| known.id == account.id) {
                found.push(account);
            }
        }
        if self.http.next_page(&answer)?.is_some() {
            return Err(answer.unusable(&"more than 200 accounts answer to this name".into()));
        }
        Ok(found)
    }

    async fn account(&self, id: &AccountId) -> Result<Account, ConnectError> {
        let raw = id.raw();
        let request = Request::get(USER, &[raw])?.urgent();
        let (answer, groups, roles, factors, clients, risk) = futures::join!(
            self.http.read(&request),
            self.whole(GROUPS, raw, wire::group),
            self.whole(ROLES, raw, wire::role),
            self.whole(FACTORS, raw, wire::factor),
            self.whole(CLIENTS, raw, wire::client),
            self.risk_record(raw),
        );
        let answer = answer?;
        let record: Value = answer.json()?;
        let mut account = self.decoded(&answer, &record)?;
        if account.id != *id {
            return Err(answer.unusable(&"the answer is about another account".into()));
        }
        let mut gaps = Vec::new();
        account.groups = or_gap(groups, "groups", &mut gaps);
        account.roles = or_gap(roles, "administrator roles", &mut gaps);
        account.factors = or_gap(factors, "MFA methods", &mut gaps);
        let clients = clients.map(|all| all.into_iter().map(|client| client.name).collect());
        account.token_clients = or_gap(clients, "clients with tokens", &mut gaps);
        account.risk = Some(self.risk_of(risk));
        account.gaps = gaps;
        Ok(account)
    }

    async fn other_administrators(
        &self,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        self.count_administrators(id, gone).await
    }

    async fn own_account(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let own = self.own.get_or_try_init(|| async {
            let request = Request::get(USER, &["me"])?.urgent();
            self.whose(request).await
        });
        own.await.cloned()
    }

    async fn answers(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        self.whose(Request::get(USER, &["me"])?).await
    }

    fn offers(&self, kind: ActionKind) -> Result<ActionFacts, Lacking> {
        let lacks = self.lacks_risk(kind);
        lacks.map_or_else(|| Ok(facts::facts(kind)), Err)
    }

    fn order(&self, kinds: &[ActionKind]) -> Vec<ActionKind> {
        let has = |kind| kinds.contains(&kind);
        let revoke = has(ActionKind::RevokeSessions);
        let keeps_out = has(ActionKind::DisableAccount) || has(ActionKind::ResetPassword);
        [
            (revoke, ActionKind::RevokeSessions),
            (has(ActionKind::DisableAccount), ActionKind::DisableAccount),
            (has(ActionKind::EnableAccount), ActionKind::EnableAccount),
            (has(ActionKind::ResetPassword), ActionKind::ResetPassword),
            (has(ActionKind::ExpirePassword), ActionKind::ExpirePassword),
            (
                has(ActionKind::ConfirmCompromised),
                ActionKind::ConfirmCompromised,
            ),
            (has(ActionKind::DismissRisk), ActionKind::DismissRisk),
            (revoke && keeps_out, ActionKind::RevokeSessions),
        ]
        .into_iter()
        .filter_map(|(is_wanted, kind)| is_wanted.then_some(kind))
        .collect()
    }

    fn steps(
        &self,
        kinds: &[ActionKind],
        account: &Account,
    ) -> Result<Vec<Step>, (ActionKind, Lacking)> {
        let refused = password::refusal(kinds, account);
        if let Some(refused) = refused.or_else(|| risk::refusal(kinds, account)) {
            return Err(refused);
        }
        let step = |kind: ActionKind| {
            let call = self.prepare(kind, &account.id);
            let mut facts = facts::facts(kind);
            if let Some(more) = password::limits(kind, account) {
                facts.limits = safe!("{}; {}", more, facts.limits);
            }
            Ok(Step {
                kind,
                call: call.map_err(|lacking| (kind, lacking))?,
                facts,
            })
        };
        self.order(kinds).into_iter().map(step).collect()
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
        let request = Self::request(kind, account.raw()).map_err(|error| lacking(error.what))?;
        self.http
            .prepared(&request)
            .map_err(|error| lacking(error.what))
    }

    async fn left_behind(&self, id: &AccountId) -> Result<LeftBehind, ConnectError> {
        self.remnants(id).await
    }

    async fn remnant(&self, id: &AccountId, item: &Item) -> Result<Option<Remnant>, ConnectError> {
        self.one_remnant(id, item).await
    }

    fn removal(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        self.removal_step(item, account)
    }

    async fn ready(&self, _action: &ConfirmedAction) -> Result<(), ConnectError> {
        self.http.ready().await
    }

    async fn perform(
        &self,
        action: &ConfirmedAction,
        _password: Option<&OneTime>,
    ) -> Result<Accepted, ConnectError> {
        let request = self.confirmed(action)?;
        let answer = self.http.write(&request).await?;
        let is_reset = action.kind() == ActionKind::ResetPassword;
        Ok(Accepted {
            status: answer.status,
            secret: is_reset.then(|| password::link(&answer)).flatten(),
            request_id: answer.request_id,
            server_date: answer.server_date,
        })
    }

    async fn read_back(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        match query.kind {
            ActionKind::DisableAccount => self.read_status(query, &AccountStatus::Disabled).await,
            ActionKind::EnableAccount => self.read_status(query, &AccountStatus::Active).await,
            ActionKind::RevokeSessions => self.read_cleared(query).await,
            ActionKind::ResetPassword | ActionKind::ExpirePassword => {
                self.read_password(query).await
            }
            ActionKind::RemoveItem => self.read_removed(query).await,
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => self.read_risk(query).await,
        }
    }

    fn leads_to(&self, kind: ActionKind) -> Option<AccountStatus> {
        match kind {
            ActionKind::DisableAccount => Some(AccountStatus::Disabled),
            ActionKind::EnableAccount => Some(AccountStatus::Active),
            kind => password::leads_to(kind),
        }
    }

    fn keeps_out(&self, status: &AccountStatus) -> bool {
        wire::keeps_out(status)
    }

    fn schedule(&self, kind: ActionKind) -> Schedule {
        facts::schedule(kind)
    }
}
