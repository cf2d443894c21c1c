//! The log as the caps count it: every byte of it, in the order of the file; what cannot be read refuses.
//!
//! What must not live here: reading files (`store::audit`), what is counted (`caps`).

use chrono::{DateTime, Duration, Utc};

use super::campaign::Campaign;
use super::caps::{self, CapWord, Caps, HOST_WINDOW};
use super::kind::ActionKind;
use super::ledger::Ledger;
use crate::domain::audit::{Body, ChainHash, Entry, MAX_LINE, name_torn, parse_line};
use crate::domain::freshness::time_word;
use crate::domain::ids::AccountId;
use crate::domain::text::Safe;
use crate::safe;

/// For how long a place that cannot be read refuses, counted from the record behind it: the longest window of a cap.
const DOUBT: Duration = HOST_WINDOW;

/// A fold of the log that knows whether it saw all of it.
///
/// A torn line that the next record names (`log.recovered`) is no hole: its writer died before anybody was told.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    ledger: Ledger,
    /// The last record that was read: number and hash.
    last: Option<(u64, ChainHash)>,
    /// Bytes of lines that are no records, and those of a line that is not whole yet.
    loose: Vec<u8>,
    /// How much of `loose` are whole lines.
    whole: usize,
    /// When the first record behind the last hole was written.
    hole: Option<DateTime<Utc>>,
}

