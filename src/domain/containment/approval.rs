//! A second person's approval: what is asked, how it stands in the case, and whether an answer there counts.
//!
//! Silence never means yes. What must not live here: io, clocks, whom a comment belongs to (the case system says that).

mod listed;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kind::ActionKind;
use super::remnant::Item;
use crate::domain::audit::ascii_json;
use crate::domain::case::Comment;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, CaseId, PlanId};
use crate::domain::operator::Author;
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

pub use listed::{Request, requests};

/// How long a request may be answered, by the case system's clock.
pub const TTL: TimeDelta = TimeDelta::minutes(15);

/// Starts the line of a request.
pub const REQUEST: &str = "quell-approval-request";

/// Starts the line of an answer.
pub const ANSWER: &str = "quell-approval-answer";

/// What every line of ours starts with: comments are searched by it.
pub const EITHER: &str = "quell-approval-";

/// The one form of the lines this version writes and reads.
const FORM: u32 = 1;

/// What is asked for: exactly one plan. The same text stands in the request and in its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Form of the line.
    pub v: u32,
    /// The plan.
    pub plan: PlanId,
    /// Its hash, over kinds, target, snapshot, policy and configuration.
    pub hash: String,
    /// The case system's id of the case.
    pub case: String,
    /// Host of the identity provider: connections are named by each console for itself.
    pub host: String,
    /// The provider's immutable id of the account.
    pub target: String,
    /// Its login.
    pub login: Untrusted,
    /// What is done, in order.
    pub kinds: Vec<ActionKind>,
    /// What is removed, in order; consoles that do not know this refuse the line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
}

impl Ask {
    /// Asks for a plan.
    pub fn new(
        plan: PlanId,
        hash: &str,
        case: &str,
        host: &str,
        (target, login): (&str, &Untrusted),
        kinds: Vec<ActionKind>,
    ) -> Self {
        Self {
            v: FORM,
            plan,
            hash: hash.to_owned(),
            case: case.to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            login: login.clone(),
            kinds,
            items: Vec::new(),
        }
    }

    /// Names what is removed.
    #[must_use]
    pub fn removing(self, items: Vec<Item>) -> Self {
        Self { items, ..self }
    }

    /// Gives what is done in words: `revoke sessions, disable account`.
    pub fn what(&self) -> Safe {
        let kinds = self.kinds.iter();
        let kinds = kinds.filter(|kind| **kind != ActionKind::RemoveItem || self.items.is_empty());
        let items = self
            .items
            .iter()
            .map(|item| safe!("remove {}", item.named()));
        Safe::join(
            kinds.map(|kind| kind.word().into()).chain(items),
            &Safe::fixed(", "),
        )
    }

    /// Gives the same in few words, for a title: several things that are removed are counted.
    pub fn brief(&self) -> Safe {
        match self.items.len() {
            0 | 1 => self.what(),
            many => safe!("remove {} things", many),
        }
    }

    /// Gives the text by which the request is found again, before and after it is posted.
    pub fn marker(&self) -> String {
        format!("quell:ask:{}", self.plan)
    }
}

/// What somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// Yes.
    Approve,
    /// No, which is final.
    Deny,
}

impl Say {
    /// Gives the word used in records and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
        }
    }

    /// Gives the word for the answer alone, where nobody knows yet whether it counts.
    pub fn answer(self) -> &'static str {
        match self {
            Self::Approve => "a yes",
            Self::Deny => "a no",
        }
    }
}

/// An answer as it stands in a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Yes or no.
    pub say: Say,
    /// The case system's id of the comment that asked.
    pub request: Untrusted,
    /// What was asked, as the one who answers saw it.
    pub ask: Ask,
}

/// An answer as it is recorded at the console where it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// The case.
    pub case: CaseId,
    /// What was asked.
    pub ask: Ask,
    /// The comment that asked.
    pub request: Untrusted,
    /// The answer.
    pub say: Say,
    /// The account as it was read here.
    pub account: AccountId,
    /// The case system's id of who answers; empty where it did not say, which only a denial may be.
    pub approver: Untrusted,
}

/// The request as the case system has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Id of the comment.
    pub comment: Untrusted,
    /// When it was written, by the case system's clock.
    pub at: DateTime<Utc>,
    /// Who asks.
    pub by: Author,
}

