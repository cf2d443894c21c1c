//! Which comments a wall was told of already, and from when on it asks for more.
//!
//! Times of comments are those of the case system's clocks, and its index may show one later than the next: the newest
//! time alone would lose what comes behind it. What must not live here: io, what a comment tells
//! (`domain::containment::told`).

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::connect::capability::{ConnectError, Page};
use crate::domain::case::Comment;
use crate::domain::fault::Fault;
use crate::domain::freshness::{Moment, time_word};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::text::Untrusted;
use crate::engine::clock::Pace;
use crate::safe;

/// Most comments asked for at once.
pub(super) const COMMENTS_MAX: usize = 2_000;

/// How far back a whole look goes; the first one is whole.
const BEFORE: TimeDelta = TimeDelta::days(30);

/// How often everything is asked for anew.
const WHOLE: Duration = Duration::from_secs(600);

/// After how long, where that failed.
const AGAIN: Duration = Duration::from_secs(60);

/// How old a comment may be when an index shows it first and a look still finds it, whole or not.
const OVERLAP: Duration = Duration::from_secs(300);

/// Ids kept; with more, those that the last answer did not have are forgotten.
const SEEN_MAX: usize = 20_000;

/// One look at the comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// From when on.
    pub(super) since: DateTime<Utc>,
    /// Whether everything is asked for anew.
    whole: bool,
}

/// How far the comments of one case system were read.
#[derive(Debug)]
pub(super) struct Reading {
    name: ConnectionName,
    pace: Pace,
    /// The newest time read that did not lie ahead of us.
    newest: DateTime<Utc>,
    /// When that was read first, by the boot clock.
    newest_read: Duration,
    /// What was told already.
    seen: HashSet<Untrusted>,
    /// When everything is asked for anew, by the boot clock.
    whole_at: Duration,
    /// What could not be read, until a whole look reads it.
    lacking: Option<Fault>,
}

impl Reading {
    /// Begins with nothing read.
    pub(super) fn new(name: ConnectionName, now: Moment, pace: Pace) -> Self {
        Self {
            name,
            pace,
            newest: now.utc - BEFORE,
            newest_read: now.boot,
            seen: HashSet::new(),
            whole_at: now.boot,
            lacking: None,
        }
    }

    /// Gives what to ask now.
    pub(super) fn question(&self, now: Moment) -> Question {
        let whole = now.boot >= self.whole_at;
        let since = if whole {
            now.utc - BEFORE
        } else {
            // Once the newest is that old itself, nothing before it is waited for: a quiet poll asks for it alone.
            let age = now.boot.saturating_sub(self.newest_read);
            self.newest.min(now.utc) - OVERLAP.saturating_sub(age)
        };
        Question { since, whole }
    }

