//! Watching what was proven, and what reads as disabled without a proof: an account that somebody enables again is no more
//! what it was read as, and says so. And watching the audit log, without which nothing more can be done: its disk may
//! fill, and may be emptied again.
//!
//! An account that was enabled again is watched on for a while (`recovery`).

mod anew;
mod last;
mod names;
mod recovery;
mod success;
mod told;

pub(super) use last::{Last, read_now};
pub(super) use names::Names;
pub(super) use recovery::recoveries;
pub(super) use success::{look_now, successes};

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::World;
use super::anchored::Round;
use super::respond::outcome;
use crate::app::message::{Level, Message, WatchOf};
use crate::domain::account::Account;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::hold::BY_WHOM;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::plan::Plan;
use crate::domain::fault::Fault;
use crate::domain::freshness::clock_word;
use crate::domain::ids::{ActionId, ConnectionName, PlanId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// How often the contained accounts and the log are looked at.
const EVERY: Duration = Duration::from_secs(30);

/// How long after its start a console looks at the contained accounts first.
const SOON: Duration = Duration::from_secs(3);

/// Rounds after which all of the log is read once more: a quarter of an hour.
const WHOLE: u32 = 30;

/// Most accounts looked at in one round; where there are more they take turns.
const ACCOUNTS_MAX: usize = 20;

/// Rounds of the watches of logs after which a source is asked for everything since the beginning again: a quarter of an hour.
const ANEW: usize = 22;

/// From one reading of an account that is enabled again to the next.
const TWICE: Duration = Duration::from_secs(5);

/// Rounds between the two where an enabling of ours has no final word yet: reading it back comes first, for two minutes.
const OURS_FIRST: usize = 4;

/// Looks in a row that read an account as enabled and then as disabled before that is told: one is a replica that lags.
const IN_TURN: usize = 3;

/// Rounds between two readings of what an account is called that others enabled: five minutes. A success of it still rings.
const CALLED: usize = 10;

/// What a look says that found something and could not record it: the next one finds it again.
const UNRECORDED: &str = "what was found is not on record yet";

/// Most things kept that were rung for without a record; beyond them they ring once more.
const RUNG_MAX: usize = 1_000;

/// When a source is asked for everything since the beginning of a watch again, by the action that began it: one connection
/// may hold many feeds, and what one of them brings late is older than what the others brought.
#[derive(Default)]
struct Anew(HashMap<(ActionId, ConnectionName), Again>);

/// In which round a source is asked for everything again, and what was not read of it the last time.
struct Again {
    due: usize,
    missed: Option<Fault>,
}

impl Anew {
    /// Tells whether that is due in a round.
    fn is_due(&self, aid: &ActionId, source: &ConnectionName, round: usize) -> bool {
        let last = self.0.get(&(aid.clone(), source.clone()));
        last.is_none_or(|last| round >= last.due)
    }

    /// Notes that it was done in a round, and how: what was found is on record, and it is due again some rounds later.
    fn done(
        &mut self,
        aid: &ActionId,
        source: &ConnectionName,
        round: usize,
        missed: Option<Fault>,
    ) {
        let due = round.saturating_add(ANEW);
        let key = (aid.clone(), source.clone());
        self.0.insert(key, Again { due, missed });
    }

    /// Gives how it went the last time: what was not read then stays unread until it is due again.
    ///
    /// # Errors
    /// When it was not read whole.
    fn last(&self, aid: &ActionId, source: &ConnectionName) -> Result<(), Fault> {
        let last = self.0.get(&(aid.clone(), source.clone()));
        let missed = last.and_then(|last| last.missed.clone());
        missed.map_or(Ok(()), Err)
    }

    /// Forgets what is not watched any more.
    fn keep(&mut self, runs: impl Fn(&ActionId) -> bool) {
        self.0.retain(|(aid, _), _| runs(aid));
    }
}

/// What the rounds before know of accounts whose look began with a reading as enabled.
#[derive(Default)]
struct FirstRead {
    /// In which round that was first, while an enabling of ours has no final word.
    rounds: HashMap<ActionId, usize>,
    /// How many such looks in a row ended with a reading as disabled.
    turned: HashMap<ActionId, usize>,
    /// Whether any look began so: who waits for one may go on before it ends.
    otherwise: Arc<AtomicBool>,
}

impl FirstRead {
    /// Tells whether the first of such readings is old enough for that of this round to be the second.
    fn is_old(&mut self, aid: &ActionId, round: usize) -> bool {
        let first = *self.rounds.entry(aid.clone()).or_insert(round);
        round >= first.saturating_add(OURS_FIRST)
    }

    /// Notes that the second reading was as disabled, and tells whether that was so several times in a row.
    fn turns(&mut self, aid: &ActionId) -> bool {
        self.rounds.remove(aid);
        let looks = self.turned.entry(aid.clone()).or_default();
        *looks = looks.saturating_add(1);
        *looks >= IN_TURN
    }

    /// Forgets one whose look begins with a reading as disabled.
    fn forget(&mut self, aid: &ActionId) {
        self.rounds.remove(aid);
        self.turned.remove(aid);
    }

    /// Forgets what is not watched any more.
    fn keep(&mut self, runs: impl Fn(&ActionId) -> bool) {
        self.rounds.retain(|aid, _| runs(aid));
        self.turned.retain(|aid, _| runs(aid));
    }
}

/// Tells whether something that was seen and cannot be recorded has not rung yet in this process.
pub(super) fn rings_first(world: &World, aid: &ActionId, what: &Untrusted) -> bool {
    let mut rung = world.rung.lock().unwrap_or_else(PoisonError::into_inner);
    if rung.len() >= RUNG_MAX {
        rung.clear();
    }
    rung.insert((aid.clone(), what.clone()))
}

/// Rings for what was seen and cannot be recorded, so that no record rings for it.
pub(super) async fn ring(world: &World, what: &Safe, why: &Safe) {
    let line = safe!("{}; it could not be recorded: {}", what, why);
    let hint = "no other console and no case is told; while nothing can be recorded nothing can be sent from here: act at the provider";
    world
        .notice(Level::Alarm, Fault::new(line).hint(hint))
        .await;
}

/// Says why the lease could not be taken under which consoles record and tell one after another.
fn unleased(error: &std::io::Error) -> Fault {
    let error = Untrusted::new(error.to_string());
    Fault::new(safe!("failed to take the lease for it: {}", error.line()))
}

/// Looks for ever at the accounts that stand as disabled, by a proof or as they read, and were not enabled from here.
pub(super) async fn drift(world: Arc<World>) {
    let mut first = FirstRead::default();
    for round in 0usize.. {
        // Others may have enabled an account while no console ran.
        let wait = if round == 0 { SOON } else { EVERY };
        tokio::time::sleep(world.pace.of(wait)).await;
        // What others undid is not looked at for that again.
        let (disabled, undone): (Vec<ActionView>, Vec<ActionView>) = disabled(&world)
            .into_iter()
            .partition(ActionView::still_disables);
        first.keep(|aid| disabled.iter().any(|action| action.aid == *aid));
        for action in turn(&disabled, round) {
            look(&world, action, round, &mut first).await;
        }
        if round.is_multiple_of(CALLED) {
            for action in turn(&undone, round / CALLED) {
                names::read(&world, action).await;
            }
        }
    }
}

/// Chooses whom a round looks at, so that nobody is left out for ever.
fn turn<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    let first = round.wrapping_mul(ACCOUNTS_MAX) % all.len().max(1);
    all.iter()
        .cycle()
        .skip(first)
        .take(all.len().min(ACCOUNTS_MAX))
}

