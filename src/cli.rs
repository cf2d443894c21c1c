//! What the command line offers: one file a subcommand.
//!
//! What must not live here: anything a second subcommand or the console needs too.

pub mod activity;
pub mod audit;
pub mod cache;
pub mod case;
pub mod cases;
pub mod compose;
pub mod console;
pub mod doctor;
pub mod drill;
pub mod init;
pub mod keys;
mod library;
mod log_folder;
mod reading;
pub mod runbook;
pub mod screen;
pub mod shell;
mod systems;
pub mod themes;
pub mod wall;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::drill::wire::Idp;
use crate::store::state::StateDir;

/// Exit code: all is well.
pub const OK: u8 = 0;
/// Exit code: the configuration or the input is missing or cannot be read.
pub const UNREADABLE: u8 = 3;
/// Exit code: the command line is wrong.
pub const USAGE: u8 = 64;
/// Exit code: a fault of our own, or of the machine.
pub const INTERNAL: u8 = 70;

/// Contain a compromised account, prove it, document it.
#[derive(Debug, Parser)]
#[command(name = "quell", version, about, max_term_width = 100)]
struct Arguments {
    /// Configuration to use instead of the one in the user's configuration directory.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the audit log and other state, instead of the user's state directory.
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Theme by name, or a theme file; `quell themes` lists them.
    #[arg(long, global = true, value_name = "NAME")]
    theme: Option<String>,
    /// Draws with ASCII only.
    #[arg(long, global = true)]
    ascii: bool,
    #[command(subcommand)]
    command: Option<Sub>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Runs the console against a simulated company with a live attacker.
    Drill {
        /// The same seed gives the same company and the same attack.
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Whose interface the company's identity provider speaks: okta, keycloak, entra or google.
        #[arg(long, default_value = "okta", value_name = "VENDOR", value_parser = provider)]
        idp: Idp,
        /// Only serve: prints one JSON object with the addresses, until stopped.
        #[arg(long)]
        servers_only: bool,
        /// Seconds between two acts of the attacker and his surroundings.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        pace: u64,
        /// More cases, for measurements.
        #[arg(long, default_value_t = 0, hide = true)]
        cases: usize,
        /// More events, for measurements.
        #[arg(long, default_value_t = 0, hide = true)]
        events: usize,
    },
    /// Prints the open cases line by line, for screen readers and scripts.
    Cases(cases::Asked),
    /// Prints one case in full, line by line.
    Case(case::Asked),
    /// Prints the activity of the user of a case, or exported logs of any vendor: events or findings.
    Activity(activity::Asked),
    /// Verifies, shows, exports, merges or shortens the audit log.
    Audit {
        #[command(subcommand)]
        command: audit::AuditSub,
    },
    /// Checks configuration, log, connections and permissions: what works today and what would not.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Derives the short list of a runbook, checks it, shows it, lists what there is.
    Runbook {
        #[command(subcommand)]
        command: runbook::RunbookSub,
    },
    /// Writes a commented configuration to start from: asks, takes flags, or writes the sample.
    Init(Box<init::Asked>),
    /// Says what is kept on this host, why and for how long, and removes it.
    Cache(cache::Asked),
    /// Lists the themes, or shows one role by role.
    Themes(themes::Asked),
    /// Prints completions for a shell.
    Completions(shell::Completions),
    /// Prints the manual page of quell or of a subcommand, for `man -l -`.
    Man(shell::Man),
    /// Puts a terminal in order that a killed console left behind.
    ResetTerminal,
    /// Shows open cases, responses and sources on a screen across the room. Reads only, needs no keyboard.
    Wall(wall::Asked),
    /// Lists all commands with their keys.
    Keys {
        /// As a table in Markdown.
        #[arg(long)]
        markdown: bool,
    },
}

/// Why a subcommand did not do its work: exit code and what to say.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// What to say, one or more.
    pub faults: Vec<Fault>,
}

impl Failure {
    /// Makes a failure of one fault.
    pub fn one(code: u8, fault: Fault) -> Self {
        Self {
            code,
            faults: vec![fault],
        }
    }
}

/// Runs the command line and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    // Before anything is written by whichever subcommand it is.
    crate::terminal::signal::outlive_file_limit();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Nothing can be done when it cannot be printed.
        Err(error) if error.use_stderr() => {
            let _ = writeln!(io::stderr().lock(), "{}", misused(&error));
            return USAGE;
        }
        // Help and version come this way too.
        Err(error) => {
            let _ = error.print();
            return OK;
        }
    };
    match dispatch(arguments) {
        Ok(code) => code,
        Err(failure) => {
            let mut out = io::stderr().lock();
            for fault in &failure.faults {
                let _ = writeln!(out, "quell: {}", fault.what);
                if let Some(hint) = &fault.hint {
                    let _ = writeln!(out, "hint: {hint}");
                }
            }
            failure.code
        }
    }
}

/// Gives what is wrong with the command line; it quotes words that may come from outside.
fn misused(error: &clap::Error) -> Safe {
    let text = error.render().to_string();
    Untrusted::new(text.trim_end()).block()
}

