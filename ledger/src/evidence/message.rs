//! Messages of the stream, and how they follow each other in bytes.

use super::Cursor;

/// A message, and where the stream stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// What it says; the layout is the kind's.
    pub body: Vec<u8>,
    /// From where to go on once it has been taken.
    pub cursor: Cursor,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Which ledger this is: first of all.
    Ledger,
    /// A template that jobs name.
    Template,
    /// A job that shares name.
    Job,
    /// Names a job on which a block was found.
    BlockJob,
    /// Shares.
    Shares,
    /// An entry of the book.
    Entry,
    /// The end of a slice: its head and what members did in it.
    Slice,
    /// Nothing is newer at present.
    CaughtUp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Ledger,
        Kind::Template,
        Kind::Job,
        Kind::BlockJob,
        Kind::Shares,
        Kind::Entry,
        Kind::Slice,
        Kind::CaughtUp,
    ];

    /// The byte that stands for it.
    pub fn code(self) -> u8 {
        match self {
            Kind::Ledger => 1,
            Kind::Template => 2,
            Kind::Job => 3,
            Kind::BlockJob => 4,
            Kind::Shares => 5,
            Kind::Entry => 6,
            Kind::Slice => 7,
            Kind::CaughtUp => 8,
        }
    }

    /// The kind that `code` stands for.
    pub fn from_code(code: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Its name as an event.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ledger => "ledger",
            Kind::Template => "template",
            Kind::Job => "job",
            Kind::BlockJob => "block-job",
            Kind::Shares => "shares",
            Kind::Entry => "entry",
            Kind::Slice => "slice",
            Kind::CaughtUp => "caught-up",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Message {
    /// The message among others: its kind, the body's length (u32, little-endian), the body.
    pub fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind.code());
        bytes.extend_from_slice(&u32::try_from(self.body.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.body);
    }
}