    /// Takes an answer; gives what was not told before, oldest first, and whether all there is could be read.
    pub(super) fn take(
        &mut self,
        question: Question,
        answer: Result<Page<(CaseId, Comment)>, ConnectError>,
        now: Moment,
    ) -> (Vec<(CaseId, Comment)>, Result<(), Fault>) {
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                let fault = Fault::from(error);
                if question.whole {
                    self.whole_at = now.boot + self.pace.of(AGAIN);
                    self.lacking = Some(fault.clone());
                }
                return (Vec::new(), Err(fault));
            }
        };
        let gap = self.gap(question, &page);
        if question.whole {
            self.whole_at = now.boot + self.pace.of(WHOLE);
        }
        if question.whole || gap.is_some() {
            self.lacking = gap;
        }
        let mut comments = page.items;
        // A time that lies ahead is a wrong clock's: behind it is what others write until then.
        let times = comments.iter().map(|(_, comment)| comment.at);
        let newest = times.filter(|at| *at <= now.utc).max();
        if let Some(newest) = newest.filter(|at| *at > self.newest) {
            self.newest = newest;
            self.newest_read = now.boot;
        }
        if self.seen.len() > SEEN_MAX {
            let ids = comments.iter().map(|(_, comment)| &comment.id);
            let there: HashSet<&Untrusted> = ids.collect();
            self.seen.retain(|id| there.contains(id));
        }
        comments.retain(|(_, comment)| self.seen.insert(comment.id.clone()));
        comments.sort_by_key(|(_, comment)| comment.at);
        (comments, self.lacking.clone().map_or(Ok(()), Err))
    }

    /// Says what an answer lacks.
    fn gap(&self, question: Question, page: &Page<(CaseId, Comment)>) -> Option<Fault> {
        let name = &self.name;
        if page.truncated {
            return Some(Fault::new(safe!(
                "failed to read all comments at {}: more than {} since {}, the oldest not read",
                name,
                COMMENTS_MAX,
                time_word(question.since)
            )));
        }
        let first = page.faults.first()?;
        Some(Fault::new(safe!(
            "failed to read {} of the comments at {}, the first {}: {}",
            page.faults.len(),
            name,
            first.record.field(),
            first.reason.field()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::case::RecordFault;
    use crate::domain::containment::samples::at;

    const POLL: i64 = 30;

    fn moment(seconds: i64) -> Moment {
        Moment {
            utc: at(seconds),
            boot: Duration::from_secs(1_000_000 + seconds.unsigned_abs()),
        }
    }

    fn reading() -> Reading {
        let name = ConnectionName::parse("hive").expect("a name");
        Reading::new(name, moment(0), Pace::REAL)
    }

    fn comment(id: &str, seconds: i64) -> (CaseId, Comment) {
        let case = CaseId::new(ConnectionName::parse("hive").expect("a name"), "~1");
        let comment = Comment {
            id: id.into(),
            author: "jo".into(),
            at: at(seconds),
            message: "words".into(),
            edited: false,
        };
        (case, comment)
    }

    /// Answers as a case system that holds these comments; gives the ids that were told.
    fn look(
        reading: &mut Reading,
        now: i64,
        holds: &[(CaseId, Comment)],
    ) -> (Vec<String>, Result<(), Fault>) {
        let question = reading.question(moment(now));
        let since = |(_, comment): &&(CaseId, Comment)| comment.at >= question.since;
        let page = Page {
            items: holds.iter().filter(since).cloned().collect(),
            faults: Vec::new(),
            truncated: false,
        };
        let (told, result) = reading.take(question, Ok(page), moment(now));
        let ids = told.iter().map(|(_, comment)| comment.id.raw().to_owned());
        (ids.collect(), result)
    }

    #[test]
    fn behind_a_comment_of_the_future_everything_is_still_asked_for() {
        let mut reading = reading();
        let mut holds = vec![comment("~1", -60), comment("~future", 3_600)];
        assert_eq!(look(&mut reading, 0, &holds).0, ["~1", "~future"]);
        for poll in 1..20 {
            let now = poll * POLL;
            let id = format!("~p{poll}");
            holds.push(comment(&id, now - 1));
            assert_eq!(look(&mut reading, now, &holds).0, [id]);
        }
    }

    #[test]
    fn what_an_index_shows_late_is_told_and_nothing_is_told_twice() {
        let mut reading = reading();
        let mut holds = vec![comment("~1", -90), comment("~2", -1)];
        assert_eq!(look(&mut reading, 0, &holds).0, ["~1", "~2"]);
        holds.push(comment("~late", -20));
        assert_eq!(look(&mut reading, POLL, &holds).0, ["~late"]);
        assert_eq!(look(&mut reading, 2 * POLL, &holds).0, [""; 0]);
    }

    #[test]
    fn what_comes_even_later_is_found_by_the_next_whole_look() {
        let mut reading = reading();
        let mut holds = vec![comment("~1", -1)];
        assert_eq!(look(&mut reading, 0, &holds).0, ["~1"]);
        holds.push(comment("~hours", -7_200));
        assert_eq!(look(&mut reading, 599, &holds).0, [""; 0]);
        assert_eq!(look(&mut reading, 600, &holds).0, ["~hours"]);
        assert_eq!(look(&mut reading, 1_200, &holds).0, [""; 0]);
    }

    #[test]
    fn a_quiet_poll_asks_for_the_newest_comment_alone() {
        let mut reading = reading();
        let holds = [comment("~1", -100), comment("~2", -1)];
        assert_eq!(look(&mut reading, 0, &holds).0, ["~1", "~2"]);
        assert_eq!(reading.question(moment(POLL)).since, at(-1 - 270));
        assert_eq!(reading.question(moment(300)).since, at(-1));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lose_what_comes() {
        let mut reading = reading();
        assert_eq!(look(&mut reading, 0, &[comment("~1", -1)]).0, ["~1"]);
        let back = Moment {
            utc: at(-3_600),
            ..moment(400)
        };
        assert_eq!(reading.question(back).since, at(-3_600));
    }

    #[test]
    fn what_could_not_be_read_stays_a_fault_until_a_whole_look_reads_it() {
        let mut reading = reading();
        assert_eq!(look(&mut reading, 0, &[]).1, Ok(()));
        let bad = Page {
            items: Vec::new(),
            faults: vec![RecordFault {
                record: "~7".into(),
                reason: "field createdBy is missing".into(),
            }],
            truncated: false,
        };
        let question = reading.question(moment(POLL));
        let (_, result) = reading.take(question, Ok(bad), moment(POLL));
        let fault = result.expect_err("it is told");
        assert_eq!(
            fault.what.as_str(),
            "failed to read 1 of the comments at hive, the first ~7: field createdBy is missing"
        );
        assert_eq!(look(&mut reading, 2 * POLL, &[]).1, Err(fault));
        assert_eq!(look(&mut reading, 600, &[]).1, Ok(()));
    }

    #[test]
    fn more_than_were_asked_for_is_a_fault() {
        let mut reading = reading();
        let cut = Page {
            items: vec![comment("~1", -1)],
            faults: Vec::new(),
            truncated: true,
        };
        let question = reading.question(moment(0));
        let (told, result) = reading.take(question, Ok(cut), moment(0));
        assert_eq!(told.len(), 1, "what was read is used");
        let fault = result.expect_err("it is told");
        assert!(
            fault.what.as_str().contains("more than 2000 since"),
            "{fault:?}"
        );
    }

    #[test]
    fn a_whole_look_that_failed_is_tried_again_soon_and_others_go_on_meanwhile() {
        let mut reading = reading();
        let question = reading.question(moment(0));
        let error = ConnectError::unsent("no way to hive".into());
        let (_, result) = reading.take(question, Err(error), moment(0));
        let fault = result.expect_err("it is told");
        let holds = [comment("~1", -1)];
        let meanwhile = look(&mut reading, POLL, &holds);
        assert_eq!(meanwhile, (vec!["~1".to_owned()], Err(fault)));
        assert_eq!(look(&mut reading, 60, &holds), (Vec::new(), Ok(())));
    }

    #[test]
    fn the_ids_kept_are_bounded() {
        let mut reading = reading();
        for round in 0..15_i64 {
            let now = round * POLL;
            let some = (0..2_000).map(|n| comment(&format!("~{round}-{n}"), now));
            let some: Vec<(CaseId, Comment)> = some.collect();
            assert_eq!(look(&mut reading, now, &some).0.len(), 2_000);
            assert!(reading.seen.len() <= SEEN_MAX + 2_000);
        }
    }
}
