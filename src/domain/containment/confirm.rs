//! The confirmation: the only maker of a [`ConfirmedAction`], built to survive tired hands.
//!
//! The login is typed, `Tab` moves to *contain*, `y` confirms. `Enter` never confirms, paste is refused, and so is
//! every key of the first 500 ms after the dialog was drawn. A paste that the terminal does not call one is told by its haste
//! (see `typed`).

use std::time::Duration;

use super::approval::Grant;
use super::kind::ActionKind;
use super::plan::{Plan, PreparedCall, what};
use super::remnant::Item;
use super::typed::Typed;
use crate::domain::account::Account;
use crate::domain::audit::Body;
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId};
use crate::domain::text::Safe;

/// Keys are refused until this long after the dialog was first on the screen.
pub const DEAD_TIME: Duration = Duration::from_millis(500);

/// One action a person confirmed; nothing else can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedAction {
    aid: ActionId,
    kind: ActionKind,
    call: PreparedCall,
    item: Option<Item>,
    account: AccountId,
    order: u32,
}

impl ConfirmedAction {
    /// Gives its id.
    pub fn aid(&self) -> &ActionId {
        &self.aid
    }

    /// Gives what it does.
    pub fn kind(&self) -> ActionKind {
        self.kind
    }

    /// Gives the request that was shown and confirmed.
    pub fn call(&self) -> &PreparedCall {
        &self.call
    }

    /// Gives what it removes.
    pub fn item(&self) -> Option<&Item> {
        self.item.as_ref()
    }

    /// Gives the account it is done to.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Says what it does, with what it removes.
    pub fn what(&self) -> Safe {
        what(self.kind, self.item.as_ref())
    }

    /// Gives its place in the plan, from 0.
    pub fn order(&self) -> u32 {
        self.order
    }
}

/// A plan a person confirmed, with its actions in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfirmedPlan {
    plan: Plan,
    actions: Vec<ConfirmedAction>,
    grant: Option<Box<Grant>>,
    promised: Vec<(ActionId, Body)>,
}

impl ConfirmedPlan {
    /// Gives the plan's id.
    pub fn pid(&self) -> &PlanId {
        &self.plan.pid
    }

    /// Gives the case.
    pub fn case(&self) -> &CaseId {
        &self.plan.case
    }

    /// Gives the account as it was when the plan was made.
    pub fn account(&self) -> &Account {
        &self.plan.account
    }

    /// Gives the plan's hash.
    pub fn hash(&self) -> &str {
        &self.plan.hash
    }

    /// Tells whether the send gate only records.
    pub fn dry_run(&self) -> bool {
        self.plan.dry_run
    }

    /// Gives the plan itself.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives the actions in the order they are sent.
    pub fn actions(&self) -> &[ConfirmedAction] {
        &self.actions
    }

    /// Gives the second person's approval, once there is one.
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_deref()
    }

    /// Takes records of what follows an action: until when it holds, who answers for it, how the attacker is known.
    #[must_use]
    pub fn promising(mut self, records: Vec<(ActionId, Body)>) -> Self {
        self.promised = records;
        self
    }

    /// Gives the records of what follows an action; they are written with its intent, or not at all.
    pub fn promised(&self, aid: &ActionId) -> impl Iterator<Item = &Body> {
        let of_it = self.promised.iter().filter(move |(of, _)| of == aid);
        of_it.map(|(_, body)| body)
    }

    /// Takes an approval that was given for exactly this plan; any other changes nothing.
    #[must_use]
    pub fn approved_by(mut self, grant: Grant) -> Self {
        let asked = self
            .plan
            .need
            .as_ref()
            .map(|need| need.earlier.as_ref().unwrap_or(&self.plan.pid));
        let kinds = self.plan.kinds();
        let ask = grant.ask();
        if asked == Some(&ask.plan)
            && ask.hash == self.plan.hash
            && ask.target == self.plan.account.id.raw()
            && ask.kinds == kinds
            && ask.items == self.plan.items()
        {
            self.grant = Some(Box::new(grant));
        }
        self
    }
}

/// Where the focus of the dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// On *cancel*: where it starts.
    Cancel,
    /// On *contain*.
    Contain,
}

/// A key as far as the dialog knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKey {
    /// A letter that came by itself.
    Char(char),
    /// A letter that begins a piece of several keys.
    First(char),
    /// A letter that came in one piece with the key before it.
    Together(char),
    /// Takes the last letter back.
    Backspace,
    /// Moves between *cancel* and *contain*.
    Tab,
    /// Never confirms.
    Enter,
    /// Leaves.
    Esc,
    /// Text from the clipboard.
    Paste,
    /// Anything else.
    Other,
}

