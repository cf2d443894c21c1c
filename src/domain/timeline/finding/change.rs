//! Changes of the account and rights over its data, weighed by who made them from where.
//!
//! A change right after a suspicious sign-in from the same source is of high weight; the same change from the user's
//! usual device and place of low.

use std::collections::{HashMap, HashSet};

use super::facts::{Fact, User};
use super::rule::Rule;
use super::suspicion::Suspicions;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Outcome, Sym};
use crate::domain::timeline::event::{Act, Signal};
use crate::safe;

/// Changes of one kind to one thing within this time are one, milliseconds.
const SAME: i64 = 3_600_000;
/// Use of an application by so many users makes it known.
const KNOWN_TO: usize = 3;
/// An application is used from elsewhere within this time after it was given its rights, milliseconds.
const USED: i64 = 86_400_000;

fn rule(fact: &Fact) -> Option<Rule> {
    let external = fact.signals.contains(Signal::External);
    Some(match fact.act? {
        Act::MfaAdded => Rule::MfaAdded,
        Act::MfaRemoved => Rule::MfaRemoved,
        Act::MfaReset => Rule::MfaReset,
        Act::RecoveryChanged => Rule::RecoveryChanged,
        Act::PasswordChanged => Rule::PasswordChanged,
        Act::PasswordReset => Rule::PasswordReset,
        Act::OauthGrant => Rule::OauthGrant,
        Act::InboxRule | Act::Forwarding if external => Rule::InboxForwarding,
        Act::InboxRule | Act::Forwarding => Rule::InboxRule,
        Act::Delegate => Rule::DelegateAdded,
        Act::RoleGranted => Rule::RoleGranted,
        Act::AccessKey => Rule::AccessKeyCreated,
        Act::DefenceWeakened | Act::ProtectionChanged => Rule::LoggingDisabled,
        Act::AccountEnabled | Act::AccountDisabled | Act::AccountDeleted | Act::SessionsRevoked => {
            Rule::ChangedByOthers
        }
        _ => return None,
    })
}

/// Tells whether a change helps an attacker so much that it counts even where nothing else is odd.
fn is_heavy(rule: Rule, fact: &Fact) -> bool {
    match rule {
        Rule::InboxForwarding | Rule::MfaRemoved | Rule::MfaReset => true,
        Rule::LoggingDisabled => fact.act == Some(Act::DefenceWeakened),
        Rule::PasswordReset => {
            fact.signals.contains(Signal::Lasting) || fact.signals.contains(Signal::External)
        }
        Rule::RoleGranted | Rule::OauthGrant | Rule::DelegateAdded => {
            fact.signals.contains(Signal::Privileged) || fact.signals.contains(Signal::External)
        }
        _ => false,
    }
}

/// Finds changes, by themselves and by others.
pub(super) fn changes(scene: &Scene<'_>, suspicions: &Suspicions, found: &mut Vec<Finding>) {
    let apps = Apps::of(scene);
    for (user, own) in scene.facts.each_user() {
        let mut told: HashMap<(Rule, Sym, bool), i64> = HashMap::new();
        for fact in own.filter(|fact| fact.outcome != Outcome::Failure) {
            let Some(rule) = rule(fact) else { continue };
            let others = fact.actor.is_some_and(|actor| actor != user);
            if rule == Rule::ChangedByOthers && !others {
                continue;
            }
            let last = told.insert((rule, fact.text.object, others), fact.at);
            if last.is_some_and(|at| fact.timed && fact.at.saturating_sub(at) < SAME) {
                continue;
            }
            let mut one = weighed(scene, suspicions, rule, fact, user);
            if rule == Rule::OauthGrant {
                apps.weigh(scene, fact, &mut one);
            }
            found.push(one);
        }
    }
}

