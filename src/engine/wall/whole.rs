//! Whether the log that a wall reads on is whole: its chain, and what this host remembers of its end.
//!
//! Who reads on takes every line that is a record; that lines were edited, taken out or cut off is found here only. Nothing
//! is written, and nothing is kept from those who write. What must not live here: the rules of the chain
//! (`domain::audit`), that a log cannot be read (see `super::log`).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::wall::News;
use crate::domain::audit::{Expectations, Reason};
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::{HEAD, StoreError, Verified, misfits, remembered, verify_each};

/// How often the whole log is verified, as by a console.
pub(super) const EVERY: Duration = Duration::from_secs(15 * 60);

/// Verifies the logs of a directory on and on, and tells when what is wrong with them changed.
pub(super) async fn judge(audit: PathBuf, every: Duration, news: mpsc::Sender<News>) {
    let mut told: Option<Fault> = None;
    loop {
        let dir = audit.clone();
        let looked = tokio::task::spawn_blocking(move || look(&dir)).await;
        // Of a log that cannot be read now, what was found before stands.
        if let Ok(Ok(found)) = looked
            && found != told
        {
            told.clone_from(&found);
            if news.send(News::LogWhole(found)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// Verifies the logs of a directory and holds them against what is remembered beside it; `None` when they are whole.
///
/// # Errors
/// When one cannot be read, and nothing is wrong with the others.
fn look(dir: &Path) -> Result<Option<Fault>, StoreError> {
    // Before the log: what is remembered was durable in it by then.
    let heads = match dir.parent() {
        Some(root) => remembered(&root.join(HEAD)),
        None => Ok(Vec::new()),
    };
    let (heads, unknown) = match heads {
        Ok(heads) => (heads, None),
        // The file is the console's own; its log may be shown to more.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            (Vec::new(), None)
        }
        Err(error) => (Vec::new(), Some(error)),
    };
    let expectations = Expectations {
        anchors: heads.clone(),
        ..Expectations::default()
    };
    let found = verify_each(dir, &expectations)?;
    let faults = faults(&found);
    let many: &'static str = if faults == 1 { "fault" } else { "faults" };
    let broken = (faults > 0).then(|| safe!("the audit log is BROKEN, {} {}", faults, many));
    let unlike = misfits(&heads, &found);
    let unlike = unlike.iter().map(|(head, misfit)| misfit.shown(head));
    let unknown = unknown.map(|error| {
        safe!(
            "what this host remembers of the audit log cannot be read: {}",
            error.shown()
        )
    });
    let said: Vec<Safe> = broken.into_iter().chain(unlike).chain(unknown).collect();
    if said.is_empty() {
        let unread = found.unread.into_iter().next();
        return unread.map_or(Ok(None), |(_, error)| Err(error));
    }
    let what = Safe::join(said, &Safe::fixed("; "));
    Ok(Some(
        Fault::new(what).hint("`quell audit verify` tells where"),
    ))
}

/// Counts what is wrong with the chains; what is only unlike the remembered end is said by itself.
fn faults(found: &Verified) -> u64 {
    let of_log = found.logs.iter().map(|(_, report)| {
        let of_head = |reason: Reason| matches!(reason, Reason::Anchor | Reason::Truncated);
        let apart = report.faults.iter().filter(|one| of_head(one.reason));
        report.faults_total.saturating_sub(apart.count() as u64)
    });
    of_log.sum()
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::audit::{Anchor, Body};
    use crate::store::audit::{AuditLog, Identity, read};

    /// A state directory with a log of some records and its remembered head, the directory of the log and its file.
    fn place() -> Result<(TempDir, PathBuf, PathBuf), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let dir = root.path().join("audit");
        let identity = Identity {
            host: "bastion".into(),
            uid: 1,
            user: "jo".into(),
        };
        let log = AuditLog::open(&dir, identity)?;
        log.append_blocking(vec![Body::ClockJump { seconds: 1 }; 5])?;
        let last = read(&dir)?.pop().ok_or("no record")?;
        let file = dir.join(format!("audit-{}-1.jsonl", log.log()));
        let (log, n, h) = (last.log, last.n, last.h);
        fs::write(
            root.path().join(HEAD),
            format!("{}\n", Anchor { log, n, h }),
        )?;
        Ok((root, dir, file))
    }

    #[rstest]
    #[case::as_it_was(0..0, None)]
    #[case::taken_out(2..3, Some("BROKEN"))]
    #[case::cut(3..99, Some("was cut off or emptied"))]
    #[case::emptied(0..99, Some("was cut off or emptied"))]
    fn a_log_that_was_edited_or_cut_is_told_from_one_that_is_whole(
        #[case] gone: std::ops::Range<usize>,
        #[case] said: Option<&str>,
    ) -> Result<(), Box<dyn Error>> {
        let (_root, dir, file) = place()?;
        let text = fs::read_to_string(&file)?;
        let kept = text.split_inclusive('\n').enumerate();
        let kept = kept.filter(|(at, _)| !gone.contains(at));
        let kept: String = kept.map(|(_, line)| line).collect();
        fs::write(&file, kept)?;
        let found = look(&dir)?.map(|fault| fault.what.as_str().to_owned());
        match (&found, said) {
            (Some(found), Some(said)) => assert!(found.contains(said), "{found}"),
            _ => assert_eq!(found.as_deref(), said),
        }
        Ok(())
    }

    #[test]
    fn a_log_that_is_gone_is_told_and_one_that_never_was_is_not() -> Result<(), Box<dyn Error>> {
        let (root, dir, _file) = place()?;
        fs::remove_dir_all(&dir)?;
        let gone = look(&dir)?.ok_or("it is not said")?;
        assert!(gone.what.as_str().contains("is gone"), "{gone:?}");
        fs::remove_file(root.path().join(HEAD))?;
        assert_eq!(look(&dir)?, None);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_once_and_taken_back_once() -> Result<(), Box<dyn Error>> {
        let (_root, dir, file) = place()?;
        let whole = fs::read(&file)?;
        fs::write(&file, "")?;
        let (tell, mut news) = mpsc::channel(8);
        let judging = tokio::spawn(judge(dir, Duration::from_millis(1), tell));
        let first = news.recv().await;
        assert!(matches!(first, Some(News::LogWhole(Some(_)))), "{first:?}");
        // Put back under another name first: half a file would be told as well.
        let beside = file.with_extension("new");
        fs::write(&beside, whole)?;
        fs::rename(&beside, &file)?;
        let next = news.recv().await;
        assert!(matches!(next, Some(News::LogWhole(None))), "{next:?}");
        judging.abort();
        Ok(())
    }
}
