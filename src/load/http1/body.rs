//! The body of a response, taken out of its framing as it comes.

/// The most that a host may say besides a chunk's size, and behind the last chunk, bytes.
const LARGEST_EXTENSION: u32 = 16 << 10;
const LARGEST_TRAILER: u32 = 64 << 10;

/// Where in a body a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Body(At);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Whole,
    /// Bytes that are still to come.
    Sized(u64),
    ToTheEnd,
    /// In a chunk's size: what it is so far, and its digits.
    Size(u64, u8),
    /// Between a chunk's size and the end of its line.
    Extension {
        size: u64,
        bytes: u32,
    },
    /// Before the LF of that line, which decides where to go by the size.
    SizeEnd(u64),
    /// Within a chunk.
    Chunk(u64),
    ChunkCr,
    ChunkLf,
    /// At the start of a line behind the last chunk, or within one: bytes so far.
    TrailerStart(u32),
    Trailer(u32),
    LastLf,
}

impl Body {
    pub(super) fn none() -> Self {
        Self(At::Whole)
    }

    pub(super) fn sized(length: u64) -> Self {
        Self(if length == 0 { At::Whole } else { At::Sized(length) })
    }

    pub(super) fn chunked() -> Self {
        Self(At::Size(0, 0))
    }

    /// It ends where the connection does.
    pub(super) fn to_the_end() -> Self {
        Self(At::ToTheEnd)
    }

    pub(super) fn is_whole(self) -> bool {
        self.0 == At::Whole
    }

    /// Whether the connection's end is the body's.
    pub(super) fn ends_with_connection(self) -> bool {
        self.0 == At::ToTheEnd
    }

    /// What is known to come, bytes.
    pub(super) fn expected(self) -> u64 {
        if let At::Sized(length) = self.0 { length } else { 0 }
    }

    /// Takes a piece from the front of `bytes`: some of the body itself, or of what frames it (then empty). To be called until
    /// the body is whole or `bytes` is empty.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
        match self.0 {
            At::Whole => Ok(&[]),
            At::ToTheEnd => Ok(std::mem::take(bytes)),
            At::Sized(left) => {
                let piece = front(bytes, left);
                let left = left - piece.len() as u64;
                self.0 = if left == 0 { At::Whole } else { At::Sized(left) };
                Ok(piece)
            }
            At::Chunk(left) => {
                let piece = front(bytes, left);
                let left = left - piece.len() as u64;
                self.0 = if left == 0 { At::ChunkCr } else { At::Chunk(left) };
                Ok(piece)
            }
            framing => {
                if let Some((byte, rest)) = bytes.split_first() {
                    *bytes = rest;
                    self.0 = step(framing, *byte)?;
                }
                Ok(&[])
            }
        }
    }
}

fn front<'a>(bytes: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()));
    let (piece, rest) = bytes.split_at(length);
    *bytes = rest;
    piece
}

/// One byte of what frames chunks (RFC 9112, section 7.1).
fn step(at: At, byte: u8) -> Result<At, &'static str> {
    const NO_SIZE: &str = "a chunk's size is no number";
    const BROKEN: &str = "a chunk does not end where it should";
    Ok(match (at, byte) {
        (At::Size(size, digits), byte) if byte.is_ascii_hexdigit() => {
            let digit = char::from(byte).to_digit(16).unwrap_or_default();
            if size >> 60 != 0 {
                return Err("a chunk's size is too large a number");
            }
            At::Size(size << 4 | u64::from(digit), digits.saturating_add(1))
        }
        (At::Size(_, 0), _) => return Err(NO_SIZE),
        (At::Size(size, _) | At::Extension { size, .. }, b'\r') => At::SizeEnd(size),
        (At::Size(size, _), b';' | b' ' | b'\t') => At::Extension { size, bytes: 1 },
        (At::Size(..), _) => return Err(NO_SIZE),
        (At::Extension { .. }, b'\n') | (At::Extension { bytes: LARGEST_EXTENSION, .. }, _) => {
            return Err("what follows a chunk's size does not end");
        }
        (At::Extension { size, bytes }, _) => At::Extension { size, bytes: bytes + 1 },
        (At::SizeEnd(0), b'\n') => At::TrailerStart(0),
        (At::SizeEnd(size), b'\n') => At::Chunk(size),
        (At::ChunkCr, b'\r') => At::ChunkLf,
        (At::ChunkLf, b'\n') => At::Size(0, 0),
        (At::TrailerStart(_), b'\r') => At::LastLf,
        (At::TrailerStart(LARGEST_TRAILER) | At::Trailer(LARGEST_TRAILER), _) => {
            return Err("what follows the last chunk does not end");
        }
        (At::Trailer(bytes), b'\n') => At::TrailerStart(bytes + 1),
        (At::TrailerStart(bytes) | At::Trailer(bytes), _) => At::Trailer(bytes + 1),
        (At::LastLf, b'\n') => At::Whole,
        _ => return Err(BROKEN),
    })
}
