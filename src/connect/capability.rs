//! What a connection can do, as traits and values that will carry every vendor.
//!
//! A capability that is missing is a value with a reason ([`Lacking`]), never a call that fails later. Calls that
//! change an account take a [`ConfirmedAction`] and nothing else.

mod examined;
mod remnants;
mod risk;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::account::{Account, AccountStatus};
use crate::domain::case::{Alert, Case, CaseFile, Comment, RecordFault, Task};
use crate::domain::containment::administrators::RoleHeld;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::kind::ActionKind;
pub use crate::domain::containment::plan::{ActionFacts, PreparedCall};
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::ids::{AccountId, CaseId, ConnectionName};
use crate::domain::mirror::NewTask;
use crate::domain::one_time::OneTime;
use crate::domain::operator::{Author, Operator};
use crate::domain::report::trouble::Trouble;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Event;
use crate::domain::verdict::Closing;

pub use self::examined::{Examined, LastSeen, Right, RuleSeen};
pub(crate) use self::remnants::{no_item, one as one_remnant};
pub(crate) use self::risk::{keeps_none, no_risk};

/// Why a connection cannot do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// One short fragment, such as `server offers no such call`.
    pub reason: Safe,
}

/// A call that did not give what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConnectError {
    /// What kind of failure it was.
    pub kind: ConnectErrorKind,
    /// What was tried on what, and why it failed: one fragment without secrets.
    pub what: Safe,
    /// What can be done about it.
    pub hint: Option<Safe>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The vendor's id of the request.
    pub request_id: Option<Untrusted>,
}

impl ConnectError {
    /// Makes the error of something that was refused here, before anything was sent.
    pub fn unsent(what: Safe) -> Self {
        Self {
            kind: ConnectErrorKind::NotSent,
            what,
            hint: None,
            status: None,
            request_id: None,
        }
    }
}

/// Kinds of failure, as far as the caller acts on them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectErrorKind {
    /// No byte of the request left: name, connect or TLS failed.
    NotSent,
    /// The vendor refused and said so (4xx except 401, 403, 404, 408, 425, 429).
    Rejected,
    /// The vendor said it was not executed for its rate (429), with the wait it asked for in seconds.
    Throttled(u64),
    /// Nothing certain: timed out, reset, 408, 425, 5xx, unparsable answer to a write.
    Unknown,
    /// The answer broke a limit or the contract: too large, foreign link, wrong shape.
    Malformed,
    /// Not found (404).
    NotFound,
    /// Credentials or permission (401, 403).
    Denied,
}

/// A page of something, with what was wrong in it and whether there is more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The records that could be read.
    pub items: Vec<T>,
    /// The records that could not.
    pub faults: Vec<RecordFault>,
    /// Whether the vendor had more than was asked for.
    pub truncated: bool,
}

