//! `quell init`: writes a commented configuration, from flags, from answers, or as a sample; and says what is next.
//!
//! What is written is DRY RUN. It asks only where somebody sits at a terminal and gave no flag. What must not live here:
//! the text of the sample (`config::sample`).

mod filled;

use std::fs;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use clap::Args;
use clap::builder::ArgPredicate;

use self::filled::{Answers, System};
use super::{Failure, INTERNAL, OK, UNREADABLE, USAGE, broken_pipe, compose};
use crate::app::command::COMMANDS;
use crate::config::parse::parse;
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::files;

/// What an address of Keycloak alone is of no use without.
const WITH_KEYCLOAK: [(ArgPredicate, &str); 2] = [
    (ArgPredicate::IsPresent, "keycloak_realm"),
    (ArgPredicate::IsPresent, "keycloak_client"),
];

/// What the configuration is to say.
#[derive(Debug, Default, Args)]
pub struct Asked {
    /// Name of the environment, shown in the status line.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Address of TheHive.
    #[arg(long, value_name = "URL")]
    thehive: Option<String>,
    /// Where its key comes from: file:PATH, credential:NAME, env:NAME, or "command:PATH ARGUMENT...".
    #[arg(long, value_name = "SOURCE", requires = "thehive")]
    thehive_secret: Option<String>,
    /// Address of Elasticsearch.
    #[arg(long, value_name = "URL")]
    elasticsearch: Option<String>,
    /// Where its key comes from.
    #[arg(long, value_name = "SOURCE", requires = "elasticsearch")]
    elasticsearch_secret: Option<String>,
    /// Address of Okta.
    #[arg(long, value_name = "URL")]
    okta: Option<String>,
    /// Where its token comes from.
    #[arg(long, value_name = "SOURCE", requires = "okta")]
    okta_secret: Option<String>,
    /// Address of Keycloak.
    #[arg(long, value_name = "URL", requires_ifs = WITH_KEYCLOAK)]
    keycloak: Option<String>,
    /// Its realm.
    #[arg(long, value_name = "NAME", requires = "keycloak")]
    keycloak_realm: Option<String>,
    /// The client it is spoken to as.
    #[arg(long, value_name = "ID", requires = "keycloak")]
    keycloak_client: Option<String>,
    /// Where the secret of the client comes from.
    #[arg(long, value_name = "SOURCE", requires = "keycloak")]
    keycloak_secret: Option<String>,
    /// Tenant of Microsoft Entra ID.
    #[arg(long, value_name = "ID", requires = "entra_client")]
    entra: Option<String>,
    /// The application it is spoken to as.
    #[arg(long, value_name = "ID", requires = "entra")]
    entra_client: Option<String>,
    /// Where the secret of the application comes from.
    #[arg(long, value_name = "SOURCE", requires = "entra")]
    entra_secret: Option<String>,
    /// The administrator of Google Workspace that the service account acts for.
    #[arg(long, value_name = "MAIL")]
    google: Option<String>,
    /// Where the key file of the service account comes from.
    #[arg(long, value_name = "SOURCE", requires = "google")]
    google_secret: Option<String>,
    /// Asks nothing: without other flags the sample is written as it is.
    #[arg(long)]
    sample: bool,
}