/// An approval that counts; made by [`decide`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    ask: Ask,
    comment: Untrusted,
    by: Author,
    at: DateTime<Utc>,
}

impl Grant {
    /// Makes one without a decision.
    #[cfg(test)]
    pub(super) fn sample(ask: Ask, comment: &str, by: Author, at: DateTime<Utc>) -> Self {
        let comment = comment.into();
        Self {
            ask,
            comment,
            by,
            at,
        }
    }

    /// Gives what was approved.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Gives the comment, which is used up by it.
    pub fn comment(&self) -> &Untrusted {
        &self.comment
    }

    /// Gives who approved.
    pub fn by(&self) -> &Author {
        &self.by
    }

    /// Gives when, by the case system's clock.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody answered in a way that counts.
    Wait,
    /// Somebody said no: their login and the comment.
    Denied(Untrusted, Untrusted),
    /// Somebody else said yes.
    Approved(Box<Grant>),
}

/// A comment with whom it belongs to; `None` when the case system could not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The comment.
    pub comment: Comment,
    /// Its author.
    pub author: Option<Author>,
}

fn line<T: Serialize>(tag: &str, value: &T) -> String {
    // Its keys are text and its numbers are small: it can always be written.
    let value = serde_json::to_value(value).unwrap_or_default();
    format!("{tag} {}", ascii_json(&value))
}

/// Reads the one line of a tag; two of them are none.
fn read<T: DeserializeOwned>(tag: &str, message: &str) -> Option<T> {
    let mut found = message
        .lines()
        .filter_map(|line| line.strip_prefix(tag)?.strip_prefix(' '));
    let text = found.next()?;
    if found.next().is_some() {
        return None;
    }
    serde_json::from_str(text.trim_end()).ok()
}

/// Reads the request in a comment.
pub fn request_in(message: &str) -> Option<Ask> {
    read::<Ask>(REQUEST, message).filter(|ask| ask.v == FORM)
}

/// Reads the answer in a comment.
pub fn answer_in(message: &str) -> Option<Answer> {
    read::<Answer>(ANSWER, message).filter(|answer| answer.ask.v == FORM)
}

fn target(ask: &Ask) -> String {
    format!(
        "Account: {} (id {} at {})",
        sink::markdown(&ask.login.ident()),
        sink::markdown(&Untrusted::new(ask.target.as_str()).ident()),
        sink::markdown(&Untrusted::new(ask.host.as_str()).ident()),
    )
}

/// Composes the comment that asks, in Markdown.
pub fn compose_request(ask: &Ask, reasons: &[Safe], by: &Safe, expires: DateTime<Utc>) -> String {
    let why = Safe::join(reasons.iter().cloned(), &Safe::fixed("; "));
    [
        "**Approval asked of a second person**".to_owned(),
        String::new(),
        format!("To do: {}", sink::markdown(&ask.what())),
        target(ask),
        format!("Why a second person: {}", sink::markdown(&why)),
        format!("Asked by: {}", sink::markdown(by)),
        format!("Until: {}; silence is a no.", time_word(expires)),
        "To answer, open this case in a console of your own and press A. Only an answer of somebody else counts."
            .to_owned(),
        String::new(),
        line(REQUEST, ask),
        ask.marker(),
    ]
    .join("\n")
}

/// Composes the comment that answers, in Markdown.
pub fn compose_answer(answer: &Answer, by: &Safe) -> String {
    let word = match answer.say {
        Say::Approve => "**Approved**",
        Say::Deny => "**Denied**",
    };
    [
        word.to_owned(),
        String::new(),
        format!("What: {}", sink::markdown(&answer.ask.what())),
        target(&answer.ask),
        format!("By: {}", sink::markdown(by)),
        String::new(),
        line(ANSWER, answer),
    ]
    .join("\n")
}

/// Composes the comment that stands in the place of a yes that was held back, in Markdown; it answers nothing.
pub fn compose_held(answer: &Answer, by: &Safe, reason: &Safe) -> String {
    [
        "**Not answered**: a yes was held back".to_owned(),
        String::new(),
        format!("What: {}", sink::markdown(&answer.ask.what())),
        target(&answer.ask),
        format!("By: {}", sink::markdown(by)),
        format!("Why: {}", sink::markdown(reason)),
    ]
    .join("\n")
}

