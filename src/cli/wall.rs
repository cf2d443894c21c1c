//! `quell wall`: the display across the room, made of connections that cannot write.
//!
//! It opens no log for writing, records nothing, reads no secret of an identity provider, and needs no keyboard. What
//! must not live here: what it knows (`app::wall`), what it draws (`ui::wall`).

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::compose::{self, Place};
use super::screen::{self, Live, Use};
use super::{Failure, INTERNAL, OK, UNREADABLE, drill};
use crate::app::message::Message;
use crate::app::wall::{News, Wall};
use crate::config::settings::{Names, Wall as Shown};
use crate::config::terminal::TerminalSettings;
use crate::connect::http::Limits;
use crate::connect::watching::{Watching, watched};
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::engine::clock::{Clock, Pace, SystemClock};
use crate::engine::wall::{self as behind, QUEUE};
use crate::store::state::StateDir;
use crate::terminal::input::{self, Synchronized};
use crate::terminal::signal;
use crate::ui;

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(500);

/// Longest sleep, so that a machine that was suspended is not believed for longer.
const SLEEP: Duration = Duration::from_secs(30);

/// What the wall is told on the command line.
#[derive(Debug, Args)]
pub struct Asked {
    /// Watches the newest drill of this host.
    #[arg(long, conflicts_with = "config")]
    drill: bool,
    /// Names of users and titles of cases: shortened, or in full. Instead of the configuration.
    #[arg(long, value_enum, value_name = "HOW")]
    names: Option<NamesAsked>,
    /// Seconds a page stands, where there are several. Instead of the configuration.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=600))]
    page: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NamesAsked {
    Short,
    Full,
}

impl Asked {
    /// Joins the configuration with what was asked for.
    fn shown(&self, configured: Shown) -> Shown {
        Shown {
            names: match self.names {
                None => configured.names,
                Some(NamesAsked::Short) => Names::Short,
                Some(NamesAsked::Full) => Names::Full,
            },
            page: self.page.map_or(configured.page, Duration::from_secs),
        }
    }
}

/// Where frames of a wall go.
pub trait Screen {
    /// Draws the wall; writes nothing when nothing changed.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn draw(&mut self, wall: &Wall) -> io::Result<()>;
}

impl Screen for Live {
    fn draw(&mut self, wall: &Wall) -> io::Result<()> {
        self.paint(|theme, frame| ui::wall::draw(wall, theme, frame))
    }
}

/// A wall writes frames and nothing else.
const QUIET: TerminalSettings = TerminalSettings {
    copy: false,
    bell: false,
    title: false,
};

/// Runs the wall by its configuration until it is told to end.
///
/// # Errors
/// When the configuration, the theme or the terminal cannot be used.
pub fn run(place: &Place, asked: &Asked) -> Result<u8, Failure> {
    let place = if asked.drill {
        &of_the_drill(place)?
    } else {
        place
    };
    let loaded = compose::load(place.config.as_deref())?;
    let audit = match beside(place) {
        Some(run) => run.join("audit"),
        None => compose::state_of(&loaded, place)?.audit(),
    };
    // Secrets are read only by a process that nobody can look into.
    crate::store::process::harden().map_err(|error| {
        Failure::one(
            INTERNAL,
            Fault::new(Untrusted::new(error.to_string()).line()),
        )
    })?;
    let theme = place.look.theme(&loaded.settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::one(
                INTERNAL,
                Fault::new(Untrusted::new(error.to_string()).line()),
            )
        })?;
    let signals = {
        let _within = runtime.enter();
        signals()
    };
    let has_keys = io::stdin().is_terminal();
    let used = if has_keys { Use::Keyboard } else { Use::Show };
    let mut live = screen::open(theme, QUIET, used)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = Arc::new(watched(&loaded.settings));
    let shown = asked.shown(loaded.settings.wall);
    let wall = Wall::new(&loaded.settings, Arc::clone(&settings), shown, clock.now());
    // Something is seen before any secret or network is waited for. A terminal that is gone is found by the loop.
    let _ = live.draw(&wall);
    // A connection without a secret says so itself, in the list of the sources.
    let (secrets, _) = compose::secrets(&settings);
    let watching = Watching::build(&settings, secrets, &Limits::default());
    runtime.block_on(async {
        let (tell, news) = mpsc::channel(QUEUE);
        let tasks = behind::start(behind::Start {
            watching,
            settings,
            audit,
            news: tell,
            clock: Arc::clone(&clock),
            pace: Pace::REAL,
        });
        let keys = has_keys.then(|| live.synchronized());
        let terminal = terminal(keys, signals);
        show(wall, &mut live, terminal, news, clock.as_ref()).await;
        drop(tasks);
    });
    // Reading the log may wait for a disk; nothing of it is needed any more.
    runtime.shutdown_background();
    // The terminal is gone when this fails, and with it whoever could be told.
    let _ = live.leave();
    Ok(OK)
}

