//! `quell audit show`, `export` and `merge`: records as text.
//!
//! What must not live here: the form of one record (see `written`).

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::held::Heads;
use super::written::{COLUMNS, ecs, line, row};
use super::{BROKEN, OK, code as code_of, no_log, unreadable, worse};
use crate::domain::audit::{Entry, Filter, Report, ascii_json};
use crate::domain::ids::LogId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{self, StoreError, Walk};

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line for people.
    Text,
    /// One object a line, with the names of ECS.
    Json,
    /// A table whose cells no spreadsheet executes.
    Csv,
}

/// Writes every record of every log in a directory, one a line, and gives the exit code of their verification.
///
/// As JSON the fields have the names of ECS; what ECS has no name for stands under `quell`.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn show(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let form = if json { Form::Json } else { Form::Text };
    show_some(dir, Filter::default(), form, out)
}

/// Writes the records that are asked for, log by log, and gives the exit code of the verification of all, also against
/// what this host remembers of them.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn show_some(dir: &Path, filter: Filter, form: Form, out: &mut dyn Write) -> io::Result<u8> {
    show_to(dir, filter, form, out, &mut io::sink())
}

/// The same; what is wrong, or not as this host remembers it, goes to `err`, as it does where records are exported.
pub(super) fn show_to(
    dir: &Path,
    filter: Filter,
    form: Form,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let mut heads = Heads::of(dir);
    let logs = match audit::walk(dir) {
        Ok(logs) if logs.is_empty() && !heads.want_a_log() => {
            return no_log(form == Form::Json, out);
        }
        Ok(logs) => logs,
        Err(error) => return unreadable(&error, form == Form::Json, out),
    };
    let mut telling = Telling::begin(filter, form, out)?;
    let mut found = Found::new();
    for mut log in logs {
        let id = log.log().clone();
        heads.found(&id);
        let ended = loop {
            match log.next() {
                Ok(Some(entry)) => {
                    heads.pass(&id, &entry);
                    telling.tell(&entry, out)?;
                }
                Ok(None) => break log.finish(),
                Err(error) => break Err(error),
            }
        };
        match ended {
            Ok(report) => found.take(&report),
            Err(error) => return unreadable(&error, form == Form::Json, out),
        }
    }
    let code = found.say(err)?;
    let code = worse(code, heads.say(err)?);
    telling.end(err)?;
    Ok(code)
}

/// Writes the records that are asked for and nothing else; what is wrong, or not as this host remembers it, goes to `err`.
///
/// # Errors
/// Only when `out` or `err` cannot be written.
pub fn export(
    dir: &Path,
    filter: Filter,
    csv: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let form = if csv { Form::Csv } else { Form::Json };
    tell_all(&[dir.to_owned()], Heads::of(dir), filter, form, out, err)
}

/// Writes the records of all logs of several directories in the order of their times. Within a log the order of the
/// records holds whatever their clocks say. A record that copies of one log share is written once; copies that have
/// different records of one number are BROKEN. A log is held against what this host remembers beside its folder, if
/// anything.
///
/// # Errors
/// Only when `out` or `err` cannot be written.
pub fn merge(
    dirs: &[PathBuf],
    filter: Filter,
    form: Form,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    tell_all(dirs, Heads::beside(dirs), filter, form, out, err)
}

