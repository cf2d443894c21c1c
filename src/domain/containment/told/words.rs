//! What the comments of several logs tell of one account together, in whatever order they are read.
//!
//! A case system may take a comment long after what it tells of, its index may show it late, its clock may be another one,
//! and a log knows of no other host. So the last word of each log counts, by as of when it knows whether the account is
//! disabled; only clocks of hosts are held against each other. What must not live here: reading one comment.

use chrono::{DateTime, TimeDelta, Utc};

use super::Told;
use crate::domain::text::Untrusted;

/// How much of an order the clocks of two hosts leave open.
const MARGIN: TimeDelta = TimeDelta::seconds(10);

/// Most logs kept of one account.
const LOGS_MAX: usize = 20;

/// The words of all logs about one account, each with what it was found with.
#[derive(Clone, Debug)]
pub struct Words<C> {
    logs: Vec<OfLog<C>>,
}

/// What one log says.
#[derive(Clone, Debug)]
struct OfLog<C> {
    /// Its last word, with what it was found with.
    last: (C, Told),
    /// Its last word that knows whether the account is disabled.
    known: Option<Told>,
}

impl<C> Default for Words<C> {
    fn default() -> Self {
        Self { logs: Vec::new() }
    }
}

impl<C: Clone> Words<C> {
    /// Takes one more comment. Of two of one log the later one counts by its host's clock, else that of the longer log, else
    /// what was read later.
    pub fn take(&mut self, found: C, told: Told) {
        let same = |log: &&mut OfLog<C>| log.log() == told.log.as_ref();
        let known = Some(&told).filter(|told| told.of.is_some());
        match self.logs.iter_mut().find(same) {
            None => self.logs.push(OfLog {
                known: known.cloned(),
                last: (found, told),
            }),
            Some(log) => {
                // A log that was put back from a copy counts anew; its host's clock goes on.
                let order = |told: &Told| (told.stood, told.n, told.at);
                let is_newer = |one: &Told| order(one) <= order(&told);
                if known.is_some() && log.known.as_ref().is_none_or(is_newer) {
                    log.known = known.cloned();
                }
                if is_newer(&log.last.1) {
                    log.last = (found, told);
                }
            }
        }
        // What denies nothing goes before what says more.
        let weight = |log: &OfLog<C>| (log.is_disabled(), log.known.is_some(), log.at());
        let logs = self.logs.iter().enumerate();
        if self.logs.len() > LOGS_MAX
            && let Some((least, _)) = logs.min_by_key(|(_, log)| weight(log))
        {
            self.logs.remove(least);
        }
    }

    /// Gives when a comment told of it last.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.logs.iter().map(OfLog::at).max()
    }

    /// Gives the word that counts, doubtful where another log says otherwise of what may have been before it; `None` where
    /// nothing was told.
    pub fn counts(&self) -> Option<(C, Told)> {
        let last = self.logs.iter().max_by_key(|log| log.at())?;
        let held = self.logs.iter().filter(|log| log.is_disabled());
        let Some(held) = held.max_by_key(|log| (log.of(), log.at())) else {
            return Some(last.last.clone());
        };
        // One that never knew of a disabling denies none.
        let freed = self.logs.iter().filter(|log| !log.is_disabled());
        let freed: Vec<&OfLog<C>> = freed.filter(|log| log.known.is_some()).collect();
        let is_over = |log: &&&OfLog<C>| held.of().is_some_and(|of| log.of() > Some(of + MARGIN));
        if let Some(over) = freed.iter().filter(is_over).max_by_key(|log| log.of()) {
            return Some(over.last.clone());
        }
        let said = freed.iter().filter_map(|log| log.said()).max();
        let doubt = said.filter(|at| Some(*at + MARGIN) >= held.of());
        let (found, mut told) = held.last.clone();
        told.otherwise = told.otherwise.max(doubt);
        Some((found, told))
    }
}

impl<C> OfLog<C> {
    fn log(&self) -> Option<&Untrusted> {
        self.last.1.log.as_ref()
    }

    fn at(&self) -> DateTime<Utc> {
        self.last.1.at
    }

    fn is_disabled(&self) -> bool {
        self.last.1.is_disabled()
    }

    /// Gives as of when its last word is known at least. A disabling is known by a word that says so; that none holds any more
    /// is later than whatever was known before.
    fn of(&self) -> Option<DateTime<Utc>> {
        let known = self.known.as_ref()?;
        let is_known = known.is_disabled() || !self.is_disabled();
        known.of.filter(|_| is_known)
    }

