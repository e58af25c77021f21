//! Every file of tests is part of a program: one that nobody names would never run.

use std::{fs, path::Path};

#[test]
fn every_file_of_tests_is_named_by_a_program() {
    let programs = [include_str!("system.rs"), include_str!("nat.rs")].concat();
    let named: Vec<&str> =
        programs.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for file in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let known = ["system", "nat"].contains(&&*name) || named.contains(&&*name);
            assert!(known, "{} is named neither by system.rs nor by nat.rs", path.display());
        }
    }
    assert!(named.len() > 40, "{}", named.len());
}
