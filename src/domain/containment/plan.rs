//! A plan: one target, ordered steps, the account as it was, what the guards said; void when anything changes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::guard::GuardResult;
use super::kind::ActionKind;
use super::need::Need;
use super::remnant::{Item, Remnant};
use crate::domain::account::{Account, AccountStatus, RiskState};
use crate::domain::freshness::Moment;
use crate::domain::ids::{ActionId, CaseId, PlanId};
use crate::domain::text::Safe;
use crate::safe;

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
    /// What it removes, as it was read.
    pub item: Option<Box<Remnant>>,
}

impl PlannedStep {
    /// Says what it does: `disable account`, `remove MFA method push Pixel 8`.
    pub fn what(&self) -> Safe {
        what(self.kind, self.item.as_ref().map(|remnant| &remnant.item))
    }
}

/// Says what an action does, with what it removes.
pub fn what(kind: ActionKind, item: Option<&Item>) -> Safe {
    item.map_or_else(
        || kind.word().into(),
        |item| safe!("remove {}", item.word()),
    )
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

    /// Lists what is removed, in the order it is sent.
    pub fn items(&self) -> Vec<Item> {
        let items = self.steps.iter().filter_map(|step| step.item.as_ref());
        items.map(|remnant| remnant.item.clone()).collect()
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
    /// Only of an undo: others are about the account as it is, however often its status came and went.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_changed: Option<i64>,
    source: Option<&'a str>,
    groups: Option<Vec<&'a str>>,
    roles: Option<Vec<&'a str>>,
    /// Id, type and status of each.
    factors: Option<Vec<[&'a str; 3]>>,
    password_changed: Option<i64>,
    required: Option<Vec<&'a str>>,
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = items.collect();
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
        status_changed: account.status_changed.map(|at| at.timestamp_millis()),
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
        factors: account.factors.as_ref().map(|all| {
            sorted(
                all.iter()
                    .map(|f| [f.id.raw(), f.kind.raw(), f.status.raw()]),
            )
        }),
        password_changed: account.password_changed.map(|at| at.timestamp_millis()),
        required: account
            .required
            .as_ref()
            .map(|all| sorted(all.iter().map(super::super::text::Untrusted::raw))),
    }
}

/// Hashes what a confirmation stands for; any change gives another hash.
///
/// `steps` are the kinds with their requests in order: at Keycloak which offline sessions are ended is told by them alone.
/// `items` is what they remove, each with its id and name.
pub fn plan_hash(
    steps: &[(ActionKind, &PreparedCall)],
    items: &[Item],
    account: &Account,
    case: &CaseId,
    policy: &str,
    config: &str,
) -> String {
    let mut material = material(account);
    material.status_changed = material
        .status_changed
        .filter(|_| kinds_undo(steps.iter().map(|(kind, _)| *kind)));
    let text = serde_json::json!({
        "steps": steps,
        "items": items,
        "case": case,
        "account": material,
        "policy": policy,
        "config": config,
    })
    .to_string();
    hex(&Sha256::digest(text.as_bytes()))
}

/// Tells whether a plan is an undo, which rests on the containment it was made over.
fn kinds_undo(mut kinds: impl Iterator<Item = ActionKind>) -> bool {
    kinds.any(|kind| kind == ActionKind::EnableAccount)
}

/// What an account may show beside what the plan saw: that of our own acts, which a provider may show late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What its status may be now: the plan's, and what our own acts lead to.
    pub statuses: Vec<AccountStatus>,
    /// Whether an act of ours changed the password, or asked for another one.
    pub password: bool,
    /// Whether an act of ours removed something: an MFA method may be gone, and others with it.
    pub removed: bool,
    /// Whether the plan is about the risk, which must then stand as it stood. It moves by itself and voids no other plan.
    pub risk: bool,
    /// Since when the account must be disabled, where the plan is an undo and the provider tells it.
    pub since: Option<DateTime<Utc>>,
}

