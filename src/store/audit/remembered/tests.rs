use std::error::Error;
use std::os::unix::fs::PermissionsExt as _;

use super::gone::{WINDOWS, holds};
use super::*;
use crate::domain::audit::{Body, ChainHash, Draft, Entry, SegmentPruned, encode_line};
use crate::domain::ids::LogId;
use crate::store::audit::{AuditLog, Identity};
use tempfile::TempDir;

type Done = Result<(), Box<dyn Error>>;

/// A state directory with a log of five records.
struct Place {
    _root: TempDir,
    path: PathBuf,
    dir: PathBuf,
    segment: PathBuf,
    records: Vec<Anchor>,
    last: Entry,
}

fn place() -> Result<Place, Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let (path, dir) = (root.path().join(HEAD), root.path().join("audit"));
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    let log = AuditLog::open(&dir, identity)?;
    log.append_blocking(vec![Body::ClockJump { seconds: 1 }; 5])?;
    let entries = log.read_all()?;
    let last = entries.last().cloned().ok_or("no record")?;
    let records = entries.into_iter().map(|entry| Anchor {
        log: entry.log,
        n: entry.n,
        h: entry.h,
    });
    let records: Vec<Anchor> = records.collect();
    let segment = dir.join(format!("audit-{}-1.jsonl", log.log()));
    Ok(Place {
        _root: root,
        path,
        dir,
        segment,
        records,
        last,
    })
}

/// Puts another file in the place of the log: a second segment that says that the first was removed on purpose, up to a
/// record.
fn replace(place: &Place, n: u64, h: ChainHash) -> Done {
    let last = &place.last;
    let bodies = [
        Body::SegmentStart {
            prev_h: h.to_string(),
        },
        Body::SegmentPruned(SegmentPruned {
            segment: 1,
            n,
            h: h.to_string(),
        }),
    ];
    let (mut prev, mut text) = (h, Vec::new());
    for (n, body) in (n + 1..).zip(&bodies) {
        let (line, entry) = encode_line(&Draft {
            log: &last.log,
            seg: 2,
            n,
            ts: last.ts,
            boot_us: last.boot_us,
            host: &last.host,
            uid: last.uid,
            user: &last.user,
            pid: last.pid,
            sess: &last.sess,
            body,
            prev,
        })?;
        prev = entry.h;
        text.extend(line);
    }
    fs::remove_file(&place.segment)?;
    let second = place.dir.join(format!("audit-{}-2.jsonl", last.log));
    fs::write(second, text)?;
    Ok(())
}

fn look_at(host: &mut Remembered, place: &Place) -> Result<Option<Fault>, StoreError> {
    Ok(host.take(look(host.path.as_deref(), &place.dir)?))
}

fn said(found: Option<Fault>) -> String {
    found.map_or_else(String::new, |fault| fault.what.to_string())
}

