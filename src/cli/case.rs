//! `quell case ID`: one case in full, line by line, for screen readers and scripts.
//!
//! Every line says by its first word what it is, so that it can be found by that word. Exit codes: 0 all was read, 2
//! some of it could not be read, 3 the case could not.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::cases::{object, owner};
use super::compose::{self, Place};
use super::reading::{self, WARNINGS, number};
use super::{Failure, OK};
use crate::config::settings::{Role, Settings};
use crate::domain::audit::ascii_json;
use crate::domain::case::{Alert, CaseFile, Comment, Subject, UserSource};
use crate::domain::containment::told::{self, Word};
use crate::domain::freshness::{age_word, time_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Which case, and in which form.
#[derive(Debug, Args)]
pub struct Asked {
    /// Its number, or the vendor's id.
    #[arg(value_name = "ID")]
    id: String,
    /// As one object.
    #[arg(long)]
    json: bool,
}

/// Reads a case and prints it.
///
/// # Errors
/// When the configuration or the case cannot be read, with exit code 3.
pub fn run(
    place: &Place,
    asked: &Asked,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    let loaded = compose::load(place.config.as_deref())?;
    let (settings, made, faults) = reading::connections(&loaded, &[Role::Cases])?;
    let file = match reading::run(reading::case_file(&made, &asked.id))? {
        Ok(file) => file,
        Err(more) => {
            let all = faults.into_iter().chain(more).collect();
            return Err(reading::nothing(all, "no case system is configured"));
        }
    };
    let subject = file.subject(sources(&settings, &file));
    let printed = if asked.json {
        writeln!(out, "{}", ascii_json(&whole(&file, &subject, &settings)))
    } else {
        print(&file, &subject, &settings, out)
    };
    let printed = printed.and_then(|()| {
        for fault in &file.faults {
            writeln!(
                told,
                "not read: {}: {}",
                fault.record.field(),
                fault.reason.line()
            )?;
        }
        reading::tell(&faults, told)
    });
    let well = faults.is_empty() && file.faults.is_empty();
    reading::ended(printed, if well { OK } else { WARNINGS })
}

/// Gives where the cases of a connection name their user.
pub(super) fn sources<'a>(settings: &'a Settings, file: &CaseFile) -> &'a [UserSource] {
    settings
        .connections
        .iter()
        .find(|connection| connection.name == file.case.id.connection)
        .map_or(&[], |connection| &connection.case_user)
}

fn print(
    file: &CaseFile,
    subject: &Subject,
    settings: &Settings,
    out: &mut dyn Write,
) -> io::Result<()> {
    let case = &file.case;
    let now = compose::now().utc;
    let age = age_word((now - case.created).to_std().unwrap_or_default());
    writeln!(out, "case {} {}", number(case), case.severity.word())?;
    writeln!(out, "title: {}", case.title.line())?;
    writeln!(
        out,
        "status: {}, {}",
        case.status.word(),
        owner(case, settings, now)
    )?;
    writeln!(out, "created: {}, {} ago", time_word(case.created), age)?;
    match subject {
        Subject::NoUser => writeln!(out, "user: no user")?,
        Subject::User(user) => writeln!(out, "user: {}", user.ident())?,
        Subject::Several(users) => {
            for user in users {
                writeln!(out, "user, one of several: {}", user.ident())?;
            }
        }
    }
    for tag in &case.tags {
        writeln!(out, "tag: {}", tag.field())?;
    }
    for (name, value) in &case.fields {
        writeln!(out, "field {}: {}", name.field(), value.line())?;
    }
    block("description", &case.description, out)?;
    for alert in &file.alerts {
        print_alert(alert, out)?;
    }
    for one in &file.observables {
        writeln!(out, "observable {}: {}", one.kind.field(), one.value.line())?;
    }
    for task in &file.tasks {
        let status = task.status.field();
        writeln!(out, "task {status}: {}", task.title.line())?;
    }
    for comment in &file.comments {
        print_comment(comment, out)?;
    }
    Ok(())
}