/// Makes a key of a letter, by how it came.
pub type Letter = fn(char) -> DialogKey;

/// What is said of a `y` that came with other keys.
pub(super) const PRESS_ALONE: &str =
    "it came in one piece with other keys, as a paste does: press y alone";

/// What a key did.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The dialog stays, with a line to show, if any.
    Stay(Option<Safe>),
    /// Nothing will be done.
    Cancelled,
    /// Confirmed: this is the only way to get one.
    Confirmed(Box<ConfirmedPlan>),
}

/// The dialog's state while it is open; the plan in it cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    plan: Plan,
    /// When it was first on the screen.
    drawn: Option<Duration>,
    typed: Typed,
    focus: Focus,
}

impl Confirmation {
    /// Opens the dialog for a plan; no key counts before [`Self::drawn`] says that it can be read.
    pub fn open(plan: Plan) -> Self {
        Self {
            plan,
            drawn: None,
            typed: Typed::default(),
            focus: Focus::Cancel,
        }
    }

    /// Notes that it is on the screen since a boot time; only the first time counts. Tells whether it was the first.
    pub fn drawn(&mut self, boot: Duration) -> bool {
        let first = self.drawn.is_none();
        self.drawn.get_or_insert(boot);
        first
    }

    /// Tells whether it was on the screen yet.
    pub fn was_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// Gives the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives what was typed so far; it holds only what keys can type, without controls.
    pub fn typed(&self) -> &str {
        self.typed.as_str()
    }

    /// Gives the focus.
    pub fn focus(&self) -> Focus {
        self.focus
    }

    /// Gives what has to be typed: the login, or the immutable id when the login is not plain ASCII.
    pub fn wanted(&self) -> &str {
        let login = self.plan.account.login.raw();
        let plain = !login.is_empty() && login.chars().all(|c| c.is_ascii_graphic());
        if plain {
            login
        } else {
            self.plan.account.id.raw()
        }
    }

    /// Tells whether what was typed is what has to be typed.
    pub fn matches(&self) -> bool {
        self.typed.is(self.wanted())
    }

    /// Takes a key at a boot time.
    pub fn key(&mut self, key: DialogKey, boot: Duration) -> Step {
        if self
            .drawn
            .is_none_or(|drawn| boot.saturating_sub(drawn) < DEAD_TIME)
        {
            return Step::Stay(Some(
                "too early: read first, keys count after half a second".into(),
            ));
        }
        match key {
            DialogKey::Esc => Step::Cancelled,
            DialogKey::Paste => Step::Stay(Some("paste is refused: type the name".into())),
            DialogKey::Tab => {
                self.focus = match self.focus {
                    Focus::Cancel => Focus::Contain,
                    Focus::Contain => Focus::Cancel,
                };
                Step::Stay(None)
            }
            DialogKey::Enter if self.focus == Focus::Cancel && self.typed().is_empty() => {
                Step::Cancelled
            }
            DialogKey::Enter => Step::Stay(Some("Enter never confirms: Tab, then y".into())),
            DialogKey::Char(c) | DialogKey::First(c) | DialogKey::Together(c)
                if self.focus == Focus::Contain =>
            {
                match (c, key) {
                    ('y', DialogKey::Char(_)) => self.confirm(boot),
                    ('y', _) => Step::Stay(Some(PRESS_ALONE.into())),
                    _ => Step::Stay(Some("y confirms, Tab goes back, Esc cancels".into())),
                }
            }
            DialogKey::Char(c) | DialogKey::First(c) | DialogKey::Together(c) => {
                let wanted = self.wanted().to_owned();
                let together = matches!(key, DialogKey::Together(_));
                Step::Stay(self.typed.push(c, together, &wanted))
            }
            DialogKey::Backspace => {
                self.typed.pop();
                Step::Stay(None)
            }
            DialogKey::Other => Step::Stay(None),
        }
    }

