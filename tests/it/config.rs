//! From a configuration on disk to settings and secrets, through real files and real commands.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use quell::cli::compose;
use quell::config::parse::parse;
use quell::config::sample::SAMPLE;
use quell::config::settings::SecretSource;
use quell::store::files::{config_path, read_config};
use quell::store::secret::{COMMAND_TIMEOUT, SecretError, Surroundings, resolve, resolve_in};
use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::TempDir;

const CANARY: &str = "canary-7f3a91";

fn write(directory: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).expect("the file can be written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the mode can be set");
    path
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory can be made")
}

fn secret(found: Result<secrecy::SecretString, SecretError>) -> String {
    match found {
        Ok(secret) => secret.expose_secret().to_owned(),
        Err(cause) => format!("{cause} | {}", cause.hint().unwrap_or_default()),
    }
}

fn in_env(name: &'static str, value: impl Into<OsString>) -> impl Fn(&str) -> Option<OsString> {
    let value = value.into();
    move |asked| (asked == name).then(|| value.clone())
}

fn shell(script: &str) -> SecretSource {
    SecretSource::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

#[test]
fn the_sample_is_read_from_disk_as_it_is() {
    let directory = directory();
    let path = write(&directory, "config.toml", SAMPLE, 0o644);
    let text =
        read_config(&config_path(Some(&path)).expect("it was asked for")).expect("it is readable");
    let parsed = parse(&text, &path.to_string_lossy(), &[]).expect("the sample is good");
    assert_eq!(parsed.settings.connections.len(), 3);
}

#[test]
fn the_faults_of_keys_stand_among_the_others() {
    let directory = directory();
    let text = "[environment]\nname = \"x\"\nkind = \"drill\"\nspeed = 1\n[keys]\nsearch = \"q\"\nrefresh = \"Ctrl-m\"\nbomb = \"b\"\n";
    let path = write(&directory, "config.toml", text, 0o600);
    let failure = compose::load(Some(&path)).err().expect("it is not good");
    let place = path.display();
    let said: Vec<String> = failure
        .faults
        .iter()
        .map(|fault| fault.what.to_string().replace(&format!("{place}:"), ""))
        .collect();
    let expected = [
        "1: connection: ",
        "4: environment.speed: ",
        "6: keys.search: q is the key of \"quit\" already",
        "7: keys.refresh: terminals send Enter for Ctrl-m",
        "8: keys.bomb: is not a command",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} is not {expected}");
    }
}

#[test]
fn faults_name_the_file_as_it_was_given() {
    let directory = directory();
    let path = write(
        &directory,
        "config.toml",
        "[environment]\nkind = \"drill\"\ntoken = \"x\"\n",
        0o600,
    );
    let text = read_config(&path).expect("it is readable");
    let faults = parse(&text, &path.to_string_lossy(), &[]).expect_err("it is not good");
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let places = [
        ":1: connection: ",
        ":1: environment.name: ",
        ":3: environment.token: ",
    ];
    assert_eq!(lines.len(), places.len(), "{lines:#?}");
    for place in places {
        let start = format!("{}{place}", path.display());
        assert!(
            lines.iter().any(|line| line.starts_with(&start)),
            "{start} in {lines:#?}"
        );
    }
}

#[rstest]
#[case("canary-7f3a91", CANARY)]
#[case("canary-7f3a91\n", CANARY)]
#[case("canary-7f3a91\r\n", CANARY)]
#[case(
    "",
    "refused the secret from K: it is empty | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "\n",
    "refused the secret from K: it is empty | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "a\nb\n",
    "refused the secret from K: it contains a line end or another control character | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "a\u{0}",
    "refused the secret from K: it contains a line end or another control character | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "a \n",
    "refused the secret from K: it begins or ends with a space | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
fn a_secret_from_a_file(#[case] text: &str, #[case] expected: &str) {
    let directory = directory();
    let path = write(&directory, "key", text, 0o600);
    let found = secret(resolve(&SecretSource::File(path.clone())));
    assert_eq!(found, expected.replace('K', &path.to_string_lossy()));
}

