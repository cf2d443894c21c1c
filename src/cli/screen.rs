//! The console on this terminal: theme, backend, input and signals, around the loop.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use ratatui::Terminal;

use super::compose::{self, Behind, Loaded, Look, Parts};
use super::console::{Console, Screen};
use super::{Failure, INTERNAL, OK, UNREADABLE};
use crate::app::message::Message;
use crate::app::model::Model;
use crate::app::unrecorded::Unrecorded;
use crate::config::settings::EnvironmentKind;
use crate::config::terminal::TerminalSettings;
use crate::connect::registry::Connections;
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::engine::clock::{Clock, Pace, SystemClock};
use crate::engine::probe::Open;
use crate::safe;
use crate::store::audit::{DEV_LOG, Ground};
use crate::store::state::StateDir;
use crate::terminal::backend::{LeanBackend, SizeSource, known_size};
use crate::terminal::egress::{Allowed, Egress, SharedEgress};
use crate::terminal::features::{Features, can_draw};
use crate::terminal::input::Synchronized;
use crate::terminal::outflow::{Line, Outflow};
use crate::terminal::session::Session;
use crate::terminal::{input, signal};
use crate::ui;
use crate::ui::theme::Theme;

/// The terminal of this process, drawn by a theme.
pub(super) struct Live {
    session: Session<Outflow>,
    terminal: Terminal<LeanBackend<SharedEgress<Outflow>>>,
    theme: Theme,
    line: Line,
    synchronized: Synchronized,
}

/// What a terminal is taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Keys are typed at it.
    Keyboard,
    /// It only shows.
    Show,
}

impl Live {
    /// Draws a frame; writes nothing when nothing changed.
    pub(super) fn paint(
        &mut self,
        draw: impl FnOnce(&Theme, &mut ratatui::Frame<'_>),
    ) -> io::Result<()> {
        // One frame in flight: the next one shows what this one would have.
        if !self.line.is_idle() {
            return Ok(());
        }
        let theme = &self.theme;
        let known = self.synchronized.is_known();
        self.terminal.backend_mut().set_synchronized(known);
        self.terminal.draw(|frame| draw(theme, frame)).map(drop)
    }

    /// Gives where the terminal's answer is noted.
    pub(super) fn synchronized(&self) -> Synchronized {
        self.synchronized.clone()
    }

    /// Gives the terminal back.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        self.session.leave()
    }
}

impl Screen for Live {
    fn draw(&mut self, model: &Model) -> io::Result<bool> {
        // One frame in flight: what changes meanwhile is in the next one.
        if !self.line.is_idle() {
            return Ok(false);
        }
        self.paint(|theme, frame| ui::draw(model, theme, frame))
            .map(|()| true)
    }

    fn is_shown(&self) -> bool {
        self.line.is_idle()
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().forget();
        self.terminal.clear()
    }

    fn bell(&mut self) -> io::Result<()> {
        self.session.bell()
    }

    fn title(&mut self, waits: bool) -> io::Result<()> {
        // Fixed words: a title is read by other programs, and nothing of a case may get there.
        let words = if waits { "quell - ATTENTION" } else { "quell" };
        self.session.set_title(&Safe::fixed(words))
    }

    fn suspend(&mut self) -> io::Result<bool> {
        if !signal::is_waited_for() {
            return Ok(false);
        }
        self.session.leave()?;
        signal::stop_here()?;
        self.session.enter()?;
        self.redraw().map(|()| true)
    }

