//! Reads StartOS's package format, s9pk version 2, and believes nothing of it unproven.
//!
//! Written from the format and apart from what packs it (`start9-package/tools/pack.mjs`), down
//! to the signature's equation, so that the two can only agree by both being right.
//!
//! ```text
//!  3b 3b 02 | key 32 | signature 64 | root hash 32 | size of the root's table u64
//!           | position, size of the root's table u64 u64 | ...
//!  table:  count | (name | hash 32 | size u64 | type | position u64 | size u64 if a folder)*
//! ```
//!
//! Numbers are big endian, counts and lengths LEB128. A folder's hash covers its names, hashes
//! and sizes; the signature (Ed25519ph, RFC 8032, context "s9pk") covers the root's hash and the
//! size of its table.

use anyhow::{Context, Result, bail, ensure};
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;

const MAGIC: [u8; 3] = [0x3b, 0x3b, 0x02];
const CONTEXT: &[u8] = b"s9pk";
/// What StartOS takes of a root's table.
const MAX_ROOT: u64 = 1024 * 1024;
/// Folders within folders; a real package has three.
const MAX_DEPTH: usize = 8;

/// A package whose every byte is covered by its signature.
pub struct S9pk<'a> {
    /// Who signed it.
    pub key: [u8; 32],
    /// Its files by their path.
    pub files: BTreeMap<String, &'a [u8]>,
}

impl<'a> S9pk<'a> {
    /// Reads and verifies all of `bytes`.
    ///
    /// # Errors
    /// When anything in it is not what was signed.
    pub fn read(bytes: &'a [u8]) -> Result<S9pk<'a>> {
        let mut header = Cursor(bytes);
        ensure!(header.array::<3>()? == MAGIC, "this is no s9pk of version 2");
        let key = header.array::<32>()?;
        let signature = header.array::<64>()?;
        let root = header.array::<32>()?;
        let max_size = header.array::<8>()?;
        verify(&key, &signature, &[root.as_slice(), &max_size].concat())?;
        let max_size = u64::from_be_bytes(max_size);
        ensure!(max_size <= MAX_ROOT, "the root's table is too large: {max_size} bytes");
        let place = header.place()?;
        ensure!(place.size <= max_size, "the root's table is larger than signed");
        let mut reader = Reader { bytes, files: BTreeMap::new(), covered: vec![(0, at(bytes, header.0)?)] };
        reader.folder("", &root, place, 0)?;
        reader.everything_is_covered()?;
        Ok(S9pk { key, files: reader.files })
    }
}

/// Where something lies in the file.
#[derive(Clone, Copy)]
struct Place {
    position: u64,
    size: u64,
}

/// A row of a table.
struct Entry<'a> {
    name: &'a str,
    hash: [u8; 32],
    size: u64,
    position: u64,
    /// The size of its own table, where it is a folder.
    folder: Option<u64>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    files: BTreeMap<String, &'a [u8]>,
    /// From where to where something was verified.
    covered: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    fn folder(&mut self, path: &str, hash: &[u8; 32], place: Place, depth: usize) -> Result<()> {
        ensure!(depth < MAX_DEPTH, "{path}: too many folders within each other");
        let mut table = Cursor(self.slice(place)?);
        let count = table.varint()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&varint(count));
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for _ in 0..count {
            let entry = table.entry().with_context(|| format!("in the folder {path:?}"))?;
            let in_order = entries.last().is_none_or(|last| last.name < entry.name);
            ensure!(in_order, "{path}: {} is out of order", entry.name);
            hasher.update(&varint(entry.name.len() as u64));
            hasher.update(entry.name.as_bytes());
            hasher.update(&entry.hash);
            hasher.update(&entry.size.to_be_bytes());
            hasher.update(&[0]);
            entries.push(entry);
        }
        ensure!(table.0.is_empty(), "{path}: bytes after its table");
        ensure!(hasher.finalize().as_bytes() == hash, "the folder {path:?} is not what was signed");
        for Entry { name, hash, size, position, folder } in entries {
            let inside = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            match folder {
                None => {
                    let content = self.slice(Place { position, size })?;
                    ensure!(blake3::hash(content).as_bytes() == &hash, "{inside} is not what was signed");
                    self.files.insert(inside, content);
                }
                Some(table) => {
                    ensure!(table <= size, "{inside}: its table is larger than signed");
                    self.folder(&inside, &hash, Place { position, size: table }, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn slice(&mut self, place: Place) -> Result<&'a [u8]> {
        let from = usize::try_from(place.position)?;
        let to = from.checked_add(usize::try_from(place.size)?).context("beyond the end")?;
        let slice = self.bytes.get(from..to).context("beyond the end of the file")?;
        self.covered.push((from, to));
        Ok(slice)
    }

    /// Nothing lies between what was verified, and nothing was verified twice.
    fn everything_is_covered(&mut self) -> Result<()> {
        self.covered.sort_unstable();
        let mut end = 0;
        for (from, to) in &self.covered {
            ensure!(*from == end, "bytes from {end} to {from} are in no table, or in two");
            end = *to;
        }
        ensure!(end == self.bytes.len(), "bytes after the end");
        Ok(())
    }
}

/// Ed25519ph with the context "s9pk", RFC 8032 section 5.1.7, without the cofactor: what a
/// strict verifier accepts.
fn verify(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> Result<()> {
    let point = |bytes: &[u8]| -> Result<EdwardsPoint> {
        let point = CompressedEdwardsY::from_slice(bytes)?.decompress().context("not a point")?;
        ensure!(!point.is_small_order(), "a point of small order proves nothing");
        Ok(point)
    };
    let (r, s) = signature.split_at(32);
    let a = point(key).context("the key")?;
    point(r).context("the signature")?;
    let s = Scalar::from_canonical_bytes(s.try_into()?);
    let s = Option::<Scalar>::from(s).context("the signature's scalar is not reduced")?;
    let challenge = Sha512::new()
        .chain_update(b"SigEd25519 no Ed25519 collisions")
        .chain_update([1, CONTEXT.len() as u8])
        .chain_update(CONTEXT)
        .chain_update(r)
        .chain_update(key)
        .chain_update(Sha512::digest(message));
    let k = Scalar::from_bytes_mod_order_wide(&challenge.finalize().into());
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s).compress();
    ensure!(expected.as_bytes() == r, "the signature is not by this key over this package");
    Ok(())
}

/// What of `bytes` lies before `rest`.
fn at(bytes: &[u8], rest: &[u8]) -> Result<usize> {
    bytes.len().checked_sub(rest.len()).context("a rest that is longer than the whole")
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("it ends too soon")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn place(&mut self) -> Result<Place> {
        let position = u64::from_be_bytes(self.array()?);
        Ok(Place { position, size: u64::from_be_bytes(self.array()?) })
    }

    fn entry(&mut self) -> Result<Entry<'a>> {
        let length = usize::try_from(self.varint()?)?;
        let name = std::str::from_utf8(self.take(length)?)?;
        ensure!(!name.is_empty() && !name.contains('/') && name != "..", "a file named {name:?}");
        let (hash, size) = (self.array()?, u64::from_be_bytes(self.array()?));
        let [kind] = self.array()?;
        let position = u64::from_be_bytes(self.array()?);
        let folder = match kind {
            1 => None,
            2 => Some(u64::from_be_bytes(self.array()?)),
            _ => bail!("{name}: there is no type {kind}"),
        };
        Ok(Entry { name, hash, size, position, folder })
    }

    fn varint(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                ensure!(byte != 0 || shift == 0, "a number with needless bytes");
                return Ok(number);
            }
        }
        bail!("a number without an end")
    }
}
