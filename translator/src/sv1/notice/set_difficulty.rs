//! `mining.set_difficulty`: of the jobs that follow.

use crate::sv1::quantity::Told;
use std::fmt::Write;

/// Appends the line.
pub fn write(out: &mut String, difficulty: Told) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, r#"{{"id":null,"method":"mining.set_difficulty","params":[{difficulty}]}}"#);
}
