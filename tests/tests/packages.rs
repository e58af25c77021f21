//! The StartOS package as `packaging/check` packed it, read by a reader that shares nothing with
//! what packed it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::{collections::BTreeSet, env, fs};
use tests::s9pk::S9pk;

/// The package, where `packaging/check` ran before; else these tests have nothing to read.
fn package() -> Option<Vec<u8>> {
    match env::var_os("PUNCHBOWL_S9PK") {
        Some(path) => Some(fs::read(&path).expect("PUNCHBOWL_S9PK names no file")),
        None if env::var_os("PACKAGE_TESTS").is_some_and(|word| word == "required") => {
            panic!("PACKAGE_TESTS=required, but PUNCHBOWL_S9PK is not set; packaging/check makes it")
        }
        None => {
            eprintln!("skipped: no package; packaging/check makes one, and sets PUNCHBOWL_S9PK");
            None
        }
    }
}

#[test]
fn startos_package_is_signed_whole_and_has_what_startos_looks_for() {
    let Some(bytes) = package() else { return };
    let s9pk = S9pk::read(&bytes).unwrap();
    let manifest: Value = serde_json::from_slice(s9pk.files["manifest.json"]).unwrap();
    assert_eq!(manifest["id"], "punchbowl");
    let architecture = manifest["images"]["node"]["arch"][0].as_str().unwrap();
    assert_eq!(manifest["images"]["node"]["source"], "packed");
    let image = |what: &str| format!("images/{architecture}/node.{what}");
    let expected: BTreeSet<String> = [
        "LICENSE.md",
        "assets.squashfs",
        "dependencies/bitcoind/icon.svg",
        "dependencies/bitcoind/metadata.json",
        "icon.svg",
        "instructions.md",
        "javascript.squashfs",
        "manifest.json",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["env", "json", "squashfs"].map(image))
    .collect();
    assert_eq!(s9pk.files.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for (path, content) in &s9pk.files {
        if path.ends_with(".squashfs") {
            assert!(content.starts_with(b"hsqs"), "{path} is no squashfs");
        }
    }
    let of_image: Value = serde_json::from_slice(s9pk.files[&image("json")]).unwrap();
    assert_eq!(of_image["entrypoint"][0], "/usr/bin/punchbowl");
}

#[test]
fn startos_package_with_any_one_bit_flipped_is_refused() {
    let Some(mut bytes) = package() else { return };
    const HEADER: usize = 3 + 32 + 64 + 32 + 8 + 16;
    // Every byte of the header, then some all over the tables and the files: those follow each
    // other without a gap, so that a stride meets each of the large ones.
    let tables = HEADER..(HEADER + 2048).min(bytes.len());
    let files = (HEADER..bytes.len()).step_by((bytes.len() / 60).max(1));
    let last = bytes.len() - 1;
    let places: Vec<usize> = (0..HEADER).chain(tables.step_by(7)).chain(files).chain([last]).collect();
    for (count, place) in places.into_iter().enumerate() {
        let bit = 1 << (count % 8);
        bytes[place] ^= bit;
        assert!(S9pk::read(&bytes).is_err(), "bit {bit} of byte {place} is flipped, and nobody minds");
        bytes[place] ^= bit;
    }
    assert!(S9pk::read(&bytes).is_ok(), "nothing is flipped any more");
}

#[test]
fn startos_package_that_is_cut_short_or_has_something_after_it_is_refused() {
    let Some(bytes) = package() else { return };
    for length in [0, 2, 3, 100, 154, bytes.len() / 2, bytes.len() - 1] {
        assert!(S9pk::read(&bytes[..length]).is_err(), "{length} bytes of it");
    }
    assert!(S9pk::read(&[bytes.as_slice(), b"more"].concat()).is_err());
}
