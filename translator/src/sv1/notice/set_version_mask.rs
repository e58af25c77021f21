//! `mining.set_version_mask` (BIP310): other bits to roll. Only after they were agreed on:
//! it crashed Bitaxe 2.0.5 when it came unasked (ESP-Miner 80).

use crate::sv1::quantity::VersionMask;
use std::fmt::Write;

/// Appends the line.
pub fn write(out: &mut String, mask: VersionMask) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, r#"{{"id":null,"method":"mining.set_version_mask","params":["{mask}"]}}"#);
}
