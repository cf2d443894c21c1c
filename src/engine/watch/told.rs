//! Telling the case, once each, that a containment was undone by others or from another case, or that the account acted
//! after it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::containment::hold::{
    Success, drift_comment, drift_marker, success_comment, success_marker, undone_comment,
    undone_marker,
};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::note::Anchor;
use crate::domain::containment::standing::standing;
use crate::domain::containment::state::ActionState;
use crate::domain::text::Safe;
use crate::engine::anchored::Round;
use crate::engine::outbox::Unposted;
use crate::engine::plan::case_word;
use crate::engine::{World, outbox};
use crate::store::lease;

/// Rounds left out at most before a comment that keeps failing is tried again.
const ROUNDS_MAX: u32 = 16;

/// Comments that failed: after how many rounds they are tried again, and how many are left until then.
#[derive(Default)]
pub(super) struct Tries(HashMap<String, (u32, u32)>);

impl Tries {
    /// Tells whether a comment is due.
    pub(super) fn is_due(&mut self, marker: &str) -> bool {
        match self.0.get_mut(marker) {
            Some((_, left)) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    }

    pub(super) fn failed(&mut self, marker: String) {
        let (every, left) = self.0.entry(marker).or_insert((1, 0));
        *every = (*every * 2).min(ROUNDS_MAX);
        *left = *every;
    }
}

/// What a comment says.
enum News {
    Drift,
    Success,
    /// The enabling that undid it, and for which case in words.
    Undone(Box<ActionView>, Safe),
}

/// Posts what is not in the cases yet, also of containments that were undone or followed by another since.
pub(super) async fn tell_cases(world: &World, tries: &mut Tries) {
    if outbox::unposted(world).is_some() {
        return;
    }
    let now = world.clock.now().utc;
    let mut news: Vec<(String, News, ActionView)> = Vec::new();
    world.journal.with(|ledger| {
        let drifted = ledger.actions().filter(|action| {
            action.kind == ActionKind::DisableAccount && action.state == ActionState::Drifted
        });
        for action in drifted {
            let marker = drift_marker(&action.aid);
            if !ledger.holds().is_told(&marker) {
                news.push((marker, News::Drift, action.clone()));
            }
        }
        for (action, _) in ledger.untold_successes(now) {
            news.push((success_marker(&action.aid), News::Success, action.clone()));
        }
        for (action, by) in ledger.undone_elsewhere(now) {
            let what = News::Undone(Box::new(by.clone()), by.case.shown());
            news.push((undone_marker(&action.aid), what, action.clone()));
        }
    });
    let mut round = Round::default();
    for (marker, mut what, action) in news {
        if !tries.is_due(&marker) {
            continue;
        }
        // An earlier console may have recorded it over a log that was put back from a copy: the case tells.
        round.look(world, &action.case).await;
        if let News::Undone(by, other) = &mut what {
            let home = world
                .journal
                .with(|ledger| ledger.outbox().home_of(&by.case).clone());
            *other = case_word(world, &home).await;
        }
        if let Err(unposted) = tell(world, &marker, &what, &action).await {
            outbox::missing(world, &marker, unposted.untold()).await;
            tries.failed(marker);
        }
    }
}

async fn tell(
    world: &World,
    marker: &str,
    what: &News,
    action: &ActionView,
) -> Result<(), Unposted> {
    // Two consoles that search before either posts would both post.
    let lease = match lease::take(&world.leases, &action.aid) {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(()),
        Err(error) => return Err(super::unleased(&error).into()),
    };
    world.journal.catch_up().await;
    let seen = untold(world, action);
    let is_due = match what {
        News::Drift | News::Undone(..) => {
            !world.journal.with(|ledger| ledger.holds().is_told(marker))
        }
        News::Success => !seen.is_empty(),
    };
    let posted = if is_due {
        let compose = |anchor: &Anchor| compose(world, what, action, &seen, anchor);
        outbox::post(world, &action.case, marker, compose)
            .await
            .map(drop)
    } else {
        Ok(())
    };
    lease::clear(&world.leases, &action.aid);
    drop(lease);
    posted
}

/// Lists what the account succeeded in after one containment, where its case was not told of it.
fn untold(world: &World, action: &ActionView) -> Vec<Success> {
    let now = world.clock.now().utc;
    world.journal.with(|ledger| {
        let seen = untold_of(ledger, action, now).into_iter();
        seen.cloned().collect()
    })
}

fn untold_of<'a>(ledger: &'a Ledger, action: &ActionView, now: DateTime<Utc>) -> Vec<&'a Success> {
    let mut all = ledger.untold_successes(now).into_iter();
    let own = all.find(|(one, _)| one.aid == action.aid);
    own.map(|(_, seen)| seen).unwrap_or_default()
}

/// Composes the comment by what is on record by now, for posting may have waited; `seen` is what was to be told before that.
fn compose(
    world: &World,
    what: &News,
    action: &ActionView,
    seen: &[Success],
    anchor: &Anchor,
) -> String {
    let now = world.clock.now().utc;
    world.journal.with(|ledger| {
        let stands = standing(ledger, &action.account, |_| false);
        let action = ledger.get(&action.aid).unwrap_or(action);
        match what {
            News::Drift => drift_comment(action, &stands.word(), anchor),
            News::Undone(by, other) => {
                let by = ledger.get(&by.aid).unwrap_or(by);
                undone_comment(action, (by, other), &stands.word(), anchor)
            }
            News::Success => {
                let mut all = untold_of(ledger, action, now);
                if all.is_empty() {
                    all = seen.iter().collect();
                }
                success_comment(action, &all, &stands, anchor)
            }
        }
    })
}
