//! The whole console in this process: keys in, the drill's servers behind it, every frame out.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use quell::app::keymap::Chord;
use quell::app::message::Message;
use quell::app::model::{Layer, Model};
use quell::cli::compose::{self, Behind, Host, Parts};
use quell::cli::console::{Console, Screen};
use quell::connect::http::Limits;
use quell::connect::registry::Connections;
use quell::domain::audit::Entry;
use quell::domain::freshness::Moment;
use quell::domain::text::Safe;
use quell::drill::{Drill, Options, Pace as DrillPace};
use quell::engine::clock::{Clock, Pace, SystemClock};
use quell::engine::probe::{Open, Probe};
use quell::store::audit::Ground;
use quell::store::state::StateDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Longest wait for anything; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same where the console waits as long as it really does.
const UNSCALED: Duration = Duration::from_secs(1_500);

/// Size of the terminal where a test does not say.
const SIZE: (u16, u16) = (120, 40);

/// The system's clocks, with a boot clock that a test can move; or clocks that stand still until moved.
#[derive(Clone, Default)]
pub struct TestClock {
    ahead: Arc<Mutex<Duration>>,
    later: Arc<Mutex<Duration>>,
    still: Option<Moment>,
}

impl TestClock {
    /// Stands still; only the boot clock can be moved.
    pub fn still(at: Moment) -> Self {
        Self {
            still: Some(at),
            ..Self::default()
        }
    }

    pub fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// Moves the wall clock only, as if nobody had been away.
    pub fn pass(&self, by: Duration) {
        *self.later.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        let now = self.still.unwrap_or_else(|| SystemClock.now());
        let later = *self.later.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Moment {
            boot: now.boot + ahead,
            utc: now.utc + later,
        }
    }
}

impl quell::store::audit::Clock for TestClock {
    fn wall(&self) -> chrono::DateTime<chrono::Utc> {
        self.now().utc
    }

    fn boot_us(&self) -> u64 {
        u64::try_from(self.now().boot.as_micros()).expect("this century")
    }
}

/// What a console under test is started with.
pub struct Setting {
    pub clock: TestClock,
    pub size: (u16, u16),
    pub ground: Ground,
    pub host: Host,
    pub limits: Limits,
    pub pace: Pace,
    pub probe: Arc<dyn Probe>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            clock: TestClock::default(),
            size: SIZE,
            ground: Ground::default(),
            host: no_host(),
            limits: limits(),
            pace: Pace::scaled(0.02),
            probe: Arc::new(Open),
        }
    }
}

/// The last model drawn; behind a lock because the text area in it is not `Sync`.
type Seen = Arc<Mutex<Model>>;

/// A screen that keeps the last model it was asked to draw.
struct Watched {
    model: watch::Sender<Seen>,
    bells: Arc<Mutex<usize>>,
    titles: Arc<Mutex<Vec<bool>>>,
    quiet: Arc<AtomicBool>,
}

