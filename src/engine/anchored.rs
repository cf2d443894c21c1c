//! Heads of the log that stand in comments of cases, held against the log: where one names a record that is not in it, the
//! log was cut, put back or changed, also where it fits what this host remembers of it.
//!
//! Anybody who may comment can write such a head: it puts the log in doubt, which hedges words, and is no reason to act or
//! not to act. What must not live here: what is not said over a log in doubt (`recover`, `outbox::doubt`), posting.

use std::collections::HashSet;

use super::World;
use super::plan::{CASE_WAIT, case_word};
use crate::connect::capability::ConnectErrorKind;
use crate::domain::audit::{Anchor, Expectations, find_anchors, sha256_hex};
use crate::domain::case::Comment;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{Misfit, misfits, verify_each};

/// Stands in every comment of a console.
pub(super) const MARK: &str = "quell:";

const HINT: &str = "hold the log against all cases: `quell audit verify --from-cases`. Put the newer state directory back while no \
                    console runs, or keep what is here and go by the provider; where the comment is forged, remove it";

/// The cases that were looked into in one round, and the case systems that did not answer in it.
#[derive(Default)]
pub(super) struct Round {
    cases: HashSet<CaseId>,
    silent: HashSet<ConnectionName>,
}

impl Round {
    /// Holds the log against the comments of a case, once. Where they cannot be read in time nothing follows, and the
    /// system is not asked again in this round.
    pub(super) async fn look(&mut self, world: &World, case: &CaseId) {
        if world.journal.is_in_doubt() {
            return;
        }
        let home = world
            .journal
            .with(|ledger| ledger.outbox().home_of(case).clone());
        if self.silent.contains(&home.connection) || !self.cases.insert(home.clone()) {
            return;
        }
        let Some(source) = world.case_system(&home.connection) else {
            return;
        };
        match tokio::time::timeout(CASE_WAIT, source.find_comment(&home, MARK)).await {
            Ok(Ok(comments)) => check(world, &home, &comments).await,
            // Of this case only.
            Ok(Err(error)) if error.kind == ConnectErrorKind::NotFound => {}
            Ok(Err(_)) | Err(_) => {
                self.silent.insert(home.connection);
            }
        }
    }
}

/// Holds the log against the heads in comments of a case. One that does not fit puts the log in doubt, and is said.
pub(super) async fn check(world: &World, case: &CaseId, comments: &[Comment]) {
    if world.journal.is_in_doubt() {
        return;
    }
    let heads = heads(world, comments);
    if heads.is_empty() {
        return;
    }
    let anchors = heads.iter().map(|(head, _)| head.clone()).collect();
    let Some((head, misfit)) = misfit(world, anchors).await else {
        return;
    };
    let named = heads.iter().find(|(named, _)| *named == head);
    let author = named.map_or_else(Safe::default, |(_, author)| author.ident());
    let how: &'static str = if misfit == Misfit::Other {
        "its record of that number is another"
    } else {
        "it ends before that"
    };
    let case = case_word(world, case).await;
    let what = safe!(
        "the audit log was cut, put back or changed: a comment of {} in case {} names record {} of it, and {}",
        author,
        case,
        head.n,
        how
    );
    let fault = Fault::new(what).hint(HINT);
    world.journal.contradict(fault).await;
}

/// Gives the heads of this log in comments, with who wrote them. What the log itself promised word for word was composed
/// over it.
fn heads<'a>(world: &World, comments: &'a [Comment]) -> Vec<(Anchor, &'a Untrusted)> {
    let log = world.journal.log_id();
    let is_promised = |comment: &&Comment| {
        let digest = sha256_hex(comment.message.raw().as_bytes());
        world
            .journal
            .with(|ledger| ledger.outbox().promised(&digest))
    };
    let unknown = comments.iter().filter(|comment| !is_promised(comment));
    let named = unknown.flat_map(|comment| {
        let heads = find_anchors(comment.message.raw()).into_iter();
        heads.map(move |head| (head, &comment.author))
    });
    named.filter(|(head, _)| head.log.as_str() == log).collect()
}

/// Gives the furthest of these heads that the log does not have. A log that cannot be read is said by others, and what was
/// removed on purpose speaks against nothing.
async fn misfit(world: &World, anchors: Vec<Anchor>) -> Option<(Anchor, Misfit)> {
    let dir = world.journal.dir().to_owned();
    let looking = tokio::task::spawn_blocking(move || {
        let expectations = Expectations {
            anchors: anchors.clone(),
            ..Expectations::default()
        };
        let found = verify_each(&dir, &expectations).ok()?;
        let misfits = misfits(&anchors, &found).into_iter();
        let missing = misfits.filter(|(_, misfit)| *misfit != Misfit::Later);
        missing.max_by_key(|(head, _)| head.n)
    });
    looking.await.ok().flatten()
}
