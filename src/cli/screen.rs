//! The console on this terminal: theme, backend, input and signals, around the loop.

use std::io::{self, IsTerminal as _, Stdout};
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use ratatui::Terminal;

use super::compose::{self, Behind, Loaded, Parts};
use super::console::{Console, Screen};
use super::{Failure, INTERNAL, OK, UNREADABLE};
use crate::app::message::Message;
use crate::app::model::Model;
use crate::config::settings::EnvironmentKind;
use crate::connect::registry::Connections;
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::engine::clock::{Clock, Pace, SystemClock};
use crate::engine::probe::Open;
use crate::safe;
use crate::store::audit::{DEV_LOG, Ground};
use crate::store::state::StateDir;
use crate::terminal::backend::{LeanBackend, SizeSource, known_size};
use crate::terminal::egress::{Allowed, Egress, SharedEgress};
use crate::terminal::features::{Features, can_draw, is_utf8};
use crate::terminal::session::Session;
use crate::terminal::{input, signal};
use crate::ui;
use crate::ui::theme::{Colors, Theme};

/// The terminal of this process, drawn by a theme.
struct Live {
    session: Session<Stdout>,
    terminal: Terminal<LeanBackend<SharedEgress<Stdout>>>,
    theme: Theme,
}

impl Screen for Live {
    fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal
            .draw(|frame| ui::draw(model, &self.theme, frame))
            .map(drop)
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().forget();
        self.terminal.clear()
    }

    fn bell(&mut self) -> io::Result<()> {
        self.session.bell()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Chooses the theme by flag, configuration and terminal.
fn theme(name: Option<&str>) -> Result<Theme, Failure> {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let (term, colorterm) = (variable("TERM"), variable("COLORTERM"));
    let colors = Colors::of_term(
        term.as_deref().unwrap_or_default(),
        colorterm.as_deref().unwrap_or_default(),
    );
    let (all, kind, lang) = (variable("LC_ALL"), variable("LC_CTYPE"), variable("LANG"));
    let utf8 = is_utf8(all.as_deref(), kind.as_deref(), lang.as_deref());
    Theme::choose(name, no_color, colors)
        .map(|theme| theme.with_ascii(!utf8))
        .map_err(|faults| Failure {
            code: UNREADABLE,
            faults: faults
                .into_iter()
                .map(|fault| Fault::new(fault.0))
                .collect(),
        })
}

fn open(theme: Theme) -> Result<Live, Failure> {
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
            .hint("`quell keys` and `quell audit show` print plain lines");
        return Err(Failure::one(UNREADABLE, fault));
    }
    let egress = SharedEgress::new(Egress::new(io::stdout(), Allowed::default()));
    let session = Session::open(egress.clone()).map_err(|error| failed(&error))?;
    let backend = LeanBackend::new(egress, SizeSource::Terminal, Features::of_term(&term));
    let terminal = Terminal::new(backend).map_err(|error| failed(&error))?;
    Ok(Live {
        session,
        terminal,
        theme,
    })
}

/// Joins the terminal's input with the signals that ask to end; an input that fails is the end of it.
fn messages() -> impl Stream<Item = Message> + Unpin {
    let keys = input::messages()
        .map(|read| read.unwrap_or(Message::Ended))
        .chain(futures::stream::once(std::future::ready(Message::Ended)));
    let ended = futures::stream::once(signal::ended()).map(|()| Message::Ended);
    Box::pin(futures::stream::select(keys, ended))
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
pub async fn show_exported(model: Model, theme_name: Option<&str>) -> Result<(), Failure> {
    let name = theme_name
        .map(str::to_owned)
        .or_else(|| model.settings.theme.clone());
    let mut live = open(theme(name.as_deref())?)?;
    super::activity::pane::run(model, &mut live, messages()).await;
    // The terminal is gone when this fails, and with it whoever could be told.
    let _ = live.session.leave();
    Ok(())
}

/// Shows the console on this terminal until it ends.
///
/// # Errors
/// When the theme, the state or the terminal cannot be used.
pub async fn show(
    loaded: Loaded,
    state: StateDir,
    theme_name: Option<&str>,
) -> Result<u8, Failure> {
    let name = theme_name
        .map(str::to_owned)
        .or_else(|| loaded.settings.theme.clone());
    let mut live = open(theme(name.as_deref())?)?;
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
    let console = Console {
        model,
        screen: &mut live,
        input: messages(),
        messages: news,
        engine,
        clock,
    };
    console.run().await;
    // The terminal is gone when this fails, and with it whoever could be told.
    let _ = live.session.leave();
    Ok(OK)
}
