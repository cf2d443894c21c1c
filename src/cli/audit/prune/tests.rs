use std::error::Error;

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::domain::audit::{
    CaseChanged, DocumentPosted, DocumentWritten, HoldSet, Observed, OutcomeState, RecoverySaid,
    RecoveryWord, WatchOver, WatchUntil,
};
use crate::domain::containment::campaign::CampaignNamed;
use crate::domain::containment::hold::drift_marker;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::outbox::records;
use crate::domain::containment::recovery_watch::over_marker;
use crate::domain::containment::samples::{
    account, aid, ask, case, confirmed, intent, outcome, pid, planned,
};
use crate::domain::ids::RecordId;
use crate::store::audit::{Clock, Ground, SystemClock};

const D: ActionKind = ActionKind::DisableAccount;
const R: ActionKind = ActionKind::RevokeSessions;
const E: ActionKind = ActionKind::EnableAccount;

/// A clock that stands some days back.
struct Back(i64);

impl Clock for Back {
    fn wall(&self) -> DateTime<Utc> {
        Utc::now() - TimeDelta::days(self.0)
    }

    fn boot_us(&self) -> u64 {
        SystemClock.boot_us()
    }
}

/// Writes records into the first segment of a log, others into later ones, and prunes all that is old.
fn pruned(days: i64, bodies: Vec<Body>) -> Result<(u8, String), Box<dyn Error>> {
    pruned_of(days, [bodies])
}

/// Writes records into a segment each, others into later ones, and prunes all that is old.
fn pruned_of(
    days: i64,
    segments: impl IntoIterator<Item = Vec<Body>>,
) -> Result<(u8, String), Box<dyn Error>> {
    pruned_in(None, days, segments)
}

/// The same on a host that allows a campaign.
fn pruned_in(
    campaign: Option<&Campaign>,
    days: i64,
    segments: impl IntoIterator<Item = Vec<Body>>,
) -> Result<(u8, String), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let dir = root.path().join("audit");
    let ground = Ground {
        clock: Box::new(Back(days)),
        rotate_at: 200,
        ..Ground::default()
    };
    let log = AuditLog::open_on(&dir, compose::identity(), ground)?;
    for bodies in segments {
        log.append_blocking(bodies)?;
    }
    for seconds in 0..3 {
        log.append_blocking(vec![Body::ClockJump { seconds }])?;
    }
    drop(log);
    let mut out = Vec::new();
    let code = prune(&dir, Utc::now(), campaign, &mut out)?;
    Ok((code, String::from_utf8(out)?))
}

/// An action that was sent and proven.
fn proven(number: u128, kind: ActionKind) -> Vec<Body> {
    vec![
        planned(number, 0, kind),
        confirmed(number, false),
        intent(number, None),
        outcome(number, OutcomeState::Verified),
    ]
}

/// An action that was sent and found to have had no effect.
fn refuted(number: u128, kind: ActionKind) -> Vec<Body> {
    vec![
        planned(number, 0, kind),
        confirmed(number, false),
        intent(number, None),
        outcome(number, OutcomeState::NotEffective),
    ]
}

/// A disabling that was sent and refused, and what was read all the same.
fn refused(number: u128, matches: bool) -> Vec<Body> {
    vec![
        planned(number, 0, D),
        confirmed(number, false),
        intent(number, None),
        Body::ActionObserve(Observed {
            aid: aid(number),
            evidence: "status".into(),
            matches: Some(matches),
            reads: 1,
            used: None,
            effect_at: None,
        }),
        outcome(number, OutcomeState::Rejected),
    ]
}

/// Others undid a disabling that was proven.
fn undone(number: u128) -> Body {
    outcome(number, OutcomeState::Drifted)
}

/// Makes records those of another plan.
fn of_plan(number: u128, mut bodies: Vec<Body>) -> Vec<Body> {
    for body in &mut bodies {
        if let Body::ActionPlan { pid: of, .. }
        | Body::ActionConfirm { pid: of, .. }
        | Body::ActionDoc { pid: of, .. } = body
        {
            *of = pid(number);
        }
    }
    bodies
}

