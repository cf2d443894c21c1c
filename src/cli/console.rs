//! The loop: messages in, model changed, frame drawn, effects out. Screen and input are parameters.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::effect::Effect;
use crate::app::message::Message;
use crate::app::model::{Layer, Model};
use crate::app::update::update;
use crate::domain::text::Safe;
use crate::engine::Engine;
use crate::engine::clock::Clock;

/// Least time between two frames that no key asked for.
const BACKGROUND_FRAME: Duration = Duration::from_millis(100);

/// When a line that has not taken the last frame yet is tried again.
pub(super) const BLOCKED_FRAME: Duration = Duration::from_millis(20);

/// How often time itself is a message: ages are shown in minutes.
const TICK: Duration = Duration::from_secs(15);

/// Where frames go.
pub trait Screen {
    /// Draws the model; writes nothing when nothing changed. Draws not at all, and says `false`, while an earlier frame
    /// has not left yet.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn draw(&mut self, model: &Model) -> io::Result<bool>;

    /// Tells whether all that was drawn has left for the terminal.
    fn is_shown(&self) -> bool;

    /// Forgets what is on the screen, so that the next frame is drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn redraw(&mut self) -> io::Result<()>;

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn bell(&mut self) -> io::Result<()>;

    /// Says in the title of the window whether something waits for a person, in fixed words.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn title(&mut self, waits: bool) -> io::Result<()>;

    /// Gives the terminal back and stops the process; comes back when the shell continues it, with everything to be drawn.
    /// Where no shell waits it does nothing, and says `false`.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn suspend(&mut self) -> io::Result<bool>;

    /// Copies a text to the terminal's clipboard; tells whether it was sent.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn copy(&mut self, text: &Safe) -> io::Result<bool>;
}

/// Everything the loop is made of.
pub struct Console<'a, S, I> {
    /// What is known.
    pub model: Model,
    /// Where frames go.
    pub screen: &'a mut S,
    /// Keys, resizes, the end of the terminal.
    pub input: I,
    /// News from the world.
    pub messages: mpsc::Receiver<Message>,
    /// What performs effects.
    pub engine: Engine,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl<S, I> Console<'_, S, I>
where
    S: Screen,
    I: Stream<Item = Message> + Unpin,
{
    /// Runs until it is asked to end, then lets the engine finish what must finish. Gives the model as it was last.
    ///
    /// A terminal that goes away ends the screen, not the requests in flight.
    pub async fn run(self) -> Model {
        let Self {
            mut model,
            screen,
            mut input,
            mut messages,
            engine,
            clock,
        } = self;
        let first = screen.draw(&model);
        let mut alive = first.is_ok();
        let mut drawn = Instant::now();
        let may = model.settings.terminal;
        let mut waits = false;
        // Whether the last frame that was handed over shows everything the model says.
        let mut sent = first.unwrap_or(false);
        let mut pending = (!sent).then(|| drawn + BLOCKED_FRAME);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while alive {
            let due = pending.unwrap_or(drawn + TICK);
            // Keys first, so that a flood of news never keeps a key waiting; everything else in the order it came.
            let (message, by_hand) = tokio::select! {
                biased;
                key = input.next() => (key.unwrap_or(Message::Ended), true),
                () = tokio::time::sleep_until(due), if pending.is_some() => {
                    // A dialog that waits for its frame to leave waits for that one, not for another like it.
                    if !(sent && waits_for_screen(&model)) {
                        let frame = screen.draw(&model);
                        alive = frame.is_ok();
                        drawn = Instant::now();
                        sent = frame.unwrap_or(false);
                    }
                    pending = followed(&mut model, clock.as_ref(), screen, sent);
                    continue;
                }
                Some(message) = messages.recv() => (message, false),
                _ = tick.tick() => (Message::Tick, false),
            };
            let is_key = matches!(message, Message::Key(_) | Message::Bunched { .. });
            let mut alarm = false;
            let mut end = false;
            for effect in update(&mut model, clock.now(), message) {
                match effect {
                    Effect::Quit => end = true,
                    Effect::Redraw => alive &= screen.redraw().is_ok(),
                    Effect::Bell => alarm = true,
                    Effect::Suspend => {
                        let done = screen.suspend();
                        alive &= done.is_ok();
                        if !done.unwrap_or(true) {
                            // It only says so.
                            let _ = update(&mut model, clock.now(), Message::NotStopped);
                        }
                    }
                    Effect::Copy(text) => {
                        let done = screen.copy(&text);
                        alive &= done.is_ok();
                        let told = Message::Copied(done.unwrap_or(false));
                        // It only says so.
                        let _ = update(&mut model, clock.now(), told);
                    }
                    other => engine.perform(other),
                }
            }
            if end {
                break;
            }
            if alarm && may.bell {
                alive &= screen.bell().is_ok();
            }
            // Whoever presses a key has seen it. An alarm that comes with a key stays for the next one.
            let now_waits = alarm || waits && !is_key;
            if may.title && now_waits != waits {
                alive &= screen.title(now_waits).is_ok();
            }
            waits = now_waits;
            if by_hand {
                let frame = screen.draw(&model);
                alive &= frame.is_ok();
                drawn = Instant::now();
                sent = frame.unwrap_or(false);
                pending = followed(&mut model, clock.as_ref(), screen, sent);
                continue;
            }
            sent = false;
            if pending.is_none() {
                pending = Some((drawn + BACKGROUND_FRAME).max(Instant::now()));
            }
        }
        // What is typed from here on is for whoever comes next.
        drop(input);
        let reason = if alive {
            "ended by the operator or a signal"
        } else {
            "the terminal went away"
        };
        // News that come while the engine finishes must not fill the queue and block it.
        let drain = async { while messages.recv().await.is_some() {} };
        tokio::select! {
            () = engine.end(reason) => {}
            () = drain => {}
        }
        model
    }
}

fn waits_for_screen(model: &Model) -> bool {
    model.layers.last().is_some_and(Layer::waits_for_screen)
}

/// Tells a dialog that waits for it that it is on the screen now; gives when to draw again, if so.
///
/// A frame that could not be drawn, or has not left yet, is looked at again soon: keys go on meanwhile.
fn followed(
    model: &mut Model,
    clock: &dyn Clock,
    screen: &impl Screen,
    drawn: bool,
) -> Option<Instant> {
    let waits = waits_for_screen(model);
    if !drawn || (waits && !screen.is_shown()) {
        return Some(Instant::now() + BLOCKED_FRAME);
    }
    waits.then(|| {
        // The moment after the frame: on a slow line the frame itself may have taken longer than any dead time.
        let _ = update(model, clock.now(), Message::Drawn);
        Instant::now() + BACKGROUND_FRAME
    })
}
