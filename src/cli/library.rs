//! The runbooks and the escalation path of a configuration, read from the disk.
//!
//! What cannot be read is a warning, never the end: at night a console without the house's runbook is better than
//! none. What must not live here: choosing (`domain::runbook::choice`), the rules for files (`store`).

use std::path::Path;

use super::compose::config_fault;
use crate::config::escalation::parse_escalation;
use crate::config::settings::RunbookSettings;
use crate::domain::escalation::Escalation;
use crate::domain::fault::Fault;
use crate::domain::runbook::choice::Runbooks;
use crate::domain::runbook::library::Library;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::files;
use crate::store::runbooks::{Trust, read_folder};

/// Reads the folders and joins them with our own runbooks and the rules; `config` is the file that says so.
pub(super) fn runbooks(
    settings: &RunbookSettings,
    config: &Safe,
    warnings: &mut Vec<Fault>,
) -> Runbooks {
    let mut library = Library::shipped();
    for root in &settings.folders {
        let folder = read_folder(root, Trust::Steers);
        warnings.extend(folder.faults);
        for (path, text) in folder.files {
            if !library.add(&path, text) {
                let what = safe!(
                    "left out the runbook {} of {}: a folder before it has one with this path",
                    Untrusted::new(path).ident(),
                    Untrusted::new(root.to_string_lossy()).ident()
                );
                warnings.push(Fault::new(what));
            }
        }
    }
    let runbooks = Runbooks::new(library, settings.rules.clone(), settings.default.clone());
    for rule in runbooks.dangling() {
        let what = safe!(
            "{}:{}: runbook.rule.use: there is no runbook {}",
            config,
            rule.line.unwrap_or_default(),
            Untrusted::new(rule.path.as_str()).field()
        );
        warnings.push(Fault::new(what).hint(NAMES));
    }
    if runbooks.find(runbooks.default_path()).is_none() {
        let what = safe!(
            "{}: runbook.default: there is no runbook {}",
            config,
            Untrusted::new(runbooks.default_path()).field()
        );
        warnings.push(Fault::new(what).hint(NAMES));
    }
    runbooks
}

const NAMES: &str = "`quell runbook list` prints what there is";

/// Reads the escalation path.
pub(super) fn escalation(path: Option<&Path>, warnings: &mut Vec<Fault>) -> Option<Escalation> {
    let path = path?;
    let text = match files::read_config(path) {
        Ok(text) => text,
        Err(error) => {
            let what = Untrusted::new(error.to_string()).line();
            warnings.push(Fault {
                what: safe!("no escalation path: {}", what),
                hint: error.hint(),
            });
            return None;
        }
    };
    match parse_escalation(&text, &path.to_string_lossy()) {
        Ok(escalation) => Some(escalation),
        Err(faults) => {
            warnings.extend(faults.iter().map(config_fault));
            None
        }
    }
}