fn documented(numbers: &[u128]) -> Body {
    Body::ActionDoc {
        pid: pid(1),
        aids: numbers.iter().map(|number| aid(*number)).collect(),
        case: case(),
        comment: "~7".into(),
    }
}

fn hold() -> Body {
    Body::HoldSet(HoldSet {
        case: case(),
        account: account().id,
        login: account().login,
        owner: "jo".into(),
        until: None,
        how: "confirmed".to_owned(),
        reason: None,
    })
}

fn said(word: RecoveryWord) -> Body {
    Body::Recovery(RecoverySaid {
        case: case(),
        account: account().id,
        word,
    })
}

/// An account that was contained and enabled again with a watch.
fn watched() -> Vec<Body> {
    let until = WatchUntil {
        aid: aid(2),
        login: account().login,
        owner: "jo".into(),
        until: Utc::now() + TimeDelta::days(2),
        how: "confirmed".to_owned(),
        reason: None,
        looked: None,
    };
    let mut bodies = proven(1, D);
    bodies.push(said(RecoveryWord::Until(until)));
    bodies.extend(proven(2, E));
    bodies.push(documented(&[1, 2]));
    bodies
}

fn over() -> Body {
    said(RecoveryWord::Over(WatchOver {
        aid: aid(2),
        text: "72 h, nothing seen".into(),
        well: true,
    }))
}

fn rid() -> RecordId {
    RecordId::from_parts(DateTime::UNIX_EPOCH, 9)
}

fn promise(kind: &str, marker: String) -> Body {
    Body::RecordIntent {
        rid: rid(),
        kind: kind.to_owned(),
        case: case(),
        phase: None,
        marker,
        sha256: String::new(),
    }
}

fn done() -> Body {
    Body::RecordDone {
        rid: rid(),
        id: "~8".into(),
    }
}

fn note() -> Vec<Body> {
    records(&rid(), &case(), &"call her".into(), None, None)
}

fn change() -> Body {
    Body::CaseChanged(CaseChanged {
        rid: rid(),
        case: case(),
        kind: "claim".to_owned(),
        from: "".into(),
        to: "kim".into(),
        comment: None,
    })
}

fn report() -> Body {
    Body::DocumentWritten(DocumentWritten {
        rid: rid(),
        case: case(),
        kind: "handover".to_owned(),
        name: "".into(),
        by: "jo".into(),
        part: 0,
        parts: 1,
        text: "all quiet".into(),
    })
}

fn posted() -> Body {
    Body::DocumentPosted(DocumentPosted {
        rid: rid(),
        comment: "~9".into(),
    })
}

fn asked() -> Vec<Body> {
    let request = Body::ApprovalRequested {
        pid: pid(1),
        aids: vec![aid(1)],
        ask: ask(),
        reasons: Vec::new(),
        requester: "u1".into(),
        requester_login: "jo".into(),
        expires: Utc::now(),
    };
    vec![planned(1, 0, D), request]
}

/// An answer whose confirmations were torn off with their console.
fn approved() -> Body {
    Body::Approval {
        pid: pid(1),
        asked: pid(1),
        plan_hash: "ab".to_owned(),
        approver: "u2".into(),
        approver_login: "kim".into(),
        comment: "~3".into(),
        at: Utc::now(),
    }
}

fn denied() -> Body {
    Body::ApprovalDenied {
        pid: pid(1),
        aids: vec![aid(1)],
        by: "kim".into(),
        comment: "~3".into(),
    }
}

/// Puts records behind others.
fn with(mut bodies: Vec<Body>, more: impl IntoIterator<Item = Body>) -> Vec<Body> {
    bodies.extend(more);
    bodies
}

/// A plan that nobody confirmed, to be confirmed within minutes from now.
fn plan(minutes: i64) -> Body {
    let mut plan = planned(1, 0, R);
    if let Body::ActionPlan { expires, .. } = &mut plan {
        *expires = Utc::now() + TimeDelta::minutes(minutes);
    }
    plan
}

