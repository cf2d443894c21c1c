//! Anchors for a verification: from a file, or read out of the comments of the case systems.
//!
//! What must not live here: holding a log against them (`domain::audit`).

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::Asked;
use crate::cli::{Failure, UNREADABLE, compose};
use crate::connect::capability::Cases;
use crate::connect::registry::Connections;
use crate::domain::audit::{Body, find_anchors};
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::audit::{self, HEAD, remembered};

/// Most bytes of a file with anchors.
const MAX_FILE: u64 = 256 << 20;
/// Newest cases of a case system that are read, besides those that the log names.
const CASES: usize = 500;

/// Adds the anchors that stand in a file, such as an exported case or the system's log.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn from_file(path: &Path, asked: &mut Asked) -> Result<(), Failure> {
    let name = Untrusted::new(path.to_string_lossy());
    let failed = |why: String| {
        let what = safe!(
            "failed to read anchors from {}: {}",
            name.ident(),
            Untrusted::new(why).line()
        );
        Failure::one(UNREADABLE, Fault::new(what))
    };
    let size = std::fs::metadata(path)
        .map_err(|error| failed(error.to_string()))?
        .len();
    if size > MAX_FILE {
        return Err(failed(format!("more than {} MiB", MAX_FILE >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let found = find_anchors(&String::from_utf8_lossy(&bytes));
    if found.is_empty() {
        asked
            .notes
            .push(safe!("no anchor stands in {}", name.ident()));
    }
    asked.expectations.anchors.extend(found);
    asked.with_anchors = true;
    Ok(())
}

/// Adds the heads that this host remembers of the logs in a directory, where it remembers any.
pub(super) fn from_this_host(dir: &Path, asked: &mut Asked) {
    match dir.parent().map(|root| remembered(&root.join(HEAD))) {
        Some(Ok(heads)) => asked.remembered = heads,
        Some(Err(error)) => {
            let note = safe!(
                "what this host remembers of the log cannot be read: {}",
                error.shown()
            );
            asked.notes.push(note);
            let hint = error.hint().map(|hint| safe!("hint: {}", hint));
            asked.notes.extend(hint);
        }
        None => {}
    }
    asked
        .expectations
        .anchors
        .extend(asked.remembered.iter().cloned());
}

/// Adds the anchors in the comments of the newest cases and of the cases that the logs of a directory name. Reads only.
///
/// # Errors
/// When the configuration cannot be used or no case system is configured.
pub(super) fn from_cases(
    config: Option<&Path>,
    dir: &Path,
    asked: &mut Asked,
) -> Result<(), Failure> {
    let loaded = compose::load(config)?;
    let (secrets, faults) = compose::secrets(&loaded.settings);
    asked
        .notes
        .extend(faults.into_iter().map(|fault| fault.what));
    // No connection made here has a client for writes.
    let connections = Connections::build_watching(&loaded.settings, secrets);
    if connections.cases.is_empty() {
        let what = Fault::new(safe!("no case system can be asked for anchors"));
        return Err(Failure::one(UNREADABLE, what));
    }
    let named = named_cases(dir);
    compose::runtime()?.block_on(async {
        for cases in &connections.cases {
            read_comments(cases, &named, asked).await;
        }
    });
    asked.with_anchors = true;
    Ok(())
}

/// Gives the cases that the logs say they wrote to; a log that cannot be read names none.
fn named_cases(dir: &Path) -> BTreeSet<(String, String)> {
    let entries = audit::read(dir).unwrap_or_default();
    let cases = entries.into_iter().filter_map(|entry| match entry.body {
        Body::ActionDoc { case, .. } | Body::RecordIntent { case, .. } => Some(case),
        _ => None,
    });
    cases.map(|case| key(&case)).collect()
}

fn key(case: &CaseId) -> (String, String) {
    (case.connection.to_string(), case.raw().to_owned())
}

async fn read_comments(
    cases: &Arc<dyn Cases>,
    named: &BTreeSet<(String, String)>,
    asked: &mut Asked,
) {
    let mut ids: Vec<CaseId> = Vec::new();
    match cases.list(CASES).await {
        Ok(page) => {
            if page.truncated {
                let note = safe!(
                    "{} has more cases: only the newest {} and those the log names were read",
                    cases.connection(),
                    CASES
                );
                asked.notes.push(note);
            }
            ids.extend(page.items.into_iter().map(|case| case.id));
        }
        Err(error) => asked.notes.push(safe!(
            "cases of {} cannot be listed: {}",
            cases.connection(),
            error.what
        )),
    }
    let listed: BTreeSet<_> = ids.iter().map(key).collect();
    let here = cases.connection();
    let more = named
        .difference(&listed)
        .filter(|(connection, _)| connection == here.as_str());
    ids.extend(more.map(|(_, id)| CaseId::new(here.clone(), id.as_str())));
    for id in ids {
        match cases.find_comment(&id, "audit ").await {
            Ok(comments) => {
                let found = comments
                    .iter()
                    .flat_map(|comment| find_anchors(comment.message.raw()));
                asked.expectations.anchors.extend(found);
            }
            Err(error) => {
                let note = safe!(
                    "comments of case {} cannot be read: {}",
                    id.shown(),
                    error.what
                );
                asked.notes.push(note);
            }
        }
    }
}
