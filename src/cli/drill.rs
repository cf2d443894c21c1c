//! `quell drill`: the simulated company, and the ordinary console with an ordinary configuration pointed at it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, INTERNAL, OK, compose};
use crate::domain::fault::Fault;
use crate::domain::ids::RecordId;
use crate::domain::text::Untrusted;
use crate::drill::wire::Idp;
use crate::drill::{self, Drill, Endpoint, Pace};
use crate::safe;
use crate::store::state::{StateDir, make_private};

/// Runs kept; older ones are removed when a new one starts.
const RUNS_KEPT: usize = 10;

/// How the drill is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seed of the company and the attack.
    pub seed: u64,
    /// Whose interface the identity provider speaks.
    pub idp: Idp,
    /// Seconds between two acts.
    pub pace: u64,
    /// More cases.
    pub cases: usize,
    /// More events.
    pub events: usize,
}

impl Options {
    fn for_servers(self) -> drill::Options {
        drill::Options {
            seed: self.seed,
            idp: self.idp,
            pace: Pace::Every(Duration::from_secs(self.pace)),
            cases: self.cases,
            events: self.events,
            vendor_pace: true,
            ..drill::Options::default()
        }
    }
}

fn failed(what: &'static str, error: &io::Error) -> Failure {
    let cause = Untrusted::new(error.to_string());
    Failure::one(INTERNAL, Fault::new(safe!("{}: {}", what, cause.line())))
}

/// Serves until stopped, after one line of JSON that says where.
///
/// # Errors
/// When no loopback port can be opened.
pub fn serve(options: &Options) -> Result<u8, Failure> {
    compose::runtime()?.block_on(async {
        let drill = Drill::start(options.for_servers())
            .await
            .map_err(|error| failed("failed to open the drill's servers", &error))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", drill.servers())
            .and_then(|()| out.flush())
            .map_err(|error| failed("failed to print the drill's addresses", &error))?;
        drop(out);
        crate::terminal::signal::ended().await;
        Ok(OK)
    })
}

/// Runs the console against a company of its own.
///
/// # Errors
/// When the servers, the state or the terminal cannot be used.
pub fn run(options: &Options, state: Option<&Path>, look: &compose::Look) -> Result<u8, Failure> {
    let place = StateDir::locate(state, true).map_err(|error| compose::state_failure(&error))?;
    let run = new_run(place.root())?;
    crate::store::process::harden().map_err(|error| {
        Failure::one(
            INTERNAL,
            Fault::new(Untrusted::new(error.to_string()).line()),
        )
    })?;
    let runtime = compose::runtime()?;
    let code = runtime.block_on(async {
        let drill = Drill::start(options.for_servers())
            .await
            .map_err(|error| failed("failed to open the drill's servers", &error))?;
        let config = write_config(&run, &drill)
            .and_then(|config| write_places(&run, &drill).map(|()| config))
            .map_err(|error| failed("failed to write the drill's configuration", &error))?;
        point_to_last(place.root(), &run);
        let loaded = compose::load(Some(&config))?;
        let state =
            StateDir::locate(Some(&run), false).map_err(|error| compose::state_failure(&error))?;
        let code = Box::pin(super::screen::show(loaded, state, look)).await?;
        epilogue(&drill, &run, &config).map_err(|error| failed("failed to print", &error))?;
        Ok(code)
    });
    drop(runtime);
    code
}

/// Says after the console how it ended and where everything of this run is.
fn epilogue(drill: &Drill, run: &Path, config: &Path) -> io::Result<()> {
    // He tries once more, so that the answer is not older than what was done last.
    drill.advance(1);
    let shown = |path: &Path| Untrusted::new(path.to_string_lossy()).ident();
    let ledger = drill.ledger();
    let count = |kind| ledger.targets(kind).len();
    let mut out = io::stdout().lock();
    let inside = if drill.attacker_inside() {
        "still inside"
    } else {
        "out"
    };
    writeln!(out, "the attacker   {inside}")?;
    writeln!(
        out,
        "servers saw    {} suspended, {} sessions cleared, {} commented",
        count("suspend"),
        count("clear_sessions"),
        count("comment")
    )?;
    writeln!(out, "drill state    {}", shown(run))?;
    writeln!(out, "configuration  {}", shown(config))?;
    writeln!(out, "check the log  quell audit verify --drill")
}

