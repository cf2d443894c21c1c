//! Exported logs on this terminal: the loop without anything behind it.
//!
//! No engine, no connection, no audit log: an effect that asks for one of them is answered with why it is not there.

use futures::{Stream, StreamExt as _};

use crate::app::effect::Effect;
use crate::app::message::{Level, Message};
use crate::app::model::Model;
use crate::app::update::update;
use crate::cli::console::{BLOCKED_FRAME, Screen};
use crate::domain::freshness::Moment;

/// Shows the model until it is asked to end, or the terminal is gone.
pub(in crate::cli) async fn run<S, I>(mut model: Model, screen: &mut S, mut input: I)
where
    S: Screen,
    I: Stream<Item = Message> + Unpin,
{
    let now: Moment = model.now;
    let mut drawn = screen.draw(&model);
    while let Ok(done) = drawn {
        let message = tokio::select! {
            biased;
            message = input.next() => message.unwrap_or(Message::Ended),
            // The frame before is still on its way.
            () = tokio::time::sleep(BLOCKED_FRAME), if !done => {
                drawn = screen.draw(&model);
                continue;
            }
        };
        let mut alive = true;
        let mut lacking = false;
        for effect in update(&mut model, now, message) {
            match effect {
                Effect::Quit => return,
                Effect::Redraw => alive &= screen.redraw().is_ok(),
                Effect::Bell => alive &= screen.bell().is_ok(),
                Effect::Suspend => {
                    let done = screen.suspend();
                    alive &= done.is_ok();
                    if !done.unwrap_or(true) {
                        // It only says so.
                        let _ = update(&mut model, now, Message::NotStopped);
                    }
                }
                Effect::Copy(text) => {
                    let copied = screen.copy(&text);
                    alive &= copied.is_ok();
                    // It only says so.
                    let _ = update(&mut model, now, Message::Copied(copied.unwrap_or(false)));
                }
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
        if !alive {
            return;
        }
        drawn = screen.draw(&model);
    }
}
