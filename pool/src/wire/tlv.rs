//! Extension fields at the end of a message: type, length, value (SV2 section 3.4.3).
//!
//! The specification prints one example in big-endian while its general rule is
//! little-endian, and the reference implementation sends little-endian. We read
//! little-endian and recognise big-endian where that is the only reading that fits.

/// Extension 0x0002, worker-specific hashrate tracking.
const WORKER_EXTENSION: u16 = 0x0002;
/// Its only field: the worker's name.
const USER_IDENTITY: u8 = 0x01;
/// Punchbowl's own extension.
const OWN_EXTENSION: u16 = super::keep_alive::EXTENSION;
/// Its field in `OpenExtendedMiningChannel`: the coinbase class of the miner, by name.
const COINBASE_CLASS: u8 = 0x01;
/// Longest worker name that extension 0x0002 allows, in bytes.
pub const MAX_WORKER_NAME: usize = 32;

/// Why the fields after a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlvFault {
    /// A field's length goes past the end of the message, or its head is cut.
    Truncated,
    /// A worker name is longer than 32 bytes or not UTF-8.
    BadWorkerName,
}

/// The worker's name in the TLV fields `bytes`; `None` when there is no such field.
/// Fields of other extensions are passed over.
///
/// # Errors
/// [`TlvFault`] when the bytes are not well-formed fields.
pub fn worker_name(mut bytes: &[u8]) -> Result<Option<&str>, TlvFault> {
    let mut found = None;
    while !bytes.is_empty() {
        let (field, rest) = Field::split(bytes).ok_or(TlvFault::Truncated)?;
        if field.extension == WORKER_EXTENSION && field.kind == USER_IDENTITY {
            if field.value.len() > MAX_WORKER_NAME {
                return Err(TlvFault::BadWorkerName);
            }
            found = Some(std::str::from_utf8(field.value).map_err(|_| TlvFault::BadWorkerName)?);
        }
        bytes = rest;
    }
    Ok(found)
}

/// The field that names the worker who sent a share; a name that is too long is cut.
pub fn write_worker_name(name: &str) -> Vec<u8> {
    let end = (0..=MAX_WORKER_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    let name = name.get(..end.unwrap_or(0)).unwrap_or_default();
    let mut field = WORKER_EXTENSION.to_le_bytes().to_vec();
    field.push(USER_IDENTITY);
    field.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_le_bytes()); // at most 32
    field.extend_from_slice(name.as_bytes());
    field
}

/// The name of the miner's coinbase class in the TLV fields `bytes`; `None` when there is none
/// that can be read. Fields of other extensions are passed over.
pub fn coinbase_class(mut bytes: &[u8]) -> Option<&str> {
    while let Some((field, rest)) = Field::split(bytes) {
        if field.extension == OWN_EXTENSION && field.kind == COINBASE_CLASS {
            return std::str::from_utf8(field.value).ok();
        }
        bytes = rest;
    }
    None
}

/// What stands behind the fields of `OpenExtendedMiningChannel` (SV2 section 5.3.3).
pub fn behind_open_extended(payload: &[u8]) -> &[u8] {
    const REQUEST_ID: usize = 4;
    const BEHIND_NAME: usize = 4 + 32 + 2;
    let name = payload.get(REQUEST_ID).map_or(0, |length| usize::from(*length));
    payload.get(REQUEST_ID + 1 + name + BEHIND_NAME..).unwrap_or_default()
}

/// The field that tells a pool which knows extension 0x5042 a miner's coinbase class.
pub fn for_coinbase_class(name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let length = u16::try_from(name.len()).unwrap_or_default(); // a name is a short word
    let name = name.get(..usize::from(length)).unwrap_or_default();
    [&OWN_EXTENSION.to_le_bytes()[..], &[COINBASE_CLASS], &length.to_le_bytes(), name].concat()
}

struct Field<'a> {
    extension: u16,
    kind: u8,
    value: &'a [u8],
}

impl<'a> Field<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Field<'a>, &'a [u8])> {
        let ([e0, e1, kind, l0, l1], rest) = bytes.split_first_chunk::<5>()?;
        let little = (u16::from_le_bytes([*e0, *e1]), u16::from_le_bytes([*l0, *l1]));
        let big = (u16::from_be_bytes([*e0, *e1]), u16::from_be_bytes([*l0, *l1]));
        [little, big].into_iter().find_map(|(extension, length)| {
            let (value, rest) = rest.split_at_checked(usize::from(length))?;
            Some((Field { extension, kind: *kind, value }, rest))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn little_endian_fields_are_read() {
        assert_eq!(worker_name(b"\x02\x00\x01\x04\x00rig7"), Ok(Some("rig7")));
    }

    #[test]
    fn the_specifications_big_endian_example_is_read_too() {
        assert_eq!(worker_name(b"\x00\x02\x01\x00\x0aWorker_001"), Ok(Some("Worker_001")));
    }

    #[test]
    fn fields_of_other_extensions_are_passed_over() {
        assert_eq!(worker_name(b"\x01\x00\x07\x02\x00zz\x02\x00\x01\x01\x00a"), Ok(Some("a")));
        assert_eq!(worker_name(b""), Ok(None));
    }

    #[test]
    fn a_coinbase_class_is_read_as_it_was_written_and_other_fields_are_passed_over() {
        let field = for_coinbase_class("antminer");
        assert_eq!(field, b"\x42\x50\x01\x08\x00antminer");
        assert_eq!(coinbase_class(&[b"\x02\x00\x01\x01\x00a".as_slice(), &field].concat()), Some("antminer"));
        assert_eq!((coinbase_class(b""), coinbase_class(b"\x42\x50\x01\x09\x00x")), (None, None));
    }

    #[test]
    fn overlong_and_cut_fields_are_refused() {
        let name = [b"\x02\x00\x01\x21\x00".as_slice(), &[b'a'; 33]].concat();
        assert_eq!(worker_name(&name), Err(TlvFault::BadWorkerName));
        assert_eq!(worker_name(b"\x02\x00\x01\xff\xffabc"), Err(TlvFault::Truncated));
        assert_eq!(worker_name(b"\x02\x00"), Err(TlvFault::Truncated));
        assert_eq!(worker_name(b"\x02\x00\x01\x01\x00\xff"), Err(TlvFault::BadWorkerName));
    }

    #[test]
    fn a_name_that_is_written_is_read_again_and_a_long_one_is_cut_between_letters() {
        assert_eq!(worker_name(&write_worker_name("rig7")), Ok(Some("rig7")));
        let long = "é".repeat(20); // 40 bytes
        assert_eq!(worker_name(&write_worker_name(&long)), Ok(Some(&*"é".repeat(16))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = worker_name(&bytes);
            let _ = coinbase_class(&bytes);
        }
    }
}
