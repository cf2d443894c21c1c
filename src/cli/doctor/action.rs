//! Which action would fail today, and every reason why.

use std::sync::Arc;

use super::{Check, Verdict, check, failed};
use crate::config::settings::{Mode, Role, Settings};
use crate::connect::capability::{Identity, Right};
use crate::connect::registry::Connections;
use crate::domain::containment::caps;
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Safe;
use crate::safe;

use super::connection::Found;

/// What stops actions on this host, whatever the provider.
#[derive(Default)]
pub(super) struct Stops {
    /// Reasons that hold for every kind.
    pub(super) all: Vec<Safe>,
    /// Reasons that hold for what counts against the caps: an undo never does.
    pub(super) counted: Vec<Safe>,
}

impl Stops {
    /// Makes stops of one reason that holds for every kind.
    pub(super) fn of_all(reason: Safe) -> Self {
        Self {
            all: vec![reason],
            counted: Vec::new(),
        }
    }
}

/// Judges each kind of action at one provider.
pub(super) async fn checks(
    source: &Arc<dyn Identity>,
    settings: &Settings,
    stops: &Stops,
    found: Option<&Found>,
) -> Vec<Check> {
    let name = source.connection().clone();
    let mut checks = Vec::new();
    let mut general = stops.all.clone();
    if settings.environment.mode == Mode::ReadOnly {
        general.push("the mode is READ ONLY".into());
    }
    let refused = found.and_then(|found| found.refused.clone());
    let unknown = found.and_then(|found| found.unknown.as_ref());
    let mut unreadable = None;
    if refused.is_none() && unknown.is_none() {
        let (lines, gap) = readable(source.as_ref(), settings).await;
        checks.extend(lines);
        unreadable = gap;
    }
    general.extend(refused);
    for kind in ActionKind::ALL {
        let mut reasons = general.clone();
        if caps::counts(&[kind]) {
            reasons.extend_from_slice(&stops.counted);
        }
        // What the provider does not have is no fault of the host, and nothing can be done about it.
        if let Err(lacking) = source.offers(kind) {
            let found = safe!("not offered: {}", lacking.reason);
            checks.push(check(
                safe!("{}: {}", name, kind.word()),
                Verdict::Ok,
                found,
            ));
            continue;
        }
        if kind != ActionKind::EnableAccount {
            reasons.extend(unreadable.clone());
        }
        let rights = found
            .map(|found| found.rights.as_slice())
            .unwrap_or_default();
        let mut of_kind = rights.iter().filter(|right| right.kinds.contains(&kind));
        let missing = of_kind.clone().filter(|right| right.granted == Some(false));
        reasons.extend(missing.map(Right::lacking));
        let is_granted = of_kind.all(|right| right.granted == Some(true)) && !rights.is_empty();
        checks.push(match unknown.filter(|_| reasons.is_empty()) {
            Some(why) => check(
                safe!("{}: {}", name, kind.word()),
                Verdict::NotKnown,
                safe!("not known: {}", why),
            ),
            None => line(&name, kind, &reasons, settings, is_granted),
        });
    }
    checks
}

fn line(
    name: &ConnectionName,
    kind: ActionKind,
    reasons: &[Safe],
    settings: &Settings,
    is_granted: bool,
) -> Check {
    let what = safe!("{}: {}", name, kind.word());
    if !reasons.is_empty() {
        let reasons = Safe::join(reasons.iter().cloned(), &Safe::fixed("; "));
        return check(what, Verdict::Fault, safe!("would fail today: {}", reasons));
    }
    let rights = if is_granted {
        "the token may"
    } else {
        "not known whether the token may"
    };
    if settings.environment.mode == Mode::DryRun {
        let found = safe!("offered; {}; the mode is DRY RUN, nothing is sent", rights);
        return check(what, Verdict::Ok, found);
    }
    check(what, Verdict::Ok, safe!("offered; {}", rights))
}

/// Tells whether a connection speaks as a service app, which has no account of its own.
fn is_app(name: &ConnectionName, settings: &Settings) -> bool {
    let mut all = settings.connections.iter();
    all.any(|one| one.name == *name && one.app.is_some())
}

/// Asks for any account, where the token has none of its own.
async fn listed(source: &dyn Identity, settings: &Settings) -> (Vec<Check>, Option<Safe>) {
    let name = source.connection();
    let what = safe!("{}: read accounts", name);
    if let Err(error) = source.answers().await {
        let reason = safe!("accounts cannot be read: {}", error.what);
        return (vec![failed(what, error)], Some(reason));
    }
    let found =
        "the list can be read; an app has no account to try groups and roles on: see its scopes";
    let mut lines = vec![check(what, Verdict::Ok, found)];
    if settings.policy.allow_administrators {
        let what = safe!("{}: disable an administrator", name);
        let found = "not known: an app has no account to try who else has its roles on";
        lines.push(check(what, Verdict::NotKnown, found));
    }
    (lines, None)
}

/// Reads the account of the token itself: what cannot be read of it keeps guards from judging others.
async fn readable(source: &dyn Identity, settings: &Settings) -> (Vec<Check>, Option<Safe>) {
    let name = source.connection().clone();
    if is_app(&name, settings) {
        return listed(source, settings).await;
    }
    let what = safe!("{}: read accounts", name);
    let own = match source.own_account().await {
        Ok((id, _)) => source.account(&id).await,
        Err(error) => Err(error),
    };
    let account = match own {
        Ok(account) => account,
        Err(error) => {
            let reason = safe!("accounts cannot be read: {}", error.what);
            return (vec![failed(what, error)], Some(reason));
        }
    };
    let policy = &settings.policy;
    let gap = if account.roles.is_none() {
        Some("administrator roles cannot be read".into())
    } else if account.groups.is_none() && !policy.protected_groups.is_empty() {
        Some("groups cannot be read, and some are protected".into())
    } else {
        None
    };
    let mut lines: Vec<Check> = account
        .gaps
        .iter()
        .map(|gap| check(what.clone(), Verdict::Warning, gap.line()))
        .collect();
    if lines.is_empty() {
        lines.push(check(what, Verdict::Ok, "with groups and roles"));
    }
    if policy.allow_administrators
        && let Err(error) = source.other_administrators(&account.id, &[]).await
    {
        let what = safe!("{}: disable an administrator", name);
        let found = safe!(
            "would fail today: who else has the roles is not known: {}",
            error.what
        );
        lines.push(check(what, Verdict::Warning, found));
    }
    (lines, gap)
}

/// Says of every kind that it would fail at providers no connection could be made to.
pub(super) fn without_connection(connections: &Connections, settings: &Settings) -> Vec<Check> {
    let is_identity = |name: &ConnectionName| {
        settings
            .connections
            .iter()
            .any(|one| one.name == *name && one.roles.contains(&Role::Identity))
    };
    connections
        .faults
        .iter()
        .filter(|(name, _)| is_identity(name))
        .flat_map(|(name, error)| {
            ActionKind::ALL.map(|kind| {
                let found = safe!("would fail today: {}", error.what);
                check(safe!("{}: {}", name, kind.word()), Verdict::Fault, found)
            })
        })
        .collect()
}