impl Counted {
    /// Takes the next bytes of the log, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.loose.extend_from_slice(piece);
            let is_whole = piece.ends_with(b"\n");
            if self.loose.len() > self.whole + MAX_LINE + usize::from(is_whole) {
                // It stays a hole until a record follows, wherever it was cut; its bytes are of no use.
                self.loose.truncate(self.whole + 1);
                self.loose.extend(is_whole.then_some(b'\n'));
            }
            if is_whole {
                self.line();
            }
        }
    }

    /// Takes the line that became whole.
    fn line(&mut self) {
        let line = self.loose.get(self.whole..).unwrap_or_default();
        let parsed = parse_line(line.strip_suffix(b"\n").unwrap_or(line));
        match parsed {
            Ok(entry) => {
                let torn = self.loose.get(..self.whole).unwrap_or_default();
                let named = name_torn(torn);
                let explained = named.is_none() || named.as_ref() == Some(&entry.body);
                self.loose.clear();
                self.whole = 0;
                self.entry(&entry, explained);
            }
            Err(_) => self.whole = self.loose.len(),
        }
    }

    fn entry(&mut self, entry: &Entry, explained: bool) {
        let follows = self
            .last
            .is_none_or(|(n, h)| entry.n == n + 1 && entry.prev == h);
        // A plan of a kind that only a newer program knows is acted on by it, and cannot be counted here.
        let known = match &entry.body {
            Body::ActionPlan { kind, .. } => ActionKind::from_key(kind).is_some(),
            _ => true,
        };
        if !(follows && explained && known) {
            self.hole = self.hole.max(Some(entry.ts));
        }
        self.last = Some((entry.n, entry.h));
        self.ledger.apply(entry);
    }

    /// Gives the fold of what could be read.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Asks the caps about one more plan; where it cannot be counted that is the answer, except for what never counts.
    pub fn judge(
        &self,
        caps: Caps,
        campaign: Option<&Campaign>,
        uid: u32,
        (account, kinds): (&AccountId, &[ActionKind]),
        now: DateTime<Utc>,
    ) -> CapWord {
        if !caps::counts(kinds) {
            return CapWord::Within;
        }
        match self.refusal(now) {
            Some(reason) => CapWord::Unreadable(reason),
            None => caps::judge(caps, campaign, &self.ledger, uid, (account, kinds), now),
        }
    }

    /// Says why nothing may be counted by it now, if so.
    pub fn refusal(&self, now: DateTime<Utc>) -> Option<Safe> {
        if self.whole > 0 {
            return Some(
                "the caps cannot be counted: the end of the audit log cannot be read".into(),
            );
        }
        let until = self.hole.map(|behind| behind + DOUBT)?;
        (now < until).then(|| {
            safe!(
                "the caps cannot be counted before {}: a part of the audit log cannot be read",
                time_word(until)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Draft, encode_line};
    use crate::domain::containment::samples::{account, at, confirmed, entry, intent, planned};

    /// Lines of a log, one second apart.
    fn lines(bodies: &[Body]) -> Vec<Vec<u8>> {
        let mut prev = ChainHash::GENESIS;
        let mut all = Vec::new();
        for (body, n) in bodies.iter().zip(1u64..) {
            let like = entry(n, n.cast_signed(), body.clone());
            let (line, made) = encode_line(&Draft {
                log: &like.log,
                seg: like.seg,
                n,
                ts: like.ts,
                boot_us: like.boot_us,
                host: &like.host,
                uid: like.uid,
                user: &like.user,
                pid: like.pid,
                sess: &like.sess,
                body,
                prev,
            })
            .unwrap_or_else(|error| panic!("{error}"));
            prev = made.h;
            all.push(line);
        }
        all
    }

    fn bodies() -> Vec<Body> {
        let kind = ActionKind::DisableAccount;
        let close = |reason: &str| Body::SessionClose {
            reason: reason.to_owned(),
        };
        vec![
            close("a"),
            planned(1, 0, kind),
            confirmed(1, false),
            intent(1, None),
            close("b"),
        ]
    }

    fn fed(bytes: &[u8]) -> Counted {
        let mut counted = Counted::default();
        counted.feed(bytes);
        counted
    }

    fn sent(counted: &Counted) -> usize {
        counted
            .ledger()
            .actions()
            .filter(|a| a.sent.is_some())
            .count()
    }

    #[test]
    fn a_whole_log_counts_however_it_is_cut() {
        let log = lines(&bodies()).concat();
        for cut in 0..=log.len() {
            let mut counted = Counted::default();
            counted.feed(&log[..cut]);
            // A line that is not whole yet is no fault.
            assert_eq!(counted.refusal(at(0)), None, "cut {cut}");
            counted.feed(&log[cut..]);
            assert_eq!(
                (sent(&counted), counted.refusal(at(0))),
                (1, None),
                "cut {cut}"
            );
        }
    }

    #[rstest]
    #[case::first(0, false)]
    #[case::plan(1, true)]
    #[case::confirm(2, true)]
    #[case::intent(3, true)]
    #[case::last(4, true)]
    fn a_line_that_cannot_be_read_refuses_for_the_longest_window(
        #[case] which: usize,
        #[case] inside: bool,
    ) {
        let mut log = lines(&bodies());
        log[which][12] ^= 1;
        let counted = fed(&log.concat());
        assert!(counted.refusal(at(10)).is_some());
        // The record behind it is a second younger; at the end nothing is known of its time.
        let behind = i64::try_from(which).unwrap_or(0) + 2;
        let (last, gone) = (at(behind + 3_599), at(behind + 3_600));
        assert!(counted.refusal(last).is_some());
        assert_eq!(counted.refusal(gone).is_some(), which == 4);
        assert_eq!(inside, which > 0);
    }

    #[rstest]
    #[case::taken_out(|all: &mut Vec<Vec<u8>>| { all.remove(2); })]
    #[case::put_twice(|all: &mut Vec<Vec<u8>>| { let one = all[3].clone(); all.insert(3, one); })]
    #[case::exchanged(|all: &mut Vec<Vec<u8>>| all.swap(2, 3))]
    #[case::a_word_put_in(|all: &mut Vec<Vec<u8>>| all.insert(3, b"x\n".to_vec()))]
    #[case::an_empty_line(|all: &mut Vec<Vec<u8>>| all.insert(3, b"\n".to_vec()))]
    #[case::another_chain(|all: &mut Vec<Vec<u8>>| {
        let other = lines(&[Body::SessionClose { reason: "z".to_owned() }]);
        all.splice(0..1, other);
    })]
    fn a_log_that_was_edited_refuses(#[case] edit: fn(&mut Vec<Vec<u8>>)) {
        let mut log = lines(&bodies());
        edit(&mut log);
        assert!(fed(&log.concat()).refusal(at(10)).is_some());
    }

    #[test]
    fn a_torn_line_that_is_named_is_no_hole() {
        let all = bodies();
        let torn = b"{\"v\":1,\"log\":\n".to_vec();
        for at_line in 0..=all.len() {
            for (named, expected) in [(torn.clone(), false), (b"other\n".to_vec(), true)] {
                let mut with = all.clone();
                with.insert(
                    at_line,
                    name_torn(&named).unwrap_or_else(|| panic!("bytes")),
                );
                let mut log = lines(&with);
                log.insert(at_line, torn.clone());
                let counted = fed(&log.concat());
                assert_eq!(
                    counted.refusal(at(10)).is_some(),
                    expected,
                    "line {at_line}"
                );
                assert_eq!(sent(&counted), 1);
            }
        }
    }

    #[test]
    fn what_never_counts_is_not_refused_by_a_hole() {
        let mut counted = fed(b"hole\n");
        let caps = |number| Caps {
            per_person: number,
            per_host: 20,
        };
        let other = AccountId::new(account().id.connection, "00uOther");
        let asked = |counted: &Counted, kind, number| {
            let target = (&other, &[kind][..]);
            counted.judge(caps(number), None, 1000, target, at(10))
        };
        let (disable, enable) = (ActionKind::DisableAccount, ActionKind::EnableAccount);
        assert_eq!(asked(&counted, enable, 0), CapWord::Within);
        assert!(matches!(
            asked(&counted, disable, 5),
            CapWord::Unreadable(_)
        ));
        counted = fed(&lines(&bodies()).concat());
        assert_eq!(asked(&counted, enable, 0), CapWord::Within);
        assert_eq!(asked(&counted, disable, 2), CapWord::Within);
        assert!(matches!(asked(&counted, disable, 1), CapWord::Over(_)));
    }

    #[test]
    fn a_hole_at_the_end_refuses_until_it_is_named() {
        let log = lines(&bodies()).concat();
        let mut counted = fed(&log);
        counted.feed(b"torn\n");
        assert!(counted.refusal(at(1_000_000)).is_some());
        let more = lines(
            &[
                bodies(),
                vec![name_torn(b"torn\n").unwrap_or_else(|| panic!("bytes"))],
            ]
            .concat(),
        );
        counted.feed(more.last().map(Vec::as_slice).unwrap_or_default());
        assert_eq!(counted.refusal(at(10)), None);
    }

    #[test]
    fn an_older_hole_does_not_shorten_a_younger_one() {
        let mut log = lines(&bodies());
        log[2][12] ^= 1;
        log[0][12] ^= 1;
        let counted = fed(&log.concat());
        assert!(counted.refusal(at(4 + 3_599)).is_some());
        assert_eq!(counted.refusal(at(4 + 3_600)), None);
    }

    #[test]
    fn a_plan_of_an_unknown_kind_refuses() {
        let mut all = bodies();
        if let Body::ActionPlan { kind, .. } = &mut all[1] {
            "wipe_account".clone_into(kind);
        }
        let counted = fed(&lines(&all).concat());
        assert!(counted.refusal(at(10)).is_some());
    }

    #[test]
    fn a_torn_line_of_any_length_a_record_may_have_can_be_named() {
        for (len, refuses) in [
            (MAX_LINE - 1, false),
            (MAX_LINE, false),
            (MAX_LINE + 1, true),
        ] {
            let torn = [vec![b'x'; len], b"\n".to_vec()].concat();
            let named = name_torn(&torn).unwrap_or_else(|| panic!("bytes"));
            let mut counted = Counted::default();
            // Its writer died; its line feed came with the record that names it.
            counted.feed(&torn[..len]);
            counted.feed(b"\n");
            counted.feed(&lines(&[named]).concat());
            assert_eq!(counted.refusal(at(10)).is_some(), refuses, "{len}");
        }
    }

    #[test]
    fn a_record_behind_an_endless_line_is_a_part_of_it() {
        let log = lines(&bodies()).concat();
        let mut counted = Counted::default();
        counted.feed(&vec![b'x'; 2 * MAX_LINE]);
        // Whoever reads lines reads one, which is no record.
        counted.feed(&log);
        assert!(counted.refusal(at(10)).is_some());
        assert_eq!(counted.last.map(|(n, _)| n), Some(5));
        let mut only = Counted::default();
        only.feed(&vec![b'x'; 2 * MAX_LINE]);
        only.feed(
            lines(&bodies())
                .first()
                .map(Vec::as_slice)
                .unwrap_or_default(),
        );
        assert_eq!(only.last.map(|(n, _)| n), None);
        assert!(only.refusal(at(1_000_000)).is_some());
    }

    #[test]
    fn a_line_that_is_too_long_is_the_same_however_it_is_cut() {
        let mut log = lines(&bodies()).concat();
        log.extend(vec![b'x'; MAX_LINE + 100]);
        log.push(b'\n');
        let whole = fed(&log);
        let mut cut = Counted::default();
        for piece in log.chunks(1_000) {
            cut.feed(piece);
        }
        assert_eq!((&whole.loose, whole.whole), (&cut.loose, cut.whole));
        assert_eq!(whole.loose, b"x\n");
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_room_and_refuses_once_it_ends() {
        let mut counted = fed(&lines(&bodies()).concat());
        for _ in 0..40 {
            counted.feed(&vec![b'x'; 100_000]);
            assert!(counted.loose.len() <= MAX_LINE + 100_000);
        }
        counted.feed(b"\n");
        assert!(counted.refusal(at(1_000_000)).is_some());
    }
}
