//! What an attacker may have left in an account: items that can be listed one by one, and what could not be read.
//!
//! What must not live here: a vendor's field names; when an item is removed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Longest name that is kept, in characters; an attacker chooses it.
const NAME_MAX: usize = 120;

/// Longest state before that is kept, in characters.
pub const BEFORE_MAX: usize = 16_000;

/// What kind of thing was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemnantKind {
    /// A consent: an application may act for the user.
    OauthGrant,
    /// Tokens by which an application stays signed in without the user.
    RefreshToken,
    /// A way to pass the second factor.
    MfaMethod,
    /// A session that is still listed.
    Session,
    /// A password of an application, which passes no second factor.
    AppPassword,
    /// A rule that moves, hides or deletes mail.
    InboxRule,
    /// Mail that is sent on to elsewhere.
    Forwarding,
    /// Somebody else who may open the mailbox.
    Delegate,
    /// Another address whose mail comes into the mailbox.
    MailAlias,
    /// An account at another provider by which the user can sign in here.
    LinkedAccount,
    /// A mail address or number by which the password can be had back.
    RecoveryData,
    /// A device that counts as known.
    Device,
}

impl RemnantKind {
    /// Lists all kinds in the order they are shown.
    pub const ALL: [Self; 12] = [
        Self::OauthGrant,
        Self::RefreshToken,
        Self::MfaMethod,
        Self::Session,
        Self::AppPassword,
        Self::InboxRule,
        Self::Forwarding,
        Self::Delegate,
        Self::MailAlias,
        Self::LinkedAccount,
        Self::RecoveryData,
        Self::Device,
    ];

    /// Gives its turn where several things are removed by one plan.
    ///
    /// Mail that flows out first, and a rule before the address it sends to, so that nothing is taken along unseen. Then
    /// what makes new sign-ins, a consent before the tokens it gives, and sessions last: none of them is made anew by what
    /// is still there.
    pub fn turn(self) -> usize {
        let turns = [
            Self::InboxRule,
            Self::Forwarding,
            Self::Delegate,
            Self::LinkedAccount,
            Self::AppPassword,
            Self::RecoveryData,
            Self::MfaMethod,
            Self::Device,
            Self::OauthGrant,
            Self::RefreshToken,
            Self::Session,
        ];
        let place = turns.iter().position(|kind| *kind == self);
        place.unwrap_or(turns.len())
    }

    /// Tells whether things of this kind have a name of their own. Sessions and tokens are called after the applications
    /// that use them: one more of those makes no other session.
    pub fn has_name(self) -> bool {
        !matches!(self, Self::Session | Self::RefreshToken)
    }

    /// Gives the name shown: `OAuth grant`.
    pub fn word(self) -> &'static str {
        match self {
            Self::OauthGrant => "OAuth grant",
            Self::RefreshToken => "refresh tokens",
            Self::MfaMethod => "MFA method",
            Self::Session => "session",
            Self::AppPassword => "app password",
            Self::InboxRule => "inbox rule",
            Self::Forwarding => "forwarding",
            Self::Delegate => "delegate",
            Self::MailAlias => "alias",
            Self::LinkedAccount => "linked account",
            Self::RecoveryData => "recovery data",
            Self::Device => "device",
        }
    }
}

/// One thing that was left: what is removed is named by this, in the plan, in records and in requests for an approval.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What kind of thing.
    pub kind: RemnantKind,
    /// The provider's id of it, below the account.
    pub id: Untrusted,
    /// What it is called: the application, the factor and its device, the client of a session.
    pub name: Untrusted,
}

impl Item {
    /// Makes one; a name that is too long is cut.
    pub fn new(kind: RemnantKind, id: impl Into<String>, name: &str) -> Self {
        let mut kept: String = name.chars().take(NAME_MAX).collect();
        if kept.len() < name.len() {
            kept.push('…');
        }
        Self {
            kind,
            id: Untrusted::new(id),
            name: Untrusted::new(kept),
        }
    }

    /// Tells whether two mean the same thing at the provider, whatever it is called.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }

