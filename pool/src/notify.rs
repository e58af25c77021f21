//! Telling the host what needs an eye, wherever that host is.
//!
//! ```text
//!  View (status, as of now) --> Watcher --> Event --> Limiter --> Notice --> Outbox --> Courier --> sink
//!  block desk, audit, test button ------------^        no flood     words     on disk    retries     ntfy,
//!                                                                                                    webhook,
//!                                                                                                    Nostr
//! ```
//!
//! What happened is decided by pure logic that is told the time ([`watcher`], [`limiter`]); what
//! shall be sent is on disk before it is tried ([`outbox`]), so that neither a restart nor a
//! dead line loses it. A notice may arrive twice, and carries an id by which that shows.

pub mod courier;
pub mod event;
pub mod limiter;
pub mod notice;
pub mod outbox;
pub mod plan;
pub mod service;
pub mod sink;
pub mod view;
pub mod watcher;
pub mod web;

mod roster;

pub use event::{Event, EventKind, Severity};
pub use notice::Notice;
pub use plan::Plan;
pub use service::{NotifyHandle, NotifyService, NotifyStatus};
pub use sink::{Sink, SinkError};
pub use view::View;
pub use watcher::Watcher;
