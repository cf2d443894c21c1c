use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use rstest::rstest;

use crate::domain::audit::{Body, ChainHash, MAX_LINE, SUFFIX};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::store::audit::{
    AuditLog, Closed, Ground, Identity, SealPace, StoreError, segments, verify,
};

type Done = Result<(), Box<dyn Error>>;

/// Opens a log that seals every record of an open session at once.
fn open(dir: &Path, rotate_at: u64) -> Result<AuditLog, StoreError> {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1,
        user: "jo".into(),
    };
    let ground = Ground {
        rotate_at,
        seal: SealPace {
            records: 1,
            ..SealPace::default()
        },
        ..Ground::default()
    };
    AuditLog::open_on(dir, identity, ground)
}

const BIG: u64 = 1 << 20;
const SMALL: u64 = 2000;

fn opening() -> Body {
    Body::SessionOpen {
        version: "1".into(),
        environment: "prod".into(),
        mode: "live".into(),
        os_user: "jo".into(),
        operator: None,
        config_sha256: "0".into(),
        policy_sha256: None,
        drill: false,
        public_key: None,
    }
}

fn note(text: &str) -> Result<Body, Box<dyn Error>> {
    Ok(Body::Note {
        case: CaseId::new(ConnectionName::parse("hive")?, "~1"),
        text: text.into(),
        operator: None,
    })
}

fn close(reason: &str) -> Body {
    Body::SessionClose {
        reason: reason.to_owned(),
    }
}

/// Gives the first two lines of a file.
fn two_lines(path: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(2);
    Ok(lines.flatten().copied().collect())
}

fn cut(path: &Path) -> Done {
    let size = two_lines(path)?.len() as u64;
    OpenOptions::new().write(true).open(path)?.set_len(size)?;
    Ok(())
}

fn replace_by_shorter(path: &Path) -> Done {
    let new = path.with_extension("new");
    fs::write(&new, two_lines(path)?)?;
    fs::rename(&new, path)?;
    Ok(())
}

fn replace_by_copy(path: &Path) -> Done {
    let new = path.with_extension("new");
    fs::copy(path, &new)?;
    fs::rename(&new, path)?;
    Ok(())
}

fn rewrite_last(path: &Path) -> Done {
    let text = fs::read_to_string(path)?;
    let before = text
        .trim_end()
        .rfind('\n')
        .map(|at| at + 1)
        .ok_or("one line")?;
    let (kept, last) = text.split_at(before);
    let (hashed, _) = last.split_at(last.len() - SUFFIX - 1);
    let hashed = hashed.replacen("bastion", "bastiom", 1);
    let h = ChainHash::of(hashed.as_bytes());
    let now = format!("{kept}{hashed},\"h\":\"{h}\"}}\n");
    assert!(now != text && now.len() == text.len());
    fs::write(path, now)?;
    Ok(())
}

fn edit_last_and_leave_its_hash(path: &Path) -> Done {
    let text = fs::read_to_string(path)?;
    let (kept, last) = text.split_at(text.rfind("\"uid\":1,").ok_or("no uid")?);
    let now = format!("{kept}{}", last.replacen("\"uid\":1,", "\"uid\":9,", 1));
    assert!(now != text && now.len() == text.len());
    fs::write(path, now)?;
    Ok(())
}

fn cut_and_grown_by_another(path: &Path) -> Done {
    let size = fs::metadata(path)?.len();
    cut(path)?;
    let other = open(path.parent().ok_or("no folder")?, BIG)?;
    while fs::metadata(path)?.len() <= size {
        other.append_blocking(vec![close("other")])?;
    }
    Ok(())
}

fn append_again(path: &Path, which: impl Fn(&str) -> Option<&str>) -> Done {
    let text = fs::read_to_string(path)?;
    let line = which(&text).ok_or("no line")?;
    let mut file = OpenOptions::new().append(true).open(path)?;
    Ok(writeln!(file, "{line}")?)
}

fn append_the_last_again(path: &Path) -> Done {
    append_again(path, |text| text.lines().last())
}

fn append_one_of_before_again(path: &Path) -> Done {
    append_again(path, |text| text.lines().nth(1))
}

fn named_as_the_next_segment(path: &Path) -> Done {
    let name = path.to_string_lossy().replace("-1.jsonl", "-2.jsonl");
    fs::rename(path, name)?;
    Ok(())
}