fn tell_all(
    dirs: &[PathBuf],
    mut heads: Heads,
    filter: Filter,
    form: Form,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let mut logs: BTreeMap<LogId, Copies> = BTreeMap::new();
    for dir in dirs {
        let found = match audit::walk(dir) {
            Ok(found) if found.is_empty() && !heads.want_a_log() => return no_log(false, err),
            Ok(found) => found,
            Err(error) => return unreadable(&error, false, err),
        };
        for log in found {
            heads.found(log.log());
            let copies = logs.entry(log.log().clone()).or_default();
            if let Err(error) = copies.add(log) {
                return unreadable(&error, false, err);
            }
        }
    }
    let mut telling = Telling::begin(filter, form, out)?;
    let mut shared = 0;
    // Where copies of a log part for the first time: how many records follow does not matter.
    let mut parted: BTreeMap<LogId, u64> = BTreeMap::new();
    // The earliest of the first records of all logs each time; within a log their order stays.
    while let Some((log, copies)) = logs
        .iter_mut()
        .filter(|(_, copies)| copies.first().is_some())
        .min_by_key(|(log, copies)| (copies.first().map(|entry| entry.ts), (*log).clone()))
    {
        match copies.take() {
            Ok(Some(taken)) => {
                heads.pass(log, &taken.entry);
                if taken.is_contradicted {
                    parted.entry(log.clone()).or_insert(taken.entry.n);
                }
                if telling.tell(&taken.entry, out)? {
                    shared += taken.others;
                }
            }
            Ok(None) => break,
            Err(error) => return unreadable(&error, false, err),
        }
    }
    let mut found = Found::new();
    for (_, log) in logs.into_values().flat_map(|copies| copies.0) {
        match log.finish() {
            Ok(report) => found.take(&report),
            Err(error) => return unreadable(&error, false, err),
        }
    }
    if shared > 0 {
        let text = safe!(
            "{} records stood in more than one of these logs, and are told once",
            shared
        );
        writeln!(err, "{text}")?;
    }
    let mut code = OK;
    for (log, n) in &parted {
        let text = safe!(
            "copies of the audit log {} have different records {}: one was rewritten, or went on apart from the other",
            *log,
            *n
        );
        writeln!(err, "BROKEN: {text}")?;
        code = BROKEN;
    }
    code = worse(code, found.say(err)?);
    code = worse(code, heads.say(err)?);
    telling.end(err)?;
    Ok(code)
}

/// What the verification of all logs that were told found.
struct Found {
    code: u8,
    /// Lines that are no records, and so are told nowhere.
    unread: u64,
}

impl Found {
    fn new() -> Self {
        Self {
            code: OK,
            unread: 0,
        }
    }

    fn take(&mut self, report: &Report) {
        self.code = worse(self.code, code_of(report));
        self.unread += report.unread;
    }

    /// Says what is wrong, and gives the exit code.
    fn say(&self, out: &mut dyn Write) -> io::Result<u8> {
        if self.code == BROKEN {
            let unread = match self.unread {
                0 => Safe::default(),
                lines => safe!(
                    ", and lines of it that cannot be read are left out here: {}",
                    lines
                ),
            };
            writeln!(
                out,
                "BROKEN: a log was altered or damaged{unread}; see `quell audit verify`"
            )?;
        }
        Ok(self.code)
    }
}

/// What several directories hold of one log, each with its next record.
#[derive(Default)]
struct Copies(Vec<(Option<Entry>, Walk)>);

/// A record that was taken from the copies of its log.
struct Taken {
    entry: Entry,
    /// How many of the other copies have it too, letter by letter.
    others: u64,
    /// Another copy has another record of this number.
    is_contradicted: bool,
}

impl Copies {
    fn add(&mut self, mut log: Walk) -> Result<(), StoreError> {
        self.0.push((log.next()?, log));
        Ok(())
    }

    /// Finds the next record of the log: that with the lowest number, so that copies go on side by side.
    fn place(&self) -> Option<usize> {
        let numbers = self.0.iter().map(|(first, _)| first.as_ref());
        let numbers = numbers.enumerate();
        let known = numbers.filter_map(|(place, first)| Some((first?.n, place)));
        known.min().map(|(_, place)| place)
    }

    fn first(&self) -> Option<&Entry> {
        let (first, _) = self.0.get(self.place()?)?;
        first.as_ref()
    }

