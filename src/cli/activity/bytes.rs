//! The bytes of an exported log, unpacked where it is packed; of a packed one that is cut off or damaged, what could be
//! unpacked.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::frames;
use crate::cli::{Failure, UNREADABLE};
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::safe;

/// Most bytes of a log, unpacked.
const MOST: u64 = 4 << 30;

/// What a file held.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// Its text.
    pub(super) bytes: Vec<u8>,
    /// Why there may be more that could not be unpacked.
    pub(super) broken: Option<String>,
}

/// Reads a file, or standard input for `-`; gzip and zstd are told by their first bytes.
///
/// # Errors
/// When it cannot be read, nothing of it can be unpacked, or it holds too much.
pub(super) fn read(path: &Path) -> Result<Unpacked, Failure> {
    let opened: io::Result<Box<dyn Read>> = if path.as_os_str() == "-" {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    // Room for a plain file at once; a packed one needs more and finds it.
    let size = fs::metadata(path).map_or(0, |found| found.len().min(MOST));
    let room = usize::try_from(size).unwrap_or_default();
    opened
        .and_then(|source| unpacked(source, room, MOST))
        .map_err(|error| {
            let place = Untrusted::new(path.to_string_lossy());
            let error = Untrusted::new(error.to_string());
            let what = safe!("failed to read {}: {}", place.ident(), error.line());
            Failure::one(UNREADABLE, Fault::new(what))
        })
}

fn unpacked(mut source: impl Read, room: usize, most: u64) -> io::Result<Unpacked> {
    let mut magic = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let first: [u8; 4] = magic.as_slice().try_into().unwrap_or_default();
    let mut whole = BufReader::new(io::Cursor::new(magic).chain(source));
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    let broken = match first {
        [0x1f, 0x8b, ..] => gzip(&mut whole, &mut bytes, most),
        frames::MAGIC => frames::unpack(&mut whole, &mut bytes, most)?,
        _ => {
            whole.take(most + 1).read_to_end(&mut bytes)?;
            None
        }
    };
    if bytes.len() as u64 > most {
        let gib = most >> 30;
        return Err(io::Error::other(format!("it holds more than {gib} GiB")));
    }
    match broken {
        Some(why) if bytes.is_empty() => Err(io::Error::other(why)),
        broken => Ok(Unpacked { bytes, broken }),
    }
}

/// Unpacks gzip, one member after the other; gives why it ended before its end.
fn gzip(source: &mut impl BufRead, bytes: &mut Vec<u8>, most: u64) -> Option<String> {
    let mut limited = MultiGzDecoder::new(source).take(most + 1);
    let error = limited.read_to_end(bytes).err()?;
    Some(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip stream is cut off".to_owned(),
        _ => format!("the gzip stream is damaged: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn text() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|n| {
                format!("{{\"n\":{n},\"x\":{}}}\n", n.wrapping_mul(2_654_435_761)).into_bytes()
            })
            .collect()
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<Unpacked> {
        unpacked(bytes, 0, 1 << 30)
    }

    #[test]
    fn whole_members_one_after_the_other_are_read_whole() {
        let two = [packed(b"one\n"), packed(b"two\n")].concat();
        let found = read(&two).unwrap();
        assert_eq!(
            (found.bytes.as_slice(), found.broken),
            (b"one\ntwo\n".as_slice(), None)
        );
    }

    #[test]
    fn what_comes_before_the_cut_is_read_and_the_cut_is_named() {
        let (text, whole) = (text(), packed(&text()));
        let found = read(&whole[..whole.len() / 2]).unwrap();
        assert!(found.bytes.len() > text.len() / 3, "{}", found.bytes.len());
        assert!(text.starts_with(&found.bytes));
        assert_eq!(found.broken.as_deref(), Some("the gzip stream is cut off"));
    }

    #[test]
    fn damage_and_what_follows_the_stream_are_named() {
        let mut torn = packed(&text());
        let middle = torn.len() / 2;
        torn[middle..middle + 64].fill(0xff);
        let found = read(&torn).unwrap();
        assert!(!found.bytes.is_empty());
        assert!(
            found
                .broken
                .unwrap()
                .starts_with("the gzip stream is damaged")
        );
        let found = read(&[packed(b"one\n"), b"junk".to_vec()].concat()).unwrap();
        assert_eq!(found.bytes, b"one\n");
        assert!(found.broken.is_some());
    }

    #[test]
    fn nothing_unpacked_is_a_failure_and_so_is_too_much() {
        assert!(read(&packed(b"one\n")[..8]).is_err());
        let error = unpacked(packed(&vec![b'x'; 4 << 20]).as_slice(), 0, 1 << 20).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
        assert_eq!(read(b"").unwrap().bytes, b"");
        assert_eq!(read(b"{}").unwrap().bytes, b"{}");
    }
}