/// Prints a text of several lines, each with its name.
fn block(name: &str, text: &Untrusted, out: &mut dyn Write) -> io::Result<()> {
    for line in text.block().lines().filter(|line| !line.is_empty()) {
        writeln!(out, "{name}: {line}")?;
    }
    Ok(())
}

fn print_alert(alert: &Alert, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "alert {} {}: {}",
        time_word(alert.at),
        alert.severity.word(),
        alert.title.line()
    )?;
    let blocked = match alert.blocked {
        None => "not said",
        Some(true) => "yes",
        Some(false) => "no",
    };
    writeln!(out, "alert blocked: {blocked}")?;
    let facts = [
        ("threat", &alert.threat),
        ("hash", &alert.hash),
        ("file", &alert.file),
        ("user", &alert.user_name),
        ("source", &alert.source_ip),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            writeln!(out, "alert {name}: {}", value.line())?;
        }
    }
    alert
        .guidance
        .iter()
        .try_for_each(|text| block("alert guidance", text, out))
}

fn print_comment(comment: &Comment, out: &mut dyn Write) -> io::Result<()> {
    let edited: &'static str = if comment.edited { ", edited" } else { "" };
    let who: Safe = safe!(
        "comment {} by {}{}",
        time_word(comment.at),
        comment.author.field(),
        edited
    );
    writeln!(out, "{who}")?;
    if let Some(told) = told::read(comment) {
        let word: Safe = match &told.word {
            Word::Contained => "contained".into(),
            Word::Free => "not contained".into(),
            Word::Partly(missing) => safe!("partly contained: {}", missing.line()),
        };
        let doubt: &'static str = match told.otherwise {
            Some(_) => ", though it did not read so",
            None => "",
        };
        writeln!(out, "comment says: {} is {word}{doubt}", told.login.ident())?;
    }
    block("comment", &comment.message, out)
}

fn whole(file: &CaseFile, subject: &Subject, settings: &Settings) -> Value {
    let raw = |text: Option<&Untrusted>| text.map(|text| text.raw().to_owned());
    let time = |at| time_word(at).as_str().replacen(' ', "T", 1);
    let users: Vec<&str> = match subject {
        Subject::NoUser => Vec::new(),
        Subject::User(user) => vec![user.raw()],
        Subject::Several(users) => users.iter().map(Untrusted::raw).collect(),
    };
    let alerts = file.alerts.iter().map(|alert| {
        json!({
            "id": alert.id.raw(), "title": alert.title.raw(), "severity": alert.severity.key(),
            "at": time(alert.at), "blocked": alert.blocked, "threat": raw(alert.threat.as_ref()),
            "hash": raw(alert.hash.as_ref()), "file": raw(alert.file.as_ref()), "user.id": raw(alert.user_id.as_ref()),
            "user.name": raw(alert.user_name.as_ref()), "source.ip": raw(alert.source_ip.as_ref()),
            "guidance": raw(alert.guidance.as_ref()),
        })
    });
    let observables = file.observables.iter();
    let observables =
        observables.map(|one| json!({"kind": one.kind.raw(), "value": one.value.raw()}));
    let tasks = file.tasks.iter().map(|task| {
        json!({"id": task.id.raw(), "title": task.title.raw(), "status": task.status.raw(),
            "owner": raw(task.assignee.as_ref())})
    });
    let comments = file.comments.iter().map(|comment| {
        json!({"id": comment.id.raw(), "author": comment.author.raw(), "at": time(comment.at),
            "edited": comment.edited, "message": comment.message.raw()})
    });
    let faults = file.faults.iter();
    let faults =
        faults.map(|fault| json!({"record": fault.record.raw(), "reason": fault.reason.raw()}));
    let mut whole = object(&file.case, settings);
    if let Some(inner) = whole["quell"].as_object_mut() {
        inner.insert("users".to_owned(), json!(users));
        inner.insert("description".to_owned(), json!(file.case.description.raw()));
        inner.insert("alerts".to_owned(), alerts.collect());
        inner.insert("observables".to_owned(), observables.collect());
        inner.insert("tasks".to_owned(), tasks.collect());
        inner.insert("comments".to_owned(), comments.collect());
        inner.insert("not_read".to_owned(), faults.collect());
    }
    whole
}