impl Asked {
    fn answers(&self) -> Answers {
        let system =
            |vendor, fields: &[(&'static str, &Option<String>)], secret: &Option<String>| {
                let (_, first) = fields.first()?;
                first.as_ref()?;
                let known = fields
                    .iter()
                    .filter_map(|(name, value)| Some((*name, value.as_ref()?.clone())));
                Some(System {
                    vendor,
                    fields: known.collect(),
                    secret: secret.clone(),
                })
            };
        let systems = [
            system("thehive", &[("url", &self.thehive)], &self.thehive_secret),
            system(
                "elasticsearch",
                &[("url", &self.elasticsearch)],
                &self.elasticsearch_secret,
            ),
            system("okta", &[("url", &self.okta)], &self.okta_secret),
            system(
                "keycloak",
                &[
                    ("url", &self.keycloak),
                    ("realm", &self.keycloak_realm),
                    ("client_id", &self.keycloak_client),
                ],
                &self.keycloak_secret,
            ),
            system(
                "entra",
                &[("tenant", &self.entra), ("client_id", &self.entra_client)],
                &self.entra_secret,
            ),
            system("google", &[("subject", &self.google)], &self.google_secret),
        ];
        Answers {
            name: self.name.clone(),
            systems: systems.into_iter().flatten().collect(),
        }
    }
}

/// What is asked for a system: its vendor, what it is called, and the fields with the words that ask for them. The first
/// one left empty leaves the system out; the others are needed then.
type Questions = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const FIRST: [Questions; 2] = [
    ("thehive", "TheHive", &[("url", "address of {}")]),
    (
        "elasticsearch",
        "Elasticsearch",
        &[("url", "address of {}")],
    ),
];

const PROVIDERS: [Questions; 4] = [
    ("okta", "Okta", &[("url", "address of {}")]),
    (
        "keycloak",
        "Keycloak",
        &[
            ("url", "address of {}"),
            ("realm", "realm of {}"),
            ("client_id", "id of the client of {}"),
        ],
    ),
    (
        "entra",
        "Microsoft Entra ID",
        &[
            ("tenant", "id of the tenant of {}"),
            ("client_id", "id of the application of {}"),
        ],
    ),
    (
        "google",
        "Google Workspace",
        &[(
            "subject",
            "mail of the administrator that the service account of {} acts for",
        )],
    ),
];

/// Writes the configuration; a file that is there is never touched.
///
/// # Errors
/// Exit code 3 when a file is there, 64 when an answer is none or is missing, 70 when it cannot be written.
pub fn run(config: Option<&Path>, asked: &Asked, out: &mut dyn Write) -> Result<u8, Failure> {
    let answers = asked.answers();
    let is_asked = !asked.sample && answers.is_empty();
    if is_asked && io::stdin().is_terminal() && io::stdout().is_terminal() {
        refuse_second(config)?;
        let answers = ask(&mut io::stdin().lock(), out).map_err(|error| {
            let code = match error.kind() {
                io::ErrorKind::UnexpectedEof => USAGE,
                _ => INTERNAL,
            };
            let cause = Untrusted::new(error.to_string());
            Failure::one(
                code,
                Fault::new(safe!("failed to read the answers: {}", cause.line())),
            )
        })?;
        return write(config, &answers, out);
    }
    write(config, &answers, out)
}

/// Where answers come from, and where the questions go.
struct Asking<'a> {
    answers: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
}

