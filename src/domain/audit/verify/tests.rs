use super::super::samples::{bytes, chain, chain_from, open_with, twenty};
use super::super::{Anchor, Body, Entry, SegmentPruned, name_torn};
use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn verify(log: &[u8]) -> Report {
    let mut verifier = Verifier::new(1);
    verifier.feed(log);
    verifier.finish()
}

fn is_clean(report: &Report) -> bool {
    report.intact() && report.warnings_total == 0
}

fn lines() -> Vec<(Vec<u8>, Entry)> {
    chain(&twenty())
}

#[test]
fn a_whole_log_is_intact_however_it_is_cut_into_pieces() {
    let log = bytes(&lines());
    for size in [1, 7, 100, log.len()] {
        let mut verifier = Verifier::new(1);
        log.chunks(size).for_each(|chunk| verifier.feed(chunk));
        let report = verifier.finish();
        assert!(is_clean(&report), "{report:?}");
        assert_eq!(
            (report.records, report.head.map(|(n, _)| n)),
            (20, Some(20))
        );
    }
}

#[test]
fn every_deleted_swapped_repeated_or_moved_record_breaks_it() {
    let whole = lines();
    for i in 0..20 {
        let mut deleted = whole.clone();
        deleted.remove(i);
        // Without the last record it is a shorter log; only an anchor can tell.
        assert_eq!(
            verify(&bytes(&deleted)).intact(),
            i == 19,
            "without record {}",
            i + 1
        );
        for j in 0..20 {
            let mut repeated = whole.clone();
            repeated.insert(j, whole[i].clone());
            assert!(!verify(&bytes(&repeated)).intact(), "{i} again at {j}");
            if i != j {
                let mut swapped = whole.clone();
                swapped.swap(i, j);
                assert!(!verify(&bytes(&swapped)).intact(), "{i} and {j} swapped");
            }
        }
    }
}

#[test]
fn a_record_with_a_true_hash_in_a_wrong_place_breaks_it() {
    let whole = lines();
    let forged = chain_from(&twenty()[..1], 1, 10, ChainHash::of(b"other"));
    let mut log = whole.clone();
    log[10] = forged[0].clone();
    let report = verify(&bytes(&log));
    let reasons: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.n, fault.reason))
        .collect();
    assert_eq!(
        reasons,
        [(Some(11), Reason::Prev), (Some(12), Reason::Prev)]
    );
}

#[test]
fn the_first_bad_byte_is_named() {
    let mut log = lines();
    let before: usize = log[..4].iter().map(|(line, _)| line.len()).sum();
    log[4].0[2] = b'w';
    let report = verify(&bytes(&log));
    assert_eq!(report.faults_total, 1);
    let fault = &report.faults[0];
    assert_eq!((fault.segment, fault.offset), (Some(1), before as u64 + 2));
    assert_eq!(fault.reason, Reason::Malformed);
}

fn healed(torn: &[u8], named: &[u8]) -> Vec<u8> {
    let whole = lines();
    let (_, last) = &whole[9];
    let mut bodies: Vec<Body> = name_torn(named).into_iter().collect();
    bodies.extend(twenty().into_iter().take(3));
    let after = chain_from(&bodies, 1, last.n, last.h);
    let line_feed = if torn.ends_with(b"\n") { "" } else { "\n" };
    [
        &bytes(&whole[..10]),
        torn,
        line_feed.as_bytes(),
        &bytes(&after),
    ]
    .concat()
}

#[rstest]
#[case(b"{\"v\":1,\"log\":\"01".to_vec())]
#[case(vec![0; 5000])]
#[case(vec![0; MAX_LINE * 3])]
#[case(b"half\nand half".to_vec())]
#[case(b"\n\n".to_vec())]
fn a_named_torn_end_is_a_warning(#[case] torn: Vec<u8>) {
    for size in [1000, 1 << 20] {
        let mut verifier = Verifier::new(1);
        healed(&torn, &torn)
            .chunks(size)
            .for_each(|chunk| verifier.feed(chunk));
        let report = verifier.finish();
        assert!(report.intact(), "{report:?}");
        assert!(
            matches!(report.warnings[..], [Warning::Recovered { .. }]),
            "{report:?}"
        );
    }
}

