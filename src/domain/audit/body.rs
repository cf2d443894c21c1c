//! What a record says: one variant a type, with its fields.
//!
//! What must not live here: the envelope around it (see `entry`), and what follows from a record.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words::OutcomeState;
use super::{
    CaseChanged, CaseLeft, CaseRead, CaseSnoozed, ChecklistNote, ChecklistOpen, ChecklistPhase,
    ChecklistText, ChecklistTick, CompromiseWindow, Decided, DocumentPosted, DocumentWritten,
    FindingDismissed, HoldSet, ItemNamed, LikelihoodSet, LogRecovered, Observed, RecoverySaid,
    RunbookChoose, RunbookInput, SearchRun, SecretSaid, SegmentPruned, TaskState, TimelineSaid,
    WatchCursor, WatchSuccess, long,
};
use crate::domain::containment::{approval, campaign::CampaignNamed};
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId, RecordId};
use crate::domain::text::Untrusted;

/// What one record of the audit log says: the variant is its `type`, the fields its `data`; long text is cut (see `long`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Body {
    /// A process started.
    #[serde(rename = "session.open")]
    SessionOpen {
        /// Version of the program.
        version: String,
        /// Name of the environment.
        environment: String,
        /// Mode it started in, such as `dry_run`.
        mode: String,
        /// User of the operating system.
        os_user: Untrusted,
        /// Who the case system says is working, if it said.
        #[serde(with = "long::option")]
        operator: Option<Untrusted>,
        /// Hash of the configuration, hex.
        config_sha256: String,
        /// Hash of the policy that is in force, the host's joined with the configuration's, hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_sha256: Option<String>,
        /// Whether it runs against the drill.
        drill: bool,
        /// Public half of the key that signs this session's checkpoints, hex; put in by the writer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
    },
    /// A session signs where the chain stands: the record just before this one.
    #[serde(rename = "checkpoint")]
    Checkpoint {
        /// Number of the record before.
        n: u64,
        /// Its hash.
        h: String,
        /// Length of the segment's file up to and with it, bytes.
        size: u64,
        /// The same as a signed note, with the signature.
        note: String,
    },
    /// A closed segment is about to be removed on purpose.
    #[serde(rename = "segment.pruned")]
    SegmentPruned(SegmentPruned),
    /// A process ended in order.
    #[serde(rename = "session.close")]
    SessionClose {
        /// Why it ended, in our own words.
        reason: String,
    },
    /// The end of the log was torn; the torn bytes stay where they are and are named here.
    #[serde(rename = "log.recovered")]
    LogRecovered(LogRecovered),
    /// The last record of a segment.
    #[serde(rename = "segment.end")]
    SegmentEnd {
        /// Number of the next segment.
        next: u64,
    },
    /// The first record of every segment but the first.
    #[serde(rename = "segment.start")]
    SegmentStart {
        /// Hash of the record before.
        prev_h: String,
    },
    /// The wall clock jumped.
    #[serde(rename = "clock.jump")]
    ClockJump {
        /// By how many seconds; negative is backwards.
        seconds: i64,
    },
    /// A case was opened on the screen.
    #[serde(rename = "case.opened")]
    CaseOpened {
        /// The case.
        case: CaseId,
    },
    /// Activity was searched.
    #[serde(rename = "search.run")]
    SearchRun(SearchRun),
    /// A case was read.
    #[serde(rename = "case.read")]
    CaseRead(CaseRead),
    /// A case is about to be changed in its case system.
    #[serde(rename = "case.change")]
    CaseChanged(CaseChanged),
    /// A case is not shown for a while.
    #[serde(rename = "case.snooze")]
    CaseSnoozed(CaseSnoozed),
    /// From when to when an account was in other hands.
    #[serde(rename = "case.window")]
    CompromiseWindow(CompromiseWindow),
    /// The open case was left.
    #[serde(rename = "case.left")]
    CaseLeft(CaseLeft),
    /// A person decided not to contain.
    #[serde(rename = "decision")]
    Decision(Decided),
    /// A person set how likely a compromise is.
    #[serde(rename = "likelihood")]
    Likelihood(LikelihoodSet),
    /// A person said something of an event, or typed one in.
    #[serde(rename = "timeline.said")]
    TimelineSaid(TimelineSaid),
    /// A guard refused.
    #[serde(rename = "refusal")]
    Refusal {
        /// The case.
        case: CaseId,
        /// The account, when it was resolved.
        account: Option<AccountId>,
        /// The login it was about.
        #[serde(with = "long")]
        login: Untrusted,
        /// Kinds of actions refused.
        kinds: Vec<String>,
        /// Name of the guard.
        guard: String,
        /// Why.
        #[serde(with = "long")]
        reason: Untrusted,
    },
    /// A step of a checklist changed.
    #[serde(rename = "checklist.tick")]
    ChecklistTick(ChecklistTick),
    /// A note on a step of a checklist.
    #[serde(rename = "checklist.note")]
    ChecklistNote(ChecklistNote),
    /// The list of another runbook was opened from a step.
    #[serde(rename = "checklist.open")]
    ChecklistOpen(ChecklistOpen),
    /// The keys of all steps of a text, by the name that ticks carry: tells which steps stood in it.
    #[serde(rename = "checklist.text")]
    ChecklistText(ChecklistText),
    /// A phase of a checklist was closed or opened again.
    #[serde(rename = "checklist.phase")]
    ChecklistPhase(ChecklistPhase),
    /// The runbook of a case was chosen.
    #[serde(rename = "runbook.choose")]
    RunbookChoose(RunbookChoose),
    /// An input of a runbook was typed in.
    #[serde(rename = "runbook.input")]
    RunbookInput(RunbookInput),
    /// A task of a checklist was seen, or is to change.
    #[serde(rename = "task.state")]
    TaskState(TaskState),
    /// An action was planned.
    #[serde(rename = "action.plan")]
    ActionPlan {
        /// The plan.
        pid: PlanId,
        /// The action.
        aid: ActionId,
        /// Its place in the plan, from 1.
        order: u32,
        /// Kind of action.
        kind: String,
        /// The case.
        case: CaseId,
        /// The account it will hit.
        account: AccountId,
        /// The account's login.
        #[serde(with = "long")]
        login: Untrusted,
        /// The account as it was read; over 4 KiB only its hash, length and head are kept.
        #[serde(with = "long::value")]
        snapshot: Value,
        /// The provider's clock when it was read.
        #[serde(with = "long::micros_option")]
        server_date: Option<DateTime<Utc>>,
        /// What the guards said.
        guards: Vec<String>,
        /// Hash over everything that was decided on.
        plan_hash: String,
        /// Until when it may be confirmed.
        #[serde(with = "long::micros")]
        expires: DateTime<Utc>,
    },
    /// A person confirmed an action.
    #[serde(rename = "action.confirm")]
    ActionConfirm {
        /// The plan.
        pid: PlanId,
        /// The action.
        aid: ActionId,
        /// How it was confirmed.
        how: String,
        /// Hash of the plan that was shown.
        plan_hash: String,
        /// Whether it was confirmed as a dry run.
        dry_run: bool,
        /// Login of who confirmed it, as the case system said it; none of a token that several people share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "long::option")]
        operator: Option<Untrusted>,
    },
    /// A request is about to leave.
    #[serde(rename = "action.intent")]
    ActionIntent {
        /// The action.
        aid: ActionId,
        /// Which attempt, from 1.
        attempt: u32,
        /// HTTP method.
        method: String,
        /// Host.
        host: String,
        /// Path.
        #[serde(with = "long")]
        path: Untrusted,
        /// Hash of the body without secrets, hex.
        body_sha256: String,
        /// Our id of the request.
        request_id: String,
        /// The provider's clock at the check before.
        #[serde(with = "long::micros_option")]
        server_date: Option<DateTime<Utc>>,
        /// When the password was last changed, at the check before an action on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "long::micros_option")]
        password_changed: Option<DateTime<Utc>>,
        /// From when on tokens were good, at the check before a revocation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "long::micros_option")]
        valid_from: Option<DateTime<Utc>>,
        /// Until when an answer is waited for.
        #[serde(with = "long::micros")]
        deadline: DateTime<Utc>,
    },
    /// The provider accepted.
    #[serde(rename = "action.ack")]
    ActionAck {
        /// The action.
        aid: ActionId,
        /// Which attempt.
        attempt: u32,
        /// HTTP status.
        status: u16,
        /// The provider's id of the request, if it gave one.
        #[serde(with = "long::option")]
        request_id: Option<Untrusted>,
        /// The provider's clock.
        #[serde(with = "long::micros_option")]
        server_date: Option<DateTime<Utc>>,
    },
    /// The provider definitely refused.
    #[serde(rename = "action.rejected")]
    ActionRejected {
        /// The action.
        aid: ActionId,
        /// Which attempt.
        attempt: u32,
        /// HTTP status.
        status: u16,
        /// What it said.
        #[serde(with = "long")]
        reason: Untrusted,
    },
    /// No byte of the request left.
    #[serde(rename = "action.not_sent")]
    ActionNotSent {
        /// The action.
        aid: ActionId,
        /// Which attempt.
        attempt: u32,
        /// Why.
        #[serde(with = "long")]
        reason: Untrusted,
    },
    /// The request may have had its effect.
    #[serde(rename = "action.unknown")]
    ActionUnknown {
        /// The action.
        aid: ActionId,
        /// Which attempt.
        attempt: u32,
        /// Why.
        #[serde(with = "long")]
        reason: Untrusted,
    },
    /// The account was read back.
    #[serde(rename = "action.observe")]
    ActionObserve(Observed),
    /// The final word on an action.
    #[serde(rename = "action.outcome")]
    ActionOutcome {
        /// The action.
        aid: ActionId,
        /// The word.
        state: OutcomeState,
        /// What it rests on.
        #[serde(with = "long")]
        evidence: Untrusted,
        /// Seconds from the intent to the word.
        seconds: Option<u32>,
    },
    /// Another process took over an action whose owner is gone.
    #[serde(rename = "action.adopt")]
    ActionAdopt {
        /// The action.
        aid: ActionId,
        /// Process id of the former owner.
        owner_pid: u32,
    },
    /// A person closed an unfinished action.
    #[serde(rename = "action.resolve")]
    ActionResolve {
        /// The action.
        aid: ActionId,
        /// How.
        how: String,
        /// Why.
        #[serde(with = "long")]
        reason: Untrusted,
    },
    /// Actions were documented in the case.
    #[serde(rename = "action.doc")]
    ActionDoc {
        /// The plan.
        pid: PlanId,
        /// The actions.
        aids: Vec<ActionId>,
        /// The case.
        case: CaseId,
        /// The vendor's id of the comment.
        #[serde(with = "long")]
        comment: Untrusted,
    },
    /// Something came of a secret that is handed over once.
    #[serde(rename = "action.secret")]
    ActionSecret(SecretSaid),
    /// A record write is about to leave.
    #[serde(rename = "record.intent")]
    RecordIntent {
        /// The write.
        rid: RecordId,
        /// What is written: `comment`, `claim`, ...
        kind: String,
        /// The case.
        case: CaseId,
        /// The mark by which it can be found again.
        marker: String,
        /// Hash of what is written, hex.
        sha256: String,
        /// The phase it documents, by its code, when it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
    },
    /// A record write is done.
    #[serde(rename = "record.done")]
    RecordDone {
        /// The write.
        rid: RecordId,
        /// The vendor's id of what was written.
        #[serde(with = "long")]
        id: Untrusted,
    },
    /// A record write failed.
    #[serde(rename = "record.failed")]
    RecordFailed {
        /// The write.
        rid: RecordId,
        /// Why.
        #[serde(with = "long")]
        reason: Untrusted,
        /// The vendor's id of what it took and then did not show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "long::option")]
        taken: Option<Untrusted>,
    },
    /// A second person was asked; the requester has confirmed by the typed name.
    #[serde(rename = "action.approval_requested")]
    ApprovalRequested {
        /// The plan that waits.
        pid: PlanId,
        /// Its actions.
        aids: Vec<ActionId>,
        /// What is asked; its plan is an earlier one where the same was asked before a restart.
        ask: approval::Ask,
        /// Why a second person is needed.
        reasons: Vec<String>,
        /// The case system's id of who asks.
        requester: Untrusted,
        /// Their login.
        #[serde(with = "long")]
        requester_login: Untrusted,
        /// Until when, by our clock.
        #[serde(with = "long::micros")]
        expires: DateTime<Utc>,
    },
    /// A second person approved; written with the confirmation and the first intent, and used up by it.
    #[serde(rename = "action.approval")]
    Approval {
        /// The plan.
        pid: PlanId,
        /// The plan that was asked for: the same, or an earlier one of the same hash.
        asked: PlanId,
        /// Its hash.
        plan_hash: String,
        /// The case system's id of who approved.
        approver: Untrusted,
        /// Their login.
        #[serde(with = "long")]
        approver_login: Untrusted,
        /// The comment.
        comment: Untrusted,
        /// When, by the case system's clock.
        #[serde(with = "long::micros")]
        at: DateTime<Utc>,
    },
    /// A second person said no.
    #[serde(rename = "action.approval_denied")]
    ApprovalDenied {
        /// The plan.
        pid: PlanId,
        /// Its actions.
        aids: Vec<ActionId>,
        /// Login of who said it.
        #[serde(with = "long")]
        by: Untrusted,
        /// The comment.
        comment: Untrusted,
    },
    /// The person at this console answered somebody else's request.
    #[serde(rename = "approval.given")]
    ApprovalGiven(approval::GivenAnswer),
    /// A plan goes beyond the caps in the name of a campaign.
    #[serde(rename = "action.campaign")]
    ActionCampaign(CampaignNamed),
    /// An action removes an item of the account; written with the plan.
    #[serde(rename = "action.item")]
    ActionItem(ItemNamed),
    /// A part of what such an item was before, where that is long; written with all its other parts.
    #[serde(rename = "action.before")]
    ActionBefore(super::ItemPart),
    /// Somebody decided until when a containment holds.
    #[serde(rename = "hold.set")]
    HoldSet(HoldSet),
    /// A contained account did something that succeeded.
    #[serde(rename = "watch.success")]
    WatchSuccess(WatchSuccess),
    /// Up to which event the watch of an account has read a source.
    #[serde(rename = "watch.cursor")]
    WatchCursor(WatchCursor),
    /// Something of the watch over an account that was enabled again.
    #[serde(rename = "recovery.watch")]
    Recovery(RecoverySaid),
    /// Somebody said that a finding means nothing, or took that back.
    #[serde(rename = "finding.dismissed")]
    FindingDismissed(FindingDismissed),
    /// A note of the analyst.
    #[serde(rename = "note")]
    Note {
        /// The case.
        case: CaseId,
        /// The note.
        #[serde(with = "long")]
        text: Untrusted,
        /// Login of who wrote it, as the case system said it; none of a token that several people share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "long::option")]
        operator: Option<Untrusted>,
    },
    /// A part of a report of the analyst that was confirmed for the case; written with all its other parts.
    #[serde(rename = "document.written")]
    DocumentWritten(DocumentWritten),
    /// A report is in the case.
    #[serde(rename = "document.posted")]
    DocumentPosted(DocumentPosted),
    /// A type, or a form of a type, that this version cannot read. Verified, not interpreted; never written.
    #[serde(skip)]
    Unknown {
        /// The type as written.
        r#type: Untrusted,
        /// The data as written.
        data: Value,
    },
}
