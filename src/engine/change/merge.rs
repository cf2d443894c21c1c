//! One case of several: promised for each, sent once, proven by reading the one that was made and that the others are gone.
//!
//! What must not live here: the changes of one case (see the module above).

use std::sync::Arc;

use super::{Held, look_at, may_happen, once, promise, refused, still, system, unsettled};
use crate::app::message::Message;
use crate::connect::capability::{Cases, ConnectError, ConnectErrorKind};
use crate::domain::audit::{Body, sha256_hex};
use crate::domain::case::Case;
use crate::domain::containment::counted::Counted;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::text::Safe;
use crate::domain::verdict::MERGE;
use crate::engine::World;
use crate::engine::journal::{NotRecorded, own};
use crate::safe;

/// Most cases that are listed before a merge.
const LISTED_MAX: usize = 10_000;

/// Makes one case of several.
pub(in crate::engine) async fn merge(world: Arc<World>, cases: Vec<CaseId>) {
    let result = match refused(&world) {
        Some(fault) => Err(fault),
        None => try_merge(&world, &cases).await,
    };
    world.tell(Message::CasesMerged { cases, result }).await;
    world.poke.notify_waiters();
}

async fn try_merge(world: &World, cases: &[CaseId]) -> Result<Box<Case>, Fault> {
    let first = cases
        .first()
        .ok_or_else(|| Fault::new("no case to merge"))?;
    let source = system(world, first)?;
    // What is there before is not what is made.
    let before = match source.list(LISTED_MAX).await {
        Ok(page) => page.items,
        Err(error) => return Err(world.troubled(&first.connection, error).await),
    };
    let mut looked = Vec::new();
    for case in cases {
        looked.push(look_at(world, source.as_ref(), case).await?);
    }
    let words: Vec<&str> = cases.iter().map(CaseId::raw).collect();
    let mut rids = Vec::new();
    let mut bodies = Vec::new();
    let mut held = Vec::new();
    for case in looked.iter().map(|one| &one.case) {
        let said = promise(
            world,
            case,
            MERGE,
            (case.title.clone(), own(words.join(" "))),
        );
        bodies.push(Body::RecordIntent {
            rid: said.rid.clone(),
            kind: MERGE.to_owned(),
            case: case.id.clone(),
            marker: format!("quell-merge:{}", said.rid),
            sha256: sha256_hex(words.join(" ").as_bytes()),
            phase: None,
        });
        rids.push(said.rid.clone());
        held.push(Held::of(world, &said));
        bodies.push(Body::CaseChanged(said));
    }
    let at = world.clock.now().boot;
    let of = cases.to_vec();
    let check = move |counted: &Counted| acted(counted.ledger(), &of);
    match world.journal.record_if(bodies, check).await {
        Ok(_) => {}
        Err(NotRecorded::Failed(fault)) => return Err(fault),
        Err(NotRecorded::Refused(what)) => return Err(Fault::new(what)),
    }
    let ask = |ledger: &Ledger| acted(ledger, cases);
    if let Err(fault) = still(world, source.as_ref(), (looked.as_slice(), at), ask).await {
        return Err(not_merged(world, rids, fault).await);
    }
    let answer = once(world, source.merge(cases)).await;
    if let Err(error) = &answer {
        world.troubled(&first.connection, error.clone()).await;
    }
    let result = match came(source.as_ref(), (cases, &before), answer).await {
        Came::Done(case) => {
            let id = own(case.id.raw());
            let done = rids.into_iter().map(|rid| Body::RecordDone {
                rid,
                id: id.clone(),
            });
            world.journal.record(done.collect()).await?;
            Ok(case)
        }
        Came::Not(fault) => Err(not_merged(world, rids, fault).await),
        Came::Unknown(fault) => Err(unsettled(&fault)),
    };
    drop(held);
    result
}