    fn confirm(&mut self, boot: Duration) -> Step {
        if self.plan.refused() {
            return Step::Stay(Some("a guard refuses this plan".into()));
        }
        if self.plan.expired(boot) {
            return Step::Stay(Some(
                "the plan is older than 5 minutes: make it again".into(),
            ));
        }
        if !self.matches() {
            return Step::Stay(Some("the typed name is not the target's".into()));
        }
        let actions = self
            .plan
            .steps
            .iter()
            .zip(0u32..)
            .map(|(step, order)| ConfirmedAction {
                aid: step.aid.clone(),
                kind: step.kind,
                call: step.call.clone(),
                item: step.item.as_ref().map(|remnant| remnant.item.clone()),
                account: self.plan.account.id.clone(),
                order,
            })
            .collect();
        Step::Confirmed(Box::new(ConfirmedPlan {
            plan: self.plan.clone(),
            actions,
            grant: None,
            promised: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::approval::Ask;
    use crate::domain::containment::need::Need;
    use crate::domain::containment::plan::LIFETIME;
    use crate::domain::containment::remnant::{Remnant, RemnantKind};
    use crate::domain::containment::samples;
    use crate::safe;

    const LOGIN: &str = "mara.lind@acme.example";
    const OPENED: Duration = Duration::from_secs(1_000);

    fn open(plan: Plan) -> Confirmation {
        let mut dialog = Confirmation::open(plan);
        assert!(dialog.drawn(OPENED));
        dialog
    }

    #[test]
    fn no_key_counts_before_the_dialog_was_on_the_screen() {
        let mut dialog = Confirmation::open(samples::plan(None));
        let late = OPENED + Duration::from_secs(60);
        assert!(!dialog.was_drawn());
        for key in [DialogKey::Char('m'), DialogKey::Esc, DialogKey::Tab] {
            assert!(matches!(dialog.key(key, late), Step::Stay(Some(_))));
        }
        assert_eq!((dialog.typed(), dialog.focus()), ("", Focus::Cancel));
        assert!(dialog.drawn(late));
        assert!(dialog.was_drawn());
        // Drawing it again does not begin anew.
        assert!(!dialog.drawn(late + DEAD_TIME));
        assert!(matches!(
            dialog.key(DialogKey::Char('m'), late),
            Step::Stay(Some(_))
        ));
        dialog.key(DialogKey::Char('m'), late + DEAD_TIME);
        assert_eq!(dialog.typed(), "m");
    }

    #[test]
    fn what_is_promised_with_one_action_is_promised_with_no_other() {
        let mut dialog = open(samples::plan(None));
        type_in(&mut dialog, LOGIN);
        dialog.key(DialogKey::Tab, later());
        let Step::Confirmed(plan) = dialog.key(DialogKey::Char('y'), later()) else {
            panic!("not confirmed")
        };
        let aids = [1, 2].map(|seed| ActionId::from_parts(samples::at(0), seed));
        let bodies = aids.clone().map(|aid| Body::ActionNotSent {
            aid,
            attempt: 1,
            reason: "frozen".into(),
        });
        let plan = plan.promising(aids.iter().cloned().zip(bodies.clone()).collect());
        for (aid, body) in aids.iter().zip(&bodies) {
            assert_eq!(plan.promised(aid).collect::<Vec<_>>(), [body]);
        }
    }

    #[test]
    fn what_was_confirmed_says_what_was_planned() {
        let mut plan = samples::plan(None);
        for dry_run in [false, true] {
            plan.dry_run = dry_run;
            let mut dialog = open(plan.clone());
            type_in(&mut dialog, LOGIN);
            dialog.key(DialogKey::Tab, later());
            let Step::Confirmed(confirmed) = dialog.key(DialogKey::Char('y'), later()) else {
                panic!("not confirmed")
            };
            assert_eq!(confirmed.hash(), plan.hash);
            assert_eq!(confirmed.dry_run(), dry_run);
            assert_eq!(confirmed.pid(), &plan.pid);
            assert_eq!(confirmed.case(), &plan.case);
            assert_eq!(confirmed.account(), &plan.account);
        }
    }

    #[test]
    fn what_was_confirmed_names_what_is_removed() {
        let item = Item::new(RemnantKind::MfaMethod, "opf1", "push");
        let mut plan = samples::plan(None);
        for step in &mut plan.steps {
            step.kind = ActionKind::RemoveItem;
            let remnant = Remnant::new(item.clone(), &serde_json::Value::Null);
            step.item = Some(Box::new(remnant));
        }
        assert_eq!(plan.items(), [item.clone(), item.clone()]);
        let mut dialog = open(plan.clone());
        type_in(&mut dialog, LOGIN);
        dialog.key(DialogKey::Tab, later());
        let Step::Confirmed(confirmed) = dialog.key(DialogKey::Char('y'), later()) else {
            panic!("not confirmed")
        };
        for (action, step) in confirmed.actions().iter().zip(&plan.steps) {
            assert_eq!(action.item(), Some(&item));
            assert_eq!(action.what(), step.what());
            assert_eq!(action.what(), safe!("remove {}", item.word()));
        }
        assert_eq!(confirmed.actions().len(), 2);
        let disabling = what(ActionKind::DisableAccount, None);
        assert_eq!(disabling.as_str(), ActionKind::DisableAccount.word());
    }

    #[test]
    fn on_contain_no_letter_is_typed_and_backspace_takes_one_back() {
        let mut dialog = open(samples::plan(None));
        type_in(&mut dialog, "ab");
        dialog.key(DialogKey::Backspace, later());
        assert_eq!(dialog.typed(), "a");
        dialog.key(DialogKey::Tab, later());
        for letter in ['a', 'Y'] {
            assert!(matches!(
                dialog.key(DialogKey::Char(letter), later()),
                Step::Stay(Some(_))
            ));
        }
        assert_eq!((dialog.typed(), dialog.focus()), ("a", Focus::Contain));
        dialog.key(DialogKey::Tab, later());
        assert_eq!(dialog.focus(), Focus::Cancel);
    }

    #[test]
    fn a_name_that_comes_all_at_once_is_refused_and_y_behind_it_confirms_nothing() {
        let mut dialog = open(samples::plan(None));
        let mut said = Vec::new();
        for (place, c) in LOGIN.chars().enumerate() {
            let key = if place == 0 {
                DialogKey::Char(c)
            } else {
                DialogKey::Together(c)
            };
            said.push(dialog.key(key, later()));
        }
        assert!(matches!(said.pop(), Some(Step::Stay(Some(_)))));
        assert!(said.iter().all(|step| *step == Step::Stay(None)));
        assert_eq!(dialog.typed(), "");
        dialog.key(DialogKey::Tab, later());
        assert!(!is_confirmed(
            &dialog.key(DialogKey::Together('y'), later())
        ));
        // Typed by a hand it is taken, but neither a `y` behind others in one piece nor one before them confirms.
        dialog.key(DialogKey::Tab, later());
        type_in(&mut dialog, LOGIN);
        dialog.key(DialogKey::Tab, later());
        for key in [DialogKey::Together('y'), DialogKey::First('y')] {
            assert_eq!(
                dialog.key(key, later()),
                Step::Stay(Some(PRESS_ALONE.into()))
            );
        }
        assert!(is_confirmed(&dialog.key(DialogKey::Char('y'), later())));
    }

    fn later() -> Duration {
        OPENED + Duration::from_secs(1)
    }

    fn type_in(dialog: &mut Confirmation, text: &str) {
        for c in text.chars() {
            dialog.key(DialogKey::Char(c), later());
        }
    }

    fn is_confirmed(step: &Step) -> bool {
        matches!(step, Step::Confirmed(_))
    }

    #[test]
    fn the_typed_login_tab_and_y_confirm_what_was_shown() {
        let mut dialog = open(samples::plan(None));
        type_in(&mut dialog, LOGIN);
        assert_eq!(dialog.key(DialogKey::Tab, later()), Step::Stay(None));
        let Step::Confirmed(confirmed) = dialog.key(DialogKey::Char('y'), later()) else {
            panic!("not confirmed")
        };
        let steps = &confirmed.plan().steps;
        let sent: Vec<_> = confirmed
            .actions()
            .iter()
            .map(|a| (a.order(), a.aid().clone(), a.kind(), a.call().clone()))
            .collect();
        let shown: Vec<_> = steps
            .iter()
            .zip(0u32..)
            .map(|(s, order)| (order, s.aid.clone(), s.kind, s.call.clone()))
            .collect();
        assert_eq!(sent, shown);
        let mut all = confirmed.actions().iter();
        assert!(all.all(|one| *one.account() == samples::account().id));
        assert_eq!(confirmed.plan(), &samples::plan(None));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::another_case("MARA.LIND@acme.example")]
    #[case::a_part("mara.lind")]
    #[case::too_much("mara.lind@acme.examplee")]
    #[case::the_id("00uAbC")]
    #[case::a_look_alike("m\u{430}ra.lind@acme.example")]
    fn another_name_does_not_confirm(#[case] typed: &str) {
        let mut dialog = open(samples::plan(None));
        type_in(&mut dialog, typed);
        dialog.key(DialogKey::Tab, later());
        assert!(!is_confirmed(&dialog.key(DialogKey::Char('y'), later())));
    }

    #[rstest]
    #[case::at_once(Duration::ZERO)]
    #[case::just_before(DEAD_TIME.saturating_sub(Duration::from_nanos(1)))]
    fn every_key_of_the_dead_time_is_refused(#[case] after: Duration) {
        let mut dialog = open(samples::plan(None));
        for c in LOGIN.chars() {
            dialog.key(DialogKey::Char(c), OPENED + after);
        }
        assert_eq!(dialog.typed(), "");
        assert_ne!(dialog.key(DialogKey::Esc, OPENED + after), Step::Cancelled);
        // A clock that goes back is not a way around it.
        assert_ne!(dialog.key(DialogKey::Esc, Duration::ZERO), Step::Cancelled);
        assert_eq!(
            dialog.key(DialogKey::Esc, OPENED + DEAD_TIME),
            Step::Cancelled
        );
    }

    #[test]
    fn enter_and_paste_never_confirm() {
        let mut dialog = open(samples::plan(None));
        assert_eq!(
            open(samples::plan(None)).key(DialogKey::Enter, later()),
            Step::Cancelled
        );
        type_in(&mut dialog, LOGIN);
        assert!(matches!(
            dialog.key(DialogKey::Enter, later()),
            Step::Stay(Some(_))
        ));
        assert!(matches!(
            dialog.key(DialogKey::Paste, later()),
            Step::Stay(Some(_))
        ));
        dialog.key(DialogKey::Tab, later());
        assert!(matches!(
            dialog.key(DialogKey::Enter, later()),
            Step::Stay(Some(_))
        ));
        assert_eq!(dialog.typed(), LOGIN);
    }

    #[test]
    fn what_a_guard_refuses_or_is_too_old_cannot_be_confirmed() {
        for (plan, boot) in [
            (samples::plan(Some("protected")), later()),
            (samples::plan(None), OPENED + LIFETIME),
        ] {
            let mut dialog = open(plan);
            type_in(&mut dialog, LOGIN);
            dialog.key(DialogKey::Tab, later());
            assert!(!is_confirmed(&dialog.key(DialogKey::Char('y'), boot)));
        }
        let mut dialog = open(samples::plan(None));
        type_in(&mut dialog, LOGIN);
        dialog.key(DialogKey::Tab, later());
        let last = OPENED + LIFETIME.saturating_sub(Duration::from_nanos(1));
        assert!(is_confirmed(&dialog.key(DialogKey::Char('y'), last)));
    }

    #[rstest]
    #[case("mara.lind@acme.example", "00u1", "mara.lind@acme.example")]
    #[case("m\u{430}ra.lind@acme.example", "00u1", "00u1")]
    #[case("mara lind", "00u1", "00u1")]
    #[case("", "00u1", "00u1")]
    fn a_login_that_cannot_be_trusted_to_the_eye_is_typed_by_its_id(
        #[case] login: &str,
        #[case] id: &str,
        #[case] wanted: &str,
    ) {
        let mut plan = samples::plan(None);
        plan.account.login = login.into();
        plan.account.id.id = id.to_owned();
        assert_eq!(open(plan).wanted(), wanted);
    }

    #[test]
    fn an_account_without_any_name_cannot_be_confirmed_by_typing_nothing() {
        let mut plan = samples::plan(None);
        plan.account.login = "".into();
        plan.account.id.id = String::new();
        let mut dialog = open(plan);
        dialog.key(DialogKey::Tab, later());
        assert!(!is_confirmed(&dialog.key(DialogKey::Char('y'), later())));
    }

    /// A plan that was confirmed and needs a second person, perhaps asked under an earlier plan.
    fn waiting(needs: bool, earlier: Option<PlanId>) -> Box<ConfirmedPlan> {
        let mut plan = samples::plan(None);
        plan.need = needs.then(|| Need {
            reasons: vec!["over a cap".into()],
            asks: Some(samples::author("u1")),
            earlier,
        });
        let mut dialog = open(plan);
        type_in(&mut dialog, LOGIN);
        dialog.key(DialogKey::Tab, later());
        match dialog.key(DialogKey::Char('y'), later()) {
            Step::Confirmed(plan) => plan,
            other => panic!("not confirmed: {other:?}"),
        }
    }

    fn granted(plan: ConfirmedPlan, change: fn(&mut Ask)) -> Option<Grant> {
        let mut ask = samples::ask();
        change(&mut ask);
        let grant = Grant::sample(ask, "~c2", samples::author("u2"), samples::at(60));
        let plan = plan.approved_by(grant.clone());
        let taken = plan.grant().cloned();
        assert!(taken.is_none() || taken == Some(grant));
        taken
    }

    #[rstest]
    #[case::exactly_this(|_: &mut Ask| (), true)]
    #[case::another_plan(|ask: &mut Ask| ask.plan = samples::pid(2), false)]
    #[case::another_hash(|ask: &mut Ask| ask.hash = "ac".to_owned(), false)]
    #[case::another_account(|ask: &mut Ask| ask.target = "00uabc".to_owned(), false)]
    #[case::one_kind_less(|ask: &mut Ask| ask.kinds.truncate(1), false)]
    #[case::another_order(|ask: &mut Ask| ask.kinds.reverse(), false)]
    fn only_an_approval_of_exactly_this_plan_is_taken(
        #[case] change: fn(&mut Ask),
        #[case] taken: bool,
    ) {
        let plan = waiting(true, None);
        assert!(plan.plan().waits());
        assert_eq!(granted(*plan, change).is_some(), taken);
    }

    #[test]
    fn a_plan_that_was_asked_for_earlier_takes_the_answer_to_that_one() {
        let earlier = || Some(samples::pid(2));
        let to_earlier: fn(&mut Ask) = |ask| ask.plan = samples::pid(2);
        assert!(granted(*waiting(true, earlier()), to_earlier).is_some());
        assert_eq!(granted(*waiting(true, earlier()), |_| ()), None);
        // What needs nobody takes no approval.
        assert_eq!(granted(*waiting(false, None), |_| ()), None);
    }

    #[test]
    fn a_dry_run_and_what_needs_nobody_do_not_wait() {
        for (needs, dry_run, waits) in [
            (true, false, true),
            (true, true, false),
            (false, false, false),
            (false, true, false),
        ] {
            let mut plan = waiting(needs, None).plan().clone();
            plan.dry_run = dry_run;
            assert_eq!(plan.waits(), waits);
        }
    }

    fn keys() -> impl Strategy<Value = DialogKey> {
        prop_oneof![
            6 => prop::sample::select(LOGIN.chars().chain(['y', 'Y', ' ']).collect::<Vec<_>>())
                .prop_map(DialogKey::Char),
            1 => any::<char>().prop_map(DialogKey::Char),
            1 => any::<char>().prop_map(DialogKey::Together),
            1 => prop::sample::select(vec![DialogKey::First('y'), DialogKey::Together('y')]),
            3 => Just(DialogKey::Tab),
            2 => Just(DialogKey::Char('y')),
            1 => prop::sample::select(vec![
                DialogKey::Backspace, DialogKey::Enter, DialogKey::Esc, DialogKey::Paste, DialogKey::Other,
            ]),
        ]
    }

    proptest! {
        /// Whatever is pressed: what is confirmed was typed, letter by letter, on *cancel*.
        #[test]
        fn no_keys_confirm_without_the_login(
            keys in prop::collection::vec((keys(), 0u64..2_000), 0..80),
            typed_first in any::<bool>(),
        ) {
            let mut dialog = open(samples::plan(None));
            let mut boot = OPENED;
            if typed_first {
                type_in(&mut dialog, LOGIN);
            }
            for (key, wait) in keys {
                boot += Duration::from_millis(wait);
                let (before, focus) = (dialog.typed().to_owned(), dialog.focus());
                let step = dialog.key(key, boot);
                if is_confirmed(&step) {
                    prop_assert_eq!(before, LOGIN);
                    prop_assert_eq!(focus, Focus::Contain);
                    prop_assert_eq!(key, DialogKey::Char('y'));
                    prop_assert!(boot >= OPENED + DEAD_TIME);
                }
                prop_assert!(!dialog.typed().chars().any(char::is_control));
            }
        }

        /// Letters other than the login's own, in any number and order, confirm nothing.
        #[test]
        fn random_keys_confirm_nothing(keys in prop::collection::vec(keys(), 0..200)) {
            let mut dialog = open(samples::plan(None));
            for key in keys {
                // `@` is left out, so the login cannot come about.
                if matches!(key, DialogKey::Char('@') | DialogKey::Together('@')) {
                    continue;
                }
                prop_assert!(!is_confirmed(&dialog.key(key, later())));
            }
        }
    }
}