impl Expected {
    /// Expects nothing but what the plan saw.
    pub fn of(plan: &Account) -> Self {
        Self {
            statuses: vec![plan.status.clone()],
            password: false,
            removed: false,
            risk: false,
            since: None,
        }
    }

    /// Expects what a plan of these kinds rests on.
    pub fn of_kinds(plan: &Account, kinds: &[ActionKind]) -> Self {
        Self {
            risk: kinds.iter().any(|kind| kind.is_of_risk()),
            since: plan
                .status_changed
                .filter(|_| kinds_undo(kinds.iter().copied())),
            ..Self::of(plan)
        }
    }

    /// Adds what an act of ours leads to.
    pub fn add(&mut self, kind: ActionKind, leads_to: Option<AccountStatus>) {
        let is_same = leads_to.is_none() && !kind.is_of_password();
        self.since = self.since.filter(|_| is_same);
        self.statuses.extend(leads_to);
        self.password |= kind.is_of_password();
        self.removed |= kind == ActionKind::RemoveItem;
        self.risk &= !kind.is_of_risk();
    }
}

/// Names the first thing about an account that differs from the plan, if any.
pub fn changed_since(plan: &Account, now: &Account, expected: &Expected) -> Option<&'static str> {
    let (before, after) = (material(plan), material(now));
    if before.id != after.id {
        Some("immutable id")
    } else if before.login != after.login {
        Some("login")
    } else if before.name != after.name {
        Some("name")
    } else if before.mail != after.mail {
        Some("mail")
    } else if !expected.statuses.contains(&now.status) {
        Some("status")
    } else if expected.since.is_some() && expected.since != now.status_changed {
        // The same word of another containment, which the plan did not see.
        Some("when the status began")
    } else if before.source != after.source {
        Some("source")
    } else if before.groups != after.groups {
        Some("groups")
    } else if before.roles != after.roles {
        Some("roles")
    } else if before.factors != after.factors && !expected.removed {
        Some("MFA methods")
    } else if before.password_changed != after.password_changed && !expected.password {
        Some("password")
    } else if before.required != after.required && !expected.password {
        Some("what the next sign-in requires")
    } else if expected.risk && risk_of(plan) != risk_of(now) {
        Some("risk")
    } else {
        None
    }
}

