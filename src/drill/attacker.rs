//! The live attacker and the slow ordinary life around him.
//!
//! His law: while he holds a session he uses it; without one he signs in again, because he knows the password; only an
//! account that is suspended, or has a new password, *and* has no session of his keeps him out.

use chrono::{DateTime, Utc};

use super::activity::Kind;
use super::company::{Holder, VICTIM};
use super::history::{self, PAYROLL_FILES};
use super::world::World;

/// Failed tries after which he gives up until something changes.
const TRIES: u32 = 6;

/// What the attacker remembers.
#[derive(Clone, Debug)]
pub(crate) struct Attacker {
    dice: fastrand::Rng,
    round: u64,
    tries: u32,
    /// Whether the password he knows is still the account's.
    pub knows_password: bool,
    /// Whether he did anything at his last step.
    pub inside: bool,
}

impl Attacker {
    pub fn new(seed: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed ^ 0x0a77_ac3e);
        Self {
            dice,
            round: 0,
            tries: 0,
            knows_password: true,
            inside: true,
        }
    }
}

/// Lets one step pass: the attacker acts, and now and then somebody else works.
pub(crate) fn step(world: &mut World, at: DateTime<Utc>) {
    world.undo_by_others(VICTIM, at);
    world.go_on(VICTIM, at);
    let mut mind = world.attacker.clone();
    act(world, &mut mind, at);
    if mind.round.is_multiple_of(3) {
        let person = mind.dice.usize(VICTIM + 1..world.directory.people.len());
        if world.directory.people[person].status == "ACTIVE" {
            let activity = history::routine(&mut mind.dice, at, person, &world.directory);
            world.journal.push(activity);
        }
    }
    mind.round += 1;
    world.attacker = mind;
}

fn act(world: &mut World, mind: &mut Attacker, at: DateTime<Utc>) {
    let active = world.directory.people[VICTIM].status == "ACTIVE" && mind.knows_password;
    let Some(session) = world.attacker_session(VICTIM) else {
        sign_in(world, mind, at, active);
        return;
    };
    mind.inside = true;
    mind.tries = 0;
    let file = PAYROLL_FILES[mind.dice.usize(0..PAYROLL_FILES.len())];
    let (kind, object, amount) = match mind.round % 4 {
        0 => (Kind::AppAccess, "Payroll", 0),
        2 => (Kind::AppAccess, "Mail", 0),
        _ => (Kind::FileRead, file, mind.dice.u64(40_000..900_000)),
    };
    let mut activity = history::by_attacker(at, kind, &world.directory).object(object);
    activity.session = session;
    activity.amount = amount;
    world.journal.push(activity);
}

/// Tries the password he knows; a suspended account refuses it, and one with a new password.
fn sign_in(world: &mut World, mind: &mut Attacker, at: DateTime<Utc>, active: bool) {
    let activity = history::by_attacker(at, Kind::SignIn, &world.directory);
    if active {
        let session = world.directory.open_session(VICTIM, Holder::Attacker, at);
        let account = &mut world.directory.people[VICTIM];
        account.last_login = Some(at);
        let mut verify =
            history::by_attacker(at, Kind::MfaVerify, &world.directory).object("Galaxy A15");
        let mut activity = activity;
        activity.session = session;
        verify.session = session;
        world.journal.push(activity);
        world.journal.push(verify);
        mind.inside = true;
        mind.tries = 0;
        return;
    }
    mind.inside = false;
    mind.tries += 1;
    if mind.tries <= TRIES {
        let why = match world.directory.people[VICTIM].status {
            "SUSPENDED" | "DEPROVISIONED" => "User is suspended",
            _ => "INVALID_CREDENTIALS",
        };
        world.journal.push(activity.failed(why));
    }
}
