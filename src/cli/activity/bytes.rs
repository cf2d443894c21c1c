//! The bytes of an exported log, unpacked where it is packed.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::cli::{Failure, UNREADABLE};
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::safe;

/// Most bytes of a log, unpacked.
const MOST: u64 = 4 << 30;

/// Reads a file, or standard input for `-`; gzip and zstd are told by their first bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let opened: io::Result<Box<dyn Read>> = if path.as_os_str() == "-" {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    // Room for a plain file at once; a packed one needs more and finds it.
    let size = fs::metadata(path).map_or(0, |found| found.len().min(MOST));
    let room = usize::try_from(size).unwrap_or_default();
    opened
        .and_then(|source| unpacked(source, room))
        .map_err(|error| {
            let place = Untrusted::new(path.to_string_lossy());
            let error = Untrusted::new(error.to_string());
            let what = safe!("failed to read {}: {}", place.ident(), error.line());
            Failure::one(UNREADABLE, Fault::new(what))
        })
}

fn unpacked(mut source: Box<dyn Read>, room: usize) -> io::Result<Vec<u8>> {
    let mut magic = [0_u8; 4];
    let mut got = 0;
    while let Some(free) = magic.get_mut(got..).filter(|free| !free.is_empty()) {
        match source.read(free)? {
            0 => break,
            more => got += more,
        }
    }
    let start = io::Cursor::new(magic).take(got as u64);
    let whole = BufReader::new(start.chain(source));
    let limited: Box<dyn Read> = match magic {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            Box::new(StreamingDecoder::new(whole).map_err(io::Error::other)?)
        }
        _ => Box::new(whole),
    };
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    limited.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other("it holds more than 4 GiB"));
    }
    Ok(bytes)
}
