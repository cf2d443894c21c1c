//! The body of an answer as it is put together: counted after decoding, so that a small answer cannot grow large.
//!
//! What must not live here: sockets, the meaning of a body.

use std::io::Write;

use flate2::write::GzDecoder;

use super::limits::Limits;

/// Why a body is given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("answer unpacks to more than {0} times its size")]
    Ratio(usize),
    #[error("answer is not whole gzip data")]
    Gzip(#[source] std::io::Error),
    #[error("answer has an encoding that was not asked for")]
    Encoding,
}

enum Sink {
    Plain(Vec<u8>),
    Gzip(Box<GzDecoder<Vec<u8>>>),
}

/// Collects a body piece by piece and stops at the first limit that is passed.
pub(crate) struct Body {
    sink: Sink,
    received: usize,
    cap: usize,
    ratio: usize,
    ratio_from: usize,
}

/// Packed bytes decoded at once: at most about 1 MiB comes out before the size is looked at again.
const STEP: usize = 1024;

impl Body {
    /// Starts a body with the answer's `Content-Encoding`.
    pub(crate) fn new(
        encoding: Option<&str>,
        cap: usize,
        limits: &Limits,
    ) -> Result<Self, BodyError> {
        let sink = match encoding.map(|e| e.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Sink::Plain(Vec::new()),
            Some("gzip" | "x-gzip") => Sink::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            Some(_) => return Err(BodyError::Encoding),
        };
        Ok(Self {
            sink,
            received: 0,
            cap,
            ratio: limits.ratio,
            ratio_from: limits.ratio_from,
        })
    }

    /// Takes the next piece as it came from the connection.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        for step in piece.chunks(STEP) {
            self.received += step.len();
            let size = match &mut self.sink {
                Sink::Plain(bytes) => {
                    bytes.extend_from_slice(step);
                    bytes.len()
                }
                Sink::Gzip(decoder) => {
                    decoder.write_all(step).map_err(BodyError::Gzip)?;
                    decoder.get_ref().len()
                }
            };
            self.judge(size)?;
        }
        Ok(())
    }

    fn judge(&self, size: usize) -> Result<(), BodyError> {
        if size > self.cap {
            return Err(BodyError::TooLarge(self.cap));
        }
        if size > self.ratio_from && size / self.ratio.max(1) > self.received {
            return Err(BodyError::Ratio(self.ratio));
        }
        Ok(())
    }

    /// Gives the whole decoded body.
    pub(crate) fn finish(self) -> Result<Vec<u8>, BodyError> {
        let (cap, ratio, ratio_from, received) =
            (self.cap, self.ratio, self.ratio_from, self.received);
        match self.sink {
            Sink::Plain(bytes) => Ok(bytes),
            // A server may announce gzip for an empty answer.
            Sink::Gzip(_) if received == 0 => Ok(Vec::new()),
            Sink::Gzip(decoder) => {
                let bytes = decoder.finish().map_err(BodyError::Gzip)?;
                let last = Self {
                    sink: Sink::Plain(Vec::new()),
                    received,
                    cap,
                    ratio,
                    ratio_from,
                };
                last.judge(bytes.len())?;
                Ok(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        encoder.finish()
    }

    fn read(encoding: Option<&str>, bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        let limits = Limits::default();
        let mut body = Body::new(encoding, limits.object, &limits)?;
        for piece in bytes.chunks(700) {
            body.push(piece)?;
        }
        body.finish()
    }

    #[test]
    fn plain_and_packed_bodies_come_out_whole() -> std::io::Result<()> {
        let text: Vec<u8> = (0..50_000u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        let got = read(None, &text).map_err(std::io::Error::other)?;
        assert_eq!(got, text);
        let got = read(Some("gzip"), &pack(&text)?).map_err(std::io::Error::other)?;
        assert_eq!(got, text);
        Ok(())
    }

    #[test]
    fn bombs_cut_data_and_unknown_encodings_are_refused() -> std::io::Result<()> {
        let bomb = pack(&vec![b' '; 100 << 20])?;
        assert!(matches!(
            read(Some("gzip"), &bomb),
            Err(BodyError::Ratio(_) | BodyError::TooLarge(_))
        ));
        let small_bomb = pack(&vec![b' '; 900 << 10])?;
        assert!(matches!(
            read(Some("gzip"), &small_bomb),
            Err(BodyError::Ratio(100))
        ));
        assert!(matches!(
            read(None, &vec![0; (1 << 20) + 1]),
            Err(BodyError::TooLarge(_))
        ));
        let whole = pack(b"a whole answer that is then cut")?;
        let cut: Vec<u8> = whole.iter().take(whole.len() - 9).copied().collect();
        assert!(matches!(read(Some("gzip"), &cut), Err(BodyError::Gzip(_))));
        assert!(matches!(read(Some("br"), b"x"), Err(BodyError::Encoding)));
        assert!(matches!(
            read(Some("gzip"), b"not gzip"),
            Err(BodyError::Gzip(_))
        ));
        Ok(())
    }
}
