//! `quell doctor`: what works today and what would not, before the incident.
//!
//! Exit codes: 0 all well, 1 something would fail, 2 warnings only, 3 no usable configuration.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::compose::{self, Host, Loaded, Place};
use super::{Failure, OK, broken_pipe};
use crate::config::settings::{Mode, Role, Settings};
use crate::connect::capability::{ActivitySource, Cases, ConnectError, Identity};
use crate::connect::registry::Connections;
use crate::domain::containment::kind::ActionKind;
use crate::domain::fault::Fault;
use crate::domain::freshness::{Moment, age_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::Disk as _;
use crate::store::state::StateDir;

/// Clock difference from which comparing times with a provider's becomes doubtful.
const CLOCK_WARNING: i64 = 5;

/// Age of the newest alert from which one asks whether the detections are alive.
const ALERTS_OLD: Duration = Duration::from_secs(7 * 86_400);

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Ok,
    /// It works, with a doubt.
    Warning,
    /// It does not.
    Fault,
    /// It cannot be known from here.
    NotKnown,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "FAULT",
            Self::NotKnown => "not known",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub what: Safe,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: Safe,
    /// What can be done.
    pub hint: Option<Safe>,
}

fn check(what: impl Into<Safe>, verdict: Verdict, found: impl Into<Safe>) -> Check {
    Check {
        what: what.into(),
        verdict,
        found: found.into(),
        hint: None,
    }
}

fn failed(what: impl Into<Safe>, error: ConnectError) -> Check {
    Check {
        what: what.into(),
        verdict: Verdict::Fault,
        found: error.what,
        hint: error.hint,
    }
}