#[rstest]
#[case(cut)]
#[case(replace_by_shorter)]
#[case(replace_by_copy)]
#[case(rewrite_last)]
#[case(edit_last_and_leave_its_hash)]
#[case(cut_and_grown_by_another)]
#[case(append_the_last_again)]
#[case(append_one_of_before_again)]
#[case(named_as_the_next_segment)]
fn a_log_that_was_changed_is_neither_gone_on_with_nor_signed(
    #[case] change: fn(&Path) -> Done,
) -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path(), BIG)?;
    log.append_blocking(vec![opening()])?;
    log.append_blocking(vec![note("one")?])?;
    let entries = log.read_all()?;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.body.type_name()).collect();
    assert_eq!(kinds, ["session.open", "checkpoint", "note", "checkpoint"]);
    let path = segments::path(dir.path(), log.log(), 1);
    let whole = fs::read(&path)?;
    change(&path)?;
    let changed = fs::read(&path).ok();
    for bodies in [vec![note("two")?], vec![close("x")], Vec::new()] {
        let refused = log.append_blocking(bodies);
        assert!(
            matches!(refused, Err(StoreError::Changed { n: 4, .. })),
            "{refused:?}"
        );
    }
    assert!(
        fs::read(&path).ok() == changed,
        "nothing is added, and no checkpoint either"
    );
    let failed = log.health().failed.ok_or("not latched")?;
    let words = "the log was changed under this console: record 4 is not where it was left";
    assert!(failed.shown().as_str().starts_with(words), "{failed}");
    assert!(failed.hint().is_some());
    // Putting it back does not undo that it was away.
    fs::write(&path, whole)?;
    assert!(log.append_blocking(vec![close("y")]).is_err());
    Ok(())
}

#[test]
fn a_last_record_of_any_length_is_read_as_a_whole() -> Done {
    for spare in [MAX_LINE - 2_000, MAX_LINE - 9_000, 1, 0] {
        let dir = tempfile::tempdir()?;
        let log = open(dir.path(), BIG)?;
        log.append_blocking(vec![close("")])?;
        let path = segments::path(dir.path(), log.log(), 1);
        let rest = usize::try_from(fs::metadata(&path)?.len())?;
        // The longest line that there can be, or one that is shorter.
        log.append_blocking(vec![close(&"x".repeat(MAX_LINE - rest - spare))])?;
        log.append_blocking(Vec::new())?;
        let size = fs::metadata(&path)?.len();
        assert_eq!(usize::try_from(size)?, rest + MAX_LINE - spare);
        edit_last_and_leave_its_hash(&path)?;
        let refused = log.append_blocking(vec![close("y")]);
        assert!(
            matches!(refused, Err(StoreError::Changed { n: 2, .. })),
            "{spare}: {refused:?}"
        );
        assert_eq!(fs::metadata(&path)?.len(), size, "nothing is added");
    }
    Ok(())
}

#[test]
fn what_others_append_and_heal_is_gone_on_with() -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), BIG)?, open(dir.path(), BIG)?);
    one.append_blocking(vec![opening()])?;
    two.append_blocking(vec![opening()])?;
    one.append_blocking(vec![note("one")?])?;
    let path = segments::path(dir.path(), one.log(), 1);
    OpenOptions::new()
        .append(true)
        .open(&path)?
        .write_all(b"{\"v\":1,")?;
    two.append_blocking(vec![note("two")?])?;
    one.append_blocking(Vec::new())?;
    one.append_blocking(vec![close("one")])?;
    assert!(one.health().failed.is_none());
    for (_, report) in verify(dir.path())? {
        assert!(report.intact(), "{report:?}");
    }
    Ok(())
}

#[rstest]
#[case(false)]
#[case(true)]
fn segments_that_others_end_and_remove_are_followed(#[case] pruned: bool) -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), SMALL)?, open(dir.path(), SMALL)?);
    one.append_blocking(vec![close("one")])?;
    for _ in 0..20 {
        two.append_blocking(vec![close("two")])?;
    }
    if pruned {
        let closed = Closed::before(&two.check()?.entries, DateTime::<Utc>::MAX_UTC);
        assert!(closed.len() > 1, "{closed:?}");
        two.prune(&closed)?;
        assert!(!segments::path(dir.path(), one.log(), 1).exists());
    }
    let told = one.append_blocking(vec![close("one again")])?;
    assert!(told.iter().all(|entry| entry.seg > 2), "{told:?}");
    assert!(one.health().failed.is_none());
    two.append_blocking(vec![close("two again")])?;
    for (_, report) in verify(dir.path())? {
        assert!(report.intact(), "{report:?}");
    }
    Ok(())
}

#[test]
fn a_segment_that_was_ended_and_cut_since_is_not_followed() -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), SMALL)?, open(dir.path(), SMALL)?);
    one.append_blocking(vec![close("a"), close("b"), close("c")])?;
    for _ in 0..20 {
        two.append_blocking(vec![close("two")])?;
    }
    let path = segments::path(dir.path(), one.log(), 1);
    let kept = two_lines(&path)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    fs::write(&path, kept)?;
    let refused = one.append_blocking(vec![close("d")]);
    assert!(
        matches!(refused, Err(StoreError::Changed { n: 3, .. })),
        "{refused:?}"
    );
    // The other left its last record in a later segment, which nobody touched.
    two.append_blocking(vec![close("two")])?;
    Ok(())
}
