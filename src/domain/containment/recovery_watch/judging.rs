//! What of an event, a list and an account should not be while an account that was enabled again is watched.
//!
//! What its user does as always is nothing: a sign-in rings only where the findings of the case name its address, device
//! or session. What must not live here: reading sources, records.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::signs::sign;
use super::{RecoveryWatch, SEEN_MAX, same};
use crate::domain::account::Account;
use crate::domain::audit::{AttackSign, SignKind, WatchSeen, sha256_hex};
use crate::domain::containment::called::Called;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::event::{Act, Event, Outcome};
use crate::safe;

/// How near an act of ours a change must be to be taken for it.
const OURS: TimeDelta = TimeDelta::minutes(2);

/// How long after the enabling, or after we asked for a new password, one is taken for what was asked for.
const ASKED: TimeDelta = TimeDelta::hours(24);

/// Characters of the hash that stands for the id of an item.
const ID_KEY: usize = 8;

/// Characters of the hash that stands for what an item is set to.
const CONTENT_KEY: usize = 16;

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
    /// Gives what of several is to be recorded: each once, nothing that another source told of, no more of the attacker's
    /// acts than are recorded of a watch, and all in all no more than is kept of it.
    pub fn fresh(all: Vec<Self>, watch: &RecoveryWatch, source: &str) -> Vec<Self> {
        let room = SEEN_MAX.saturating_sub(watch.seen.len());
        let mut keys = BTreeSet::new();
        let is_new = |one: &Self| !watch.knows(&one.key) && keys.insert(one.key.clone());
        let new: Vec<Self> = all.into_iter().filter(is_new).collect();
        let told = same::told_elsewhere(&new, watch, source);
        let mut acts = acts_of_attacker(watch);
        // What he goes on doing must not take the room of what else is seen.
        let has_room = |one: &Self| {
            let is_act = one.thing == ATTACKER;
            acts += usize::from(is_act);
            !is_act || acts <= ATTACKER_MAX
        };
        new.into_iter()
            .filter(|one| !told.contains(&one.key))
            .filter(has_room)
            .take(room)
            .collect()
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

/// Counts the acts of the attacker that are on record.
fn acts_of_attacker(watch: &RecoveryWatch) -> usize {
    let seen = watch.seen.iter();
    seen.filter(|one| one.thing == ATTACKER).count()
}

/// Judges one event of the provider's log or a SIEM; `called` are the names of the account beside the login of the watch,
/// `signs` name the attacker, `ours` are the times of acts from here.
///
/// What an act leaves behind or changes says more than who did it, and is told first.
pub fn judge_event(
    event: &Event,
    watch: &RecoveryWatch,
    called: &Called,
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
        _ => party.is_named(&watch.login) || called.is_name_of(party),
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
    let trace = traces(event).into_iter().find(|sign| signs.contains(sign));
    let attacker = trace.filter(|_| by_account && event.outcome == Outcome::Success);
    let who: Safe = match (&attacker, event.user.best()) {
        (Some(_), _) => "the attacker".into(),
        (None, Some(name)) => name.field(),
        (None, None) => "somebody".into(),
    };
    let is_ours = ours.iter().any(|at| (*at - event.at).abs() <= OURS);
    if !by_account && (is_ours || !on_account) {
        return None;
    }
    // What the account does to others is theirs.
    let act = event.act.filter(|_| on_account);
    if let Some(kind) = act.and_then(leaves) {
        let object = event.object.as_ref().map(Untrusted::field);
        let object = object.map_or_else(Safe::default, |object| safe!(" {}", object));
        let text = safe!("new: {}{}, by {}{}", kind.word(), object, who, from);
        return Some(found(kind.word(), text));
    }
    // The user may change these, nobody else.
    let is_others = !by_account || attacker.is_some();
    if let Some(thing) = act.and_then(changes).filter(|_| is_others) {
        let text = safe!("{} by {}{}", event.action.field(), who, from);
        return Some(found(thing, text));
    }
    let by = attacker?;
    let by: Safe = match by.kind {
        SignKind::Address => safe!("from the attacker's address {}", by.value.field()),
        SignKind::Device => safe!("on the attacker's device {}{}", by.value.field(), from),
        SignKind::Session => safe!("in a session of the attacker{}", from),
    };
    let text = safe!("{}: {}", by, event.action.field());
    Some(found(ATTACKER, text))
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

/// Gives what of the account an act changes that its user may change and nobody else, if it does.
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

/// Gives the short hash by which an item is known again: it begins with that of its kind and id, and goes on with that of
/// what it is set to.
pub fn item_key(one: &Remnant) -> String {
    let content = short(&content(one), CONTENT_KEY);
    format!("{}{content}", id_key(&one.item))
}

fn id_key(item: &Item) -> String {
    short(&format!("{}\n{}", item.kind.word(), item.id.raw()), ID_KEY)
}

fn short(text: &str, length: usize) -> String {
    sha256_hex(text.as_bytes()).chars().take(length).collect()
}

/// Gives what of an item can be set to something else under the same id: it is another thing then.
fn content(one: &Remnant) -> String {
    let name = one.item.name.raw();
    let mut parts = Vec::new();
    match one.item.kind {
        RemnantKind::MfaMethod
        | RemnantKind::RecoveryData
        | RemnantKind::Forwarding
        | RemnantKind::LinkedAccount => parts.push(name.to_owned()),
        RemnantKind::OauthGrant => {
            parts.push(name.to_owned());
            parts.extend(one.details.iter().filter_map(scopes));
            // What was added to the end of a name that was cut stands in the record only.
            if name.ends_with('…') {
                parts.push(one.before.raw().to_owned());
            }
        }
        RemnantKind::InboxRule => parts.push(one.before.raw().to_owned()),
        _ => {}
    }
    parts.extend(one.since.map(|at| at.timestamp_micros().to_string()));
    parts.join("\n")
}

/// Gives the scopes that a detail lists, whatever their order; other details come and go with use.
fn scopes(detail: &Untrusted) -> Option<String> {
    let listed = detail.raw().strip_prefix("scopes ")?;
    let mut words: Vec<&str> = listed.split_whitespace().collect();
    words.sort_unstable();
    Some(words.join(" "))
}

/// Judges the provider's list: what was made since the enabling, or is not as it was at the beginning.
pub fn judge_left(left: &LeftBehind, watch: &RecoveryWatch, now: DateTime<Utc>) -> Vec<Found> {
    let all = left.remnants.iter();
    all.filter(|one| rings(one.item.kind))
        .filter_map(|one| {
            let made = one.since.filter(|since| *since >= watch.since);
            let word = match made {
                Some(_) => "new",
                None => differs(one, watch)?,
            };
            let when = one.since.map(time_word);
            let when = when.map_or_else(Safe::default, |when| safe!(", made {}", when));
            Some(Found {
                thing: one.item.kind.word(),
                key: Untrusted::new(format!("item-{}", item_key(one))),
                at: made.unwrap_or(now),
                text: safe!("{}: {}{}", word, one.item.word(), when),
                address: None,
            })
        })
        .collect()
}

/// Says how something that was not made since differs from what was there at the beginning; `None` where it does not, or
/// where nobody knows what was there.
fn differs(one: &Remnant, watch: &RecoveryWatch) -> Option<&'static str> {
    let there = watch.there.get(&one.item.kind)?;
    if there.contains(&item_key(one)) {
        return None;
    }
    let id = id_key(&one.item);
    if there.iter().any(|key| key.starts_with(id.as_str())) {
        return Some("changed");
    }
    // Its time says that it was made before: then it is only listed in another way now.
    one.since.is_none().then_some("new")
}

/// Judges the account as its provider gives it: kept out by others, or with a password that nobody here gave it.
///
/// A password that has to be changed, because it was reset or expired from here, is changed by its user within a day. What
/// an act from here did stands there at its time: a later change is of others. `is_out` tells whether the status keeps the
/// user out, which no reset does.
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
        let is_then = |at: DateTime<Utc>| {
            let ours = act.effective_at();
            ours.is_none_or(|ours| at - ours <= OURS)
        };
        let outs = act.kind == ActionKind::DisableAccount && act.sent_n > enabled;
        outs && account.status_changed.is_none_or(is_then)
    };
    // Where the enabling is not proven the account may be out by our own disabling still.
    let enabled_here = ledger
        .get(&watch.aid)
        .is_none_or(|act| act.state == ActionState::Verified);
    let mut all = Vec::new();
    if is_out && enabled_here && !acts().any(is_ours) {
        let status = account.vendor_status.field();
        let at = account.status_changed;
        let key = format!(
            "status {} {}",
            account.vendor_status.raw(),
            at.map(|at| at.timestamp()).unwrap_or_default()
        );
        let text = safe!("status {} now, by no act on record here", status);
        all.push(found(STATUS, key, at.unwrap_or(now), text));
    }
    let turned = acts().filter(|act| {
        let turns = matches!(
            act.kind,
            ActionKind::DisableAccount | ActionKind::EnableAccount
        );
        turns && act.sent_n < enabled
    });
    let disabled = turned
        .max_by_key(|act| act.sent_n)
        .filter(|act| act.kind == ActionKind::DisableAccount)
        .map(|act| act.sent_n);
    let is_asked_for = |act: &ActionView, at: DateTime<Utc>| {
        let asks = matches!(
            act.kind,
            ActionKind::ResetPassword | ActionKind::ExpirePassword
        );
        // Of an account that was not disabled from here only what its case asked for counts.
        let is_of_it = match disabled {
            Some(disabled) => act.sent_n > disabled,
            None => act.sent_n > enabled || act.case == watch.case,
        };
        let is_then =
            |asked: DateTime<Utc>| at - asked >= -OURS && at - asked.max(watch.since) <= ASKED;
        asks && is_of_it && act.effective_at().is_some_and(is_then)
    };
    if let Some(at) = account.password_changed
        && at > watch.since
        && at <= watch.until
        && !acts().any(|act| is_asked_for(act, at))
    {
        let key = format!("password {}", at.timestamp());
        let text = safe!("the password was changed {}, not from here", time_word(at));
        all.push(found(PASSWORD, key, at, text));
    }
    all
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::audit::{Body, RecoverySaid, RecoveryWord, WatchLooked, WatchUntil};
    use crate::domain::containment::samples::{account, aid, at, case, entry, proven};
    use crate::domain::timeline::event::Party;

    const MARA: &str = "mara.lind@acme.example";
    const HIS: &str = "203.0.113.9";
    const HERS: &str = "192.0.2.1";

    fn said(word: RecoveryWord) -> Body {
        Body::Recovery(RecoverySaid {
            case: case(),
            account: account().id,
            word,
        })
    }

    /// An account that was enabled again at second 20 and is watched until an hour later.
    fn watched() -> Ledger {
        let mut ledger = Ledger::default();
        let until = WatchUntil {
            aid: aid(3),
            login: account().login,
            owner: "jo".into(),
            until: at(3_600),
            how: "confirmed".to_owned(),
            reason: None,
            looked: None,
        };
        ledger.apply(&entry(30, 19, said(RecoveryWord::Until(until))));
        proven(&mut ledger, 3, ActionKind::EnableAccount, 40, 20);
        ledger
    }

    fn the(ledger: &Ledger) -> &RecoveryWatch {
        let watch = ledger.recoveries().of(&account().id);
        watch.unwrap_or_else(|| panic!("it is watched"))
    }

    fn signs() -> BTreeSet<AttackSign> {
        BTreeSet::from([AttackSign {
            kind: SignKind::Address,
            value: HIS.into(),
        }])
    }

    fn party(name: &str) -> Party {
        Party {
            name: (!name.is_empty()).then(|| name.into()),
            ..Party::default()
        }
    }

    fn event(id: &str, user: &str, act: Act, target: &str, ip: &str) -> Event {
        Event {
            id: id.into(),
            at: at(60),
            action: "did".into(),
            act: Some(act),
            outcome: Outcome::Success,
            user: party(user),
            target: party(target),
            ip: Some(ip.into()),
            ..Event::default()
        }
    }

    fn judged(event: &Event, watch: &RecoveryWatch) -> Option<Found> {
        judge_event(event, watch, &Called::default(), &signs(), &[])
    }

    #[rstest]
    #[case::by_the_account_itself("mara.berg@acme.example", "", HIS)]
    #[case::by_another("jo@acme.example", "Mara.Berg@acme.example", HERS)]
    #[case::under_both_names("mara.berg@acme.example", MARA, HERS)]
    fn what_is_left_in_an_account_that_was_renamed_rings_under_its_new_name(
        #[case] user: &str,
        #[case] target: &str,
        #[case] ip: &str,
    ) {
        let ledger = watched();
        let event = event("e1", user, Act::MfaAdded, target, ip);
        let now = Called::new(&"mara.berg@acme.example".into());
        let found = judge_event(&event, the(&ledger), &now, &signs(), &[]);
        let thing = found.map(|found| found.thing);
        assert_eq!(thing, Some(RemnantKind::MfaMethod.word()));
        let other = Called::new(&"somebody@acme.example".into());
        let found = judge_event(&event, the(&ledger), &other, &signs(), &[]);
        assert_eq!(found.is_some(), target == MARA);
    }

    fn sign_ins(first: usize, count: usize, watch: &RecoveryWatch) -> Vec<Found> {
        let ids = first..first + count;
        let all = ids.map(|number| event(&format!("s{number}"), MARA, Act::SignIn, "", HIS));
        all.filter_map(|event| judged(&event, watch)).collect()
    }

    /// Records what was found, and gives how much that was.
    fn keep(ledger: &mut Ledger, found: Vec<Found>) -> usize {
        let fresh = Found::fresh(found, the(ledger), "okta");
        let count = fresh.len();
        for one in fresh {
            let seen = one.seen(the(ledger), "okta");
            ledger.apply(&entry(50, 61, said(RecoveryWord::Seen(seen))));
        }
        count
    }

    #[rstest]
    #[case::a_method(
        Act::MfaAdded,
        "",
        "MFA method",
        "new: MFA method, by the attacker from 203.0.113.9"
    )]
    #[case::a_rule(
        Act::InboxRule,
        MARA,
        "inbox rule",
        "new: inbox rule, by the attacker from 203.0.113.9"
    )]
    #[case::a_password(
        Act::PasswordChanged,
        "",
        PASSWORD,
        "did by the attacker from 203.0.113.9"
    )]
    #[case::a_sign_in(
        Act::SignIn,
        "",
        ATTACKER,
        "from the attacker's address 203.0.113.9: did"
    )]
    #[case::a_method_of_another(
        Act::MfaAdded,
        "kim",
        ATTACKER,
        "from the attacker's address 203.0.113.9: did"
    )]
    fn what_the_attacker_leaves_is_told_as_what_it_is(
        #[case] act: Act,
        #[case] target: &str,
        #[case] thing: &str,
        #[case] text: &str,
    ) {
        let ledger = watched();
        let found = judged(&event("e", MARA, act, target, HIS), the(&ledger));
        let found = found.unwrap_or_else(|| panic!("it rings"));
        assert_eq!((found.thing, found.text.as_str()), (thing, text));
    }

    #[rstest]
    #[case::own(MARA, "", true)]
    #[case::own_and_named(MARA, MARA, true)]
    #[case::of_somebody_else(MARA, "kim", false)]
    #[case::by_somebody_else("kim", MARA, true)]
    #[case::among_others("kim", "lee", false)]
    fn only_what_is_left_in_the_account_itself_rings(
        #[case] user: &str,
        #[case] target: &str,
        #[case] is_found: bool,
    ) {
        let ledger = watched();
        for act in [Act::MfaAdded, Act::OauthGrant, Act::Delegate] {
            let found = judged(&event("e", user, act, target, HERS), the(&ledger));
            assert_eq!(found.is_some(), is_found, "{found:?}");
        }
    }

    #[rstest]
    #[case(Act::MfaAdded, RemnantKind::MfaMethod)]
    #[case(Act::OauthGrant, RemnantKind::OauthGrant)]
    #[case(Act::InboxRule, RemnantKind::InboxRule)]
    #[case(Act::Forwarding, RemnantKind::Forwarding)]
    #[case(Act::Delegate, RemnantKind::Delegate)]
    #[case(Act::RecoveryChanged, RemnantKind::RecoveryData)]
    #[case(Act::AccessKey, RemnantKind::AppPassword)]
    fn each_act_is_told_by_what_it_leaves(#[case] act: Act, #[case] kind: RemnantKind) {
        let ledger = watched();
        let found = judged(&event("e", MARA, act, "", HERS), the(&ledger));
        assert_eq!(found.map(|found| found.thing), Some(kind.word()));
    }

    #[rstest]
    #[case(Act::PasswordChanged, PASSWORD)]
    #[case(Act::PasswordReset, PASSWORD)]
    #[case(Act::AccountDisabled, STATUS)]
    #[case(Act::AccountDeleted, STATUS)]
    #[case(Act::MfaRemoved, "MFA")]
    #[case(Act::MfaReset, "MFA")]
    #[case(Act::RoleGranted, "role")]
    fn what_others_change_is_told_by_its_name_and_not_what_the_user_changes(
        #[case] act: Act,
        #[case] thing: &str,
    ) {
        let ledger = watched();
        let found = judged(&event("e", "kim", act, MARA, HERS), the(&ledger));
        assert_eq!(found.map(|found| found.thing), Some(thing));
        let own = judged(&event("e", MARA, act, "", HERS), the(&ledger));
        assert!(own.is_none(), "{own:?}");
    }

    #[test]
    fn the_account_is_known_by_its_id_whatever_it_is_called_there() {
        let ledger = watched();
        let mut one = event("e", "renamed", Act::MfaAdded, "", HERS);
        assert!(judged(&one, the(&ledger)).is_none(), "somebody else");
        one.user.id = Some("00uOther".into());
        assert!(judged(&one, the(&ledger)).is_none(), "another id");
        one.user.id = Some(account().id.raw().to_uppercase().into());
        assert!(judged(&one, the(&ledger)).is_some());
    }

    #[test]
    fn another_person_at_the_attackers_address_is_not_called_the_attacker() {
        let ledger = watched();
        let found = judged(&event("e", "kim", Act::MfaAdded, MARA, HIS), the(&ledger));
        let text = found.map(|found| found.text).unwrap_or_default();
        assert_eq!(text.as_str(), "new: MFA method, by kim from 203.0.113.9");
    }

    #[test]
    fn what_the_attacker_does_is_known_by_its_id_or_once_there_is_enough_of_it() {
        let mut ledger = watched();
        let first = sign_ins(0, 1, the(&ledger));
        assert_eq!(keep(&mut ledger, first.clone()), 1);
        assert_eq!(keep(&mut ledger, first), 0, "by its id");
        let many = sign_ins(1, ATTACKER_MAX, the(&ledger));
        assert_eq!(keep(&mut ledger, many), ATTACKER_MAX - 1);
        let more = sign_ins(90, 1, the(&ledger));
        assert_eq!(keep(&mut ledger, more), 0, "there is enough");
    }

    #[test]
    fn the_attackers_sign_ins_take_no_room_of_what_he_leaves() {
        let mut ledger = watched();
        let many = sign_ins(0, 60, the(&ledger));
        assert_eq!(keep(&mut ledger, many), ATTACKER_MAX);
        let more = sign_ins(60, 60, the(&ledger));
        assert_eq!(keep(&mut ledger, more), 0);
        let method = event("m", MARA, Act::MfaAdded, "", HIS);
        let found: Vec<Found> = judged(&method, the(&ledger)).into_iter().collect();
        assert_eq!(keep(&mut ledger, found.clone()), 1);
        assert_eq!(keep(&mut ledger, found), 0, "once");
    }

    #[test]
    fn his_acts_are_counted_over_looks_and_told_once() {
        let mut ledger = watched();
        let few = sign_ins(0, 3, the(&ledger));
        let twice = [few.clone(), few].concat();
        assert_eq!(keep(&mut ledger, twice), 3);
        let more = sign_ins(3, 10, the(&ledger));
        assert_eq!(keep(&mut ledger, more), ATTACKER_MAX - 3);
    }

    #[test]
    fn no_more_is_recorded_than_is_kept() {
        let mut ledger = watched();
        let all = 0..SEEN_MAX + 20;
        let all = all.map(|number| event(&format!("r{number}"), MARA, Act::InboxRule, "", HERS));
        let all: Vec<Event> = all.collect();
        let found = all.iter().filter_map(|event| judged(event, the(&ledger)));
        let found: Vec<Found> = found.collect();
        assert_eq!(keep(&mut ledger, found), SEEN_MAX);
    }

    fn remnant(kind: RemnantKind, id: &str, name: &str, record: &Value) -> Remnant {
        Remnant::new(Item::new(kind, id, name), record)
    }

    fn made(since: i64, remnant: Remnant) -> Remnant {
        Remnant {
            since: Some(at(since)),
            ..remnant
        }
    }

    fn with(detail: &str, remnant: Remnant) -> Remnant {
        Remnant {
            details: vec![detail.into(), "given by END_USER".into()],
            ..remnant
        }
    }

    fn listed(kind: RemnantKind, all: Vec<Remnant>) -> LeftBehind {
        let mut left = LeftBehind::default();
        left.add(kind, Ok(all));
        left
    }

    /// Judges one thing after another was there at the beginning.
    fn after(before: &Remnant, now: Remnant) -> Vec<String> {
        let mut ledger = watched();
        let kind = before.item.kind;
        let there = WatchLooked {
            aid: aid(3),
            source: "okta".to_owned(),
            missed: None,
            kinds: vec![kind],
            items: vec![item_key(before)],
        };
        ledger.apply(&entry(50, 60, said(RecoveryWord::Looked(there))));
        let found = judge_left(&listed(kind, vec![now]), the(&ledger), at(90));
        let texts = found.into_iter().map(|one| {
            assert_eq!(one.at, at(90));
            one.text.as_str().to_owned()
        });
        texts.collect()
    }

    fn phone(number: &str) -> Remnant {
        remnant(RemnantKind::MfaMethod, "phone/1", number, &json!({}))
    }

    fn rule(to: &str) -> Remnant {
        let record = json!({"id": "r", "to": to});
        remnant(RemnantKind::InboxRule, "r", "News", &record)
    }

    fn grant(scopes: &str) -> Remnant {
        let grant = remnant(RemnantKind::OauthGrant, "g", "Mail Sync", &json!({}));
        with(scopes, grant)
    }

    fn long(end: &str) -> Remnant {
        let name = format!("{} {end}", "x".repeat(200));
        let record = json!({"scope": end});
        remnant(RemnantKind::OauthGrant, "g", &name, &record)
    }

    fn used(kind: RemnantKind, word: &str) -> Remnant {
        remnant(kind, "id", "name", &json!({"used": word}))
    }

    #[rstest]
    #[case::another_number(phone("mobile 1"), phone("mobile 2"), "changed: MFA method mobile 2")]
    #[case::the_same_number(phone("mobile 1"), phone("mobile 1"), "")]
    #[case::another_address(rule("a@x"), rule("b@x"), "changed: inbox rule News")]
    #[case::the_same_rule(rule("a@x"), rule("a@x"), "")]
    #[case::more_scopes(
        grant("scopes mail"),
        grant("scopes mail files"),
        "changed: OAuth grant Mail Sync"
    )]
    #[case::in_another_order(grant("scopes a b"), grant("scopes b a"), "")]
    #[case::other_details(grant("client 1"), grant("client 2"), "")]
    #[case::the_same_long_one(long("mail"), long("mail"), "")]
    #[case::used_meanwhile(
        used(RemnantKind::OauthGrant, "a"),
        used(RemnantKind::OauthGrant, "b"),
        ""
    )]
    #[case::a_password_used(
        used(RemnantKind::AppPassword, "a"),
        used(RemnantKind::AppPassword, "b"),
        ""
    )]
    #[case::made_before_and_changed(
        made(5, phone("mobile 1")),
        made(5, phone("mobile 2")),
        "changed: MFA method mobile 2, made 2027-01-15 08:00:05Z"
    )]
    #[case::made_before_and_listed_anew(
        made(5, phone("mobile 1")),
        made(5, remnant(RemnantKind::MfaMethod, "of-1", "mobile 1", &json!({}))),
        ""
    )]
    #[case::another_one(
        phone("mobile 1"),
        remnant(RemnantKind::MfaMethod, "phone/2", "mobile 1", &json!({})),
        "new: MFA method mobile 1"
    )]
    fn what_is_set_to_something_else_rings(
        #[case] before: Remnant,
        #[case] now: Remnant,
        #[case] text: &str,
    ) {
        let texts = after(&before, now);
        let expected: Vec<&str> = Some(text)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_a_cut_name_hides_is_seen() {
        assert_eq!(after(&long("mail"), long("mail files")).len(), 1);
    }

    #[test]
    fn what_is_made_anew_under_the_same_id_is_another_thing() {
        let (one, other) = (made(60, phone("mobile 1")), made(70, phone("mobile 1")));
        assert_ne!(item_key(&one), item_key(&other));
        assert_eq!(id_key(&one.item), id_key(&other.item));
        let ledger = watched();
        let left = listed(RemnantKind::MfaMethod, vec![one, other]);
        let found = judge_left(&left, the(&ledger), at(90));
        let times: Vec<DateTime<Utc>> = found.iter().map(|one| one.at).collect();
        assert_eq!(times, [at(60), at(70)]);
    }
}
