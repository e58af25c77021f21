//! A TCP proxy between a miner and its pool, with which a test makes outages.

use anyhow::Result;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the proxy does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Passes everything on.
    Fair,
    /// Takes everything and passes nothing on, in either direction, and the same for new
    /// connections: what a firewall does that suddenly drops packets.
    BlackHole,
    /// Passes on what comes from the miner, and nothing of what the pool says: its
    /// answers are lost.
    Deaf,
    /// Closes all connections, and new ones at once: the pool's machine without the pool.
    Cut,
}

/// A running proxy. Its connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Passes connections on to `pool`, in fair weather to begin with.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn before(pool: SocketAddr) -> Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, (weather, seen)) = (listener.local_addr()?, watch::channel(Weather::Fair));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((miner, _)) = listener.accept().await {
                // An error means that one side has gone, which the other one will see.
                let seen = seen.clone();
                connections.spawn(async move { drop(pass(miner, pool, seen).await) });
            }
        });
        Ok(Proxy { address, weather, _serving: serving })
    }

    /// Where miners connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather. Bytes that were swallowed are gone: connections that have lost
    /// any are as good as dead.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn pass(miner: TcpStream, pool: SocketAddr, weather: watch::Receiver<Weather>) -> Result<()> {
    let mut cut = weather.clone();
    if *cut.borrow_and_update() == Weather::Cut {
        return Ok(());
    }
    let pool = TcpStream::connect(pool).await?;
    for side in [&miner, &pool] {
        side.set_nodelay(true)?;
    }
    let ((from_miner, to_miner), (from_pool, to_pool)) = (miner.into_split(), pool.into_split());
    tokio::select! {
        done = pump(from_miner, to_pool, weather.clone(), |now| now != Weather::BlackHole) => done,
        done = pump(from_pool, to_miner, weather, |now| now == Weather::Fair) => done,
        _ = cut.wait_for(|now| *now == Weather::Cut) => Ok(()),
    }
}

/// Once bytes were swallowed nothing is passed on any more: a stream has no holes.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    weather: watch::Receiver<Weather>,
    passes: impl Fn(Weather) -> bool,
) -> Result<()> {
    let (mut buffer, mut broken) = ([0; 16 * 1024], false);
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            // A black hole hides the end as well.
            if broken || !passes(*weather.borrow()) {
                std::future::pending::<()>().await;
            }
            return Ok(());
        }
        broken |= !passes(*weather.borrow());
        if !broken {
            to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        }
    }
}