    fn copy(&mut self, text: &Safe) -> io::Result<bool> {
        self.session.copy(text)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(super) fn open(theme: Theme, may: TerminalSettings, used: Use) -> Result<Live, Failure> {
    let failed = |error: &io::Error| {
        let cause = Untrusted::new(error.to_string());
        Failure::one(
            INTERNAL,
            Fault::new(safe!("failed to take the terminal: {}", cause.line())),
        )
    };
    let term = variable("TERM").unwrap_or_default();
    if !io::stdout().is_terminal() || !can_draw(&term) {
        let fault = Fault::new("the console needs a terminal that can draw on standard output")
            .hint(
                "`quell cases`, `quell case ID` and `quell activity --case ID` print plain lines",
            );
        return Err(Failure::one(UNREADABLE, fault));
    }
    let features = Features::of_term(&term);
    // Who has no keyboard hears no answer.
    let asks = features.asked && used == Use::Keyboard;
    let allowed = Allowed {
        title: may.title,
        clipboard: may.copy,
        queries: u32::from(asks),
        ..Allowed::default()
    };
    let out = Outflow::start(io::stdout()).map_err(|error| failed(&error))?;
    let line = out.line();
    let egress = SharedEgress::new(Egress::new(out, allowed));
    let session = match used {
        Use::Keyboard => Session::open(egress.clone()),
        Use::Show => Session::open_to_show(egress.clone()),
    };
    let mut session = session.map_err(|error| failed(&error))?.over(line.clone());
    if asks {
        session.ask_synchronized().map_err(|error| failed(&error))?;
    }
    let backend = LeanBackend::new(egress, SizeSource::Output, features);
    let terminal = Terminal::new(backend).map_err(|error| failed(&error))?;
    Ok(Live {
        session,
        terminal,
        theme,
        line,
        synchronized: Synchronized::default(),
    })
}

/// Gives the signals that ask to end or to stop, and changes of the size; they are heard from this call on, which is to be
/// before the terminal is taken.
fn signals() -> impl Stream<Item = Message> + Unpin {
    let ended = futures::stream::once(signal::ended()).map(|()| Message::Ended);
    let stopped = signal::stopped().map(|()| Message::Stopped);
    let resized = signal::resized().map(|()| {
        let (width, height) = size();
        Message::Resized { width, height }
    });
    let stops = futures::stream::select(ended, stopped);
    Box::pin(futures::stream::select(stops, resized))
}

/// Joins what is typed at the terminal with signals; a keyboard that is gone is the end of it.
fn messages(
    synchronized: Synchronized,
    signals: impl Stream<Item = Message>,
) -> impl Stream<Item = Message> + Unpin {
    let keys = input::messages(synchronized)
        .chain(futures::stream::once(std::future::ready(Message::Ended)));
    Box::pin(futures::stream::select(keys, signals))
}

/// Tells whether standard output is a terminal that can draw.
pub fn is_there() -> bool {
    io::stdout().is_terminal() && can_draw(&variable("TERM").unwrap_or_default())
}

/// Gives the columns and rows of this terminal.
pub fn size() -> (u16, u16) {
    crossterm::terminal::size().map_or((80, 24), known_size)
}

/// Shows exported logs on this terminal until it ends.
///
/// # Errors
/// When the theme or the terminal cannot be used.
pub async fn show_exported(model: Model, look: &Look) -> Result<(), Failure> {
    let theme = look.theme(&model.settings)?;
    let signals = signals();
    let mut live = open(theme, model.settings.terminal, Use::Keyboard)?;
    let input = messages(live.synchronized(), signals);
    super::activity::pane::run(model, &mut live, input).await;
    // The terminal is gone when this fails, and with it whoever could be told.
    let _ = live.session.leave();
    Ok(())
}

/// Shows the console on this terminal until it ends.
///
/// # Errors
/// When the theme, the state or the terminal cannot be used.
pub async fn show(loaded: Loaded, state: StateDir, look: &Look) -> Result<u8, Failure> {
    let signals = signals();
    let mut live = open(
        look.theme(&loaded.settings)?,
        loaded.settings.terminal,
        Use::Keyboard,
    )?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let size = size();
    // Something is seen before any secret, file or network is waited for. A terminal that is gone is found by the loop.
    let _ = live.draw(&compose::blank(&loaded, clock.now(), size));
    let (secrets, warnings) = compose::secrets(&loaded.settings);
    let connections = Connections::build(&loaded.settings, secrets);
    // A drill's log is no evidence of anything.
    let drill = loaded.settings.environment.kind == EnvironmentKind::Drill;
    let ground = Ground {
        syslog: (!drill).then(|| PathBuf::from(DEV_LOG)),
        ..Ground::default()
    };
    let parts = Parts {
        loaded,
        connections,
        warnings,
        state,
        ground,
        host: compose::Host::default(),
        clock: Arc::clone(&clock),
        pace: Pace::REAL,
        probe: Arc::new(Open),
        size,
    };
    let Behind {
        model,
        engine,
        messages: news,
    } = compose::start(parts)?;
    let input = messages(live.synchronized(), signals);
    let console = Console {
        model,
        screen: &mut live,
        input,
        messages: news,
        engine,
        clock,
    };
    let model = console.run().await;
    // The terminal is gone when this fails, and with it whoever could be told.
    let _ = live.session.leave();
    if let Some(lost) = Unrecorded::of(&model) {
        // The dialog that said it is gone with the screen.
        let mut err = io::stderr().lock();
        let _ = lost.lines().try_for_each(|line| writeln!(err, "{line}"));
    }
    Ok(OK)
}
