use crate::{Paths, Step};

/// A path, kept.
pub type Path = Vec<Step>;

/// The shortest paths, the shortest first and those of one length in ascending order of their nodes
/// and edges.
///
/// All paths up to a length are streamed, then up to the least length that was too long for that,
/// until there are enough.
pub fn shortest(paths: &Paths, how_many: usize) -> Vec<Path> {
    let mut found: Vec<Path> = Vec::new();
    let mut stream = paths.stream();
    let most = paths.shape.max_length.unwrap_or(u32::MAX);
    let mut length = 0;
    while found.len() < how_many {
        stream.restart(length);
        while let Some(path) = stream.advance() {
            if path.len() as u32 == length {
                found.push(path.to_vec());
                if found.len() == how_many {
                    return found;
                }
            }
        }
        match stream.beyond().filter(|beyond| *beyond <= most) {
            Some(beyond) => length = beyond,
            None => break,
        }
    }
    found
}