/// Looks for ever at the audit log, before anybody plans an action that could not be recorded; and from time to time at
/// all of it, for what is appended shows nothing of an edit far above.
pub(super) async fn log(world: Arc<World>) {
    for round in 1u32.. {
        world.journal.look().await;
        tokio::time::sleep(world.pace.of(EVERY)).await;
        if round.is_multiple_of(WHOLE) {
            world.journal.look_whole().await;
        }
    }
}

/// Lists the disabling that counts of each account that stands as disabled and that no enabling from here takes back.
fn disabled(world: &World) -> Vec<ActionView> {
    let now = world.clock.now().utc;
    world
        .journal
        .with(|ledger| ledger.disabled(now).into_iter().cloned().collect())
}

/// Looks at one account at once, and records that its proof is lost where that is so; tells whether it could be read, and
/// before that, through `otherwise`, that it reads as enabled.
async fn look_at_status(world: &World, action: &ActionView, otherwise: Arc<AtomicBool>) -> bool {
    let mut first = FirstRead {
        otherwise,
        ..FirstRead::default()
    };
    look(world, action, 0, &mut first).await
}

async fn look(world: &World, action: &ActionView, round: usize, first: &mut FirstRead) -> bool {
    let fault = status(world, action, round, first).await.err();
    let is_read = fault.is_none();
    let told = Message::Watched {
        account: action.account.clone(),
        of: WatchOf::Status,
        fault,
    };
    world.tell(told).await;
    is_read
}