    /// Gives until when at most it became so: when the word that knows it was composed, or one that takes that back.
    fn said(&self) -> Option<DateTime<Utc>> {
        let known = self.known.as_ref()?;
        let is_same = known.is_disabled() == self.is_disabled();
        Some(if is_same {
            known.stood
        } else {
            self.last.1.stood
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::domain::case::Comment;
    use crate::domain::containment::samples::at;
    use crate::domain::containment::told::{Word, read};

    /// One comment: of which log, what it says was done and when, how the account stands, when it was written.
    type Line = (&'static str, &'static str, &'static str, i64);

    fn told(line: Line) -> Told {
        let seconds = line.3;
        told_at(line, "n=1 h=ab", seconds)
    }

    /// The same with another anchor, written at another second of the case system's clock.
    fn told_at((log, acts, word, _): Line, anchor: &str, written: i64) -> Told {
        let text = format!(
            "Account: x (id 1 at okta)\n{acts}\nAccount is {word}.\nquell:01\naudit {log} {anchor}\n"
        );
        let comment = Comment {
            id: "~1".into(),
            author: "jo".into(),
            at: at(written),
            edited: false,
            message: text.into(),
        };
        read(&comment).expect("it is one of ours")
    }

    /// Gives what counts: by which comment's time, how it stands, and when others said otherwise.
    fn counts(lines: &[Line]) -> (i64, Word, Option<i64>) {
        let mut words = Words::default();
        for line in lines {
            words.take((), told(*line));
        }
        let ((), told) = words.counts().expect("something was told");
        let second = |time: DateTime<Utc>| (time - at(0)).num_seconds();
        (second(told.at), told.word, told.otherwise.map(second))
    }

    #[test]
    fn of_two_of_one_second_that_of_the_longer_log_counts_whichever_is_read_first() {
        let long = ("A", DISABLED, "contained", 20);
        let short = ("A", REVOKED, NONE_HOLDS, 20);
        let anchor = |n: u64| format!("n={n} h=ab at=2027-01-15T08:00:30Z");
        for turned in [false, true] {
            let mut both = [(long, anchor(10)), (short, anchor(9))];
            if turned {
                both.reverse();
            }
            let mut words = Words::default();
            for (line, anchor) in both {
                words.take((), told_at(line, &anchor, 20));
            }
            let ((), told) = words.counts().expect("something was told");
            assert_eq!(told.word, Word::Contained, "turned: {turned}");
        }
    }

    #[test]
    fn it_was_told_of_when_the_newest_comment_of_any_log_was_written() {
        let mut words = Words::default();
        assert_eq!(words.at(), None);
        for (log, seconds) in [("A", 20), ("B", 60), ("C", 50)] {
            words.take((), told((log, REVOKED, NONE_HOLDS, seconds)));
        }
        assert_eq!(words.at(), Some(at(60)));
    }

    const DISABLED: &str = "- disable account: **proven**, sent 2027-01-15 08:00:35Z";
    const ENABLED: &str = "- enable account: **proven**, sent 2027-01-15 08:00:45Z";
    const REVOKED: &str = "- revoke sessions: **proven**, sent 2027-01-15 08:00:55Z";
    const NONE_HOLDS: &str = "partly contained: no disabling from here holds";

    fn partly() -> Word {
        Word::Partly("no disabling from here holds".into())
    }

    #[rstest]
    #[case::what_a_log_knew_once_stays_known(
        &[
            ("A", DISABLED, "contained", 20),
            ("B", ENABLED, "not contained", 50),
            ("B", REVOKED, NONE_HOLDS, 60),
        ],
        (60, partly(), None)
    )]
    #[case::a_late_enabling_doubts_every_older_disabling(
        &[
            ("B", DISABLED, "contained", 50),
            ("A", ENABLED, "not contained", 90),
            ("B", REVOKED, "contained", 70),
        ],
        (70, Word::Contained, Some(90))
    )]
    #[case::what_was_read_as_disabled_later_is(
        &[
            ("A", ENABLED, "not contained", 90),
            ("B", REVOKED, "contained", 101),
        ],
        (101, Word::Contained, None)
    )]
    #[case::what_was_read_as_disabled_about_then_may_not_be(
        &[
            ("A", ENABLED, "not contained", 90),
            ("B", REVOKED, "contained", 95),
        ],
        (95, Word::Contained, Some(90))
    )]
    #[case::what_was_enabled_just_within_what_clocks_leave_open_is_doubtful(
        &[
            ("B", DISABLED, "contained", 35),
            ("A", ENABLED, "not contained", 100),
        ],
        (35, Word::Contained, Some(100))
    )]
    #[case::a_log_that_never_disabled_denies_nothing(
        &[
            ("B", DISABLED, "contained", 50),
            ("A", REVOKED, NONE_HOLDS, 90),
        ],
        (50, Word::Contained, None)
    )]
    #[case::one_whose_own_does_not_hold_any_more_makes_another_doubtful(
        &[
            ("A", DISABLED, "contained", 40),
            ("B", DISABLED, "contained", 50),
            ("A", REVOKED, NONE_HOLDS, 60),
        ],
        (50, Word::Contained, Some(60))
    )]
    #[case::of_two_disablings_the_later_counts(
        &[
            ("A", DISABLED, "partly contained: sessions not revoked", 40),
            ("B", DISABLED, "contained", 50),
        ],
        (50, Word::Contained, None)
    )]
    #[case::a_log_takes_its_own_word_back(
        &[
            ("A", DISABLED, "contained", 40),
            ("A", ENABLED, "not contained", 50),
        ],
        (50, Word::Free, None)
    )]
    #[case::what_was_not_read_is_as_old_as_its_reading(
        &[
            (
                "A",
                "The account could not be read at okta right before this; it read as disabled at 2027-01-15 08:00:20Z.",
                "contained",
                90,
            ),
            ("B", ENABLED, "not contained", 50),
        ],
        (50, Word::Free, None)
    )]
    #[case::what_did_not_read_as_disabled_is_doubtful_by_itself(
        &[(
            "A",
            "The account did not read as disabled at okta right before this, and that is not confirmed yet; it read as disabled at 2027-01-15 08:00:20Z.",
            "contained",
            90,
        )],
        (90, Word::Contained, Some(90))
    )]
    fn whatever_the_order_the_same_counts(
        #[case] lines: &[Line],
        #[case] expected: (i64, Word, Option<i64>),
    ) {
        assert_eq!(counts(lines), expected);
        let back: Vec<Line> = lines.iter().rev().copied().collect();
        assert_eq!(counts(&back), expected, "read backwards");
        let (last, first) = lines.split_last().expect("some");
        let turned: Vec<Line> = std::iter::once(last).chain(first).copied().collect();
        assert_eq!(counts(&turned), expected, "the last one read first");
    }

    /// The case system's clock is set to another time between two comments, or is another one than those of the hosts.
    #[rstest]
    #[case::right(0, 0)]
    #[case::behind(-300, -300)]
    #[case::ahead(300, 300)]
    #[case::set_back(300, -300)]
    fn the_clock_of_the_case_system_changes_nothing(#[case] first: i64, #[case] second: i64) {
        let told = |n: u64, line: Line, shift: i64| {
            let of_host = at(line.3).format("%Y-%m-%dT%H:%M:%SZ");
            let anchor = format!("n={n} h=ab at={of_host}");
            told_at(line, &anchor, line.3 + shift).by(at(200))
        };
        let contained = told(9, ("A", DISABLED, "contained", 36), first);
        let enabled = told(5, ("B", ENABLED, "not contained", 60), second);
        let by_another = told(12, ("A", REVOKED, "contained", 90), second);
        let mut words = Words::default();
        words.take((), contained);
        let word = words.counts().map(|((), told)| told.word);
        assert_eq!(word, Some(Word::Contained));
        words.take((), enabled);
        // Sent at second 45, read as disabled at second 36: within what two clocks leave open.
        let counts = words.counts().map(|((), told)| (told.word, told.otherwise));
        assert_eq!(counts, Some((Word::Contained, Some(at(60)))));
        words.take((), by_another);
        let counts = words.counts().map(|((), told)| (told.word, told.otherwise));
        assert_eq!(counts, Some((Word::Contained, None)));
    }

    #[test]
    fn what_denies_nothing_pushes_no_disabling_out() {
        let mut words = Words::default();
        words.take(0, told(("A", DISABLED, "contained", 50)));
        for n in 0..100 {
            let mut told = told(("A", REVOKED, NONE_HOLDS, 60 + n));
            told.log = Some(Untrusted::new(n.to_string()));
            words.take(n, told);
        }
        let word = words.counts().map(|(_, told)| told.word);
        assert_eq!(word, Some(Word::Contained));
    }

    #[test]
    fn the_logs_kept_are_bounded_and_the_most_silent_goes() {
        let mut words = Words::default();
        let newest = 4 + i64::try_from(LOGS_MAX).expect("a small number");
        for n in 0..=newest {
            let mut told = told(("A", DISABLED, "contained", n));
            told.log = Some(Untrusted::new(n.to_string()));
            words.take(n, told);
        }
        assert_eq!(words.logs.len(), LOGS_MAX);
        assert_eq!(words.counts().map(|(n, _)| n), Some(newest));
        assert_eq!(words.logs.iter().map(|log| log.last.0).min(), Some(5));
    }

    proptest! {
        /// Two comments of one time aside, the order of reading changes nothing.
        #[test]
        fn the_order_of_reading_changes_nothing(
            picks in prop::collection::vec((0..3_usize, 0..4_usize), 1..7),
            order in any::<prop::sample::Index>(),
        ) {
            let kinds = [
                (DISABLED, "contained"),
                (ENABLED, "not contained"),
                (REVOKED, NONE_HOLDS),
                ("- disable account: **abandoned**, not sent", NONE_HOLDS),
            ];
            let lines: Vec<Line> = (40..)
                .step_by(7)
                .zip(&picks)
                .map(|(seconds, (log, kind))| {
                    let (acts, word) = kinds[*kind];
                    (["A", "B", "C"][*log], acts, word, seconds)
                })
                .collect();
            let mut turned = lines.clone();
            turned.rotate_left(order.index(lines.len()));
            prop_assert_eq!(counts(&lines), counts(&turned));
            turned.reverse();
            prop_assert_eq!(counts(&lines), counts(&turned));
        }
    }
}