/// Checks everything and prints the report.
///
/// # Errors
/// When there is no usable configuration or nothing can be printed.
pub fn run(place: &Place, json: bool, out: &mut dyn Write) -> Result<u8, Failure> {
    let loaded = compose::load(place.config.as_deref())?;
    let state = compose::state_of(&loaded, place)?;
    let host = Host::default();
    let runtime = compose::runtime()?;
    let now = compose::now();
    let checks = runtime.block_on(examine(loaded, &state, &host, now));
    let code = exit_code(&checks);
    let told = if json {
        print_json(&checks, code, out)
    } else {
        print_lines(&checks, out)
    };
    told.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

/// Gives the exit code of a report.
pub fn exit_code(checks: &[Check]) -> u8 {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    if any(Verdict::Fault) {
        1
    } else if any(Verdict::Warning) {
        2
    } else {
        OK
    }
}

/// Checks everything that can be checked without changing anything.
pub async fn examine(loaded: Loaded, state: &StateDir, host: &Host, now: Moment) -> Vec<Check> {
    let mut checks = configuration(&loaded, host);
    let mut settings = loaded.settings;
    match compose::host_policy(host, settings.policy.clone()) {
        Ok(policy) => settings.policy = policy,
        Err(failure) => checks.extend(
            failure
                .faults
                .into_iter()
                .map(|fault| of_fault("host policy", fault)),
        ),
    }
    checks.extend(log(state));
    let (secrets, faults) = compose::secrets(&settings);
    checks.extend(faults.into_iter().map(|fault| of_fault("secret", fault)));
    let connections = Connections::build(&settings, secrets);
    for (name, error) in &connections.faults {
        checks.push(failed(safe!("connection {}", name), error.clone()));
    }
    for source in &connections.cases {
        checks.extend(cases(source).await);
    }
    for source in &connections.cases {
        checks.push(second_person(source, &settings).await);
    }
    for source in &connections.alerts {
        checks.push(alerts(source, now).await);
    }
    for source in &connections.identity {
        checks.extend(identity(source, &settings, host, now).await);
    }
    for (role, missing) in [
        (Role::Cases, connections.cases.is_empty()),
        (Role::Activity, connections.activity.is_empty()),
        (Role::Identity, connections.identity.is_empty()),
    ] {
        if missing {
            let word = match role {
                Role::Cases => "case system",
                Role::Activity | Role::Alerts => "SIEM",
                Role::Identity => "identity provider",
            };
            checks.push(check(word, Verdict::Warning, "none is usable"));
        }
    }
    checks
}

fn of_fault(what: &'static str, fault: Fault) -> Check {
    Check {
        what: what.into(),
        verdict: Verdict::Fault,
        found: fault.what,
        hint: fault.hint,
    }
}

fn configuration(loaded: &Loaded, host: &Host) -> Vec<Check> {
    let settings = &loaded.settings;
    let kept = settings.connections.len();
    let mut checks = vec![check(
        "configuration",
        Verdict::Ok,
        safe!(
            "{} connections, environment {}, {}",
            kept,
            Untrusted::new(settings.environment.name.as_str()).field(),
            settings.environment.mode.word()
        ),
    )];
    checks.extend(loaded.warnings.iter().map(|warning| Check {
        what: "configuration".into(),
        verdict: Verdict::Warning,
        found: warning.what.clone(),
        hint: warning.hint.clone(),
    }));
    if !host.policy.exists() {
        let mut none = check(
            "host policy",
            Verdict::Warning,
            "there is none: own account, single targets and caps only",
        );
        none.hint =
            Some("root writes protected accounts and groups into /etc/quell/policy.toml".into());
        checks.push(none);
    }
    checks
}

fn log(state: &StateDir) -> Vec<Check> {
    let place = Untrusted::new(state.audit().to_string_lossy()).ident();
    if let Err(error) = state.prepare() {
        return vec![check(
            "audit log",
            Verdict::Fault,
            Untrusted::new(error.to_string()).line(),
        )];
    }
    let mut checks = Vec::new();
    match crate::store::audit::RealDisk.free(&state.audit()) {
        Ok(free) if free.refuses_actions() => checks.push(check(
            "log directory",
            Verdict::Fault,
            safe!("{} MiB free: actions are refused", free.bytes >> 20),
        )),
        Ok(free) => {
            let verdict = if free.is_low() {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            checks.push(check(
                "log directory",
                verdict,
                safe!("{}, {} MiB free", place, free.bytes >> 20),
            ));
        }
        Err(error) => checks.push(check(
            "log directory",
            Verdict::Fault,
            Untrusted::new(error.to_string()).line(),
        )),
    }
    match crate::store::audit::verify(&state.audit()) {
        Ok(logs) => {
            let faults: usize = logs.iter().map(|(_, report)| report.faults.len()).sum();
            let records: u64 = logs.iter().map(|(_, report)| report.records).sum();
            let verdict = if faults == 0 {
                Verdict::Ok
            } else {
                Verdict::Fault
            };
            checks.push(check(
                "audit log",
                verdict,
                safe!("{} records, {} faults", records, faults),
            ));
        }
        Err(error) => checks.push(check("audit log", Verdict::Fault, error.shown())),
    }
    checks
}

async fn cases(source: &Arc<dyn Cases>) -> Vec<Check> {
    let name = source.connection().clone();
    let mut checks = Vec::new();
    match source.who_am_i().await {
        Ok(operator) if operator.shared => checks.push(check(
            safe!("{}: token", name),
            Verdict::Warning,
            safe!(
                "belongs to {}, shared by several people",
                operator.login.unwrap_or_default().field()
            ),
        )),
        Ok(operator) => checks.push(check(
            safe!("{}: token", name),
            Verdict::Ok,
            safe!("you are {}", operator.login.unwrap_or_default().field()),
        )),
        Err(error) => checks.push(failed(safe!("{}: token", name), error)),
    }
    match source.list(1).await {
        Ok(page) if page.faults.is_empty() => {
            checks.push(check(
                safe!("{}: read cases", name),
                Verdict::Ok,
                "they can be read",
            ));
        }
        Ok(page) => checks.push(check(
            safe!("{}: read cases", name),
            Verdict::Warning,
            safe!("{} records could not be read", page.faults.len()),
        )),
        Err(error) => checks.push(failed(safe!("{}: read cases", name), error)),
    }
    checks.push(check(
        safe!("{}: write comments", name),
        Verdict::NotKnown,
        "only a comment would show it",
    ));
    checks
}

/// Says whether approvals can work here: whether the case system tells one person from another.
async fn second_person(source: &Arc<dyn Cases>, settings: &Settings) -> Check {
    let what = safe!("{}: second person", source.connection());
    let wanted = !settings.policy.approval.is_empty();
    match crate::engine::person(source.as_ref()).await {
        Ok(me) if wanted => check(
            what,
            Verdict::Ok,
            safe!("can be asked; you ask as {}", me.login.field()),
        ),
        Ok(me) => check(
            what,
            Verdict::Ok,
            safe!(
                "never needed by the policy; you would answer as {}",
                me.login.field()
            ),
        ),
        Err(reason) => {
            let verdict = if wanted {
                Verdict::Fault
            } else {
                Verdict::Warning
            };
            let mut none = check(what, verdict, safe!("cannot be asked: {}", reason));
            none.hint = Some("each person needs a key of their own at the case system".into());
            none
        }
    }
}

async fn alerts(source: &Arc<dyn ActivitySource>, now: Moment) -> Check {
    let what = safe!("{}: detections", source.connection());
    match source.alerts(1).await {
        Err(error) => failed(what, error),
        Ok(page) => match page.items.first() {
            None => check(
                what,
                Verdict::Warning,
                "no open alert: whether rules run is not known",
            ),
            Some(alert) => {
                let age = (now.utc - alert.at).to_std().unwrap_or_default();
                let verdict = if age > ALERTS_OLD {
                    Verdict::Warning
                } else {
                    Verdict::Ok
                };
                check(
                    what,
                    verdict,
                    safe!("newest open alert {} ago", age_word(age)),
                )
            }
        },
    }
}

async fn identity(
    source: &Arc<dyn Identity>,
    settings: &Settings,
    host: &Host,
    now: Moment,
) -> Vec<Check> {
    let name = source.connection().clone();
    let (id, login) = match source.own_account().await {
        Ok(own) => own,
        Err(error) => return vec![failed(safe!("{}: token", name), error)],
    };
    let mut checks = vec![check(
        safe!("{}: token", name),
        Verdict::Ok,
        safe!("belongs to {}", login.field()),
    )];
    let mut unreadable = None;
    match source.account(&id).await {
        Err(error) => checks.push(failed(safe!("{}: read accounts", name), error)),
        Ok(account) => {
            for gap in &account.gaps {
                checks.push(check(
                    safe!("{}: read accounts", name),
                    Verdict::Warning,
                    gap.line(),
                ));
            }
            if account.roles.is_none() && !settings.policy.allow_administrators {
                unreadable = Some("administrator roles cannot be read");
            } else if account.groups.is_none() && !settings.policy.protected_groups.is_empty() {
                unreadable = Some("groups cannot be read, and some are protected");
            }
            checks.push(clock(&name, account.server_date, now));
        }
    }
    for kind in [
        ActionKind::RevokeSessions,
        ActionKind::DisableAccount,
        ActionKind::EnableAccount,
    ] {
        let what = safe!("{}: {}", name, kind.word());
        let refusal: Option<Safe> = match source.offers(kind) {
            Err(lacking) => Some(lacking.reason),
            Ok(_) if host.freeze.exists() => Some("the freeze switch of this host is on".into()),
            Ok(_) if settings.environment.mode == Mode::ReadOnly => {
                Some("the mode is READ ONLY".into())
            }
            Ok(_) => unreadable
                .filter(|_| kind != ActionKind::EnableAccount)
                .map(Safe::from),
        };
        checks.push(match refusal {
            Some(reason) => check(what, Verdict::Fault, safe!("would fail today: {}", reason)),
            None if settings.environment.mode == Mode::DryRun => check(
                what,
                Verdict::Ok,
                "offered; the mode is DRY RUN, nothing is sent",
            ),
            None => check(
                what,
                Verdict::Ok,
                "offered; whether the token may is known when it is used",
            ),
        });
    }
    checks
}

fn clock(
    name: &crate::domain::ids::ConnectionName,
    theirs: Option<chrono::DateTime<chrono::Utc>>,
    now: Moment,
) -> Check {
    let what = safe!("{}: clock", name);
    let Some(theirs) = theirs else {
        return check(what, Verdict::NotKnown, "the provider sends no date");
    };
    let difference = (theirs - now.utc).num_seconds();
    let verdict = if difference.abs() > CLOCK_WARNING {
        Verdict::Warning
    } else {
        Verdict::Ok
    };
    check(what, verdict, safe!("differs by {} s", difference))
}

fn print_lines(checks: &[Check], out: &mut dyn Write) -> std::io::Result<()> {
    for check in checks {
        writeln!(
            out,
            "{:<10}{:<28}{}",
            check.verdict.word(),
            check.what,
            check.found
        )?;
        if let Some(hint) = &check.hint {
            writeln!(out, "{:<10}hint: {hint}", "")?;
        }
    }
    Ok(())
}

fn print_json(checks: &[Check], code: u8, out: &mut dyn Write) -> std::io::Result<()> {
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.what,
                "verdict": check.verdict.word(),
                "found": check.found,
                "hint": check.hint,
            })
        })
        .collect();
    writeln!(out, "{}", json!({ "exit": code, "checks": rows }))
}