/// A plan of a kind that is not known here.
fn of_tomorrow() -> Body {
    let mut plan = plan(-20);
    if let Body::ActionPlan { kind, .. } = &mut plan {
        "wipe_account".clone_into(kind);
    }
    plan
}

#[rstest]
#[case::planned(vec![plan(4)], "a plan may still be confirmed")]
#[case::of_tomorrow(
    vec![of_tomorrow(), confirmed(1, false), intent(1, None)],
    "an action of a newer program has no last word"
)]
#[case::unfinished(vec![planned(1, 0, R), confirmed(1, false), intent(1, None)], "an action has no last word")]
#[case::undocumented(proven(1, R), "a response is not documented")]
#[case::asked(asked(), "a response waits for a second person")]
#[case::torn(with(asked(), [approved()]), "a response waits for a second person")]
#[case::contained(with(proven(1, D), [documented(&[1])]), "a containment stands")]
#[case::refused_and_reads_disabled(with(refused(1, true), [documented(&[1])]), "a containment stands")]
#[case::held(with(proven(1, R), [documented(&[1]), hold()]), "a containment in part has an end set")]
#[case::watched(watched(), "an account that was enabled again is watched")]
#[case::drifted(with(proven(1, D), [undone(1), documented(&[1])]), "a case was not told that others undid a containment")]
#[case::untold(with(watched(), [over()]), "a case was not told of a watch")]
#[case::note(note(), "a note waits for its case")]
#[case::change(vec![change()], "nobody said what came of the change of a case")]
#[case::report(vec![report()], "a report waits for its case")]
fn what_still_stands_is_kept_with_all_that_follows(
    #[case] bodies: Vec<Body>,
    #[case] why: &str,
) -> Result<(), Box<dyn Error>> {
    let (code, words) = pruned(10, bodies)?;
    assert_eq!(code, WARNINGS, "{words}");
    let kept = format!("kept from segment 1 on: {why}");
    assert!(words.contains(&kept), "{words}");
    assert!(!words.contains("removed segment"), "{words}");
    Ok(())
}

#[rstest]
#[case::nothing(vec![Body::ClockJump { seconds: 9 }])]
#[case::never_confirmed(vec![plan(-20)])]
#[case::given_up(vec![plan(4), outcome(1, OutcomeState::Abandoned)])]
#[case::of_tomorrow(
    vec![of_tomorrow(), confirmed(1, false), intent(1, None), outcome(1, OutcomeState::Verified)]
)]
#[case::rejected(vec![
    planned(1, 0, D), hold(), confirmed(1, false), intent(1, None), outcome(1, OutcomeState::NotEffective),
    documented(&[1]),
])]
#[case::refused(with(refused(1, false), [documented(&[1])]))]
#[case::denied(with(asked(), [denied()]))]
#[case::undone(with(proven(1, D), [proven(2, E), vec![hold(), documented(&[1, 2])]].concat()))]
#[case::told(with(watched(), [over(), promise("comment", over_marker(&aid(2))), done()]))]
#[case::drift_told(with(
    proven(1, D),
    [undone(1), documented(&[1]), promise("comment", drift_marker(&aid(1))), done()],
))]
#[case::noted(with(note(), [done()]))]
#[case::changed(vec![change(), done()])]
#[case::posted(vec![report(), posted()])]
fn what_is_over_goes_and_that_is_said(#[case] bodies: Vec<Body>) -> Result<(), Box<dyn Error>> {
    let (code, words) = pruned(10, bodies)?;
    assert_eq!(code, OK, "{words}");
    assert!(words.starts_with("removed segment 1,"), "{words}");
    assert!(words.contains("gone with them, "), "{words}");
    assert!(!words.contains("kept from"), "{words}");
    Ok(())
}

