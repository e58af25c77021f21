//! `mining.set_extranonce`: another search space from the next job on. Only for miners
//! that have asked for it (`mining.extranonce.subscribe`).

use crate::sv1::quantity::write_hex;
use std::fmt::Write;

/// Appends the line.
pub fn write(out: &mut String, extranonce1: &[u8], extranonce2_size: usize) {
    out.push_str(r#"{"id":null,"method":"mining.set_extranonce","params":[""#);
    write_hex(out, extranonce1);
    // Writing to a String cannot fail.
    let _ = writeln!(out, r#"",{extranonce2_size}]}}"#);
}
