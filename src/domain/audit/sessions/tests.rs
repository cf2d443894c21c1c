use super::super::samples::Step::{Restart, Say, Seal, Wait};
use super::super::samples::{Step, bytes, open_with, steps, twenty};
use super::super::{Anchor, Body, Expectations, OutcomeState, Report, Verifier};
use super::*;
use crate::domain::audit::{ChainHash, Entry};
use crate::domain::ids::ActionId;
use chrono::DateTime;
use rstest::rstest;

fn verify(log: &[u8], require: bool, anchors: &[Anchor]) -> Report {
    let expectations = Expectations {
        anchors: anchors.to_vec(),
        require_checkpoints: require,
        now: None,
    };
    let mut verifier = Verifier::expecting(1, &expectations);
    verifier.feed(log);
    verifier.finish()
}

fn reasons(report: &Report) -> Vec<(Option<u64>, Reason)> {
    let faults = report.faults.iter();
    faults.map(|fault| (fault.n, fault.reason)).collect()
}

fn note(session: u8) -> Step {
    Say(session, twenty().remove(0))
}

fn opened(session: u8) -> Step {
    Say(session, open_with(Some(session)))
}

fn close(session: u8) -> Step {
    let reason = "quit".into();
    Say(session, Body::SessionClose { reason })
}

fn outcome(session: u8) -> Step {
    let body = Body::ActionOutcome {
        aid: ActionId::from_parts(DateTime::UNIX_EPOCH, 1),
        state: OutcomeState::Verified,
        evidence: "read".into(),
        seconds: None,
    };
    Say(session, body)
}

fn good() -> Vec<Step> {
    vec![
        opened(1),
        note(1),
        opened(2),
        note(2),
        Seal(1, 1),
        note(2),
        Wait(15),
        Seal(2, 2),
        outcome(1),
        Seal(1, 1),
        close(1),
        Seal(1, 1),
        close(2),
        Seal(2, 2),
    ]
}

fn anchor(entry: &Entry) -> Anchor {
    Anchor {
        log: entry.log.clone(),
        n: entry.n,
        h: entry.h,
    }
}

#[test]
fn sealed_sessions_are_clean_and_hold_when_checkpoints_are_required() {
    let log = bytes(&steps(&good()));
    for require in [false, true] {
        let report = verify(&log, require, &[]);
        assert_eq!(
            (report.faults_total, report.warnings_total),
            (0, 0),
            "{report:?}"
        );
        assert_eq!((report.checkpoints, report.sessions), (5, 2));
    }
}

#[rstest]
#[case::other_key(vec![opened(1), note(1), Seal(1, 9)], Reason::Signature)]
#[case::key_of_another_session(vec![opened(1), opened(2), note(1), Seal(1, 2)], Reason::Signature)]
#[case::not_opened(vec![opened(1), note(2), Seal(2, 2)], Reason::NoSession)]
#[case::over(vec![opened(1), close(1), Seal(1, 1), note(2), Seal(1, 1)], Reason::NoSession)]
#[case::without_key(vec![Say(1, open_with(None)), Seal(1, 1)], Reason::NoSession)]
#[case::opened_twice(vec![opened(1), Say(1, open_with(Some(2)))], Reason::NoSession)]
fn a_checkpoint_that_does_not_count_is_a_fault(#[case] log: Vec<Step>, #[case] reason: Reason) {
    let lines = steps(&log);
    let last = lines.last().map(|(_, entry)| entry.n);
    let report = verify(&bytes(&lines), false, &[]);
    assert_eq!(reasons(&report), [(last, reason)], "{report:?}");
}

#[test]
fn a_checkpoint_of_another_place_is_a_fault() {
    // The same checkpoint again, with a true hash: what it says is not what stands before it.
    let lines = steps(&[opened(1), note(1), Seal(1, 1)]);
    let again = lines.last().map(|(_, entry)| entry.body.clone());
    let Some(again) = again else {
        return assert_eq!(1, 2);
    };
    let log = steps(&[opened(1), note(1), Seal(1, 1), Say(1, again)]);
    let report = verify(&bytes(&log), false, &[]);
    assert_eq!(reasons(&report), [(Some(4), Reason::Checkpoint)]);
}

#[rstest]
#[case::killed(vec![opened(1), note(1)], 1, 2, false)]
#[case::after_one(vec![opened(1), note(1), Seal(1, 1), note(1)], 4, 1, false)]
#[case::closed_without(vec![opened(1), close(1)], 1, 2, true)]
#[case::outcome_without(vec![opened(1), outcome(1)], 1, 2, true)]
#[case::others_do_not_count(vec![opened(1), outcome(1), opened(2), Seal(2, 2)], 1, 2, true)]
fn what_is_under_no_checkpoint_is_said(
    #[case] log: Vec<Step>,
    #[case] from: u64,
    #[case] count: u64,
    #[case] fault: bool,
) {
    let log = bytes(&steps(&log));
    let report = verify(&log, false, &[]);
    assert!(report.intact(), "{report:?}");
    assert!(
        report
            .warnings
            .contains(&Warning::UnsealedTail { from, count }),
        "{report:?}"
    );
    let required = verify(&log, true, &[]);
    let expected = if fault {
        vec![(Some(from), Reason::Unsealed)]
    } else {
        vec![]
    };
    assert_eq!(reasons(&required), expected);
}