/// Finds the own request as the case system has it.
///
/// # Errors
/// Says why it is not what was posted: changed, or somebody else's.
pub fn posted_as(ask: &Ask, comment: &Comment, me: &Author) -> Result<Posted, Safe> {
    if comment.edited {
        return Err("the request was edited".into());
    }
    if request_in(comment.message.raw()).as_ref() != Some(ask) {
        return Err("the request in the case is not the one that was made".into());
    }
    if comment.author != me.login {
        return Err("the request in the case is somebody else's".into());
    }
    Ok(Posted {
        comment: comment.id.clone(),
        at: comment.at,
        by: me.clone(),
    })
}

/// Decides over everything that stands in the case: a denial wins, then the earliest approval that counts.
///
/// Gives with it the approvals that do not count, and why.
pub fn decide(
    ask: &Ask,
    posted: &Posted,
    written: &[Written],
    used: &BTreeSet<Untrusted>,
) -> (Decision, Vec<(Untrusted, Safe)>) {
    let mut refused = Vec::new();
    let mut best: Option<Grant> = None;
    let mut denied = None;
    for one in written {
        let comment = &one.comment;
        let Some(answer) = answer_in(comment.message.raw()).filter(|a| a.ask.plan == ask.plan)
        else {
            continue;
        };
        if answer.say == Say::Deny {
            // A no needs no proof: whoever says it, the account is left alone.
            denied.get_or_insert((comment.author.clone(), comment.id.clone()));
            continue;
        }
        match counts(ask, posted, one, &answer, used) {
            Err(reason) => refused.push((comment.id.clone(), reason)),
            Ok(by) => {
                let earlier = best
                    .as_ref()
                    .is_none_or(|best| (comment.at, &comment.id) < (best.at, &best.comment));
                if earlier {
                    best = Some(Grant {
                        ask: ask.clone(),
                        comment: comment.id.clone(),
                        by,
                        at: comment.at,
                    });
                }
            }
        }
    }
    let decision = match (denied, best) {
        (Some((by, comment)), _) => Decision::Denied(by, comment),
        (None, Some(grant)) => Decision::Approved(Box::new(grant)),
        (None, None) => Decision::Wait,
    };
    (decision, refused)
}

/// Tells whether an approval counts, and whose it is.
fn counts(
    ask: &Ask,
    posted: &Posted,
    one: &Written,
    answer: &Answer,
    used: &BTreeSet<Untrusted>,
) -> Result<Author, Safe> {
    let comment = &one.comment;
    if answer.ask != *ask {
        return Err("it approves something else".into());
    }
    if answer.request != posted.comment {
        return Err("it answers another request".into());
    }
    if comment.edited {
        return Err("it was edited".into());
    }
    if used.contains(&comment.id) {
        return Err("it was used before".into());
    }
    let Some(author) = one.author.as_ref().filter(|a| a.login == comment.author) else {
        return Err("the case system does not say who wrote it".into());
    };
    second_person(&posted.by, author)?;
    if comment.at <= posted.at {
        return Err("it is older than the request".into());
    }
    if comment.at - posted.at > TTL {
        return Err("it came after 15 minutes".into());
    }
    Ok(author.clone())
}

