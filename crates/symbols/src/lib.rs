//! Placeholder until its first line is written.