/// The private key of a service app or certificate, and the key file of a service account, as the vendors write them.
#[rstest]
#[case(include_str!("../keys/other.pem"), true)]
#[case("{\n\t\"type\": \"service_account\"\n}\n", true)]
#[case(
    "-----BEGIN PRIVATE KEY-----\nAA\u{0}\n-----END PRIVATE KEY-----\n",
    false
)]
#[case("token\n-----BEGIN PRIVATE KEY-----\n", false)]
fn a_key_is_taken_as_its_file_has_it(#[case] text: &str, #[case] is_taken: bool) {
    let directory = directory();
    let path = write(&directory, "key", text, 0o600);
    let found = secret(resolve(&SecretSource::File(path)));
    assert_eq!(found == text.trim(), is_taken, "{found}");
}

#[test]
fn a_secret_file_that_others_can_read_is_refused_with_the_command_to_run() {
    let directory = directory();
    let path = write(&directory, "key", CANARY, 0o644);
    let found = secret(resolve(&SecretSource::File(path.clone())));
    assert!(
        found.ends_with(&format!(
            "others can read it | chmod 600 {}",
            path.display()
        )),
        "{found}"
    );
    assert!(!found.contains(CANARY));
}

#[test]
fn a_credential_of_systemd() {
    let directory = directory();
    // 0440 is what an access control list for the service's user looks like.
    let path = write(&directory, "okta", CANARY, 0o440);
    let source = SecretSource::Credential("okta".to_owned());
    let env = in_env("CREDENTIALS_DIRECTORY", directory.path());
    let inside = Surroundings {
        env: &env,
        timeout: COMMAND_TIMEOUT,
    };
    assert_eq!(secret(resolve_in(&source, &inside)), CANARY);
    let outside = Surroundings {
        env: &|_| None,
        timeout: COMMAND_TIMEOUT,
    };
    let found = secret(resolve_in(&source, &outside));
    assert!(
        found
            .starts_with("failed to read the credential okta: CREDENTIALS_DIRECTORY is not set | "),
        "{found}"
    );
    fs::set_permissions(&path, Permissions::from_mode(0o444)).expect("the mode can be set");
    assert!(secret(resolve_in(&source, &inside)).contains("others can read it"));
}

#[test]
fn a_secret_from_the_environment() {
    let source = SecretSource::Env("QUELL_OKTA".to_owned());
    let env = in_env("QUELL_OKTA", CANARY);
    let set = Surroundings {
        env: &env,
        timeout: COMMAND_TIMEOUT,
    };
    assert_eq!(secret(resolve_in(&source, &set)), CANARY);
    let unset = Surroundings {
        env: &|_| None,
        timeout: COMMAND_TIMEOUT,
    };
    let found = secret(resolve_in(&source, &unset));
    assert!(
        found.starts_with("failed to read the secret from the environment: QUELL_OKTA is not set"),
        "{found}"
    );
}

#[rstest]
#[case("printf canary-7f3a91", CANARY)]
#[case("echo canary-7f3a91", CANARY)]
#[case(
    "echo canary-7f3a91 >&2; exit 3",
    "failed to read the secret from /bin/sh: it ended with exit status: 3 | run /bin/sh by hand to see what it says"
)]
#[case(
    "echo canary-7f3a91; exit 1",
    "failed to read the secret from /bin/sh: it ended with exit status: 1 | run /bin/sh by hand to see what it says"
)]
#[case(
    "kill -9 $$",
    "failed to read the secret from /bin/sh: it ended with signal: 9 (SIGKILL) | run /bin/sh by hand to see what it says"
)]
#[case(
    "cat",
    "refused the secret from /bin/sh: it is empty | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "exec head -c 65537 /dev/zero",
    "refused the secret from /bin/sh: it has more than 65536 bytes | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
#[case(
    "exec cat /dev/zero",
    "refused the secret from /bin/sh: it has more than 65536 bytes | the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
)]
fn a_secret_from_a_command(#[case] script: &str, #[case] expected: &str) {
    assert_eq!(secret(resolve(&shell(script))), expected);
}

