//! What of an event, a list and an account should not be while an account that was enabled again is watched.
//!
//! What its user does as always is nothing: a sign-in rings only where the findings of the case name its address, device
//! or session. What must not live here: reading sources, records.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::RecoveryWatch;
use super::signs::sign;
use crate::domain::account::Account;
use crate::domain::audit::{AttackSign, SignKind, WatchSeen, sha256_hex};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::event::{Act, Event, Outcome};
use crate::safe;

/// How near an act of ours a change must be to be taken for it.
const OURS: TimeDelta = TimeDelta::minutes(2);

/// Characters of the hash that stands for an item.
const KEY: usize = 16;

/// The word for the attacker himself.
pub const ATTACKER: &str = "attacker";

/// Most acts of the attacker that are recorded of one watch.
const ATTACKER_MAX: usize = 5;

const PASSWORD: &str = "password";
const STATUS: &str = "status";

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is about.
    pub thing: &'static str,
    /// Its id where it was seen.
    pub key: Untrusted,
    /// When it happened; where nobody tells, when it was seen.
    pub at: DateTime<Utc>,
    /// What it is, in words.
    pub text: Safe,
    /// From which address.
    pub address: Option<Untrusted>,
}

impl Found {
    /// Tells whether it is on record, by its id or because another source told of the same.
    pub fn is_known(&self, watch: &RecoveryWatch, source: &str) -> bool {
        if self.thing == ATTACKER {
            // What he goes on doing must not take the room of what else is seen.
            let known = watch
                .seen
                .iter()
                .filter(|one| one.thing == ATTACKER)
                .count();
            return watch.knows(&self.key) || known >= ATTACKER_MAX;
        }
        watch.knows(&self.key) || watch.is_told_elsewhere(self.thing, source, self.at)
    }

    /// Gives it as it is recorded.
    pub fn seen(self, watch: &RecoveryWatch, source: &str) -> WatchSeen {
        WatchSeen {
            aid: watch.aid.clone(),
            thing: self.thing.to_owned(),
            source: source.to_owned(),
            key: self.key,
            at: self.at,
            text: Untrusted::new(self.text.as_str()),
            address: self.address,
        }
    }
}

/// Judges one event of the provider's log or a SIEM; `signs` name the attacker, `ours` are the times of acts from here.
pub fn judge_event(
    event: &Event,
    watch: &RecoveryWatch,
    signs: &BTreeSet<AttackSign>,
    ours: &[DateTime<Utc>],
) -> Option<Found> {
    // A clock that counts whole seconds may give the enabling and what follows the same time.
    let is_within = event.at >= watch.since && event.at <= watch.until;
    if event.untimed || event.outcome == Outcome::Failure || !is_within {
        return None;
    }
    let account = Untrusted::new(watch.account.raw());
    let is_account = |party: &crate::domain::timeline::event::Party| match &party.id {
        Some(id) if id.raw().eq_ignore_ascii_case(account.raw()) => true,
        // A SIEM may have ids of its own; a provider's log has the provider's.
        _ => party.is_named(&watch.login),
    };
    let by_account = is_account(&event.user);
    let on_account = by_account && event.target.is_empty() || is_account(&event.target);
    let found = |thing, text: Safe| Found {
        thing,
        key: event.id.clone(),
        at: event.at,
        text,
        address: event.ip.clone(),
    };
    let from = event.ip.as_ref().map(Untrusted::field);
    let from = from.map_or_else(Safe::default, |address| safe!(" from {}", address));
    if by_account
        && event.outcome == Outcome::Success
        && let Some(by) = traces(event).into_iter().find(|sign| signs.contains(sign))
    {
        let by: Safe = match by.kind {
            SignKind::Address => safe!("from the attacker's address {}", by.value.field()),
            SignKind::Device => safe!("on the attacker's device {}{}", by.value.field(), from),
            SignKind::Session => safe!("in a session of the attacker{}", from),
        };
        let text = safe!("{}: {}", by, event.action.field());
        return Some(found(ATTACKER, text));
    }
    let who = event.user.best().map(Untrusted::field);
    let who = who.unwrap_or_else(|| "somebody".into());
    let is_ours = ours.iter().any(|at| (*at - event.at).abs() <= OURS);
    if !by_account && (is_ours || !on_account) {
        return None;
    }
    let act = event.act?;
    if let Some(kind) = leaves(act) {
        let object = event.object.as_ref().map(Untrusted::field);
        let object = object.map_or_else(Safe::default, |object| safe!(" {}", object));
        let text = safe!("new: {}{}, by {}{}", kind.word(), object, who, from);
        return Some(found(kind.word(), text));
    }
    let thing = changes(act).filter(|_| on_account && !by_account)?;
    let text = safe!("{} by {}{}", event.action.field(), who, from);
    Some(found(thing, text))
}

fn traces(event: &Event) -> Vec<AttackSign> {
    let all = [
        (SignKind::Address, &event.ip),
        (SignKind::Device, &event.device),
        (SignKind::Session, &event.session),
    ];
    let all = all.into_iter();
    all.filter_map(|(kind, value)| sign(kind, value.as_ref()?))
        .collect()
}

