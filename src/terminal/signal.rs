//! Signals that ask the process to end, and the terminal that is gone.
//!
//! What must not live here: what ending means (that is the loop's and the engine's).

use std::io::{self, IsTerminal as _};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Gives each change of the terminal's size, as far as the system tells of it.
pub fn resized() -> impl futures::Stream<Item = ()> + Unpin {
    let heard = signal(SignalKind::window_change()).ok();
    Box::pin(futures::stream::unfold(heard, |heard| async {
        let mut heard = heard?;
        heard.recv().await?;
        Some(((), Some(heard)))
    }))
}

/// Waits for SIGHUP, SIGTERM or SIGINT; for ever where none can be heard.
pub async fn ended() {
    let heard = [
        SignalKind::hangup(),
        SignalKind::terminate(),
        SignalKind::interrupt(),
    ]
    .into_iter()
    .filter_map(|kind| signal(kind).ok())
    .map(|mut signal| Box::pin(async move { signal.recv().await }));
    let mut all: futures::stream::FuturesUnordered<_> = heard.collect();
    match futures::StreamExt::next(&mut all).await {
        Some(_) => {}
        None => std::future::pending().await,
    }
}

/// Waits until the terminal at standard input is gone; for ever where there is none.
///
/// Not everybody is told by SIGHUP: only who has it as the controlling terminal is. And a terminal that is gone reads
/// as one that says nothing, again and again.
pub async fn gone() {
    let (tell, told) = oneshot::channel();
    let watch = move || {
        let input = io::stdin();
        // Nothing is asked for: what is told without asking is the end of it.
        let mut watched = [PollFd::new(&input, PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut watched, None) {}
        if !watched[0].revents().is_empty() {
            let _ = tell.send(());
        }
    };
    if io::stdin().is_terminal()
        && thread::Builder::new()
            .name("hang-up".to_owned())
            .spawn(watch)
            .is_ok()
        && told.await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
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

/// Stops this process until somebody continues it (SIGCONT); the terminal must be given back before.
///
/// # Errors
/// When the system refuses the signal.
pub fn stop_here() -> io::Result<()> {
    let own = rustix::process::getpid();
    // SIGTSTP is heard above and would only come back as a message.
    rustix::process::kill_process(own, rustix::process::Signal::STOP)?;
    Ok(())
}