    /// Takes the next record, and compares it with what the other copies have of its number: they go on side by side.
    fn take(&mut self) -> Result<Option<Taken>, StoreError> {
        let Some(place) = self.place() else {
            return Ok(None);
        };
        let mut taken = None;
        if let Some((first, log)) = self.0.get_mut(place) {
            taken = std::mem::replace(first, log.next()?);
        }
        let Some(entry) = taken else { return Ok(None) };
        let (mut others, mut is_contradicted) = (0, false);
        for (at, (first, log)) in self.0.iter_mut().enumerate() {
            let Some(other) = first.as_ref().filter(|_| at != place) else {
                continue;
            };
            if other.h == entry.h {
                *first = log.next()?;
                others += 1;
            } else if other.n == entry.n {
                is_contradicted = true;
            }
        }
        Ok(Some(Taken {
            entry,
            others,
            is_contradicted,
        }))
    }
}

/// Writes the records that are asked for, one after the other.
struct Telling {
    filter: Filter,
    form: Form,
    /// How many records were looked at, and how many of them were told.
    read: u64,
    told: u64,
}

impl Telling {
    fn begin(filter: Filter, form: Form, out: &mut dyn Write) -> io::Result<Self> {
        if form == Form::Csv {
            writeln!(out, "{}", COLUMNS.join(","))?;
        }
        Ok(Self {
            filter,
            form,
            read: 0,
            told: 0,
        })
    }

    /// Tells a record that is asked for, and whether it was.
    fn tell(&mut self, entry: &Entry, out: &mut dyn Write) -> io::Result<bool> {
        self.read += 1;
        if !self.filter.takes(entry) {
            return Ok(false);
        }
        self.told += 1;
        match self.form {
            Form::Text => writeln!(out, "{}", line(entry)),
            Form::Json => writeln!(out, "{}", ascii_json(&ecs(entry))),
            Form::Csv => writeln!(out, "{}", row(entry)),
        }?;
        Ok(true)
    }

    /// Says on the way out that nothing is what was asked for: silence would read as if nothing had been done.
    fn end(&self, err: &mut dyn Write) -> io::Result<()> {
        let Some(asked) = self.filter.words().filter(|_| self.told == 0) else {
            return Ok(());
        };
        let none = safe!(
            "no record matches: {}; records looked through: {}",
            asked,
            self.read
        );
        writeln!(err, "{none}")?;
        for hint in hints(&self.filter) {
            writeln!(err, "hint: {hint}")?;
        }
        Ok(())
    }
}

