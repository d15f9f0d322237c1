//! Answers for programs: what their types say, as JSON.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_output::{write_json, write_json_line};

use crate::Render;

/// Any answer as indented JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + ?Sized> Render<T> for Json {
    fn render(&self, value: &T, out: &mut dyn Write) -> io::Result<()> {
        write_json(value, out)
    }
}

/// Any answer as one line of JSON, keys in the order of the alphabet.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLine;

impl<T: Serialize + ?Sized> Render<T> for JsonLine {
    fn render(&self, value: &T, out: &mut dyn Write) -> io::Result<()> {
        write_json_line(&serde_json::to_value(value)?, out)?;
        writeln!(out)
    }
}
