//! A line to a server that stops a request where a test wants it, so that the console can be killed right there.
//!
//! What is stopped stays stopped: neither side hears anything more until the line is dropped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How far a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its connection is accepted, and nothing is read from it.
    Connect,
    /// Half of it is with the server.
    MidRequest,
    /// The server did what was asked and has answered, and nothing of the answer is let through.
    NoReply,
    /// Half of the answer is through.
    MidReply,
}

impl Phase {
    pub const ALL: [Self; 4] = [
        Self::Connect,
        Self::MidRequest,
        Self::NoReply,
        Self::MidReply,
    ];
}

/// Chooses requests by their first line.
pub type Choose = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Which request is stopped, and where.
pub struct Stop {
    pub phase: Phase,
    /// Which of the chosen ones, from 1.
    pub nth: usize,
    pub choose: Choose,
    /// Is called when it stands there.
    pub reached: Box<dyn Fn() + Send + Sync>,
}

/// A port that leads to a server; what it carries is cut when it is dropped.
pub struct Line {
    pub url: String,
    shared: Arc<Shared>,
    running: JoinHandle<()>,
}

struct Shared {
    target: SocketAddr,
    stop: Option<Stop>,
    /// How many of the chosen requests came.
    chosen: AtomicUsize,
    /// The first lines of all requests.
    asked: Mutex<Vec<String>>,
}

impl Line {
    pub async fn open(server: &str, stop: Option<Stop>) -> Self {
        let target: SocketAddr = server
            .strip_prefix("http://")
            .and_then(|rest| rest.parse().ok())
            .expect("a loopback address");
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            target,
            stop,
            chosen: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let all = Arc::clone(&shared);
        let running = tokio::spawn(async move {
            // In a set of its own, so that whatever is carried ends with the line.
            let mut carried = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&all);
                carried.spawn(async move { shared.carry(client).await });
                while carried.try_join_next().is_some() {}
            }
        });
        Self {
            url: format!("http://{address}"),
            shared,
            running,
        }
    }

    /// Gives the first lines of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        let asked = &self.shared.asked;
        asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Shared {
    /// Carries one connection until either side ends it.
    async fn carry(&self, client: TcpStream) {
        let stop = self.stop.as_ref();
        if let Some(stop) = stop.filter(|stop| stop.phase == Phase::Connect) {
            let mut room = vec![0; 2_048];
            // Looked at and left where it is: nothing of it is read.
            let count = client.peek(&mut room).await.unwrap_or(0);
            if first_line(&room[..count]).is_some_and(|line| self.is_it(stop, &line)) {
                self.halt().await;
            }
        }
        let Ok(server) = TcpStream::connect(self.target).await else {
            return;
        };
        for stream in [&client, &server] {
            // Only speed is at stake.
            let _ = stream.set_nodelay(true);
        }
        let held = Mutex::new(None);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.ask(from_client, to_server, &held) => {}
            () = self.answer(from_server, to_client, &held) => {}
        }
    }

    /// Carries requests; `held` gets the phase at which the answer to the one just sent is to be stopped.
    async fn ask(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        held: &Mutex<Option<Phase>>,
    ) {
        let mut room = vec![0; 16_384];
        while let Some(count) = read(&mut from, &mut room).await {
            let mut piece = room[..count].to_vec();
            let phase = self.phase_of(&piece);
            if phase == Some(Phase::MidRequest) {
                let half = loop {
                    if let Some(half) = half_of(&piece) {
                        break half;
                    }
                    let Some(count) = read(&mut from, &mut room).await else {
                        return;
                    };
                    piece.extend_from_slice(&room[..count]);
                };
                // A server that is gone has no half of it either.
                let _ = to.write_all(&piece[..half]).await;
                self.halt().await;
            }
            *held.lock().unwrap_or_else(PoisonError::into_inner) = phase;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    }

    /// Carries answers.
    async fn answer(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        held: &Mutex<Option<Phase>>,
    ) {
        let mut room = vec![0; 16_384];
        while let Some(count) = read(&mut from, &mut room).await {
            let phase = *held.lock().unwrap_or_else(PoisonError::into_inner);
            let through = match phase {
                None => count,
                Some(Phase::MidReply) => count / 2,
                Some(_) => 0,
            };
            if to.write_all(&room[..through]).await.is_err() {
                return;
            }
            if phase.is_some() {
                self.halt().await;
            }
        }
    }

    /// Notes a request, and gives where it is to be stopped once its connection is accepted.
    fn phase_of(&self, piece: &[u8]) -> Option<Phase> {
        let line = first_line(piece)?;
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.clone());
        let stop = self.stop.as_ref();
        let stop = stop.filter(|stop| stop.phase != Phase::Connect)?;
        self.is_it(stop, &line).then_some(stop.phase)
    }

    fn is_it(&self, stop: &Stop, line: &str) -> bool {
        (stop.choose)(line) && self.chosen.fetch_add(1, Ordering::SeqCst) + 1 == stop.nth
    }

    /// Says that the request stands there, and stays.
    async fn halt(&self) {
        if let Some(stop) = &self.stop {
            (stop.reached)();
        }
        std::future::pending::<()>().await;
    }
}

async fn read(from: &mut OwnedReadHalf, room: &mut [u8]) -> Option<usize> {
    from.read(room).await.ok().filter(|count| *count > 0)
}

/// Gives the first line of a request; nothing where the bytes do not begin one. Our requests begin a piece: none is sent
/// before the one before it was answered.
fn first_line(piece: &[u8]) -> Option<String> {
    const METHODS: [&str; 5] = ["GET ", "POST ", "PUT ", "PATCH ", "DELETE "];
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    METHODS
        .iter()
        .any(|method| line.starts_with(*method))
        .then_some(line)
}

/// Gives where the first half of a request ends: in the middle of its body, or of its head where it has no body; nothing
/// while not all of it is there.
fn half_of(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let half = if length > 0 {
        head + length / 2
    } else {
        head / 2
    };
    (request.len() >= head + length).then_some(half)
}

#[test]
fn the_half_of_a_request_is_that_of_its_body() {
    let head = b"POST /comment HTTP/1.1\r\nContent-Length: 10\r\n\r\n";
    let whole = [&head[..], &b"0123456789"[..]].concat();
    assert_eq!(half_of(&whole), Some(head.len() + 5));
    assert_eq!(half_of(&whole[..whole.len() - 1]), None);
    assert_eq!(half_of(b"GET / HTTP/1.1\r\n\r\n"), Some(9));
    let line = first_line(&whole);
    assert_eq!(line.as_deref(), Some("POST /comment HTTP/1.1"));
    assert_eq!(first_line(b"{\"message\": \"GET \"}"), None);
}
