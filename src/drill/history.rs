//! The days before the start: ordinary work of everybody, then the attack up to the present.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Duration, TimeDelta, Utc, Weekday};

use super::activity::{Activity, Kind};
use super::company::{
    ATTACKER_AGENT, ATTACKER_PLACE, BREAK_GLASS, Directory, HOME, Holder, LOOK_ALIKE, SCRIPT_AGENT,
    SPRAY_PLACE, VICTIM,
};

const DAYS: i64 = 7;

pub(crate) const APPS: [&str; 8] = [
    "Mail",
    "Calendar",
    "Wiki",
    "Chat",
    "Expenses",
    "Git",
    "CRM",
    "Service Desk",
];

pub(crate) const FILES: [&str; 6] = [
    "/srv/shared/handbook.pdf",
    "/srv/shared/roadmap-2027.pptx",
    "/srv/finance/budget-q4.xlsx",
    "/srv/sales/pipeline.xlsx",
    "/srv/shared/onboarding.docx",
    "/srv/shared/logo.svg",
];

/// Files that only payroll may read.
pub(crate) const PAYROLL_FILES: [&str; 4] = [
    "/srv/payroll/2026/salaries-november.xlsx",
    "/srv/payroll/2026/bank-accounts.csv",
    "/srv/payroll/2026/bonus-board.xlsx",
    "/srv/payroll/archive/2025-full.zip",
];

/// Builds the journal of the past, in order of time; `events` adds that many further ordinary ones.
pub(crate) fn build(
    seed: u64,
    start: DateTime<Utc>,
    events: usize,
    directory: &mut Directory,
) -> Vec<Activity> {
    let mut dice = fastrand::Rng::with_seed(seed ^ 0x1257_0e1e);
    let mut out = Vec::new();
    for person in 0..directory.people.len() {
        if matches!(person, BREAK_GLASS) || directory.people[person].status != "ACTIVE" {
            continue;
        }
        for day in (0..=DAYS).rev() {
            working_day(&mut dice, start, day, person, directory, &mut out);
        }
    }
    seen_before(seed, start, directory, &mut out);
    for _ in 0..events {
        let person = dice.usize(1..directory.people.len());
        let at = start - TimeDelta::milliseconds(dice.i64(3_600_000..DAYS * 86_400_000));
        out.push(routine(&mut dice, at, person, directory));
    }
    attack(&mut dice, start, directory, &mut out);
    out.retain(|activity| activity.at < start);
    out.sort_by_key(|activity| activity.at);
    for activity in &mut out {
        activity.lag = dice.u16(200..4_000);
        if activity.kind == Kind::SignIn && activity.ok {
            let actor = usize::try_from(activity.actor).unwrap_or(0);
            directory.people[actor].last_login = Some(activity.at);
        }
    }
    out
}

/// One person's day: sign in, second factor, apps and files, sign out.
fn working_day(
    dice: &mut fastrand::Rng,
    start: DateTime<Utc>,
    day: i64,
    index: usize,
    directory: &mut Directory,
    out: &mut Vec<Activity>,
) {
    let midnight = (start - Duration::days(day))
        .date_naive()
        .and_hms_opt(0, 0, 0);
    let Some(midnight) = midnight.map(|naive| naive.and_utc()) else {
        return;
    };
    let weekend = matches!(midnight.weekday(), Weekday::Sat | Weekday::Sun);
    if weekend && dice.u8(0..10) < 8 {
        return;
    }
    let mut at = midnight + TimeDelta::minutes(6 * 60 + 20 + dice.i64(0..100)) + millis(dice);
    let from_home = weekend || dice.u8(0..10) < 3;
    let session = directory.open_session(index, Holder::Owner, at);
    let person = directory.people[index].clone();
    let make = |at, kind| {
        let mut activity = Activity::new(at, kind, index, &person);
        activity.session = session;
        if from_home {
            activity.at_place(HOME, person.line)
        } else {
            activity
        }
    };
    if dice.u8(0..12) == 0 {
        out.push(make(at, Kind::SignIn).failed("INVALID_CREDENTIALS"));
        at += TimeDelta::seconds(11);
    }
    out.push(make(at, Kind::SignIn));
    at += TimeDelta::seconds(7);
    if !person.factors.is_empty() {
        out.push(make(at, Kind::MfaVerify).object(&person.factors[0].name));
    }
    for _ in 0..dice.usize(5..12) {
        at += TimeDelta::minutes(dice.i64(4..70)) + millis(dice);
        let mut activity = if dice.u8(0..3) == 0 {
            make(at, Kind::FileRead).object(FILES[dice.usize(0..FILES.len())])
        } else {
            make(at, Kind::AppAccess).object(APPS[dice.usize(0..APPS.len())])
        };
        if activity.kind == Kind::FileRead {
            activity.amount = dice.u64(2_000..4_000_000);
        }
        out.push(activity);
    }
    if index == VICTIM && !weekend {
        at += TimeDelta::minutes(5);
        out.push(make(at, Kind::FileRead).object(PAYROLL_FILES[0]));
    }
    if dice.u8(0..4) == 0 {
        out.push(make(at + TimeDelta::minutes(9), Kind::SignOut));
        directory.people[index]
            .sessions
            .retain(|open| open.number != session);
    }
}

