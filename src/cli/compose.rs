//! Putting the console together: configuration, secrets, connections, audit log, model, screen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::User;
use tokio::sync::mpsc;

use super::{Failure, INTERNAL, UNREADABLE, library, log_folder, screen, systems};
use crate::app::command::COMMANDS;
use crate::app::keymap::{KeyFault, Keymap};
use crate::app::model::{Model, OwnLog, Start};
use crate::config;
use crate::config::parse::{Parsed, keys_of, parse};
use crate::config::policy::HostPolicy;
use crate::config::settings::{EnvironmentKind, Policy, Settings};
use crate::connect::registry::Connections;
use crate::connect::secret::Secret;
use crate::domain::audit::{Body, sha256_hex};
use crate::domain::escalation::Escalation;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::ConnectionName;
use crate::domain::runbook::choice::Runbooks;
use crate::domain::text::Untrusted;
use crate::engine::clock::{Clock, Pace, SystemClock};
use crate::engine::probe::Probe;
use crate::engine::{self, Engine};
use crate::safe;
use crate::store::audit::{AuditLog, Ground, HEAD, Identity};
use crate::store::files;
use crate::store::places::Places;
use crate::store::state::{StateDir, StateError};

/// Where the console finds its things.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Configuration given on the command line.
    pub config: Option<PathBuf>,
    /// State directory given on the command line.
    pub state: Option<PathBuf>,
    /// How it is to look.
    pub look: Look,
}

/// How whatever draws is to look, as far as the command line says.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Name of a theme, or path of a theme file.
    pub theme: Option<String>,
    /// Draws with ASCII only.
    pub ascii: bool,
}

impl Look {
    /// Chooses the theme: the command line, else the configuration, else what the terminal can do.
    ///
    /// # Errors
    /// With exit code 3 when there is no such theme or it cannot be read.
    pub(super) fn theme(&self, settings: &Settings) -> Result<crate::ui::theme::Theme, Failure> {
        let name = self.theme.as_deref();
        let name = name.or(settings.theme.as_deref());
        super::themes::choose(name, self.ascii || settings.ascii)
    }
}

/// Where the host's own rules stand: root's, whatever the user's configuration says.
#[derive(Clone, Debug)]
pub struct Host {
    /// The policy.
    pub policy: PathBuf,
    /// While this file is there nothing is sent.
    pub freeze: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            policy: PathBuf::from("/etc/quell/policy.toml"),
            freeze: PathBuf::from("/etc/quell/freeze"),
        }
    }
}

/// Joins the policy of the host, if it has one, with what the configuration adds.
///
/// # Errors
/// With exit code 3 when there is one that cannot be believed or read: no policy is not the same as a broken one.
pub fn host_policy(host: &Host, own: Policy) -> Result<Policy, Failure> {
    let Some(text) = host_text(host)? else {
        return Ok(own);
    };
    let policy = HostPolicy::parse(&text).map_err(|fault| {
        let place = Untrusted::new(host.policy.to_string_lossy());
        Failure::one(
            UNREADABLE,
            Fault::new(safe!("{}: {}", place.ident(), fault)),
        )
    })?;
    Ok(policy.joined_with(own))
}

/// Reads the policy of the host, if it has one.
fn host_text(host: &Host) -> Result<Option<String>, Failure> {
    files::read_host_if_there(&host.policy).map_err(|error| file_failure(&error))
}

/// A configuration that was read and found good.
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The keys.
    pub keymap: Keymap,
    /// All runbooks and the rules that choose one.
    pub runbooks: Arc<Runbooks>,
    /// The escalation path, where one is configured and can be read.
    pub escalation: Option<Arc<Escalation>>,
    /// Where addresses are.
    pub places: Arc<Places>,
    /// What is allowed but not good.
    pub warnings: Vec<Fault>,
}