/// Finds configuration and state of the newest drill.
fn of_the_drill(place: &Place) -> Result<Place, Failure> {
    let root = StateDir::locate(place.state.as_deref(), true)
        .map_err(|error| compose::state_failure(&error))?;
    let run: PathBuf = drill::last_run(root.root());
    let config = run.join("config.toml");
    if !config.exists() {
        let fault = Fault::new("there is no drill to watch")
            .hint("start `quell drill` in another terminal first");
        return Err(Failure::one(UNREADABLE, fault));
    }
    Ok(Place {
        config: Some(config),
        state: Some(run),
        look: place.look.clone(),
    })
}

/// Gives the folder of a drill's run, when the configuration given is the one in it.
fn beside(place: &Place) -> Option<PathBuf> {
    let run = place.config.as_deref()?.parent()?;
    let is_run = place.state.is_none() && run.join("drill.json").exists();
    is_run.then(|| run.to_owned())
}

/// Gives changes of the size and signals that ask to end; they are heard from this call on.
fn signals() -> impl Stream<Item = Message> + Unpin {
    let resized = signal::resized().map(|()| Message::Drawn);
    let ended = futures::stream::once(signal::ended()).map(|()| Message::Ended);
    Box::pin(futures::stream::select(resized, ended))
}

/// Joins keys and signals. Where there is no keyboard only signals end the wall; one that goes away is no reason to end: a
/// hang-up is told by its signal.
fn terminal(
    keys: Option<Synchronized>,
    signals: impl Stream<Item = Message>,
) -> impl Stream<Item = Message> + Unpin {
    let keys = match keys {
        Some(synchronized) => input::messages(synchronized).left_stream(),
        None => futures::stream::pending().right_stream(),
    };
    Box::pin(futures::stream::select(keys, signals))
}

/// Shows the wall until it ends: news in, frames out, never more than two a second.
///
/// A terminal that cannot be written ends it.
pub async fn show(
    mut wall: Wall,
    screen: &mut impl Screen,
    mut terminal: impl Stream<Item = Message> + Unpin,
    mut news: mpsc::Receiver<News>,
    clock: &dyn Clock,
) -> Wall {
    let mut drawn: Option<Instant> = None;
    let mut pending = true;
    let mut listening = true;
    loop {
        let due = drawn.map_or_else(Instant::now, |at| at + FRAME);
        let wake = Instant::now() + until_change(&wall, clock);
        let told = tokio::select! {
            biased;
            told = terminal.next(), if listening => {
                let Some(message) = told else {
                    listening = false;
                    continue;
                };
                News::Terminal(message)
            }
            () = tokio::time::sleep_until(due), if pending => {
                // Time may have passed since the last news.
                wall.update(clock.now(), News::Tick);
                if screen.draw(&wall).is_err() {
                    return wall;
                }
                drawn = Some(Instant::now());
                pending = false;
                continue;
            }
            Some(told) = news.recv() => told,
            () = tokio::time::sleep_until(wake) => News::Tick,
        };
        pending |= wall.may_show(&told);
        if !wall.update(clock.now(), told) {
            return wall;
        }
    }
}

/// Gives how long nothing changes by itself: until the next minute of the clock, or the next page.
fn until_change(wall: &Wall, clock: &dyn Clock) -> Duration {
    let now = clock.now();
    let second = now.utc.timestamp().rem_euclid(60);
    let minute = Duration::from_secs(60 - second.unsigned_abs());
    let page = wall.next_turn().saturating_sub(now.boot);
    // Behind the change, not before it.
    minute.min(page).min(SLEEP) + Duration::from_millis(20)
}