#[rstest]
#[case::may_still_run(vec![opened(1), note(1), Wait(20), opened(2), Seal(2, 2)], None)]
#[case::killed_long_ago(vec![opened(1), note(1), Wait(21), opened(2), Seal(2, 2)], Some(1))]
#[case::silent_since_its_checkpoint(vec![opened(1), Seal(1, 1), Wait(21), opened(2), Seal(2, 2)], Some(2))]
#[case::cut_back_to_a_checkpoint(
    vec![opened(1), note(1), Seal(1, 1), note(1), Seal(1, 1), Wait(21), opened(2), close(2), Seal(2, 2)],
    Some(5)
)]
#[case::closed(vec![opened(1), close(1), Seal(1, 1), Wait(21), opened(2), Seal(2, 2)], None)]
#[case::host_started_anew(vec![Wait(5), opened(1), Seal(1, 1), Restart, opened(2), Seal(2, 2)], Some(2))]
fn a_session_that_only_stops_fails_where_checkpoints_are_required_and_time_went_on(
    #[case] log: Vec<Step>,
    #[case] at: Option<u64>,
) {
    let log = bytes(&steps(&log));
    let required = verify(&log, true, &[]);
    let expected: Vec<_> = at.map(|n| (Some(n), Reason::Silent)).into_iter().collect();
    assert_eq!(reasons(&required), expected);
    assert!(required.intact(), "{required:?}");
    assert_eq!(verify(&log, false, &[]).faults_total, 0);
}

#[test]
fn a_long_time_or_many_records_without_one_are_said() {
    let quiet = bytes(&steps(&[
        opened(1),
        Seal(1, 1),
        Wait(21),
        note(1),
        Seal(1, 1),
    ]));
    let report = verify(&quiet, false, &[]);
    assert!(report.intact());
    assert!(
        report
            .warnings
            .contains(&Warning::CheckpointGap { n: 4, minutes: 21 })
    );
    let required = verify(&quiet, true, &[]);
    assert_eq!((required.unsealed, required.intact()), (1, true));

    let mut many = vec![opened(1)];
    many.extend((0..EVERY + TOGETHER).map(|_| note(1)));
    many.push(Seal(1, 1));
    let many = bytes(&steps(&many));
    assert!(verify(&many, false, &[]).intact());
    let required = verify(&many, true, &[]);
    assert_eq!((required.unsealed, required.intact()), (1, true));
}

#[test]
fn records_outside_of_a_session_need_one_when_checkpoints_are_required() {
    let log = bytes(&steps(&[note(1)]));
    assert!(verify(&log, false, &[]).intact());
    assert_eq!(
        reasons(&verify(&log, true, &[])),
        [(Some(1), Reason::Unsealed)]
    );
    let old = bytes(&steps(&[Say(1, open_with(None))]));
    assert_eq!(
        reasons(&verify(&old, true, &[])),
        [(Some(1), Reason::Unsealed)]
    );
}

#[test]
fn every_cut_is_found_given_anchors() {
    let lines = steps(&good());
    let anchors: Vec<Anchor> = lines.iter().map(|(_, entry)| anchor(entry)).collect();
    let whole = verify(&bytes(&lines), true, &anchors);
    assert_eq!(whole.faults_total, 0);
    assert_eq!((whole.anchors, whole.anchored), (13, Some(13)));
    for cut in 0..lines.len() {
        let log = bytes(&lines[..cut]);
        assert!(
            verify(&log, false, &[]).intact(),
            "without anchors a cut shows nothing"
        );
        let report = verify(&log, false, &anchors[anchors.len() - 1..]);
        assert_eq!(
            reasons(&report),
            [(Some(13), Reason::Truncated)],
            "cut after {cut}"
        );
    }
}

#[test]
fn a_tail_written_anew_is_found_given_anchors() {
    let lines = steps(&good());
    let last = lines.last().map(|(_, entry)| anchor(entry));
    for changed in 1..lines.len() {
        // Everything from there on is written again by somebody with keys of his own.
        let mut forged = good();
        let mut at = 0;
        for step in &mut forged {
            match step {
                Wait(_) | Restart => continue,
                Say(_, body) if at >= changed => match body {
                    Body::SessionOpen { environment, .. } => *environment = "forged".into(),
                    Body::SessionClose { reason } => *reason = "forged".into(),
                    Body::Note { text, .. } => *text = "forged".into(),
                    _ => (),
                },
                _ => (),
            }
            at += 1;
        }
        let log = steps(&forged);
        if log == lines {
            continue;
        }
        // He has the keys here: no arithmetic can tell.
        assert_eq!(verify(&bytes(&log), true, &[]).faults_total, 0);
        let report = verify(&bytes(&log), false, last.as_slice());
        assert_eq!(reasons(&report), [(Some(13), Reason::Anchor)]);
    }
}

#[test]
fn keys_and_signatures_changed_together_are_found_given_an_anchor_of_the_start() {
    let lines = steps(&[opened(1), note(1), Seal(1, 1)]);
    let swapped = steps(&[Say(1, open_with(Some(5))), note(1), Seal(1, 5)]);
    assert!(verify(&bytes(&swapped), false, &[]).intact());
    let start: Vec<Anchor> = lines
        .iter()
        .take(1)
        .map(|(_, entry)| anchor(entry))
        .collect();
    let report = verify(&bytes(&swapped), false, &start);
    assert_eq!(reasons(&report), [(Some(1), Reason::Anchor)]);
    // Without the key, the checkpoints of a session cannot be made again.
    let resealed = steps(&[opened(1), note(1), note(1), Seal(1, 5)]);
    assert!(!verify(&bytes(&resealed), false, &[]).intact());
}

#[test]
fn a_log_without_a_record_is_truncated_when_an_anchor_names_one() {
    let anchor = Anchor {
        log: crate::domain::ids::LogId::from_parts(DateTime::UNIX_EPOCH, 1),
        n: 3,
        h: ChainHash::of(b"x"),
    };
    assert_eq!(
        reasons(&verify(b"", false, &[anchor])),
        [(Some(3), Reason::Truncated)]
    );
}
