//! Signals that ask the process to end.
//!
//! What must not live here: what ending means (that is the loop's and the engine's).

use tokio::signal::unix::{SignalKind, signal};

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
