//! Frames of zstd, one after the other and block by block, so that of a stream that is cut off every whole block is kept.
//!
//! Source: RFC 8878, sections 3.1.1 (frames) and 3.1.2 (frames that are skipped).

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The first bytes of a frame.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// An empty block that is the last one.
const LAST: [u8; 3] = [1, 0, 0];
/// Bytes of the checksum behind the last block.
const CHECKSUM: usize = 4;

/// Why a frame ended before its end.
enum Broken {
    Cut,
    Damaged(String),
    Unread(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Unread(error),
        }
    }
}

/// Unpacks all frames, up to one byte more than `most`; gives why that ended before the end.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn unpack(
    source: &mut impl Read,
    bytes: &mut Vec<u8>,
    most: u64,
) -> io::Result<Option<String>> {
    loop {
        match frame(source, bytes, most) {
            Ok(true) if bytes.len() as u64 <= most => {}
            Ok(_) => return Ok(None),
            Err(Broken::Cut) => return Ok(Some("the zstd stream is cut off".to_owned())),
            Err(Broken::Damaged(why)) => {
                return Ok(Some(format!("the zstd stream is damaged: {why}")));
            }
            Err(Broken::Unread(error)) => return Err(error),
        }
    }
}

/// Unpacks one frame; `false` where there is none any more.
fn frame(source: &mut impl Read, bytes: &mut Vec<u8>, most: u64) -> Result<bool, Broken> {
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let magic: [u8; 4] = match magic.as_slice() {
        [] => return Ok(false),
        whole => whole.try_into().ok().ok_or(Broken::Cut)?,
    };
    if matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
        let size = u64::from(u32::from_le_bytes(exactly(source)?));
        let skipped = io::copy(&mut source.by_ref().take(size), &mut io::sink())?;
        return if skipped == size {
            Ok(true)
        } else {
            Err(Broken::Cut)
        };
    }
    if magic != MAGIC {
        return Err(Broken::Damaged("what follows a frame is none".to_owned()));
    }
    let mut decoder = FrameDecoder::new();
    let mut head = Kept::new(&MAGIC, source);
    decoder
        .init(&mut head)
        .map_err(|error| head.broken(&error))?;
    // Bit 2 of the byte behind the magic one tells of a checksum.
    let has_checksum = head
        .read
        .get(MAGIC.len())
        .is_some_and(|flags| flags & 4 != 0);
    let ended = blocks(&mut decoder, source, has_checksum, bytes, most);
    if !decoder.is_finished() {
        // The decoder keeps back what later blocks may repeat, until the last one.
        let end = [&LAST[..], &[0; CHECKSUM]].concat();
        let _ = decoder.decode_blocks(end.as_slice(), BlockDecodingStrategy::All);
    }
    decoder.collect_to_writer(bytes)?;
    ended.map(|()| true)
}

fn blocks(
    decoder: &mut FrameDecoder,
    source: &mut impl Read,
    has_checksum: bool,
    bytes: &mut Vec<u8>,
    most: u64,
) -> Result<(), Broken> {
    let mut block = Vec::new();
    while !decoder.is_finished() && bytes.len() as u64 <= most {
        let head: [u8; 3] = exactly(source)?;
        let word = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let (is_last, kind, size) = (word & 1 == 1, word >> 1 & 3, word >> 3);
        // One byte stands for a run of the same; its size is that of the run.
        let size = if kind == 1 { 1 } else { size as usize };
        let more = if is_last && has_checksum { CHECKSUM } else { 0 };
        block.clear();
        block.extend(head);
        source
            .by_ref()
            .take((size + more) as u64)
            .read_to_end(&mut block)?;
        if block.len() < head.len() + size {
            return Err(Broken::Cut);
        }
        let is_whole = block.len() == head.len() + size + more;
        block.resize(head.len() + size + more, 0);
        decoder
            .decode_blocks(block.as_slice(), BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|error| Broken::Damaged(error.to_string()))?;
        decoder.collect_to_writer(&mut *bytes)?;
        if !is_whole {
            return Err(Broken::Cut);
        }
    }
    Ok(())
}

fn exactly<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads from one source after some bytes, and keeps what was read.
struct Kept<'a, R> {
    before: &'a [u8],
    source: &'a mut R,
    read: Vec<u8>,
    is_cut: bool,
}

impl<'a, R: Read> Kept<'a, R> {
    fn new(before: &'a [u8], source: &'a mut R) -> Self {
        Self {
            before,
            source,
            read: Vec::new(),
            is_cut: false,
        }
    }

    fn broken(&self, error: &dyn std::error::Error) -> Broken {
        if self.is_cut {
            Broken::Cut
        } else {
            Broken::Damaged(error.to_string())
        }
    }
}

impl<R: Read> Read for Kept<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = if self.before.is_empty() {
            self.source.read(buffer)?
        } else {
            self.before.read(buffer)?
        };
        self.is_cut |= got == 0 && !buffer.is_empty();
        self.read.extend(buffer.iter().take(got));
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn text() -> Vec<u8> {
        (0..40_000_u32)
            .flat_map(|n| {
                format!("{{\"n\":{n},\"x\":{}}}\n", n.wrapping_mul(2_654_435_761)).into_bytes()
            })
            .collect()
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        let broken = unpack(&mut &*bytes, &mut out, 1 << 30).unwrap();
        (out, broken)
    }

    #[test]
    fn frames_one_after_the_other_are_read_whole_and_others_skipped() {
        let skipped = [0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let all = [packed(b"one\n"), skipped.to_vec(), packed(b"two\n")].concat();
        assert_eq!(read(&all), (b"one\ntwo\n".to_vec(), None));
        assert_eq!(read(&packed(&text())), (text(), None));
    }

    #[test]
    fn whole_blocks_before_the_cut_are_kept_and_the_cut_is_named() {
        let (text, whole) = (text(), packed(&text()));
        let (found, broken) = read(&whole[..whole.len() * 2 / 3]);
        assert!(
            found.len() > text.len() / 3,
            "{} of {}",
            found.len(),
            text.len()
        );
        assert!(text.starts_with(&found));
        assert_eq!(broken.as_deref(), Some("the zstd stream is cut off"));
    }

    #[test]
    fn damage_and_what_follows_a_frame_are_named() {
        let (found, broken) = read(&[packed(b"one\n"), b"junk".to_vec()].concat());
        assert_eq!(found, b"one\n");
        assert!(broken.unwrap().contains("what follows a frame"));
    }

    #[test]
    fn no_more_than_asked_for_is_unpacked() {
        let mut out = Vec::new();
        unpack(
            &mut packed(&vec![b'x'; 8 << 20]).as_slice(),
            &mut out,
            1 << 20,
        )
        .unwrap();
        assert!(
            (1 << 20) < out.len() && out.len() < 4 << 20,
            "{}",
            out.len()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_behind_the_magic_ones_are_survived(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&[&MAGIC[..], &rest].concat());
        }
    }
}