impl Screen for Watched {
    fn draw(&mut self, model: &Model) -> io::Result<bool> {
        if !self.quiet.load(Ordering::Relaxed) {
            self.model.send_replace(Arc::new(Mutex::new(model.clone())));
        }
        Ok(true)
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn redraw(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn copy(&mut self, _text: &Safe) -> io::Result<bool> {
        Ok(true)
    }

    fn bell(&mut self) -> io::Result<()> {
        *self.bells.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    fn title(&mut self, waits: bool) -> io::Result<()> {
        let mut titles = self.titles.lock().unwrap_or_else(PoisonError::into_inner);
        titles.push(waits);
        Ok(())
    }
}

/// A console under test.
pub struct TestApp {
    pub clock: TestClock,
    input: mpsc::UnboundedSender<Message>,
    model: watch::Receiver<Seen>,
    bells: Arc<Mutex<usize>>,
    titles: Arc<Mutex<Vec<bool>>>,
    running: tokio::task::JoinHandle<Model>,
    quiet: Arc<AtomicBool>,
    marks: u16,
    size: (u16, u16),
    patience: Duration,
    // Of its own, so that killing the console takes every task of it along.
    runtime: Option<Runtime>,
}

/// Starts the drill's servers; the attacker acts only when told to.
pub async fn company() -> Drill {
    company_of(Options::default()).await
}

/// Starts servers of another shape.
pub async fn company_of(options: Options) -> Drill {
    let options = Options {
        pace: DrillPace::Manual,
        ..options
    };
    Drill::start(options)
        .await
        .expect("the drill opens its servers on loopback")
}

/// A host without rules of its own.
pub fn no_host() -> Host {
    Host {
        policy: "/nonexistent/quell/policy.toml".into(),
        freeze: "/nonexistent/quell/freeze".into(),
    }
}

/// Limits that end a test soon; their order is that of the real ones.
pub fn limits() -> Limits {
    Limits {
        read_total: Duration::from_secs(4),
        write_total: Duration::from_millis(2_500),
        back_off: Duration::from_millis(5),
        back_off_cap: Duration::from_millis(50),
        breaker_pause: Duration::from_millis(50),
        ..Limits::default()
    }
}

impl TestApp {
    /// Starts a console against the servers, with its state in a directory.
    pub fn start(drill: &Drill, state: &Path) -> Self {
        Self::start_with(drill, state, Ground::default(), |text| text)
    }

    /// Starts a console whose log stands on another ground and whose configuration was edited.
    pub fn start_with(
        drill: &Drill,
        state: &Path,
        ground: Ground,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let setting = Setting {
            ground,
            ..Setting::default()
        };
        Self::start_in(drill, state, setting, edit)
    }

    /// Starts a console on a host with rules of its own.
    pub fn start_on(
        drill: &Drill,
        state: &Path,
        ground: Ground,
        host: Host,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let setting = Setting {
            ground,
            host,
            ..Setting::default()
        };
        Self::start_in(drill, state, setting, edit)
    }

    /// Starts a console in a setting of its own.
    pub fn start_in(
        drill: &Drill,
        state: &Path,
        setting: Setting,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let config =
            quell::cli::drill::write_config(state, drill).expect("the configuration is written");
        let text = std::fs::read_to_string(&config).expect("it was written a line above");
        std::fs::write(&config, edit(text)).expect("it can be written again");
        Self::start_from(&config, state, setting)
    }

    /// Starts a console by a configuration that is there, against servers that may be another process's.
    pub fn start_from(config: &Path, state: &Path, setting: Setting) -> Self {
        let Setting {
            clock,
            size,
            ground,
            host,
            limits,
            pace,
            probe,
        } = setting;
        let patience = if pace == Pace::REAL {
            UNSCALED
        } else {
            PATIENCE
        };
        let loaded =
            compose::load(Some(config)).unwrap_or_else(|failure| panic!("{:?}", failure.faults));
        let (secrets, warnings) = compose::secrets(&loaded.settings);
        let connections = Connections::build_with(&loaded.settings, secrets, &limits);
        let parts = Parts {
            loaded,
            connections,
            warnings,
            state: StateDir::locate(Some(state), false).expect("an explicit path needs no home"),
            ground,
            host,
            clock: Arc::new(clock.clone()),
            pace,
            probe,
            size,
        };
        let runtime = Runtime::new().expect("the machine has threads left");
        let entered = runtime.enter();
        let Behind {
            model,
            engine,
            messages,
        } = compose::start(parts).unwrap_or_else(|failure| panic!("{:?}", failure.faults));
        drop(entered);
        let (input, keys) = mpsc::unbounded_channel();
        let (seen, watched) = watch::channel(Arc::new(Mutex::new(model.clone())));
        let bells = Arc::new(Mutex::new(0));
        let titles = Arc::default();
        let quiet = Arc::new(AtomicBool::new(false));
        let mut screen = Watched {
            model: seen,
            bells: Arc::clone(&bells),
            titles: Arc::clone(&titles),
            quiet: Arc::clone(&quiet),
        };
        let shared_clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let running = runtime.spawn(async move {
            let input = futures::stream::unfold(keys, |mut keys| async {
                keys.recv().await.map(|message| (message, keys))
            })
            .boxed();
            let screen = &mut screen;
            Console {
                model,
                screen,
                input,
                messages,
                engine,
                clock: shared_clock,
            }
            .run()
            .await
        });
        Self {
            clock,
            input,
            model: watched,
            bells,
            titles,
            running,
            quiet,
            marks: 0,
            size,
            patience,
            runtime: Some(runtime),
        }
    }

    /// Types keys: letters as they are, others as `<Enter>`.
    pub fn keys(&self, keys: &str) -> &Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest
                .strip_prefix('<')
                .and_then(|after| after.split_once('>'))
                .and_then(|(name, after)| Chord::parse(name).ok().map(|chord| (chord, after)));
            let (chord, after) = named.unwrap_or_else(|| {
                let mut chars = rest.chars();
                chars.next();
                (Chord::char(first), chars.as_str())
            });
            self.send(Message::Key(chord));
            rest = after;
        }
        self
    }

    /// Sends any message as the terminal would.
    pub fn send(&self, message: Message) {
        self.input.send(message).expect("the console is running");
    }

    /// Gives the model as it was last drawn.
    pub fn model(&self) -> Model {
        copy(&self.model.borrow())
    }

    /// Gives the last frame as text.
    pub fn screen(&self) -> String {
        super::screen::text(&self.model(), self.size)
    }

    /// Waits until a frame shows something.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Model) -> bool) -> Model {
        // A dialog takes keys only once the console knows that it is on the screen, which is a frame later.
        let mut settled = |model: &Model| {
            !model.layers.last().is_some_and(Layer::waits_for_screen) && holds(model)
        };
        let waiting = self.model.wait_for(|seen| settled(&locked(seen)));
        let found = tokio::time::timeout(self.patience, waiting).await;
        let found = found.map(|seen| seen.map(|model| copy(&model)));
        match found {
            Ok(Ok(model)) => model,
            Ok(Err(_)) => panic!("the console ended before: {what}"),
            Err(_) => {
                let log: Vec<_> = self
                    .model()
                    .log
                    .iter()
                    .map(|line| line.text.to_string())
                    .collect();
                panic!(
                    "never happened: {what}; messages: {log:#?}\n{}",
                    self.screen()
                )
            }
        }
    }

