//! An account, a plan and records for the tests of this module.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::approval::{Ask, Request};
use super::consent::Asked;
use super::guard::GuardResult;
use super::kind::ActionKind;
use super::ledger::Ledger;
use super::plan::{ActionFacts, Plan, PlannedStep, PreparedCall};
use crate::domain::account::{Account, AccountStatus, Factor, Group, Risk, RiskState};
use crate::domain::audit::{Body, ChainHash, Entry, OutcomeState};
use crate::domain::freshness::Moment;
use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, LogId, PlanId, SessionId};
use crate::domain::operator::Author;
use crate::domain::text::Untrusted;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

pub(crate) fn connection() -> ConnectionName {
    ConnectionName::parse("okta").unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn case() -> CaseId {
    CaseId::new(connection(), "~4000")
}

pub(crate) fn account() -> Account {
    Account {
        id: AccountId::new(connection(), "00uAbC"),
        login: "mara.lind@acme.example".into(),
        name: "Mara Lind".into(),
        mail: Some("mara@acme.example".into()),
        status: AccountStatus::Active,
        vendor_status: "ACTIVE".into(),
        status_changed: Some(at(-900)),
        last_sign_in: Some(at(-60)),
        password_changed: Some(at(-9_000)),
        tokens_valid_from: None,
        source: Some("OKTA".into()),
        groups: Some(vec![Group {
            id: "00g1".into(),
            name: "Finance".into(),
        }]),
        roles: Some(vec!["APP_ADMIN".into()]),
        factors: Some(vec![Factor {
            id: "opf1".into(),
            kind: "push".into(),
            status: "ACTIVE".into(),
            created: None,
        }]),
        token_clients: Some(vec!["mail".into()]),
        sessions: None,
        required: Some(vec!["CONFIGURE_TOTP".into()]),
        risk: Some(Risk {
            state: RiskState::AtRisk,
            said: "high (atRisk)".into(),
        }),
        gaps: Vec::new(),
        zone: None,
        aliases: Vec::new(),
        server_date: Some(at(0)),
    }
}

pub(crate) fn aid(number: u128) -> ActionId {
    ActionId::from_parts(at(0), number)
}

pub(crate) fn pid(number: u128) -> PlanId {
    PlanId::from_parts(at(0), number)
}

pub(crate) fn plan(refusal: Option<&'static str>) -> Plan {
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    Plan {
        pid: pid(1),
        case: case(),
        account: account(),
        steps: kinds
            .into_iter()
            .zip(1u128..)
            .map(|(kind, number)| PlannedStep {
                aid: aid(number),
                kind,
                call: PreparedCall {
                    method: "POST",
                    host: "acme.okta.example".to_owned(),
                    path: format!("/api/v1/users/00uAbC/{}", kind.key()),
                    body_sha256: String::new(),
                },
                facts: ActionFacts {
                    effect: "signed out".into(),
                    undo: "none".into(),
                    limits: "none".into(),
                    proof: "read back".into(),
                },
                item: None,
            })
            .collect(),
        guards: vec![GuardResult {
            guard: "protected",
            refusal: refusal.map(Into::into),
        }],
        warnings: Vec::new(),
        made: Moment {
            utc: at(0),
            boot: Duration::from_secs(1_000),
        },
        hash: "ab".to_owned(),
        dry_run: false,
        need: None,
        campaign: None,
    }
}

pub(crate) fn ask() -> Ask {
    let account = account();
    let kinds = vec![ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let target = (account.id.raw(), &account.login);
    Ask::new(pid(1), "ab", "~4000", "acme.okta.example", target, kinds)
}

pub(crate) fn author(id: &str) -> Author {
    Author {
        id: id.into(),
        login: format!("{id}@acme.example").into(),
        shared: false,
        locked: false,
    }
}

pub(crate) fn asked() -> Asked {
    Asked {
        case: case(),
        request: Request {
            ask: ask(),
            comment: "~c1".into(),
            by: author("u1").login,
            at: at(0),
            edited: false,
            answer: None,
            after_yes: false,
        },
        account: account(),
        calls: Vec::new(),
        refusals: Vec::new(),
    }
}

pub(crate) fn entry(n: u64, seconds: i64, body: Body) -> Entry {
    Entry {
        log: LogId::from_parts(at(0), 1),
        seg: 1,
        n,
        ts: at(seconds),
        boot_us: n,
        host: "bastion".into(),
        uid: 1000,
        user: "jo".into(),
        pid: 7,
        sess: SessionId::from_parts(at(0), 1),
        body,
        prev: ChainHash::GENESIS,
        h: ChainHash::GENESIS,
    }
}

pub(crate) fn planned(number: u128, order: u32, kind: ActionKind) -> Body {
    Body::ActionPlan {
        pid: pid(1),
        aid: aid(number),
        order,
        kind: kind.key().to_owned(),
        case: case(),
        account: account().id,
        login: account().login,
        snapshot: serde_json::Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: "ab".to_owned(),
        expires: at(300),
    }
}

pub(crate) fn confirmed(number: u128, dry_run: bool) -> Body {
    Body::ActionConfirm {
        pid: pid(1),
        aid: aid(number),
        how: "typed name and y".to_owned(),
        plan_hash: "ab".to_owned(),
        dry_run,
        operator: None,
    }
}

pub(crate) fn intent(number: u128, server: Option<i64>) -> Body {
    Body::ActionIntent {
        aid: aid(number),
        attempt: 1,
        method: "POST".to_owned(),
        host: "acme.okta.example".to_owned(),
        path: "/suspend".into(),
        body_sha256: String::new(),
        request_id: "r".to_owned(),
        server_date: server.map(at),
        password_changed: None,
        valid_from: None,
        deadline: at(20),
    }
}

pub(crate) fn outcome(number: u128, state: OutcomeState) -> Body {
    Body::ActionOutcome {
        aid: aid(number),
        state,
        evidence: Untrusted::new("read back"),
        seconds: Some(4),
    }
}

/// Records a whole action that was proven, with the provider's time.
pub(crate) fn proven(ledger: &mut Ledger, number: u128, kind: ActionKind, n: u64, server: i64) {
    let bodies = [
        planned(number, 0, kind),
        confirmed(number, false),
        intent(number, Some(server)),
        outcome(number, OutcomeState::Verified),
    ];
    for (body, step) in bodies.into_iter().zip(0..) {
        ledger.apply(&entry(n + step, server, body));
    }
}
