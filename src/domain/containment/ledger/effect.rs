//! What the records of an action leave open: whether it is over, whether it left, whether it had an effect, and since when.
//!
//! What must not live here: folding.

use chrono::{DateTime, TimeDelta, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::hold::PERHAPS_HERE;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// How far two clocks of a provider may differ.
const CLOCKS: TimeDelta = TimeDelta::seconds(2);

/// By how much a provider's clock may be ahead of ours before one of them is called wrong.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// By how much it may be behind ours before nothing is judged by it.
const BEHIND: TimeDelta = TimeDelta::minutes(5);

/// How long after its answer, or after the last time that is waited for one, a request may still have its effect.
const LATE: TimeDelta = TimeDelta::seconds(10);

impl Ledger {
    /// Lists our enablings that were sent after a disabling and may have had effect.
    pub fn enablings_after<'a>(
        &'a self,
        disabling: &'a ActionView,
    ) -> impl Iterator<Item = &'a ActionView> {
        self.on(&disabling.account).filter(move |other| {
            other.kind == ActionKind::EnableAccount
                && other.sent_n > disabling.sent_n
                && other.may_have_had_effect()
        })
    }

    /// Says who enabled an account again whose disabling no proven enabling from here takes back.
    ///
    /// A provider may show an enabling only after its readings are over: then it is refuted, and may be what is read. One
    /// that was refused and read so, or surely never left, is nobody's.
    pub fn undone_by(&self, disabling: &ActionView) -> Safe {
        let sent = self.on(&disabling.account).filter(|other| {
            other.kind == ActionKind::EnableAccount
                && other.sent_n > disabling.sent_n
                && !other.dry_run
        });
        let perhaps = sent.filter(|other| {
            let is_refuted = other.state != ActionState::Rejected && other.may_have_left();
            other.may_have_had_effect() || is_refuted
        });
        match perhaps.max_by_key(|other| other.sent_n) {
            None => self.undone_by_others(disabling),
            Some(last) if last.acknowledged && !last.may_have_had_effect() => {
                safe!("{} that was accepted and did not show", PERHAPS_HERE)
            }
            Some(_) => safe!("{} that was never proven", PERHAPS_HERE),
        }
    }

    /// Says that no enabling from here undid a disabling.
    ///
    /// What was done to the password since may have made the status that is read: that is not said to be by no act of ours.
    fn undone_by_others(&self, disabling: &ActionView) -> Safe {
        let after = self.on(&disabling.account).filter(|other| {
            other.kind.is_of_password()
                && other.sent_n > disabling.sent_n
                && other.may_have_had_effect()
        });
        let last = after.max_by_key(|other| other.sent_n);
        let sent = last.and_then(|act| act.sent.map(|at| (act.what(), time_word(at))));
        match sent {
            None => "by no act on record here".into(),
            Some((what, at)) => safe!(
                "after {} of ours sent {}; by no enabling on record here",
                what,
                at
            ),
        }
    }

    /// Tells whether an enabling from here that was not refused may have undone a disabling.
    pub fn may_be_undone_here(&self, disabling: &ActionView) -> bool {
        let mut enablings = self.enablings_after(disabling);
        enablings.any(|one| one.state != ActionState::Rejected)
    }

    /// Gives the provider's time of the last such act before an action was sent, as the look right before told it. Of a
    /// revocation it is the newest that this log knows of then: a replica that lags may have told an older one. `None` where
    /// that look told none.
    pub fn before_send(&self, action: &ActionView) -> Option<DateTime<Utc>> {
        let told = action.before?;
        if action.kind != ActionKind::RevokeSessions {
            return Some(told);
        }
        let moves = |other: &&ActionView| {
            // A new password refuses tokens of before as well.
            let kinds = [ActionKind::RevokeSessions, ActionKind::ResetPassword];
            kinds.contains(&other.kind) && other.sent.is_some() && other.sent_n < action.sent_n
        };
        let known = self.on(&action.account).filter(moves).flat_map(|other| {
            // What was read of it after this one was sent may be the effect of this one.
            let is_earlier = other
                .agreed
                .zip(action.sent)
                .is_some_and(|(read, sent)| read <= sent);
            [other.before, other.effect_at.filter(|_| is_earlier)]
        });
        known.flatten().max().max(Some(told))
    }

    /// Tells whether a disabling without a final word was read as done since it was sent and reads otherwise now, and no
    /// enabling from here may have done that.
    pub fn reads_undone(&self, action: &ActionView) -> bool {
        action.kind == ActionKind::DisableAccount
            && (action.ended.is_none() || action.closed)
            && action.agreed.is_some()
            && action.matches == Some(false)
            && !self.may_be_undone_here(action)
    }

    /// Tells whether a disabling that the provider accepted, or that read as done, does not read so now, and no enabling from
    /// here may have done that.
    pub fn is_broken_promise(&self, action: &ActionView) -> bool {
        action.kind == ActionKind::DisableAccount
            && (action.acknowledged || action.agreed.is_some())
            && action.matches == Some(false)
            && !self.may_be_undone_here(action)
    }
}

