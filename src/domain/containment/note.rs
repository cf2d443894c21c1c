//! The comment that documents a plan in the case: composed from the records, found again by its marker.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::hold::{Hold, PERHAPS_UNTIL, UNTIL};
use super::kind::ActionKind;
use super::ledger::ActionView;
use super::standing::Standing;
use super::state::ActionState;
use crate::domain::case::Comment;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, ConnectionName, PlanId};
use crate::domain::operator::signed;
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

/// Where the audit chain stood when the comment was composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Id of the log.
    pub log: String,
    /// Number of its last record.
    pub n: u64,
    /// Hash of its last record, hex.
    pub h: String,
    /// When that was, by the clock of its host.
    pub at: DateTime<Utc>,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.format("%Y-%m-%dT%H:%M:%SZ");
        write!(f, "audit {} n={} h={}{AT}{at}", self.log, self.n, self.h)
    }
}

/// Before the time in an anchor.
pub(super) const AT: &str = " at=";

/// Gives the text that is searched for before and after a comment is posted.
pub fn marker(pid: &PlanId) -> String {
    format!("quell:{pid}")
}

/// How old a response of others in the case may be to be worth a word before the same is done again.
pub const RECENT: TimeDelta = TimeDelta::minutes(10);

/// Finds what other hosts did to an account lately, by the comments they left in the case: one word per comment.
///
/// `ours` tells whether a marker is of a plan in our own log. A comment can be written by anybody, so this warns and
/// decides nothing.
pub fn of_others(
    comments: &[Comment],
    account: &AccountId,
    kinds: &[ActionKind],
    now: DateTime<Utc>,
    ours: impl Fn(&str) -> bool,
) -> Vec<Safe> {
    let target = format!("(id {} at ", sink::markdown(&account.shown()));
    let mut said = Vec::new();
    for comment in comments {
        let text = comment.message.raw();
        let marked = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("quell:"));
        let Some(marked) = marked.filter(|id| !ours(id.trim())) else {
            continue;
        };
        if now - comment.at > RECENT || !text.contains(&target) {
            continue;
        }
        for kind in kinds {
            let line = format!("- {}: ", kind.word());
            if text.lines().any(|one| one.starts_with(&line)) {
                said.push(safe!(
                    "{}: another host documented it at {} by {} (quell:{})",
                    kind.word(),
                    time_word(comment.at),
                    comment.author.field(),
                    Untrusted::new(marked.trim()).field()
                ));
            }
        }
    }
    said
}

/// Said instead of how the account stands.
pub const NOTHING_CONTAINS: &str = "Nothing in this record contains the account.";

/// Said where something was read back to its end: all of it, or all but what was closed by hand.
const WAS_READ: &str =
    "This was read back from the provider; what the account did since is for the SIEM to say.";
/// Said where no reading, or not each, told whether there was an effect.
const READ_NOTHING: &str =
    "What was read back from the provider does not show whether it took effect.";
const PARTLY_READ: &str = "This was read back from the provider as far as that shows an effect; what the account did since is for the SIEM to say.";
const REST_WAS_READ: &str = "What was not closed by hand was read back from the provider; what the account did since is for the SIEM to say.";

/// Said of an account whose disabling was closed by hand and not read to an end.
pub const NOT_KNOWN: &str = "Whether the account is disabled is not known: its disabling was closed by hand before it was read back.";

/// Said first in every comment of a console whose log is in doubt.
pub const DOUBTED: &str = "The audit log this comes from, or one beside it, is BROKEN or cut: do not rely on it, look at the provider.";

/// Puts before a comment that the log it comes from is in doubt.
pub fn doubted(text: &str) -> String {
    format!("{DOUBTED}\n\n{text}")
}

/// Begins a comment whose account did not read as disabled right before it.
pub(super) const NOT_CONFIRMED: &str = "The account did not read as disabled at ";

/// Before the time when it did, in a comment whose account was not read right before it, or not read so.
pub(super) const READ: &str = "; it read as disabled at ";

/// Puts before a comment that its account could not be read right before it, and as of when what it says was read.
pub fn not_read(text: &str, name: &ConnectionName, read: DateTime<Utc>) -> String {
    format!(
        "The account could not be read at {name} right before this{READ}{}.\n\n{text}",
        time_word(read)
    )
}

/// Puts before a comment that its account did not read as disabled right before it, which no second reading confirmed, and
/// as of when what it says was read. Walls read that too.
pub fn not_confirmed(text: &str, name: &ConnectionName, read: DateTime<Utc>) -> String {
    format!(
        "{NOT_CONFIRMED}{name} right before this, and that is not confirmed yet{READ}{}.\n\n{text}",
        time_word(read)
    )
}

