//! SHA-256 with the purpose of what is hashed in front, so that no hash of one kind can
//! pass for one of another.
//!
//! `H[tag](message)` is `SHA-256(SHA-256(tag) || message)`. The tags are ASCII and are
//! listed in `docs/ledger.md`.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// 32 bytes that commit to something in the ledger. Shown in the order of its bytes, unlike
/// Bitcoin's own hashes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Commitment(pub [u8; 32]);

/// What can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A template.
    Template,
    /// A job.
    Job,
    /// What all shares of a channel on a job have in common.
    Context,
    /// A share: a leaf of its slice's tree.
    Share,
    /// A member's part of a slice: a leaf of the slice's other tree.
    MemberWork,
    /// An inner node of either tree.
    Node,
    /// A tree without leaves.
    EmptyTree,
    /// An entry of the book of blocks and credits.
    Book,
    /// A slice's head.
    Head,
}

impl Tag {
    /// The text that is hashed.
    pub fn text(self) -> &'static str {
        match self {
            Tag::Template => "punchbowl/template/1",
            Tag::Job => "punchbowl/job/1",
            Tag::Context => "punchbowl/context/1",
            Tag::Share => "punchbowl/share/1",
            Tag::MemberWork => "punchbowl/member-work/1",
            Tag::Node => "punchbowl/node/1",
            Tag::EmptyTree => "punchbowl/empty-tree/1",
            Tag::Book => "punchbowl/book/1",
            Tag::Head => "punchbowl/head/1",
        }
    }

    /// A hasher that has taken in the tag. Add the message.
    pub fn hasher(self) -> Sha256 {
        let digest = match self {
            // Two to three times a share: their digests are kept.
            Tag::Node => *NODE,
            Tag::Share => *SHARE,
            other => Sha256::digest(other.text()).into(),
        };
        Sha256::new_with_prefix(digest)
    }

    /// The hash of `message`.
    pub fn hash(self, message: &[u8]) -> Commitment {
        Commitment(self.hasher().chain_update(message).finalize().into())
    }
}

static NODE: LazyLock<[u8; 32]> = LazyLock::new(|| Sha256::digest(Tag::Node.text()).into());
static SHARE: LazyLock<[u8; 32]> = LazyLock::new(|| Sha256::digest(Tag::Share.text()).into());

impl std::fmt::Display for Commitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Commitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_has_another_hash_for_each_purpose() {
        let tags = [
            Tag::Template,
            Tag::Job,
            Tag::Context,
            Tag::Share,
            Tag::MemberWork,
            Tag::Node,
            Tag::EmptyTree,
            Tag::Book,
            Tag::Head,
        ];
        let hashes: std::collections::BTreeSet<_> = tags.iter().map(|tag| tag.hash(b"message").0).collect();
        assert_eq!(hashes.len(), tags.len());
    }

    #[test]
    fn a_tag_is_hashed_before_the_message() {
        let by_hand = Sha256::digest([&Sha256::digest("punchbowl/node/1")[..], b"message"].concat());
        assert_eq!(Tag::Node.hash(b"message").0, <[u8; 32]>::from(by_hand));
    }
}