#[test]
fn one_line_is_remembered_for_its_owner_alone_and_never_goes_back() -> Done {
    let place = place()?;
    let mut host = Remembered::new(Some(place.path.clone()));
    assert_eq!(look_at(&mut host, &place)?, None);
    for (record, last) in [(2, 2), (4, 4), (1, 4)] {
        host.keep(&place.dir, place.records[record].clone())?;
        let text = fs::read_to_string(&place.path)?;
        assert_eq!(text, format!("{}\n", place.records[last]));
        assert_eq!(remembered(&place.path)?, [place.records[last].clone()]);
    }
    assert_eq!(
        fs::metadata(&place.path)?.permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(look_at(&mut host, &place)?, None);
    assert!(!place.path.with_extension("new").exists());
    // What was written once is brought to the disk once.
    assert!(host.is_unsettled());
    host.settle()?;
    assert!(!host.is_unsettled());
    host.keep(&place.dir, place.records[4].clone())?;
    assert!(!host.is_unsettled());
    Ok(())
}

#[test]
fn no_more_is_written_than_is_read_and_our_own_line_stays() -> Done {
    let place = place()?;
    let line = format!("{}\n", place.records[2]).len() as u64;
    let (mut others, mut lines) = (Vec::new(), Vec::new());
    for number in 0..MOST / line {
        let other = Anchor {
            log: LogId::parse(&format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}"))?,
            ..place.records[2].clone()
        };
        lines.push(format!("{other}\n"));
        others.push(other);
    }
    fs::write(&place.path, lines.concat())?;
    assert_eq!(remembered(&place.path)?, others);
    let mut host = Remembered::new(Some(place.path.clone()));
    for record in [2, 4] {
        host.keep(&place.dir, place.records[record].clone())?;
        let mut expected = others[1..].to_vec();
        expected.push(place.records[record].clone());
        assert_eq!(remembered(&place.path)?, expected, "{record}");
    }
    Ok(())
}

#[test]
fn what_another_console_remembered_is_looked_for_in_the_log() -> Done {
    let place = place()?;
    let wrong = Anchor {
        h: ChainHash::of(b"another"),
        ..place.records[2].clone()
    };
    for (theirs, replaced) in [(place.records[2].clone(), true), (wrong, false)] {
        fs::write(&place.path, format!("{theirs}\n"))?;
        let mut host = Remembered::new(Some(place.path.clone()));
        host.keep(&place.dir, place.records[4].clone())?;
        let expected = if replaced {
            place.records[4].clone()
        } else {
            theirs
        };
        assert_eq!(remembered(&place.path)?, [expected]);
    }
    Ok(())
}

#[test]
fn a_record_is_found_however_far_from_the_end_it_is() -> Done {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("segment");
    let end = b",\"h\":\"0123456789\"}\n";
    let (first, most) = (usize::try_from(WINDOWS.0)?, usize::try_from(WINDOWS.1)?);
    // Across the border of a window, too.
    for behind in [0, first - 9, first, 5 * first - 25, most, 4 * most] {
        let bytes = [&[b'x'; 100][..], &end[..], &vec![b'y'; behind][..]].concat();
        fs::write(&path, bytes)?;
        assert!(holds(&path, end)?, "{behind}");
    }
    fs::write(&path, vec![b'x'; 4 * most])?;
    assert!(!holds(&path, end)?);
    Ok(())
}

#[test]
fn a_file_that_has_no_room_beside_it_is_written_over() -> Done {
    let place = place()?;
    let [short, long] = [1, 2].map(|lines| format!("{}\n", place.records[3]).repeat(lines));
    for text in [&short, &long, &short] {
        fs::write(&place.path, &long)?;
        write_over(&place.path, text)?;
        assert_eq!(&fs::read_to_string(&place.path)?, text);
    }
    fs::remove_file(&place.path)?;
    assert!(write_over(&place.path, &short).is_err());
    assert!(!place.path.exists(), "nothing is made");
    Ok(())
}

#[test]
fn a_console_that_stands_at_the_file_holds_nobody_up_for_long() -> Done {
    let place = place()?;
    let root = place.path.parent().ok_or("no folder")?;
    let held = lease::take(root, &HEAD)?.ok_or("nobody else is here")?;
    let mut host = Remembered::new(Some(place.path.clone()));
    let begun = Instant::now();
    host.keep(&place.dir, place.records[4].clone())?;
    assert!(begun.elapsed() >= TURN, "it waits for its turn");
    assert!(remembered(&place.path)?.is_empty());
    drop(held);
    host.keep(&place.dir, place.records[4].clone())?;
    assert_eq!(remembered(&place.path)?, [place.records[4].clone()]);
    Ok(())
}

#[test]
fn a_console_that_stays_at_the_file_is_an_error_until_it_leaves() -> Done {
    let place = place()?;
    let root = place.path.parent().ok_or("no folder")?;
    let held = lease::take(root, &HEAD)?.ok_or("nobody else is here")?;
    let mut host = Remembered::new(Some(place.path.clone()));
    for missed in 1..=MISSED {
        let kept = host.keep(&place.dir, place.records[4].clone());
        assert_eq!(kept.is_err(), missed == MISSED, "{missed}: {kept:?}");
    }
    let tried = try_to_keep(&place.path);
    assert!(matches!(tried, Err(StoreError::Locked { .. })), "{tried:?}");
    drop(held);
    try_to_keep(&place.path)?;
    assert!(!place.path.exists(), "it was only tried");
    host.keep(&place.dir, place.records[4].clone())?;
    try_to_keep(&place.path)?;
    assert_eq!(remembered(&place.path)?, [place.records[4].clone()]);
    Ok(())
}

#[test]
fn what_does_not_fit_is_said_and_stays_until_somebody_removes_it() -> Done {
    for (change, words) in [
        ("empty", "was cut off or emptied"),
        ("remove", "is gone: this host remembers it up to record 5"),
        ("replace", "its record 5 is another"),
    ] {
        let place = place()?;
        let mut head = place.records[4].clone();
        match change {
            "empty" => fs::write(&place.segment, "")?,
            "remove" => fs::remove_file(&place.segment)?,
            _ => head.h = ChainHash::of(b"another"),
        }
        fs::write(&place.path, format!("{head}\n"))?;
        let mut host = Remembered::new(Some(place.path.clone()));
        let found = said(look_at(&mut host, &place)?);
        assert!(found.contains(words), "{found}");
        assert!(!found.contains("BROKEN"), "{found}");
        let next = Anchor {
            n: 9,
            ..place.records[3].clone()
        };
        host.keep(&place.dir, next.clone())?;
        assert_eq!(remembered(&place.path)?, [head], "{change}");
        fs::remove_file(&place.path)?;
        host.keep(&place.dir, next.clone())?;
        assert_eq!(remembered(&place.path)?, [next], "{change}");
    }
    Ok(())
}

#[test]
fn a_log_that_was_replaced_by_a_later_part_is_said_and_what_is_remembered_stays() -> Done {
    for (behind, h) in [(0, None), (5, Some(ChainHash::of(b"another")))] {
        // Before a console starts, and under one that runs.
        for runs in [false, true] {
            let place = place()?;
            let head = place.records[4].clone();
            let mut host = Remembered::new(Some(place.path.clone()));
            host.keep(&place.dir, head.clone())?;
            assert_eq!(look_at(&mut host, &place)?, None);
            replace(&place, head.n + behind, h.unwrap_or(head.h))?;
            if !runs {
                host = Remembered::new(Some(place.path.clone()));
                let found = said(look_at(&mut host, &place)?);
                assert!(found.contains("up to record 5, and its first"), "{found}");
            }
            let next = Anchor {
                n: 99,
                ..head.clone()
            };
            host.keep(&place.dir, next.clone())?;
            assert_eq!(remembered(&place.path)?, [head]);
            let found = said(look_at(&mut host, &place)?);
            assert!(
                found.contains("lost its beginning or was replaced"),
                "{found}"
            );
            assert!(!found.contains("BROKEN"), "{found}");
            // A person decides.
            fs::remove_file(&place.path)?;
            assert_eq!(look_at(&mut host, &place)?, None);
            host.keep(&place.dir, next.clone())?;
            assert_eq!(remembered(&place.path)?, [next]);
        }
    }
    Ok(())
}

#[test]
fn a_file_that_holds_anything_but_heads_is_said_and_not_replaced() -> Done {
    let place = place()?;
    let whole = format!("{}\n", place.records[4]);
    let cut = |len: usize| whole.as_bytes().get(..len).unwrap_or_default().to_vec();
    let no_head = "a line of it is not the head of a log";
    for (bytes, why) in [
        (cut(0), "it is empty"),
        (cut(5), no_head),
        (cut(whole.len() / 2), no_head),
        (cut(whole.len() - 3), no_head),
        (b"\n".to_vec(), no_head),
        (b"\xff\x00garbage".to_vec(), no_head),
        (whole.replace(" h=", " h=x").into_bytes(), no_head),
        (format!("{whole}garbage\n").into_bytes(), no_head),
        (format!("{whole}\n{whole}").into_bytes(), no_head),
        (whole.repeat(1_000).into_bytes(), "more than 64 KiB"),
    ] {
        fs::write(&place.path, &bytes)?;
        let mut host = Remembered::new(Some(place.path.clone()));
        let fault = look_at(&mut host, &place)?.ok_or("nothing is said")?;
        let hint = fault.hint.clone().ok_or("no hint")?;
        assert!(hint.as_str().contains("removing it ends"), "{hint}");
        let found = said(Some(fault));
        assert!(found.contains("what this host remembers"), "{found}");
        assert!(found.contains(why), "{found}");
        let kept = host.keep(&place.dir, place.records[3].clone());
        assert!(matches!(kept, Err(StoreError::Head { .. })), "{kept:?}");
        assert_eq!(fs::read(&place.path)?, bytes);
        // A person decides.
        fs::remove_file(&place.path)?;
        assert_eq!(look_at(&mut host, &place)?, None);
        host.keep(&place.dir, place.records[3].clone())?;
        assert_eq!(remembered(&place.path)?, [place.records[3].clone()]);
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_said_and_not_replaced() -> Done {
    let place = place()?;
    let elsewhere = place.path.with_extension("elsewhere");
    let whole = format!("{}\n", place.records[1]);
    fs::write(&elsewhere, &whole)?;
    std::os::unix::fs::symlink(&elsewhere, &place.path)?;
    assert!(remembered(&place.path).is_err());
    let mut host = Remembered::new(Some(place.path.clone()));
    let found = said(look_at(&mut host, &place)?);
    assert!(found.contains("what this host remembers"), "{found}");
    assert!(found.contains("a symbolic link"), "{found}");
    let kept = host.keep(&place.dir, place.records[3].clone());
    assert!(kept.is_err(), "{kept:?}");
    assert_eq!(fs::read_link(&place.path)?, elsewhere);
    assert_eq!(fs::read_to_string(&elsewhere)?, whole);
    Ok(())
}

#[test]
fn a_log_that_cannot_be_read_hides_nothing_of_another() -> Done {
    let place = place()?;
    let other = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let unread = place.dir.join(format!("audit-{other}-1.jsonl"));
    std::os::unix::fs::symlink("nowhere", unread)?;
    fs::write(&place.path, format!("{}\n", place.records[4]))?;
    let mut host = Remembered::new(Some(place.path.clone()));
    let found = said(look_at(&mut host, &place)?);
    let words = format!("the audit log {other} cannot be read whole");
    assert!(found.contains(&words), "{found}");
    assert!(!found.contains("this host remembers"), "{found}");
    fs::write(&place.segment, "")?;
    let found = said(look_at(&mut host, &place)?);
    assert!(found.contains(&words), "{found}");
    assert!(found.contains("was cut off or emptied"), "{found}");
    // Nobody knows whether it is gone.
    let theirs = Anchor {
        log: crate::domain::ids::LogId::parse(other)?,
        ..place.records[4].clone()
    };
    fs::write(&place.path, format!("{theirs}\n"))?;
    let found = said(look_at(&mut host, &place)?);
    assert!(!found.contains("is gone"), "{found}");
    Ok(())
}
