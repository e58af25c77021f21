//! `docs/conformance.md` is true at least in this: its items are all there, and so are
//! its tests.

use std::{fs, path::Path};

const TABLE: &str = include_str!("../../docs/conformance.md");

#[test]
fn every_item_of_the_specification_that_is_for_a_pool_has_one_row() {
    let rows: Vec<u32> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()?.trim().parse().ok())
        .collect();
    assert_eq!(rows, (1..=59).chain(83..=87).collect::<Vec<u32>>());
}

#[test]
fn every_item_that_is_done_names_a_test() {
    for line in TABLE.lines().filter(|line| line.contains("| done")) {
        assert!(line.contains(".rs::"), "{line}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named: Vec<(&str, &str)> = TABLE.split('`').filter_map(|quoted| quoted.split_once(".rs::")).collect();
    assert!(named.len() > 80, "{}", named.len());
    for (file, test) in named {
        let folder = if file.contains('/') { root.clone() } else { root.join("tests/tests") };
        let path = folder.join(file).with_extension("rs");
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(source.contains(&format!("fn {test}(")), "{} has no test {test}", path.display());
    }
}