/// Writes where the servers are, for programs, and the question for the comments of the story's case, for `curl -K`.
///
/// The token stands in the file only, so that it is in no list of processes and in no shell's history.
///
/// # Errors
/// When a file cannot be written.
pub fn write_places(dir: &Path, drill: &Drill) -> io::Result<()> {
    private_file(&dir.join("drill.json"), &format!("{}\n", drill.servers()))?;
    let cases = drill.cases();
    let question = serde_json::json!({"query": [
        {"_name": "getCase", "idOrName": drill.story_case().to_string()},
        {"_name": "comments"},
    ]});
    // curl reads the escapes of a quoted value as JSON writes them.
    let quoted = serde_json::Value::String(question.to_string());
    let text = format!(
        "# curl -sK THIS_FILE shows the comments of case #{}\nurl = \"{}/api/v1/query\"\nheader = \"Authorization: Bearer {}\"\n\
         header = \"Content-Type: application/json\"\ndata = {quoted}\n",
        drill.story_case(),
        cases.url,
        cases.token,
    );
    private_file(&dir.join("comments.curl"), &text)
}

/// Lets `last` lead to the newest run; a drill without it is as good.
fn point_to_last(root: &Path, run: &Path) {
    let Some(name) = run.file_name() else { return };
    let (link, fresh) = (root.join("last"), root.join("last.new"));
    let _ = fs::remove_file(&fresh);
    if std::os::unix::fs::symlink(name, &fresh).is_ok() {
        let _ = fs::rename(&fresh, &link);
    }
}

/// Makes the folder of a new run and forgets runs long past.
fn new_run(root: &Path) -> Result<PathBuf, Failure> {
    make_private(root).map_err(|error| compose::state_failure(&error))?;
    let mut runs = runs(root);
    while runs.len() >= RUNS_KEPT {
        // A run that stays behind is only litter.
        let _ = fs::remove_dir_all(runs.remove(0));
    }
    let id = RecordId::from_parts(compose::now().utc, crate::engine::clock::random());
    let run = root.join(format!("run-{id}"));
    make_private(&run).map_err(|error| compose::state_failure(&error))?;
    Ok(run)
}

/// Lists the runs, oldest first: their names sort by time.
fn runs(root: &Path) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("run-"))
        })
        .collect();
    runs.sort();
    runs
}

/// Tells whether the servers of a run still answer: a port that takes a connection is somebody's.
pub(super) fn is_running(run: &Path) -> bool {
    let text = fs::read_to_string(run.join("drill.json")).unwrap_or_default();
    let places: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let url = places["cases"]["url"].as_str().unwrap_or_default();
    let address = url
        .strip_prefix("http://")
        .and_then(|rest| rest.parse().ok());
    let soon = Duration::from_millis(300);
    address.is_some_and(|at| std::net::TcpStream::connect_timeout(&at, soon).is_ok())
}

/// Gives the folder of the last run; of none, one that is not there.
pub fn last_run(root: &Path) -> PathBuf {
    runs(root).pop().unwrap_or_else(|| root.join("run-none"))
}

fn private_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Writes the configuration of a drill and the files of its secrets.
///
/// # Errors
/// When a file cannot be written.
pub fn write_config(dir: &Path, drill: &Drill) -> io::Result<PathBuf> {
    let secret = |name: &str, endpoint: &Endpoint| {
        let path = dir.join(format!("{name}.token"));
        private_file(&path, endpoint.token)?;
        Ok::<String, io::Error>(
            toml::Value::String(path.to_string_lossy().into_owned()).to_string(),
        )
    };
    let (cases, siem, identity) = (drill.cases(), drill.siem(), drill.identity());
    let client = identity.client.map(|(realm, client)| {
        let client = format!("client_id = \"{client}\"\n");
        match identity.vendor {
            "entra" => format!(
                "tenant = \"{realm}\"\n{client}login = \"{}\"\n",
                identity.url
            ),
            _ => format!("realm = \"{realm}\"\n{client}"),
        }
    });
    let subject = identity
        .subject
        .map(|subject| format!("subject = \"{subject}\"\n"));
    let client = client.or(subject).unwrap_or_default();
    let text = format!(
        r#"# The configuration of a drill: like any other, but every address is this machine's own.
[environment]
name = "acme"
kind = "drill"
mode = "live"

[[connection]]
name = "hive"
vendor = "{}"
url = "{}"
secret = {{ file = {} }}
poll = "10s"
case_user = [{{ observable = "mail" }}, {{ observable = "username" }}, {{ field = "user" }}, {{ tag_prefix = "user:" }}, "alert_user_name"]

[[connection]]
name = "elastic"
vendor = "{}"
url = "{}"
secret = {{ file = {} }}
poll = "10s"

[[connection]]
name = "{}"
vendor = "{}"
url = "{}"
secret = {{ file = {} }}
poll = "30s"
{client}
[sla]
critical = "15m"
high = "1h"
medium = "8h"

[policy]
protected = ["breakglass-01@acme.example"]
protected_groups = ["Break-glass"]
"#,
        cases.vendor,
        cases.url,
        secret("hive", cases)?,
        siem.vendor,
        siem.url,
        secret("elastic", siem)?,
        identity.vendor,
        identity.vendor,
        identity.url,
        secret(identity.vendor, identity)?,
    );
    let path = dir.join("config.toml");
    private_file(&path, &text)?;
    Ok(path)
}
