//! What the screens, the summary and the comments say of a watch.
//!
//! What must not live here: the word of one that ended early (`ending`).

use super::*;
use crate::domain::audit::WatchOver;
use crate::domain::containment::note::Anchor;
use crate::domain::containment::standing::Standing;

/// The head of a log, as a comment carries it.
fn head() -> Anchor {
    Anchor {
        log: "01LOG".to_owned(),
        n: 41,
        h: "ab12".to_owned(),
        at: at(0),
    }
}

#[test]
fn the_comment_of_a_watch_that_ended_early_says_until_when_it_was_watched() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    let anchor = head();
    let mut all = ledger.recoveries().all();
    let watch = all.next().unwrap_or_else(|| panic!("it is kept"));
    let over = watch.over.as_ref().unwrap_or_else(|| panic!("it is over"));
    let text = over_comment(watch, over, &Standing::Free, &anchor);
    for part in [
        "watched until 2027-01-15 08:01:10Z: ended before its time: contained again.",
        "- 2027-01-15 08:00:50Z: back",
        over_marker(&aid(3)).as_str(),
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// It waited for its case: one that waits is tried again for a quarter of an hour.
#[test]
fn the_comment_on_what_was_seen_says_that_the_watch_is_over_where_it_is() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    let line = |ledger: &Ledger| {
        let mut all = ledger.recoveries().all();
        let watch = all.next().unwrap_or_else(|| panic!("it is kept"));
        let text = seen_comment(watch, &Standing::Free, &head());
        let line = text.lines().find(|line| line.starts_with("Enabled "));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert_eq!(
        line(&ledger),
        "Enabled 2027-01-15 08:00:20Z, watched until 2027-01-15 09:00:00Z, owner jo. \
         What comes later is in the summary at the end."
    );
    let mut ran_out = ledger.clone();
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    assert_eq!(
        line(&ledger),
        "Enabled 2027-01-15 08:00:20Z, watched until 2027-01-15 08:01:10Z, owner jo. \
         Its watch is over since 2027-01-15 08:01:10Z."
    );
    let over = WatchOver {
        aid: aid(3),
        text: "59 min".into(),
        well: false,
    };
    ran_out.apply(&entry(52, 3_700, said(RecoveryWord::Over(over))));
    assert_eq!(
        line(&ran_out),
        "Enabled 2027-01-15 08:00:20Z, watched until 2027-01-15 09:00:00Z, owner jo. \
         Its watch is over since 2027-01-15 09:01:40Z."
    );
}

#[test]
fn the_word_says_what_was_not_read_in_one_row() {
    let mut ledger = watched();
    assert_eq!(
        the(&ledger).word_once(false).as_str(),
        "enabled again, not looked yet"
    );
    assert_eq!(
        the(&ledger).word_once(true).as_str(),
        "enabled again, nothing seen"
    );
    ledger.apply(&entry(50, 60, looked("elastic", Some("403"), &[])));
    for is_looked_at in [false, true] {
        assert_eq!(
            the(&ledger).word_once(is_looked_at).as_str(),
            "nothing seen in what was read; not read: elastic"
        );
    }
    let another = looked("the account at okta", Some("x"), &[]);
    ledger.apply(&entry(51, 60, another));
    assert_eq!(
        the(&ledger).word().as_str(),
        "nothing seen in what was read; not read: elastic, 1 more"
    );
    let long = "a".repeat(100);
    ledger.apply(&entry(52, 60, looked(&long, Some("x"), &[])));
    assert!(the(&ledger).word().width() <= 74);
    ledger.apply(&entry(53, 60, seen(3, "e1")));
    assert_eq!(the(&ledger).word().as_str(), "SEEN SINCE: back");
}

#[test]
fn the_summary_says_what_was_read_and_what_was_not() {
    let mut ledger = watched();
    let read: [Safe; 2] = ["okta".into(), "elastic".into()];
    assert_eq!(
        the(&ledger).summary(&read, &[]).as_str(),
        "59 min, 2 sources (okta, elastic), nothing seen"
    );
    let missed = WatchLooked {
        aid: aid(3),
        source: "elastic".to_owned(),
        missed: Some("403".into()),
        kinds: Vec::new(),
        items: Vec::new(),
    };
    ledger.apply(&entry(50, 60, said(RecoveryWord::Looked(missed))));
    ledger.apply(&entry(51, 60, seen(3, "e1")));
    assert_eq!(
        the(&ledger)
            .summary(&read[..1], &["elastic: 403".into()])
            .as_str(),
        "59 min, 1 source (okta), 1 thing seen; not read to the end: elastic: 403; \
         not read, or not whole, at some time: elastic (403)"
    );
    let over = WatchOver {
        aid: aid(3),
        text: "59 min".into(),
        well: false,
    };
    ledger.apply(&entry(52, 3_700, said(RecoveryWord::Over(over))));
    assert_eq!(ledger.recoveries().running().count(), 0);
    assert!(the(&ledger).is_listed(at(3_700 + 86_000)));
    assert!(!the(&ledger).is_listed(at(3_700 + 86_400)));
}

#[test]
fn comments_name_what_was_seen_and_where() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    let text = seen_comment(the(&ledger), &Standing::Free, &head());
    assert!(
        text.contains("- 2027-01-15 08:00:50Z: back (seen at okta)"),
        "{text}"
    );
}

