//! Folds the records of what is to be written into cases: notes that are not known to be there, when each comment was
//! last posted and how often it was taken without being shown, and which log entry proves which action.
//!
//! Nothing here depends on the order in which the processes of one user read each other's records, only on their numbers.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::plan::hex;
use crate::domain::audit::{Body, Entry, HoldSet, Observed, RecoverySaid, RecoveryWord};
use crate::domain::ids::{ActionId, CaseId, RecordId, SessionId};
use crate::domain::mirror::Mirrored;
use crate::domain::text::Untrusted;
use crate::domain::verdict::{CLOSE, MERGE, Verdict};

/// `kind` of the record that promises a note of the analyst; the note's text stands in the records before it.
pub const NOTE: &str = "note";

/// How often a comment is posted at most that its case system takes each time and does not show.
const TAKEN_MOST: usize = 2;

/// Weight of text in one record of a note: its longest written form stays below what a field keeps whole.
const PIECE: usize = 4_000;

/// The record of the decision that a note tells of; it stands right before the note, in the same write.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// Its number.
    pub n: u64,
    /// What was decided.
    pub record: Body,
}

/// A note of the analyst that is not known to be in the case.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingNote {
    /// Its id.
    pub rid: RecordId,
    /// The mark by which it is found in the case.
    pub marker: String,
    /// The case it belongs to.
    pub case: CaseId,
    /// The text as typed.
    pub text: Untrusted,
    /// Who wrote it (OS user).
    pub user: Untrusted,
    /// Their login, as the case system said it then.
    pub operator: Option<Untrusted>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it tells of that was decided, if so.
    pub decided: Option<Basis>,
}

/// A change of a case that was promised, and of which nobody said what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// The write.
    pub rid: RecordId,
    /// The case.
    pub case: CaseId,
    /// `claim`, `release`, `close` or `merge`.
    pub kind: String,
    /// What it was: the owner, the status.
    pub from: Untrusted,
    /// What it was to be.
    pub to: Untrusted,
    /// The analyst's comment, as far as its record keeps it.
    pub comment: Option<Untrusted>,
    /// When it was promised.
    pub at: DateTime<Utc>,
}

impl PendingChange {
    /// Tells whether nobody who acts from the case would be seen any more once it is done.
    fn ends(&self) -> bool {
        let is_dismissed = self.kind == CLOSE && self.to.raw() == Verdict::FalsePositive.key();
        is_dismissed || self.kind == MERGE
    }
}

/// The pieces of notes of one session whose promise was not read yet: those of one note, and before them what may be left
/// of others whose write was cut off.
#[derive(Clone, Debug)]
struct Typed {
    case: CaseId,
    pieces: Vec<Untrusted>,
    operator: Option<Untrusted>,
    /// With the piece that it stands right before.
    decided: Option<(usize, Basis)>,
}

impl Typed {
    fn new(case: &CaseId) -> Self {
        Self {
            case: case.clone(),
            pieces: Vec::new(),
            operator: None,
            decided: None,
        }
    }

    /// Gives the text that a promise is about, by its SHA-256, and what it tells of that was decided.
    fn whole(self, sha256: &str) -> Option<(Untrusted, Option<Basis>)> {
        let from = |first: usize| -> String {
            let pieces = self.pieces.iter().skip(first);
            pieces.map(Untrusted::raw).collect()
        };
        let is_it = |first: &usize| self::sha256(&from(*first)) == sha256;
        let first = (0..self.pieces.len()).rev().find(is_it)?;
        let decided = self.decided.as_ref().filter(|(at, _)| *at == first);
        let basis = decided.map(|(_, basis)| basis.clone());
        Some((Untrusted::new(from(first)), basis))
    }
}

/// What the records say about writes into cases and about proofs.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    typed: HashMap<SessionId, Typed>,
    /// The last decision that a case is told of, with the session that recorded it.
    decided: Option<(SessionId, CaseId, Basis)>,
    notes: Vec<PendingNote>,
    changes: Vec<PendingChange>,
    /// The number of the last record that says of each case that it is closed as a false positive, or merged.
    over: HashMap<CaseId, u64>,
    /// What became of each case that was merged from here.
    merged: HashMap<CaseId, CaseId>,
    done: Vec<RecordId>,
    posted: HashMap<String, DateTime<Utc>>,
    texts: HashMap<String, HashSet<String>>,
    /// The mark of each write.
    marks: HashMap<RecordId, String>,
    /// How often each write was taken and then not shown.
    taken: HashMap<RecordId, usize>,
    claims: HashMap<Untrusted, (u64, ActionId)>,
    mirrored: Mirrored,
}