    /// Gives it in words: `MFA method push Pixel 8`.
    pub fn word(&self) -> Safe {
        safe!("{} {}", self.kind.word(), self.name.field())
    }

    /// Gives it in words with its id: `MFA method push Pixel 8 (id opf1)`.
    pub fn named(&self) -> Safe {
        safe!("{} (id {})", self.word(), self.id.ident())
    }
}

/// Puts what one plan removes into the order in which it is safe to remove it: by turns, and of the same turn in the order
/// given. The same thing given twice is one.
pub fn in_turn(items: &[Item]) -> Vec<Item> {
    let mut all: Vec<Item> = Vec::new();
    for item in items {
        if !all.iter().any(|other| other.is_same(item)) {
            all.push(item.clone());
        }
    }
    all.sort_by_key(|item| item.kind.turn());
    all
}

/// Tells whether two lists name the same things in the same order, whatever they are called.
pub fn are_same(some: &[Item], others: &[Item]) -> bool {
    some.len() == others.len()
        && some
            .iter()
            .zip(others)
            .all(|(one, other)| one.is_same(other))
}

/// One thing that was left, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remnant {
    /// Which.
    pub item: Item,
    /// What else is known of it, one short fragment each.
    pub details: Vec<Untrusted>,
    /// When it was made, where the provider tells.
    pub since: Option<DateTime<Utc>>,
    /// When it was last used, where the provider tells.
    pub last_used: Option<DateTime<Utc>>,
    /// Why it cannot be removed from here; `None` where it can.
    pub kept: Option<Safe>,
    /// The provider's record of it, as JSON: what is known of it once it is gone.
    pub before: Untrusted,
    /// How many characters the record has, where that is more than is kept.
    pub cut: Option<usize>,
}

impl Remnant {
    /// Makes one that can be removed and of which nothing more is known than its record.
    pub fn new(item: Item, record: &serde_json::Value) -> Self {
        let (before, cut) = before(record);
        Self {
            item,
            details: Vec::new(),
            since: None,
            last_used: None,
            kept: None,
            before,
            cut,
        }
    }

    /// Says how much of its record is kept in the audit log.
    pub fn keeps(&self) -> Safe {
        match self.cut {
            None => "its record is kept in the audit log".into(),
            Some(all) => safe!(
                "of its record of {} characters only the first {} are kept in the audit log",
                all,
                BEFORE_MAX
            ),
        }
    }
}

/// Writes a record as it is kept, and its characters where it had to be cut: an attacker chooses how long it is.
fn before(record: &serde_json::Value) -> (Untrusted, Option<usize>) {
    let text = record.to_string();
    let all = text.chars().count();
    if all <= BEFORE_MAX {
        return (Untrusted::new(text), None);
    }
    let cut: String = text.chars().take(BEFORE_MAX).collect();
    let said = format!("{cut}… [cut: {} bytes]", text.len());
    (Untrusted::new(said), Some(all))
}

/// A kind that was not read, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Which.
    pub kind: RemnantKind,
    /// Why, as a fragment.
    pub reason: Safe,
}

/// Everything that was left in an account, as far as its provider tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// What is there.
    pub remnants: Vec<Remnant>,
    /// Kinds that were read whole: what of them is not listed is not there.
    pub read: Vec<RemnantKind>,
    /// Kinds that were not read, or not whole, and why.
    pub unread: Vec<Unread>,
}

impl LeftBehind {
    /// Adds what was read of one kind, or why it was not.
    pub fn add(&mut self, kind: RemnantKind, read: Result<Vec<Remnant>, Safe>) {
        match read {
            Ok(remnants) => {
                self.remnants.extend(remnants);
                if !self.read.contains(&kind) {
                    self.read.push(kind);
                }
            }
            Err(reason) => self.unread.push(Unread { kind, reason }),
        }
    }

    /// Adds what was read of a kind of which a part could not be read: what of it is not listed may be there all the same.
    pub fn add_part(&mut self, kind: RemnantKind, remnants: Vec<Remnant>, reason: Safe) {
        self.remnants.extend(remnants);
        self.unread.push(Unread { kind, reason });
    }

