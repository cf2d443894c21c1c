use std::error::Error;
use std::fs::OpenOptions;

use super::*;
use crate::domain::audit::{Body, Draft, encode_line, parse_line};
use crate::store::audit::{AuditLog, Closed, Ground, HEAD, Identity, Place, segments};
use chrono::{DateTime, Utc};
use rstest::rstest;

type Done = Result<(), Box<dyn Error>>;

const BIG: u64 = 1 << 20;
const SMALL: u64 = 2_000;

fn open(root: &Path, rotate_at: u64) -> Result<AuditLog, StoreError> {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1,
        user: "jo".into(),
    };
    let ground = Ground {
        rotate_at,
        head: Some(root.join(HEAD)),
        ..Ground::default()
    };
    AuditLog::open_on(&root.join("audit"), identity, ground)
}

/// A record that is waited for, so that it is remembered.
fn close(reason: &str) -> Vec<Body> {
    vec![Body::SessionClose {
        reason: reason.to_owned(),
    }]
}

/// Gives the first segment and its size now.
fn first(root: &Path, log: &AuditLog) -> Result<(PathBuf, u64), Box<dyn Error>> {
    let path = segments::path(&root.join("audit"), log.log(), 1);
    let size = fs::metadata(&path)?.len();
    Ok((path, size))
}

fn cut(path: &Path, size: u64) -> Done {
    Ok(OpenOptions::new().write(true).open(path)?.set_len(size)?)
}

fn last(root: &Path) -> Result<u64, Box<dyn Error>> {
    let heads = remembered(&root.join(HEAD))?;
    Ok(heads.first().ok_or("nothing is remembered")?.n)
}

