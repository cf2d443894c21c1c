//! Whether what was typed is on record: the console keeps each text until it hears of it.
//!
//! What must not live here: what the texts are recorded as.

use std::sync::Arc;

use super::World;
use super::journal::fault_of;
use crate::app::message::{Message, Refused};
use crate::domain::audit::Body;
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::StoreError;

/// What to do about a text for a case of which nobody knows whether it is on record.
pub(super) const POSTED: &str =
    "if it is on record, the next console posts it: look before you write it again";

/// The same for any other text.
const SHOWN: &str = "if it is on record, the next console shows it: look before you write it again";

/// Records bodies; their place in the log is fixed by the call, so the order of effects is the order of records.
///
/// The journal tells the console when it fails. Under a `number` somebody waits for the text that is in them.
pub(super) fn record(
    world: Arc<World>,
    bodies: Vec<Body>,
    number: Option<u64>,
) -> impl Future<Output = ()> + Send + 'static {
    let appended = world.journal.try_append(bodies);
    async move {
        let refused = appended.await.err();
        if number.is_none() {
            return;
        }
        let title = Safe::from("what you typed");
        let refused = refused.map(|error| refused_by(&error, (&title, "is not recorded", SHOWN)));
        tell(&world, number, refused).await;
    }
}

/// Says why a text is not known to be on record: its title, what it is where nothing of it was written, and what to do where
/// something may have been.
pub(super) fn refused_by(
    error: &StoreError,
    (title, nothing, then): (&Safe, &'static str, &'static str),
) -> Refused {
    let Fault { what, hint } = fault_of(error);
    if matches!(error, StoreError::Unknown(_)) {
        let what = safe!("it is not known whether {} is on record: {}", title, what);
        return Refused::Unknown(Fault::new(what).hint(then));
    }
    let what = safe!("{} {}: {}", title, nothing, what);
    Refused::Failed(Fault { what, hint })
}

/// Says whether a text is on record; of one that nobody waits for only that it is not.
pub(super) async fn tell(world: &World, number: Option<u64>, refused: Option<Refused>) {
    match (number, refused) {
        (Some(number), refused) => world.tell(Message::Written { number, refused }).await,
        (None, Some(refused)) => {
            let (level, fault) = refused.notice();
            world.notice(level, fault).await;
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rstest::rstest;

    use super::*;

    fn failed() -> StoreError {
        StoreError::Failed {
            source: Arc::new(io::Error::other("gone")),
        }
    }

    #[rstest]
    #[case::nothing_was_written(failed(), false)]
    #[case::its_bytes_may_be_there(failed().perhaps(), true)]
    fn a_text_whose_bytes_may_be_in_the_log_is_not_called_unrecorded(
        #[case] error: StoreError,
        #[case] may_stand: bool,
    ) {
        let title = Safe::from("the note");
        let of = (&title, "is neither recorded nor sent", POSTED);
        let refused = refused_by(&error, of);
        assert_eq!(matches!(refused, Refused::Unknown(_)), may_stand);
        let (_, fault) = refused.notice();
        let begins = if may_stand {
            "it is not known whether the note is on record: failed to append"
        } else {
            "the note is neither recorded nor sent: failed to append"
        };
        assert!(fault.what.as_str().starts_with(begins), "{}", fault.what);
        // What the log answered is said once.
        assert_eq!(fault.what.as_str().matches("gone").count(), 1);
        let hint = fault.hint.expect("what to do");
        assert_eq!(hint.as_str() == POSTED, may_stand, "{hint}");
    }
}