/// A connection to a case system.
#[async_trait]
pub trait Cases: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Tells whether less than a fifth of the vendor's rate is left, so that polls should come half as often.
    fn rate_is_low(&self) -> bool {
        false
    }
    /// Lists the newest cases, open ones first; at most `limit`.
    async fn list(&self, limit: usize) -> Result<Page<Case>, ConnectError>;
    /// Reads one case in full.
    async fn open(&self, id: &CaseId) -> Result<CaseFile, ConnectError>;
    /// Finds comments that contain the marker; asked before every post and after it.
    async fn find_comment(&self, id: &CaseId, marker: &str) -> Result<Vec<Comment>, ConnectError>;
    /// Posts one comment and gives its id; never repeated by this call. The message is Markdown, already escaped.
    async fn comment(&self, id: &CaseId, message: &str) -> Result<Untrusted, ConnectError>;
    /// Lists all tasks of a case.
    async fn tasks(&self, id: &CaseId) -> Result<Vec<Task>, ConnectError> {
        Err(no_tasks(id))
    }
    /// Makes one task, never repeated by this call, and gives it as the vendor made it.
    async fn create_task(&self, id: &CaseId, _task: &NewTask) -> Result<Task, ConnectError> {
        Err(no_tasks(id))
    }
    /// Gives a task of a case another status; what it is already it stays.
    async fn set_task(
        &self,
        id: &CaseId,
        _task: &Untrusted,
        _status: &Untrusted,
    ) -> Result<(), ConnectError> {
        Err(no_tasks(id))
    }
    /// Reads one case as it is now, without what belongs to it.
    async fn case(&self, id: &CaseId) -> Result<Case, ConnectError>;
    /// Makes somebody the owner of a case; `None` leaves it without one, where the vendor has a call for that.
    async fn assign(&self, id: &CaseId, _to: Option<&Untrusted>) -> Result<(), ConnectError> {
        Err(lacks(id, "change of a case's owner"))
    }
    /// Reads a case that is to be closed, and writes the request for it: verdict and comment in one; what the case says already
    /// is kept.
    async fn prepare_close(
        &self,
        id: &CaseId,
        _closing: &Closing,
    ) -> Result<(Case, PreparedClose), ConnectError> {
        Err(lacks(id, "closing of a case"))
    }
    /// Sends the request that closes a case; nothing is read or waited for before it.
    async fn close(&self, id: &CaseId, _prepared: &PreparedClose) -> Result<(), ConnectError> {
        Err(lacks(id, "closing of a case"))
    }
    /// Reads one case as it is now, and whether it holds verdict and comment of a closing; `None` where that is not told.
    async fn closed_as(
        &self,
        id: &CaseId,
        _closing: &Closing,
    ) -> Result<(Case, Option<bool>), ConnectError> {
        self.case(id).await.map(|case| (case, None))
    }
    /// Makes one case of several, all of this connection, and gives it as the vendor made it; there is no way back.
    async fn merge(&self, ids: &[CaseId]) -> Result<Case, ConnectError> {
        let first = ids.first();
        Err(first.map_or_else(
            || ConnectError::unsent("no case to merge".into()),
            |id| lacks(id, "merging of cases"),
        ))
    }
    /// Lists the cases that the vendor finds similar to one; at most `limit`.
    async fn similar(&self, id: &CaseId, _limit: usize) -> Result<Page<Case>, ConnectError> {
        Err(lacks(id, "search for similar cases"))
    }
    /// Says whose token it is.
    async fn who_am_i(&self) -> Result<Operator, ConnectError>;
    /// Says who is behind a login that stands as author of a comment; `None` when that is nobody in particular.
    async fn author(&self, login: &Untrusted) -> Result<Option<Author>, ConnectError>;
}

/// A request that closes a case as it was just read; made and sent by its connection only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedClose(pub(super) serde_json::Value);

fn lacks(id: &CaseId, what: &'static str) -> ConnectError {
    ConnectError::unsent(crate::safe!("{} offers no {}", id.connection, what))
}

fn no_tasks(id: &CaseId) -> ConnectError {
    ConnectError::unsent(crate::safe!("{} offers no tasks here", id.connection))
}

/// What to ask the SIEM for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityQuery {
    /// Who: any of the names or ids the account is known by (id, login, mail).
    pub user: Vec<Untrusted>,
    /// From, inclusive.
    pub since: DateTime<Utc>,
    /// Until, exclusive; `None` is now.
    pub until: Option<DateTime<Utc>>,
    /// Most events wanted.
    pub limit: usize,
}

/// What leads from one user to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// `source.ip`.
    Address,
    /// `device.id`.
    Device,
}

/// What to ask the SIEM for, whoever did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceQuery {
    /// Which field.
    pub kind: TraceKind,
    /// Its value, exactly.
    pub value: Untrusted,
    /// From, inclusive.
    pub since: DateTime<Utc>,
    /// Most events wanted.
    pub limit: usize,
}

/// Receives the pages of a search as they come; `false` asks to stop.
pub type PageSink<'a> = &'a mut (dyn FnMut(Page<Event>) -> bool + Send);

/// A connection to a SIEM.
#[async_trait]
pub trait ActivitySource: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Tells whether less than a fifth of the vendor's rate is left, so that polls should come half as often.
    fn rate_is_low(&self) -> bool {
        false
    }
    /// Loads the events of a user page by page; gives the count and whether it was truncated.
    async fn search(
        &self,
        query: &ActivityQuery,
        pages: PageSink<'_>,
    ) -> Result<SearchEnd, ConnectError>;
    /// Loads what all users did from one address or device, newest first; at most `limit` events.
    ///
    /// A source that cannot be asked so says it: nothing is sent.
    async fn search_trace(&self, _query: &TraceQuery) -> Result<Page<Event>, ConnectError> {
        Err(ConnectError::unsent(crate::safe!(
            "{} offers no search over all users here",
            self.connection()
        )))
    }
    /// Gives the newest record of each source behind the connection, of whatever user; none where that is not known.
    async fn newest(&self) -> Result<Vec<LastSeen>, ConnectError> {
        Ok(Vec::new())
    }
    /// Gives the text of the query as sent, to be copied into the case.
    fn query_text(&self, query: &ActivityQuery) -> String;
    /// Tells whether it has alerts to list.
    fn lists_alerts(&self) -> bool {
        false
    }
    /// Lists the newest open alerts.
    async fn alerts(&self, limit: usize) -> Result<Page<Alert>, ConnectError>;
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchEnd {
    /// How many events came.
    pub events: usize,
    /// Whether there are more than the limit.
    pub truncated: bool,
}

