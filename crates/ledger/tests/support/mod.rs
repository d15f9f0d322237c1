//! What several tests share: logs with known truth, and damage to a log with the check that must
//! fail.
#![allow(dead_code, missing_docs, unused_imports, reason = "each test uses a part")]

pub mod mutate;
pub mod simulate;