    /// Waits until every key sent so far was answered by a frame.
    pub async fn sync(&mut self) -> Model {
        self.marks += 1;
        // A size that no screen has, and then the real one again: half a page is half of it.
        self.resize((self.size.0, 1_000 + self.marks)).await;
        self.resize(self.size).await
    }

    /// Makes the terminal another size and waits for the frame.
    async fn resize(&mut self, size: (u16, u16)) -> Model {
        let (width, height) = size;
        self.send(Message::Resized { width, height });
        self.until("the keys are answered", |model| model.size == size)
            .await
    }

    /// Gives what the title of the window said, one after another: whether something waits for a person.
    pub fn titles(&self) -> Vec<bool> {
        self.titles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives how often the bell rang.
    pub fn bells(&self) -> usize {
        *self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops showing frames, or shows them again.
    pub fn quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Relaxed);
    }

    /// Ends the console as SIGTERM would and gives the last model.
    pub async fn end(mut self) -> Model {
        // It may have ended by itself.
        let _ = self.input.send(Message::Ended);
        let running = &mut self.running;
        let model = running.await.expect("the loop does not panic");
        self.stop();
        model
    }

    /// Ends the console as SIGKILL would: nothing finishes, and nothing goes on after this returned.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            tokio::task::block_in_place(|| runtime.shutdown_timeout(Duration::from_secs(5)));
        }
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

fn locked(seen: &Seen) -> std::sync::MutexGuard<'_, Model> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy(seen: &Seen) -> Model {
    locked(seen).clone()
}

/// Reads the records of a console's log.
pub fn records(state: &Path) -> Vec<Entry> {
    quell::store::audit::read(&state.join("audit")).expect("the log can be read")
}