/// Puts before a comment that its account, which it enabled, reads as disabled right before it.
pub fn shut(text: &str, name: &ConnectionName, status: &Safe) -> String {
    format!(
        "The account reads as {} at {name} right before this, by no act of this plan.\n\n{text}",
        sink::markdown(status)
    )
}

/// Takes from a composed comment what a log in doubt cannot claim. Walls read the line of the account without the doubt
/// that stands before it, so that line says it again; that an account is not contained stays.
pub fn hedged(text: &str) -> String {
    const UNCERTAIN: &str = "Account is partly contained: not certain, the log is BROKEN or cut";
    const NOT_SENT: &str = "**, not sent";
    let hedge = |line: &str| match line {
        "Account is contained." => format!("{UNCERTAIN}."),
        WAS_READ | REST_WAS_READ => format!("By that log: {line}"),
        // A send that is missing there may have been made.
        _ if line.starts_with("- ") => line.replacen(NOT_SENT, "**, no send on record", 1),
        _ if line.starts_with(UNTIL) => line.replacen(UNTIL, PERHAPS_UNTIL, 1),
        _ => line
            .strip_prefix("Account is partly contained: ")
            .map_or_else(|| line.to_owned(), |rest| format!("{UNCERTAIN}; {rest}")),
    };
    let mut lines: Vec<String> = text.lines().map(hedge).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// Tells whether a record says how the account stands. That nothing contains it is the word of one host's log: without an
/// enabling or a disabling of this plan another host may have contained it, and its word would be taken back by this one.
fn speaks(actions: &[&ActionView], standing: &Standing) -> bool {
    *standing != Standing::Free
        || actions.iter().any(|action| match action.kind {
            // Closed by hand and never read, or undone, it says nothing either.
            ActionKind::EnableAccount => action.reads_enabled(),
            // What only was refused says nothing of how the account stands.
            ActionKind::DisableAccount => action.may_have_left() && action.matches == Some(false),
            _ => false,
        })
}

/// Composes the comment of a plan in Markdown; whatever came from outside is escaped for it.
pub fn compose(
    pid: &PlanId,
    actions: &[&ActionView],
    operator: &Safe,
    standing: &Standing,
    hold: Option<&Hold>,
    anchor: &Anchor,
) -> String {
    let removes = |action: &&ActionView| action.kind == ActionKind::RemoveItem;
    let of_risk = |action: &&ActionView| action.kind.is_of_risk();
    let title = if !actions.is_empty() && actions.iter().all(removes) {
        "**Eradication record**"
    } else if !actions.is_empty() && actions.iter().all(of_risk) {
        "**Risk record**"
    } else {
        "**Containment record**"
    };
    let mut lines = vec![title.to_owned(), String::new()];
    if let Some(first) = actions.first() {
        lines.push(format!(
            "Account: {} (id {} at {})",
            sink::markdown(&first.login.ident()),
            sink::markdown(&first.account.shown()),
            first.account.connection,
        ));
    }
    // Whoever documents it may be another console: the records say who confirmed. Of what was approved and torn before its
    // first confirmation they say who planned.
    let by = actions.first().map_or_else(
        || operator.clone(),
        |first| signed(first.operator.as_ref(), &first.user),
    );
    let did = if actions.iter().any(|action| action.confirmed.is_some()) {
        "Confirmed"
    } else {
        "Planned"
    };
    lines.push(format!("{did} by: {}", sink::markdown(&by)));
    if by != *operator {
        lines.push(format!("Documented by: {}", sink::markdown(operator)));
    }
    lines.push(String::new());
    lines.extend(actions.iter().map(|action| line_of(action)));
    if actions
        .iter()
        .any(|action| action.secret.is_some() && action.may_have_had_effect())
    {
        let said = "The new password, or the link to choose one, was for the analyst's eyes only: it is in no record.";
        lines.push(said.to_owned());
    }
    lines.push(String::new());
    lines.push(if speaks(actions, standing) {
        format!("Account is {}.", standing.word())
    } else {
        NOTHING_CONTAINS.to_owned()
    });
    lines.extend(not_known(actions, standing));
    lines.extend(hold.and_then(|hold| hold.sentence(standing)));
    lines.push(reading(actions).to_owned());
    lines.push(
        "Sessions that applications keep themselves cannot be read from the provider.".to_owned(),
    );
    lines.push(String::new());
    lines.push(marker(pid));
    lines.push(anchor.to_string());
    lines.push(String::new());
    lines.join("\n")
}

/// Says that nobody knows whether the account is disabled, with what was read last, where the plan's disabling was closed by
/// hand and nothing that was done since says more.
fn not_known(actions: &[&ActionView], standing: &Standing) -> Option<String> {
    let is_open = |action: &&&ActionView| {
        action.kind == ActionKind::DisableAccount && action.is_closed_by_hand()
    };
    let disabling = actions.iter().rfind(is_open);
    let action = disabling.filter(|_| standing.is_by_hand())?;
    let read = action.observed.as_ref().filter(|_| action.reads > 0);
    let last = read.map_or_else(String::new, |(_, words)| {
        let at = action.agreed.filter(|_| action.matches == Some(true));
        let at = at.map_or_else(Safe::default, |at| safe!(" at {}", time_word(at)));
        format!(" The last reading{at}: {}.", sink::markdown(&words.line()))
    });
    Some(format!("{NOT_KNOWN}{last}"))
}

/// Says what of the plan was read back: what was closed by hand was not read to an end, and a reading may have told nothing, as
/// of an account that was not found.
fn reading(actions: &[&ActionView]) -> &'static str {
    // That the provider asked for a wait is on record as well, without a reading.
    let was_read = |by_hand: bool| {
        let mut all = actions.iter();
        all.any(|action| action.reads > 0 && action.is_closed_by_hand() == by_hand)
    };
    let is_open = actions.iter().any(|action| action.is_closed_by_hand());
    let mut read = actions.iter().filter(|action| action.reads > 0);
    let told = read.clone().any(|action| action.matches.is_some());
    let is_silent = read.any(|action| action.matches.is_none());
    match (was_read(false), was_read(true), is_open) {
        (true, _, false) if !told => READ_NOTHING,
        (true, _, false) if is_silent => PARTLY_READ,
        (true, _, false) => WAS_READ,
        (true, _, true) => REST_WAS_READ,
        (false, true, _) => "What was read back for it was not read to the end.",
        (false, false, _) => "Nothing was read back from the provider for it.",
    }
}

