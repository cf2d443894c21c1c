//! Copying to the terminal's clipboard: only on its key, only where it is switched on, only ASCII of at most 4 KiB.
//!
//! What must not live here: the bytes (`terminal::egress`).

use crate::app::actions::under_cursor;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Layer, ListRow, Model, Pane};
use crate::domain::text::Safe;
use crate::safe;

/// Longest text that is copied, in bytes.
const MOST: usize = 4_096;

/// Copies what is under the cursor of the focused pane.
pub(super) fn of_pane(model: &mut Model) -> Vec<Effect> {
    let text = match model.focus {
        Pane::Cases => model.queue.selected().map(|case| {
            let number = case.number.unwrap_or_default();
            safe!("#{} {} {}", number, case.id.shown(), case.title.field())
        }),
        Pane::Activity => event(model),
        Pane::Checklist => crate::app::checklist::selected(model).map(|(_, step)| step.text.line()),
        Pane::Actions => model
            .open
            .as_ref()
            .and_then(|open| open.the_account())
            .map(|account| safe!("{} {}", account.login.field(), account.id.shown())),
    };
    let text = text.or_else(|| {
        let choice = under_cursor(model)?;
        (model.focus == Pane::Actions).then(|| choice.word().into())
    });
    send(model, text)
}

fn event(model: &Model) -> Option<Safe> {
    let pane = &model.open.as_ref()?.activity;
    match pane.rows.get(pane.cursor)? {
        ListRow::Event(index) => Some(pane.activity.row(*index)?.raw().line()),
        ListRow::Finding(index) => Some(pane.findings.get(*index)?.reason.clone()),
        _ => None,
    }
}

/// Copies the text that is being read.
pub(super) fn of_layer(model: &mut Model) -> Vec<Effect> {
    let text = match model.layers.last() {
        Some(Layer::Reading { text, .. }) => Some(text.clone()),
        _ => None,
    };
    send(model, text)
}

fn send(model: &mut Model, text: Option<Safe>) -> Vec<Effect> {
    if !model.settings.terminal.copy {
        let hint = "[terminal] copy = true in the configuration switches it on";
        model.say(Level::Warning, "copying is switched off", Some(hint.into()));
        return Vec::new();
    }
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        model.say(Level::Info, "nothing to copy here", None);
        return Vec::new();
    };
    let bytes = text.as_str().len();
    if bytes > MOST || !text.as_str().is_ascii() {
        let why: Safe = if bytes > MOST {
            safe!("{} bytes are more than {}", bytes, MOST)
        } else {
            "it holds other characters than ASCII".into()
        };
        model.say(Level::Warning, safe!("not copied: {}", why), None);
        return Vec::new();
    }
    vec![Effect::Copy(text)]
}

/// Says whether the terminal was given it; whether it took it, it does not tell.
pub(super) fn told(model: &mut Model, done: bool) {
    if done {
        model.say(Level::Info, "sent to the terminal's clipboard", None);
    } else {
        model.say(
            Level::Warning,
            "not copied: the terminal was not given it",
            None,
        );
    }
}
