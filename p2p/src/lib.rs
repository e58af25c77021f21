//! Connections: who may connect, how the bytes are sealed, and where a message
//! starts and ends.
//!
//! From the wire upwards:
//!
//! ```text
//!  tcp, iroh  a socket, or a stream to a node id; and leave to use it from `admission`
//!  noise      handshake, then FrameReader / FrameWriter over any ordered byte stream
//!  frame      the six-byte header in front of every message
//! ```
//!
//! Where two nodes do not reach each other, a [`relay`] passes their packets on; [`relay_trust`]
//! is how a node and a relay know each other.
//!
//! and beside them the identity: [`authority_key`] (which pool), [`identity`] (which
//! machine), [`key_file`]; and the texts that tell others of them: [`uri`], [`invite`] and
//! [`target`], which is either. What a message means is not known here.

pub mod admission;
pub mod authority_key;
pub mod deadlines;
pub mod frame;
pub mod identity;
pub mod invite;
pub mod iroh;
pub mod key_file;
pub mod noise;
pub mod relay;
pub mod relay_trust;
pub mod target;
pub mod tcp;
pub mod uri;

pub use admission::{Admission, AdmissionCounts, AdmissionLimits, Permit};
pub use authority_key::{AuthorityKey, AuthorityKeypair, DigestSigner, KeyError};
pub use deadlines::Deadlines;
pub use frame::{Frame, FrameHeader};
pub use identity::{NodeId, NodeKey};
pub use invite::{Invite, InviteError, RelayHint, RelayTrust};
pub use iroh::{IrohAcceptor, IrohNode, IrohStream};
pub use key_file::KeyFileError;
pub use noise::{FrameReader, FrameWriter, HandshakeError, WireError, WireLimits};
pub use relay::{RelayCounts, RelayLimits, RelayServer, RelayServerConfig, RelayServerError, RelayWatch};
pub use target::{Target, TargetError};
pub use tcp::{TcpAcceptor, connect_tcp};
pub use uri::{Endpoint, Host, PoolUri};
