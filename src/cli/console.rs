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
use crate::engine::Engine;
use crate::engine::clock::Clock;

/// Least time between two frames that no key asked for.
const BACKGROUND_FRAME: Duration = Duration::from_millis(100);

/// How often time itself is a message: ages are shown in minutes.
const TICK: Duration = Duration::from_secs(15);

/// Where frames go.
pub trait Screen {
    /// Draws the model; writes nothing when nothing changed.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn draw(&mut self, model: &Model) -> io::Result<()>;

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
        let mut alive = screen.draw(&model).is_ok();
        let mut drawn = Instant::now();
        let mut pending: Option<Instant> = None;
        let attention = model.settings.attention;
        let mut waits = false;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while alive {
            let due = pending.unwrap_or(drawn + TICK);
            // Keys first, so that a flood of news never keeps a key waiting; everything else in the order it came.
            let (message, by_hand) = tokio::select! {
                biased;
                key = input.next() => (key.unwrap_or(Message::Ended), true),
                () = tokio::time::sleep_until(due), if pending.is_some() => {
                    alive = screen.draw(&model).is_ok();
                    drawn = Instant::now();
                    pending = shown(&mut model, clock.as_ref());
                    continue;
                }
                Some(message) = messages.recv() => (message, false),
                _ = tick.tick() => (Message::Tick, false),
            };
            let is_key = matches!(message, Message::Key(_));
            let mut alarm = false;
            let mut end = false;
            for effect in update(&mut model, clock.now(), message) {
                match effect {
                    Effect::Quit => end = true,
                    Effect::Redraw => alive &= screen.redraw().is_ok(),
                    Effect::Bell => alarm = true,
                    other => engine.perform(other),
                }
            }
            if end {
                break;
            }
            if alarm && attention.bell {
                alive &= screen.bell().is_ok();
            }
            // Whoever presses a key has seen it. An alarm that comes with a key stays for the next one.
            let now_waits = alarm || waits && !is_key;
            if attention.title && now_waits != waits {
                alive &= screen.title(now_waits).is_ok();
            }
            waits = now_waits;
            if by_hand {
                alive &= screen.draw(&model).is_ok();
                drawn = Instant::now();
                pending = shown(&mut model, clock.as_ref());
            } else if pending.is_none() {
                pending = Some((drawn + BACKGROUND_FRAME).max(Instant::now()));
            }
        }
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

/// Tells a dialog that waits for it that it is on the screen now; gives when to draw that it takes keys.
fn shown(model: &mut Model, clock: &dyn Clock) -> Option<Instant> {
    let waits = model.layers.last().is_some_and(Layer::waits_for_screen);
    waits.then(|| {
        // The moment after the frame: on a slow line the frame itself may have taken longer than any dead time.
        let _ = update(model, clock.now(), Message::Drawn);
        Instant::now() + BACKGROUND_FRAME
    })
}