/// Lets the victim have been seen at home and in her office early in the days that a console looks at, whatever the day
/// of the week is.
///
/// Otherwise an ordinary place of hers could be the first odd thing of the story.
fn seen_before(
    seed: u64,
    start: DateTime<Utc>,
    directory: &mut Directory,
    out: &mut Vec<Activity>,
) {
    let window = start - TimeDelta::hours(72);
    let mut dice = fastrand::Rng::with_seed(seed ^ 0x4e7e_4165);
    let victim = directory.people[VICTIM].clone();
    let evening = start - TimeDelta::minutes(95);
    for (place, hours) in [(HOME, 49), (victim.office, 51)] {
        let mut own: Vec<(DateTime<Utc>, usize)> = out
            .iter()
            .filter(|one| usize::try_from(one.actor) == Ok(VICTIM) && one.ok && one.at > window)
            .map(|one| (one.at, usize::from(one.place)))
            .collect();
        own.push((evening, HOME));
        let first = own
            .iter()
            .filter(|one| one.1 == place)
            .map(|one| one.0)
            .min();
        // What a console calls new has at least some successes of a day before it.
        let new = first.is_some_and(|first| {
            let settled = first - TimeDelta::hours(24);
            own.iter().filter(|one| one.0 < settled).count() >= 5
        });
        if !new {
            continue;
        }
        let begun = start - TimeDelta::hours(hours);
        let session = directory.open_session(VICTIM, Holder::Owner, begun);
        for (minutes, kind, object) in [
            (0, Kind::SignIn, ""),
            (1, Kind::MfaVerify, "Mara's iPhone"),
            (3, Kind::AppAccess, "Mail"),
        ] {
            let at = begun + TimeDelta::minutes(minutes);
            let mut activity = Activity::new(at + millis(&mut dice), kind, VICTIM, &victim)
                .at_place(place, victim.line)
                .object(object);
            activity.session = session;
            out.push(activity);
        }
        directory.people[VICTIM]
            .sessions
            .retain(|open| open.number != session);
    }
}

/// One ordinary activity of a person, without a story.
pub(crate) fn routine(
    dice: &mut fastrand::Rng,
    at: DateTime<Utc>,
    index: usize,
    directory: &Directory,
) -> Activity {
    let index = index.min(directory.people.len() - 1);
    let person = &directory.people[index];
    let mut activity = match dice.u8(0..10) {
        0 => Activity::new(at, Kind::SignIn, index, person),
        1..=3 => Activity::new(at, Kind::FileRead, index, person)
            .object(FILES[dice.usize(0..FILES.len())]),
        _ => Activity::new(at, Kind::AppAccess, index, person)
            .object(APPS[dice.usize(0..APPS.len())]),
    };
    activity.session = 400_000 + u32::try_from(index).unwrap_or(0);
    activity
}

