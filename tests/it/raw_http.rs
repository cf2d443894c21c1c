//! A server made of bytes: reads one request by hand and answers whatever a test wants, valid or not.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// One request as its bytes say.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub method: String,
    pub path: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Raw {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads one request with its body; `None` when the other side said nothing whole.
pub async fn read_request(stream: &mut TcpStream) -> Option<Raw> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(head + 4);
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut raw = Raw {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    let length: usize = raw
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    raw.body = body;
    Some(raw)
}