impl ActionView {
    /// Tells whether it was confirmed and no final word was said; a refusal that is still being read back is not final.
    ///
    /// In a log that was edited the record of its confirmation may be spoilt: what was sent was confirmed.
    pub fn is_unfinished(&self) -> bool {
        (self.confirmed.is_some() || self.sent.is_some()) && self.ended.is_none()
    }

    /// Tells whether something of it may still come: it is unfinished, or waits for a second person, whose yes sends it.
    pub fn is_to_come(&self) -> bool {
        self.is_unfinished() || self.state == ActionState::Awaiting
    }

    /// Takes it for sent at a record that only follows a send: in a log that was edited that of the send may be spoilt, and
    /// what the provider took, or was read as done, counts all the same.
    pub(super) fn was_sent(&mut self, n: u64, at: DateTime<Utc>) {
        if self.sent.is_none() && !self.dry_run {
            (self.sent, self.sent_n) = (Some(at), n);
        }
    }

    /// Tells whether a byte of it may have left this process: nothing proves that none did.
    ///
    /// That a second send never left says nothing of the first, which had its answer.
    pub fn may_have_left(&self) -> bool {
        let is_not_sent = self.ended.is_some() && self.state == ActionState::NotSent;
        let never = is_not_sent && self.attempt <= 1;
        self.sent.is_some() && !never
    }

    /// Tells whether the account was read as enabled after this enabling, proven to be its doing or not.
    pub fn reads_enabled(&self) -> bool {
        let is_read = self.state == ActionState::Verified || self.matches == Some(true);
        let is_it = self.kind == ActionKind::EnableAccount && self.state != ActionState::Drifted;
        is_it && is_read && self.may_have_had_effect()
    }

    /// Tells whether a request of it may have changed the account, whatever is known of it since.
    ///
    /// An action given up after it was sent may have: nobody read to the end.
    pub fn may_have_had_effect(&self) -> bool {
        // A copy of a refused enabling may have been executed: the account reads as enabled.
        let is_read = self.kind == ActionKind::EnableAccount && self.matches == Some(true);
        let denied = self.ended.is_some()
            && match self.state {
                ActionState::NotSent | ActionState::NotEffective => true,
                ActionState::Rejected => !is_read,
                _ => false,
            };
        self.sent.is_some() && !self.dry_run && !denied
    }

    /// Tells whether somebody closed it after it was sent, and no reading said since what became of it. What the case was
    /// told of is left at that.
    pub fn is_closed_unread(&self) -> bool {
        self.closed && self.comment.is_none() && self.may_have_had_effect()
    }

    /// Tells whether what began before a request was sent cannot be its effect, by the provider's clock and, where the
    /// provider accepted it, by ours too: a provider may stamp its answers by a wrong clock and an effect by a right one.
    ///
    /// Of a password that is set that is judged by when it was set before: some providers stamp it by another clock than
    /// their answers.
    pub fn is_older(&self, began: DateTime<Utc>) -> bool {
        let is_set = self.kind == ActionKind::ResetPassword;
        let before = self.server_before.filter(|_| !is_set);
        before.is_some_and(|before| before - began > CLOCKS) && !self.is_accepted_then(began)
    }

    /// Gives when the request was over by our own clock, or will be.
    fn over(&self) -> Option<DateTime<Utc>> {
        // The record of an answer may have waited for the disk, its request did not wait longer than to the deadline.
        [self.answered, self.deadline].into_iter().flatten().min()
    }

    /// Tells whether a time is one of the request by our own clock.
    fn is_of_then(&self, at: DateTime<Utc>) -> bool {
        let times = self.sent.zip(self.over());
        times.is_some_and(|(sent, end)| sent - at <= CLOCKS && at - end <= LATE)
    }

    /// Tells whether it was read as done only so long after the request that it may as well have been done since.
    pub fn is_read_late(&self) -> bool {
        let times = self.agreed.zip(self.over());
        times.is_some_and(|(read, end)| read - end > LATE)
    }

    /// Tells whether the provider accepted the request and a time is one of it by our own clock.
    fn is_accepted_then(&self, at: DateTime<Utc>) -> bool {
        self.acknowledged && self.is_of_then(at)
    }