/// Reads the configuration.
///
/// # Errors
/// Every fault of it at once, with exit code 3.
pub fn load(asked: Option<&Path>) -> Result<Loaded, Failure> {
    let path = files::config_path(asked).map_err(|error| file_failure(&error))?;
    if asked.is_none() && !path.exists() {
        let place = Untrusted::new(path.to_string_lossy());
        let fault = Fault::new(safe!("no configuration at {}", place.ident())).hint(
            "`quell init` writes one to start from, `quell drill` shows a simulated incident",
        );
        return Err(Failure::one(UNREADABLE, fault));
    }
    let text = files::read_config(&path).map_err(|error| file_failure(&error))?;
    let known: Vec<&str> = COMMANDS.iter().map(|spec| spec.id).collect();
    let name = path.to_string_lossy();
    let (keys, key_lines) = keys_of(&text, &known);
    let read = (parse(&text, &name, &known), Keymap::build(&keys));
    let (parsed, keymap) = match read {
        (Ok(parsed), Ok(keymap)) => (parsed, keymap),
        (parsed, keymap) => {
            let (of_text, of_keys) = (parsed.err(), keymap.err());
            let mut faults = of_text.unwrap_or_default();
            add_key_faults(&mut faults, of_keys.unwrap_or_default(), &key_lines, &name);
            return Err(Failure {
                code: UNREADABLE,
                faults: faults.iter().map(config_fault).collect(),
            });
        }
    };
    let Parsed {
        settings, warnings, ..
    } = parsed;
    let mut warnings: Vec<Fault> = warnings.iter().map(config_fault).collect();
    let shown = Untrusted::new(name.as_ref()).ident();
    let runbooks = library::runbooks(&settings.runbooks, &shown, &mut warnings);
    let places = places(&settings.timeline.places)?;
    let escalation = library::escalation(settings.escalation.as_deref(), &mut warnings);
    Ok(Loaded {
        settings,
        keymap,
        runbooks: Arc::new(runbooks),
        escalation: escalation.map(Arc::new),
        places: Arc::new(places),
        warnings,
    })
}

/// Puts the faults of chords between those of the text; a line that is wrong already has none.
fn add_key_faults(
    faults: &mut Vec<config::fault::Fault>,
    of_keys: Vec<KeyFault>,
    lines: &BTreeMap<String, u32>,
    file: &str,
) {
    let mut found: Vec<config::fault::Fault> = of_keys
        .into_iter()
        .map(|fault| config::fault::Fault {
            file: Untrusted::new(file).ident(),
            line: lines.get(&fault.command).copied().unwrap_or_default(),
            column: None,
            field: safe!("keys.{}", Untrusted::new(fault.command).field()),
            what: Untrusted::new(fault.what).line(),
            hint: fault.hint.map(|hint| Untrusted::new(hint).line()),
        })
        .collect();
    found.retain(|one| !faults.iter().any(|fault| fault.line == one.line));
    faults.extend(found);
    faults.sort_by_key(|fault| fault.line);
}

/// Reads the databases of places.
///
/// # Errors
/// With exit code 3 when one cannot be believed or read: a place that is silently missing is a finding that is.
pub fn places(paths: &[PathBuf]) -> Result<Places, Failure> {
    Places::open(paths).map_err(|error| {
        let what = Untrusted::new(error.to_string()).line();
        Failure::one(
            UNREADABLE,
            Fault {
                what,
                hint: error.hint(),
            },
        )
    })
}

pub(super) fn config_fault(fault: &config::fault::Fault) -> Fault {
    Fault {
        what: fault.line_shown(),
        hint: fault.hint.clone(),
    }
}

/// Says why a file that decides something cannot be used.
pub fn file_failure(error: &files::FileError) -> Failure {
    let what = Untrusted::new(error.to_string()).line();
    Failure::one(
        UNREADABLE,
        Fault {
            what,
            hint: error.hint(),
        },
    )
}

/// Says why the state directory cannot be used.
pub fn state_failure(error: &StateError) -> Failure {
    let what = Untrusted::new(error.to_string()).line();
    let hint = error.hint();
    Failure::one(UNREADABLE, Fault { what, hint })
}