#[rstest]
#[case::with_a_record(close("again"))]
#[case::with_a_look(Vec::new())]
fn a_log_that_was_cut_behind_what_was_never_read_is_not_gone_on_from(
    #[case] bodies: Vec<Body>,
) -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let (one, two) = (open(root, BIG)?, open(root, BIG)?);
    one.append_blocking(close("one"))?;
    let (path, size) = first(root, &one)?;
    for _ in 0..3 {
        two.append_blocking(close("two"))?;
    }
    drop(two);
    assert_eq!(last(root)?, 4);
    cut(&path, size)?;
    for bodies in [bodies, close("later")] {
        let refused = one.append_blocking(bodies);
        assert!(
            matches!(refused, Err(StoreError::Changed { n: 4, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(fs::metadata(&path)?.len(), size, "nothing is added");
    assert!(one.health().failed.is_some());
    assert_eq!(last(root)?, 4);
    Ok(())
}

/// Replaces the records from a number on by others of the same numbers, with right hashes.
fn rewrite(path: &Path, from: u64) -> Done {
    let text = fs::read(path)?;
    let (mut out, mut prev) = (Vec::new(), None);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let entry = parse_line(bare).map_err(|fault| format!("{fault:?}"))?;
        if entry.n < from {
            prev = Some(entry.h);
            out.extend_from_slice(line);
            continue;
        }
        let body = Body::SessionClose {
            reason: "nothing happened".to_owned(),
        };
        let draft = Draft {
            log: &entry.log,
            seg: entry.seg,
            n: entry.n,
            ts: entry.ts,
            boot_us: entry.boot_us,
            host: &entry.host,
            uid: entry.uid,
            user: &entry.user,
            pid: entry.pid,
            sess: &entry.sess,
            body: &body,
            prev: prev.ok_or("a record before it")?,
        };
        let (line, made) = encode_line(&draft)?;
        prev = Some(made.h);
        out.extend(line);
    }
    Ok(fs::write(path, out)?)
}

#[test]
fn a_log_whose_end_was_rewritten_before_it_was_read_is_not_gone_on_from() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let (one, two) = (open(root, BIG)?, open(root, BIG)?);
    one.append_blocking(close("one"))?;
    for _ in 0..3 {
        two.append_blocking(close("two"))?;
    }
    drop(two);
    assert_eq!(last(root)?, 4);
    let (path, _) = first(root, &one)?;
    rewrite(&path, 3)?;
    let (read, _) = one.read_on(Place::default())?;
    assert_eq!(one.forged(&read).map(|entry| entry.n), Some(4));
    assert!(one.forged(&read[..3]).is_none(), "nothing remembers those");
    let refused = one.append_blocking(close("later"));
    assert!(
        matches!(refused, Err(StoreError::Changed { n: 4, .. })),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn what_did_not_fit_at_the_start_is_not_held_against_what_is_read_since() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let before = open(root, BIG)?;
    for _ in 0..3 {
        before.append_blocking(close("before"))?;
    }
    let (path, _) = first(root, &before)?;
    drop(before);
    rewrite(&path, 2)?;
    let one = open(root, BIG)?;
    let (read, _) = one.read_on(Place::default())?;
    assert!(one.forged(&read).is_none());
    one.append_blocking(close("goes on"))?;
    Ok(())
}

#[test]
fn a_log_that_was_cut_before_the_start_is_gone_on_with() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let one = open(root, BIG)?;
    one.append_blocking(close("one"))?;
    let (path, size) = first(root, &one)?;
    for _ in 0..3 {
        one.append_blocking(close("one"))?;
    }
    drop(one);
    cut(&path, size)?;
    let two = open(root, BIG)?;
    assert!(two.look()?.is_some(), "it is said");
    for _ in 0..6 {
        two.append_blocking(close("two"))?;
    }
    assert!(two.health().failed.is_none());
    assert_eq!(last(root)?, 4, "it stays until a person decides");
    Ok(())
}

#[rstest]
#[case::none(None)]
#[case::damaged(Some("garbage\n"))]
#[case::empty(Some(""))]
fn a_file_that_says_nothing_stops_nobody(#[case] text: Option<&str>) -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let (one, two) = (open(root, BIG)?, open(root, BIG)?);
    one.append_blocking(close("one"))?;
    two.append_blocking(close("two"))?;
    match text {
        Some(text) => fs::write(root.join(HEAD), text)?,
        None => fs::remove_file(root.join(HEAD))?,
    }
    for log in [&one, &two, &one] {
        log.append_blocking(close("again"))?;
    }
    assert!(one.health().failed.is_none());
    Ok(())
}

#[test]
fn the_head_of_another_log_stops_nobody() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let one = open(root, BIG)?;
    let entries = one.append_blocking(close("one"))?;
    let other = Anchor {
        log: LogId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV")?,
        n: 99,
        h: entries.first().ok_or("no record")?.h,
    };
    fs::write(root.join(HEAD), format!("{other}\n"))?;
    one.append_blocking(close("again"))?;
    assert!(one.health().failed.is_none());
    Ok(())
}

#[rstest]
#[case(false)]
#[case(true)]
fn a_log_that_others_ended_and_pruned_is_gone_on_with(#[case] pruned: bool) -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let (one, two) = (open(root, SMALL)?, open(root, SMALL)?);
    for _ in 0..3 {
        one.append_blocking(close("one"))?;
        for _ in 0..20 {
            two.append_blocking(close("two"))?;
        }
        if pruned {
            let closed = Closed::before(&two.check()?.entries, DateTime::<Utc>::MAX_UTC);
            assert!(!closed.is_empty());
            two.prune(&closed)?;
        }
    }
    one.append_blocking(close("one"))?;
    assert!(one.health().failed.is_none() && two.health().failed.is_none());
    Ok(())
}

#[test]
fn a_console_whose_log_was_changed_remembers_nothing_more() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let one = open(root, BIG)?;
    one.append_blocking(close("one"))?;
    let (path, size) = first(root, &one)?;
    one.append_blocking(close("one"))?;
    cut(&path, size)?;
    assert!(one.append_blocking(close("one")).is_err());
    // A person decided: the next console must not be stopped by what this one knew.
    fs::remove_file(root.join(HEAD))?;
    one.heads.keep();
    assert!(remembered(&root.join(HEAD))?.is_empty());
    Ok(())
}

#[test]
fn what_cannot_be_remembered_is_in_the_health_until_it_can() -> Done {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let one = open(root, BIG)?;
    one.append_blocking(close("one"))?;
    assert!(one.health().unremembered.is_none());
    let way = root.join("head.new");
    fs::create_dir(&way)?;
    one.append_blocking(close("one"))?;
    let error = one.health().unremembered.ok_or("nothing is kept")?;
    assert!(error.shown().as_str().contains("head"), "{error}");
    fs::remove_dir(&way)?;
    one.append_blocking(close("one"))?;
    assert!(one.health().unremembered.is_none());
    assert_eq!(last(root)?, 3);
    Ok(())
}
