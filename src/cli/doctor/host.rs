//! What the doctor finds on this host: configuration, policy, freeze switch, audit log, secrets.
//!
//! What must not live here: what is in the log (see `head`), and what the caps count by it (see `caps`).

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::action::Stops;
use super::{Check, Verdict, check, of_fault};
use crate::cli::compose::{self, Host, Loaded, Look};
use crate::cli::log_folder;
use crate::config::settings::{SecretSource, Settings};
use crate::connect::secret::Secret;
use crate::domain::freshness::Moment;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{Disk, StoreError, several};
use crate::store::state::StateDir;

/// Lines, and what of them stops actions.
#[derive(Default)]
pub(super) struct Judged {
    /// The lines.
    pub checks: Vec<Check>,
    /// Reasons why actions cannot run.
    pub stops: Stops,
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

/// Says whether anything may be sent from this host, by the same look as the console's.
pub(super) fn freeze(host: &Host) -> Judged {
    let Some(reason) = crate::engine::frozen(&host.freeze) else {
        return Judged {
            checks: vec![check("freeze", Verdict::Ok, "off")],
            ..Judged::default()
        };
    };
    let place = Untrusted::new(host.freeze.to_string_lossy()).ident();
    let found = safe!("{}: nothing is sent", reason);
    let mut on = check("freeze", Verdict::Fault, found);
    on.hint = Some(if std::fs::symlink_metadata(&host.freeze).is_ok() {
        safe!("root removes {} when it may end", place)
    } else {
        safe!(
            "what cannot be read counts as on: root lets you look for {}",
            place
        )
    });
    Judged {
        checks: vec![on],
        stops: Stops::of_all(reason),
    }
}

/// Looks at the directory of the audit log and verifies what is in it.
pub(super) fn log(state: &StateDir, disk: &mut dyn Disk, now: Moment) -> Judged {
    let mut judged = Judged::default();
    let place = Untrusted::new(state.audit().to_string_lossy()).ident();
    // Wider permissions than the owner's are taken away here, and a foreign owner is an error.
    let was = mode_of(state);
    if let Err(error) = state.prepare() {
        let found = Untrusted::new(error.to_string()).line();
        judged.stops.all.push(safe!("no audit log: {}", found));
        let mut none = check("audit log", Verdict::Fault, found);
        none.hint = error.hint();
        judged.checks.push(none);
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
            let stop = safe!("the disk of the audit log is full: {}", free.shown());
            judged.stops.all.push(stop);
            let found = safe!("{}: actions are refused", free.shown());
            let mut full = check("log directory", Verdict::Fault, found);
            full.hint = StoreError::Full { free }.hint();
            judged.checks.push(full);
        }
        Ok(free) => {
            let verdict = if free.is_low() {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            let found = safe!("{}, {}", place, free.shown());
            judged.checks.push(check("log directory", verdict, found));
        }
        Err(error) => {
            let found = Untrusted::new(error.to_string()).line();
            judged
                .checks
                .push(check("log directory", Verdict::Fault, found));
        }
    }
    judged.checks.push(super::head::verified(state));
    judged.checks.extend(beside(&state.audit(), now));
    judged.checks.extend(files(&state.audit()));
    match crate::store::audit::try_open(&state.audit(), &compose::identity(), disk) {
        Ok(there) => {
            let found = if there {
                "can be opened and locked"
            } else {
                "there is no log yet: the first start begins one"
            };
            judged.checks.push(check("log lock", Verdict::Ok, found));
        }
        Err(error) => {
            let mut none = check("log lock", Verdict::Fault, error.shown());
            none.hint = error.hint();
            judged.checks.push(none);
            let stop = safe!("the audit log cannot be opened: {}", error.shown());
            judged.stops.all.push(stop);
        }
    }
    judged
}

/// Looks whose the files of the log are and who else may read or write them.
fn files(dir: &Path) -> Vec<Check> {
    const WHAT: &str = "log files";
    let found = match names(dir) {
        Ok(found) => found,
        Err(error) => {
            let error = Untrusted::new(error.to_string()).line();
            return vec![check(WHAT, Verdict::Fault, error)];
        }
    };
    let me = rustix::process::geteuid().as_raw();
    let mut checks = Vec::new();
    for path in &found {
        let name = Untrusted::new(path.file_name().unwrap_or_default().to_string_lossy());
        let data = match std::fs::symlink_metadata(path) {
            Ok(data) => data,
            Err(error) => {
                let error = Untrusted::new(error.to_string()).line();
                let line = safe!("{} cannot be looked at: {}", name.field(), error);
                checks.push(check(WHAT, Verdict::Fault, line));
                continue;
            }
        };
        let mode = data.permissions().mode() & 0o777;
        if data.uid() != me {
            let line = safe!("{} belongs to user {}", name.field(), data.uid());
            checks.push(check(WHAT, Verdict::Fault, line));
        } else if mode & 0o077 != 0 {
            let line = safe!("{} is {}: it is for you alone", name.field(), octal(mode));
            let mut wide = check(WHAT, Verdict::Warning, line);
            wide.hint = Some("chmod 600, and look who read or wrote it".into());
            checks.push(wide);
        }
    }
    if checks.is_empty() {
        let line: Safe = match found.len() {
            0 => "none yet".into(),
            many => safe!("{} of mode 600 or less, yours", many),
        };
        checks.push(check(WHAT, Verdict::Ok, line));
    }
    checks
}

fn is_of_the_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_lines = path.extension().is_some_and(|kind| kind == "jsonl");
    (name.starts_with("audit-") && is_lines) || name == "audit.lock"
}

/// Lists the files of the log, with the one that is locked to find it.
pub(super) fn names(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if is_of_the_log(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn mode_of(state: &StateDir) -> Option<u32> {
    let found = std::fs::metadata(state.audit()).ok()?;
    Some(found.permissions().mode() & 0o777)
}

fn octal(mode: u32) -> Safe {
    Untrusted::new(format!("{mode:o}")).field()
}

/// Says what each of two logs of this host and user holds, and what is not over in logs of other hosts.
fn beside(dir: &Path, now: Moment) -> Vec<Check> {
    let identity = compose::identity();
    let mut checks = Vec::new();
    if let Some(StoreError::Several { logs, .. }) = several(dir, &identity) {
        let each = log_folder::each(dir, &logs, now.utc).into_iter();
        checks.extend(each.map(|held| check("logs of this host", Verdict::Warning, held)));
    }
    let others = log_folder::of_other_hosts(dir, &identity, now.utc);
    checks.extend(others.map(|fault| Check {
        what: "logs of other hosts".into(),
        verdict: Verdict::Warning,
        found: fault.what,
        hint: fault.hint,
    }));
    checks
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