/// The answer of a provider that accepted an action.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// HTTP status.
    pub status: u16,
    /// The vendor's id of the request.
    pub request_id: Option<Untrusted>,
    /// The vendor's clock.
    pub server_date: Option<DateTime<Utc>>,
    /// What is to be handed over, where the answer carries it.
    pub secret: Option<Arc<OneTime>>,
}

/// What reading back is told about the action it should prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofQuery {
    /// What was done.
    pub kind: ActionKind,
    /// What it removed.
    pub item: Option<Item>,
    /// To whom.
    pub account: AccountId,
    /// The provider's clock before the send; `None` when it was never learned.
    pub not_before: Option<DateTime<Utc>>,
    /// The provider's time of the last such act, as read before the send: when the password was last changed, from when on
    /// tokens were good.
    pub before: Option<DateTime<Utc>>,
    /// The vendor's id of the request, when an answer gave one.
    pub request_id: Option<Untrusted>,
    /// The path of the request, as it was recorded before the send.
    pub path: Option<Untrusted>,
    /// How many requests of ours to the same path were sent before this one and still wait for the entry that proves them.
    pub ahead: usize,
    /// Ids of log entries that already prove another action.
    pub used: Vec<Untrusted>,
    /// The vendor's ids of our other requests on the account: what those left proves nothing here.
    pub others: Vec<Untrusted>,
    /// From when on an entry of a log that names no request is of none of those that were answered before this one was sent,
    /// nor of a copy that the network made of them; `None` where there are none.
    pub after: Option<DateTime<Utc>>,
}

/// One reading of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether it shows the effect: yes, no, or not to be known.
    pub matches: Option<bool>,
    /// What was read, in words: `status SUSPENDED`.
    pub evidence: Untrusted,
    /// Id of the vendor's log entry that serves as proof.
    pub used: Option<Untrusted>,
    /// The vendor's clock.
    pub server_date: Option<DateTime<Utc>>,
    /// When the effect that was read began, by the vendor's own word and as finely as it tells that: when the status
    /// changed, when the password was set, when its log has it. Another time is another act.
    pub effect_at: Option<DateTime<Utc>>,
}

/// When to read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Waits after the answer, each counted from the one before.
    pub waits: Vec<Duration>,
    /// Least time between the first and the last of the agreeing reads.
    pub agree: Duration,
}

/// One request of a plan, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: ActionKind,
    /// The request.
    pub call: PreparedCall,
    /// What it means here.
    pub facts: ActionFacts,
}