impl Asking<'_> {
    /// Reads one answer, which may be empty; `None` at the end of input.
    fn line(&mut self, text: &str) -> io::Result<Option<String>> {
        write!(self.out, "{text}: ")?;
        self.out.flush()?;
        let mut line = String::new();
        let read = self.answers.read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// Asks for what may be left out.
    fn question(&mut self, text: &str) -> io::Result<Option<String>> {
        let answer = self.line(text)?;
        Ok(answer.filter(|answer| !answer.is_empty()))
    }

    /// Asks for what is needed, until it is there.
    ///
    /// # Errors
    /// The input ends before.
    fn needed(&mut self, text: &str) -> io::Result<String> {
        loop {
            match self.line(&format!("{text} (needed)"))? {
                Some(answer) if answer.is_empty() => {}
                Some(answer) => return Ok(answer),
                None => {
                    let what = format!("the input ends before the {text}");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
            }
        }
    }
}

/// Asks for everything, one line each; an empty answer leaves a system out, and what a system needs is asked again.
fn ask(answers: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<Answers> {
    let mut asking = Asking { answers, out };
    let name = asking.question("name of the environment, such as acme-prod")?;
    let mut system = |(vendor, called, asked): Questions| -> io::Result<Option<System>> {
        let mut fields = Vec::new();
        for (field, words) in asked {
            let example = if *field == "url" {
                ", such as https://..."
            } else {
                ""
            };
            let text = format!("{}{example}", words.replace("{}", called));
            if !fields.is_empty() {
                fields.push((*field, asking.needed(&text)?));
                continue;
            }
            let Some(answer) = asking.question(&format!("{text} (empty: none)"))? else {
                return Ok(None);
            };
            fields.push((*field, answer));
        }
        let secret = asking.question(&format!(
            "where the key of {called} comes from (file:PATH, credential:NAME, env:NAME, command:PATH ...; empty: later)"
        ))?;
        Ok(Some(System {
            vendor,
            fields,
            secret,
        }))
    };
    let mut systems = Vec::new();
    for asked in FIRST.into_iter().chain(PROVIDERS) {
        let Some(answered) = system(asked)? else {
            continue;
        };
        let is_last = PROVIDERS
            .iter()
            .any(|(vendor, ..)| *vendor == answered.vendor);
        systems.push(answered);
        if is_last {
            // A second provider is written in by hand.
            break;
        }
    }
    Ok(Answers { name, systems })
}

/// Refuses to write over a file, before anything is asked.
fn refuse_second(config: Option<&Path>) -> Result<(), Failure> {
    let path = files::config_path(config).map_err(|error| compose::file_failure(&error))?;
    if path.exists() {
        Err(there(&path))
    } else {
        Ok(())
    }
}

fn there(path: &Path) -> Failure {
    let shown = Untrusted::new(path.to_string_lossy()).ident();
    let fault = Fault::new(safe!("a configuration is there already: {}", shown))
        .hint("it was left as it is; `quell init --config FILE` writes another one");
    Failure::one(UNREADABLE, fault)
}

fn write(config: Option<&Path>, answers: &Answers, out: &mut dyn Write) -> Result<u8, Failure> {
    let path = files::config_path(config).map_err(|error| compose::file_failure(&error))?;
    let shown = Untrusted::new(path.to_string_lossy()).ident();
    let text = filled::fill(answers).map_err(|fault| Failure::one(USAGE, fault))?;
    let known: Vec<&str> = COMMANDS.iter().map(|spec| spec.id).collect();
    // What is written must be readable; a bad answer is refused here and not at the next start.
    let parsed = parse(&text, "the new configuration", &known).map_err(|faults| Failure {
        code: USAGE,
        faults: faults.iter().map(compose::config_fault).collect(),
    })?;
    match create(&path, &text) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(there(&path)),
        Err(error) => {
            let cause = Untrusted::new(error.to_string());
            let fault = Fault::new(safe!("failed to write {}: {}", shown, cause.line()));
            return Err(Failure::one(INTERNAL, fault));
        }
    }
    let told = writeln!(out, "wrote {shown}, in DRY RUN: nothing is ever sent").and_then(|()| {
        for warning in &parsed.warnings {
            writeln!(out, "note: {}", warning.line_shown())?;
        }
        next(answers, out)
    });
    told.map_or_else(|error| broken_pipe(&error), |()| Ok(OK))
}

/// Says what is next, in the order in which it has to be done.
fn next(answers: &Answers, out: &mut dyn Write) -> io::Result<()> {
    let mut steps: Vec<&str> = Vec::new();
    if answers.is_empty() {
        steps.push("set the addresses and where the secrets come from; every field is explained in the file");
    } else if answers.lacks_secret() {
        steps.push("put the keys where the file says that they come from");
    }
    steps.extend([
        "`quell doctor` says what works: connections, rights, clocks, log",
        "`quell` opens the console; go through an incident in DRY RUN",
        "then write mode = \"live\"; `quell wall` is for the screen across the room",
    ]);
    for (step, number) in steps.iter().zip(1..) {
        writeln!(out, "{number}. {step}")?;
    }
    Ok(())
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(above)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::config::sample::SAMPLE;

    #[test]
    fn it_writes_once_and_never_over_a_file() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("sub/config.toml");
        let mut said = Vec::new();
        let nothing = Answers::default();
        assert_eq!(write(Some(&path), &nothing, &mut said).ok(), Some(OK));
        assert_eq!(fs::read_to_string(&path)?, SAMPLE);
        fs::write(&path, "mine")?;
        let code = |failure: Failure| failure.code;
        let second = write(Some(&path), &nothing, &mut said).map_err(code);
        assert_eq!(second, Err(UNREADABLE));
        assert_eq!(refuse_second(Some(&path)).map_err(code), Err(UNREADABLE));
        assert_eq!(fs::read_to_string(&path)?, "mine");
        Ok(())
    }

    #[test]
    fn answers_are_asked_line_by_line_and_empty_ones_leave_out() -> io::Result<()> {
        let typed = "acme-lab\nhttps://hive.acme.example\nfile:/etc/quell/hive.key\n\nhttps://acme.okta.com\n\n";
        let mut asked = Vec::new();
        let answers = ask(&mut typed.as_bytes(), &mut asked)?;
        assert_eq!(answers.name.as_deref(), Some("acme-lab"));
        let vendors: Vec<&str> = answers.systems.iter().map(|one| one.vendor).collect();
        assert_eq!(vendors, ["thehive", "okta"]);
        assert!(answers.lacks_secret());
        let text = String::from_utf8_lossy(&asked).into_owned();
        assert_eq!(text.matches("address of").count(), 3, "{text}");
        assert_eq!(text.matches("comes from").count(), 2, "{text}");
        Ok(())
    }

    #[test]
    fn what_is_needed_is_asked_until_it_is_there() -> io::Result<()> {
        let start = "\n\n\n\nhttps://sso.acme.example\n";
        let typed = format!("{start}\n  \nacme\n\nquell\n\n");
        let mut asked = Vec::new();
        let answers = ask(&mut typed.as_bytes(), &mut asked)?;
        let [keycloak] = answers.systems.as_slice() else {
            panic!("{answers:?}")
        };
        let fields = [
            ("url", "https://sso.acme.example"),
            ("realm", "acme"),
            ("client_id", "quell"),
        ];
        assert_eq!(
            keycloak.fields,
            fields.map(|(name, value)| (name, value.to_owned()))
        );
        let text = String::from_utf8_lossy(&asked).into_owned();
        assert_eq!(text.matches("realm of Keycloak (needed)").count(), 3);
        assert_eq!(text.matches("client of Keycloak (needed)").count(), 2);
        for cut in ["", "\n", "acme\n", "acme\n\n"] {
            let typed = format!("{start}{cut}");
            let ended = ask(&mut typed.as_bytes(), &mut Vec::new());
            let kind = ended.map_err(|error| error.kind());
            assert_eq!(kind, Err(io::ErrorKind::UnexpectedEof), "{cut:?}");
        }
        Ok(())
    }

    /// The flags alone.
    #[derive(Debug, clap::Parser)]
    struct Flags {
        #[command(flatten)]
        asked: Asked,
    }

    #[rstest]
    #[case("--keycloak=https://sso.acme.example", false)]
    #[case("--keycloak=https://sso.acme.example --keycloak-realm=acme", false)]
    #[case("--keycloak=https://sso.acme.example --keycloak-client=quell", false)]
    #[case(
        "--keycloak=https://sso.acme.example --keycloak-realm=acme --keycloak-client=quell",
        true
    )]
    #[case("--keycloak-realm=acme --keycloak-client=quell", false)]
    #[case("--entra=tenant-1", false)]
    #[case("--entra-client=app-1", false)]
    #[case("--entra=tenant-1 --entra-client=app-1", true)]
    #[case("--google=quell@acme.example", true)]
    fn flags_of_a_system_belong_together(#[case] flags: &str, #[case] is_taken: bool) {
        let words = std::iter::once("init").chain(flags.split(' '));
        let read = <Flags as clap::Parser>::try_parse_from(words);
        assert_eq!(read.is_ok(), is_taken, "{read:?}");
        if let Ok(flags) = read {
            assert_eq!(flags.asked.answers().systems.len(), 1);
        }
    }

    #[test]
    fn a_provider_is_asked_for_what_it_needs() -> io::Result<()> {
        let typed = "\n\n\n\n\ntenant-1\napp-1\ncredential:entra\n";
        let answers = ask(&mut typed.as_bytes(), &mut Vec::new())?;
        let [entra] = answers.systems.as_slice() else {
            panic!("{answers:?}")
        };
        let fields = [("tenant", "tenant-1"), ("client_id", "app-1")];
        assert_eq!(
            entra.fields,
            fields.map(|(name, value)| (name, value.to_owned()))
        );
        assert_eq!(entra.secret.as_deref(), Some("credential:entra"));
        Ok(())
    }
}