fn line_of(action: &ActionView) -> String {
    let sent = match action.sent.filter(|_| action.may_have_left()) {
        Some(at) => safe!(", sent {}", time_word(at)),
        // Its word says so.
        None if action.state == ActionState::NotSent => Safe::default(),
        None => ", not sent".into(),
    };
    let after = action
        .seconds
        .map_or(Safe::default(), |s| safe!(", after {} s", s));
    let evidence = action
        .evidence
        .as_ref()
        .map(Untrusted::line)
        .unwrap_or_default();
    let evidence = if evidence.is_empty() {
        String::new()
    } else {
        format!(" ({})", sink::markdown(&evidence))
    };
    let item = action
        .item
        .as_ref()
        .map(|item| format!(": {}", sink::markdown(&item.named())))
        .unwrap_or_default();
    format!(
        "- {}: **{}**{sent}{after}{evidence}{item} [action {}]",
        action.kind.word(),
        action.word(),
        action.aid
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{account, at, pid, proven};
    use crate::domain::containment::standing::standing;

    const R: ActionKind = ActionKind::RevokeSessions;
    const D: ActionKind = ActionKind::DisableAccount;

    #[test]
    fn what_was_not_read_right_before_is_said_first_with_when_it_was() {
        let name = account().id.connection;
        let unread = not_read("text", &name, at(0));
        let unconfirmed = not_confirmed("text", &name, at(0));
        let last = "it read as disabled at 2027-01-15 08:00:00Z.\n\ntext";
        for (said, first) in [
            (
                &unread,
                "The account could not be read at okta right before this; ",
            ),
            (
                &unconfirmed,
                "The account did not read as disabled at okta right before this, and that is not confirmed yet; ",
            ),
        ] {
            assert_eq!(said, &format!("{first}{last}"));
        }
    }

    #[rstest]
    #[case(D, 60, false, 1)]
    #[case(R, 60, false, 0)]
    #[case(D, 600, false, 1)]
    #[case(D, 601, false, 0)]
    #[case(D, 60, true, 0)]
    fn a_response_of_another_host_is_seen_in_its_comment(
        #[case] asked: ActionKind,
        #[case] age: i64,
        #[case] ours: bool,
        #[case] warnings: usize,
    ) {
        let (mut ledger, account) = (Ledger::default(), account().id);
        proven(&mut ledger, 1, D, 1, 0);
        let head = Anchor {
            log: "01".to_owned(),
            n: 1,
            h: "ab".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let word = standing(&ledger, &account, |_| false);
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let text = compose(&pid(1), &actions, &"jo".into(), &word, None, &head);
        let comment = Comment {
            id: "~1".into(),
            author: "jo@acme.example".into(),
            at: at(0),
            edited: false,
            message: Untrusted::new(text),
        };
        let one = std::slice::from_ref(&comment);
        let seen = of_others(one, &account, &[asked], at(age), |_| ours);
        assert_eq!(seen.len(), warnings, "{seen:?}");
        let other = AccountId::new(account.connection.clone(), "00uOTHER");
        assert!(of_others(one, &other, &[asked], at(age), |_| ours).is_empty());
    }
}

#[cfg(test)]
mod in_doubt {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{pid, proven};
    use crate::domain::containment::standing::standing;
    use crate::domain::containment::told::{self, Word};

    const UNCERTAIN: &str = "not certain, the log is BROKEN or cut";

    #[rstest]
    #[case::contained("Account is contained.", format!("Account is partly contained: {UNCERTAIN}."))]
    #[case::partly(
        "Account is partly contained: sessions not revoked.",
        format!("Account is partly contained: {UNCERTAIN}; sessions not revoked.")
    )]
    #[case::free("Account is not contained.", "Account is not contained.".to_owned())]
    #[case::read_back(WAS_READ, format!("By that log: {WAS_READ}"))]
    #[case::rest_read_back(REST_WAS_READ, format!("By that log: {REST_WAS_READ}"))]
    #[case::not_sent(
        "- disable account: **abandoned**, not sent (closed) [action 1]",
        "- disable account: **abandoned**, no send on record (closed) [action 1]".to_owned()
    )]
    #[case::a_name("Account: Account is contained.", "Account: Account is contained.".to_owned())]
    #[case::an_end(
        "Contained until somebody decides, owner jo.",
        "As far as it is contained: until somebody decides, owner jo.".to_owned()
    )]
    fn a_comment_says_the_doubt_first_and_claims_nothing_beyond_it(
        #[case] line: &str,
        #[case] said: String,
    ) {
        let whole = |line: &str| format!("**Containment record**\n\n{line}\nquell:1\n");
        let text = doubted(&hedged(&whole(line)));
        assert_eq!(text, format!("{DOUBTED}\n\n{}", whole(&said)));
    }

    /// A wall of another host reads the comment by its lines.
    #[test]
    fn nobody_reads_a_record_in_doubt_as_contained() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 10, 5);
        let account = crate::domain::containment::samples::account().id;
        let word = standing(&ledger, &account, |_| false);
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 41,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let text = compose(&pid(1), &actions, &"jo".into(), &word, None, &head);
        let read = |text: String| {
            let comment = Comment {
                id: "~1".into(),
                author: "jo@acme.example".into(),
                at: DateTime::UNIX_EPOCH,
                edited: false,
                message: Untrusted::new(text),
            };
            told::read(&comment).expect("it bears our mark").word
        };
        assert_eq!(read(text.clone()), Word::Contained);
        let said = Word::Partly(UNCERTAIN.into());
        assert_eq!(read(doubted(&hedged(&text))), said);
    }
}

