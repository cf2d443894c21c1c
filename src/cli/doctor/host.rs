//! What the doctor finds on this host: configuration, policy, freeze switch, audit log, caps, secrets.

use std::collections::BTreeMap;

use super::{Check, Verdict, check, of_fault};
use crate::cli::compose::{self, Host, Loaded, Look};
use crate::config::settings::{SecretSource, Settings};
use crate::connect::secret::Secret;
use crate::domain::containment::caps;
use crate::domain::containment::ledger::Ledger;
use crate::domain::freshness::Moment;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::Disk;
use crate::store::state::StateDir;

/// Lines, and what of them stops every action.
#[derive(Default)]
pub(super) struct Judged {
    /// The lines.
    pub checks: Vec<Check>,
    /// Reasons why no action can run.
    pub stops: Vec<Safe>,
}

/// Says what the configuration is and what is not good in it.
///
/// A theme that cannot be had is a fault: the console does not start with it.
pub(super) fn configuration(loaded: &Loaded) -> Vec<Check> {
    let settings = &loaded.settings;
    let kept = settings.connections.len();
    let mut checks = match Look::default().theme(settings) {
        Ok(_) => vec![check(
            "configuration",
            Verdict::Ok,
            safe!(
                "{} connections, environment {}, {}",
                kept,
                Untrusted::new(settings.environment.name.as_str()).field(),
                settings.environment.mode.word()
            ),
        )],
        Err(failure) => {
            let faults = failure.faults.into_iter();
            faults
                .map(|fault| of_fault("configuration", fault))
                .collect()
        }
    };
    checks.extend(loaded.warnings.iter().map(|warning| Check {
        what: "configuration".into(),
        verdict: Verdict::Warning,
        found: warning.what.clone(),
        hint: warning.hint.clone(),
    }));
    checks
}

/// Joins the policy of the host into the settings and says what holds.
pub(super) fn policy(host: &Host, settings: &mut Settings) -> Vec<Check> {
    match compose::host_policy(host, settings.policy.clone()) {
        Ok(policy) => settings.policy = policy,
        Err(failure) => {
            let faults = failure.faults.into_iter();
            return faults.map(|fault| of_fault("host policy", fault)).collect();
        }
    }
    let policy = &settings.policy;
    let mut first = if policy.of_host {
        let found = safe!(
            "{} protected accounts, {} protected groups",
            policy.protected.len(),
            policy.protected_groups.len()
        );
        check("host policy", Verdict::Ok, found)
    } else {
        check(
            "host policy",
            Verdict::Warning,
            "there is none: own account, single targets and caps only",
        )
    };
    if !policy.of_host {
        first.hint =
            Some("root writes protected accounts and groups into /etc/quell/policy.toml".into());
    }
    let approvals = if policy.approval.is_empty() {
        "the policy never asks for a second person"
    } else {
        "the policy asks for a second person in some cases"
    };
    vec![first, check("approvals", Verdict::Ok, approvals)]
}

/// Says whether anything may be sent from this host.
pub(super) fn freeze(host: &Host) -> Check {
    let place = Untrusted::new(host.freeze.to_string_lossy()).ident();
    if host.freeze.exists() {
        let mut on = check(
            "freeze",
            Verdict::Fault,
            "on: nothing is sent from this host",
        );
        on.hint = Some(safe!("root removes {} when it may end", place));
        return on;
    }
    check("freeze", Verdict::Ok, "off")
}