#[test]
fn torn_bytes_that_are_not_the_named_ones_break_it() {
    assert!(!verify(&healed(b"torn", b"tarn")).intact());
}

#[test]
fn naming_an_altered_record_does_not_heal_it() {
    let mut altered = lines()[10].0.clone();
    altered[20] ^= 1;
    altered.pop();
    assert!(!verify(&healed(&altered, &altered)).intact());
}

#[test]
fn removing_named_torn_bytes_breaks_it() {
    let log = healed(b"torn", b"torn");
    let at = log.windows(5).position(|w| w == b"torn\n");
    assert!(at.is_some());
    let without: Vec<u8> = match at {
        Some(at) => [&log[..at], &log[at + 5..]].concat(),
        None => log,
    };
    assert!(!verify(&without).intact());
}

#[test]
fn a_torn_end_nobody_named_yet_is_a_warning_at_every_cut() {
    let whole = lines();
    let start = bytes(&whole[..19]).len();
    let log = bytes(&whole);
    for cut in start + 1..log.len() {
        let report = verify(&log[..cut]);
        assert!(report.intact(), "cut at {cut}: {report:?}");
        assert_eq!(report.warnings_total, 1, "cut at {cut}: {report:?}");
    }
}

fn two_segments() -> (Vec<u8>, Vec<u8>) {
    let mut first = twenty();
    first.push(Body::SegmentEnd { next: 2 });
    let first = chain(&first);
    let head = first[20].1.h;
    let mut second = vec![Body::SegmentStart {
        prev_h: head.to_string(),
    }];
    second.extend(twenty());
    (bytes(&first), bytes(&chain_from(&second, 2, 21, head)))
}

#[test]
fn segments_follow_each_other() {
    let (first, second) = two_segments();
    let mut verifier = Verifier::new(1);
    verifier.feed(&first);
    verifier.begin_segment(2, &mut |_| ());
    verifier.feed(&second);
    let report = verifier.finish();
    assert!(is_clean(&report), "{report:?}");
    assert_eq!((report.records, report.segments), (42, 2));

    let mut late = Verifier::new(2);
    late.feed(&second);
    let late = late.finish();
    assert!(!late.intact());
    let reasons: Vec<_> = late.faults.iter().map(|fault| fault.reason).collect();
    assert_eq!(reasons, [Reason::StartsLate]);
    assert_eq!(
        verify(&first).warnings,
        [Warning::NextMissing { segment: 2 }]
    );
}

/// Gives two segments of which the second says that the first is removed, or another one.
fn pruned(segment: u64, other_end: bool) -> (Vec<u8>, Vec<u8>) {
    let mut first = twenty();
    first.push(Body::SegmentEnd { next: 2 });
    let first = chain(&first);
    let head = first[20].1.h;
    let end = if other_end {
        ChainHash::of(b"other")
    } else {
        head
    };
    let mut second = vec![
        Body::SegmentStart {
            prev_h: head.to_string(),
        },
        Body::SegmentPruned(SegmentPruned {
            segment,
            n: 21,
            h: end.to_string(),
        }),
    ];
    second.extend(twenty());
    (bytes(&first), bytes(&chain_from(&second, 2, 21, head)))
}

#[test]
fn a_beginning_that_is_not_here_is_a_fault_unless_the_log_says_that_it_was_removed() {
    for (segment, other_end, reasons) in [
        (1, false, vec![]),
        (1, true, vec![Reason::Pruned]),
        (7, false, vec![Reason::StartsLate]),
    ] {
        let (_, second) = pruned(segment, other_end);
        let mut late = Verifier::new(2);
        late.feed(&second);
        let report = late.finish();
        let found: Vec<_> = report.faults.iter().map(|fault| fault.reason).collect();
        assert_eq!(found, reasons, "{report:?}");
        let removed = reasons.is_empty().then_some((1, 21));
        assert_eq!(report.pruned, removed);
    }
}

