//! What is known of the open case for the conditions of its runbook.
//!
//! What must not live here: what a condition's words mean (`domain::runbook::condition`).

use chrono::{DateTime, Utc};

use crate::app::model::{Model, OpenCase};
use crate::domain::account::AccountStatus;
use crate::domain::case::{Case, Subject};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::runbook::Step;
use crate::domain::runbook::condition::{Facts, Verdict, judge};
use crate::domain::text::{Safe, Untrusted};

/// Judges the condition of a step in the open case; `None` when it has none or no case is open.
pub fn condition(model: &Model, step: &Step) -> Option<(Verdict, Safe)> {
    let condition = step.condition.as_ref()?;
    let open = model.open.as_ref()?;
    Some(judge(condition.raw(), &facts(model, open)))
}

fn facts(model: &Model, open: &OpenCase) -> Facts {
    let file = open.file.ready();
    let account = open.the_account();
    let disabled_here = account.map(|account| {
        model.ledger.on(&account.id).any(|action| {
            action.case == open.id
                && action.kind == ActionKind::DisableAccount
                && action.state == ActionState::Verified
        })
    });
    Facts {
        likelihood: model.likelihood_in(open).map(|(value, _)| value),
        identity_tools: (!model.offers.is_empty())
            .then(|| model.offers.iter().any(|offer| offer.facts.is_ok())),
        asset_class: file.and_then(|file| asset_class(&file.case)),
        disabled: account.map(|account| account.status != AccountStatus::Active),
        disabled_here,
        risky_sign_ins: risky_sign_ins(model, open),
        user_known: file.map(|_| open.user.is_some()),
        blocked: file
            .and_then(|file| file.main_alert())
            .and_then(|alert| alert.blocked),
        hash_known: file.map(|file| {
            file.alerts.iter().any(|alert| alert.hash.is_some())
                || file.observables.iter().any(|one| one.kind.raw() == "hash")
        }),
        host_known: file.map(|file| {
            let kinds = ["hostname", "host", "fqdn"];
            file.observables
                .iter()
                .any(|one| kinds.contains(&one.kind.raw()))
        }),
    }
}

/// The class of the asset, by the usual names of the field.
fn asset_class(case: &Case) -> Option<Untrusted> {
    let is_class = |name: &str| {
        let plain = name.to_lowercase().replace(['_', ' ', '.'], "-");
        ["asset-class", "asset-type", "host-type"].contains(&plain.as_str())
    };
    case.fields
        .iter()
        .find(|(name, _)| is_class(name.raw()))
        .map(|(_, value)| value.clone())
}

/// Times of cases of the same user whose title or tags say risky sign-in, as far as the queue knows.
fn risky_sign_ins(model: &Model, open: &OpenCase) -> Vec<DateTime<Utc>> {
    let Some(user) = &open.user else {
        return Vec::new();
    };
    let same = |case: &&Case| {
        case.id == open.id
            || matches!(model.queue.subjects.get(&case.id), Some(Subject::User(name)) if name == user)
    };
    let risky = |case: &&Case| {
        let words = case.tags.iter().chain([&case.title]);
        words
            .map(|text| text.raw().to_lowercase().replace(['-', '_'], " "))
            .any(|text| text.contains("risky sign in") || text.contains("risky signin"))
    };
    model
        .queue
        .all()
        .iter()
        .filter(same)
        .filter(risky)
        .map(|case| case.created)
        .collect()
}
