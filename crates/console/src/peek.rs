//! A look at the first bytes of an input, which is then read as if nobody had looked.

use std::io::{self, Chain, Cursor, Read};

/// An input of which the first bytes were looked at. See [`peek`].
pub type Peeked<R> = Chain<Chain<Cursor<Vec<u8>>, Failed>, R>;

/// Hands on, in its place, the error that the look met: an input tells of its damage only once.
#[derive(Debug)]
pub struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The first `count` bytes, fewer if there are no more before the end or an error, and the whole
/// input.
pub fn peek<R: Read>(mut input: R, count: usize) -> (Vec<u8>, Peeked<R>) {
    let mut head = Vec::with_capacity(count);
    let failed = Failed((&mut input).take(count as u64).read_to_end(&mut head).err());
    (head.clone(), Cursor::new(head).chain(failed).chain(input))
}
