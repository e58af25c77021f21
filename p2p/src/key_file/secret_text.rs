//! Reading and writing a text file that only its owner may know.

use super::KeyFileError;
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};
use zeroize::Zeroizing;

/// The first line of the file at `path` that is neither empty nor a comment (empty when
/// there is none), and the open file, so that it can be locked.
///
/// # Errors
/// [`KeyFileError::Missing`], [`KeyFileError::TooOpen`], [`KeyFileError::Io`].
pub(crate) fn read(path: &Path) -> Result<(File, Zeroizing<String>), KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => KeyFileError::Missing(path.into()),
        _ => KeyFileError::Io { action: "read", path: path.into(), source },
    };
    let file = File::open(path).map_err(failed)?;
    refuse_too_open(path, &file)?;
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    (&file).take(LONGEST as u64).read_to_string(&mut text).map_err(failed)?;
    let secret = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let secret = Zeroizing::new(secret.unwrap_or_default().to_owned());
    Ok((file, secret))
}

/// Writes `text` to a new file that only its owner can read, down to the disk.
///
/// # Errors
/// [`KeyFileError::Exists`] rather than overwriting; [`KeyFileError::Io`].
pub(crate) fn create(path: &Path, text: &str) -> Result<File, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.into()),
        _ => KeyFileError::Io { action: "write", path: path.into(), source },
    };
    let mut file = open_new(path).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path); // half a key would only be in the way
    }
    written.map_err(failed)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            File::open(folder).and_then(|folder| folder.sync_all())
        }
        _ => Ok(()),
    }
    .map_err(failed)?;
    Ok(file)
}

/// More than any key file has, in bytes.
const LONGEST: usize = 4096;

#[cfg(unix)]
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn refuse_too_open(path: &Path, file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata();
    let metadata =
        metadata.map_err(|source| KeyFileError::Io { action: "read", path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::TooOpen { path: path.into(), mode }) }
}

#[cfg(not(unix))]
fn refuse_too_open(_: &Path, _: &File) -> Result<(), KeyFileError> {
    Ok(())
}
