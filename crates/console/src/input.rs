//! Opens a log, compressed or not.

use std::{
    fs::File,
    io::{self, BufReader, Chain, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use liblzma::{bufread::XzDecoder, stream::Stream};

use crate::error::{Compression, Damage, Error};

/// What an xz file may ask for its dictionary. `xz -9` needs 65 MiB; a log that asks for much more
/// is not one.
const XZ_MEMORY: u64 = 256 << 20;
const BUFFER: usize = 256 << 10;
/// As many bytes as the longest magic number has.
const MAGIC: usize = 6;

type Source = Counted<Box<dyn Read + Send>>;
type Packed = BufReader<Chain<Cursor<Vec<u8>>, Source>>;

enum Decoder {
    Plain(Chain<Cursor<Vec<u8>>, Source>),
    Gzip(MultiGzDecoder<Packed>),
    Xz(XzDecoder<Packed>),
    Zstd(zstd::stream::read::Decoder<'static, Packed>),
}

/// A log that can be read from front to end. Made by [`open`].
///
/// When compressed data is truncated or damaged, what came before is read, and then [`Read::read`]
/// gives an error with a [`Damage`] inside, once.
pub struct Input {
    decoder: Decoder,
    position: Position,
    unpacked: u64,
    ended: bool,
}

/// How far the reading of an [`Input`] has come, in bytes of the file; for showing progress while
/// it is being read.
#[derive(Clone, Debug)]
pub struct Position {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Position {
    /// Bytes of the file that were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// How many it has, if it is a regular file.
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// Opens the log at `path`, or standard input if that is `-`. Whether it is compressed is seen from
/// its first bytes, not from its name.
pub fn open(path: &Path) -> Result<Input, Error> {
    if path.as_os_str() == "-" {
        return Input::new("standard input", Box::new(io::stdin()), None);
    }
    let fail = |source| Error::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    let data = file.metadata().map_err(fail)?;
    if data.is_dir() {
        return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Input::new(&path.display().to_string(), Box::new(file), data.is_file().then_some(data.len()))
}

impl Input {
    /// Reads a log from `reader`; `name` is for messages, `total` its length if that is known.
    pub fn new(name: &str, reader: Box<dyn Read + Send>, total: Option<u64>) -> Result<Input, Error> {
        let read = Arc::new(AtomicU64::new(0));
        let mut source = Counted { reader, read: Arc::clone(&read) };
        let fail = |source| Error::Read { offset: 0, source };
        let mut head = Vec::with_capacity(MAGIC);
        (&mut source).take(MAGIC as u64).read_to_end(&mut head).map_err(fail)?;
        let compression = compression_of(name, &head)?;
        let whole = Cursor::new(head).chain(source);
        let packed = |whole| BufReader::with_capacity(BUFFER, whole);
        let decoder = match compression {
            Compression::None => Decoder::Plain(whole),
            Compression::Gzip => Decoder::Gzip(MultiGzDecoder::new(packed(whole))),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)
                    .map_err(|error| fail(error.into()))?;
                Decoder::Xz(XzDecoder::new_stream(packed(whole), stream))
            }
            Compression::Zstd => {
                Decoder::Zstd(zstd::stream::read::Decoder::with_buffer(packed(whole)).map_err(fail)?)
            }
        };
        Ok(Input { decoder, position: Position { read, total }, unpacked: 0, ended: false })
    }

    /// How it is compressed.
    pub fn compression(&self) -> Compression {
        match self.decoder {
            Decoder::Plain(_) => Compression::None,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Xz(_) => Compression::Xz,
            Decoder::Zstd(_) => Compression::Zstd,
        }
    }

    /// A handle to follow the reading by.
    pub fn position(&self) -> Position {
        self.position.clone()
    }

    /// Bytes of the file that the decoder has used.
    fn used(&self) -> u64 {
        let waiting = match &self.decoder {
            Decoder::Plain(_) => 0,
            Decoder::Gzip(decoder) => decoder.get_ref().buffer().len(),
            Decoder::Xz(decoder) => decoder.get_ref().buffer().len(),
            Decoder::Zstd(decoder) => decoder.get_ref().buffer().len(),
        };
        self.position.read().saturating_sub(waiting as u64)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended || buf.is_empty() {
            return Ok(0);
        }
        let result = match &mut self.decoder {
            // An error of a plain file is the file system's.
            Decoder::Plain(reader) => return reader.read(buf),
            Decoder::Gzip(decoder) => decoder.read(buf),
            Decoder::Xz(decoder) => decoder.read(buf),
            Decoder::Zstd(decoder) => decoder.read(buf),
        };
        match result {
            Ok(count) => {
                self.ended = count == 0;
                self.unpacked += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) if error.raw_os_error().is_some() => Err(error),
            Err(error) => {
                self.ended = true;
                let damage = Damage {
                    compression: self.compression(),
                    truncated: error.kind() == io::ErrorKind::UnexpectedEof,
                    packed: self.used(),
                    unpacked: self.unpacked,
                    reason: error.to_string(),
                };
                Err(io::Error::new(error.kind(), damage))
            }
        }
    }
}

fn compression_of(name: &str, head: &[u8]) -> Result<Compression, Error> {
    let packed = |format| Err(Error::Packed { name: name.to_owned(), format });
    match head {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Ok(Compression::Xz),
        // A frame, or one that is to be skipped.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41] => packed("bzip2"),
        [b'P', b'K', 3, 4, ..] => packed("zip"),
        _ => Ok(Compression::None),
    }
}

/// Counts what is read.
pub(crate) struct Counted<R> {
    pub(crate) reader: R,
    pub(crate) read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
