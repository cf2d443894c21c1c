//! Signals that ask the process to end, or to stop for a while, and one that would end it in the middle of a write.
//!
//! Each is heard from the moment its function is called: before the terminal is taken, so that no signal leaves it raw. What
//! must not live here: what ending means (that is the loop's and the engine's).

use tokio::signal::unix::{SignalKind, signal};

/// Gives each change of the terminal's size, as far as the system tells of it.
pub fn resized() -> impl futures::Stream<Item = ()> + Unpin {
    let heard = signal(SignalKind::window_change()).ok();
    Box::pin(futures::stream::unfold(heard, |heard| async {
        let mut heard = heard?;
        heard.recv().await?;
        Some(((), Some(heard)))
    }))
}

/// Keeps the limit on the size of files (`ulimit -f`, SIGXFSZ) from ending this process: a write beyond it fails instead,
/// and is said as any other that fails. For as long as the process lives; what it starts has the signal as it was.
pub fn outlive_file_limit() {
    // By default the signal kills: in the middle of a frame, with the terminal raw and no word of what was on its way. To be
    // heard is enough: the handler stays for the life of the process, whoever listens, and so outlives this runtime, which
    // is there only to ask for it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        let _within = runtime.enter();
        let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        // Where the system refuses it, all is as it was.
        drop(signal(kind));
    }
}

/// Waits for SIGHUP, SIGTERM or SIGINT; for ever where none can be heard. They are heard from this call on, not only
/// once it is waited for.
pub fn ended() -> impl Future<Output = ()> {
    let kinds = [
        SignalKind::hangup(),
        SignalKind::terminate(),
        SignalKind::interrupt(),
    ];
    let heard: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    async move {
        let heard = heard.into_iter();
        let each = heard.map(|mut signal| Box::pin(async move { signal.recv().await }));
        let mut all: futures::stream::FuturesUnordered<_> = each.collect();
        match futures::StreamExt::next(&mut all).await {
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// Gives every request to stop for a while (SIGTSTP) that does not come from a key; none where it cannot be heard.
pub fn stopped() -> impl futures::Stream<Item = ()> {
    let kind = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
    futures::stream::unfold(signal(kind).ok(), |heard| async {
        let mut heard = heard?;
        heard.recv().await?;
        Some(((), Some(heard)))
    })
}

/// Stops this process and what was started with it until somebody continues them (SIGCONT); the terminal must be given back
/// before.
///
/// # Errors
/// When the system refuses the signal.
pub fn stop_here() -> std::io::Result<()> {
    // SIGTSTP is heard above and would only come back as a message. All of a job stops, as by a key: a shell waits for that.
    rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
    Ok(())
}

/// Tells whether somebody could continue this process once it is stopped: a process of the same session that is not of the
/// same job, as a shell is. The system discards stops from a keyboard by the same rule.
pub fn is_waited_for() -> bool {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    is_job_of_another(own, |pid| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()
    })
}

/// Most ancestors that are looked at.
const ANCESTORS: usize = 64;

fn is_job_of_another(own: i32, stat: impl Fn(i32) -> Option<String>) -> bool {
    let place = |pid| stat(pid).as_deref().and_then(Place::of_stat);
    let Some(mine) = place(own) else { return false };
    let mut at = mine;
    for _ in 0..ANCESTORS {
        let Some(parent) = place(at.parent) else {
            return false;
        };
        if parent.group != mine.group {
            return parent.session == mine.session;
        }
        at = parent;
    }
    false
}

/// Where a process stands among others.
#[derive(Clone, Copy)]
struct Place {
    parent: i32,
    group: i32,
    session: i32,
}

impl Place {
    /// Reads `/proc/PID/stat`: after the name, which may hold anything, come state, parent, group, session.
    fn of_stat(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut numbers = rest.split_whitespace().skip(1).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            parent: next()?,
            group: next()?,
            session: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_limit_on_the_size_of_files_ends_no_process() -> std::io::Result<()> {
        outlive_file_limit();
        let own = rustix::process::getpid();
        // Told twice: the handler is not used up, and the runtime that asked for it is gone.
        for _ in 0..2 {
            rustix::process::kill_process(own, rustix::process::Signal::XFSZ)?;
        }
        Ok(())
    }

    /// Processes as `pid: parent group session`; the console is 9.
    #[rstest]
    #[case::by_a_shell(&[(9, 5, 9, 5), (5, 1, 5, 5)], true)]
    #[case::by_a_script_of_a_shell(&[(9, 8, 8, 5), (8, 5, 8, 5), (5, 1, 5, 5)], true)]
    #[case::forced_command(&[(9, 5, 9, 9), (5, 1, 5, 5)], false)]
    #[case::script_as_forced_command(&[(9, 8, 8, 8), (8, 5, 8, 8), (5, 1, 5, 5)], false)]
    #[case::of_the_system(&[(9, 1, 9, 9), (1, 0, 1, 1)], false)]
    #[case::hidden(&[(9, 5, 9, 5)], false)]
    #[case::in_circles(&[(9, 8, 9, 9), (8, 9, 9, 9)], false)]
    fn a_stop_needs_somebody_outside_the_job_in_the_same_session(
        #[case] processes: &[(i32, i32, i32, i32)],
        #[case] expected: bool,
    ) {
        let stat = |pid| {
            let found = processes.iter().find(|one| one.0 == pid)?;
            let (_, parent, group, session) = *found;
            Some(format!(
                "{pid} (a ) S 7) S {parent} {group} {session} 34816 7 0"
            ))
        };
        assert_eq!(is_job_of_another(9, stat), expected);
    }
}