fn weighed(
    scene: &Scene<'_>,
    suspicions: &Suspicions,
    rule: Rule,
    fact: &Fact,
    user: User,
) -> Finding {
    let standing = scene.baseline.standing(fact.row);
    let after = suspicions.before(fact, user);
    // Of what somebody else changed, that somebody may be the one who was taken over.
    let by = fact.actor.filter(|actor| *actor != user);
    let by_suspect = by.and_then(|actor| Some((suspicions.before(fact, actor)?, actor)));
    let heavy = is_heavy(rule, fact);
    let unusual = standing.is_unusual(fact);
    let confidence = if after.is_some()
        || (by_suspect.is_some() && heavy)
        || (unusual && heavy && standing.judged)
    {
        Confidence::High
    } else if unusual || by_suspect.is_some() || (heavy && !standing.is_usual(fact)) {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    let mut reason = what(scene, rule, fact);
    let mut rows = vec![fact.row];
    if let Some(after) = after {
        let span = minutes(fact.at - after.at);
        reason.push(&safe!(", {} after {}", span, after.rule.id()));
        rows.insert(0, after.row);
    } else if let Some((after, actor)) = by_suspect {
        let span = minutes(fact.at - after.at);
        let name = scene.facts.name(actor).map(Untrusted::ident);
        let name = name.unwrap_or_default();
        reason.push(&safe!(", {} after {} of {}", span, after.rule.id(), name));
        rows.insert(0, after.row);
    } else if unusual {
        reason.push(&", from an unusual source".into());
    } else if standing.is_usual(fact) {
        reason.push(&", from the usual device and place".into());
    }
    scene.finding(rule, fact, Some(user), rows, reason, confidence)
}

/// Says what was changed, and who did it where it was somebody else.
fn what(scene: &Scene<'_>, rule: Rule, fact: &Fact) -> Safe {
    let word = match rule {
        Rule::MfaAdded => "second factor added",
        Rule::MfaRemoved => "second factor removed",
        Rule::MfaReset => "second factors reset",
        Rule::RecoveryChanged => "recovery data changed",
        Rule::PasswordChanged => "password changed",
        Rule::PasswordReset => "password reset",
        Rule::OauthGrant => "rights given to an application",
        Rule::InboxForwarding => "mail forwarded outside",
        Rule::InboxRule => "inbox rule made or changed",
        Rule::DelegateAdded => "somebody else given the mailbox",
        Rule::RoleGranted => "role given",
        Rule::AccessKeyCreated => "access key made",
        Rule::LoggingDisabled if fact.act == Some(Act::ProtectionChanged) => "a protection changed",
        Rule::LoggingDisabled => "logging or a protection weakened",
        _ => match fact.act {
            Some(Act::AccountEnabled) => "account enabled",
            Some(Act::AccountDisabled) => "account disabled",
            Some(Act::AccountDeleted) => "account deleted",
            Some(Act::SessionsRevoked) => "sessions ended",
            _ => "account changed",
        },
    };
    let object = scene.facts.text(fact.text.object);
    let mut text = match object.map(Untrusted::field) {
        Some(object) => safe!("{}: {}", word, object),
        None => word.into(),
    };
    let row = scene.facts.activity.row(fact.row);
    let action = row.and_then(|row| row.action());
    if let Some(action) = action.filter(|name| rule == Rule::LoggingDisabled && !is_code(name)) {
        text.push(&safe!(" ({})", action.field()));
    }
    let by = fact.actor.filter(|actor| Some(*actor) != fact.user);
    if let Some(by) = by.and_then(|actor| scene.facts.name(actor)) {
        text.push(&safe!(", by {}", by.ident()));
    }
    if rule == Rule::PasswordReset && fact.signals.contains(Signal::External) {
        text.push(&" from outside the company".into());
    }
    if rule == Rule::PasswordReset && fact.signals.contains(Signal::Lasting) {
        text.push(&", without asking for a new one".into());
    }
    text
}

/// Tells whether the name of an action is a code that says nothing to a reader, such as `sapi`.
fn is_code(action: &Untrusted) -> bool {
    action.raw().chars().count() <= 4
}

/// Who uses which application, and when.
struct Apps {
    users: HashMap<Sym, HashSet<User>>,
    /// By user and application: places of the events, oldest first.
    uses: HashMap<(User, Sym), Vec<usize>>,
    everybody: usize,
}

impl Apps {
    fn of(scene: &Scene<'_>) -> Self {
        let granted: HashSet<Sym> = scene
            .facts
            .all
            .iter()
            .filter(|fact| fact.act == Some(Act::OauthGrant) && !fact.text.object.is_none())
            .map(|fact| fact.text.object)
            .collect();
        let mut apps = Self {
            users: HashMap::new(),
            uses: HashMap::new(),
            everybody: scene
                .facts
                .of_user
                .iter()
                .filter(|own| !own.is_empty())
                .count(),
        };
        for (place, fact) in scene.facts.all.iter().enumerate() {
            let object = fact.text.object;
            if let Some(user) = fact.user.filter(|_| granted.contains(&object)) {
                apps.users.entry(object).or_default().insert(user);
                apps.uses.entry((user, object)).or_default().push(place);
            }
        }
        apps
    }

    /// Weighs a grant by how known the application is and from where it is used afterwards.
    fn weigh(&self, scene: &Scene<'_>, fact: &Fact, finding: &mut Finding) {
        let users = self.users.get(&fact.text.object).map_or(0, HashSet::len);
        // Among a handful of users nothing is known to many.
        let telling = self.everybody >= KNOWN_TO * 4;
        if users >= KNOWN_TO {
            let used = safe!(", used by {} users", users);
            finding.reason.push(&used);
        } else if telling {
            finding
                .reason
                .push(&safe!(", used by {} of {} users", users, self.everybody));
            finding.confidence = finding.confidence.max(Confidence::Medium);
        }
        let uses = fact
            .user
            .and_then(|user| self.uses.get(&(user, fact.text.object)));
        let strange = uses.into_iter().flatten().filter_map(|place| {
            let next = scene.facts.all.get(*place)?;
            let elapsed = next.at.saturating_sub(fact.at);
            let later = next.timed && next.row > fact.row && elapsed <= USED;
            let elsewhere = next.text.ip != fact.text.ip && !next.text.ip.is_none();
            let standing = scene.baseline.standing(next.row);
            (later && elsewhere && standing.is_unusual(next)).then_some(next.row)
        });
        let rows: Vec<usize> = strange.collect();
        if !rows.is_empty() && users < KNOWN_TO {
            finding
                .reason
                .push(&safe!(", then used {} times from elsewhere", rows.len()));
            finding.evidence.extend(rows);
            finding.evidence.truncate(super::MOST_EVIDENCE);
            finding.confidence = Confidence::High;
        }
    }
}