#[test]
fn an_anchor_from_before_a_removed_beginning_says_nothing_of_what_is_here() {
    let (_, second) = pruned(1, false);
    let log = crate::domain::ids::LogId::from_parts(chrono::DateTime::UNIX_EPOCH, 1);
    let h = ChainHash::of(b"whatever");
    let anchors = [3, 21].map(|n| Anchor {
        log: log.clone(),
        n,
        h,
    });
    let expectations = Expectations {
        anchors: anchors.to_vec(),
        ..Expectations::default()
    };
    let mut late = Verifier::expecting(2, &expectations);
    late.feed(&second);
    let report = late.finish();
    assert!(report.intact(), "{report:?}");
    assert_eq!(report.warnings, [Warning::AnchorsBefore { count: 2 }]);
    assert_eq!(report.earlier, [(3, h), (21, h)]);
    assert_eq!((report.anchors, report.anchored), (0, None));
    assert!(report.unmet.is_empty(), "{report:?}");
}

#[test]
fn a_line_that_follows_and_that_nobody_can_read_breaks_it_also_where_it_is_named() {
    let whole = lines();
    let (line, last) = &whole[9];
    let text =
        String::from_utf8_lossy(line).replacen("\"uid\":1000", "\"uid\":9007199254740991", 1);
    let hashed = text.split_once(",\"h\":").map_or("", |(hashed, _)| hashed);
    let h = ChainHash::of(hashed.as_bytes());
    let unreadable = format!("{hashed},\"h\":\"{h}\"}}\n");
    let before = bytes(&whole[..9]);
    let mut handed = 0;
    let mut verifier = Verifier::new(1);
    let at_the_end = [&before[..], unreadable.as_bytes()].concat();
    verifier.feed_with(&at_the_end, &mut |_| handed += 1);
    let report = verifier.finish();
    let fault = report
        .faults
        .first()
        .map(|fault| (fault.offset, fault.reason));
    assert_eq!(fault, Some((before.len() as u64, Reason::Field("uid"))));
    // Whoever reads the records is told how many are not among them.
    assert_eq!((report.records, report.unread, handed), (9, 1, 9));

    let mut bodies: Vec<Body> = name_torn(unreadable.as_bytes()).into_iter().collect();
    bodies.extend(twenty().into_iter().take(3));
    let named = chain_from(&bodies, 1, last.n - 1, last.prev);
    let report = verify(&[&at_the_end[..], &bytes(&named)].concat());
    assert_eq!((report.faults_total, report.unread), (1, 1), "{report:?}");
}

#[test]
fn torn_writes_are_no_lines_that_cannot_be_read() {
    for log in [healed(b"torn", b"torn"), bytes(&lines()[..2])] {
        assert_eq!(verify(&log).unread, 0);
    }
    let torn = [&bytes(&lines()[..2])[..], b"torn"].concat();
    assert_eq!(verify(&torn).unread, 0);
    assert_eq!(verify(&healed(b"torn", b"tarn")).unread, 1);
}

#[test]
fn a_number_of_a_segment_is_counted_on_without_overflow() {
    let mut verifier = Verifier::new(u64::MAX);
    verifier.feed(&bytes(&chain(&[Body::SegmentEnd { next: 2 }])));
    verifier.begin_segment(u64::MAX, &mut |_| ());
    assert!(!verifier.finish().intact());
    let mut named = Verifier::new(1);
    named.feed(&bytes(&lines()));
    named.no_segment();
    let reasons: Vec<_> = named
        .finish()
        .faults
        .iter()
        .map(|fault| fault.reason)
        .collect();
    assert_eq!(reasons, [Reason::SegmentNumber]);
}

