//! The pool at a glance, for the terminal: what `punchbowl status` shows.
//!
//! It asks a running pool over HTTP, as anybody may ([`ask`]), reads of the answers what it
//! needs and no more ([`answers`]), judges whether all is well ([`verdict`]) and draws one
//! screen ([`screen`]). All but the asking is pure.

pub mod answers;
pub mod ask;
pub mod figures;
pub mod screen;
pub mod verdict;

pub use answers::Answers;
pub use ask::{AskError, Asker};
pub use verdict::{Trouble, verdict};
