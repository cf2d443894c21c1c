mod beginning;
mod changes;
mod ending;
mod ringing;
mod words;

use super::*;
use crate::domain::audit::{Body, WatchLooked};
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::samples::{
    account, aid, at, case, confirmed, entry, intent, planned, proven,
};

const E: ActionKind = ActionKind::EnableAccount;

fn said(word: RecoveryWord) -> Body {
    Body::Recovery(RecoverySaid {
        case: case(),
        account: account().id,
        word,
    })
}

fn until(number: u128, second: i64, how: &str) -> Body {
    said(RecoveryWord::Until(WatchUntil {
        aid: aid(number),
        login: account().login,
        owner: "jo".into(),
        until: at(second),
        how: how.to_owned(),
        reason: None,
        looked: None,
    }))
}

fn seen(number: u128, key: &str) -> Body {
    said(RecoveryWord::Seen(WatchSeen {
        aid: aid(number),
        thing: "attacker".to_owned(),
        source: "okta".to_owned(),
        key: key.into(),
        at: at(50),
        text: "back".into(),
        address: None,
    }))
}

/// An account that was contained and enabled again at second 20, watched until an hour later.
fn watched() -> Ledger {
    let mut ledger = Ledger::default();
    proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 0);
    proven(&mut ledger, 2, ActionKind::RevokeSessions, 20, 5);
    ledger.apply(&entry(30, 19, until(3, 3_600, "confirmed")));
    proven(&mut ledger, 3, E, 40, 20);
    ledger
}

fn the(ledger: &Ledger) -> &RecoveryWatch {
    ledger
        .recoveries()
        .of(&account().id)
        .unwrap_or_else(|| panic!("it is watched"))
}

/// Folds records that come one after another, from a number on.
fn tell(ledger: &mut Ledger, n: u64, bodies: Vec<Body>) {
    for (body, n) in bodies.into_iter().zip(n..) {
        ledger.apply(&entry(n, 20, body));
    }
}

/// Sent, and nothing is known of it; `kind` is planned with a watch where it is an enabling.
fn sent(number: u128, kind: ActionKind) -> Vec<Body> {
    vec![
        planned(number, 0, kind),
        confirmed(number, false),
        until(number, 3_600, "confirmed"),
        intent(number, Some(20)),
    ]
}

fn looked(source: &str, missed: Option<&str>, kinds: &[RemnantKind]) -> Body {
    said(RecoveryWord::Looked(WatchLooked {
        aid: aid(3),
        source: source.to_owned(),
        missed: missed.map(Untrusted::new),
        kinds: kinds.to_vec(),
        items: Vec::new(),
    }))
}