/// Reads every secret; what cannot be had becomes a warning, and its connection a fault.
pub fn secrets(settings: &Settings) -> (BTreeMap<ConnectionName, Secret>, Vec<Fault>) {
    let mut secrets = BTreeMap::new();
    let mut faults = Vec::new();
    for connection in &settings.connections {
        match crate::store::secret::resolve(&connection.secret) {
            Ok(secret) => {
                let text = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
                secrets.insert(connection.name.clone(), Secret::new(text));
            }
            Err(error) => {
                let what = Untrusted::new(error.to_string()).line();
                let what = safe!("no secret for {}: {}", connection.name, what);
                faults.push(Fault {
                    what,
                    hint: error.hint(),
                });
            }
        }
    }
    (secrets, faults)
}

/// Gives the user of the operating system and the host, as the system knows them: what stands in the environment is anybody's
/// word.
pub fn identity() -> Identity {
    let uname = rustix::system::uname();
    let uid = rustix::process::getuid().as_raw();
    let known = User::from_uid(uid.into()).ok().flatten();
    Identity {
        host: Untrusted::new(uname.nodename().to_string_lossy()),
        uid,
        user: Untrusted::new(known.map_or_else(|| format!("uid-{uid}"), |user| user.name)),
    }
}

/// Everything behind the screen, running.
pub struct Behind {
    /// The model, with the records of earlier sessions folded in.
    pub model: Model,
    /// The engine.
    pub engine: Engine,
    /// News from it.
    pub messages: mpsc::Receiver<crate::app::message::Message>,
}

/// What the background is started with besides the configuration.
pub struct Parts {
    /// The configuration.
    pub loaded: Loaded,
    /// Connections.
    pub connections: Connections,
    /// Warnings to show first.
    pub warnings: Vec<Fault>,
    /// Where state lives.
    pub state: StateDir,
    /// What the audit log stands on.
    pub ground: Ground,
    /// The policy and the freeze switch of the host.
    pub host: Host,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long waits are.
    pub pace: Pace,
    /// What is passed at the named points.
    pub probe: Arc<dyn Probe>,
    /// Size of the terminal.
    pub size: (u16, u16),
}

/// Makes the model of a console that has not looked at anything yet.
pub fn blank(loaded: &Loaded, now: Moment, size: (u16, u16)) -> Model {
    Model::new(Start {
        settings: Arc::new(loaded.settings.clone()),
        keymap: Arc::new(loaded.keymap.clone()),
        runbooks: Arc::clone(&loaded.runbooks),
        escalation: loaded.escalation.clone(),
        os_user: identity().user,
        own_log: OwnLog::default(),
        now,
        size,
    })
}

