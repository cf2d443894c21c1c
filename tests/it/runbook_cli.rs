//! `quell runbook` as a person types it: files, folders, standard input, names; what is printed and the exit code.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

fn quell(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quell"));
    command
        .arg("runbook")
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder.join(".config"))
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    told(quell(folder, arguments).output().expect("it runs"))
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code().expect("an exit code"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = quell(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // What is longer than the limit is not read to its end.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends");
    told(output)
}

fn house() -> tempfile::TempDir {
    let house = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        let path = house.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    put(
        "books/irps/account.md",
        "# Account\n\n## Inputs\n\n- `${USER_ID}`: who\n- *(Optional)* `${HOURS}`: how far (default: 72)\n\n\
         ## Phase 3: Containment\n\n1. **Ask** with `../steps/confirm.md`. Gate: yes or no.\n\
         2. **Close** (if asked) with `okta-mcp.disable_okta_user`.\n   - first\n   - second\n\
         3. See `../gone.md`, then [our own](compromised-account.md).\n",
    );
    put(
        "books/steps/confirm.md",
        "# Confirm\n\n## Steps\n\n1. Ask\n2. Back to `../irps/account.md`\n",
    );
    put(
        "books/clean/fine.md",
        "# Fine\n\n## Containment\n\n1. Do it\n2. Note it\n",
    );
    house
}

#[test]
fn the_json_is_what_was_agreed() {
    let house = house();
    let (code, out, err) = run(
        house.path(),
        &["checklist", "books/irps/account.md", "--json"],
    );
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.is_ascii());
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let expected = json!({
        "title": "Account",
        "inputs": [
            {"name": "USER_ID", "optional": false, "default": null, "alternatives": []},
            {"name": "HOURS", "optional": true, "default": "72", "alternatives": []},
        ],
        "phases": [{"name": "Containment", "picerl": "containment", "steps": [
            {"label": "Ask with ../steps/confirm.md", "line": 10, "substeps": 0, "gate": true, "optional": false, "condition": null,
             "tools": [], "runbooks": ["../steps/confirm.md"]},
            {"label": "Close", "line": 11, "substeps": 2, "gate": false, "optional": false, "condition": "if asked",
             "tools": ["okta-mcp.disable_okta_user"], "runbooks": []},
            {"label": "See ../gone.md, then our own", "line": 14, "substeps": 0, "gate": false, "optional": false,
             "condition": null, "tools": [], "runbooks": ["../gone.md", "compromised-account.md"]},
        ]}],
        "linked_runbooks": [
            {"path": "../steps/confirm.md", "resolved": "books/steps/confirm.md", "line": 10},
            {"path": "../gone.md", "resolved": null, "line": 14},
            {"path": "compromised-account.md", "resolved": "compromised-account.md", "line": 14},
        ],
        "linked_documents": [],
        "notices": [
            {"line": 10, "text": "links in a loop: irps/account.md -> steps/confirm.md -> irps/account.md"},
            {"line": 14, "text": "linked runbook '../gone.md' not found"},
        ],
    });
    assert_eq!(value, expected, "{out}");
}

#[test]
fn an_absolute_path_gives_absolute_paths() {
    let house = house();
    let file = house
        .path()
        .canonicalize()
        .expect("a path")
        .join("books/irps/account.md");
    let (code, out, _) = run(
        house.path(),
        &["checklist", file.to_str().expect("UTF-8"), "--json"],
    );
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let found = value["linked_runbooks"][0]["resolved"]
        .as_str()
        .expect("a path");
    assert_eq!(code, 0);
    assert!(
        Path::new(found).is_absolute() && Path::new(found).exists(),
        "{found}"
    );
}