impl Outbox {
    /// Folds one record.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Note {
                case,
                text,
                operator,
            } => {
                let begun = self
                    .typed
                    .entry(entry.sess.clone())
                    .or_insert_with(|| Typed::new(case));
                if begun.case != *case {
                    *begun = Typed::new(case);
                }
                if let Some((sess, of, basis)) = self.decided.take()
                    && (&sess, &of, basis.n + 1) == (&entry.sess, case, entry.n)
                {
                    begun.decided = Some((begun.pieces.len(), basis));
                }
                begun.pieces.push(text.clone());
                begun.operator.clone_from(operator);
            }
            Body::RecordIntent {
                rid,
                kind,
                case,
                marker,
                sha256,
                ..
            } if kind == NOTE => {
                let typed = self.typed.remove(&entry.sess);
                if let Some(typed) = typed.filter(|typed| typed.case == *case)
                    && !self.done.contains(rid)
                {
                    let operator = typed.operator.clone();
                    let Some((text, decided)) = typed.whole(sha256) else {
                        return;
                    };
                    self.notes.push(PendingNote {
                        rid: rid.clone(),
                        marker: marker.clone(),
                        case: case.clone(),
                        text,
                        user: entry.user.clone(),
                        operator,
                        at: entry.ts,
                        decided,
                    });
                }
            }
            Body::RecordIntent {
                rid,
                marker,
                sha256,
                ..
            } => {
                self.marks.insert(rid.clone(), marker.clone());
                self.texts
                    .entry(marker.clone())
                    .or_default()
                    .insert(sha256.clone());
                let last = self.posted.entry(marker.clone()).or_insert(entry.ts);
                *last = entry.ts.max(*last);
            }
            Body::CaseChanged(said) if !self.done.contains(&said.rid) => {
                self.changes.push(PendingChange {
                    rid: said.rid.clone(),
                    case: said.case.clone(),
                    kind: said.kind.clone(),
                    from: said.from.clone(),
                    to: said.to.clone(),
                    comment: said.comment.clone(),
                    at: entry.ts,
                });
            }
            Body::RecordFailed { rid, taken, .. } => {
                self.changes.retain(|change| change.rid != *rid);
                if taken.is_some() {
                    *self.taken.entry(rid.clone()).or_default() += 1;
                }
            }
            Body::RecordDone { rid, id } => {
                let mut ended = self.changes.iter().filter(|change| change.rid == *rid);
                if let Some(change) = ended.find(|change| change.ends()) {
                    let last = self.over.entry(change.case.clone()).or_default();
                    *last = entry.n.max(*last);
                    if change.kind == MERGE {
                        let made = CaseId::new(change.case.connection.clone(), id.raw());
                        self.merged.insert(change.case.clone(), made);
                    }
                }
                self.changes.retain(|change| change.rid != *rid);
                self.notes.retain(|note| note.rid != *rid);
                self.done.push(rid.clone());
            }
            Body::ActionObserve(Observed {
                aid,
                used: Some(used),
                ..
            }) => {
                let claim = (entry.n, aid.clone());
                let first = self
                    .claims
                    .entry(used.clone())
                    .or_insert_with(|| claim.clone());
                if claim.0 < first.0 {
                    *first = claim;
                }
            }
            body => {
                if let Some(case) = told(body) {
                    let basis = Basis {
                        n: entry.n,
                        record: body.clone(),
                    };
                    self.decided = Some((entry.sess.clone(), case.clone(), basis));
                }
                self.mirrored.apply(entry);
            }
        }
    }

    /// Gives what is on record of tasks that stand for phases or steps.
    pub fn mirrored(&self) -> &Mirrored {
        &self.mirrored
    }

    /// Gives the notes that are not known to be in their case, oldest first.
    pub fn notes(&self) -> &[PendingNote] {
        &self.notes
    }

    /// Tells whether a write with this id is on record as a note, or is done.
    pub fn knows(&self, rid: &RecordId) -> bool {
        self.done.contains(rid) || self.notes.iter().any(|note| note.rid == *rid)
    }

    /// Gives the changes of cases of which nobody said what came of them, oldest first.
    pub fn changes(&self) -> &[PendingChange] {
        &self.changes
    }

    /// Tells whether a case is being closed as a false positive or merged, or may have been, and nobody said what came of it.
    pub fn is_ending(&self, case: &CaseId) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.case == *case && change.ends())
    }

    /// Tells whether a record after this number says that a case is closed as a false positive, or merged.
    pub fn is_over_since(&self, case: &CaseId, n: u64) -> bool {
        self.over.get(case).is_some_and(|said_n| *said_n > n)
    }

    /// Gives the case that one is by now: that into which it was merged from here, else itself.
    pub fn home_of<'a>(&'a self, case: &'a CaseId) -> &'a CaseId {
        let mut home = case;
        // A case system that gives out an id twice must not make a ring.
        for _ in 0..self.merged.len() {
            home = self.merged.get(home).unwrap_or(home);
        }
        home
    }

    /// Tells when a comment with this marker was last on its way.
    pub fn last_posted(&self, marker: &str) -> Option<DateTime<Utc>> {
        self.posted.get(marker).copied()
    }

    /// Tells whether a comment with this marker was taken as often as it is posted at most, and was shown no time.
    pub fn is_hidden(&self, marker: &str) -> bool {
        let of_it = |rid: &RecordId| self.marks.get(rid).is_some_and(|mark| mark == marker);
        let times = self.taken.iter().filter(|(rid, _)| of_it(rid));
        times.map(|(_, times)| times).sum::<usize>() >= TAKEN_MOST
    }

    /// Tells whether anything whose mark begins like this was ever on its way.
    pub fn is_promised(&self, prefix: &str) -> bool {
        self.posted.keys().any(|marker| marker.starts_with(prefix))
    }

    /// Tells whether a text with this SHA-256, hex, was on its way under a marker.
    pub fn wrote(&self, marker: &str, sha256: &str) -> bool {
        self.texts
            .get(marker)
            .is_some_and(|texts| texts.contains(sha256))
    }

    /// Tells whether a text with this SHA-256, hex, was on its way under any marker.
    pub fn promised(&self, sha256: &str) -> bool {
        self.texts.values().any(|texts| texts.contains(sha256))
    }

    /// Tells which action a log entry of the vendor proves: the first that claimed it, by the order of the log.
    pub fn owner_of(&self, entry: &Untrusted) -> Option<&ActionId> {
        self.claims.get(entry).map(|(_, aid)| aid)
    }

    /// Lists the log entries that prove another action than this.
    pub fn taken_by_others(&self, aid: &ActionId) -> Vec<Untrusted> {
        self.claims
            .iter()
            .filter(|(_, (_, owner))| owner != aid)
            .map(|(entry, _)| entry.clone())
            .collect()
    }
}