/// Looks whether an account is enabled again, and records that others undid its disabling.
///
/// A provider that does not answer says nothing about the account; that nobody looks at it is the fault.
async fn status(
    world: &World,
    action: &ActionView,
    round: usize,
    first: &mut FirstRead,
) -> Result<(), Fault> {
    let name = &action.account.connection;
    let Some(identity) = world.identity(name) else {
        let what = safe!("no identity provider is named {} now", name);
        return Err(Fault::new(what));
    };
    // Any status that lets the holder back in counts, not only ACTIVE: a helpdesk enables and resets the password at once.
    let mut account = identity.account(&action.account).await?;
    names::learn(world, &action.account, &action.login, &account).await;
    if identity.keeps_out(&account.status) {
        first.forget(&action.aid);
        anew::look(world, action, &account).await;
        return Ok(());
    }
    first.otherwise.store(true, Ordering::SeqCst);
    // Two readings, so that one answer of a replica that lags does not take a proof away.
    let is_ours_open = world.journal.with(|ledger| {
        ledger
            .enablings_after(action)
            .any(ActionView::is_unfinished)
    });
    if is_ours_open {
        // A later round reads it again: the other accounts do not wait for it.
        if !first.is_old(&action.aid, round) {
            return Ok(());
        }
    } else {
        if !world.pause(TWICE).await {
            return Err(Fault::new("it was not read a second time: quell ends"));
        }
        account = identity.account(&action.account).await?;
        if identity.keeps_out(&account.status) {
            if first.turns(&action.aid) {
                in_turn(world, action).await;
            }
            return Ok(());
        }
    }
    // In a log that was put back from a copy an enabling of ours may be missing, which its case tells.
    Round::default().look(world, &action.case).await;
    // Another console of this user may have enabled it, or have said that others did.
    world.journal.catch_up().await;
    let Some(evidence) = undone(world, action, &account) else {
        return Ok(());
    };
    let text = evidence.as_str().to_owned();
    let lost = outcome(&action.aid, OutcomeState::Drifted, text, None);
    // The journal tells the console, which rings; when it fails, the next round finds it again.
    let Err(fault) = world.journal.record(vec![lost]).await else {
        return Ok(());
    };
    if rings_first(world, &action.aid, &Untrusted::default()) {
        let what = safe!(
            "CONTAINMENT UNDONE BY OTHERS: {} (id {} at {}), seen at {}: {}",
            action.login.field(),
            action.account.shown(),
            name,
            clock_word(world.clock.now().utc),
            evidence
        );
        ring(world, &what, &fault.what).await;
    }
    Err(Fault::new(UNRECORDED))
}

/// Gives the record that others undid what disables an account that a plan is about to disable anew: the watch looks at the
/// newest disabling only.
///
/// The account read enabled for the plan and does so right before this: two readings, as far apart as those of the watch,
/// and both after the last word on that disabling. One that tells a status of before it comes from a replica that lags.
pub(super) fn undone_before(world: &World, plan: &Plan) -> Option<Body> {
    let (now, account) = (world.clock.now(), &plan.account);
    if now.boot.saturating_sub(plan.made.boot) < world.pace.of(TWICE) {
        return None;
    }
    // Ids of plans begin with their time and sort by it.
    let is_before = |ended| PlanId::from_parts(ended, u128::MAX).as_str() < plan.pid.as_str();
    let last = world.journal.with(|ledger| {
        let mut all = ledger.disabled(now.utc).into_iter();
        let last = all.find(|act| act.account == account.id)?;
        let is_old = account.status_changed.zip(last.effect_at);
        let is_old = is_old.is_some_and(|(since, ours)| since < ours);
        let mut enablings = ledger.enablings_after(last);
        let is_open = enablings.any(ActionView::is_unfinished);
        (last.ended.is_some_and(is_before) && !is_old && !is_open).then(|| last.clone())
    })?;
    let evidence = undone(world, &last, account)?.as_str().to_owned();
    Some(outcome(&last.aid, OutcomeState::Drifted, evidence, None))
}

/// Says how an account reads whose disabling others undid, and by whom that was; `None` where it was undone from here, or
/// does not stand.
fn undone(world: &World, action: &ActionView, account: &Account) -> Option<Safe> {
    let now = world.clock.now().utc;
    let in_doubt = world.journal.is_in_doubt();
    let by = world.journal.with(|ledger| {
        let stands = ledger
            .get(&action.aid)
            .is_some_and(ActionView::still_disables);
        let mut enablings = ledger.enablings_after(action);
        let is_others = stands && !enablings.any(|other| other.takes_back(now));
        is_others.then(|| {
            if in_doubt {
                BY_WHOM.into()
            } else {
                ledger.undone_by(action)
            }
        })
    });
    by.map(|by| safe!("status {} now, {}", account.vendor_status.field(), by))
}

