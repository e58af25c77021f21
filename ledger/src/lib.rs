//! Shares on disk, slices, windows, payouts, audit: no networking.

pub mod credit;
pub mod member;
pub mod payout;
pub mod share_work;
pub mod window;

pub use credit::{Balance, Booking};
pub use member::{Member, MemberId, Worker, WorkerId};
pub use share_work::{MemberWork, Work, WorkSum};