#[test]
fn the_short_list_for_people() {
    let house = house();
    let (code, out, _) = run(house.path(), &["checklist", "books/irps/account.md"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn check_finds_each_fault_with_its_line_and_says_so_by_its_code() {
    let house = house();
    let (code, out, err) = run(house.path(), &["check", "books"]);
    assert_eq!((code, err.as_str()), (1, ""));
    let expected = "\
books/irps/account.md:10: loop: links in a loop: irps/account.md -> steps/confirm.md -> irps/account.md
books/irps/account.md:14: broken link: linked runbook '../gone.md' not found
books/steps/confirm.md:6: loop: links in a loop: steps/confirm.md -> irps/account.md -> steps/confirm.md
3 runbooks, 3 findings
";
    assert_eq!(out, expected);
    let (code, out, _) = run(house.path(), &["check", "books", "--json"]);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, value["runbooks"].as_u64()), (1, Some(3)));
    assert_eq!(
        value["findings"][1],
        json!({"file": "books/irps/account.md", "line": 14, "kind": "broken_link",
               "text": "linked runbook '../gone.md' not found"})
    );
    let (code, out, _) = run(house.path(), &["check", "books/clean/fine.md"]);
    assert_eq!((code, out.as_str()), (0, "1 runbook, nothing found\n"));
}

#[test]
fn our_own_runbooks_are_clean_and_are_found_by_their_names() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = source.join("runbooks");
    let (code, out, err) = run(source, &["check", folder.to_str().expect("UTF-8")]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "4 runbooks, nothing found\n", "")
    );
    let empty = tempfile::tempdir().expect("a folder");
    for name in [
        "compromised-account",
        "malicious-process",
        "risky-sign-in",
        "phishing-mail.md",
    ] {
        let (code, out, _) = run(empty.path(), &["show", name]);
        assert_eq!(code, 0, "{name}");
        assert!(out.contains("## Phase 7: Runbook feedback"), "{name}");
        assert!(
            out.lines().all(|line| line.chars().count() <= 100),
            "{name}"
        );
    }
    let (code, out, _) = run(empty.path(), &["list"]);
    assert_eq!((code, out.lines().count()), (0, 4), "{out}");
    assert!(
        out.contains("compromised-account.md  Compromised user account, "),
        "{out}"
    );
}

#[test]
fn standard_input_is_a_runbook_too() {
    let empty = tempfile::tempdir().expect("a folder");
    let text = b"# From a pipe\n\n## Containment\n\n1. Do it\n";
    let (code, out, _) = with_input(empty.path(), &["checklist", "-", "--json"], text);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, value["title"].as_str()), (0, Some("From a pipe")));
    let (code, out, _) = with_input(
        empty.path(),
        &["check", "-"],
        b"# T\n\n## Recovery\n\n1. See `x/y.md`\n",
    );
    assert_eq!(code, 1);
    assert!(out.starts_with("standard input:5: broken link: "), "{out}");
}

#[rstest]
#[case::missing("nothing.md", None, "no file and no runbook nothing.md")]
#[case::folder("folder", None, "folder is a folder")]
#[case::binary("x.md", Some(b"# T\n\x00\x01" as &[u8]), "x.md:2: not UTF-8 text: it has a NUL byte")]
#[case::utf16(
    "x.md",
    Some(b"\xff\xfe#\x00" as &[u8]),
    "x.md:1: not UTF-8 text: it begins like UTF-16"
)]
#[case::latin1(
    "x.md",
    Some(b"# T\n\nM\xfcller\n" as &[u8]),
    "x.md:3: not UTF-8 text: a byte that is no character"
)]
fn what_cannot_be_read_is_said_with_code_3(
    #[case] name: &str,
    #[case] bytes: Option<&[u8]>,
    #[case] said: &str,
    #[values("checklist", "show", "check")] command: &str,
) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    if let Some(bytes) = bytes {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let (code, out, err) = run(folder.path(), &[command, name]);
    let expected = if (command, name) == ("check", "folder") {
        "no runbooks in folder"
    } else {
        said
    };
    assert_eq!((code, out.as_str()), (3, ""), "{err}");
    assert!(err.contains(expected), "{err}");
}

#[test]
fn slow_fifty_megabytes_cost_no_more_than_the_first_four() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = b"Words of a long paragraph that asks nothing of anybody.\n".repeat(1_100_000);
    fs::write(folder.path().join("long.md"), &long).expect("a file");
    let begun = Instant::now();
    let (code, out, _) = run(folder.path(), &["checklist", "long.md"]);
    assert_eq!(code, 0);
    assert!(out.contains("the rest is not read"));
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn hostile_text_stays_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "# \u{1b}]0;owned\u{7}T\n\n## Containment\n\n1. \u{1b}[2Jred \u{202e}txt with `x-mcp.\u{9b}31m`\n2. See `\u{1b}[31m.md`\n";
    fs::write(folder.path().join("x.md"), text).expect("a file");
    let raw = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    for arguments in [
        &["checklist", "x.md"][..],
        &["checklist", "x.md", "--json"],
        &["show", "x.md"],
        &["check", "x.md"],
    ] {
        let (_, out, err) = run(folder.path(), arguments);
        assert!(!out.is_empty(), "{arguments:?}");
        assert!(
            !out.contains(raw) && !err.contains(raw),
            "{arguments:?}: {out:?} {err:?}"
        );
    }
}