/// Gives what an act leaves behind, if it does.
fn leaves(act: Act) -> Option<RemnantKind> {
    match act {
        Act::MfaAdded => Some(RemnantKind::MfaMethod),
        Act::OauthGrant => Some(RemnantKind::OauthGrant),
        Act::InboxRule => Some(RemnantKind::InboxRule),
        Act::Forwarding => Some(RemnantKind::Forwarding),
        Act::Delegate => Some(RemnantKind::Delegate),
        Act::RecoveryChanged => Some(RemnantKind::RecoveryData),
        Act::AccessKey => Some(RemnantKind::AppPassword),
        _ => None,
    }
}

/// Gives what of the account an act of somebody else changes, if it does.
fn changes(act: Act) -> Option<&'static str> {
    match act {
        Act::PasswordChanged | Act::PasswordReset => Some(PASSWORD),
        Act::AccountDisabled | Act::AccountDeleted => Some(STATUS),
        Act::MfaRemoved | Act::MfaReset => Some("MFA"),
        Act::RoleGranted => Some("role"),
        _ => None,
    }
}

/// Tells whether a new thing of a kind is worth an alarm: sessions, tokens and devices come with every sign-in.
pub fn rings(kind: RemnantKind) -> bool {
    !matches!(
        kind,
        RemnantKind::Session | RemnantKind::RefreshToken | RemnantKind::Device
    )
}

/// Gives the short hash by which an item is known again.
pub fn item_key(item: &Item) -> String {
    // What can be set to something else under the same id is another thing then.
    let name = match item.kind {
        RemnantKind::RecoveryData | RemnantKind::Forwarding => item.name.raw(),
        _ => "",
    };
    let text = format!("{}\n{}\n{name}", item.kind.word(), item.id.raw());
    sha256_hex(text.as_bytes()).chars().take(KEY).collect()
}

/// Judges the provider's list: what was made since the enabling, or has no time and was not there at the beginning.
pub fn judge_left(left: &LeftBehind, watch: &RecoveryWatch, now: DateTime<Utc>) -> Vec<Found> {
    let was_not_there = |item: &Item| {
        let there = watch.there.get(&item.kind);
        there.is_some_and(|there| !there.contains(&item_key(item)))
    };
    let is_new = |one: &&Remnant| {
        one.since
            .map_or_else(|| was_not_there(&one.item), |since| since >= watch.since)
    };
    let all = left.remnants.iter();
    all.filter(|one| rings(one.item.kind))
        .filter(is_new)
        .map(|one| {
            let when = one.since.map(time_word);
            let when = when.map_or_else(Safe::default, |when| safe!(", made {}", when));
            Found {
                thing: one.item.kind.word(),
                key: Untrusted::new(format!("item-{}", item_key(&one.item))),
                at: one.since.unwrap_or(now),
                text: safe!("new: {}{}", one.item.word(), when),
                address: None,
            }
        })
        .collect()
}

/// Judges the account as its provider gives it: kept out by others, or with a password that nobody here gave it.
///
/// A password that has to be changed, because it was reset or expired from here, is changed by its user. `is_out` tells
/// whether the status keeps the user out.
pub fn judge_account(
    account: &Account,
    is_out: bool,
    watch: &RecoveryWatch,
    ledger: &Ledger,
    now: DateTime<Utc>,
) -> Vec<Found> {
    let found = |thing, key: String, at, text| Found {
        thing,
        key: Untrusted::new(key),
        at,
        text,
        address: None,
    };
    let acts = || {
        let acts = ledger.on(&account.id);
        acts.filter(|act| act.sent.is_some() && act.may_have_had_effect())
    };
    let enabled = ledger.get(&watch.aid).map_or(0, |act| act.sent_n);
    let is_ours = |act: &ActionView| {
        let outs = matches!(
            act.kind,
            ActionKind::DisableAccount | ActionKind::ResetPassword
        );
        outs && act.sent_n > enabled
    };
    let mut all = Vec::new();
    if is_out && !acts().any(is_ours) {
        let status = account.vendor_status.field();
        let at = account.status_changed;
        let key = format!(
            "status {} {}",
            account.vendor_status.raw(),
            at.map(|at| at.timestamp()).unwrap_or_default()
        );
        let text = safe!("status {} now, not by this console", status);
        all.push(found(STATUS, key, at.unwrap_or(now), text));
    }
    let disabled = acts()
        .filter(|act| act.kind == ActionKind::DisableAccount && act.sent_n < enabled)
        .map(|act| act.sent_n)
        .max();
    let is_asked_for = acts().any(|act| {
        let asks = matches!(
            act.kind,
            ActionKind::ResetPassword | ActionKind::ExpirePassword
        );
        asks && Some(act.sent_n) > disabled
    });
    if let Some(at) = account.password_changed
        && at > watch.since
        && at <= watch.until
        && !is_asked_for
    {
        let key = format!("password {}", at.timestamp());
        let text = safe!("the password was changed {}, not from here", time_word(at));
        all.push(found(PASSWORD, key, at, text));
    }
    all
}
