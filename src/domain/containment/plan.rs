//! A plan: one target, ordered steps, the account as it was, what the guards said; void when anything changes.

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::guard::GuardResult;
use super::kind::ActionKind;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::freshness::Moment;
use crate::domain::ids::{ActionId, CaseId, PlanId};
use crate::domain::text::Safe;

/// How long a plan may be confirmed after it was made.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The exact request an action will be, shown before it is confirmed and recorded before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreparedCall {
    /// HTTP method.
    pub method: &'static str,
    /// Host as it will be connected to.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// SHA-256 of the body in hex; of nothing when there is none.
    pub body_sha256: String,
}

/// What an action kind means at one provider: shown in the dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionFacts {
    /// What the user will notice, one sentence.
    pub effect: Safe,
    /// Whether and how it can be undone.
    pub undo: Safe,
    /// What it does not do.
    pub limits: Safe,
    /// What proves it.
    pub proof: Safe,
}

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its id, in every record about it.
    pub aid: ActionId,
    /// What it does.
    pub kind: ActionKind,
    /// The request it will be.
    pub call: PreparedCall,
    /// What it means at this provider.
    pub facts: ActionFacts,
}

/// Everything that is confirmed at once, for exactly one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id; also the marker of its comment in the case.
    pub pid: PlanId,
    /// The case it is done for.
    pub case: CaseId,
    /// The account as it was when the plan was made.
    pub account: Account,
    /// Steps in the order they are sent.
    pub steps: Vec<PlannedStep>,
    /// What the guards said.
    pub guards: Vec<GuardResult>,
    /// When it was made.
    pub made: Moment,
    /// SHA-256 over kinds, target, snapshot, policy and configuration, in hex.
    pub hash: String,
    /// Whether the send gate only records.
    pub dry_run: bool,
}

impl Plan {
    /// Tells whether any guard refuses.
    pub fn refused(&self) -> bool {
        self.guards.iter().any(GuardResult::refuses)
    }

    /// Tells whether it is too old to be confirmed.
    pub fn expired(&self, boot: Duration) -> bool {
        boot.saturating_sub(self.made.boot) >= LIFETIME
    }

    /// Lists the kinds in the order they are sent.
    pub fn kinds(&self) -> Vec<ActionKind> {
        self.steps.iter().map(|step| step.kind).collect()
    }
}

/// What must not differ between the plan and the send; times of sign-in and tokens move by themselves.
#[derive(Serialize, PartialEq, Eq)]
struct Material<'a> {
    id: &'a crate::domain::ids::AccountId,
    login: &'a str,
    name: &'a str,
    mail: Option<&'a str>,
    status: &'a AccountStatus,
    source: Option<&'a str>,
    groups: Option<Vec<&'a str>>,
    roles: Option<Vec<&'a str>>,
    factors: Option<Vec<&'a str>>,
    password_changed: Option<i64>,
}

fn sorted<'a>(items: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = items.collect();
    all.sort_unstable();
    all
}

fn material(account: &Account) -> Material<'_> {
    Material {
        id: &account.id,
        login: account.login.raw(),
        name: account.name.raw(),
        mail: account
            .mail
            .as_ref()
            .map(super::super::text::Untrusted::raw),
        status: &account.status,
        source: account
            .source
            .as_ref()
            .map(super::super::text::Untrusted::raw),
        groups: account
            .groups
            .as_ref()
            .map(|all| sorted(all.iter().map(|g| g.id.raw()))),
        roles: account
            .roles
            .as_ref()
            .map(|all| sorted(all.iter().map(super::super::text::Untrusted::raw))),
        factors: account
            .factors
            .as_ref()
            .map(|all| sorted(all.iter().map(|f| f.id.raw()))),
        password_changed: account.password_changed.map(|at| at.timestamp_millis()),
    }
}

/// Hashes what a confirmation stands for; any change gives another hash.
pub fn plan_hash(
    kinds: &[ActionKind],
    account: &Account,
    case: &CaseId,
    policy: &str,
    config: &str,
) -> String {
    let text = serde_json::json!({
        "kinds": kinds,
        "case": case,
        "account": material(account),
        "policy": policy,
        "config": config,
    })
    .to_string();
    hex(&Sha256::digest(text.as_bytes()))
}

/// Names the first thing about an account that differs from the plan, if any.
///
/// `status` is what the account's status must be now: the plan's, or disabled after our own disable.
pub fn changed_since(
    plan: &Account,
    now: &Account,
    status: &AccountStatus,
) -> Option<&'static str> {
    let (before, after) = (material(plan), material(now));
    if before.id != after.id {
        Some("immutable id")
    } else if before.login != after.login {
        Some("login")
    } else if before.name != after.name {
        Some("name")
    } else if before.mail != after.mail {
        Some("mail")
    } else if *status != now.status {
        Some("status")
    } else if before.source != after.source {
        Some("source")
    } else if before.groups != after.groups {
        Some("groups")
    } else if before.roles != after.roles {
        Some("roles")
    } else if before.factors != after.factors {
        Some("MFA methods")
    } else if before.password_changed != after.password_changed {
        Some("password")
    } else {
        None
    }
}

/// Writes bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing into a String cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}
