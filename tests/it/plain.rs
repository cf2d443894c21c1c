//! What is printed instead of drawn, and the first steps: cases, a case, its activity, themes, init, cache, shells; all
//! through the real program.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use quell::cli::drill::{write_config, write_places};
use quell::drill::Drill;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::app::company;
use crate::harness::pty::Pty;

const LOGIN: &str = "mara.lind@acme.example";

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Runs the program with its home in a directory, away from the threads that serve the drill.
async fn quell(home: &Path, arguments: &[&str], term: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quell"));
    command
        .args(arguments)
        .env("HOME", home)
        .env("TERM", term)
        .env("LANG", "C.UTF-8")
        .env_remove("NO_COLOR")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("it ran").expect("quell starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn config(drill: &Drill, home: &TempDir) -> String {
    let path = write_config(home.path(), drill).expect("it is written");
    path.to_str().expect("a plain path").to_owned()
}

fn objects(output: &Output) -> Vec<Value> {
    let text = out(output);
    assert!(text.is_ascii(), "{text}");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_printed_line_by_line_in_its_rank() {
    let (drill, home) = (company().await, place());
    let config = config(&drill, &home);
    let listed = quell(home.path(), &["--config", &config, "cases"], "xterm").await;
    assert_eq!(listed.status.code(), Some(0), "{}", err(&listed));
    let text = out(&listed);
    let first = text.lines().next().expect("a case");
    assert!(
        first.starts_with("CRITICAL ") && first.contains("#14"),
        "{text}"
    );
    assert!(first.contains("unclaimed, ack "), "{text}");
    assert!(text.lines().any(|line| line.contains("owner ")), "{text}");
    assert!(!text.contains('\x1b'), "no colours in plain lines");
    assert!(err(&listed).contains(" open cases"), "{}", err(&listed));

    let listed = quell(
        home.path(),
        &["--config", &config, "cases", "--json"],
        "xterm",
    )
    .await;
    let all = objects(&listed);
    assert_eq!(all.len(), text.lines().count());
    let story = &all[0]["quell"]["case"];
    assert_eq!(
        (&story["number"], &story["severity"]),
        (&14.into(), &"critical".into())
    );
    assert!(story["acknowledge_until"].is_string(), "{story}");

    // A terminal that cannot draw gets the same lines, and is told why.
    let dumb = quell(home.path(), &["--config", &config], "dumb").await;
    assert_eq!(dumb.status.code(), Some(0));
    assert_eq!(out(&dumb).lines().count(), all.len());
    assert!(
        err(&dumb).contains("TERM=dumb cannot draw"),
        "{}",
        err(&dumb)
    );
    assert_eq!(drill.ledger().effects(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_and_the_activity_of_its_user_are_printed() {
    let (drill, home) = (company().await, place());
    let config = config(&drill, &home);
    for id in ["14", "#14"] {
        let read = quell(home.path(), &["--config", &config, "case", id], "dumb").await;
        assert_eq!(read.status.code(), Some(0), "{}", err(&read));
        let text = out(&read);
        assert!(text.starts_with("case #14 CRITICAL\ntitle: "), "{text}");
        assert!(text.contains(&format!("\nuser: {LOGIN}\n")), "{text}");
        for word in ["status: new, unclaimed", "alert blocked: ", "observable "] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let read = quell(
        home.path(),
        &["--config", &config, "case", "14", "--json"],
        "dumb",
    )
    .await;
    let whole = objects(&read).remove(0);
    assert_eq!(whole["quell"]["users"][0], LOGIN);
    assert!(
        whole["quell"]["alerts"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    let none = quell(home.path(), &["--config", &config, "case", "4711"], "dumb").await;
    assert_eq!(none.status.code(), Some(3), "{}", err(&none));
    assert!(
        err(&none).contains("404") || err(&none).contains("not found"),
        "{}",
        err(&none)
    );

    let ask = ["--config", &config, "activity", "--case", "14"];
    let events = quell(home.path(), &ask, "dumb").await;
    assert_eq!(events.status.code(), Some(0), "{}", err(&events));
    let count = out(&events).lines().count();
    assert!(count > 20, "{count} events");
    assert!(
        err(&events).contains(&format!("user: {LOGIN}")),
        "{}",
        err(&events)
    );
    let json = quell(home.path(), &[&ask[..], &["--json"]].concat(), "dumb").await;
    assert_eq!(objects(&json).len(), count);
    let findings = quell(home.path(), &[&ask[..], &["--findings"]].concat(), "dumb").await;
    let rules: Vec<String> = objects(&findings).iter().map(ToString::to_string).collect();
    assert!(
        rules.iter().any(|rule| rule.contains("brute_force")),
        "{rules:?}"
    );
    let both = quell(home.path(), &[&ask[..], &["x.json"]].concat(), "dumb").await;
    assert_eq!(both.status.code(), Some(64), "a file or a case");
    assert_eq!(drill.ledger().effects(), [], "printing changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_said_and_is_the_exit_code() {
    let (drill, home) = (company().await, place());
    let config = config(&drill, &home);
    let order = serde_json::json!({"server": "cases", "fault": "403", "rate": 1.0});
    drill.fault(&order).expect("the fault is known");
    for ask in [
        &["cases"][..],
        &["case", "14"],
        &["activity", "--case", "14"],
    ] {
        let failed = quell(
            home.path(),
            &[&["--config", &config][..], ask].concat(),
            "dumb",
        )
        .await;
        assert_eq!(failed.status.code(), Some(3), "{ask:?}: {}", err(&failed));
        assert!(
            out(&failed).is_empty() && err(&failed).contains("403"),
            "{}",
            err(&failed)
        );
    }
    let order = serde_json::json!({"server": "cases", "fault": "none"});
    drill.fault(&order).expect("it is known");
    let order = serde_json::json!({"server": "cases", "fault": "bad_record", "rate": 1.0});
    drill.fault(&order).expect("it is known");
    let partly = quell(home.path(), &["--config", &config, "cases"], "dumb").await;
    assert_eq!(partly.status.code(), Some(2), "{}", err(&partly));
    assert!(
        err(&partly).contains("could not be read"),
        "{}",
        err(&partly)
    );
    let none = quell(home.path(), &["cases"], "dumb").await;
    assert_eq!(none.status.code(), Some(3));
}

#[tokio::test]
async fn themes_are_listed_shown_and_refused_with_all_their_faults() {
    let home = place();
    let folder = home.path().join(".config/quell/themes");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(
        folder.join("mine.toml"),
        "inherits = \"light\"\nkey = \"#104080\"\n",
    )
    .expect("a file");
    fs::write(
        folder.join("faint.toml"),
        "inherits = \"dark\"\nkey = \"#20242c\"\n",
    )
    .expect("a file");
    fs::write(
        folder.join("bad.toml"),
        "kye = \"red\"\n\ndim = \"mauve\"\ntext = 3\n",
    )
    .expect("a file");
    for name in ["mine", "faint", "bad"] {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.join(format!("{name}.toml")), mode).expect("our file");
    }
    let listed = quell(home.path(), &["themes"], "xterm-256color").await;
    assert_eq!(listed.status.code(), Some(0));
    for name in [
        "dark",
        "light",
        "high-contrast",
        "color-blind",
        "ansi16",
        "no-color",
        "mine",
    ] {
        let found = out(&listed).lines().any(|line| line.starts_with(name));
        assert!(found, "{name}: {}", out(&listed));
    }
    assert!(!out(&listed).contains('\x1b'), "colours are for terminals");
    let shown = quell(home.path(), &["themes", "mine"], "xterm-direct").await;
    assert_eq!(shown.status.code(), Some(0), "{}", out(&shown));
    assert!(out(&shown).contains("state.proven"), "{}", out(&shown));
    let faint = quell(home.path(), &["themes", "faint"], "xterm-direct").await;
    assert_eq!(faint.status.code(), Some(1));
    assert!(
        out(&faint).contains("TOO FAINT: at least 4.5"),
        "{}",
        out(&faint)
    );
    let bad = quell(home.path(), &["themes", "bad"], "xterm-direct").await;
    assert_eq!(bad.status.code(), Some(3));
    for line in [
        "bad.toml:1: kye is no role; did you mean key?",
        "bad.toml:3: dim: mauve is no colour and no attribute",
        "bad.toml:4: text is not text in quotes",
    ] {
        assert!(err(&bad).contains(line), "{line}: {}", err(&bad));
    }
    let none = quell(home.path(), &["themes", "mauve"], "xterm").await;
    assert_eq!(none.status.code(), Some(3));
    assert!(err(&none).contains("high-contrast"), "{}", err(&none));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_of_ones_own_and_ascii_draw_the_console() {
    let (drill, home) = (company().await, place());
    let config = config(&drill, &home);
    let theme = home.path().join("own.toml");
    fs::write(&theme, "inherits = \"dark\"\nkey = \"#ff00ff\"\n").expect("a file");
    fs::set_permissions(&theme, fs::Permissions::from_mode(0o600)).expect("our file");
    let (dir, theme) = (
        home.path().to_owned(),
        theme.to_str().expect("plain").to_owned(),
    );
    let played = tokio::task::spawn_blocking(move || {
        let arguments = ["--config", &config, "--theme", &theme, "--ascii"];
        let mut pty = Pty::start(&dir, &arguments, (120, 40));
        pty.until("the queue", |text| text.contains("CRITICAL #14"));
        pty.settle();
        pty.keys("q");
        pty.end_restored()
    });
    let ended = played.await.expect("it was played");
    assert_eq!(ended.code, 0);
    let raw = String::from_utf8_lossy(&ended.raw).into_owned();
    assert!(raw.contains("38;2;255;0;255"), "the key's colour");
    let others: String = raw.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(others, "", "only ASCII is drawn");
}

#[tokio::test]
async fn init_takes_flags_refuses_secrets_and_is_read_back() {
    let home = place();
    let path = home.path().join("quell.toml");
    let path = path.to_str().expect("a plain path");
    let flags = [
        "--config",
        path,
        "init",
        "--name",
        "acme-lab",
        "--thehive",
        "https://hive.acme.example",
        "--thehive-secret",
        "file:/etc/quell/hive.key",
        "--okta",
        "https://acme.okta.com",
        "--okta-secret",
        "credential:okta",
    ];
    let made = quell(home.path(), &flags, "xterm").await;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    for word in ["DRY RUN", "1. `quell doctor`", "quell wall"] {
        assert!(out(&made).contains(word), "{word}: {}", out(&made));
    }
    let text = fs::read_to_string(path).expect("it was written");
    assert!(text.contains("mode = \"dry_run\"") && text.contains("# Where a case names its user."));
    let mode = fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let keys = quell(home.path(), &["--config", path, "keys"], "xterm").await;
    assert_eq!(keys.status.code(), Some(0), "it is read: {}", err(&keys));
    let again = quell(home.path(), &flags, "xterm").await;
    assert_eq!(again.status.code(), Some(3));
    let other = home.path().join("other.toml");
    let other = other.to_str().expect("a plain path");
    let pasted = [
        "--config",
        other,
        "init",
        "--okta",
        "https://acme.okta.com",
        "--okta-secret",
        "00pasted-token",
    ];
    let refused = quell(home.path(), &pasted, "xterm").await;
    assert_eq!(refused.status.code(), Some(64));
    assert!(!err(&refused).contains("00pasted"), "{}", err(&refused));
    let http = ["--config", other, "init", "--okta", "http://acme.okta.com"];
    let refused = quell(home.path(), &http, "xterm").await;
    assert_eq!(refused.status.code(), Some(64), "{}", err(&refused));
    let sso = "https://sso.acme.example";
    let alone = ["--config", other, "init", "--keycloak", sso];
    let refused = quell(home.path(), &alone, "xterm").await;
    assert_eq!(refused.status.code(), Some(64));
    for flag in ["--keycloak-realm", "--keycloak-client"] {
        assert!(err(&refused).contains(flag), "{}", err(&refused));
    }
    assert!(
        !Path::new(other).exists(),
        "nothing is written that cannot be read"
    );
}

#[test]
fn init_asks_where_somebody_sits() {
    let home = place();
    let mut pty = Pty::start(home.path(), &["init"], (100, 30));
    for (question, answer) in [
        ("name of the environment", "acme-lab\r"),
        ("address of TheHive", "https://hive.acme.example\r"),
        ("key of TheHive comes from", "env:HIVE_KEY\r"),
        ("address of Elasticsearch", "\r"),
        ("address of Okta", "\r"),
        ("address of Keycloak", "\r"),
        ("id of the tenant of Microsoft Entra ID", "\r"),
        (
            "service account of Google Workspace acts for",
            "quell@acme.example\r",
        ),
        (
            "key of Google Workspace comes from",
            "file:/etc/quell/google.json\r",
        ),
    ] {
        pty.shows(question).keys(answer);
    }
    let ended = pty.end();
    assert_eq!(ended.code, 0);
    assert!(ended.text.contains("wrote "), "{}", ended.text);
    let text = fs::read_to_string(home.path().join(".config/quell/config.toml")).expect("a file");
    assert!(text.contains("name = \"acme-lab\"") && text.contains("{ env = \"HIVE_KEY\" }"));
    assert!(
        text.contains("\nsubject = \"quell@acme.example\"\n")
            && text.contains("# vendor = \"okta\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_says_what_is_kept_and_never_touches_the_log() {
    let (drill, home) = (company().await, place());
    let state = home.path().join(".local/state/quell");
    let file = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let mut file = fs::File::create(path).expect("a file");
        file.write_all(text.as_bytes()).expect("a file");
    };
    let log = state.join("audit/audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl");
    file(log.clone(), "evidence\n");
    file(state.join("draft/a.json"), "{}");
    file(state.join("lease/01.lock"), "");
    file(state.join("drill/run-1/config.toml"), "old");
    let running = state.join("drill/run-2");
    fs::create_dir_all(&running).expect("a folder");
    write_places(&running, &drill).expect("it is written");
    let held = fs::File::create(state.join("lease/02.lock")).expect("a file");
    held.lock().expect("it is ours");
    let told = quell(home.path(), &["cache"], "dumb").await;
    assert_eq!(told.status.code(), Some(0));
    for word in [
        "evidence, no cache",
        "drafts",
        "leases",
        "drills",
        "in memory only",
    ] {
        assert!(out(&told).contains(word), "{word}: {}", out(&told));
    }
    let purged = quell(home.path(), &["cache", "--purge"], "dumb").await;
    assert_eq!(purged.status.code(), Some(0), "{}", err(&purged));
    assert!(log.exists() && state.join("draft/a.json").exists());
    assert!(!state.join("lease/01.lock").exists() && state.join("lease/02.lock").exists());
    assert!(
        !state.join("drill/run-1").exists() && running.exists(),
        "a drill that runs stays"
    );
    let purged = quell(home.path(), &["cache", "--purge", "--drafts"], "dumb").await;
    assert_eq!(purged.status.code(), Some(0));
    assert!(log.exists() && !state.join("draft/a.json").exists());
    let wrong = quell(home.path(), &["cache", "--drafts"], "dumb").await;
    assert_eq!(wrong.status.code(), Some(64));
}

#[tokio::test]
async fn shells_and_man_get_their_pages() {
    let home = place();
    for (shell, word) in [
        ("bash", "_quell()"),
        ("zsh", "#compdef quell"),
        ("fish", "complete -c quell"),
    ] {
        let text = quell(home.path(), &["completions", shell], "dumb").await;
        assert_eq!(text.status.code(), Some(0));
        assert!(
            out(&text).contains(word) && out(&text).contains("wall"),
            "{shell}"
        );
    }
    let page = quell(home.path(), &["man"], "dumb").await;
    assert!(
        out(&page).contains(".TH quell") && out(&page).contains("wall"),
        "{}",
        out(&page)
    );
    let page = quell(home.path(), &["man", "audit", "verify"], "dumb").await;
    assert_eq!(page.status.code(), Some(0));
    assert!(out(&page).contains("anchors"), "{}", out(&page));
    let none = quell(home.path(), &["man", "nonsense"], "dumb").await;
    assert_eq!(none.status.code(), Some(64));
}