    /// Finds an item as it is now.
    pub fn find(&self, item: &Item) -> Option<&Remnant> {
        self.remnants.iter().find(|one| one.item.is_same(item))
    }

    /// Tells whether an item is there; the reason where that is not known, because its kind was not read.
    ///
    /// # Errors
    /// Why its kind was not read.
    pub fn lists(&self, item: &Item) -> Result<Option<&Remnant>, Safe> {
        let found = self.find(item);
        if found.is_some() || self.read.contains(&item.kind) {
            return Ok(found);
        }
        let unread = self.unread.iter().find(|unread| unread.kind == item.kind);
        Err(unread.map_or_else(
            || {
                safe!(
                    "the provider lists nothing of the kind {}",
                    item.kind.word()
                )
            },
            |unread| unread.reason.clone(),
        ))
    }

    /// Lists the kinds that this provider has no list of: they are to be looked for elsewhere.
    pub fn elsewhere(&self) -> Vec<RemnantKind> {
        let told = |kind: &RemnantKind| {
            self.read.contains(kind) || self.unread.iter().any(|unread| unread.kind == *kind)
        };
        let all = RemnantKind::ALL.into_iter();
        all.filter(|kind| !told(kind)).collect()
    }
}

/// How the time of an item stands to the window of the compromise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It was made within the window, or after it while the window is open.
    New,
    /// It was made after the window was said to be over.
    Later,
    /// The provider does not tell when it was made: it may be new.
    Untimed,
    /// It was there before the window.
    Older,
    /// No window is known.
    Unjudged,
}