/// Gives the case that is told of a decision with the note that follows; of the end that comes with an action it is not.
fn told(body: &Body) -> Option<&CaseId> {
    let (case, how) = match body {
        Body::HoldSet(HoldSet { case, how, .. }) => (case, how),
        Body::Recovery(RecoverySaid {
            case,
            word: RecoveryWord::Until(word),
            ..
        }) => (case, &word.how),
        _ => return None,
    };
    (how != "confirmed").then_some(case)
}

/// Gives the records that put a note on record; they belong into one write. The last one promises the text by its hash, so
/// that nothing that was left of another write is taken for a part of it.
pub fn records(
    rid: &RecordId,
    case: &CaseId,
    text: &Untrusted,
    operator: Option<&Untrusted>,
    phase: Option<String>,
) -> Vec<Body> {
    let pieces = pieces(text.raw()).into_iter().map(|text| Body::Note {
        case: case.clone(),
        text,
        operator: operator.cloned(),
    });
    let promise = Body::RecordIntent {
        rid: rid.clone(),
        kind: NOTE.to_owned(),
        case: case.clone(),
        marker: format!("quell:{rid}"),
        sha256: sha256(text.raw()),
        phase,
    };
    pieces.chain([promise]).collect()
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Cuts a note into pieces that a record keeps whole.
pub fn pieces(text: &str) -> Vec<Untrusted> {
    let (mut pieces, mut piece, mut weight) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        // The longest written form: two escaped halves for what is not ASCII.
        let more = if c == ' ' || c.is_ascii_graphic() {
            2
        } else {
            12
        };
        if weight + more > PIECE {
            pieces.push(Untrusted::new(std::mem::take(&mut piece)));
            weight = 0;
        }
        piece.push(c);
        weight += more;
    }
    pieces.push(Untrusted::new(piece));
    pieces
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{CaseChanged, TaskState};
    use crate::domain::containment::samples::{account, aid, at, case, entry};

    fn rid(number: u128) -> RecordId {
        RecordId::from_parts(at(0), number)
    }

    fn note(text: &str) -> Body {
        Body::Note {
            case: case(),
            text: text.into(),
            operator: Some("jo@acme.example".into()),
        }
    }

    fn intent(number: u128, kind: &str) -> Body {
        Body::RecordIntent {
            rid: rid(number),
            kind: kind.to_owned(),
            case: case(),
            phase: None,
            marker: format!("quell:{}", rid(number)),
            sha256: String::new(),
        }
    }

    /// The promise of a note of the analyst.
    fn promise(number: u128, text: &str) -> Body {
        let all = super::records(&rid(number), &case(), &text.into(), None, None);
        all.into_iter()
            .next_back()
            .expect("the promise is the last")
    }

    fn done(number: u128) -> Body {
        Body::RecordDone {
            rid: rid(number),
            id: "~9".into(),
        }
    }

    fn failed(number: u128, taken: Option<&str>) -> Body {
        Body::RecordFailed {
            rid: rid(number),
            reason: "no".into(),
            taken: taken.map(Untrusted::from),
        }
    }

    fn observed(number: u128, used: &str) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(number),
            evidence: "entry".into(),
            matches: Some(true),
            reads: 1,
            used: Some(used.into()),
            effect_at: None,
        })
    }

    fn folded(records: Vec<(u64, Body)>) -> Outbox {
        let mut outbox = Outbox::default();
        for (n, body) in records {
            outbox.apply(&entry(n, n.cast_signed(), body));
        }
        outbox
    }

    #[test]
    fn a_note_waits_until_it_is_done() {
        let mut records = vec![
            (1, note("call ")),
            (2, note("her")),
            (3, promise(1, "call her")),
        ];
        let outbox = folded(records.clone());
        let texts: Vec<&str> = outbox.notes().iter().map(|note| note.text.raw()).collect();
        assert_eq!(texts, ["call her"]);
        let by = outbox.notes()[0].operator.as_ref().map(Untrusted::raw);
        assert_eq!(by, Some("jo@acme.example"), "who wrote it");
        records.push((4, intent(1, "comment")));
        let outbox = folded(records.clone());
        assert_eq!(outbox.notes().len(), 1);
        assert_eq!(
            outbox.last_posted(&format!("quell:{}", rid(1))),
            Some(at(4))
        );
        records.push((5, done(1)));
        assert!(folded(records).notes().is_empty());
    }

    fn ends(how: &str) -> Body {
        Body::HoldSet(HoldSet {
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            until: None,
            how: how.to_owned(),
            reason: None,
        })
    }

    #[rstest]
    #[case::in_one_write(vec![(1, ends("kept")), (2, note("stays")), (3, note("so")), (4, promise(1, "staysso"))], Some(1))]
    #[case::the_end_of_an_action(vec![(1, ends("confirmed")), (2, note("a")), (3, promise(1, "a"))], None)]
    #[case::something_between(vec![(1, ends("kept")), (3, note("a")), (4, promise(1, "a"))], None)]
    #[case::a_later_note(
        vec![
            (1, ends("kept")), (2, note("stays")), (3, promise(2, "stays")), (4, done(2)),
            (5, note("a")), (6, promise(1, "a")),
        ],
        None
    )]
    fn a_note_tells_of_the_decision_that_stands_right_before_it(
        #[case] records: Vec<(u64, Body)>,
        #[case] expected: Option<u64>,
    ) {
        let outbox = folded(records);
        let told: Vec<Option<u64>> = outbox
            .notes()
            .iter()
            .map(|note| note.decided.as_ref().map(|basis| basis.n))
            .collect();
        assert_eq!(told, [expected]);
    }

    #[rstest]
    #[case::torn(&["harmless."])]
    #[case::the_same_text(&["stays put"])]
    #[case::two(&["harmless.", "wrong person"])]
    #[case::none(&[])]
    fn what_is_left_of_a_note_that_was_cut_off_comes_into_no_other(#[case] left: &[&str]) {
        let mut records: Vec<Body> = vec![ends("kept")];
        records.extend(left.iter().map(|text| note(text)));
        records.push(ends("kept"));
        let decided = records.len() as u64;
        let text: Untrusted = "stays put".into();
        records.extend(super::records(&rid(1), &case(), &text, None, None));
        let outbox = folded((1..).zip(records).collect());
        let [written] = outbox.notes() else {
            panic!("one: {:?}", outbox.notes())
        };
        assert_eq!(written.text, text);
        assert_eq!(written.decided.as_ref().map(|basis| basis.n), Some(decided));
    }

    #[test]
    fn a_decision_goes_with_its_own_note_and_no_later_one() {
        let outbox = folded(vec![
            (1, ends("kept")),
            (2, note("stays")),
            (3, note("so")),
            (4, promise(1, "so")),
        ]);
        let [written] = outbox.notes() else {
            panic!("one: {:?}", outbox.notes())
        };
        assert_eq!((written.text.raw(), &written.decided), ("so", &None));
    }

    #[test]
    fn a_text_that_is_not_the_promised_one_is_posted_never() {
        let outbox = folded(vec![(1, note("call her")), (2, promise(1, "call him"))]);
        assert!(outbox.notes().is_empty());
    }

    #[test]
    fn a_change_waits_until_it_was_said_what_came_of_it() {
        let promise = |number| {
            Body::CaseChanged(CaseChanged {
                rid: rid(number),
                case: case(),
                kind: "claim".to_owned(),
                from: Untrusted::default(),
                to: "kim".into(),
                comment: None,
            })
        };
        let failed = failed(2, None);
        let mut records = vec![(1, promise(1)), (2, promise(2)), (3, intent(1, "claim"))];
        let waiting = |records: &[(u64, Body)]| -> Vec<RecordId> {
            let outbox = folded(records.to_vec());
            outbox
                .changes()
                .iter()
                .map(|change| change.rid.clone())
                .collect()
        };
        assert_eq!(waiting(&records), [rid(1), rid(2)]);
        records.push((4, failed));
        assert_eq!(waiting(&records), [rid(1)]);
        records.push((5, done(1)));
        assert!(waiting(&records).is_empty());
    }

    #[test]
    fn a_change_that_is_done_already_waits_for_nothing() {
        // Another process may have written what came of it before this record was read.
        let promise = Body::CaseChanged(CaseChanged {
            rid: rid(1),
            case: case(),
            kind: "claim".to_owned(),
            from: Untrusted::default(),
            to: "kim".into(),
            comment: None,
        });
        assert!(
            folded(vec![(1, done(1)), (2, promise)])
                .changes()
                .is_empty()
        );
    }

    #[rstest]
    #[case::closed(CLOSE, Verdict::FalsePositive.key(), vec![], (true, false))]
    #[case::and_it_is_so(CLOSE, Verdict::FalsePositive.key(), vec![(7, done(1))], (false, true))]
    #[case::but_it_failed(
        CLOSE,
        Verdict::FalsePositive.key(),
        vec![(7, failed(1, None))],
        (false, false)
    )]
    #[case::another_closing_failed(
        CLOSE,
        Verdict::FalsePositive.key(),
        vec![(7, failed(2, None))],
        (true, false)
    )]
    #[case::as_an_attack(CLOSE, Verdict::TrueWithImpact.key(), vec![], (false, false))]
    #[case::as_an_attack_done(
        CLOSE,
        Verdict::TrueWithImpact.key(),
        vec![(7, done(1))],
        (false, false)
    )]
    #[case::merging(MERGE, "~1 ~2", vec![], (true, false))]
    #[case::merged(MERGE, "~1 ~2", vec![(7, done(1))], (false, true))]
    #[case::only_claimed("claim", Verdict::FalsePositive.key(), vec![], (false, false))]
    fn a_case_is_over_by_its_closing_as_a_false_positive_or_its_merge(
        #[case] kind: &str,
        #[case] to: &str,
        #[case] then: Vec<(u64, Body)>,
        #[case] expected: (bool, bool),
    ) {
        let closing = Body::CaseChanged(CaseChanged {
            rid: rid(1),
            case: case(),
            kind: kind.to_owned(),
            from: "New".into(),
            to: to.into(),
            comment: None,
        });
        let mut records = vec![(5, closing)];
        records.extend(then);
        let outbox = folded(records);
        // A plan of between the promise and its end did not see the end.
        let found = (outbox.is_ending(&case()), outbox.is_over_since(&case(), 6));
        assert_eq!(found, expected);
        assert!(!outbox.is_over_since(&case(), 7), "seen by the plan");
    }

    #[test]
    fn what_is_told_of_a_merged_case_goes_to_the_one_that_was_made_of_it() {
        let merge = |number: u128, of: &str| {
            Body::CaseChanged(CaseChanged {
                rid: rid(number),
                case: CaseId::new(case().connection, of),
                kind: MERGE.to_owned(),
                from: "a title".into(),
                to: "~1 ~2".into(),
                comment: None,
            })
        };
        let made = |number: u128, id: &str| Body::RecordDone {
            rid: rid(number),
            id: id.into(),
        };
        let home = |records: Vec<(u64, Body)>| {
            let asked = CaseId::new(case().connection, "~1");
            folded(records).home_of(&asked).raw().to_owned()
        };
        let merged = vec![(1, merge(1, "~1")), (2, merge(2, "~2"))];
        assert_eq!(home(merged.clone()), "~1", "promised only");
        let with = |more: Vec<(u64, Body)>| [merged.clone(), more].concat();
        assert_eq!(home(with(vec![(3, failed(1, None))])), "~1");
        let once = vec![(3, made(1, "~3")), (4, made(2, "~3"))];
        assert_eq!(home(with(once.clone())), "~3");
        let again = [once, vec![(5, merge(3, "~3")), (6, made(3, "~4"))]].concat();
        assert_eq!(home(with(again.clone())), "~4");
        let ring = [again, vec![(7, merge(4, "~4")), (8, made(4, "~1"))]].concat();
        assert!(!home(with(ring)).is_empty(), "it ends");
    }

    #[test]
    fn a_write_is_known_while_it_waits_and_once_it_is_done() {
        let mut records = vec![(1, note("call")), (2, promise(1, "call"))];
        for _ in 0..2 {
            let outbox = folded(records.clone());
            assert!(outbox.knows(&rid(1)));
            assert!(!outbox.knows(&rid(2)));
            records.push((3, done(1)));
        }
    }

    #[test]
    fn a_text_is_ours_only_under_the_mark_it_was_promised_under() {
        let promised = |marker: &str, sha256: &str| Body::RecordIntent {
            rid: rid(1),
            kind: "comment".to_owned(),
            case: case(),
            phase: None,
            marker: marker.to_owned(),
            sha256: sha256.to_owned(),
        };
        // Composed again, it may be another text under the same mark.
        let outbox = folded(vec![
            (1, promised("quell:a", "11")),
            (2, promised("quell:b", "22")),
            (3, promised("quell:a", "33")),
        ]);
        let ours = |marker| ["11", "22", "33"].map(|sha256| outbox.wrote(marker, sha256));
        assert_eq!(ours("quell:a"), [true, false, true]);
        assert_eq!(ours("quell:b"), [false, true, false]);
        assert_eq!(ours("quell:c"), [false; 3]);
        assert!(outbox.is_promised("quell:") && outbox.is_promised("quell:b"));
        assert!(!outbox.is_promised("quell:c") && !outbox.is_promised("uell:a"));
    }

    /// A post under one marker, whatever its id, and what came of it.
    fn post(number: u128, marker: &str, taken: Option<&str>) -> [Body; 2] {
        let promised = Body::RecordIntent {
            rid: rid(number),
            kind: "comment".to_owned(),
            case: case(),
            phase: None,
            marker: marker.to_owned(),
            sha256: String::new(),
        };
        [promised, failed(number, taken)]
    }

    #[rstest]
    #[case::never(vec![], false)]
    #[case::once(vec![post(1, "quell:a", Some("~1"))], false)]
    #[case::twice(vec![post(1, "quell:a", Some("~1")), post(2, "quell:a", Some("~2"))], true)]
    // A note keeps its id.
    #[case::twice_under_one_id(
        vec![post(1, "quell:a", Some("~1")), post(1, "quell:a", Some("~2"))], true
    )]
    #[case::failed_between(
        vec![post(1, "quell:a", Some("~1")), post(2, "quell:a", None), post(3, "quell:a", Some("~2"))],
        true
    )]
    #[case::failed(
        vec![post(1, "quell:a", Some("~1")), post(2, "quell:a", None), post(3, "quell:a", None)], false
    )]
    #[case::of_others(vec![post(1, "quell:a", Some("~1")), post(2, "quell:b", Some("~2"))], false)]
    fn a_comment_is_hidden_once_it_was_taken_twice(
        #[case] posts: Vec<[Body; 2]>,
        #[case] expected: bool,
    ) {
        let records: Vec<(u64, Body)> = (1..).zip(posts.into_iter().flatten()).collect();
        assert_eq!(folded(records.clone()).is_hidden("quell:a"), expected);
        let backwards: Vec<(u64, Body)> = records.into_iter().rev().collect();
        assert_eq!(folded(backwards).is_hidden("quell:a"), expected);
    }

    #[test]
    fn tasks_on_record_are_found_by_their_case_and_mark() {
        let state = Body::TaskState(TaskState {
            case: case(),
            marker: "quell-task:1".to_owned(),
            task: "~5".into(),
            status: "Completed".into(),
            by: None,
            changed_ms: 7,
            wished: false,
        });
        let outbox = folded(vec![(1, state)]);
        let known = |mark| {
            outbox
                .mirrored()
                .get(&case(), mark)
                .map(|known| known.changed_ms)
        };
        assert_eq!(
            (known("quell-task:1"), known("quell-task:2")),
            (Some(7), None)
        );
    }

    #[test]
    fn a_piece_is_as_long_as_a_record_keeps_and_no_longer() {
        for (letter, most) in [
            ('a', PIECE / 2),
            (' ', PIECE / 2),
            ('\n', PIECE / 12),
            ('ä', PIECE / 12),
        ] {
            let count = |letters: usize| pieces(&letter.to_string().repeat(letters)).len();
            // Where it does not come out even, the next letter is the one too many.
            assert_eq!((count(most), count(most + 1)), (1, 2), "{letter:?}");
        }
    }

    #[test]
    fn a_note_of_an_older_version_is_not_posted_anew() {
        assert!(
            folded(vec![(1, note("old")), (2, intent(1, "comment"))])
                .notes()
                .is_empty()
        );
    }

    #[test]
    fn an_entry_belongs_to_the_first_claim_by_number_not_by_reading() {
        let outbox = folded(vec![(9, observed(2, "e")), (4, observed(1, "e"))]);
        assert_eq!(outbox.owner_of(&"e".into()), Some(&aid(1)));
        assert_eq!(outbox.taken_by_others(&aid(2)), ["e".into()]);
        assert!(outbox.taken_by_others(&aid(1)).is_empty());
    }

    #[test]
    fn pieces_are_whole_and_short_enough() {
        let long: String = "ä🙂\n\"a".repeat(900);
        let pieces = pieces(&long);
        assert!(pieces.len() > 1);
        let joined: String = pieces.iter().map(Untrusted::raw).collect();
        assert_eq!(joined, long);
        for piece in &pieces {
            let line = serde_json::to_value(note(piece.raw()))
                .map(|value| value["data"]["text"].is_string());
            assert!(line.is_ok_and(|whole| whole), "it was cut");
        }
        assert_eq!(super::pieces("short").len(), 1);
    }
}
