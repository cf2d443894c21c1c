//! The system's log as a place for anchors: best effort, never waited for.
//!
//! Where the host ships its log to another one, whoever changes our file cannot change these lines.
//!
//! What must not live here: which records are written (see `writer`).

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use crate::domain::audit::{Body, Entry};

/// Where the system's log listens.
pub const DEV_LOG: &str = "/dev/log";
/// Facility authpriv (10), severity info (6), by RFC 3164.
const PRIORITY: u32 = 10 * 8 + 6;

/// A sender to the system's log.
pub(super) struct Syslog {
    path: Option<PathBuf>,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    /// Sends to a socket, or nowhere.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, socket: None }
    }

    /// Tells where the chain stands, at the records that matter for it.
    pub(super) fn anchor<'a>(&mut self, key: &str, entries: impl Iterator<Item = &'a Entry>) {
        for entry in entries {
            let told = match &entry.body {
                Body::SessionOpen { .. } => format!(" key={key}"),
                Body::SessionClose { .. } | Body::Checkpoint { .. } => String::new(),
                _ => continue,
            };
            let Entry {
                log,
                n,
                h,
                sess,
                body,
                ..
            } = entry;
            let kind = body.type_name();
            self.send(&format!(
                "audit {log} n={n} h={h} {kind} session={sess}{told}"
            ));
        }
    }

    /// Sends one line; what cannot be taken at once is dropped, since an anchor is no condition of acting.
    fn send(&mut self, text: &str) {
        let Some(path) = &self.path else { return };
        if self.socket.is_none() {
            let made = UnixDatagram::unbound().and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            self.socket = made.ok();
        }
        let line = format!("<{PRIORITY}>quell[{}]: {text}", std::process::id());
        if let Some(socket) = &self.socket {
            // The path each time: the listener may have been started anew.
            drop(socket.send_to(line.as_bytes(), path));
        }
    }
}
