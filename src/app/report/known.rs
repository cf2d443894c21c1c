//! What a report says of the account as it was read, how it stands, and of what is not in the log that it is composed from.
//!
//! What must not live here: the wording of the texts around it (`domain::report`), when the account is read (`update`).

use chrono::{DateTime, Utc};

use crate::app::model::{Found, Load, Model, OpenCase};
use crate::domain::account::Account;
use crate::domain::containment::foreign;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What stands for the reason while the log is being read.
const READING: &str = "reading the log";

const UNREAD: &str =
    "The comments of the case were not read: what other hosts did is not known here.";
const ONE: &str =
    "The case holds 1 record that is not in the log of this host; it is not listed here: read it.";

/// Says how the account was read, and when that was: that nobody carries its name any more, too.
pub(super) fn account(open: &OpenCase) -> Option<(Safe, DateTime<Utc>)> {
    let Load::Ready(found, read) = &open.account else {
        return None;
    };
    let asked = || open.user.as_ref().map(Untrusted::ident).unwrap_or_default();
    let word = match (found, &open.looks.was) {
        (Found::One(account), _) => safe!(
            "{}, read as {}",
            named(account),
            account.vendor_status.field()
        ),
        (Found::Nobody, Some((account, before))) => safe!(
            "{}, read as NOT FOUND any more ({} on {})",
            named(account),
            account.vendor_status.field(),
            time_word(before.utc)
        ),
        (Found::Nobody, None) => safe!("{}, read as NOT FOUND", asked()),
        (Found::Several(all), _) => {
            safe!("{}, read as the name of {} accounts", asked(), all.len())
        }
    };
    Some((word, read.utc))
}

fn named(account: &Account) -> Safe {
    safe!(
        "{} (id {} at {})",
        account.login.ident(),
        account.id.shown(),
        account.id.connection
    )
}

/// Says how many comments of the case tell of actions that are not in the log of this host; that nobody knows, where the
/// case was not read.
pub fn others(model: &Model, open: &OpenCase) -> Option<Safe> {
    let Some(file) = open.file.ready() else {
        return Some(UNREAD.into());
    };
    match foreign::count(&file.comments, |aid| model.ledger.get(aid).is_some()) {
        0 => None,
        1 => Some(ONE.into()),
        many => Some(safe!(
            "The case holds {} records that are not in the log of this host; they are not listed here: read them.",
            many
        )),
    }
}

/// Says how an account stands, where something was done to it: also that nothing from here holds it any more.
pub(super) fn standing(model: &Model, account: &Account) -> Option<Safe> {
    if let Some(standing) = model.standings.get(&account.id) {
        return Some(standing.word());
    }
    let mut acts = model.ledger.on(&account.id);
    let is_known = acts.any(ActionView::may_have_left) && unread(model).is_none();
    is_known.then(|| {
        let word = Standing::Free.word();
        safe!("{}, by {}", word, model.log_word())
    })
}

/// Says why something that was recorded may be missing. While the log is being read that is not known yet, and nothing is
/// said of it.
pub(super) fn unread(model: &Model) -> Option<Safe> {
    model.log_gap().filter(|why| why.as_str() != READING)
}

/// Says what logs of other hosts in the folder of this one held when the console started.
pub fn beside(model: &Model) -> Option<Safe> {
    let held = model.own_log.beside.as_ref()?;
    Some(safe!("As this console started: {}.", held))
}