#[cfg(test)]
mod text {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, ItemNamed, Observed, OutcomeState, SecretSaid, SecretState};
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::remnant::{Item, RemnantKind};
    use crate::domain::containment::samples::{
        aid, confirmed, entry, intent, outcome, pid, planned,
    };

    #[test]
    fn a_new_password_is_spoken_of_only_where_one_came() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::ResetPassword)));
        ledger.apply(&entry(2, 0, confirmed(1, false)));
        ledger.apply(&entry(3, 0, intent(1, None)));
        ledger.apply(&entry(4, 4, outcome(1, OutcomeState::Verified)));
        let speaks = |ledger: &Ledger| {
            let head = Anchor {
                log: "01LOG".to_owned(),
                n: 4,
                h: "ab12".to_owned(),
                at: DateTime::UNIX_EPOCH,
            };
            let actions: Vec<&ActionView> = ledger.actions().collect();
            let who = Safe::from("jo");
            compose(&pid(1), &actions, &who, &Standing::Free, None, &head).contains("eyes only")
        };
        assert!(!speaks(&ledger));
        let waits = Body::ActionSecret(SecretSaid {
            aid: aid(1),
            state: SecretState::Waits,
        });
        ledger.apply(&entry(5, 5, waits));
        assert!(speaks(&ledger));
    }

    #[test]
    fn a_removal_is_named_with_its_thing_and_contains_nothing() {
        let item = Item::new(
            RemnantKind::OauthGrant,
            "oag1",
            "**proven** x\nAccount is contained.",
        );
        let named = Body::ActionItem(ItemNamed {
            pid: pid(1),
            aid: aid(1),
            item,
            since: None,
            before: "{}".into(),
        });
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::RemoveItem)));
        ledger.apply(&entry(2, 0, named));
        ledger.apply(&entry(3, 0, confirmed(1, false)));
        ledger.apply(&entry(4, 0, intent(1, None)));
        ledger.apply(&entry(5, 4, outcome(1, OutcomeState::NotEffective)));
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 5,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let who = Safe::from("jo");
        let text = compose(&pid(1), &actions, &who, &Standing::Free, None, &head);
        assert!(text.starts_with("**Eradication record**"), "{text}");
        let line = text
            .lines()
            .find(|line| line.starts_with("- remove what was left: "));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(
            line.contains("**refuted**") && line.contains("(id oag1)"),
            "{line}"
        );
        // What an attacker called it is one line, and no word of ours.
        assert!(!line.contains("**proven**"), "{line}");
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("Account is "))
                .count(),
            0
        );
    }

    #[test]
    fn a_mark_is_a_record_of_its_own_and_contains_nothing() {
        let mut ledger = Ledger::default();
        let kind = ActionKind::ConfirmCompromised;
        super::super::samples::proven(&mut ledger, 1, kind, 1, 0);
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 5,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let who = Safe::from("jo");
        let account = crate::domain::containment::samples::account().id;
        let word = crate::domain::containment::standing::standing(&ledger, &account, |_| false);
        let text = compose(&pid(1), &actions, &who, &word, None, &head);
        assert!(text.starts_with("**Risk record**"), "{text}");
        assert!(text.contains("- mark as compromised: **proven**"), "{text}");
        assert!(text.contains(NOTHING_CONTAINS), "{text}");
    }

    /// Another host may have contained the account: only who disabled or enabled it speaks against that.
    #[rstest]
    #[case::removed(ActionKind::RemoveItem, true, None, false)]
    #[case::signed_out(ActionKind::RevokeSessions, true, None, false)]
    #[case::never_sent(ActionKind::DisableAccount, false, None, false)]
    #[case::disabled_by_others_before(ActionKind::DisableAccount, true, Some(true), false)]
    #[case::without_effect(ActionKind::DisableAccount, true, Some(false), true)]
    #[case::not_read(ActionKind::DisableAccount, true, None, false)]
    #[case::enabled(ActionKind::EnableAccount, true, Some(true), true)]
    #[case::enabled_and_never_read(ActionKind::EnableAccount, true, None, false)]
    fn that_nothing_contains_an_account_is_said_by_who_disabled_or_enabled_it(
        #[case] kind: ActionKind,
        #[case] is_sent: bool,
        #[case] matches: Option<bool>,
        #[case] speaks: bool,
    ) {
        use crate::domain::containment::samples::{confirmed, entry, intent, planned};
        let mut ledger = Ledger::default();
        let bodies = [planned(1, 0, kind), confirmed(1, false), intent(1, Some(0))];
        let all = if is_sent { 3 } else { 2 };
        for (body, n) in bodies.into_iter().take(all).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let mut action = ledger.actions().next().cloned().expect("it is planned");
        action.matches = matches;
        let anchor = Anchor {
            log: "01LOG".to_owned(),
            n: 5,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let text = |standing: &Standing| {
            compose(&pid(1), &[&action], &"jo".into(), standing, None, &anchor)
        };
        let free = text(&Standing::Free);
        assert_eq!(free.contains("Account is not contained."), speaks, "{free}");
        assert_eq!(free.contains(NOTHING_CONTAINS), !speaks, "{free}");
        let since = crate::domain::containment::samples::at(0);
        let contained = text(&Standing::Contained { since });
        assert!(contained.contains("Account is contained."), "{contained}");
    }

    /// Another host contained it, and it still is.
    #[rstest]
    #[case::refused(OutcomeState::Rejected, true)]
    #[case::without_effect(OutcomeState::NotEffective, true)]
    #[case::proven(OutcomeState::Verified, false)]
    fn an_enabling_that_failed_takes_no_containment_back(
        #[case] state: OutcomeState,
        #[case] is_failed: bool,
    ) {
        let mut ledger = Ledger::default();
        let bodies = [
            planned(1, 0, ActionKind::EnableAccount),
            confirmed(1, false),
            intent(1, Some(0)),
            outcome(1, state),
        ];
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 4,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let by = Safe::from("jo");
        let text = compose(&pid(1), &actions, &by, &Standing::Free, None, &head);
        assert_eq!(text.contains(NOTHING_CONTAINS), is_failed, "{text}");
        assert_eq!(text.contains("Account is not contained."), !is_failed);
    }

    #[test]
    fn a_reading_back_is_spoken_of_only_where_there_was_one() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        ledger.apply(&entry(2, 0, confirmed(1, false)));
        let said = |ledger: &Ledger| {
            let head = Anchor {
                log: "01LOG".to_owned(),
                n: 4,
                h: "ab12".to_owned(),
                at: DateTime::UNIX_EPOCH,
            };
            let actions: Vec<&ActionView> = ledger.actions().collect();
            let who = Safe::from("jo");
            let text = compose(&pid(1), &actions, &who, &Standing::Free, None, &head);
            text.contains("This was read back from the provider")
        };
        ledger.apply(&entry(3, 1, outcome(1, OutcomeState::Abandoned)));
        assert!(!said(&ledger));
        ledger.apply(&entry(4, 2, intent(1, None)));
        let read = Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: None,
        };
        ledger.apply(&entry(5, 3, Body::ActionObserve(read)));
        assert!(said(&ledger));
    }

    #[rstest]
    #[case::told(&[Some(true)], WAS_READ)]
    #[case::refuted(&[Some(false)], WAS_READ)]
    #[case::not_found(&[None], READ_NOTHING)]
    #[case::told_in_part(&[None, Some(true)], PARTLY_READ)]
    fn a_reading_that_told_nothing_is_not_called_a_reading_back(
        #[case] reads: &[Option<bool>],
        #[case] said: &str,
    ) {
        let mut ledger = Ledger::default();
        for (matches, n) in reads.iter().zip(1_u64..) {
            let id = u128::from(n);
            let read = Observed {
                aid: aid(id),
                evidence: "read".into(),
                matches: *matches,
                reads: 1,
                used: None,
                effect_at: None,
            };
            let all = [
                planned(id, 0, ActionKind::DisableAccount),
                confirmed(id, false),
                intent(id, None),
                Body::ActionObserve(read),
            ];
            for (body, n) in all.into_iter().zip(10 * n..) {
                ledger.apply(&entry(n, 3, body));
            }
        }
        let actions: Vec<&ActionView> = ledger.actions().collect();
        assert_eq!(reading(&actions), said);
        // One that never left was not to be read.
        let never = [
            planned(9, 0, ActionKind::RevokeSessions),
            confirmed(9, false),
            outcome(9, OutcomeState::Abandoned),
        ];
        for (body, n) in never.into_iter().zip(100..) {
            ledger.apply(&entry(n, 4, body));
        }
        let actions: Vec<&ActionView> = ledger.actions().collect();
        assert_eq!(reading(&actions), said);
    }

    /// A disabling that was accepted and closed by hand after it was read or not, with a revoking of the same plan or alone.
    fn closed_by_hand(read: bool, revoked: bool) -> Ledger {
        let observed = Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "status **SUSPENDED**".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: None,
        });
        let closed = Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "closed by me".into(),
        };
        let sent = [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
            intent(1, Some(0)),
        ];
        let mut ledger = Ledger::default();
        let then = read.then_some(observed).into_iter().chain([closed]);
        for (body, n) in sent.into_iter().chain(then).zip(1..) {
            ledger.apply(&entry(n, 3, body));
        }
        if revoked {
            super::super::samples::proven(&mut ledger, 2, ActionKind::RevokeSessions, 10, 5);
            let read = Observed {
                aid: aid(2),
                evidence: "no session".into(),
                matches: Some(true),
                reads: 2,
                used: None,
                effect_at: None,
            };
            ledger.apply(&entry(15, 6, Body::ActionObserve(read)));
        }
        ledger
    }

    fn told(ledger: &Ledger) -> String {
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 5,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let account = crate::domain::containment::samples::account().id;
        let word = crate::domain::containment::standing::standing(ledger, &account, |_| false);
        let plan = ledger.plan(&pid(1));
        compose(&pid(1), &plan, &"jo".into(), &word, None, &head)
    }

    #[rstest]
    #[case::never_read(false, false, "Nothing was read back from the provider for it.")]
    #[case::read_once(true, false, "What was read back for it was not read to the end.")]
    #[case::beside_what_was_read(
        false,
        true,
        "What was not closed by hand was read back from the provider; what the account did since is for the SIEM to say."
    )]
    fn of_a_disabling_that_was_closed_by_hand_it_is_said_that_nobody_knows(
        #[case] read: bool,
        #[case] revoked: bool,
        #[case] last: &str,
    ) {
        let text = told(&closed_by_hand(read, revoked));
        let lines: Vec<&str> = text.lines().collect();
        let word = "Account is partly contained: its disabling was closed by hand, not proven.";
        assert!(lines.contains(&word), "{text}");
        assert!(lines.contains(&last), "{text}");
        let sentence = if read {
            format!(
                r"{NOT_KNOWN} The last reading at 2027-01-15 08:00:03Z: status \*\*SUSPENDED\*\*."
            )
        } else {
            NOT_KNOWN.to_owned()
        };
        assert!(lines.contains(&sentence.as_str()), "{text}");
        for untrue in ["not contained", NOTHING_CONTAINS, "This was read back"] {
            assert!(!text.contains(untrue), "{text}");
        }
    }

    #[test]
    fn of_a_disabling_that_was_closed_by_hand_only_its_own_readings_are_told() {
        let mut ledger = closed_by_hand(false, false);
        // That it was asked to wait is no reading of the account.
        let put_off = Observed {
            aid: aid(1),
            evidence: "not executed, sending once more".into(),
            matches: None,
            reads: 0,
            used: None,
            effect_at: None,
        };
        let read = Observed {
            aid: aid(2),
            evidence: "no entry".into(),
            reads: 1,
            ..put_off.clone()
        };
        let closed = Body::ActionResolve {
            aid: aid(2),
            how: "closed".to_owned(),
            reason: "seen elsewhere".into(),
        };
        let all = [
            Body::ActionObserve(put_off),
            planned(2, 0, ActionKind::RevokeSessions),
            confirmed(2, false),
            intent(2, Some(0)),
            Body::ActionObserve(read),
            closed,
        ];
        for (body, n) in all.into_iter().zip(10..) {
            ledger.apply(&entry(n, 3, body));
        }
        let text = told(&ledger);
        assert!(text.lines().any(|line| line == NOT_KNOWN), "{text}");
    }

    #[rstest]
    #[case::enabled(ActionKind::EnableAccount, "Account is not contained.")]
    #[case::disabled(
        ActionKind::DisableAccount,
        "Account is partly contained: sessions not revoked."
    )]
    fn what_was_done_and_proven_since_says_more_than_that_nobody_knows(
        #[case] kind: ActionKind,
        #[case] word: &str,
    ) {
        let mut ledger = closed_by_hand(false, false);
        super::super::samples::proven(&mut ledger, 2, kind, 10, 5);
        let text = told(&ledger);
        assert!(text.contains(word), "{text}");
        assert!(!text.contains(NOT_KNOWN), "{text}");
    }

    /// The sessions were ended and the disabling had no effect: nothing is contained until any time.
    #[test]
    fn of_a_disabling_that_was_refuted_no_end_is_told() {
        let mut ledger = Ledger::default();
        super::super::samples::proven(&mut ledger, 1, ActionKind::RevokeSessions, 1, 0);
        let refuted = [
            planned(2, 1, ActionKind::DisableAccount),
            confirmed(2, false),
            intent(2, Some(5)),
            outcome(2, OutcomeState::NotEffective),
        ];
        for (body, n) in refuted.into_iter().zip(10..) {
            ledger.apply(&entry(n, 5, body));
        }
        let account = crate::domain::containment::samples::account();
        let hold = Hold {
            case: crate::domain::containment::samples::case(),
            login: account.login,
            owner: "jo".into(),
            until: None,
            reason: None,
            set: crate::domain::containment::samples::at(0),
        };
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 5,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let word = crate::domain::containment::standing::standing(&ledger, &account.id, |_| false);
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let text = compose(&pid(1), &actions, &"jo".into(), &word, Some(&hold), &head);
        let line = "Account is partly contained: no disabling from here holds.";
        assert!(text.lines().any(|one| one == line), "{text}");
        assert!(!text.contains("until somebody decides"), "{text}");
    }

    #[test]
    fn what_never_left_is_not_called_sent() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        ledger.apply(&entry(2, 0, confirmed(1, false)));
        ledger.apply(&entry(3, 0, intent(1, None)));
        let line = |ledger: &Ledger| line_of(ledger.get(&aid(1)).unwrap_or_else(|| panic!("one")));
        assert!(line(&ledger).contains("**requested**, sent "));
        let never = Body::ActionNotSent {
            aid: aid(1),
            attempt: 1,
            reason: "no route".into(),
        };
        ledger.apply(&entry(4, 0, never));
        ledger.apply(&entry(5, 1, outcome(1, OutcomeState::NotSent)));
        let said = line(&ledger);
        assert!(
            said.starts_with("- disable account: **not sent**"),
            "{said}"
        );
        assert!(
            !said.contains(", sent ") && !said.contains(", not sent"),
            "{said}"
        );
    }

    #[test]
    fn a_wait_that_the_provider_asked_for_is_no_reading_back() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        ledger.apply(&entry(2, 0, confirmed(1, false)));
        ledger.apply(&entry(3, 0, intent(1, None)));
        let waits = Observed {
            aid: aid(1),
            evidence: "429".into(),
            matches: None,
            reads: 0,
            used: None,
            effect_at: None,
        };
        ledger.apply(&entry(4, 0, Body::ActionObserve(waits)));
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 4,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let who = Safe::from("jo");
        let text = compose(&pid(1), &actions, &who, &Standing::Free, None, &head);
        assert!(text.contains("Nothing was read back"), "{text}");
    }

    #[test]
    fn who_confirmed_is_named_and_who_documents_it_where_that_is_another() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        let mut said = confirmed(1, false);
        if let Body::ActionConfirm { operator, .. } = &mut said {
            *operator = Some("kim".into());
        }
        ledger.apply(&entry(2, 0, said));
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 2,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let by = |who: &'static str| {
            let actions: Vec<&ActionView> = ledger.actions().collect();
            let who = Safe::from(who);
            compose(&pid(1), &actions, &who, &Standing::Free, None, &head)
        };
        let own = by("kim, OS user jo");
        assert!(own.contains("\nConfirmed by: kim, OS user jo\n\n"), "{own}");
        let other = by("lee, OS user jo");
        let both = "\nConfirmed by: kim, OS user jo\nDocumented by: lee, OS user jo\n\n";
        assert!(other.contains(both), "{other}");
    }

    #[test]
    fn of_what_was_never_confirmed_it_is_said_who_planned_it() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        ledger.apply(&entry(2, 20, outcome(1, OutcomeState::Abandoned)));
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 2,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let who = Safe::from("lee, OS user jo");
        let text = compose(&pid(1), &actions, &who, &Standing::Free, None, &head);
        let both = "\nPlanned by: OS user jo\nDocumented by: lee, OS user jo\n\n";
        assert!(text.contains(both), "{text}");
        assert!(!text.contains("Confirmed by"), "{text}");
        let line = "- disable account: **abandoned**, not sent, after 4 s (read back) [action ";
        assert!(text.contains(line), "{text}");
        assert!(text.contains(NOTHING_CONTAINS), "{text}");
    }

    #[test]
    fn the_comment_says_what_was_done_to_whom_with_which_proof() {
        let mut ledger = Ledger::default();
        for (number, kind) in [
            (1, ActionKind::DisableAccount),
            (2, ActionKind::RevokeSessions),
        ] {
            ledger.apply(&entry(1, 0, planned(number, 0, kind)));
            ledger.apply(&entry(2, 0, confirmed(number, false)));
        }
        ledger.apply(&entry(3, 0, intent(1, None)));
        ledger.apply(&entry(4, 4, outcome(1, OutcomeState::Verified)));
        let head = Anchor {
            log: "01LOG".to_owned(),
            n: 41,
            h: "ab12".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let text = compose(
            &pid(1),
            &actions,
            &"jo".into(),
            &Standing::Contained { since: head.at },
            None,
            &head,
        );
        let all: Vec<&str> = text.lines().collect();
        assert_eq!(all.first().copied(), Some("**Containment record**"));
        let line = |start: &str| {
            let found = all.iter().find(|line| line.starts_with(start));
            found
                .copied()
                .unwrap_or_else(|| panic!("{start} in {text}"))
        };
        assert!(line("Account: ").contains("00uAbC") && line("Account: ").contains("okta"));
        assert!(line("Confirmed by: ").ends_with("jo"));
        let done = line("- disable account: **proven**, sent ");
        assert!(done.contains(", after 4 s (read back)"), "{done}");
        assert!(done.contains(actions[0].aid.as_str()), "{done}");
        let other = line("- revoke sessions: **confirmed**, not sent [action ");
        assert!(other.contains(actions[1].aid.as_str()), "{other}");
        assert_eq!(line("Account is "), "Account is contained.");
        assert_eq!(line("quell:"), format!("quell:{}", pid(1)));
        let anchor = "audit 01LOG n=41 h=ab12 at=1970-01-01T00:00:00Z";
        assert_eq!(line("audit "), anchor);
    }
}
