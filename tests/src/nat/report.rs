//! What the lab's tests saw, as tables for people, in the build folder.

use anyhow::Result;
use std::{fs, path::Path, time::Duration};

/// Writes `text` as `name` into the build folder, in place of an earlier run's. `scratch`
/// is cargo's folder for temporary files of tests, `env!("CARGO_TARGET_TMPDIR")`.
///
/// # Errors
/// When it cannot be written.
pub fn write(scratch: &str, name: &str, text: &str) -> Result<()> {
    let scratch = Path::new(scratch);
    fs::write(scratch.parent().unwrap_or(scratch).join(name), text)?;
    println!("{text}");
    Ok(())
}

/// Writes one row of the table `table`, a folder in the build folder; each test has rows of
/// its own.
///
/// # Errors
/// When it cannot be written.
pub fn row(scratch: &str, table: &str, first: &str, cells: &[String]) -> Result<()> {
    let scratch = Path::new(scratch);
    let folder = scratch.parent().unwrap_or(scratch).join(table);
    fs::create_dir_all(&folder)?;
    let text = format!("| {first} | {} |\n", cells.join(" | "));
    fs::write(folder.join(first.replace([' ', '\'', ','], "-")), &text)?;
    println!("{text}");
    Ok(())
}

/// Rows with a first column of their own and `heading` above, as a Markdown table.
pub fn table(heading: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = vec!["---".to_owned(); heading.len()];
    let mut text = line(heading) + &line(&rule);
    rows.iter().for_each(|row| text += &line(row));
    text
}

/// A time in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