/// The attack of the last hour on the payroll lead.
fn attack(
    dice: &mut fastrand::Rng,
    start: DateTime<Utc>,
    directory: &mut Directory,
    out: &mut Vec<Activity>,
) {
    let ago = |minutes: i64, seconds: i64| {
        start - TimeDelta::minutes(minutes) - TimeDelta::seconds(seconds)
    };
    let victim = directory.people[VICTIM].clone();
    // Her own evening, so that the journey that follows is impossible.
    let own = directory.open_session(VICTIM, Holder::Owner, ago(95, 0));
    for (minutes, kind, object) in [
        (95, Kind::SignIn, ""),
        (94, Kind::MfaVerify, "Mara's iPhone"),
        (92, Kind::AppAccess, "Mail"),
    ] {
        let mut activity = Activity::new(ago(minutes, 0) + millis(dice), kind, VICTIM, &victim)
            .at_place(HOME, victim.line)
            .object(object);
        activity.session = own;
        out.push(activity);
    }
    for round in 0..16_i64 {
        let at = ago(47, 0) + TimeDelta::seconds(round * 52) + millis(dice);
        out.push(guess(dice, at, VICTIM, directory));
        let other = dice.usize(LOOK_ALIKE + 1..directory.people.len());
        out.push(guess(dice, at + TimeDelta::seconds(21), other, directory));
    }
    let session = directory.open_session(VICTIM, Holder::Attacker, ago(31, 0));
    let steps: [(i64, i64, Kind, &str, u64); 12] = [
        (31, 0, Kind::SignIn, "", 0),
        (29, 0, Kind::FactorActivate, "Galaxy A15", 0),
        (28, 40, Kind::MfaVerify, "Galaxy A15", 0),
        (26, 0, Kind::ConsentGrant, "MailSync Helper", 0),
        (
            24,
            10,
            Kind::InboxRule,
            "forward all to drop@mailbox.example, then delete",
            0,
        ),
        (22, 0, Kind::AppAccess, "Payroll", 0),
        (20, 30, Kind::FileRead, PAYROLL_FILES[1], 318_204),
        (19, 5, Kind::FileRead, PAYROLL_FILES[2], 92_118),
        (18, 0, Kind::RemoteLogon, "fs-pay-01", 0),
        (
            17,
            20,
            Kind::Process,
            "powershell.exe -nop -w hidden -enc SQBFAFgA",
            0,
        ),
        (
            16,
            50,
            Kind::Process,
            "net group \"Domain Admins\" /domain",
            0,
        ),
        (14, 0, Kind::Export, "payroll_rows", 1_842),
    ];
    for (minutes, seconds, kind, object, amount) in steps {
        let at = ago(minutes, seconds) + millis(dice);
        let mut activity = by_attacker(at, kind, directory).object(object);
        activity.session = session;
        activity.amount = amount;
        out.push(activity);
    }
}

/// An activity of the victim's account that the attacker does.
pub(crate) fn by_attacker(at: DateTime<Utc>, kind: Kind, directory: &Directory) -> Activity {
    let victim = &directory.people[VICTIM];
    let mut activity = Activity::new(at, kind, VICTIM, victim)
        .at_place(ATTACKER_PLACE, super::company::ATTACKER_IP[3]);
    activity.agent = u8::try_from(ATTACKER_AGENT).unwrap_or(0);
    // He never had her workstation.
    activity.host = Arc::from(if kind.in_system_log() {
        ""
    } else {
        "vdi-pay-03"
    });
    activity
}

/// A wrong password from the hosting network.
fn guess(
    dice: &mut fastrand::Rng,
    at: DateTime<Utc>,
    person: usize,
    directory: &Directory,
) -> Activity {
    let mut activity = Activity::new(at, Kind::SignIn, person, &directory.people[person])
        .at_place(SPRAY_PLACE, 20 + dice.u8(0..4))
        .failed("INVALID_CREDENTIALS");
    activity.agent = u8::try_from(SCRIPT_AGENT).unwrap_or(0);
    activity
}

fn millis(dice: &mut fastrand::Rng) -> TimeDelta {
    TimeDelta::milliseconds(dice.i64(0..1_000))
}