    /// Tells whether what was read as its effect began anew since it was first read.
    fn has_begun_anew(&self) -> bool {
        let times = self.effect_first.zip(self.effect_at);
        times.is_some_and(|(first, began)| began > first)
    }

    /// Tells whether what was read as its effect is clearly that of another act: it began anew, or is of the request by
    /// neither clock. Of a password that is set the clock may be a third one, so that its time alone does not tell.
    pub fn is_of_another_act(&self) -> bool {
        let is_outside = |began: DateTime<Utc>| {
            self.kind != ActionKind::ResetPassword
                && (self.is_older(began) || self.is_of_another_time())
                && !self.is_of_then(began)
        };
        self.has_begun_anew() || self.effect_at.is_some_and(is_outside)
    }

    /// Tells whether what was read as its effect began anew since it was first read, or too late to be that of its request:
    /// then it is not proven to be its own. Too late is what is so by the provider's clock and, where the provider accepted
    /// the request, by ours too.
    pub fn is_of_another_time(&self) -> bool {
        let is_late = |began| self.is_late(began) && !self.may_be_in_time();
        self.has_begun_anew() || self.effect_at.is_some_and(is_late)
    }

    /// Tells whether a time is too late by the clocks to be that of the effect.
    fn is_late(&self, began: DateTime<Utc>) -> bool {
        let answered = self.server_answer.filter(|_| self.acknowledged);
        let waited = self.deadline.zip(self.sent).map(|(end, sent)| end - sent);
        let late = match (answered, self.server_before, waited) {
            (Some(answered), _, _) => began - answered > LATE,
            (None, Some(before), Some(waited)) => began - before > waited + LATE,
            // Keycloak tells no clock: by ours, which is the only one, whatever is not of the request is late.
            (None, None, _) if self.kind == ActionKind::ResetPassword => true,
            _ => false,
        };
        late && !self.is_accepted_then(began)
    }

    /// Tells whether what has a late time may be its effect all the same.
    fn may_be_in_time(&self) -> bool {
        match self.kind {
            // Some stamp a password by another clock than their answers: what was read in time was set in time.
            ActionKind::ResetPassword => !self.is_read_late(),
            // Entra ID carries out what it accepted when its turn comes.
            ActionKind::ConfirmCompromised | ActionKind::DismissRisk => self.acknowledged,
            _ => false,
        }
    }

    /// Tells whether a password that was set at a time came after the one that this reset made.
    ///
    /// The time is compared with that of its own effect as it was first read back, which the same record of the provider
    /// tells; without it nobody can say whose password it is. A replica that lags tells an older time, which is no sign.
    pub fn is_before_password(&self, set: DateTime<Utc>) -> bool {
        self.effect_first.is_some_and(|own| set - own > CLOCKS)
    }

    /// Tells whether a time of the provider is clearly later than that of its own effect as it was read last.
    pub fn is_clearly_before(&self, at: DateTime<Utc>) -> bool {
        self.effect_at.is_some_and(|own| at - own > CLOCKS)
    }

    /// Gives the provider's time of the act in whole seconds, for comparing acts with each other.
    pub fn effective_at(&self) -> Option<DateTime<Utc>> {
        self.server_answer.or(self.server_before).or(self.sent)
    }

    /// Gives the provider's time of the effect as well as it is known, for comparing with its own log.
    ///
    /// What was read back tells it more finely than the answer, whose clock has whole seconds and which may come late;
    /// where it tells a time outside of the request, that is of another act.
    pub fn began_at(&self) -> Option<DateTime<Utc>> {
        let second = TimeDelta::seconds(1);
        let in_request = |at: &DateTime<Utc>| {
            let after = self.server_before.is_some_and(|before| *at >= before);
            // Nothing is added to a time of others: it may be the last one there is.
            after
                && self
                    .server_answer
                    .is_some_and(|answer| *at - answer < second)
        };
        self.effect_at.filter(in_request).or(self.effective_at())
    }

    /// Gives the time from which on what the account does is done after it.
    ///
    /// That is the provider's, unless its clock was ahead of ours: then a log with a right clock would be silent until that
    /// time has come, and a success too many rings where one too few would not.
    pub fn watched_from(&self) -> Option<DateTime<Utc>> {
        self.began_at().map(|at| self.by_our_clock(at))
    }

    /// Takes back from a time of the provider by how much its clock was ahead of ours.
    ///
    /// What answers a write may have another clock than what answers a read: no effect is later than when its answer was here.
    pub fn by_our_clock(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let theirs = self.server_before.or(self.server_answer);
        let ahead = theirs.zip(self.sent).map(|(theirs, ours)| theirs - ours);
        let ahead = ahead.filter(|by| *by > AHEAD).unwrap_or_default();
        let at = at.checked_sub_signed(ahead).unwrap_or(at);
        let is_late = |here: &DateTime<Utc>| at.signed_duration_since(*here) > AHEAD;
        match self.answered.filter(is_late).and(self.sent) {
            Some(sent) => sent,
            None => at,
        }
    }