#[test]
fn the_word_of_the_end_turns_when_the_time_is_over() {
    let ledger = watched();
    let watch = the(&ledger);
    let word = |second| watch.end_word(at(second)).as_str().to_owned();
    assert!(word(3_599).starts_with("watched until "), "{}", word(3_599));
    assert!(word(3_600).starts_with("watch ended "), "{}", word(3_600));
}

#[test]
fn how_long_a_watch_was_is_said_in_minutes_up_to_two_hours() {
    for (minutes, word) in [(119, "119 min"), (120, "2 h"), (150, "3 h"), (149, "2 h")] {
        assert_eq!(long_word(TimeDelta::minutes(minutes)).as_str(), word);
    }
}

#[test]
fn by_what_the_attacker_would_be_known_is_counted_by_kind() {
    let mut ledger = watched();
    let word = |ledger: &Ledger| {
        let recoveries = ledger.recoveries();
        recoveries.signs_word(the(ledger)).as_str().to_owned()
    };
    assert_eq!(word(&ledger), "no address known");
    let sign = |kind, value: &str| AttackSign {
        kind,
        value: value.into(),
    };
    let first = vec![
        sign(SignKind::Address, "203.0.113.9"),
        sign(SignKind::Session, "s1"),
    ];
    ledger.apply(&entry(60, 60, said(RecoveryWord::Signs(first.clone()))));
    assert_eq!(word(&ledger), "1 address, 1 session");
    let more = vec![
        sign(SignKind::Address, "203.0.113.9"),
        sign(SignKind::Address, "203.0.113.10"),
        sign(SignKind::Device, "d1"),
    ];
    ledger.apply(&entry(61, 60, said(RecoveryWord::Signs(more))));
    assert_eq!(word(&ledger), "2 addresses, 1 device, 1 session");
    let known = ledger.recoveries().signs(the(&ledger));
    assert_eq!(known.len(), 4);
    assert!(known.contains(&first[0]));
}

#[test]
fn a_comment_names_eight_things_and_counts_the_rest() {
    let anchor = head();
    for (many, more) in [(7, None), (8, None), (9, Some("- and 1 more"))] {
        let mut ledger = watched();
        for number in 0..many {
            let body = seen(3, &format!("e{number}"));
            ledger.apply(&entry(60 + number, 60, body));
        }
        let text = seen_comment(the(&ledger), &Standing::Free, &anchor);
        let rest = text.lines().find(|line| line.starts_with("- and "));
        assert_eq!(rest, more, "{text}");
        let named = text.lines().filter(|line| line.contains("(seen at "));
        assert_eq!(named.count(), usize::try_from(many.min(8)).unwrap_or(0));
    }
}