#[test]
fn links_do_not_leave_the_folders_around_the_file() {
    let house = house();
    let outside = house.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("secret.md"), "# S\n").expect("a file");
    let inside = house.path().join("books/irps");
    std::os::unix::fs::symlink(outside.join("secret.md"), inside.join("secret.md"))
        .expect("a link");
    fs::write(
        inside.join("x.md"),
        "# X\n\n## Containment\n\n1. See `secret.md`\n2. See `/etc/passwd.md`\n",
    )
    .expect("a file");
    let (_, out, _) = run(house.path(), &["checklist", "books/irps/x.md", "--json"]);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let links = value["linked_runbooks"].as_array().expect("a list");
    assert!(
        !links.is_empty() && links.iter().all(|link| link["resolved"].is_null()),
        "{links:?}"
    );
}

#[test]
fn the_corpus_is_read_and_its_links_are_found() {
    let Some(shared) = crate::harness::shared("the_corpus_is_read_and_its_links_are_found") else {
        return;
    };
    let books = shared.join("corpus/runbooks/mcp-security/.clinerules.example/run_books");
    let file = books.join("irps/compromised_user_account_response.md");
    // The home directory is never looked through, so it is not this one.
    let home = tempfile::tempdir().expect("a folder");
    let (code, out, _) = run(
        home.path(),
        &["checklist", file.to_str().expect("UTF-8"), "--json"],
    );
    assert_eq!(code, 0);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let found = |path: &str| {
        let links = value["linked_runbooks"].as_array().expect("a list");
        let link = links.iter().find(|link| link["path"] == path);
        link.and_then(|link| link["resolved"].as_str().map(str::to_owned))
    };
    let confirm = found("../common_steps/confirm_action.md").expect("it is there");
    assert!(
        confirm.ends_with("run_books/common_steps/confirm_action.md"),
        "{confirm}"
    );
}

#[test]
fn the_configuration_names_folders_rules_and_the_default() {
    let house = house();
    let root = house.path().canonicalize().expect("a path");
    let config = root.join("config.toml");
    let text = format!(
        "[environment]\nname = \"x\"\nkind = \"production\"\n[[connection]]\nname = \"okta\"\nvendor = \"okta\"\n\
         url = \"https://okta.example.com\"\nsecret = {{ file = \"/k\" }}\n\
         [runbook]\nfolders = [\"{}\"]\ndefault = \"clean/fine.md\"\n",
        root.join("books").display()
    );
    fs::write(&config, text).expect("a file");
    let (code, out, err) = run(
        &root,
        &["list", "--config", config.to_str().expect("UTF-8")],
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), 7, "{out}");
    assert!(out.contains("Fine, 2 steps, yours, the default"), "{out}");
    let (code, out, _) = run(
        &root,
        &[
            "checklist",
            "fine",
            "--config",
            config.to_str().expect("UTF-8"),
        ],
    );
    assert_eq!(code, 0);
    assert!(out.starts_with("Fine\n"), "{out}");
}

#[test]
fn a_text_without_a_title_has_the_name_of_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("during");
    fs::create_dir_all(&inside).expect("a folder");
    fs::write(inside.join("doors.md"), "1. Close it\n").expect("a file");
    // With a link, so that it is looked at together with its folder.
    fs::write(inside.join("floor.md"), "1. See `doors.md`\n").expect("a file");
    for (name, title) in [
        ("during/doors.md", "doors.md"),
        ("during/floor.md", "floor.md"),
    ] {
        let (code, out, _) = run(folder.path(), &["checklist", name, "--json"]);
        assert_eq!(code, 0, "{name}");
        let json: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(json["title"], title);
    }
}
