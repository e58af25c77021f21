//! Who is paid what: the arithmetic that every member can repeat.
//!
//! Pure functions of the ledger's numbers: no IO, no clock, no floating point. A
//! [`Plan`] is made of [`Rules`], a [`Block`] and a [`Directory`] of addresses, in five
//! steps, each in a file of its own: what is earned, what is repaid, who gets an output,
//! what those are paid, what is booked. `docs/payouts.md` specifies them so that somebody
//! else's program gets the same satoshi.

mod basis;
mod books;
mod directory;
pub mod divide;
mod earned;
mod identity;
mod named;
mod plan;
mod repay;
mod rules;
mod select;
pub mod space;
pub mod split;

pub use basis::Basis;
pub use books::{Books, BooksError};
pub use directory::{Directory, HOST};
pub use identity::{HOST_NAME, Payee};
pub use named::{NamedPlan, Payees, Standing};
pub use plan::{Block, Output, Plan, PlanError};
pub use rules::{Mode, Ppm, Rules, RulesError};
pub use split::Split;