/// Records that cases were not made one.
async fn not_merged(world: &World, rids: Vec<RecordId>, fault: Fault) -> Fault {
    let reason = own(fault.what.as_str());
    let failed = rids.into_iter().map(|rid| Body::RecordFailed {
        rid,
        reason: reason.clone(),
        taken: None,
    });
    // The journal tells the console when it fails.
    let _ = world.journal.record(failed.collect()).await;
    fault
}

/// What came of a merge, by its answer and what was read after it.
#[derive(Debug)]
enum Came {
    /// There is a new case, and the old ones are gone.
    Done(Box<Case>),
    /// It was refused, and every case is there.
    Not(Fault),
    /// It may have happened, or may still.
    Unknown(Fault),
}

/// Reads what came of a merge of `old`; `before` are the cases that were listed before it was sent.
async fn came(
    source: &dyn Cases,
    (old, before): (&[CaseId], &[Case]),
    answer: Result<Case, ConnectError>,
) -> Came {
    let may_happen = may_happen(&answer);
    let left = left(source, old).await;
    let all_left = matches!(&left, Ok(count) if *count == old.len());
    let made = match answer {
        Ok(made) => made.id,
        Err(error) if all_left && !may_happen => return Came::Not(error.into()),
        // A gateway may refuse what it passed on.
        Err(error) => return Came::Unknown(error.into()),
    };
    let what = match (source.case(&made).await, left) {
        (Ok(case), _) if !is_new(&case, old, before) => {
            let number = case.number.map(|number| safe!("#{}", number));
            let name = number.unwrap_or_else(|| case.id.shown());
            safe!("the answer names {}, which was there before", name)
        }
        (Ok(case), Ok(0)) => return Came::Done(Box::new(case)),
        (Ok(_), Ok(count)) => safe!("{} of the cases are still there", count),
        (Ok(_), Err(error)) => safe!("whether they are gone cannot be read: {}", error.what),
        (Err(error), _) if error.kind == ConnectErrorKind::NotFound => {
            "the merge was accepted but its case is not there".into()
        }
        (Err(error), _) => safe!(
            "the case that the answer names cannot be read: {}",
            error.what
        ),
    };
    Came::Unknown(Fault::new(what))
}

