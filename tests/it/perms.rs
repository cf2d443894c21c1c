//! Files that decide something, on a real file system: owner, mode, kind, links, directories above.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use quell::store::files::{
    Facts, FileError, Objection, Rule, check_program, judge, read_checked, read_config, read_host,
};
use rstest::rstest;
use tempfile::TempDir;

use crate::harness::root;

/// A directory below which nothing is writable by strangers except what a test makes so.
fn place() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory can be made");
    set_mode(directory.path(), 0o755);
    directory
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}

fn file(directory: &Path, mode: u32) -> PathBuf {
    let path = directory.join("key");
    fs::write(&path, "s3cret\n").expect("the file can be written");
    set_mode(&path, mode);
    path
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn words(verdict: Result<Vec<u8>, FileError>) -> String {
    match verdict {
        Ok(bytes) => format!("read {}", bytes.len()),
        Err(cause) => format!("{cause} | {}", cause.hint().unwrap_or_default()),
    }
}

#[rstest]
#[case(0o600, "read 7")]
#[case(0o400, "read 7")]
#[case(
    0o640,
    "refused the secret file K: its mode is 0640: others can read it | chmod 600 K"
)]
#[case(
    0o604,
    "refused the secret file K: its mode is 0604: others can read it | chmod 600 K"
)]
#[case(
    0o620,
    "refused the secret file K: its mode is 0620: others can change it | chmod 600 K"
)]
#[case(
    0o666,
    "refused the secret file K: its mode is 0666: others can change it | chmod 600 K"
)]
fn modes_of_a_secret_file(#[case] mode: u32, #[case] expected: &str) {
    let directory = place();
    let path = file(directory.path(), mode);
    let found = words(read_checked(&path, Rule::Secret, 100));
    assert_eq!(found, expected.replace('K', &path.to_string_lossy()));
}

#[rstest]
#[case(0o644, "read 7")]
#[case(0o600, "read 7")]
#[case(
    0o664,
    "refused the configuration K: its mode is 0664: others can change it | chmod go-w K"
)]
#[case(
    0o646,
    "refused the configuration K: its mode is 0646: others can change it | chmod go-w K"
)]
fn modes_of_a_configuration(#[case] mode: u32, #[case] expected: &str) {
    let directory = place();
    let path = file(directory.path(), mode);
    let found = words(read_checked(&path, Rule::Config, 100));
    assert_eq!(found, expected.replace('K', &path.to_string_lossy()));
}

#[test]
fn the_hint_repairs_what_it_complains_of() {
    let directory = place();
    let path = file(directory.path(), 0o666);
    for rule in [Rule::Config, Rule::Credential, Rule::Secret] {
        let cause = read_checked(&path, rule, 100).expect_err("must be refused");
        let hint = cause.hint().expect("a mode has its hint");
        let done = Command::new("/bin/sh")
            .args(["-c", hint.as_str()])
            .status()
            .expect("sh runs");
        assert!(done.success(), "{hint}");
        assert!(
            read_checked(&path, rule, 100).is_ok(),
            "{rule:?} after {hint}"
        );
    }
}

#[test]
fn a_file_of_a_stranger_is_refused() {
    let directory = place();
    let path = file(directory.path(), 0o600);
    if is_root() {
        chown(&path, Some(12_345), None).expect("root can give files away");
        let found = words(read_checked(&path, Rule::Secret, 100));
        assert!(
            found.contains("it belongs to user 12345, neither to you nor to root"),
            "{found}"
        );
        assert!(
            found.ends_with(&format!("chown \"$(id -u)\" {}", path.display())),
            "{found}"
        );
    } else {
        // Only root can give files away; a file of root's is ours to believe.
        assert!(read_checked(Path::new("/etc/passwd"), Rule::Config, 1 << 20).is_ok());
        let stranger = Facts {
            regular: true,
            owner: 12_345,
            mode: 0o600,
        };
        assert_eq!(
            judge(stranger, Rule::Secret, 1000),
            Err(Objection::Owner(12_345))
        );
    }
}

#[test]
fn links_pipes_and_directories_are_refused_and_never_wait() {
    let directory = place();
    let path = file(directory.path(), 0o600);
    let link = directory.path().join("link");
    symlink(&path, &link).expect("a link can be made");
    let dangling = directory.path().join("dangling");
    symlink("nowhere", &dangling).expect("a link can be made");
    let pipe = directory.path().join("pipe");
    let made = Command::new("mkfifo")
        .arg("-m")
        .arg("600")
        .arg(&pipe)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    let verdict = |path: &Path| words(read_checked(path, Rule::Secret, 100));
    assert!(verdict(&link).contains("it is a symbolic link | name the file itself: readlink -f"));
    assert!(verdict(&dangling).contains("it is a symbolic link"));
    assert!(verdict(&pipe).contains("it is not a regular file"));
    assert!(verdict(directory.path()).contains("it is not a regular file"));
}

