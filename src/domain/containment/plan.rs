//! A plan: one target, ordered steps, the account as it was, what the guards said; void when anything changes.

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::guard::GuardResult;
use super::kind::ActionKind;
use super::need::Need;
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
    /// What else should be known before it is confirmed; refuses nothing.
    pub warnings: Vec<Safe>,
    /// When it was made.
    pub made: Moment,
    /// SHA-256 over kinds, target, snapshot, policy and configuration, in hex.
    pub hash: String,
    /// Whether the send gate only records.
    pub dry_run: bool,
    /// The second person it needs before it is sent, if any.
    pub need: Option<Need>,
    /// The campaign in whose name it goes beyond the caps.
    pub campaign: Option<String>,
}

impl Plan {
    /// Tells whether any guard refuses.
    pub fn refused(&self) -> bool {
        self.guards.iter().any(GuardResult::refuses)
    }

    /// Tells whether somebody has to be asked before anything is sent; a dry run asks nobody.
    pub fn waits(&self) -> bool {
        self.need.is_some() && !self.dry_run
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
/// `statuses` are what its status may be now: the plan's, and after our own disable or enable also what that leads to,
/// which a provider may show late.
pub fn changed_since(
    plan: &Account,
    now: &Account,
    statuses: &[AccountStatus],
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
    } else if !statuses.contains(&now.status) {
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::account::{Factor, Group};
    use crate::domain::containment::samples;
    use crate::domain::ids::AccountId;

    type Edit = fn(&mut Account);

    #[rstest]
    #[case::id((|a: &mut Account| a.id = AccountId::new(samples::connection(), "00uabc")) as Edit, Some("immutable id"))]
    #[case::login((|a: &mut Account| a.login = "x".into()) as Edit, Some("login"))]
    #[case::name((|a: &mut Account| a.name = "x".into()) as Edit, Some("name"))]
    #[case::mail((|a: &mut Account| a.mail = None) as Edit, Some("mail"))]
    #[case::status((|a: &mut Account| a.status = AccountStatus::Disabled) as Edit, Some("status"))]
    #[case::other_status((|a: &mut Account| a.status = AccountStatus::Other("ACTIVE".into())) as Edit, Some("status"))]
    #[case::source((|a: &mut Account| a.source = None) as Edit, Some("source"))]
    #[case::groups((|a: &mut Account| a.groups = Some(Vec::new())) as Edit, Some("groups"))]
    #[case::unread_groups((|a: &mut Account| a.groups = None) as Edit, Some("groups"))]
    #[case::roles((|a: &mut Account| a.roles = Some(vec!["SUPER_ADMIN".into()])) as Edit, Some("roles"))]
    #[case::unread_roles((|a: &mut Account| a.roles = None) as Edit, Some("roles"))]
    #[case::factors((|a: &mut Account| a.factors = Some(Vec::new())) as Edit, Some("MFA methods"))]
    #[case::password((|a: &mut Account| a.password_changed = None) as Edit, Some("password"))]
    // These move by themselves, or say nothing about who it is.
    #[case::sign_in((|a: &mut Account| a.last_sign_in = None) as Edit, None)]
    #[case::tokens((|a: &mut Account| a.token_clients = None) as Edit, None)]
    #[case::status_time((|a: &mut Account| a.status_changed = None) as Edit, None)]
    #[case::server_date((|a: &mut Account| a.server_date = None) as Edit, None)]
    #[case::gaps((|a: &mut Account| a.gaps = vec!["x".into()]) as Edit, None)]
    #[case::group_name((|a: &mut Account| a.groups = a.groups.clone().map(|mut all| { all[0].name = "Renamed".into(); all })) as Edit, None)]
    fn every_field_that_matters_voids_the_plan(
        #[case] edit: Edit,
        #[case] expected: Option<&'static str>,
    ) {
        let before = samples::account();
        let mut now = before.clone();
        edit(&mut now);
        let said = changed_since(&before, &now, &[AccountStatus::Active]);
        assert_eq!(said, expected);
        // The status is judged at the send by what it may be; everything else that voids also changes the hash.
        let hash = |account| {
            plan_hash(
                &[ActionKind::DisableAccount],
                account,
                &samples::case(),
                "p",
                "c",
            )
        };
        assert_eq!(hash(&before) != hash(&now), expected.is_some());
    }

    #[test]
    fn the_order_of_lists_does_not_matter() {
        let group = |id: &str| Group {
            id: id.into(),
            name: id.into(),
        };
        let factor = |id: &str| Factor {
            id: id.into(),
            kind: "push".into(),
            status: "ACTIVE".into(),
            created: None,
        };
        let mut before = samples::account();
        before.groups = Some(vec![group("a"), group("b")]);
        before.factors = Some(vec![factor("a"), factor("b")]);
        before.roles = Some(vec!["A".into(), "B".into()]);
        let mut now = before.clone();
        now.groups = Some(vec![group("b"), group("a")]);
        now.factors = Some(vec![factor("b"), factor("a")]);
        now.roles = Some(vec!["B".into(), "A".into()]);
        assert_eq!(changed_since(&before, &now, &[AccountStatus::Active]), None);
    }

    #[test]
    fn our_own_disable_may_show_at_once_or_late() {
        let before = samples::account();
        let may = [AccountStatus::Active, AccountStatus::Disabled];
        for (status, expected) in [
            (AccountStatus::Active, None),
            (AccountStatus::Disabled, None),
            (AccountStatus::Other("DEPROVISIONED".into()), Some("status")),
        ] {
            let now = Account {
                status,
                ..before.clone()
            };
            assert_eq!(changed_since(&before, &now, &may), expected);
        }
    }

    #[test]
    fn the_hash_depends_on_everything_that_is_confirmed() {
        use ActionKind::{DisableAccount, EnableAccount, RevokeSessions};
        let account = samples::account();
        let case = samples::case();
        let other = CaseId::new(samples::connection(), "~4008");
        let all = [
            plan_hash(&[RevokeSessions, DisableAccount], &account, &case, "p", "c"),
            plan_hash(&[DisableAccount, RevokeSessions], &account, &case, "p", "c"),
            plan_hash(&[EnableAccount], &account, &case, "p", "c"),
            plan_hash(
                &[RevokeSessions, DisableAccount],
                &account,
                &other,
                "p",
                "c",
            ),
            plan_hash(&[RevokeSessions, DisableAccount], &account, &case, "q", "c"),
            plan_hash(&[RevokeSessions, DisableAccount], &account, &case, "p", "d"),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(
            all[0],
            plan_hash(&[RevokeSessions, DisableAccount], &account, &case, "p", "c")
        );
        assert!(
            all.iter()
                .all(|hash| hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()))
        );
    }

    #[test]
    fn a_plan_lives_five_minutes_of_the_boot_clock() {
        let plan = samples::plan(None);
        let made = plan.made.boot;
        assert!(!plan.expired(made));
        assert!(!plan.expired(made + LIFETIME.saturating_sub(Duration::from_nanos(1))));
        assert!(plan.expired(made + LIFETIME));
        assert!(!plan.refused());
        assert!(samples::plan(Some("no")).refused());
    }
}