/// Says by what records are found, of all that was asked for.
fn hints(filter: &Filter) -> Vec<Safe> {
    let number = filter
        .case
        .as_deref()
        .map(|case| case.trim_start_matches('#'));
    let is_number = |case: &&str| !case.is_empty() && case.bytes().all(|one| one.is_ascii_digit());
    let of_case = number.filter(is_number).map(|number| {
        safe!(
            "the log knows a case by its id and not by its number: `quell case {} --json` tells it",
            Untrusted::new(number).field()
        )
    });
    let of_user = filter.user.as_ref().map(|_| {
        Safe::fixed(
            "--user takes a whole login, an account's id, or a user of the operating system",
        )
    });
    let of_action = filter.action.as_ref().map(|_| {
        Safe::fixed(
            "--action takes the id of an action or plan, a kind such as disable_account, or a type of record such as action.intent",
        )
    });
    [of_case, of_user, of_action]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, ChainHash, SUFFIX};
    use crate::store::audit::{AuditLog, Identity};

    /// Writes a log of two records, and behind them lines that follow and that nobody can read.
    fn with_unreadable(dir: &Path, many: usize) -> Result<(), Box<dyn Error>> {
        let identity = Identity {
            host: "bastion".into(),
            uid: 1000,
            user: "ana".into(),
        };
        let log = AuditLog::open(dir, identity)?;
        log.append_blocking(vec![Body::ClockJump { seconds: 1 }; 2])?;
        let path = dir.join(format!("audit-{}-1.jsonl", log.log()));
        let mut text = fs::read_to_string(&path)?;
        for n in (3..).take(many) {
            let (before, end) = text.trim_end().rsplit_once('\n').ok_or("one line")?;
            let (_, h) = end.rsplit_once(",\"h\":\"").ok_or("no hash")?;
            let prev = h.strip_suffix("\"}").ok_or("no end")?;
            let hashed = end.get(..end.len() - SUFFIX - 65).ok_or("no prev")?;
            let hashed = hashed
                .replace("\"uid\":1000,", "\"uid\":4294967296,")
                .replace(&format!("\"n\":{},", n - 1), &format!("\"n\":{n},"));
            let hashed = format!("{hashed}{prev}\"");
            let h = ChainHash::of(hashed.as_bytes());
            text = format!("{before}\n{end}\n{hashed},\"h\":\"{h}\"}}\n");
        }
        fs::write(path, text)?;
        Ok(())
    }

    #[rstest]
    #[case::number(
        "case", "14",
        &["no record matches: case 14; records looked through: 2", "`quell case 14 --json`"]
    )]
    #[case::written_with_a_sign("case", "#14", &["case #14;", "`quell case 14 --json`"])]
    #[case::id("case", "~4424", &["case ~4424;"])]
    #[case::user("user", "nobody", &["user nobody;", "hint: --user takes "])]
    #[case::action("action", "xyz", &["action xyz;", "hint: --action takes "])]
    #[case::kept("action", "clock.jump", &[])]
    fn that_nothing_matches_is_said_with_what_was_asked_for(
        #[case] by: &str,
        #[case] asked: &str,
        #[case] says: &[&str],
    ) -> Result<(), Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        with_unreadable(dir.path(), 0)?;
        let filter = || {
            let mut filter = Filter::default();
            let field = match by {
                "case" => &mut filter.case,
                "user" => &mut filter.user,
                _ => &mut filter.action,
            };
            *field = Some(asked.to_owned());
            filter
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        show_to(dir.path(), filter(), Form::Text, &mut out, &mut err)?;
        export(dir.path(), filter(), false, &mut io::sink(), &mut err)?;
        let err = String::from_utf8(err)?;
        assert_eq!(out.is_empty(), !says.is_empty(), "{err}");
        assert_eq!(err.contains("no record matches"), !says.is_empty(), "{err}");
        for words in says {
            assert_eq!(err.matches(words).count(), 2, "{words}: {err}");
        }
        Ok(())
    }

    #[rstest]
    #[case::text(Form::Text)]
    #[case::json(Form::Json)]
    fn lines_that_cannot_be_read_are_counted_where_they_are_left_out(
        #[case] form: Form,
        #[values(0, 1, 2)] many: usize,
    ) -> Result<(), Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        with_unreadable(dir.path(), many)?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = show_to(dir.path(), Filter::default(), form, &mut out, &mut err)?;
        let (out, err) = (String::from_utf8(out)?, String::from_utf8(err)?);
        assert_eq!(code, if many == 0 { OK } else { BROKEN }, "{out}{err}");
        let words = format!("cannot be read are left out here: {many};");
        assert_eq!(err.contains(&words), many > 0, "{err}");
        assert_eq!(err.starts_with("BROKEN: "), many > 0, "{err}");
        assert_eq!(out.lines().count(), 2, "{out}");
        assert_eq!(out.matches("clock.jump").count(), 2, "{out}");

        let (mut out, mut err) = (Vec::new(), Vec::new());
        let none = Filter::default();
        let exported = export(dir.path(), none, false, &mut out, &mut err)?;
        let (out, err) = (String::from_utf8(out)?, String::from_utf8(err)?);
        assert_eq!(exported, code);
        assert_eq!(out.lines().count(), 2, "{out}");
        assert_eq!(err.contains(&words), many > 0, "{err}");
        Ok(())
    }
}
