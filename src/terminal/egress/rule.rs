//! Which sequences may reach the terminal.
//!
//! What must not live here: finding the sequences in a stream of bytes.

use crate::domain::text::{Safe, sink};

/// Modes that may be set and reset: cursor, mouse buttons and drags in SGR form, alternate screen,
/// bracketed paste, synchronized update.
const MODES: [&[u8]; 7] = [b"25", b"1000", b"1002", b"1006", b"1049", b"2004", b"2026"];
/// Largest text for the clipboard, in bytes.
const CLIPBOARD_LIMIT: usize = 4096;

/// What is switched on beyond drawing. By default: nothing, and one query for synchronized update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Window title (OSC 2), and keeping and giving back the one before (`CSI 22 ; 2 t`, `CSI 23 ; 2 t`).
    pub title: bool,
    /// Clipboard (OSC 52), writing only.
    pub clipboard: bool,
    /// Hosts that links (OSC 8) may lead to, over https only; none switches links off.
    pub link_hosts: Vec<String>,
    /// How many times `CSI ? 2026 $ p` may be asked. The answer comes in among the keys and is told from them there.
    pub queries: u32,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            title: false,
            clipboard: false,
            link_hosts: Vec::new(),
            queries: 1,
        }
    }
}

impl Allowed {
    /// Tells whether a CSI sequence may pass: the bytes after `ESC [`, and the final byte.
    pub(super) fn csi(&mut self, body: &[u8], last: u8) -> bool {
        if let Some(private) = body.strip_prefix(b"?") {
            return match last {
                b'h' | b'l' => private.split(|byte| *byte == b';').all(is_mode),
                b'p' if private == b"2026$" && self.queries > 0 => {
                    self.queries -= 1;
                    true
                }
                _ => false,
            };
        }
        let parameters = body.split(|byte| *byte == b';').count();
        match last {
            b'm' => body.iter().all(|byte| (b'0'..=b';').contains(byte)),
            // All other operations on windows move them, or wait for an answer.
            b't' => self.title && matches!(body, b"22;2" | b"23;2"),
            // With five parameters T starts a tracking of the mouse that waits for an answer.
            b'T' => parameters == 1 && is_numbers(body),
            b'H' | b'A' | b'B' | b'C' | b'D' | b'G' | b'J' | b'K' | b'd' | b'r' | b'S' | b'X'
            | b'b' | b'L' | b'M' | b'P' | b'@' => parameters <= 2 && is_numbers(body),
            _ => false,
        }
    }

    /// Tells whether an OSC string may pass: the bytes between `ESC ]` and its end.
    pub(super) fn osc(&self, body: &[u8]) -> bool {
        // All that may pass is printable ASCII.
        let Some(text) = std::str::from_utf8(body)
            .ok()
            .filter(|text| text.bytes().all(|byte| (0x20..=0x7E).contains(&byte)))
        else {
            return false;
        };
        match text.split_once(';') {
            Some(("2", title)) => {
                self.title && title.len() <= 80 && title.chars().all(sink::is_title_char)
            }
            Some(("8", link)) => self.link(link),
            Some(("52", copied)) => self.clipboard && is_clipboard(copied),
            _ => false,
        }
    }

    fn link(&self, link: &str) -> bool {
        if self.link_hosts.is_empty() {
            return false;
        }
        if link == ";" {
            return true;
        }
        // No parameters, https, no user, no port, a host on the list.
        link.strip_prefix(";https://").is_some_and(|address| {
            let host = address.split(['/', '?', '#']).next().unwrap_or_default();
            !address.contains(' ') && self.link_hosts.iter().any(|allowed| allowed == host)
        })
    }
}

fn is_mode(mode: &[u8]) -> bool {
    MODES.contains(&mode)
}

/// Numbers of at most five digits, parted by `;`.
fn is_numbers(body: &[u8]) -> bool {
    body.split(|byte| *byte == b';')
        .all(|number| number.len() <= 5 && number.iter().all(u8::is_ascii_digit))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Gives the OSC body that copies a text, or `None` where it is not ASCII or too long.
pub(super) fn clipboard_body(text: &Safe) -> Option<String> {
    let text = text.as_str();
    if !text.is_ascii() || text.len() > CLIPBOARD_LIMIT {
        return None;
    }
    let mut body = String::from("52;c;");
    for group in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | group.get(at).map_or(0, |byte| usize::from(*byte))
        });
        for at in 0..4 {
            let sextet = bits >> (18 - 6 * at) & 0x3F;
            let letter = ALPHABET.get(sextet).filter(|_| at <= group.len());
            body.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    Some(body)
}

/// Tells whether the rest of an OSC 52 writes printable ASCII and line feeds to the clipboard.
fn is_clipboard(copied: &str) -> bool {
    let Some(encoded) = copied.strip_prefix("c;") else {
        return false;
    };
    let body = encoded.trim_end_matches('=');
    if !encoded.len().is_multiple_of(4) || encoded.len() - body.len() > 2 {
        return false;
    }
    let (mut bits, mut held, mut length) = (0_u32, 0_u32, 0_usize);
    for letter in body.bytes() {
        let Some(sextet) = ALPHABET.iter().position(|known| *known == letter) else {
            return false;
        };
        bits = (bits << 6 | u32::try_from(sextet).unwrap_or(0)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = bits >> held & 0xFF;
            length += 1;
            if byte != 0x0A && !(0x20..=0x7E).contains(&byte) {
                return false;
            }
        }
    }
    length <= CLIPBOARD_LIMIT
}