fn dispatch(arguments: Arguments) -> Result<u8, Failure> {
    let Arguments {
        config,
        state,
        theme,
        ascii,
        command,
    } = arguments;
    let place = compose::Place {
        config,
        state,
        look: compose::Look { theme, ascii },
    };
    let config = place.config.as_deref();
    let out = &mut io::stdout();
    let told = &mut io::stderr();
    match command {
        None if !can_draw() => plain(&place, out, told),
        None => compose::run_console(&place),
        Some(Sub::Drill {
            seed,
            idp,
            servers_only,
            pace,
            cases,
            events,
        }) => {
            let options = drill::Options {
                seed,
                idp,
                pace,
                cases,
                events,
            };
            if servers_only {
                drill::serve(&options)
            } else {
                drill::run(&options, place.state.as_deref(), &place.look)
            }
        }
        Some(Sub::Cases(asked)) => cases::run(&place, &asked, &mut io::BufWriter::new(out), told),
        Some(Sub::Case(asked)) => case::run(&place, &asked, &mut io::BufWriter::new(out), told),
        Some(Sub::Activity(asked)) => {
            // Standard output is locked line by line: the pane writes to it too.
            let mut out = io::BufWriter::with_capacity(1 << 16, out);
            activity::run(&asked, &place, &mut out, told)
        }
        Some(Sub::Audit { command }) => audit::run(command, config, |drill| {
            audit_dir(place.state.as_deref(), drill)
        }),
        Some(Sub::Doctor { json }) => doctor::run(&place, json, out),
        Some(Sub::Runbook { command }) => runbook::run(&command, config, out),
        Some(Sub::Init(asked)) => init::run(config, &asked, out),
        Some(Sub::Cache(asked)) => cache::run(&place, &asked, out),
        Some(Sub::Themes(asked)) => themes::run(&asked, out),
        Some(Sub::Completions(asked)) => shell::completions(&asked, Arguments::command(), out),
        Some(Sub::Man(asked)) => shell::man(&asked, Arguments::command(), out),
        Some(Sub::ResetTerminal) => {
            let told = out
                .write_all(crate::terminal::session::reset_bytes())
                .and_then(|()| out.flush());
            told.map_or_else(|error| broken_pipe(&error), |()| Ok(OK))
        }
        Some(Sub::Wall(asked)) => wall::run(&place, &asked),
        Some(Sub::Keys { markdown }) => keys::print(markdown, config, out),
    }
}

/// Tells whether the terminal can draw frames; where `TERM` is not set at all, that is said later and in other words.
fn can_draw() -> bool {
    std::env::var("TERM").map_or(true, |term| term != "dumb")
}

/// Prints the open cases where the console cannot draw, and says so.
fn plain(place: &compose::Place, out: &mut dyn Write, told: &mut dyn Write) -> Result<u8, Failure> {
    let said = writeln!(
        told,
        "quell: TERM=dumb cannot draw, so these are the open cases; `quell case ID` and `quell activity --case ID` go on"
    );
    if let Err(error) = said {
        return broken_pipe(&error);
    }
    cases::run(place, &cases::Asked::plain(), out, told)
}

/// Reads the name of an identity provider that the drill can be.
fn provider(text: &str) -> Result<Idp, String> {
    Idp::named(text).ok_or_else(|| {
        let names = Idp::ALL.map(Idp::name).join(" or ");
        format!("the drill has no such provider; it can be {names}")
    })
}

/// Reads a day or a time in UTC.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    let minute = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok();
    let exact = || Some(DateTime::parse_from_rfc3339(text).ok()?.naive_utc());
    let found = day().or_else(minute).or_else(exact);
    found
        .map(|at| at.and_utc())
        .ok_or_else(|| "not a day (2026-01-31) or time (2026-01-31T06:00:00Z)".to_owned())
}

fn audit_dir(state: Option<&std::path::Path>, drill: bool) -> Result<PathBuf, Failure> {
    let place = StateDir::locate(state, drill).map_err(|error| compose::state_failure(&error))?;
    Ok(if drill {
        drill::last_run(place.root()).join("audit")
    } else {
        place.audit()
    })
}

/// A reader that has seen enough is no fault.
fn broken_pipe(error: &io::Error) -> Result<u8, Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(OK);
    }
    let text = Untrusted::new(error.to_string());
    Err(Failure::one(
        INTERNAL,
        Fault::new(crate::safe!("failed to print: {}", text.line())),
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::of_eight_bits(&["cases", "\u{9b}31m"], "<9B>31m")]
    #[case::of_an_option(&["cases", "--\u{9d}0;x\u{9c}"], "<9D>0;x<9C>")]
    #[case::of_a_subcommand(&["\u{90}q"], "<90>q")]
    #[case::of_a_value(&["audit", "show", "--since", "\u{85}\u{202e}"], "<85><U+202E>")]
    fn a_control_in_a_wrong_command_line_is_shown_and_never_sent(
        #[case] words: &[&str],
        #[case] shown: &str,
    ) {
        let words = std::iter::once("quell").chain(words.iter().copied());
        let error = Arguments::try_parse_from(words).expect_err("it is wrong");
        assert!(error.use_stderr());
        let text = misused(&error);
        assert!(text.as_str().contains(shown), "{text}");
        let is_raw = |c: char| c.is_control() && c != '\n';
        assert!(!text.as_str().contains(is_raw), "{text}");
        // What the words mean is still there, line by line.
        assert!(text.as_str().starts_with("error: "), "{text}");
        assert!(text.lines().count() > 1, "{text}");
    }
}
