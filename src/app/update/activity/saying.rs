//! What an analyst says of an event: marks, tags, notes, events by hand, and what goes into the case.
//!
//! All of it is recorded and comes back from the records. What must not live here: the form of the records.

use super::{pane, window};
use crate::app::deeds;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::activity::asking::{EventRef, EventText};
use crate::app::model::activity::{DeedKind, ListRow};
use crate::app::model::{Model, Purpose};
use crate::app::update::panes::write;
use crate::app::update::writing;
use crate::domain::audit::{Body, Saying, TimelineSaid};
use crate::domain::text::Untrusted;
use crate::domain::timeline::annotation::read_manual;

/// Gives the event under the cursor, or says that there is none.
fn event(model: &mut Model) -> Option<EventRef> {
    let found = model.open.as_ref().and_then(|open| {
        let pane = &open.activity;
        let row = pane.activity.row(pane.cursor_event()?)?;
        Some(EventRef {
            case: open.id.clone(),
            account: open.the_account().map(|account| account.id.clone()),
            key: row.key(),
            at: (!row.untimed()).then(|| row.at()),
        })
    });
    if found.is_none() {
        model.say(Level::Info, "no event under the cursor", None);
    }
    found
}

fn record(of: EventRef, what: Saying, text: Option<Untrusted>) -> Vec<Effect> {
    vec![Effect::Record(vec![Body::TimelineSaid(body(
        of, what, text,
    ))])]
}

fn body(of: EventRef, what: Saying, text: Option<Untrusted>) -> TimelineSaid {
    TimelineSaid {
        case: of.case,
        account: of.account,
        event: of.key,
        at: of.at,
        what,
        text,
        rid: None,
    }
}

/// Marks the event, or takes its mark away.
pub(in crate::app::update) fn mark(model: &mut Model) -> Vec<Effect> {
    let Some(of) = event(model) else {
        return Vec::new();
    };
    let is_marked = pane(model)
        .and_then(|pane| pane.said.of(&of.key))
        .is_some_and(|said| said.marked);
    let what = if is_marked {
        Saying::Unmark
    } else {
        Saying::Mark
    };
    record(of, what, None)
}

/// Asks for a tag.
pub(in crate::app::update) fn tag(model: &mut Model) {
    ask(model, Saying::Tag);
}

/// Asks for a note.
pub(in crate::app::update) fn note(model: &mut Model) {
    ask(model, Saying::Note);
}

fn ask(model: &mut Model, what: Saying) {
    if let Some(of) = event(model) {
        write(model, Purpose::Event(Box::new(EventText::Of(of, what))));
    }
}

/// Asks for an event that no log has.
pub(in crate::app::update) fn add(model: &mut Model) {
    let Some(open) = &model.open else {
        model.say(Level::Warning, "event by hand: no case is open", None);
        return;
    };
    let account = open.the_account().map(|account| account.id.clone());
    let ask = EventText::Manual(open.id.clone(), account);
    write(model, Purpose::Event(Box::new(ask)));
}

/// Takes back the event under the cursor that was typed in; `None` where it is none.
pub(in crate::app::update) fn withdraw(model: &Model) -> Option<Vec<Effect>> {
    let open = model.open.as_ref()?;
    let pane = &open.activity;
    let ListRow::Deeds { first, .. } = pane.rows.get(pane.cursor)? else {
        return None;
    };
    let deed = pane.deeds.get(*first)?;
    let DeedKind::Manual(key) = &deed.kind else {
        return None;
    };
    let of = EventRef {
        case: open.id.clone(),
        account: open.the_account().map(|account| account.id.clone()),
        key: key.clone(),
        at: Some(deed.at),
    };
    Some(record(of, Saying::Withdraw, None))
}

/// Records a text that was written.
pub(in crate::app::update) fn said(
    model: &mut Model,
    purpose: EventText,
    text: Untrusted,
) -> Vec<Effect> {
    match purpose {
        EventText::Window => window(model, &text),
        EventText::Of(of, Saying::Tag) => {
            let has = pane(model)
                .and_then(|pane| pane.said.of(&of.key))
                .is_some_and(|said| said.tags.contains(&text));
            let what = if has { Saying::Untag } else { Saying::Tag };
            record(of, what, Some(text))
        }
        EventText::Of(of, what) => record(of, what, Some(text)),
        EventText::Manual(case, account) => {
            let Some((at, what)) = read_manual(text.raw(), model.now.utc) else {
                let line = "an event by hand is a time that is over and a text: 10:30 user phoned";
                let hint =
                    "a day goes before the time, 2026-11-21 10:30; without any time it is now";
                model.say(Level::Warning, line, Some(hint.into()));
                let again = EventText::Manual(case, account);
                writing::again(model, Purpose::Event(Box::new(again)), &text);
                return Vec::new();
            };
            let of = EventRef {
                key: Untrusted::new(format!("by hand {} {what}", at.timestamp())),
                case,
                account,
                at: Some(at),
            };
            record(of, Saying::Manual, Some(Untrusted::new(what)))
        }
    }
}

/// Puts the event into the case as a comment, once.
pub(in crate::app::update) fn post(model: &mut Model) -> Vec<Effect> {
    let Some(of) = event(model) else {
        return Vec::new();
    };
    let text = deeds::comment_of_event(model);
    let (by, now) = (model.operator.os_user.clone(), model.now.utc);
    let Some(pane) = pane(model) else {
        return Vec::new();
    };
    if pane
        .said
        .of(&of.key)
        .is_some_and(|said| said.posted.is_some())
    {
        let line = "the event went into the case before; it is posted once";
        model.say(Level::Info, line, None);
        return Vec::new();
    }
    let Some(text) = text else {
        return Vec::new();
    };
    let case = of.case.clone();
    let said = body(of, Saying::Post, None);
    // Until the record is there: pressing the key twice is asking once.
    pane.said.apply(&said, &by, now);
    vec![Effect::PostEvent {
        case,
        text: Untrusted::new(text.as_str()),
        said: Box::new(said),
    }]
}
