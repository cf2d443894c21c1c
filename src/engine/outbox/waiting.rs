//! What a console that posts nothing says of what waits for one that does.
//!
//! What must not live here: posting.

use chrono::{DateTime, Utc};

use crate::app::message::Level;
use crate::config::settings::Mode;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::engine::World;
use crate::safe;

/// Tells why this console writes nothing into a case, if so. One that is locked for being left alone still delivers what was
/// confirmed before: the lock is the screen's.
pub(in crate::engine) fn unposted(world: &World) -> Option<Safe> {
    match world.settings.environment.mode {
        Mode::Live => None,
        mode => Some(safe!("{}: nothing is written into the case", mode.word())),
    }
}

/// Says what is on record for cases and stays there until a console that posts is started.
pub(super) async fn say(world: &World) {
    let now = world.clock.now().utc;
    let waits = world.journal.with(|ledger| in_words(ledger, now));
    if let Some(waits) = waits {
        let mode = world.settings.environment.mode.word();
        let line = safe!("{}: this console is {}", waits, mode);
        let hint = "the next console that is LIVE posts it";
        world
            .notice(Level::Warning, Fault::new(line).hint(hint))
            .await;
    }
}

/// Counts what waits, in words; `None` where nothing does.
fn in_words(ledger: &Ledger, now: DateTime<Utc>) -> Option<Safe> {
    let untold = ledger.untold(now);
    let counted = [
        (ledger.undocumented().len(), "record", "records"),
        (ledger.outbox().notes().len(), "note", "notes"),
        (ledger.documents().pending().len(), "report", "reports"),
        (untold.alarms, "alarm", "alarms"),
        (untold.ends, "end of a watch", "ends of watches"),
        (
            untold.undone,
            "undoing from another case",
            "undoings from other cases",
        ),
    ];
    let sum: usize = counted.iter().map(|(count, _, _)| count).sum();
    let words = counted
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, one, many)| safe!("{} {}", count, if count == 1 { one } else { many }));
    let words = Safe::join(words, &Safe::fixed(", "));
    match sum {
        0 => None,
        1 => Some(safe!("{} waits", words)),
        _ => Some(safe!("{} wait", words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::OutcomeState;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::outbox::records;
    use crate::domain::containment::samples::{
        at, case, confirmed, entry, intent, outcome, planned,
    };
    use crate::domain::ids::RecordId;

    #[test]
    fn what_waits_is_counted_by_its_kind() {
        let mut ledger = Ledger::default();
        assert_eq!(in_words(&ledger, at(0)), None);
        let mut n = 0;
        let mut fold = |ledger: &mut Ledger, body| {
            n += 1;
            ledger.apply(&entry(n, 0, body));
        };
        let said = |ledger: &Ledger| in_words(ledger, at(0)).map(|words| words.to_string());
        for (number, expected) in [(1, "1 note waits"), (2, "2 notes wait")] {
            let rid = RecordId::from_parts(at(0), number);
            for body in records(&rid, &case(), &"call".into(), None, None) {
                fold(&mut ledger, body);
            }
            assert_eq!(said(&ledger).as_deref(), Some(expected));
        }
        for body in [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
            intent(1, None),
            outcome(1, OutcomeState::Verified),
        ] {
            fold(&mut ledger, body);
        }
        assert_eq!(said(&ledger).as_deref(), Some("1 record, 2 notes wait"));
        fold(&mut ledger, outcome(1, OutcomeState::Drifted));
        let words = "1 record, 2 notes, 1 alarm wait";
        assert_eq!(said(&ledger).as_deref(), Some(words));
    }
}