impl Mark {
    /// Judges a time by a window, which is open where it has no end.
    pub fn of(
        since: Option<DateTime<Utc>>,
        window: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    ) -> Self {
        match (window, since) {
            (None, _) => Self::Unjudged,
            (Some(_), None) => Self::Untimed,
            (Some((from, _)), Some(at)) if at < from => Self::Older,
            (Some((_, Some(until))), Some(at)) if at > until => Self::Later,
            (Some(_), Some(_)) => Self::New,
        }
    }

    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Later => "LATER",
            Self::Untimed => "time?",
            Self::Older => "before",
            Self::Unjudged => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_230_000 + seconds, 0).unwrap_or_default()
    }

    fn grant(id: &str) -> Remnant {
        let item = Item::new(RemnantKind::OauthGrant, id, "Mail Sync");
        Remnant::new(item, &json!({"id": id}))
    }

    #[test]
    fn each_mark_has_its_word() {
        let all = [
            Mark::New,
            Mark::Later,
            Mark::Untimed,
            Mark::Older,
            Mark::Unjudged,
        ];
        let words = all.map(Mark::word);
        assert_eq!(words, ["NEW", "LATER", "time?", "before", ""]);
    }

    #[test]
    fn sessions_and_tokens_have_no_name_of_their_own() {
        let named = |kind: RemnantKind| kind.has_name();
        assert!(!named(RemnantKind::Session) && !named(RemnantKind::RefreshToken));
        assert!(named(RemnantKind::OauthGrant) && named(RemnantKind::MfaMethod));
    }

    #[rstest]
    #[case(Some(5), Some((0, Some(10))), Mark::New)]
    #[case(Some(0), Some((0, Some(10))), Mark::New)]
    #[case(Some(10), Some((0, Some(10))), Mark::New)]
    #[case(Some(11), Some((0, Some(10))), Mark::Later)]
    #[case(Some(11), Some((0, None)), Mark::New)]
    #[case(Some(-1), Some((0, None)), Mark::Older)]
    #[case(None, Some((0, None)), Mark::Untimed)]
    #[case(Some(5), None, Mark::Unjudged)]
    #[case(None, None, Mark::Unjudged)]
    fn an_item_is_judged_by_the_window(
        #[case] since: Option<i64>,
        #[case] window: Option<(i64, Option<i64>)>,
        #[case] expected: Mark,
    ) {
        let window = window.map(|(from, until)| (at(from), until.map(at)));
        assert_eq!(Mark::of(since.map(at), window), expected);
    }

    #[test]
    fn what_is_not_listed_is_gone_only_where_its_kind_was_read() {
        let mut left = LeftBehind::default();
        left.add(RemnantKind::OauthGrant, Ok(vec![grant("a")]));
        left.add(RemnantKind::MfaMethod, Err("403".into()));
        let item = |kind, id: &str| Item::new(kind, id, "renamed");
        let listed = |kind, id| left.lists(&item(kind, id)).map(|found| found.is_some());
        assert_eq!(listed(RemnantKind::OauthGrant, "a"), Ok(true));
        assert_eq!(listed(RemnantKind::OauthGrant, "b"), Ok(false));
        assert_eq!(listed(RemnantKind::MfaMethod, "a"), Err("403".into()));
        assert!(listed(RemnantKind::InboxRule, "a").is_err());
        assert_eq!(left.elsewhere().len(), RemnantKind::ALL.len() - 2);
    }

    #[test]
    fn of_a_kind_that_was_read_in_part_only_what_is_listed_is_known() {
        let mut left = LeftBehind::default();
        left.add_part(
            RemnantKind::OauthGrant,
            vec![grant("a")],
            "consents: 403".into(),
        );
        let listed = |id: &str| {
            let item = Item::new(RemnantKind::OauthGrant, id, "renamed");
            left.lists(&item).map(|found| found.is_some())
        };
        assert_eq!(listed("a"), Ok(true));
        assert_eq!(listed("b"), Err("consents: 403".into()));
        assert!(!left.elsewhere().contains(&RemnantKind::OauthGrant));
    }

    #[test]
    fn what_an_attacker_chose_has_a_bound() {
        let long = "x".repeat(100_000);
        let item = Item::new(RemnantKind::OauthGrant, "a", &long);
        assert_eq!(item.name.raw().chars().count(), NAME_MAX + 1);
        let kept = Remnant::new(item.clone(), &json!({"scope": long}));
        let len = kept.before.raw().len();
        assert!(len < BEFORE_MAX + 50, "{len}");
        let says = "only the first 16000 are kept";
        assert!(kept.keeps().as_str().contains(says), "{}", kept.keeps());
        // What just fits is whole, in characters and not in bytes.
        let fits = "\u{e9}".repeat(BEFORE_MAX - 2);
        let kept = Remnant::new(item, &json!(fits));
        assert_eq!(
            (kept.cut, kept.before.raw().len()),
            (None, 2 * BEFORE_MAX - 2)
        );
    }

    #[test]
    fn what_lets_new_sessions_begin_goes_before_the_sessions() {
        use RemnantKind::{Forwarding, InboxRule, MfaMethod, OauthGrant, RefreshToken, Session};
        let item = |kind, id: &str| Item::new(kind, id, id);
        let given = [
            item(Session, "s1"),
            item(RefreshToken, "t1"),
            item(OauthGrant, "g2"),
            item(Forwarding, "all mail"),
            item(MfaMethod, "m1"),
            item(OauthGrant, "g1"),
            item(Forwarding, "a@b"),
            item(OauthGrant, "g2"),
            item(InboxRule, "r1"),
        ];
        let turns = in_turn(&given);
        let ids: Vec<&str> = turns.iter().map(|item| item.id.raw()).collect();
        assert_eq!(ids, ["r1", "all mail", "a@b", "m1", "g2", "g1", "t1", "s1"]);
        assert_eq!(in_turn(&turns), turns);
        assert!(are_same(&turns, &turns) && !are_same(&turns, &given[..8]));
    }

    #[test]
    fn every_kind_has_a_turn_of_its_own_and_sessions_come_last() {
        let mut turns: Vec<usize> = RemnantKind::ALL.iter().map(|kind| kind.turn()).collect();
        turns.sort_unstable();
        assert_eq!(turns, (0..RemnantKind::ALL.len()).collect::<Vec<_>>());
        let first = |one: RemnantKind, other: RemnantKind| one.turn() < other.turn();
        assert!(first(RemnantKind::InboxRule, RemnantKind::Forwarding));
        assert!(first(RemnantKind::OauthGrant, RemnantKind::RefreshToken));
        assert!(first(RemnantKind::MfaMethod, RemnantKind::Session));
    }
}