/// Rings once for an account of which nobody can tell how it stands: replicas of its provider answer in turn, or somebody
/// enables and disables it. Nothing is recorded, for no two readings agree that its disabling was undone.
async fn in_turn(world: &World, action: &ActionView) {
    if !rings_first(world, &action.aid, &Untrusted::new("in turn")) {
        return;
    }
    let what = safe!(
        "{} (id {} at {}) reads as enabled and as disabled in turn: look at the provider",
        action.login.field(),
        action.account.shown(),
        action.account.connection
    );
    let hint = "while it reads so nothing is recorded as undone by others: where it is enabled, disable it again";
    let fault = Fault::new(what).hint(hint);
    world.notice(Level::Alarm, fault).await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{aid, connection, proven};

    #[test]
    fn everything_is_asked_for_again_until_it_was_read_and_after_so_many_rounds() {
        let (mut anew, source) = (Anew::default(), connection());
        assert!(anew.is_due(&aid(1), &source, 7));
        assert!(anew.is_due(&aid(1), &source, 8), "it was not read");
        anew.done(&aid(1), &source, 8, None);
        assert!(!anew.is_due(&aid(1), &source, 9));
        assert!(!anew.is_due(&aid(1), &source, 8 + ANEW - 1));
        // An account whose turn was not then is not left out.
        assert!(anew.is_due(&aid(1), &source, 8 + ANEW + 3));
        assert!(anew.is_due(&aid(2), &source, 9), "another one");
        anew.done(&aid(2), &source, 9, None);
        anew.keep(|one| *one != aid(1));
        assert!(!anew.is_due(&aid(2), &source, 10));
        assert!(anew.is_due(&aid(1), &source, 9), "forgotten");
    }

    #[test]
    fn what_was_not_read_whole_is_said_until_it_is_read_again() {
        let (mut anew, source) = (Anew::default(), connection());
        assert_eq!(anew.last(&aid(1), &source), Ok(()));
        let many = Fault::new("okta was not read whole: too many events of the account");
        anew.done(&aid(1), &source, 7, Some(many.clone()));
        assert!(!anew.is_due(&aid(1), &source, 8), "not at every round");
        assert_eq!(anew.last(&aid(1), &source), Err(many));
        assert_eq!(anew.last(&aid(2), &source), Ok(()));
        anew.done(&aid(1), &source, 7 + ANEW, None);
        assert_eq!(anew.last(&aid(1), &source), Ok(()));
    }

    #[test]
    fn an_account_read_as_enabled_while_ours_is_open_is_read_again_some_rounds_later() {
        let mut first = FirstRead::default();
        assert!(!first.is_old(&aid(1), 3));
        assert!(!first.is_old(&aid(1), 3 + OURS_FIRST - 1));
        assert!(!first.is_old(&aid(2), 3 + OURS_FIRST), "another one");
        assert!(first.is_old(&aid(1), 3 + OURS_FIRST));
        assert!(first.is_old(&aid(1), 4 + OURS_FIRST), "not recorded yet");
        // It read disabled in between: one answer of a replica that lags.
        first.forget(&aid(1));
        assert!(!first.is_old(&aid(1), 5 + OURS_FIRST));
        first.keep(|one| *one != aid(2));
        assert!(!first.is_old(&aid(2), 9 + OURS_FIRST), "forgotten");
    }

    #[test]
    fn readings_in_turn_are_told_at_the_third_look_in_a_row() {
        let mut first = FirstRead::default();
        let turned: Vec<bool> = (0..4).map(|_| first.turns(&aid(1))).collect();
        assert_eq!(turned, [false, false, true, true]);
        assert!(!first.turns(&aid(2)), "another one");
        // A look began with a reading as disabled: they are not in a row any more.
        first.forget(&aid(1));
        assert!(!first.turns(&aid(1)));
        assert!(!first.turns(&aid(1)));
        first.keep(|one| *one != aid(1));
        assert!(!first.turns(&aid(1)), "forgotten");
    }

    #[test]
    fn nobody_is_left_out_for_ever() {
        let mut ledger = Ledger::default();
        for number in 1..=53u64 {
            proven(
                &mut ledger,
                number.into(),
                ActionKind::DisableAccount,
                number * 10,
                0,
            );
        }
        let all: Vec<ActionView> = ledger.actions().cloned().collect();
        let seen: BTreeSet<_> = (0..3)
            .flat_map(|round| turn(&all, round))
            .map(|action| action.aid.clone())
            .collect();
        assert_eq!((all.len(), seen.len()), (53, 53));
        assert_eq!(turn(&all, 1).count(), ACCOUNTS_MAX);
        assert_eq!(turn::<ActionView>(&[], 7).count(), 0);
    }
}
