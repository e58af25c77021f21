//! The folder `run` in a data folder: what holds while a pool runs, in small JSON files for
//! other programs on this machine.
//!
//! They are replaced, never written over, so that a reader sees the one before or the new
//! one whole. They are for the pool's own user (mode 0600), and may be deleted at any time.

use serde::Serialize;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Name of the folder.
pub const RUN: &str = "run";

/// Writes `content` as the file `name` into `run` in the data folder `data_dir`, in place of
/// the one before.
///
/// # Errors
/// When the folder cannot be written to.
pub fn replace(data_dir: &Path, name: &str, content: &impl Serialize) -> io::Result<()> {
    let run = data_dir.join(RUN);
    DirBuilder::new().recursive(true).mode(0o700).create(&run)?;
    let new = run.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", serde_json::to_string_pretty(content)?)?;
    fs::rename(new, run.join(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        replace(folder.path(), "a.json", &[1, 2, 3]).unwrap();
        let path = folder.path().join("run/a.json");
        // Whoever reads at that moment goes on with the old one.
        let reader = fs::File::open(&path).unwrap();
        replace(folder.path(), "a.json", &[4]).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "[\n  1,\n  2,\n  3\n]\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  4\n]\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join(RUN)).unwrap().count(), 1, "nothing is left lying about");
    }
}