/// Gives where the risk of an account stands; its level may move within that.
fn risk_of(account: &Account) -> Option<RiskState> {
    account.risk.as_ref().map(|risk| risk.state)
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
    use super::*;
    use crate::domain::account::{Factor, Group, Risk};
    use crate::domain::containment::samples;
    use crate::domain::ids::{AccountId, ConnectionName};
    use crate::domain::text::Untrusted;

    /// The account with one field changed: name of the field, the account, what the plan is void by.
    type Edited = (&'static str, Account, Option<&'static str>);

    /// Other texts than one, down to what the eye takes for the same.
    fn others(text: &Untrusted) -> Vec<Untrusted> {
        let raw = text.raw();
        let mut all = vec![
            "x".into(),
            "".into(),
            format!("{raw} ").into(),
            format!("{raw}\u{200b}").into(),
            raw.to_lowercase().into(),
            raw.to_uppercase().into(),
            raw.replace('a', "\u{430}").into(),
        ];
        all.retain(|other| other != text);
        all
    }

    fn others_or_none(text: Option<&Untrusted>) -> Vec<Option<Untrusted>> {
        let others = text.map(others).unwrap_or_default();
        others.into_iter().map(Some).chain([None]).collect()
    }

    fn times(at: Option<DateTime<Utc>>) -> Vec<Option<DateTime<Utc>>> {
        let moved = at.map(|at| at + chrono::TimeDelta::milliseconds(1));
        vec![moved, None]
    }

    /// Leaves one out, puts one in, knows nothing.
    fn lists<T: Clone>(all: Option<&[T]>, more: T) -> Vec<Option<Vec<T>>> {
        let all = all.unwrap_or_default();
        vec![None, Some(Vec::new()), Some([all, &[more]].concat())]
    }

    /// Every change of every field. The types are taken apart whole, so that a new field cannot be forgotten.
    fn edits(before: &Account) -> Vec<Edited> {
        let Account {
            id,
            login,
            name,
            mail,
            aliases: _,
            status,
            vendor_status,
            status_changed,
            last_sign_in,
            password_changed,
            tokens_valid_from,
            source,
            groups,
            roles,
            factors,
            token_clients,
            sessions,
            required,
            risk,
            gaps,
            zone,
            server_date,
        } = before.clone();
        let mut all: Vec<Edited> = Vec::new();
        macro_rules! each {
            ($field:ident, $values:expr, $voids:expr) => {
                for $field in $values {
                    let account = Account {
                        $field,
                        ..before.clone()
                    };
                    all.push((stringify!($field), account, $voids));
                }
            };
        }
        let ids = others(&id.id.as_str().into()).into_iter();
        let mut ids: Vec<AccountId> = ids
            .map(|other| AccountId::new(id.connection.clone(), other.raw()))
            .collect();
        let elsewhere = ConnectionName::parse("okta-2").unwrap_or_else(|error| panic!("{error}"));
        ids.push(AccountId::new(elsewhere, &id.id));
        each!(id, ids, Some("immutable id"));
        each!(login, others(&login), Some("login"));
        each!(name, others(&name), Some("name"));
        each!(mail, others_or_none(mail.as_ref()), Some("mail"));
        let mut statuses = vec![
            AccountStatus::Active,
            AccountStatus::Disabled,
            AccountStatus::Other("ACTIVE".into()),
            AccountStatus::Other("".into()),
        ];
        statuses.retain(|other| *other != status);
        each!(status, statuses, Some("status"));
        each!(source, others_or_none(source.as_ref()), Some("source"));
        each!(password_changed, times(password_changed), Some("password"));
        each!(tokens_valid_from, times(tokens_valid_from), None);
        let action = "UPDATE_PASSWORD".into();
        let next = "what the next sign-in requires";
        each!(required, lists(required.as_deref(), action), Some(next));
        let group = Group {
            id: "00g2".into(),
            name: "Break-Glass".into(),
        };
        each!(groups, lists(groups.as_deref(), group), Some("groups"));
        let role = "SUPER_ADMIN".into();
        each!(roles, lists(roles.as_deref(), role), Some("roles"));
        let factor = Factor {
            id: "opf2".into(),
            kind: "sms".into(),
            status: "ACTIVE".into(),
            created: None,
        };
        each!(
            factors,
            lists(factors.as_deref(), factor),
            Some("MFA methods")
        );
        // These move by themselves, or are judged as something else.
        each!(vendor_status, others(&vendor_status), None);
        each!(status_changed, times(status_changed), None);
        each!(last_sign_in, times(last_sign_in), None);
        let client = "vpn".into();
        each!(token_clients, lists(token_clients.as_deref(), client), None);
        assert_eq!(sessions, None);
        each!(sessions, [Some(Vec::new())], None);
        each!(gaps, [[gaps.clone(), vec!["x".into()]].concat()], None);
        assert!(risk.is_some());
        each!(risk, [None], None);
        each!(aliases, [vec!["alias@acme.example".into()]], None);
        each!(zone, others_or_none(zone.as_ref()), None);
        each!(server_date, times(server_date), None);
        all.extend(inside(before));
        all
    }

    /// Every change inside of a group and of a factor.
    fn inside(before: &Account) -> Vec<Edited> {
        let mut all: Vec<Edited> = Vec::new();
        for old in before.groups.iter().flatten() {
            let Group { id, name } = old.clone();
            let with = |group| Account {
                groups: Some(vec![group]),
                ..before.clone()
            };
            for id in others(&id) {
                let group = Group { id, ..old.clone() };
                all.push(("group.id", with(group), Some("groups")));
            }
            // The guards are asked about the new name again.
            for name in others(&name) {
                let group = Group {
                    name,
                    ..old.clone()
                };
                all.push(("group.name", with(group), None));
            }
        }
        for old in before.factors.iter().flatten() {
            let Factor {
                id,
                kind,
                status,
                created,
            } = old.clone();
            let mut with = |field, factor, voids| {
                let account = Account {
                    factors: Some(vec![factor]),
                    ..before.clone()
                };
                all.push((field, account, voids));
            };
            for id in others(&id) {
                with(
                    "factor.id",
                    Factor { id, ..old.clone() },
                    Some("MFA methods"),
                );
            }
            for kind in others(&kind) {
                with(
                    "factor.kind",
                    Factor {
                        kind,
                        ..old.clone()
                    },
                    Some("MFA methods"),
                );
            }
            for status in others(&status) {
                with(
                    "factor.status",
                    Factor {
                        status,
                        ..old.clone()
                    },
                    Some("MFA methods"),
                );
            }
            for created in times(created) {
                with(
                    "factor.created",
                    Factor {
                        created,
                        ..old.clone()
                    },
                    None,
                );
            }
        }
        all
    }

    fn call(path: &str) -> PreparedCall {
        PreparedCall {
            method: "POST",
            host: "acme.example".to_owned(),
            path: path.to_owned(),
            body_sha256: String::new(),
        }
    }

    #[test]
    fn an_undo_is_void_where_the_account_was_disabled_anew() {
        let mut before = samples::account();
        before.status_changed = DateTime::from_timestamp(100, 0);
        let mut now = before.clone();
        now.status_changed = DateTime::from_timestamp(200, 0);
        let hash = |kind, account: &Account| {
            let call = call("/unsuspend");
            plan_hash(&[(kind, &call)], &[], account, &samples::case(), "p", "c")
        };
        for (kind, void) in [
            (ActionKind::EnableAccount, Some("when the status began")),
            (ActionKind::DisableAccount, None),
        ] {
            let mut expected = Expected::of_kinds(&before, &[kind]);
            assert_eq!(changed_since(&before, &now, &expected), void);
            assert_eq!(hash(kind, &before) != hash(kind, &now), void.is_some());
            // An act that leads to no other status explains none that began anew; a password may lead to one.
            expected.add(ActionKind::RevokeSessions, None);
            assert_eq!(changed_since(&before, &now, &expected), void);
            let mut reset = Expected::of_kinds(&before, &[kind]);
            reset.add(ActionKind::ResetPassword, None);
            assert_eq!(changed_since(&before, &now, &reset), None);
            // What our own act before it led to is no news.
            expected.add(kind, Some(before.status.clone()));
            assert_eq!(changed_since(&before, &now, &expected), None);
        }
    }

    #[test]
    fn every_field_that_matters_voids_the_plan() {
        let before = samples::account();
        let hash = |account: &Account| {
            let call = call("/suspend");
            let steps = [(ActionKind::DisableAccount, &call)];
            plan_hash(&steps, &[], account, &samples::case(), "p", "c")
        };
        let all = edits(&before);
        let fields: std::collections::BTreeSet<&str> =
            all.iter().map(|(field, ..)| *field).collect();
        assert_eq!((all.len() > 70, fields.len()), (true, 28), "{fields:?}");
        for (field, now, expected) in all {
            let said = changed_since(&before, &now, &Expected::of(&before));
            assert_eq!(said, expected, "{field}: {now:?}");
            // The status is judged at the send by what it may be; everything that voids also changes the hash.
            assert_eq!(
                hash(&before) != hash(&now),
                expected.is_some(),
                "{field}: {now:?}"
            );
        }
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
        assert_eq!(changed_since(&before, &now, &Expected::of(&before)), None);
    }

    #[test]
    fn our_own_disable_may_show_at_once_or_late() {
        let before = samples::account();
        let mut may = Expected::of(&before);
        may.add(ActionKind::DisableAccount, Some(AccountStatus::Disabled));
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
    fn our_own_reset_may_show_and_nothing_else_may() {
        let before = samples::account();
        let mut may = Expected::of(&before);
        let now = Account {
            password_changed: before
                .password_changed
                .map(|at| at + chrono::TimeDelta::days(1)),
            required: Some(vec!["UPDATE_PASSWORD".into()]),
            ..before.clone()
        };
        assert_eq!(changed_since(&before, &now, &may), Some("password"));
        may.add(ActionKind::ResetPassword, None);
        assert_eq!(changed_since(&before, &now, &may), None);
        let renamed = Account {
            login: "other".into(),
            ..now
        };
        assert_eq!(changed_since(&before, &renamed, &may), Some("login"));
    }

    #[test]
    fn a_risk_that_moved_voids_only_what_is_about_it() {
        let before = samples::account();
        let with = |state, said: &'static str| Account {
            risk: Some(Risk {
                state,
                said: said.into(),
            }),
            ..before.clone()
        };
        let kinds = [ActionKind::DismissRisk];
        let of_risk = Expected::of_kinds(&before, &kinds);
        let other = Expected::of_kinds(&before, &[ActionKind::DisableAccount]);
        let marked = with(RiskState::Compromised, "high (confirmedCompromised)");
        assert_eq!(changed_since(&before, &marked, &of_risk), Some("risk"));
        assert_eq!(changed_since(&before, &marked, &other), None);
        let unread = with(RiskState::Unread, "answered 503");
        assert_eq!(changed_since(&before, &unread, &of_risk), Some("risk"));
        // Its level goes up and down while nobody decides anything.
        let lower = with(RiskState::AtRisk, "low (atRisk)");
        assert_eq!(changed_since(&before, &lower, &of_risk), None);
        let mut own = of_risk;
        own.add(ActionKind::DismissRisk, None);
        assert_eq!(changed_since(&before, &marked, &own), None);
    }

    fn item(id: &str, name: &str) -> Item {
        Item::new(super::super::remnant::RemnantKind::MfaMethod, id, name)
    }

    #[test]
    fn our_own_removal_may_take_methods_away_and_nothing_else() {
        let before = samples::account();
        let mut may = Expected::of(&before);
        let now = Account {
            factors: Some(Vec::new()),
            ..before.clone()
        };
        assert_eq!(changed_since(&before, &now, &may), Some("MFA methods"));
        may.add(ActionKind::RemoveItem, None);
        assert_eq!(changed_since(&before, &now, &may), None);
        let mailed = Account { mail: None, ..now };
        assert_eq!(changed_since(&before, &mailed, &may), Some("mail"));
    }

    #[test]
    fn the_hash_depends_on_everything_that_is_confirmed() {
        use ActionKind::{DisableAccount, EnableAccount, RevokeSessions};
        let account = samples::account();
        let case = samples::case();
        let other = CaseId::new(samples::connection(), "~4008");
        let (first, second) = (call("/sessions/1"), call("/sessions/2"));
        let both = [(RevokeSessions, &first), (DisableAccount, &first)];
        let hash = |steps: &[_]| plan_hash(steps, &[], &account, &case, "p", "c");
        let all = [
            hash(&both),
            hash(&[(DisableAccount, &first), (RevokeSessions, &first)]),
            hash(&[(EnableAccount, &first)]),
            // The same kinds, and another session that is ended, or one more.
            hash(&[(RevokeSessions, &second), (DisableAccount, &first)]),
            hash(&[
                (RevokeSessions, &first),
                (RevokeSessions, &second),
                (DisableAccount, &first),
            ]),
            plan_hash(&both, &[], &account, &other, "p", "c"),
            plan_hash(&both, &[], &account, &case, "q", "c"),
            plan_hash(&both, &[], &account, &case, "p", "d"),
            plan_hash(&both, &[item("a", "x")], &account, &case, "p", "c"),
            plan_hash(&both, &[item("b", "x")], &account, &case, "p", "c"),
            plan_hash(&both, &[item("a", "y")], &account, &case, "p", "c"),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], hash(&both));
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
        assert_eq!(
            LIFETIME,
            Duration::from_secs(300),
            "five minutes, as the dialog says"
        );
        assert!(!plan.refused());
        assert!(samples::plan(Some("no")).refused());
    }
}
