//! The one trait of all writers.

use std::io;

/// One form in which a value is written, such as the gate's answer as JUnit's XML.
///
/// A writer only writes: what it shows was computed before. Everything that came from a log or an
/// image leaves it escaped (see [`xenheap_output`]).
pub trait Render<T: ?Sized> {
    /// Writes the value.
    fn render(&self, value: &T, out: &mut dyn io::Write) -> io::Result<()>;
}