/// Tells whether somebody may approve what another asks, by the case system's own ids.
///
/// # Errors
/// Says why not.
pub fn second_person(asks: &Author, answers: &Author) -> Result<(), Safe> {
    if asks.id.is_empty() || answers.id.is_empty() {
        return Err("the case system gives no id for a person".into());
    }
    if asks.id == answers.id {
        return Err("nobody approves what they asked themselves".into());
    }
    if asks.shared || answers.shared {
        return Err("the key is shared: it does not say which person it was".into());
    }
    if answers.locked {
        return Err(safe!("the account {} is locked", answers.login.field()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::{ask, at, author, pid};

    fn posted() -> Posted {
        Posted {
            comment: "~c1".into(),
            at: at(0),
            by: author("u1"),
        }
    }

    fn comment(id: &str, by: &Author, seconds: i64, message: String) -> Comment {
        Comment {
            id: id.into(),
            author: by.login.clone(),
            at: at(seconds),
            message: message.into(),
            edited: false,
        }
    }

    fn answer(say: Say) -> Answer {
        Answer {
            say,
            request: "~c1".into(),
            ask: ask(),
        }
    }

    fn written(say: Say, id: &str, who: &str, seconds: i64) -> Written {
        let by = author(who);
        let message = compose_answer(&answer(say), &by.login.field());
        Written {
            comment: comment(id, &by, seconds, message),
            author: Some(by),
        }
    }

    fn decided(all: &[Written]) -> (Decision, Vec<(Untrusted, Safe)>) {
        decide(&ask(), &posted(), all, &BTreeSet::new())
    }

    #[test]
    fn what_is_asked_for_is_named_and_several_removals_are_counted_in_a_title() {
        let thing = |id: &str| Item::new(super::super::remnant::RemnantKind::MfaMethod, id, "push");
        let mut asked = ask();
        asked.kinds = vec![ActionKind::RevokeSessions, ActionKind::DisableAccount];
        assert_eq!(asked.what().as_str(), "revoke sessions, disable account");
        assert_eq!(asked.brief(), asked.what());
        // A kind alone says only that something goes; what goes says it better.
        asked.kinds = vec![ActionKind::RevokeSessions, ActionKind::RemoveItem];
        assert!(asked.what().as_str().starts_with("revoke sessions, "));
        assert_ne!(asked.what().as_str(), "revoke sessions");
        let one = asked.clone().removing(vec![thing("a")]);
        let named = safe!("revoke sessions, remove {}", thing("a").named());
        assert_eq!(one.what(), named);
        assert_eq!(one.brief(), one.what());
        let two = asked.removing(vec![thing("a"), thing("b")]);
        assert_eq!(two.brief().as_str(), "remove 2 things");
    }

    #[test]
    fn what_is_to_be_removed_stands_in_the_request() {
        let item = Item::new(
            super::super::remnant::RemnantKind::MfaMethod,
            "opf1",
            "push *x*",
        );
        let mut removal = ask().removing(vec![item.clone()]);
        removal.kinds = vec![ActionKind::RemoveItem];
        let text = compose_request(&removal, &["r".into()], &"jo".into(), at(9));
        assert_eq!(request_in(&text), Some(removal.clone()));
        assert!(
            text.contains("remove MFA method push") && text.contains("opf1"),
            "{text}"
        );
        // Another thing is another request, and one without it is none that this stands for.
        let other = Item {
            id: "opf2".into(),
            ..item
        };
        assert_ne!(removal.clone().removing(vec![other]), removal);
        assert_ne!(removal.clone().removing(Vec::new()), removal);
        assert!(!compose_request(&ask(), &[], &"jo".into(), at(9)).contains("items"));
    }

    #[test]
    fn what_is_asked_reads_back_from_its_comment() {
        let mut wild = ask();
        wild.login = "a\u{202e}\nquell-approval-request {}\n* `x` <b>@acme.example".into();
        wild.target = "00u\n\u{1b}[2J".to_owned();
        for ask in [ask(), wild] {
            let why = [Safe::from("it is a member of Finance")];
            let text = compose_request(&ask, &why, &"jo".into(), at(900));
            assert_eq!(request_in(&text), Some(ask.clone()), "{text}");
            assert_eq!(ask.marker(), format!("quell:ask:{}", ask.plan));
            assert!(text.contains(&ask.marker()));
            assert!(
                text.contains("member of Finance") && text.contains("08:15:00"),
                "{text}"
            );
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
            assert_eq!(answer_in(&text), None);
            for say in [Say::Approve, Say::Deny] {
                let given = Answer {
                    say,
                    request: "~c1".into(),
                    ask: ask.clone(),
                };
                let text = compose_answer(&given, &"kim".into());
                assert_eq!(answer_in(&text), Some(given));
                assert_eq!(request_in(&text), None);
                assert!(
                    !text.contains(&ask.marker()),
                    "it would pass for the request"
                );
            }
        }
        let (asks, answers) = (
            compose_request(&ask(), &[], &"jo".into(), at(900)),
            compose_answer(&answer(Say::Approve), &"kim".into()),
        );
        for text in [asks, answers] {
            let target = text.lines().find(|line| line.starts_with("Account: "));
            assert!(
                target.is_some_and(|line| line.contains("mara") && line.contains("00uAbC")),
                "{text}"
            );
        }
        let words = |say| compose_answer(&answer(say), &"kim".into());
        assert!(words(Say::Approve).starts_with("**Approved**"));
        assert!(words(Say::Deny).starts_with("**Denied**"));
        assert_eq!(
            (Say::Approve.word(), Say::Deny.word()),
            ("approved", "denied")
        );
        assert_eq!(ask().what().as_str(), "revoke sessions, disable account");
    }

    #[test]
    fn a_line_of_ours_stands_alone_and_in_its_form() {
        let text = line(REQUEST, &ask());
        assert_eq!(request_in(&text), Some(ask()));
        assert_eq!(request_in(&format!("{text}\r\n")), Some(ask()));
        for bad in [
            format!("{text}\n{text}"),
            format!(" {text}"),
            format!("> {text}"),
            text.replace("request {", "request{"),
            text.replace("\"v\":1", "\"v\":2"),
            text.replace("\"v\":1", "\"v\":1,\"also\":1"),
            text.replace("disable_account", "delete_account"),
            REQUEST.to_owned(),
            String::new(),
        ] {
            assert_eq!(request_in(&bad), None, "{bad}");
        }
        let text = line(ANSWER, &answer(Say::Approve));
        assert_eq!(answer_in(&text), Some(answer(Say::Approve)));
        assert_eq!(answer_in(&text.replace("\"v\":1", "\"v\":2")), None);
        assert_eq!(answer_in(&text.replace("approve\"", "maybe\"")), None);
    }

    #[test]
    fn silence_is_no_answer_and_another_person_may_approve() {
        assert_eq!(decided(&[]), (Decision::Wait, Vec::new()));
        let (decision, refused) = decided(&[written(Say::Approve, "~c2", "u2", 60)]);
        let Decision::Approved(grant) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!(grant.ask(), &ask());
        assert_eq!(grant.comment(), &"~c2".into());
        assert_eq!(grant.by(), &author("u2"));
        assert_eq!(grant.at(), at(60));
        assert!(refused.is_empty());
    }

    #[test]
    fn a_comment_that_says_nothing_or_speaks_of_another_plan_is_silence() {
        let mut other = written(Say::Approve, "~c2", "u2", 60);
        let mut about = answer(Say::Approve);
        about.ask.plan = pid(2);
        other.comment.message = compose_answer(&about, &"kim".into()).into();
        assert_eq!(decided(&[other]), (Decision::Wait, Vec::new()));
        let mut denial = written(Say::Deny, "~c2", "u2", 60);
        about.say = Say::Deny;
        denial.comment.message = compose_answer(&about, &"kim".into()).into();
        assert_eq!(decided(&[denial]).0, Decision::Wait);
        let mut talk = written(Say::Approve, "~c2", "u2", 60);
        talk.comment.message = "approved, go on!".into();
        assert_eq!(decided(&[talk]), (Decision::Wait, Vec::new()));
    }

    /// What is wrong with an approval.
    #[derive(Clone, Copy, Debug)]
    enum Wrong {
        Hash,
        Target,
        Login,
        Kinds,
        Request,
        Edited,
        Used,
        Nobody,
        AnotherLogin,
        Requester,
        Shared,
        Locked,
        NoId,
        Before,
        SameMoment,
        Late,
    }

    #[rstest]
    #[case(Wrong::Hash, "it approves something else")]
    #[case(Wrong::Target, "it approves something else")]
    #[case(Wrong::Login, "it approves something else")]
    #[case(Wrong::Kinds, "it approves something else")]
    #[case(Wrong::Request, "it answers another request")]
    #[case(Wrong::Edited, "it was edited")]
    #[case(Wrong::Used, "it was used before")]
    #[case(Wrong::Nobody, "the case system does not say who wrote it")]
    #[case(Wrong::AnotherLogin, "the case system does not say who wrote it")]
    #[case(Wrong::Requester, "nobody approves what they asked themselves")]
    #[case(
        Wrong::Shared,
        "the key is shared: it does not say which person it was"
    )]
    #[case(Wrong::Locked, "the account u2@acme.example is locked")]
    #[case(Wrong::NoId, "the case system gives no id for a person")]
    #[case(Wrong::Before, "it is older than the request")]
    #[case(Wrong::SameMoment, "it is older than the request")]
    #[case(Wrong::Late, "it came after 15 minutes")]
    fn an_approval_that_does_not_count_says_why(#[case] wrong: Wrong, #[case] reason: &str) {
        let mut one = written(Say::Approve, "~c2", "u2", 60);
        let mut given = answer(Say::Approve);
        let mut used = BTreeSet::from(["~c9".into()]);
        let author = one.author.as_mut().expect("it has one");
        match wrong {
            Wrong::Hash => given.ask.hash = "ac".to_owned(),
            Wrong::Target => given.ask.target = "00uOther".to_owned(),
            Wrong::Login => given.ask.login = "other@acme.example".into(),
            Wrong::Kinds => given.ask.kinds.truncate(1),
            Wrong::Request => given.request = "~c0".into(),
            Wrong::Edited => one.comment.edited = true,
            Wrong::Used => {
                used.insert("~c2".into());
            }
            Wrong::Nobody => one.author = None,
            Wrong::AnotherLogin => author.login = "u3@acme.example".into(),
            Wrong::Requester => author.id = "u1".into(),
            Wrong::Shared => author.shared = true,
            Wrong::Locked => author.locked = true,
            Wrong::NoId => author.id = "".into(),
            Wrong::Before => one.comment.at = at(-1),
            Wrong::SameMoment => one.comment.at = at(0),
            Wrong::Late => one.comment.at = at(901),
        }
        one.comment.message = compose_answer(&given, &"kim".into()).into();
        let (decision, refused) = decide(&ask(), &posted(), &[one], &used);
        assert_eq!(decision, Decision::Wait);
        let said: Vec<_> = refused
            .iter()
            .map(|(id, why)| (id.raw(), why.as_str()))
            .collect();
        assert_eq!(said, [("~c2", reason)]);
    }

    #[rstest]
    #[case(1, true)]
    #[case(900, true)]
    #[case(901, false)]
    fn the_time_is_the_case_systems(#[case] seconds: i64, #[case] approved: bool) {
        let (decision, _) = decided(&[written(Say::Approve, "~c2", "u2", seconds)]);
        assert_eq!(matches!(decision, Decision::Approved(_)), approved);
    }

    #[test]
    fn of_two_approvals_the_earlier_is_used_and_a_denial_beats_both() {
        let (early, late) = (
            written(Say::Approve, "~c3", "u3", 50),
            written(Say::Approve, "~c2", "u2", 60),
        );
        let tie = written(Say::Approve, "~c4", "u4", 50);
        for order in [
            [late.clone(), early.clone(), tie.clone()],
            [tie, early.clone(), late.clone()],
        ] {
            let Decision::Approved(grant) = decided(&order).0 else {
                panic!("approved")
            };
            assert_eq!(grant.comment(), &"~c3".into());
        }
        let mut no = written(Say::Deny, "~c5", "u1", 5_000);
        no.author = None;
        no.comment.edited = true;
        let again = written(Say::Deny, "~c6", "u2", 5_001);
        let (decision, _) = decided(&[early, no, again, late]);
        assert_eq!(decision, Decision::Denied(author("u1").login, "~c5".into()));
    }

    #[test]
    fn a_shared_key_of_the_requester_makes_a_second_person_impossible() {
        let mut asks = author("u1");
        assert!(second_person(&asks, &author("u2")).is_ok());
        asks.shared = true;
        assert!(second_person(&asks, &author("u2")).is_err());
        assert!(second_person(&author(""), &author("u2")).is_err());
        assert!(second_person(&author(""), &author("")).is_err());
    }

    #[test]
    fn the_own_request_is_what_was_posted() {
        let me = author("u1");
        let text = compose_request(&ask(), &[], &"jo".into(), at(900));
        let good = comment("~c1", &me, 0, text.clone());
        assert_eq!(posted_as(&ask(), &good, &me), Ok(posted()));
        let edited = Comment {
            edited: true,
            ..good.clone()
        };
        assert!(posted_as(&ask(), &edited, &me).is_err());
        assert!(posted_as(&ask(), &good, &author("u2")).is_err());
        let mut other = ask();
        other.hash = "x".to_owned();
        assert!(posted_as(&other, &good, &me).is_err());
        let none = comment("~c1", &me, 0, "no request".to_owned());
        assert!(posted_as(&ask(), &none, &me).is_err());
    }

    #[rstest]
    #[case::own(|yes: &mut Comment| yes.author = author("u1").login, false)]
    #[case::edited(|yes: &mut Comment| yes.edited = true, false)]
    #[case::before(|yes: &mut Comment| yes.at = at(0), false)]
    #[case::late(|yes: &mut Comment| yes.at = at(901), false)]
    #[case::at_the_end(|yes: &mut Comment| yes.at = at(900), true)]
    #[case::good(|_: &mut Comment| (), true)]
    fn a_yes_that_cannot_count_leaves_the_request_open(
        #[case] change: fn(&mut Comment),
        #[case] answered: bool,
    ) {
        let text = compose_request(&ask(), &[], &"jo".into(), at(900));
        let asks = comment("~c1", &author("u1"), 0, text);
        let mut yes = written(Say::Approve, "~c3", "u3", 61).comment;
        change(&mut yes);
        let all = requests(&[asks, yes]);
        assert_eq!(all.first().map(|one| one.answer.is_some()), Some(answered));
    }

    #[rstest]
    #[case::before_the_yes(59, false)]
    #[case::at_the_same_time(60, true)]
    #[case::after_the_yes(61, true)]
    fn a_no_is_listed_before_a_yes(#[case] seconds: i64, #[case] after_yes: bool) {
        let text = compose_request(&ask(), &[], &"jo".into(), at(900));
        let asks = comment("~c1", &author("u1"), 0, text);
        let yes = written(Say::Approve, "~c2", "u2", 60).comment;
        let no = written(Say::Deny, "~c3", "u3", seconds).comment;
        let all = requests(&[asks, yes, no]);
        let one = all.first().map(|one| (one.answer.clone(), one.after_yes));
        let denied = Some((Say::Deny, author("u3").login));
        assert_eq!(one, Some((denied, after_yes)));
    }

    #[test]
    fn a_yes_that_was_held_back_answers_nothing_and_says_why() {
        let why = "the freeze switch of this host is on".into();
        let text = compose_held(&answer(Say::Approve), &"kim".into(), &why);
        assert_eq!((request_in(&text), answer_in(&text)), (None, None));
        assert!(!text.contains(EITHER), "{text}");
        for said in ["held back", "mara", "00uAbC", "freeze switch", "kim"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let held = comment("~c2", &author("u2"), 60, text);
        let held = Written {
            comment: held,
            author: Some(author("u2")),
        };
        assert_eq!(decided(&[held]), (Decision::Wait, Vec::new()));
    }

    #[test]
    fn requests_are_listed_with_their_first_answer() {
        let me = author("u1");
        let text = compose_request(&ask(), &[], &"jo".into(), at(900));
        let asks = comment("~c1", &me, 0, text.clone());
        let copy = comment("~c7", &author("u7"), 3, text);
        let talk = comment("~c8", &me, 4, "hello".to_owned());
        let no = written(Say::Deny, "~c2", "u2", 60).comment;
        let yes = written(Say::Approve, "~c3", "u3", 61).comment;
        let mut elsewhere = written(Say::Approve, "~c4", "u4", 1).comment;
        let mut about = answer(Say::Approve);
        about.ask.plan = pid(9);
        elsewhere.message = compose_answer(&about, &"kim".into()).into();
        let all = requests(&[asks, copy, talk, elsewhere, no, yes]);
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.comment.raw(), one.answer.clone()))
            .collect();
        let denied = Some((Say::Deny, author("u2").login));
        assert_eq!(told, [("~c1", denied), ("~c7", None)]);
        assert_eq!(all.first().map(Request::expires), Some(at(900)));
        assert_eq!(all.first().map(|one| one.by.clone()), Some(me.login));
    }
}