/// A connection to an identity provider.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Tells whether less than a fifth of the vendor's rate is left, so that polls should come half as often.
    fn rate_is_low(&self) -> bool {
        false
    }
    /// Finds accounts by id, login or mail, exactly; several answers are the caller's to refuse.
    async fn find(&self, name: &Untrusted) -> Result<Vec<Account>, ConnectError>;
    /// Reads one account by its immutable id, with groups, roles, factors and token clients.
    async fn account(&self, id: &AccountId) -> Result<Account, ConnectError>;
    /// Counts, for each administrator role of an account, other members that are enabled, up to
    /// [`LEAST`](crate::domain::containment::administrators::LEAST); those in `gone` do not count.
    async fn other_administrators(
        &self,
        _id: &AccountId,
        _gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        Err(ConnectError::unsent(
            "the members of a role are not read at this provider".into(),
        ))
    }
    /// Says whose token it is: own id and login. Asked once, then remembered.
    async fn own_account(&self) -> Result<(AccountId, Untrusted), ConnectError>;
    /// Asks anew whose token it is: only an answer of now shows that the provider is there.
    async fn answers(&self) -> Result<(AccountId, Untrusted), ConnectError>;
    /// Tells whether an action kind is offered at all, and what it means here.
    fn offers(&self, kind: ActionKind) -> Result<ActionFacts, Lacking>;
    /// Orders the steps of a plan for this provider, such as revoke, disable, revoke again.
    fn order(&self, kinds: &[ActionKind]) -> Vec<ActionKind>;
    /// Gives the request an action would be.
    fn prepare(&self, kind: ActionKind, account: &AccountId) -> Result<PreparedCall, Lacking>;
    /// Lists what a plan of these kinds sends for an account as it is now, in order.
    ///
    /// One request each, unless a provider needs several for one kind: Keycloak ends each offline session by itself.
    ///
    /// # Errors
    /// The kind that is not offered, and why.
    fn steps(
        &self,
        kinds: &[ActionKind],
        account: &Account,
    ) -> Result<Vec<Step>, (ActionKind, Lacking)> {
        let step = |kind: ActionKind| {
            Ok(Step {
                kind,
                call: self.prepare(kind, &account.id)?,
                facts: self.offers(kind)?,
            })
        };
        let named = |kind| step(kind).map_err(|lacking| (kind, lacking));
        self.order(kinds).into_iter().map(named).collect()
    }
    /// Lists what an attacker may have left in an account; what cannot be read is named, never left out.
    async fn left_behind(&self, _id: &AccountId) -> Result<LeftBehind, ConnectError> {
        Err(remnants::none(self.connection()))
    }
    /// Reads one thing that was left anew; `None` where it is not there any more. An error where its kind cannot be read.
    async fn remnant(&self, id: &AccountId, item: &Item) -> Result<Option<Remnant>, ConnectError> {
        remnants::one(&self.left_behind(id).await?, item)
    }
    /// Gives the one request that removes a thing from an account, and what that means for the account as it is now.
    fn removal(&self, _item: &Item, _account: &Account) -> Result<Step, Lacking> {
        Err(remnants::lacking(self.connection()))
    }
    /// Reads once whether what an action removed is still there.
    async fn read_removed(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let Some(item) = &query.item else {
            return Ok(remnants::unnamed());
        };
        let found = self.remnant(&query.account, item).await?;
        Ok(remnants::reading(item, found.as_ref()))
    }
    /// Tells whether an action of this kind sends a new password, which the caller makes and hands over.
    fn takes_password(&self, _kind: ActionKind) -> bool {
        false
    }
    /// Fetches what the request of an action needs to leave at once, such as a token that lasts.
    ///
    /// # Errors
    /// What keeps the request from leaving.
    async fn ready(&self, _action: &ConfirmedAction) -> Result<(), ConnectError> {
        Ok(())
    }
    /// Sends exactly one request, within seconds; no redirects, no retries. `password` is there where [`Self::takes_password`] says so.
    async fn perform(
        &self,
        action: &ConfirmedAction,
        password: Option<&OneTime>,
    ) -> Result<Accepted, ConnectError>;
    /// Reads the evidence once.
    async fn read_back(&self, query: &ProofQuery) -> Result<Reading, ConnectError>;
    /// Tells whether an account of this status is kept out as a disabled one is; what the vendor does not say for sure is not.
    fn keeps_out(&self, status: &AccountStatus) -> bool;
    /// Gives the status that an action of this kind leads to, if it changes it.
    fn leads_to(&self, kind: ActionKind) -> Option<AccountStatus> {
        match kind {
            ActionKind::DisableAccount => Some(AccountStatus::Disabled),
            ActionKind::EnableAccount => Some(AccountStatus::Active),
            _ => None,
        }
    }
    /// Tells whether an action of this kind is proven by a time alone, be it that of a log entry which names no request, so
    /// that two of one second cannot be told apart.
    fn proves_by_time(&self, _kind: ActionKind) -> bool {
        false
    }
    /// Gives the read-back schedule of an action kind.
    fn schedule(&self, kind: ActionKind) -> Schedule;
}

impl ConnectError {
    /// Says how it failed, as far as a review asks; `None` for what was refused here or is an answer like another.
    pub fn trouble(&self) -> Option<Trouble> {
        match (self.kind, self.status) {
            (ConnectErrorKind::Throttled(_), _) => Some(Trouble::RateLimit),
            (ConnectErrorKind::NotSent | ConnectErrorKind::Unknown, None) => {
                Some(Trouble::NoAnswer)
            }
            (ConnectErrorKind::NotFound, _) => None,
            _ => Some(Trouble::Failed),
        }
    }
}

impl From<ConnectError> for crate::domain::fault::Fault {
    fn from(error: ConnectError) -> Self {
        Self {
            what: error.what,
            hint: error.hint,
        }
    }
}
