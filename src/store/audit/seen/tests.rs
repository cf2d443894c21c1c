use std::error::Error;
use std::fs::{self, OpenOptions};

use chrono::{DateTime, Utc};
use rstest::rstest;

use super::*;
use crate::domain::audit::Body;
use crate::store::audit::{AuditLog, Closed, Ground, Identity, verify};

type Done = Result<(), Box<dyn Error>>;

const BIG: u64 = 1 << 20;
const SMALL: u64 = 2_000;

fn open(dir: &Path, rotate_at: u64) -> Result<AuditLog, StoreError> {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1,
        user: "jo".into(),
    };
    let ground = Ground {
        rotate_at,
        ..Ground::default()
    };
    AuditLog::open_on(dir, identity, ground)
}

fn close(reason: &str) -> Body {
    Body::SessionClose {
        reason: reason.to_owned(),
    }
}

fn cut(path: &Path, size: u64) -> Done {
    Ok(OpenOptions::new().write(true).open(path)?.set_len(size)?)
}

fn cut_and_grown_by_a_third(path: &Path, size: u64) -> Done {
    let whole = fs::metadata(path)?.len();
    cut(path, size)?;
    let third = open(path.parent().ok_or("no folder")?, BIG)?;
    while fs::metadata(path)?.len() <= whole {
        third.append_blocking(vec![close("third")])?;
    }
    Ok(())
}

fn edited(path: &Path, _size: u64) -> Done {
    let text = fs::read_to_string(path)?;
    let (kept, last) = text.split_at(text.rfind("two").ok_or("no word")?);
    Ok(fs::write(
        path,
        format!("{kept}{}", last.replacen("two", "too", 1)),
    )?)
}

fn removed(path: &Path, _size: u64) -> Done {
    Ok(fs::remove_file(path)?)
}

/// Takes the last record of a file away.
fn shortened(path: &Path, _size: u64) -> Done {
    let text = fs::read_to_string(path)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let kept = lines.split_last().ok_or("no line")?.1.concat();
    // A segment that is ended is read only.
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(fs::write(path, kept)?)
}

#[rstest]
#[case(cut)]
#[case(cut_and_grown_by_a_third)]
#[case(edited)]
fn what_others_wrote_and_was_read_must_be_there_when_it_is_gone_on_from(
    #[case] change: fn(&Path, u64) -> Done,
) -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), BIG)?, open(dir.path(), BIG)?);
    one.append_blocking(vec![close("one")])?;
    let path = segments::path(dir.path(), one.log(), 1);
    let size = fs::metadata(&path)?.len();
    two.append_blocking(vec![close("two"), close("two"), close("two")])?;
    let (read, place) = one.read_on(Place::default())?;
    assert_eq!(read.len(), 4);
    change(&path, size)?;
    // Whoever reads on, or from the start, finds nothing that could stand for it.
    for from in [place, Place::default()] {
        one.read_on(from)?;
    }
    let changed = fs::read(&path)?;
    for bodies in [vec![close("again")], Vec::new()] {
        let refused = one.append_blocking(bodies);
        assert!(
            matches!(refused, Err(StoreError::Changed { n: 4, .. })),
            "{refused:?}"
        );
    }
    assert!(fs::read(&path)? == changed, "nothing is added");
    assert!(one.health().failed.is_some());
    Ok(())
}

#[test]
fn a_log_that_was_read_at_the_start_and_cut_is_not_gone_on_from() -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), BIG)?, open(dir.path(), BIG)?);
    one.append_blocking(vec![close("one")])?;
    let path = segments::path(dir.path(), one.log(), 1);
    let size = fs::metadata(&path)?.len();
    two.append_blocking(vec![close("two")])?;
    assert_eq!(one.read_all()?.len(), 2);
    cut(&path, size)?;
    let refused = one.append_blocking(vec![close("again")]);
    assert!(
        matches!(refused, Err(StoreError::Changed { n: 2, .. })),
        "{refused:?}"
    );
    assert_eq!(fs::metadata(&path)?.len(), size, "nothing is added");
    Ok(())
}

/// The first segment is the one in which the writer left its own record, the last has what it read last.
#[rstest]
#[case(true, removed)]
#[case(true, shortened)]
#[case(false, shortened)]
fn segments_that_others_began_and_that_were_read_must_be_there(
    #[case] is_last: bool,
    #[case] change: fn(&Path, u64) -> Done,
) -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), SMALL)?, open(dir.path(), SMALL)?);
    one.append_blocking(vec![close("one")])?;
    for _ in 0..20 {
        two.append_blocking(vec![close("two")])?;
    }
    let (read, _) = one.read_on(Place::default())?;
    let last = read.last().ok_or("nothing was read")?;
    assert!(last.seg > 2, "{last:?}");
    let seg = if is_last { last.seg } else { 1 };
    change(&segments::path(dir.path(), one.log(), seg), 0)?;
    let before = segments::list(dir.path())?;
    let refused = one.append_blocking(vec![close("again")]);
    assert!(
        matches!(&refused, Err(StoreError::Changed { n, .. }) if *n == last.n),
        "{refused:?}"
    );
    assert_eq!(segments::list(dir.path())?, before, "none is made");
    Ok(())
}

#[rstest]
#[case(false)]
#[case(true)]
fn what_others_write_end_and_remove_is_gone_on_from(#[case] pruned: bool) -> Done {
    let dir = tempfile::tempdir()?;
    let (one, two) = (open(dir.path(), SMALL)?, open(dir.path(), SMALL)?);
    let mut place = Place::default();
    for round in 0..4 {
        one.append_blocking(vec![close("one")])?;
        for _ in 0..round * 5 {
            two.append_blocking(vec![close("two")])?;
        }
        place = one.read_on(place)?.1;
        if pruned {
            // What was read last may be in a segment that is removed.
            for _ in 0..10 {
                two.append_blocking(vec![close("two again")])?;
            }
            let closed = Closed::before(&two.check()?.entries, DateTime::<Utc>::MAX_UTC);
            assert!(!closed.is_empty());
            two.prune(&closed)?;
        }
    }
    let told = one.append_blocking(vec![close("one")])?;
    assert!(told.iter().all(|entry| entry.seg > 3), "{told:?}");
    assert!(one.health().failed.is_none());
    for (_, report) in verify(dir.path())? {
        assert!(report.intact(), "{report:?}");
    }
    Ok(())
}