/// Opens the log, records the start of the session, starts the engine. Needs a running tokio runtime.
///
/// # Errors
/// When the log cannot be opened, read or written.
pub fn start(parts: Parts) -> Result<Behind, Failure> {
    let Parts {
        loaded,
        connections,
        mut warnings,
        state,
        ground,
        host,
        clock,
        pace,
        probe,
        size,
    } = parts;
    let store = |error: &crate::store::audit::StoreError| {
        Failure::one(UNREADABLE, engine::journal::fault_of(error))
    };
    let wide = state.prepare().map_err(|error| state_failure(&error))?;
    let mended = log_folder::mended(&state, &wide);
    let (who, now) = (identity(), clock.now().utc);
    // Before the log is: one of other systems is not written to.
    let (systems, doubt) = systems::claim(&state, &loaded.settings, &who, &mended, now)?;
    let ground = Ground {
        head: Some(state.root().join(HEAD)),
        ..ground
    };
    let log = AuditLog::open_on(&state.audit(), who.clone(), ground)
        .map_err(|error| log_folder::not_opened(&error, &mended, now))?;
    warnings.extend(mended);
    warnings.extend(doubt);
    let beside = log_folder::of_other_hosts(&state.audit(), &who, now);
    let own_log = log_folder::own(&who, beside.as_ref());
    warnings.extend(beside);
    // Before this session writes to it. What cannot be looked at stays on the screen as what is broken does.
    let broken = log.look().unwrap_or_else(|error| {
        let what = safe!("the audit log cannot be read whole: {}", error.shown());
        let hint = error.hint();
        Some(Fault { what, hint })
    });
    let mut settings = loaded.settings;
    // Read before it is used: a change in between is then seen as one.
    let policy_text = host_text(&host)?;
    settings.policy = host_policy(&host, settings.policy)?;
    let settings = Arc::new(settings);
    let opened = Body::SessionOpen {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: settings.environment.name.clone(),
        mode: settings.environment.mode.word().to_owned(),
        os_user: who.user.clone(),
        operator: None,
        config_sha256: settings.sha256.clone(),
        policy_sha256: Some(sha256_hex(settings.policy.canonical().as_bytes())),
        drill: settings.environment.kind == EnvironmentKind::Drill,
        // The writer of the log has the key.
        public_key: None,
    };
    let is_remote = log.health().remote;
    log.append_blocking(vec![opened])
        .map_err(|error| store(&error))?;
    let entries = log.read_all().map_err(|error| store(&error))?;
    let mut model = Model::new(Start {
        settings: Arc::clone(&settings),
        keymap: Arc::new(loaded.keymap),
        runbooks: loaded.runbooks,
        escalation: loaded.escalation,
        os_user: who.user.clone(),
        own_log,
        now: clock.now(),
        size,
    });
    model.restore(&entries);
    for (name, error) in &connections.faults {
        warnings.push(Fault {
            what: safe!("{} cannot be used: {}", name, error.what),
            hint: error.hint.clone(),
        });
    }
    if is_remote {
        let what =
            "the audit log is on a network or user-space file system: locks and syncs promise less";
        warnings.push(Fault::new(what).hint("keep the state directory on a local disk: --state"));
    }
    for warning in loaded.warnings.into_iter().chain(warnings) {
        model.say(
            crate::app::message::Level::Warning,
            warning.what,
            warning.hint,
        );
    }
    if let Some(fault) = broken {
        let line = fault.clone();
        model.say(crate::app::message::Level::Error, line.what, line.hint);
        model.audit_broken = Some(fault);
    }
    let (tell, messages) = mpsc::channel(engine::QUEUE);
    let engine = Engine::start(engine::Start {
        in_doubt: model.audit_broken.is_some(),
        settings,
        cases: connections.cases,
        activity: connections.activity,
        alerts: connections.alerts,
        identity: connections.identity,
        identity_logs: connections.identity_logs,
        log,
        entries,
        systems,
        leases: state.leases(),
        drafts: state.drafts(),
        freeze: host.freeze,
        policy: host.policy,
        policy_text,
        os_user: who.user,
        uid: who.uid,
        places: loaded.places,
        messages: tell,
        clock,
        pace,
        probe,
    });
    Ok(Behind {
        model,
        engine,
        messages,
    })
}

/// Runs the console by its configuration.
///
/// # Errors
/// When the configuration, the state or the terminal cannot be used.
pub fn run_console(place: &Place) -> Result<u8, Failure> {
    let loaded = load(place.config.as_deref())?;
    let state = state_of(&loaded, place)?;
    // Secrets are read only by a process that nobody can look into.
    crate::store::process::harden().map_err(|error| {
        Failure::one(
            INTERNAL,
            Fault::new(Untrusted::new(error.to_string()).line()),
        )
    })?;
    let runtime = runtime()?;
    runtime.block_on(screen::show(loaded, state, &place.look))
}

/// Finds the state of a configuration: a drill's is never the real one.
///
/// # Errors
/// When no place is given and no home is known.
pub fn state_of(loaded: &Loaded, place: &Place) -> Result<StateDir, Failure> {
    let drill = loaded.settings.environment.kind == EnvironmentKind::Drill;
    StateDir::locate(place.state.as_deref(), drill && place.state.is_none())
        .map_err(|error| state_failure(&error))
}

/// Makes the runtime of the background.
///
/// # Errors
/// When the machine has no threads left.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::one(
                INTERNAL,
                Fault::new(Untrusted::new(error.to_string()).line()),
            )
        })
}

/// Gives the moment of now, for what is shown before the loop runs.
pub fn now() -> Moment {
    SystemClock.now()
}
