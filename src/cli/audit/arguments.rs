//! The arguments of `quell audit` and what each subcommand does with them.
//!
//! What must not live here: the work itself.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::anchors::{from_cases, from_file, from_this_host};
use super::told::show_to;
use super::{Asked, Form, export, merge, prune, verify_asked};
use crate::cli::compose::{self, Host};
use crate::cli::{Failure, USAGE, moment};
use crate::config::settings::Policy;
use crate::domain::audit::Filter;
use crate::domain::fault::Fault;
use crate::safe;

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditSub {
    /// Checks that every record follows from the one before: 0 intact, 1 broken, 2 warnings, 3 unreadable.
    Verify {
        /// Which log.
        #[command(flatten)]
        place: Place,
        /// Holds the log against the lines `audit <log> n=<n> h=<hash>` in a file: exported comments, the system's log.
        #[arg(long, value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// Holds the log against the comments of the configured case systems; only reads there.
        #[arg(long)]
        from_cases: bool,
        /// A missing checkpoint is a fault; of a session that ended without a word, 20 minutes after it was due.
        #[arg(long)]
        require_checkpoints: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tells what the records say.
    Show {
        /// Which log.
        #[command(flatten)]
        place: Place,
        /// Which records.
        #[command(flatten)]
        wanted: Wanted,
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Writes records for other programs: JSON lines with the names of ECS.
    Export {
        /// Which log.
        #[command(flatten)]
        place: Place,
        /// Which records.
        #[command(flatten)]
        wanted: Wanted,
        /// As a table whose cells no spreadsheet executes.
        #[arg(long)]
        csv: bool,
    },
    /// Joins the logs of several hosts in the order of their times.
    Merge {
        /// Directories with logs.
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
        /// Which records.
        #[command(flatten)]
        wanted: Wanted,
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Removes closed segments whose every record is older; records first what they were.
    Prune {
        /// Which log.
        #[command(flatten)]
        place: Place,
        /// A day or time in UTC, such as 2026-01-31 or 2026-01-31T06:00:00Z.
        #[arg(long, value_name = "DATE", value_parser = moment)]
        before: DateTime<Utc>,
    },
}

/// Which log.
#[derive(Debug, Args)]
pub struct Place {
    /// The log of the last drill instead of the real one.
    #[arg(long)]
    drill: bool,
}

/// Which records.
#[derive(Debug, Args)]
pub struct Wanted {
    /// Who did it, or to whom: a user, a login, an account's id.
    #[arg(long)]
    user: Option<String>,
    /// Id of a case.
    #[arg(long)]
    case: Option<String>,
    /// Id of an action or plan, its kind, or a type of record.
    #[arg(long)]
    action: Option<String>,
    /// From this day or time in UTC, such as 2026-01-31 or 2026-01-31T06:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Until before this day or time.
    #[arg(long, value_name = "DATE", value_parser = moment)]
    until: Option<DateTime<Utc>>,
}

impl From<Wanted> for Filter {
    fn from(wanted: Wanted) -> Self {
        let Wanted {
            user,
            case,
            action,
            since,
            until,
        } = wanted;
        let mut filter = Self::default();
        (filter.user, filter.case, filter.action) = (user, case, action);
        (filter.since, filter.until) = (since, until);
        filter
    }
}

/// Runs a subcommand; `dir` finds the directory of the log, of the drill or not.
///
/// # Errors
/// When the directory, anchors or configuration cannot be used, or the output cannot be written.
pub fn run(
    command: AuditSub,
    config: Option<&Path>,
    dir: impl Fn(bool) -> Result<PathBuf, Failure>,
) -> Result<u8, Failure> {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let told = match command {
        AuditSub::Verify {
            place,
            anchors,
            from_cases: cases,
            require_checkpoints,
            json,
        } => {
            let dir = dir(place.drill)?;
            let mut asked = Asked {
                json,
                ..Asked::default()
            };
            asked.expectations.require_checkpoints = require_checkpoints;
            asked.expectations.now = Some(Utc::now());
            from_this_host(&dir, &mut asked);
            for path in anchors {
                from_file(&path, &mut asked)?;
            }
            if cases {
                from_cases(config, &dir, &mut asked)?;
            }
            verify_asked(&dir, &asked, &mut out)
        }
        AuditSub::Show {
            place,
            wanted,
            json,
        } => {
            let form = if json { Form::Json } else { Form::Text };
            let dir = dir(place.drill)?;
            show_to(&dir, wanted.into(), form, &mut out, &mut err)
        }
        AuditSub::Export { place, wanted, csv } => {
            export(&dir(place.drill)?, wanted.into(), csv, &mut out, &mut err)
        }
        AuditSub::Merge { dirs, wanted, json } => {
            let form = if json { Form::Json } else { Form::Text };
            merge(&dirs, wanted.into(), form, &mut out, &mut err)
        }
        AuditSub::Prune { place, before } => {
            if before > Utc::now() {
                let what = Fault::new(safe!("--before is in the future"));
                return Err(Failure::one(USAGE, what));
            }
            // A policy that cannot be read does not say what still counts: without it nothing is removed.
            let policy = compose::host_policy(&Host::default(), Policy::default())?;
            let campaign = policy.campaign.as_ref();
            prune(&dir(place.drill)?, before, campaign, &mut out)
        }
    };
    let told = told.and_then(|code| out.flush().map(|()| code));
    told.or_else(|error| crate::cli::broken_pipe(&error))
}
