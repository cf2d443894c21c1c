//! Signals that ask the process to end.
//!
//! What must not live here: what ending means (that is the loop's and the engine's).

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
