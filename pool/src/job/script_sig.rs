//! What stands in every scriptSig between the height and the extranonce: the pool's tag, if it
//! has one, and random bytes, if the host wants some.
//!
//! They are in the coinbase that each job's record keeps, so that the audit recomputes every
//! share with them.

/// Makes the bytes for each job.
pub struct ScriptSigBytes {
    tag: Vec<u8>,
    random: usize,
    /// Fills its bytes with random ones.
    fill: fn(&mut [u8]),
}

impl ScriptSigBytes {
    /// `tag` alone, always.
    pub fn tag(tag: Vec<u8>) -> ScriptSigBytes {
        ScriptSigBytes { tag, random: 0, fill: |_| () }
    }

    /// `tag`, and behind it so many bytes that `fill` makes anew for each job.
    pub fn with_random(tag: Vec<u8>, random: usize, fill: fn(&mut [u8])) -> ScriptSigBytes {
        ScriptSigBytes { tag, random, fill }
    }

    /// As many bytes, for reckoning how much room is left.
    pub fn for_size(&self) -> Vec<u8> {
        [&self.tag[..], &vec![0; self.random]].concat()
    }

    /// For one job.
    pub fn for_job(&self) -> Vec<u8> {
        let mut random = vec![0; self.random];
        (self.fill)(&mut random);
        [&self.tag[..], &random].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[test]
    fn the_tag_stays_and_the_random_bytes_are_fresh_for_each_job() {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let bytes = ScriptSigBytes::with_random(b"ab".to_vec(), 3, |room| {
            room.fill(NEXT.fetch_add(1, Ordering::Relaxed));
        });
        assert_eq!([bytes.for_job(), bytes.for_job()], [b"ab\x01\x01\x01", b"ab\x02\x02\x02"]);
        assert_eq!(bytes.for_size().len(), 5);
        assert!(ScriptSigBytes::tag(Vec::new()).for_job().is_empty());
    }
}