#[rstest]
#[case::revoked(with(proven(1, R), [documented(&[1])]), proven(2, D), "a containment stands")]
#[case::contained(with(proven(1, D), [documented(&[1])]), proven(2, D), "a containment stands")]
#[case::refuted(
    with(refuted(1, D), [documented(&[1])]), with(proven(2, R), [hold()]), "a containment in part has an end set"
)]
fn what_was_before_a_containment_goes(
    #[case] earlier: Vec<Body>,
    #[case] later: Vec<Body>,
    #[case] why: &str,
) -> Result<(), Box<dyn Error>> {
    let later = of_plan(2, with(later, [documented(&[2])]));
    let (code, words) = pruned_of(10, [earlier, later])?;
    assert_eq!(code, OK, "{words}");
    assert!(words.starts_with("removed segment 1,"), "{words}");
    let kept = format!("kept from segment 2 on: {why}");
    assert!(words.contains(&kept), "{words}");
    Ok(())
}

/// A late one may leave the earlier its proof.
#[test]
fn what_was_proven_before_a_disabling_without_a_proof_is_kept() -> Result<(), Box<dyn Error>> {
    let earlier = with(proven(1, D), [documented(&[1])]);
    let later = of_plan(2, with(refused(2, true), [documented(&[2])]));
    let (code, words) = pruned_of(10, [earlier, later])?;
    assert_eq!(code, WARNINGS, "{words}");
    let kept = "kept from segment 1 on: a containment stands";
    assert!(words.contains(kept), "{words}");
    Ok(())
}

#[test]
fn a_plan_that_may_be_confirmed_keeps_its_segment() -> Result<(), Box<dyn Error>> {
    let named = Body::ActionCampaign(CampaignNamed {
        pid: pid(1),
        campaign: "phish-11".to_owned(),
    });
    let earlier = vec![Body::ClockJump { seconds: 9 }];
    let (code, words) = pruned_of(10, [earlier, vec![plan(4), named]])?;
    assert_eq!(code, OK, "{words}");
    assert!(words.starts_with("removed segment 1,"), "{words}");
    assert!(!words.contains("removed segment 2"), "{words}");
    let kept = "kept from segment 2 on: a plan may still be confirmed";
    assert!(words.contains(kept), "{words}");
    Ok(())
}

#[test]
fn an_end_that_was_set_with_an_earlier_containment_is_kept() -> Result<(), Box<dyn Error>> {
    let earlier = with(proven(1, D), [hold(), documented(&[1])]);
    let later = of_plan(2, with(proven(2, D), [documented(&[2])]));
    let (code, words) = pruned_of(10, [earlier, later])?;
    assert_eq!(code, WARNINGS, "{words}");
    assert!(
        words.contains("kept from segment 1 on: a containment stands"),
        "{words}"
    );
    Ok(())
}

#[test]
fn what_counts_against_a_cap_is_kept_as_long_as_it_counts() -> Result<(), Box<dyn Error>> {
    let bodies = || with(proven(1, R), [documented(&[1])]);
    let (code, words) = pruned(0, bodies())?;
    assert_eq!(code, WARNINGS, "{words}");
    assert!(
        words.contains("kept from segment 1 on: an action counts against the caps"),
        "{words}"
    );
    assert_eq!(pruned(1, bodies())?.0, OK);
    Ok(())
}

#[rstest]
#[case::runs("phish-11", 1, Some("an action counts in the campaign of the host"))]
#[case::over("phish-11", -1, None)]
#[case::another("phish-12", 1, None)]
fn what_counts_in_a_campaign_is_kept_until_that_is_over(
    #[case] name: &str,
    #[case] hours: i64,
    #[case] why: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    let named = Body::ActionCampaign(CampaignNamed {
        pid: pid(1),
        campaign: "phish-11".to_owned(),
    });
    let bodies = with(proven(1, R), [named, documented(&[1])]);
    let campaign = Campaign {
        name: name.to_owned(),
        until: Utc::now() + TimeDelta::hours(hours),
        accounts: 40,
    };
    let (code, words) = pruned_in(Some(&campaign), 1, [bodies])?;
    match why {
        Some(why) => {
            let kept = format!("kept from segment 1 on: {why}");
            assert!(words.contains(&kept), "{words}");
            assert_eq!(code, WARNINGS, "{words}");
        }
        None => assert_eq!(code, OK, "{words}"),
    }
    Ok(())
}
