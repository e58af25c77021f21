//! Something that holds the pool's key and stands between the pool and its members: it takes
//! shares, says that they are accepted, and keeps the first to itself, and then every
//! third.

use anyhow::Result;
use mining_sv2::{MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS};
use p2p::{AuthorityKeypair, FrameReader, FrameWriter, WireLimits, noise};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Ends when it is dropped.
pub struct Front {
    uri: String,
    _serving: JoinSet<()>,
}

impl Front {
    pub async fn before(pool: SocketAddr, key: AuthorityKeypair) -> Result<Front> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let uri = format!("stratum2+tcp://{}/{}", listener.local_addr()?, key.public_key());
        let key = Arc::new(key);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((member, _)) = listener.accept().await {
                let key = key.clone();
                connections.spawn(async move { drop(pass(member, pool, &key).await) });
            }
        });
        Ok(Front { uri, _serving: serving })
    }

    pub fn uri(&self) -> String {
        self.uri.clone()
    }
}

async fn pass(member: TcpStream, pool: SocketAddr, key: &AuthorityKeypair) -> Result<()> {
    let limits = WireLimits::client();
    let (read, write) = member.into_split();
    let (from_member, to_member) = noise::accept(read, write, key, &limits).await?;
    let (read, write) = TcpStream::connect(pool).await?.into_split();
    let (from_pool, to_pool) = noise::connect(read, write, Some(key.public_key()), &limits).await?;
    let to_member = Arc::new(Mutex::new(to_member));
    tokio::try_join!(up(from_member, to_pool, to_member.clone()), down(from_pool, to_member))?;
    Ok(())
}

async fn up<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, M: AsyncWrite + Unpin>(
    mut member: FrameReader<R>,
    mut pool: FrameWriter<W>,
    back: Arc<Mutex<FrameWriter<M>>>,
) -> Result<()> {
    let mut shares = 0;
    while let Some(frame) = member.next().await? {
        let header = frame.header;
        let is_share = (header.extension_type, header.msg_type) == (0, MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED);
        shares += u32::from(is_share);
        if is_share && shares % 3 == 1 {
            // Channel and sequence number come first in both messages.
            let payload = [&frame.payload[..8], &1u32.to_le_bytes(), &1u64.to_le_bytes()].concat();
            let mut back = back.lock().await;
            back.queue(0, true, MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, &[&payload])?;
            back.flush().await?;
            continue;
        }
        pool.queue(header.extension_type, header.channel_msg, header.msg_type, &[frame.payload])?;
        pool.flush().await?;
    }
    anyhow::bail!("the member has left")
}

async fn down<R: AsyncRead + Unpin, M: AsyncWrite + Unpin>(
    mut pool: FrameReader<R>,
    member: Arc<Mutex<FrameWriter<M>>>,
) -> Result<()> {
    while let Some(frame) = pool.next().await? {
        let header = frame.header;
        let mut member = member.lock().await;
        member.queue(header.extension_type, header.channel_msg, header.msg_type, &[frame.payload])?;
        member.flush().await?;
    }
    anyhow::bail!("the pool has left")
}
