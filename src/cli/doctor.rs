//! `quell doctor`: what works today and what would not, before the incident.
//!
//! Exit codes: 0 all well, 1 something would fail, 2 warnings only, 3 no usable configuration.

mod action;
mod caps;
mod connection;
mod head;
mod host;
mod systems;

use std::io::Write;

use serde_json::json;

use self::action::Stops;
use super::compose::{self, Host, Loaded, Place};
use super::{Failure, OK, broken_pipe};
use crate::config::settings::Role;
use crate::connect::capability::ConnectError;
use crate::connect::registry::Connections;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::{Disk, RealDisk};
use crate::store::state::StateDir;

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
    let checks = runtime.block_on(examine(loaded, &state, &host, now, &mut RealDisk));
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
pub async fn examine(
    loaded: Loaded,
    state: &StateDir,
    host: &Host,
    now: Moment,
    disk: &mut dyn Disk,
) -> Vec<Check> {
    let started = std::time::Instant::now();
    let mut checks = host::configuration(&loaded);
    let mut settings = loaded.settings;
    checks.extend(host::policy(host, &mut settings));
    // Whatever is at fault so far keeps the console from starting, so no action of it can run.
    let faults = checks.iter().filter(|one| one.verdict == Verdict::Fault);
    let mut stops = Stops::default();
    let unstarted = faults.map(|one| safe!("the console does not start: {}", one.found));
    stops.all.extend(unstarted);
    for judged in [
        host::freeze(host),
        host::log(state, disk, now),
        systems::judged(state, &settings, now),
        caps::judged(state, &settings, now),
    ] {
        stops.all.extend(judged.stops.all);
        stops.counted.extend(judged.stops.counted);
        checks.extend(judged.checks);
    }
    let (secrets, faults) = compose::secrets(&settings);
    checks.extend(host::secrets(&settings, &secrets));
    checks.extend(faults.into_iter().map(|fault| of_fault("secret", fault)));
    let connections = Connections::build(&settings, secrets);
    for (name, error) in &connections.faults {
        checks.push(failed(safe!("connection {}", name), error.clone()));
    }
    let seen = connection::all(&connections, &settings, (now, started)).await;
    for source in &connections.cases {
        checks.push(connection::read_cases(source).await);
        checks.push(connection::second_person(source, &settings).await);
    }
    for source in &connections.alerts {
        checks.push(connection::alerts(source, now).await);
    }
    for source in &connections.identity {
        let found = seen.iter().find(|one| one.name == *source.connection());
        checks.extend(action::checks(source, &settings, &stops, found).await);
    }
    checks.extend(action::without_connection(&connections, &settings));
    checks.extend(seen.into_iter().flat_map(|one| one.checks));
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

fn print_lines(checks: &[Check], out: &mut dyn Write) -> std::io::Result<()> {
    for check in checks {
        writeln!(
            out,
            "{:<9} {:<27} {}",
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
            let connection = check.what.as_str().split_once(": ").map(|(name, _)| name);
            json!({
                "connection": connection,
                "check": check.what,
                "verdict": check.verdict.word(),
                "found": check.found,
                "hint": check.hint,
            })
        })
        .collect();
    writeln!(out, "{}", json!({ "exit": code, "checks": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_followed_by_a_space() {
        let names = [
            "okta: clock",
            "hive: may make and set tasks",
            "okta: newest event of System Log",
        ];
        let checks = names.map(|name| check(name, Verdict::NotKnown, "21m ago"));
        let mut out = Vec::new();
        print_lines(&checks, &mut out).expect("memory takes it");
        let told = String::from_utf8(out).expect("it is text");
        assert_eq!(told.lines().count(), names.len());
        for (line, name) in told.lines().zip(names) {
            assert!(line.starts_with(&format!("not known {name} ")), "{line}");
            assert!(line.ends_with(" 21m ago"), "{line}");
        }
        let first = told.lines().next().expect("a line");
        assert_eq!(first.find("21m ago"), Some(38));
    }
}
