//! A disabling that a person closed before it was proven: nobody reads it back once its case was told, so what the account
//! of the open case shows is held against it.
//!
//! What must not live here: the alarms of readings and watches (`hold`).

use super::hold::LONG_AGO;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Model, OpenCase};
use crate::domain::account::AccountStatus;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::text::Untrusted;
use crate::safe;

/// Rings where the account of the open case is enabled and its last disabling, sent a while ago, was closed by hand, though
/// the provider had accepted it or it had read as done; each once.
pub(super) fn alarm(model: &mut Model) -> Vec<Effect> {
    let account = model.open.as_ref().and_then(OpenCase::the_account);
    let Some(account) = account.filter(|account| account.status == AccountStatus::Active) else {
        return Vec::new();
    };
    let (ledger, now) = (&model.ledger, model.now.utc);
    let sent = ledger.on(&account.id).filter(|act| act.may_have_left());
    let last = sent
        .filter(|act| act.kind == ActionKind::DisableAccount)
        .max_by_key(|act| (act.sent_n, act.order));
    let is_undone = |act: &&ActionView| {
        let times = account.server_date.zip(act.effective_at());
        let is_later = times.is_some_and(|(read, began)| read > began);
        let is_old = act.sent.is_some_and(|sent| now - sent >= LONG_AGO);
        // What the status says is what a reading back would say.
        let read = ActionView {
            matches: Some(false),
            ..(*act).clone()
        };
        act.is_closed_by_hand() && is_later && is_old && ledger.is_broken_promise(&read)
    };
    let Some(act) = last.filter(is_undone) else {
        return Vec::new();
    };
    let line = safe!(
        "the disabling of {} was closed by hand before it was proven, and the account is ACTIVE",
        act.login.field()
    );
    let key = (account.id.clone(), Untrusted::new(act.aid.to_string()));
    if !model.alarmed.insert(key) {
        return Vec::new();
    }
    let hint =
        "others may have enabled it, or it was never disabled: look at it, and contain it again";
    model.say(Level::Alarm, line, Some(hint.into()));
    vec![Effect::Bell]
}