#[rstest]
#[case(0o777, false)]
#[case(0o757, false)]
#[case(0o1777, true)]
#[case(0o775, true)]
#[case(0o700, true)]
fn directories_above(#[case] mode: u32, #[case] believed: bool) {
    let directory = place();
    let above = directory.path().join("a");
    let below = above.join("b");
    fs::create_dir_all(&below).expect("directories can be made");
    let path = file(&below, 0o600);
    set_mode(&above, mode);
    let found = read_checked(&path, Rule::Secret, 100);
    assert_eq!(found.is_ok(), believed, "{mode:04o}");
    // The same file by a link to its directory: both ways to it count.
    let elsewhere = directory.path().join("link");
    symlink(&below, &elsewhere).expect("a link can be made");
    assert_eq!(
        read_checked(&elsewhere.join("key"), Rule::Secret, 100).is_ok(),
        believed
    );
    if let Err(cause) = found {
        let hint = cause.hint().expect("a directory has its hint");
        assert_eq!(hint.as_str(), format!("chmod o-w {}", above.display()));
    }
}

#[rstest]
#[case(0o755, 0, true)]
#[case(0o775, 0, false)]
#[case(0o755, 12_345, false)]
fn a_policy_that_others_can_take_away_is_refused(
    #[case] mode: u32,
    #[case] owner: u32,
    #[case] believed: bool,
) {
    if !root("perms::a_policy_that_others_can_take_away_is_refused") {
        return;
    }
    let directory = place();
    let folder = directory.path().join("quell");
    fs::create_dir(&folder).expect("a directory can be made");
    let path = file(&folder, 0o644);
    set_mode(&folder, mode);
    chown(&folder, Some(owner), None).expect("root can give folders away");
    let linked = directory.path().join("link");
    symlink(&folder, &linked).expect("a link can be made");
    for path in [path, linked.join("key")] {
        let found = read_host(&path);
        assert_eq!(found.is_ok(), believed, "{found:?}");
        if let Err(cause) = found {
            let said = format!("{cause} | {}", cause.hint().unwrap_or_default());
            let folder = path.parent().expect("a folder").display();
            let expected = format!(
                "refused the host policy {}: others than root can take it out of the directory {folder} | as root: chown root {folder} && chmod go-w {folder}",
                path.display()
            );
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn a_link_in_a_directory_open_to_everybody_is_refused_though_its_target_is_well_kept() {
    let directory = place();
    let open = directory.path().join("open");
    let kept = directory.path().join("kept");
    fs::create_dir(&open).expect("a directory can be made");
    fs::create_dir(&kept).expect("a directory can be made");
    file(&kept, 0o600);
    symlink(&kept, open.join("link")).expect("a link can be made");
    let path = open.join("link/key");
    assert!(read_checked(&path, Rule::Secret, 100).is_ok());
    set_mode(&open, 0o777);
    assert!(read_checked(&path, Rule::Secret, 100).is_err());
}

#[test]
fn too_long_missing_and_not_text() {
    let directory = place();
    let path = file(directory.path(), 0o600);
    assert!(read_checked(&path, Rule::Secret, 7).is_ok());
    assert!(words(read_checked(&path, Rule::Secret, 6)).contains("it has more than 6 bytes"));
    let missing = read_config(&directory.path().join("none.toml")).expect_err("there is none");
    assert!(missing.is_missing());
    fs::write(&path, b"a = \"\xff\"").expect("the file can be written");
    let encoding = read_config(&path).expect_err("not UTF-8");
    assert!(
        encoding.to_string().ends_with("it is not UTF-8 text"),
        "{encoding}"
    );
    assert!(!encoding.is_missing());
}

#[test]
fn a_program_may_be_a_link_but_not_one_that_strangers_can_change() {
    let directory = place();
    let path = file(directory.path(), 0o755);
    let link = directory.path().join("link");
    symlink(&path, &link).expect("a link can be made");
    assert!(check_program(&link).is_ok());
    assert!(check_program(Path::new("/bin/sh")).is_ok());
    set_mode(&path, 0o775);
    let cause = check_program(&link).expect_err("the group can change it");
    assert!(
        cause
            .to_string()
            .contains("its mode is 0775: others can change it"),
        "{cause}"
    );
}

#[test]
fn the_process_closes_itself() {
    // What it changes is true for the whole process, so a process of its own does it.
    let own = std::env::current_exe().expect("a test knows its binary");
    let arguments = [
        "--exact",
        "perms::closed_in_a_process_of_its_own",
        "--ignored",
        "--test-threads=1",
    ];
    let output = Command::new(own)
        .args(arguments)
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[ignore = "changes its whole process; run by the_process_closes_itself"]
fn closed_in_a_process_of_its_own() {
    quell::store::process::harden().expect("every part works here");
    let core = rustix::process::getrlimit(rustix::process::Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    #[cfg(target_os = "linux")]
    assert_eq!(
        rustix::process::dumpable_behavior().ok(),
        Some(rustix::process::DumpableBehavior::NotDumpable)
    );
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("new");
    File::create(&path).expect("a file can be made");
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