    /// Gives the provider's time before which nothing was caused by its request; `None` where nobody knows it.
    ///
    /// A clock that is far behind ours, as of an answer out of a cache, would let the acts of others of before pass.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        let before = self.server_before?;
        let is_behind = self.sent.is_some_and(|ours| ours - before > BEHIND);
        (!is_behind).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, outcome, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;
    const P: ActionKind = ActionKind::ResetPassword;
    const X: ActionKind = ActionKind::ExpirePassword;
    const M: ActionKind = ActionKind::ConfirmCompromised;

    fn sent(ledger: &mut Ledger, number: u128, kind: ActionKind, n: u64) {
        let bodies = [
            planned(number, 0, kind),
            confirmed(number, false),
            intent(number, Some(0)),
        ];
        for (body, n) in bodies.into_iter().zip(n..) {
            ledger.apply(&entry(n, 0, body));
        }
    }

    fn read(matches: Option<bool>) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "status".into(),
            matches,
            reads: 1,
            used: None,
            effect_at: None,
        })
    }

    #[rstest]
    #[case::none(None, false, None, "by no act on record here")]
    #[case::refused(
        Some(E),
        false,
        Some(OutcomeState::Rejected),
        "by no act on record here"
    )]
    #[case::never_sent(
        Some(E),
        false,
        Some(OutcomeState::NotSent),
        "by no act on record here"
    )]
    #[case::another_kind(
        Some(R),
        true,
        Some(OutcomeState::NotEffective),
        "by no act on record here"
    )]
    #[case::accepted_and_refuted(
        Some(E),
        true,
        Some(OutcomeState::NotEffective),
        "perhaps by an enabling from here that was accepted and did not show"
    )]
    #[case::refuted_without_an_answer(
        Some(E),
        false,
        Some(OutcomeState::NotEffective),
        "perhaps by an enabling from here that was never proven"
    )]
    #[case::unproven(
        Some(E),
        true,
        Some(OutcomeState::Unverifiable),
        "perhaps by an enabling from here that was never proven"
    )]
    #[case::open(
        Some(E),
        true,
        None,
        "perhaps by an enabling from here that was never proven"
    )]
    fn an_enabling_that_was_sent_is_said_to_have_undone_it_perhaps(
        #[case] kind: Option<ActionKind>,
        #[case] accepted: bool,
        #[case] state: Option<OutcomeState>,
        #[case] says: &str,
    ) {
        let mut ledger = Ledger::default();
        // One of before the disabling says nothing.
        sent(&mut ledger, 3, E, 1);
        sent(&mut ledger, 1, D, 10);
        if let Some(kind) = kind {
            sent(&mut ledger, 2, kind, 20);
        }
        let ack = Body::ActionAck {
            aid: aid(2),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: None,
        };
        let then = accepted.then_some(ack);
        let then = then.into_iter().chain(state.map(|state| outcome(2, state)));
        for (body, n) in then.zip(30..) {
            ledger.apply(&entry(n, 1, body));
        }
        let disabling = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.undone_by(disabling).as_str(), says);
    }

    const AFTER_RESET: &str =
        "after reset password of ours sent 2027-01-15 08:00:00Z; by no enabling on record here";
    const AFTER_EXPIRY: &str =
        "after expire password of ours sent 2027-01-15 08:00:00Z; by no enabling on record here";
    const NOBODY: &str = "by no act on record here";
    const PERHAPS: &str = "perhaps by an enabling from here that was never proven";

    /// A disabling, sent at number 10, and other acts: each with its first number and its last word.
    #[rstest]
    #[case::reset(&[(P, 20, Some(OutcomeState::Verified))], AFTER_RESET)]
    #[case::expired(&[(X, 20, Some(OutcomeState::Verified))], AFTER_EXPIRY)]
    #[case::not_known(&[(P, 20, Some(OutcomeState::Unverifiable))], AFTER_RESET)]
    #[case::on_its_way(&[(P, 20, None)], AFTER_RESET)]
    #[case::the_last_one(
        &[(P, 20, Some(OutcomeState::Verified)), (X, 30, Some(OutcomeState::Verified))],
        AFTER_EXPIRY
    )]
    #[case::refused(&[(P, 20, Some(OutcomeState::Rejected))], NOBODY)]
    #[case::never_left(&[(P, 20, Some(OutcomeState::NotSent))], NOBODY)]
    #[case::before_it(&[(P, 1, Some(OutcomeState::Verified))], NOBODY)]
    #[case::a_mark(&[(M, 20, Some(OutcomeState::Verified))], NOBODY)]
    #[case::and_an_enabling(&[(P, 20, Some(OutcomeState::Verified)), (E, 30, None)], PERHAPS)]
    fn a_status_that_our_own_new_password_may_have_made_is_not_called_that_of_others(
        #[case] others: &[(ActionKind, u64, Option<OutcomeState>)],
        #[case] says: &str,
    ) {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 10);
        for ((kind, n, word), number) in others.iter().zip(2..) {
            sent(&mut ledger, number, *kind, *n);
            if let Some(word) = word {
                ledger.apply(&entry(n + 5, 1, outcome(number, *word)));
            }
        }
        let disabling = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.undone_by(disabling).as_str(), says);
    }

    #[test]
    fn a_dry_run_of_a_new_password_made_no_status() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 10);
        let dry = [planned(2, 0, P), confirmed(2, true), intent(2, Some(0))];
        for (body, n) in dry.into_iter().zip(20..) {
            ledger.apply(&entry(n, 0, body));
        }
        let disabling = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.undone_by(disabling).as_str(), NOBODY);
    }

    #[rstest]
    #[case::done_and_not_any_more(D, &[Some(true), Some(false)], true)]
    #[case::never_done(D, &[Some(false), Some(false)], false)]
    #[case::still_done(D, &[Some(true)], false)]
    #[case::done_again(D, &[Some(true), Some(false), Some(true)], false)]
    #[case::nothing_to_read(D, &[Some(true), None], false)]
    #[case::another_kind(ActionKind::RevokeSessions, &[Some(true), Some(false)], false)]
    fn only_what_read_as_done_reads_undone(
        #[case] kind: ActionKind,
        #[case] reads: &[Option<bool>],
        #[case] undone: bool,
    ) {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, kind, 1);
        for (matches, n) in reads.iter().zip(10..) {
            ledger.apply(&entry(n, 1, read(*matches)));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.reads_undone(action), undone);
    }

    #[rstest]
    #[case::proven(E, OutcomeState::Verified, true)]
    #[case::undone(E, OutcomeState::Drifted, false)]
    #[case::refuted(E, OutcomeState::NotEffective, false)]
    #[case::another_kind(D, OutcomeState::Verified, false)]
    fn only_an_enabling_that_holds_reads_as_enabled(
        #[case] kind: ActionKind,
        #[case] word: OutcomeState,
        #[case] reads: bool,
    ) {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, kind, 1);
        for (body, n) in [read(Some(true)), outcome(1, word)].into_iter().zip(10..) {
            ledger.apply(&entry(n, 1, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.reads_enabled(), reads);
    }

    #[rstest]
    #[case::accepted(false)]
    #[case::refused(true)]
    fn what_was_refused_and_read_as_done_reads_undone_too(#[case] refused: bool) {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 1);
        let rejected = Body::ActionRejected {
            aid: aid(1),
            attempt: 1,
            status: 403,
            reason: "no".into(),
        };
        let answer = refused.then_some(rejected);
        let reads = [read(Some(true)), read(Some(false))];
        for (body, n) in answer.into_iter().chain(reads).zip(10..) {
            ledger.apply(&entry(n, 1, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert!(ledger.reads_undone(action));
    }

    /// Sent in second 1000 by our clock, at a second by the provider's.
    #[rstest]
    #[case::right(Some(1_000), Some(1_000), Some(1_000))]
    #[case::a_minute_ahead(Some(1_060), Some(1_060), Some(1_060))]
    #[case::more_than_that(Some(1_061), Some(1_000), Some(1_061))]
    #[case::five_minutes_behind(Some(700), Some(700), Some(700))]
    #[case::more_than_that_behind(Some(699), Some(699), None)]
    #[case::unknown(None, Some(1_000), None)]
    fn a_clock_of_the_provider_that_is_wrong_blinds_nobody(
        #[case] theirs: Option<i64>,
        #[case] watched: Option<i64>,
        #[case] judged: Option<i64>,
    ) {
        let mut ledger = Ledger::default();
        let bodies = [planned(1, 0, D), confirmed(1, false), intent(1, theirs)];
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 1_000, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.watched_from(), watched.map(at));
        assert_eq!(action.not_before(), judged.map(at));
    }

    /// Sent in second 1000 by our clock, with the provider's clock right until then; answered in second 1002.
    #[rstest]
    #[case::right(Some(1_001), None, Some(1_001))]
    #[case::a_minute_ahead(Some(1_062), None, Some(1_062))]
    #[case::more_than_that(Some(1_063), None, Some(1_000))]
    #[case::of_another_clock_than_the_effect(Some(1_602), Some(1_001), Some(1_001))]
    #[case::of_the_clock_of_the_effect(Some(1_602), Some(1_601), Some(1_000))]
    fn a_clock_of_its_answer_alone_that_is_ahead_blinds_nobody(
        #[case] answer: Option<i64>,
        #[case] effect: Option<i64>,
        #[case] watched: Option<i64>,
    ) {
        let mut ledger = Ledger::default();
        let answered = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: answer.map(at),
        };
        let seen = Observed {
            aid: aid(1),
            evidence: "status".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: effect.map(at),
        };
        let bodies = [
            (1_000, planned(1, 0, D)),
            (1_000, confirmed(1, false)),
            (1_000, intent(1, Some(1_000))),
            (1_002, answered),
            (1_003, Body::ActionObserve(seen)),
        ];
        for ((second, body), n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.watched_from(), watched.map(at));
    }

    #[rstest]
    #[case::sent_after_it(20, None, false)]
    #[case::sent_after_it_and_refused(20, Some(OutcomeState::Rejected), true)]
    #[case::proven_after_it(20, Some(OutcomeState::Verified), false)]
    fn an_enabling_from_here_is_not_the_work_of_others(
        #[case] n: u64,
        #[case] word: Option<OutcomeState>,
        #[case] undone: bool,
    ) {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 1);
        ledger.apply(&entry(10, 1, read(Some(true))));
        sent(&mut ledger, 2, E, n);
        if let Some(word) = word {
            ledger.apply(&entry(n + 5, 2, outcome(2, word)));
        }
        ledger.apply(&entry(30, 3, read(Some(false))));
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.reads_undone(action), undone);
        assert_eq!(ledger.on(&account().id).count(), 2);
    }

    #[test]
    fn an_answer_at_the_end_of_time_ends_nothing() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 1);
        let far = DateTime::<Utc>::MAX_UTC;
        let answered = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: Some(far),
        };
        let seen = Observed {
            aid: aid(1),
            evidence: "status".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: Some(at(1)),
        };
        for (body, n) in [answered, Body::ActionObserve(seen)].into_iter().zip(10..) {
            ledger.apply(&entry(n, 1, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.effective_at(), Some(far));
        assert_eq!(action.began_at(), Some(at(1)));
    }

    #[test]
    fn an_enabling_of_before_it_may_not_have_undone_it() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 2, E, 1);
        sent(&mut ledger, 1, D, 10);
        for (matches, n) in [true, false].into_iter().zip(20..) {
            ledger.apply(&entry(n, 1, read(Some(matches))));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert!(ledger.reads_undone(action));
    }

    #[test]
    fn a_second_send_forgets_what_was_read_of_the_first() {
        let mut ledger = Ledger::default();
        sent(&mut ledger, 1, D, 1);
        ledger.apply(&entry(10, 1, read(Some(true))));
        ledger.apply(&entry(11, 2, intent(1, Some(2))));
        ledger.apply(&entry(12, 3, read(Some(false))));
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert!(!ledger.reads_undone(action));
    }

    /// A disabling of second 100 by the provider's clock, with or without its answer of second 101.
    fn timed(answered: bool, effects: &[i64]) -> Ledger {
        let mut ledger = Ledger::default();
        sent_at(&mut ledger, answered);
        for (second, n) in effects.iter().zip(10..) {
            let mut body = read(Some(true));
            if let Body::ActionObserve(observed) = &mut body {
                observed.effect_at = Some(at(*second));
                observed.evidence = format!("since {second}").into();
            }
            ledger.apply(&entry(n, 1, body));
        }
        ledger
    }

    fn sent_at(ledger: &mut Ledger, answered: bool) {
        let ack = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: Some(at(101)),
        };
        let bodies = [planned(1, 0, D), confirmed(1, false), intent(1, Some(100))];
        for (body, n) in bodies.into_iter().chain(answered.then_some(ack)).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
    }

    #[rstest]
    #[case::of_then(true, &[100], false)]
    #[case::a_clock_that_lags(true, &[98], false)]
    #[case::late_but_its_own(true, &[111], false)]
    #[case::too_late(true, &[112], true)]
    #[case::anew(true, &[100, 104], true)]
    #[case::an_older_copy_afterwards(true, &[104, 100], false)]
    #[case::anew_and_an_older_copy(true, &[100, 104, 100], false)]
    #[case::without_an_answer(false, &[130], false)]
    #[case::without_an_answer_too_late(false, &[131], true)]
    #[case::not_told(true, &[], false)]
    fn what_begins_anew_or_too_late_is_of_others(
        #[case] answered: bool,
        #[case] effects: &[i64],
        #[case] others: bool,
    ) {
        let ledger = timed(answered, effects);
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.is_of_another_time(), others);
    }

    #[rstest]
    #[case(D, 98, false)]
    #[case(D, 97, true)]
    #[case(D, 200, false)]
    #[case::asked_for_another(ActionKind::ExpirePassword, 97, true)]
    // Judged by what it was before.
    #[case::set(P, 97, false)]
    fn what_began_before_the_request_is_older(
        #[case] kind: ActionKind,
        #[case] second: i64,
        #[case] older: bool,
    ) {
        let ledger = timed(true, &[]);
        let action = ledger.get(&aid(1)).expect("it is on record");
        let action = ActionView {
            kind,
            ..action.clone()
        };
        assert_eq!(action.is_older(at(second)), older);
    }

    /// Sent in second 1000 and answered a second later by our clock, by the provider's clock as well or by none; the effect
    /// began in a second and was read in another one.
    #[rstest]
    #[case::of_then(P, Some(true), 1_001, 1_003, false)]
    #[case::a_copy_that_lagged(P, Some(true), 1_001, 1_200, false)]
    // Its clock is another one: it was read in time.
    #[case::ahead(P, Some(true), 1_100, 1_003, false)]
    #[case::of_others(P, Some(true), 1_023, 1_024, true)]
    #[case::without_an_answer(P, Some(false), 1_034, 1_040, true)]
    #[case::no_clock(P, None, 1_001, 1_003, false)]
    #[case::no_clock_and_late(P, None, 1_001, 1_200, false)]
    #[case::no_clock_and_ahead(P, None, 1_100, 1_003, false)]
    #[case::no_clock_and_of_others(P, None, 1_023, 1_024, true)]
    // By a clock that is behind, or by others: it was read late.
    #[case::no_clock_and_behind(P, None, 900, 1_024, true)]
    #[case::asked_for_another(X, Some(true), 1_001, 1_003, false)]
    #[case::asked_for_by_others(X, Some(true), 1_023, 1_024, true)]
    #[case::asked_for_without_an_answer(X, Some(false), 1_030, 1_040, false)]
    #[case::asked_for_by_others_without_an_answer(X, Some(false), 1_034, 1_040, true)]
    // What was accepted is carried out when its turn comes; what was not, is of others.
    #[case::marked_late(M, Some(true), 1_100, 1_101, false)]
    #[case::marked_without_an_answer(M, Some(false), 1_030, 1_040, false)]
    #[case::marked_by_others_without_an_answer(M, Some(false), 1_034, 1_040, true)]
    fn what_was_not_there_in_time_is_of_another_time(
        #[case] kind: ActionKind,
        #[case] answered: Option<bool>,
        #[case] began: i64,
        #[case] seen: i64,
        #[case] late: bool,
    ) {
        // Of a provider without a clock it was accepted.
        let (clock, accepted) = (answered.is_some(), answered != Some(false));
        let mut sent = intent(1, clock.then_some(1_000));
        if let Body::ActionIntent { deadline, .. } = &mut sent {
            *deadline = at(1_020);
        }
        let ack = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 204,
            request_id: None,
            server_date: clock.then(|| at(1_001)),
        };
        let mut observed = read(Some(true));
        if let Body::ActionObserve(observed) = &mut observed {
            observed.effect_at = Some(at(began));
        }
        let before = [
            (planned(1, 0, kind), 1_000),
            (confirmed(1, false), 1_000),
            (sent, 1_000),
        ];
        let then = accepted.then_some((ack, 1_001));
        let all = before.into_iter().chain(then).chain([(observed, seen)]);
        let mut ledger = Ledger::default();
        for ((body, second), n) in all.zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.is_of_another_time(), late);
    }

    /// What was answered to the request of [`by_two_clocks`].
    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Accepted,
        Refused,
        Lost,
    }
    use Answer::{Accepted, Lost, Refused};

    /// Sent in second 1000 by our clock and answered a second later; the provider's answers are ahead of that by some
    /// seconds, and what is read began in a second.
    fn by_two_clocks(ahead: i64, answer: Answer, effect: i64) -> ActionView {
        let mut sent = intent(1, Some(1_000 + ahead));
        if let Body::ActionIntent { deadline, .. } = &mut sent {
            *deadline = at(1_020);
        }
        let answered = match answer {
            Accepted => Some(Body::ActionAck {
                aid: aid(1),
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: Some(at(1_001 + ahead)),
            }),
            Refused => Some(Body::ActionRejected {
                aid: aid(1),
                attempt: 1,
                status: 403,
                reason: "no".into(),
            }),
            Lost => None,
        };
        let mut seen = read(Some(true));
        if let Body::ActionObserve(observed) = &mut seen {
            observed.effect_at = Some(at(effect));
        }
        let mut ledger = Ledger::default();
        let before = [(planned(1, 0, D), 1_000), (confirmed(1, false), 1_000)];
        let then = answered.map(|answered| (answered, 1_001));
        let all = before.into_iter().chain([(sent, 1_000)]).chain(then);
        for ((body, second), n) in all.chain([(seen, 1_002)]).zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        ledger.get(&aid(1)).expect("it is on record").clone()
    }

    /// Whether it is older than the request, of another time, and clearly of another act.
    #[rstest]
    #[case::one_clock(0, Accepted, 1_000, [false, false, false])]
    #[case::behind(-20, Accepted, 1_000, [false, false, false])]
    #[case::behind_and_too_late(-20, Accepted, 1_012, [false, true, true])]
    #[case::behind_and_before_it(-20, Accepted, 997, [false, true, true])]
    #[case::ahead(5, Accepted, 1_000, [false, false, false])]
    #[case::ahead_and_before_it(5, Accepted, 997, [true, false, true])]
    // Not accepted: it is not proven, and nobody is said to have done it.
    #[case::ahead_without_an_answer(5, Lost, 1_000, [true, false, false])]
    #[case::ahead_and_refused(5, Refused, 1_000, [true, false, false])]
    #[case::ahead_and_refused_before_it(5, Refused, 997, [true, false, true])]
    #[case::behind_without_an_answer(-40, Lost, 1_000, [false, true, false])]
    fn what_fits_our_own_clock_is_called_the_work_of_nobody_else(
        #[case] ahead: i64,
        #[case] answer: Answer,
        #[case] effect: i64,
        #[case] expected: [bool; 3],
    ) {
        let action = by_two_clocks(ahead, answer, effect);
        let told = [
            action.is_older(at(effect)),
            action.is_of_another_time(),
            action.is_of_another_act(),
        ];
        assert_eq!(told, expected);
    }

    /// Another action that found second `found` there and whose effect was read as of a second; then a revocation, sent in
    /// second 100, whose look told `told`.
    #[rstest]
    #[case::as_the_look_told((R, 5), (8, 50), Some(10), Some(10))]
    #[case::a_look_that_lagged((R, 5), (20, 50), Some(10), Some(20))]
    #[case::after_a_new_password((ActionKind::ResetPassword, 5), (20, 50), Some(10), Some(20))]
    #[case::found_by_another((R, 15), (8, 50), Some(10), Some(15))]
    // It may be what this one did.
    #[case::read_after_it_was_sent((R, 5), (120, 150), Some(10), Some(10))]
    #[case::moves_nothing((D, 5), (20, 50), Some(10), Some(10))]
    #[case::nobody_looked((R, 5), (20, 50), None, None)]
    fn the_newest_that_is_known_stood_there_before_a_revocation(
        #[case] (kind, found): (ActionKind, i64),
        #[case] (effect, seen): (i64, i64),
        #[case] told: Option<i64>,
        #[case] before: Option<i64>,
    ) {
        let looked = |number: u128, second: Option<i64>| {
            let mut body = intent(number, Some(0));
            if let Body::ActionIntent { valid_from, .. } = &mut body {
                *valid_from = second.map(at);
            }
            body
        };
        let mut observed = read(Some(true));
        if let Body::ActionObserve(observed) = &mut observed {
            observed.effect_at = Some(at(effect));
        }
        let mut all = vec![
            (0, planned(1, 0, kind)),
            (0, confirmed(1, false)),
            (0, looked(1, Some(found))),
            (seen, observed),
            (100, planned(2, 1, R)),
            (100, confirmed(2, false)),
            (100, looked(2, told)),
        ];
        all.sort_by_key(|(second, _)| *second);
        let mut ledger = Ledger::default();
        for ((second, body), n) in all.into_iter().zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        let action = ledger.get(&aid(2)).expect("it is on record");
        assert_eq!(ledger.before_send(action), before.map(at));
    }

    #[rstest]
    #[case(&[Some(true), Some(false), Some(true)], true)]
    #[case(&[Some(false), Some(true)], false)]
    #[case(&[Some(true), None, Some(true)], false)]
    fn what_read_otherwise_after_it_agreed_stays_so(
        #[case] reads: &[Option<bool>],
        #[case] broken: bool,
    ) {
        let mut ledger = timed(true, &[]);
        for (matches, n) in reads.iter().zip(10..) {
            ledger.apply(&entry(n, 1, read(*matches)));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.broken.is_some(), broken);
        ledger.apply(&entry(20, 2, intent(1, Some(200))));
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert!(action.broken.is_none() && action.agreed.is_none());
    }
}