/// Looks at the directory of the audit log and verifies what is in it.
pub(super) fn log(state: &StateDir, disk: &mut dyn Disk) -> Judged {
    let mut judged = Judged::default();
    let place = Untrusted::new(state.audit().to_string_lossy()).ident();
    // Wider permissions than the owner's are taken away here, and a foreign owner is an error.
    let was = mode_of(state);
    if let Err(error) = state.prepare() {
        let found = Untrusted::new(error.to_string()).line();
        judged.stops.push(safe!("no audit log: {}", found));
        judged
            .checks
            .push(check("audit log", Verdict::Fault, found));
        return judged;
    }
    judged.checks.push(match was {
        Some(mode) if mode & 0o077 != 0 => check(
            "log permissions",
            Verdict::Warning,
            safe!("were {}; set to 700 now", octal(mode)),
        ),
        _ => check("log permissions", Verdict::Ok, "700, yours"),
    });
    judged.checks.push(if disk.is_remote(&state.audit()) {
        let mut remote = check(
            "log file system",
            Verdict::Warning,
            "network or user-space file system (NFS, SMB, FUSE): locks and syncs promise less",
        );
        remote.hint = Some("keep the state directory on a local disk: --state".into());
        remote
    } else {
        check("log file system", Verdict::Ok, "local")
    });
    match disk.free(&state.audit()) {
        Ok(free) if free.refuses_actions() => {
            let found = safe!("{} MiB free: actions are refused", free.bytes >> 20);
            judged
                .stops
                .push("the disk of the audit log is full".into());
            judged
                .checks
                .push(check("log directory", Verdict::Fault, found));
        }
        Ok(free) => {
            let verdict = if free.is_low() {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            let found = safe!("{}, {} MiB free", place, free.bytes >> 20);
            judged.checks.push(check("log directory", verdict, found));
        }
        Err(error) => {
            let found = Untrusted::new(error.to_string()).line();
            judged
                .checks
                .push(check("log directory", Verdict::Fault, found));
        }
    }
    judged.checks.push(verified(state));
    judged
}

fn mode_of(state: &StateDir) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(state.audit()).ok()?;
    Some(found.permissions().mode() & 0o777)
}

fn octal(mode: u32) -> Safe {
    Untrusted::new(format!("{mode:o}")).field()
}

fn verified(state: &StateDir) -> Check {
    match crate::store::audit::verify(&state.audit()) {
        Ok(logs) => {
            let faults: usize = logs.iter().map(|(_, report)| report.faults.len()).sum();
            let records: u64 = logs.iter().map(|(_, report)| report.records).sum();
            let verdict = if faults == 0 {
                Verdict::Ok
            } else {
                Verdict::Fault
            };
            let found = safe!("{} records, {} faults", records, faults);
            check("audit log", verdict, found)
        }
        Err(error) => check("audit log", Verdict::Fault, error.shown()),
    }
}

/// Counts what the caps count.
pub(super) fn caps(state: &StateDir, settings: &Settings, now: Moment) -> Judged {
    let mut judged = Judged::default();
    let entries = match crate::store::audit::read(&state.audit()) {
        Ok(entries) => entries,
        Err(error) => {
            let found = safe!("cannot be counted: {}", error.shown());
            judged.stops.push(safe!("the caps {}", found.clone()));
            judged.checks.push(check("caps", Verdict::Fault, found));
            return judged;
        }
    };
    let mut ledger = Ledger::default();
    for entry in &entries {
        ledger.apply(entry);
    }
    let caps = settings.policy.caps;
    let (person, host) = caps::used(&ledger, &compose::identity().user, now.utc);
    let found = safe!(
        "{} of {} accounts by you in 10 minutes, {} of {} from this host in an hour",
        person,
        caps.per_person,
        host,
        caps.per_host
    );
    let is_reached = person >= caps.per_person as usize || host >= caps.per_host as usize;
    if is_reached {
        judged.stops.push(safe!("cap reached: {}", found.clone()));
    }
    let verdict = if is_reached {
        Verdict::Fault
    } else {
        Verdict::Ok
    };
    judged.checks.push(check("caps", verdict, found));
    judged
}

/// Says of each secret that could be read where it came from.
pub(super) fn secrets(
    settings: &Settings,
    secrets: &BTreeMap<ConnectionName, Secret>,
) -> Vec<Check> {
    let readable = settings
        .connections
        .iter()
        .filter(|one| secrets.contains_key(&one.name));
    let line = |one: &crate::config::settings::Connection| {
        let source = match &one.secret {
            SecretSource::Command(parts) => {
                let program = parts.first().map(String::as_str).unwrap_or_default();
                safe!("the command {}", Untrusted::new(program).ident())
            }
            SecretSource::Credential(name) => {
                safe!("the credential {}", Untrusted::new(name.as_str()).ident())
            }
            SecretSource::File(path) => {
                safe!(
                    "the file {}",
                    Untrusted::new(path.to_string_lossy()).ident()
                )
            }
            SecretSource::Env(name) => {
                safe!("the variable {}", Untrusted::new(name.as_str()).ident())
            }
        };
        let verdict = match &one.secret {
            SecretSource::Env(_) => Verdict::Warning,
            _ => Verdict::Ok,
        };
        let found = safe!("readable, from {}", source);
        check(safe!("{}: secret", one.name), verdict, found)
    };
    readable.map(line).collect()
}
