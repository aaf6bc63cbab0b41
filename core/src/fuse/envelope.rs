//! The envelope around metadata: version, encoding, compression, length, payload.

use std::cell::RefCell;
use std::io::Read;

use serde::de::DeserializeOwned;
use zstd::stream::read::Decoder;
use zstd::zstd_safe::{self, DCtx, ResetDirective};

/// The largest decompressed payload that a reader accepts, in bytes. A segment holds at most 2048 blocks;
/// a real one of that size is a few MiB, and a snapshot of a million segments about 100 MiB.
pub const PAYLOAD_BYTES_MAX: u64 = 512 << 20;

/// Why bytes could not be read as what they were taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// They are not what they should be: damaged, overwritten, or another object.
    #[error("{0}")]
    Garbage(String),
    /// They may well be whole, but in a form that this reader does not know.
    #[error("{0}")]
    Unsupported(String),
}

impl NotRead {
    #[allow(
        clippy::needless_pass_by_value,
        reason = "it is handed to map_err, with errors of any kind"
    )]
    pub(super) fn garbage(why: impl ToString) -> Self {
        Self::Garbage(why.to_string())
    }
}

/// `encoding` in the envelope (format fact: 1 bincode, 2 MessagePack, 3 JSON).
#[derive(Debug, Clone, Copy)]
enum Encoding {
    MessagePack,
    Json,
}

/// `compression` in the envelope (format fact: 0 none, 1 zstd, 2 snappy).
#[derive(Debug, Clone, Copy)]
enum Compression {
    None,
    Zstd,
}

/// The opened envelope's first fields, with the rest of the file.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) version: u64,
    encoding: Encoding,
    compression: Compression,
    rest: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads `0 u64 version | 8 u8 encoding | 9 u8 compression`; what follows depends on the object.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, NotRead> {
        let (version, rest) = take_u64(bytes)?;
        let [encoding, compression, rest @ ..] = rest else {
            return Err(NotRead::garbage("shorter than its envelope"));
        };
        if version > 64 {
            return Err(NotRead::garbage(format!(
                "no such format version: {version}"
            )));
        }
        let encoding = match encoding {
            1 => return Err(NotRead::Unsupported("encoded with bincode".into())),
            2 => Encoding::MessagePack,
            3 => Encoding::Json,
            other => return Err(NotRead::garbage(format!("no such encoding: {other}"))),
        };
        let compression = match compression {
            0 => Compression::None,
            1 => Compression::Zstd,
            2 => return Err(NotRead::Unsupported("compressed with snappy".into())),
            other => return Err(NotRead::garbage(format!("no such compression: {other}"))),
        };
        Ok(Self {
            version,
            encoding,
            compression,
            rest,
        })
    }

    /// Takes the next length field.
    pub(super) fn take_length(&mut self) -> Result<u64, NotRead> {
        let (length, rest) = take_u64(self.rest)?;
        self.rest = rest;
        Ok(length)
    }

    /// Takes the next payload of this many bytes and decodes it.
    pub(super) fn take_payload<T: DeserializeOwned>(&mut self, length: u64) -> Result<T, NotRead> {
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.rest.len())
            .ok_or_else(|| NotRead::garbage("a payload reaches beyond the end of the file"))?;
        let (payload, rest) = self.rest.split_at(length);
        self.rest = rest;
        match self.compression {
            Compression::None => self.decode(payload),
            Compression::Zstd => self.decode(&unzstd(payload)?),
        }
    }

    /// Everything was taken.
    pub(super) fn finish(self) -> Result<(), NotRead> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(NotRead::garbage(format!(
                "{left} bytes too many at the end"
            ))),
        }
    }

    fn decode<T: DeserializeOwned>(&self, payload: &[u8]) -> Result<T, NotRead> {
        match self.encoding {
            Encoding::MessagePack => rmp_serde::from_slice(payload).map_err(NotRead::garbage),
            Encoding::Json => read_json(payload),
        }
    }
}

/// Whether the file is bare JSON, as written before format version 3.
pub(super) fn is_bare_json(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{')
}

pub(super) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotRead> {
    serde_json::from_slice(bytes).map_err(NotRead::garbage)
}

fn take_u64(bytes: &[u8]) -> Result<(u64, &[u8]), NotRead> {
    let (field, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| NotRead::garbage("shorter than its envelope"))?;
    Ok((u64::from_le_bytes(*field), rest))
}

thread_local! {
    /// A table's metadata is thousands of small frames, and making a context costs more than reading one.
    static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

fn unzstd(payload: &[u8]) -> Result<Vec<u8>, NotRead> {
    let garbage = |error: std::io::Error| NotRead::garbage(format!("zstd: {error}"));
    let mut plain = Vec::new();
    CONTEXT.with_borrow_mut(|context| {
        // What the frame before left in it, one that broke off included, is forgotten.
        let reset = context.reset(ResetDirective::SessionOnly);
        reset.map_err(|code| NotRead::garbage(zstd_safe::get_error_name(code)))?;
        let decoder = Decoder::with_context(payload, context);
        let read = decoder.take(PAYLOAD_BYTES_MAX + 1).read_to_end(&mut plain);
        read.map_err(garbage)
    })?;
    if plain.len() as u64 > PAYLOAD_BYTES_MAX {
        return Err(NotRead::Unsupported(
            "its payload is larger than 512 MiB".into(),
        ));
    }
    Ok(plain)
}