#[test]
fn an_anchor_behind_a_fault_does_not_say_that_all_is_here() {
    let whole = lines();
    let anchor = |place: usize| Anchor {
        log: crate::domain::ids::LogId::from_parts(chrono::DateTime::UNIX_EPOCH, 1),
        n: whole[place].1.n,
        h: whole[place].1.h,
    };
    let expectations = Expectations {
        anchors: vec![anchor(4), anchor(19)],
        ..Expectations::default()
    };
    let anchored = |log: &[u8], segment: u64| {
        let mut verifier = Verifier::expecting(segment, &expectations);
        verifier.feed(log);
        let report = verifier.finish();
        (report.anchors, report.anchored)
    };
    assert_eq!(anchored(&bytes(&whole), 1), (2, Some(20)));
    let mut edited = whole.clone();
    edited[10].0[2] = b'w';
    assert_eq!(anchored(&bytes(&edited), 1), (2, Some(5)));
    let mut edited = whole.clone();
    edited[1].0[2] = b'w';
    assert_eq!(anchored(&bytes(&edited), 1), (2, None));
    // As if the segments before it had been taken away.
    assert_eq!(anchored(&bytes(&whole), 2).1, None);
}

#[test]
fn a_missing_or_swapped_segment_breaks_it() {
    let (first, second) = two_segments();
    let mut gap = Verifier::new(1);
    gap.feed(&first);
    gap.begin_segment(3, &mut |_| ());
    gap.feed(&second);
    assert!(!gap.finish().intact());
    let mut joined = Verifier::new(1);
    joined.feed(&[first, second].concat());
    assert!(!joined.finish().intact());
}

#[test]
fn sessions_are_counted_and_missed() {
    let close = Body::SessionClose {
        reason: "quit".into(),
    };
    let both = verify(&bytes(&chain(&[open_with(None), close])));
    assert!(both.intact());
    assert_eq!(both.warnings, [Warning::NoKey { count: 1 }]);
    assert_eq!(both.sessions, 1);
    assert_eq!(
        verify(&bytes(&chain(&[open_with(None)]))).warnings,
        [
            Warning::SessionsOpen { count: 1 },
            Warning::NoKey { count: 1 }
        ]
    );
}

#[test]
fn faults_are_counted_beyond_what_is_kept() {
    let log: Vec<u8> = (0..300)
        .flat_map(|_| bytes(&chain(&twenty()[..1])))
        .collect();
    let report = verify(&log);
    assert_eq!((report.faults.len(), report.faults_total), (KEPT, 299));
}

proptest! {
    #[test]
    fn any_changed_byte_breaks_it(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut log = bytes(&lines());
        let at = at.index(log.len());
        prop_assume!(log[at] != byte);
        log[at] = byte;
        prop_assert!(!verify(&log).intact());
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        let mut verifier = Verifier::new(1);
        for chunk in &chunks {
            verifier.feed(chunk);
        }
        let report = verifier.finish();
        prop_assert_eq!(report.records, 0);
    }

    #[test]
    fn any_inserted_line_breaks_it(at in 0_usize..=19, line in "[ -~]{0,80}") {
        let whole = lines();
        let log = [&bytes(&whole[..at]), line.as_bytes(), b"\n", &bytes(&whole[at..])].concat();
        prop_assert!(!verify(&log).intact());
    }
}

#[test]
fn a_log_without_a_record_is_a_warning() {
    let report = Verifier::new(1).finish();
    assert!(report.faults.is_empty());
    assert_eq!(report.warnings, [Warning::Empty]);
    // Where checkpoints are required their absence is more than that.
    let required = Expectations {
        require_checkpoints: true,
        ..Expectations::default()
    };
    let report = Verifier::expecting(1, &required).finish();
    assert_eq!((report.faults_total, report.unsealed), (1, 1));
}

#[test]
fn a_whole_log_under_the_name_of_another_is_broken() {
    let log = bytes(&lines());
    for (id, faults) in [(1, 0), (9, 20)] {
        let id = crate::domain::ids::LogId::from_parts(chrono::DateTime::UNIX_EPOCH, id);
        let mut verifier = Verifier::new(1).of_log(&id);
        verifier.feed(&log);
        let report = verifier.finish();
        assert_eq!(report.faults_total, faults, "{report:?}");
        assert_eq!(report.log.as_deref(), Some(id.as_str()));
        let other = |fault: &Fault| fault.reason == Reason::OtherLog;
        assert!(report.faults.iter().all(other), "{report:?}");
    }
}
