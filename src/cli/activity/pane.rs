//! Exported logs on this terminal: the loop without anything behind it.
//!
//! No engine, no connection, no audit log: an effect that asks for one of them is answered with why it is not there.

use futures::{Stream, StreamExt as _};

use crate::app::effect::Effect;
use crate::app::message::{Level, Message};
use crate::app::model::Model;
use crate::app::update::update;
use crate::cli::console::Screen;
use crate::domain::freshness::Moment;

/// Shows the model until it is asked to end, or the terminal is gone.
pub(in crate::cli) async fn run<S, I>(mut model: Model, screen: &mut S, mut input: I)
where
    S: Screen,
    I: Stream<Item = Message> + Unpin,
{
    let now: Moment = model.now;
    let mut alive = screen.draw(&model).is_ok();
    while alive {
        let message = input.next().await.unwrap_or(Message::Ended);
        let mut lacking = false;
        for effect in update(&mut model, now, message) {
            match effect {
                Effect::Quit => return,
                Effect::Redraw => alive &= screen.redraw().is_ok(),
                Effect::Bell => alive &= screen.bell().is_ok(),
                _ => lacking = true,
            }
        }
        if lacking {
            model.say(
                Level::Warning,
                "that needs a case or a connection; exported logs have none",
                None,
            );
        }
        alive &= screen.draw(&model).is_ok();
    }
}
