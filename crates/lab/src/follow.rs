//! Reading a file while somebody else writes it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Most that is read at once: a console can be long, and the rest comes with the next call.
const MOST: u64 = 1 << 20;

/// A file of which everything up to now has been read.
#[derive(Debug)]
pub(crate) struct Follow {
    file: File,
    path: PathBuf,
}

impl Follow {
    /// Begins at the file's beginning.
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        Ok(Self { file: File::open(path).map_err(Error::io("open", path))?, path: path.to_path_buf() })
    }

    /// What was written since the last call; nothing if nothing was.
    fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        (&mut self.file).take(MOST).read_to_end(&mut bytes).map_err(Error::io("read", &self.path))?;
        Ok(bytes)
    }

    /// All that is left.
    pub(crate) fn read_rest(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        loop {
            let bytes = self.read()?;
            if bytes.is_empty() {
                return Ok(());
            }
            each(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_is_written_later_is_read_later() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        let mut log = File::create(&path)?;
        let mut follow = Follow::new(&path)?;
        assert_eq!(follow.read()?, b"");
        log.write_all(b"one")?;
        assert_eq!(follow.read()?, b"one");
        assert_eq!(follow.read()?, b"");
        log.write_all(&vec![b'x'; 3 << 20])?;
        let mut total = 0;
        follow.read_rest(|bytes| total += bytes.len())?;
        assert_eq!(total, 3 << 20);
        Ok(())
    }
}