#[test]
fn a_command_gets_a_small_environment_and_no_shell() {
    let env = |name: &str| Some(OsString::from(format!("v-{name}")));
    let surroundings = Surroundings {
        env: &env,
        timeout: COMMAND_TIMEOUT,
    };
    let names = "/usr/bin/env | /usr/bin/cut -d= -f1 | /usr/bin/sort | /usr/bin/tr '\\n' ' ' | /bin/sed 's/ $//'";
    let found = secret(resolve_in(&shell(names), &surroundings));
    // PWD, SHLVL and _ are set by the shell of this test.
    let own: Vec<&str> = found
        .split(' ')
        .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        .collect();
    assert_eq!(
        own,
        ["HOME", "LANG", "LOGNAME", "PATH", "USER", "XDG_RUNTIME_DIR"]
    );
    let literal = ["/bin/echo", "$HOME;id"].map(str::to_owned).to_vec();
    assert_eq!(secret(resolve(&SecretSource::Command(literal))), "$HOME;id");
}

#[rstest]
#[case::the_program("exec sleep 600")]
#[case::what_it_started("sleep 600 & echo canary-7f3a91; wait")]
#[case::after_its_output("echo canary-7f3a91; exec sleep 600 >&-")]
fn a_command_that_hangs_is_ended_with_all_it_started(#[case] script: &str) {
    let directory = directory();
    let note = directory.path().join("pid");
    let script = format!("echo $$ > {}; {script}", note.display());
    let surroundings = Surroundings {
        env: &|_| None,
        timeout: Duration::from_millis(300),
    };
    let begun = Instant::now();
    let found = secret(resolve_in(&shell(&script), &surroundings));
    assert!(
        found.contains("failed to read the secret from /bin/sh: no answer within"),
        "{found}"
    );
    assert!(!found.contains(CANARY));
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "it waited for the command"
    );
    let pid = fs::read_to_string(&note).expect("the command began");
    // Being killed takes the kernel a moment.
    while group_runs(pid.trim()) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "group {pid} still runs"
        );
        std::thread::yield_now();
    }
}

/// Tells whether a process of this group is left that is not dead already.
fn group_runs(group: &str) -> bool {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| {
            fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| {
                // After the name in brackets: state, parent, group.
                let after = stat.rsplit(')').next().unwrap_or_default();
                let mut fields = after.split_whitespace();
                fields.next() != Some("Z") && fields.nth(1) == Some(group)
            })
        })
}

#[rstest]
#[case("/nonexistent/pass", "failed to open the program /nonexistent/pass: ")]
#[case("/etc", "refused the program /etc: it is not a regular file")]
fn a_command_that_is_no_program(#[case] program: &str, #[case] expected: &str) {
    let found = secret(resolve(&SecretSource::Command(vec![program.to_owned()])));
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn a_command_that_strangers_can_change_is_not_run() {
    let directory = directory();
    let trace = directory.path().join("trace");
    let script = format!("#!/bin/sh\ntouch {}\necho {CANARY}\n", trace.display());
    // Copied by another process: a file that this one had open for writing may be busy when it is to be run.
    let draft = write(&directory, "draft", &script, 0o777);
    let path = directory.path().join("pass");
    let copied = Command::new("cp").arg("-p").arg(&draft).arg(&path).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let source = SecretSource::Command(vec![path.to_string_lossy().into_owned()]);
    let found = secret(resolve(&source));
    assert!(
        found.ends_with(&format!(
            "others can change it | chmod go-w {}",
            path.display()
        )),
        "{found}"
    );
    assert!(!trace.exists(), "it was run");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("the mode can be set");
    assert_eq!(secret(resolve(&source)), CANARY);
    assert!(trace.exists());
}

#[test]
fn without_a_file_asked_for_it_is_the_platforms() {
    if let Ok(path) = config_path(None) {
        assert!(
            path.is_absolute() && path.ends_with("config.toml"),
            "{}",
            path.display()
        );
    }
    let asked = Path::new("here.toml");
    assert_eq!(config_path(Some(asked)).ok().as_deref(), Some(asked));
}