/// Counts the cases that are still there.
async fn left(source: &dyn Cases, old: &[CaseId]) -> Result<usize, ConnectError> {
    let mut count = 0;
    for case in old {
        match source.case(case).await {
            Ok(_) => count += 1,
            Err(error) if error.kind == ConnectErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Tells whether a case is none that was there before, nor older than one, by the clock of the case system alone.
fn is_new(made: &Case, old: &[CaseId], before: &[Case]) -> bool {
    let is_later = |one: &Case| one.id != made.id && one.created <= made.created;
    !old.contains(&made.id) && before.iter().all(is_later)
}

/// Says why cases must not become one: what was done for a case is known by its id.
fn acted(ledger: &Ledger, cases: &[CaseId]) -> Option<Safe> {
    let mut acts = ledger.actions();
    let act = acts.find(|act| cases.contains(&act.case))?;
    Some(safe!(
        "nothing was merged: {} of {} came meanwhile, which is known by the id of its case",
        act.kind.word(),
        act.login.field()
    ))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use chrono::{DateTime, TimeDelta};
    use rstest::rstest;

    use super::*;
    use crate::connect::capability::Page;
    use crate::domain::case::{CaseFile, Comment};
    use crate::domain::ids::ConnectionName;
    use crate::domain::operator::{Author, Operator};
    use crate::domain::severity::{CaseStatus, Severity};
    use crate::domain::text::Untrusted;

    fn hive() -> ConnectionName {
        ConnectionName::parse("hive").unwrap_or_else(|error| panic!("{error}"))
    }

    /// A case of that number, made in that minute.
    fn case(number: u64) -> Case {
        let minutes = TimeDelta::minutes(number.cast_signed());
        Case {
            id: CaseId::new(hive(), format!("~{number}")),
            number: Some(number),
            title: "t".into(),
            description: Untrusted::default(),
            severity: Severity::High,
            status: CaseStatus::New,
            vendor_status: "New".into(),
            assignee: None,
            created: DateTime::UNIX_EPOCH + minutes,
            updated: None,
            tags: Vec::new(),
            fields: Vec::new(),
        }
    }

    fn error(kind: ConnectErrorKind) -> ConnectError {
        ConnectError {
            kind,
            ..ConnectError::unsent("no".into())
        }
    }

    /// A case system after the merge: the cases that are there, and whether it answers.
    struct After {
        connection: ConnectionName,
        there: Vec<u64>,
        answers: bool,
    }

    #[async_trait]
    impl Cases for After {
        fn connection(&self) -> &ConnectionName {
            &self.connection
        }
        async fn list(&self, _limit: usize) -> Result<Page<Case>, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
        async fn open(&self, _id: &CaseId) -> Result<CaseFile, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
        async fn find_comment(&self, _: &CaseId, _: &str) -> Result<Vec<Comment>, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
        async fn comment(&self, _: &CaseId, _: &str) -> Result<Untrusted, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
        async fn case(&self, id: &CaseId) -> Result<Case, ConnectError> {
            if !self.answers {
                return Err(error(ConnectErrorKind::Unknown));
            }
            let mut there = self.there.iter().map(|number| case(*number));
            let found = there.find(|case| case.id == *id);
            found.ok_or_else(|| error(ConnectErrorKind::NotFound))
        }
        async fn who_am_i(&self) -> Result<Operator, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
        async fn author(&self, _login: &Untrusted) -> Result<Option<Author>, ConnectError> {
            Err(error(ConnectErrorKind::Unknown))
        }
    }

    const REFUSED: Result<u64, ConnectErrorKind> = Err(ConnectErrorKind::Denied);
    const LOST: Result<u64, ConnectErrorKind> = Err(ConnectErrorKind::Unknown);

    /// Cases 5 and 6 are merged; 3 to 9 were there before, and 4 of them was not listed.
    #[rstest]
    #[case::made(Ok(10), &[10], "done")]
    #[case::made_and_one_is_left(Ok(10), &[6, 10], "unknown: 1 of the cases are still there")]
    #[case::another_case(Ok(9), &[5, 6, 9], "unknown: the answer names #9, which was there before")]
    #[case::another_case_and_they_are_gone(
        Ok(9),
        &[9, 10],
        "unknown: the answer names #9, which was there before"
    )]
    #[case::an_older_one_that_was_not_listed(
        Ok(4),
        &[4],
        "unknown: the answer names #4, which was there before"
    )]
    #[case::one_of_them(Ok(5), &[5, 6], "unknown: the answer names #5, which was there before")]
    #[case::none(
        Ok(10),
        &[5, 6],
        "unknown: the merge was accepted but its case is not there"
    )]
    #[case::refused(REFUSED, &[5, 6], "not: no")]
    #[case::refused_and_done(REFUSED, &[10], "unknown: no")]
    #[case::lost(LOST, &[5, 6], "unknown: no")]
    #[tokio::test]
    async fn a_merge_is_believed_only_with_a_new_case_and_none_of_the_old(
        #[case] answer: Result<u64, ConnectErrorKind>,
        #[case] there: &[u64],
        #[case] expected: &str,
    ) {
        let old = [case(5).id, case(6).id];
        let before = [3, 5, 6, 7, 8, 9].map(case);
        for answers in [true, false] {
            let after = After {
                connection: hive(),
                there: there.to_vec(),
                answers,
            };
            let answer = answer.map(case).map_err(error);
            let word = match came(&after, (&old, &before), answer).await {
                Came::Done(made) => {
                    assert_eq!(made.number, Some(10));
                    "done".to_owned()
                }
                Came::Not(fault) => format!("not: {}", fault.what),
                Came::Unknown(fault) => format!("unknown: {}", fault.what),
            };
            if answers {
                assert_eq!(word, expected);
            } else {
                assert!(word.starts_with("unknown: "), "{word}");
            }
        }
    }
}
