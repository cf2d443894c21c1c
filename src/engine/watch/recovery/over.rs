//! The end of a watch, and telling the case: once what was seen, once how it ended.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::told::Tries;
use super::super::unleased;
use super::{Look, alone, said};
use crate::domain::audit::{RecoveryWord, WatchOver};
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::note::Anchor;
use crate::domain::containment::recovery_watch::{
    Over, RecoveryWatch, over_comment, rings, seen_comment, seen_marker,
};
use crate::domain::containment::remnant::RemnantKind;
use crate::domain::containment::standing::standing;
use crate::domain::text::{Safe, Untrusted};
use crate::engine::outbox::Unposted;
use crate::engine::{World, outbox};
use crate::safe;
use crate::store::lease;

/// How long after the end of a watch its sources are asked again where they do not answer; then it ends all the same.
const GRACE: TimeDelta = TimeDelta::minutes(15);

/// Ends a watch after its last look, unless a source should be asked again.
pub(super) async fn close(
    world: &World,
    watch: &RecoveryWatch,
    looks: &[Look],
    now: DateTime<Utc>,
) {
    let list = safe!("what is left at {}", watch.account.connection);
    let read: Vec<Safe> = looks
        .iter()
        .filter(|look| look.fault.is_none())
        .map(|look| look.source.clone())
        .collect();
    let mut unread: Vec<Safe> = looks
        .iter()
        .filter_map(|look| {
            let fault = look.fault.as_ref()?;
            Some(safe!("{} ({})", look.source, fault.what))
        })
        .collect();
    if looks.iter().all(|look| look.source != list) {
        unread.push(safe!("{} (not looked at)", list));
    }
    if !unread.is_empty() && now < watch.until + GRACE {
        return;
    }
    let is_listed = read.contains(&list);
    let limits: Vec<Safe> = looks
        .iter()
        .filter_map(|look| look.limits.clone())
        .collect();
    // Where it cannot be recorded the next look closes it.
    let _ = alone(world, watch, |watch| {
        let mut text = watch.summary(&read, &unread);
        let unlisted = RemnantKind::ALL
            .into_iter()
            .filter(|kind| rings(*kind) && !watch.there.contains_key(kind))
            .map(|kind| Safe::fixed(kind.word()));
        let unlisted = Safe::join(unlisted, &Safe::fixed(", "));
        if is_listed && !unlisted.as_str().is_empty() {
            let name = &watch.account.connection;
            text = safe!("{}; not listed at {}: {}", text, name, unlisted);
        }
        for limits in &limits {
            text = safe!("{}; {}", text, limits);
        }
        let over = WatchOver {
            aid: watch.aid.clone(),
            well: unread.is_empty() && watch.missed.is_empty() && watch.seen.is_empty(),
            text: Untrusted::new(text.as_str()),
        };
        vec![said(watch, RecoveryWord::Over(over))]
    })
    .await;
}

/// What a comment says.
#[derive(Clone)]
enum News {
    Seen,
    Over(Over),
}

/// Posts what is not in the cases yet.
pub(super) async fn tell_cases(world: &World, tries: &mut Tries) {
    if outbox::unposted(world).is_some() {
        return;
    }
    let news: Vec<(String, News, RecoveryWatch)> = world.journal.with(|ledger| {
        let mut news = Vec::new();
        for watch in ledger.recoveries().all() {
            if !watch.seen.is_empty() {
                news.push((seen_marker(&watch.aid), News::Seen, watch.clone()));
            }
            if let Some(over) = &watch.over {
                let over = News::Over(over.clone());
                news.push((watch.over_marker(), over, watch.clone()));
            }
        }
        news.retain(|(marker, _, _)| !ledger.holds().is_told(marker));
        news
    });
    for (marker, what, watch) in news {
        if !tries.is_due(&marker) {
            continue;
        }
        if let Err(unposted) = tell(world, &marker, &what, &watch).await {
            outbox::missing(world, &marker, unposted.untold()).await;
            tries.failed(marker);
        }
    }
}

/// Gives a watch as it is on record, else, where it is not kept any more, as it was.
fn on_record<'a>(ledger: &'a Ledger, watch: &'a RecoveryWatch) -> &'a RecoveryWatch {
    let mut all = ledger.recoveries().all();
    all.find(|one| one.aid == watch.aid).unwrap_or(watch)
}

async fn tell(
    world: &World,
    marker: &str,
    what: &News,
    watch: &RecoveryWatch,
) -> Result<(), Unposted> {
    // Two consoles that search before either posts would both post.
    let lease = match lease::take(&world.leases, &watch.aid) {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(()),
        Err(error) => return Err(unleased(&error).into()),
    };
    world.journal.catch_up().await;
    let told = world.journal.with(|ledger| ledger.holds().is_told(marker));
    let posted = if told {
        Ok(())
    } else {
        // Posting may have waited: what is on record by then is told.
        let compose = |anchor: &Anchor| {
            world.journal.with(|ledger| {
                let stands = standing(ledger, &watch.account, |_| false);
                let now = on_record(ledger, watch);
                match what {
                    News::Seen => seen_comment(now, &stands, anchor),
                    // One that was opened anew has another mark: this one is told as it ended.
                    News::Over(over) if now.over.as_ref() != Some(over) => {
                        over_comment(watch, over, &stands, anchor)
                    }
                    News::Over(over) => over_comment(now, over, &stands, anchor),
                }
            })
        };
        outbox::post(world, &watch.case, marker, compose)
            .await
            .map(drop)
    };
    lease::clear(&world.leases, &watch.aid);
    drop(lease);
    posted
}
