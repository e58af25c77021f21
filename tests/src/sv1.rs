//! A Stratum V1 miner: enough of one to find blocks on a CPU, and to send what no miner
//! would. It reads the wire by its own means, not the pool's.

use crate::client::arithmetic::{double_sha256, hash_with_nonce, header, meets, network_target};
use crate::within_deadline;
use anyhow::{Context, Result, bail, ensure};
use bitcoin::hex::FromHex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use work::{Difficulty, Target};

/// A miner's connection.
pub struct Sv1Miner {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    asked: u64,
    name: String,
    extranonce1: String,
    extranonce2_size: usize,
    mask: Option<u32>,
    difficulty: Option<f64>,
    job: Option<Sv1Job>,
    notices: VecDeque<Value>,
    next_nonce: u32,
}

/// A job as `mining.notify` told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sv1Job {
    /// Its name.
    pub id: String,
    /// The parent block, internal byte order.
    pub prev_hash: [u8; 32],
    /// The coinbase before and after the miner's extranonce, in hexadecimal.
    pub coinbase: (String, String),
    branches: Vec<Vec<u8>>,
    /// Before rolling.
    pub version: u32,
    nbits: u32,
    /// Where the time starts.
    pub ntime: u32,
    /// Whether older jobs were said to be over.
    pub clean: bool,
    /// The difficulty told last before it.
    pub difficulty: f64,
}

/// A share to submit. Fields may be changed to make a bad one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sv1Share {
    /// The job's name.
    pub job: String,
    /// Hexadecimal.
    pub extranonce2: String,
    /// Header time.
    pub ntime: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Rolled version bits.
    pub version_bits: Option<u32>,
    /// The block hash, internal byte order.
    pub hash: [u8; 32],
    /// Whether it is a block.
    pub is_block: bool,
}

impl Sv1Job {
    /// Whether its coinbase says that nobody is paid.
    pub fn is_for_warmth(&self) -> bool {
        const MARK: &[u8] = b"heat only, never payable";
        Vec::from_hex(&self.coinbase.0).is_ok_and(|bytes| bytes.windows(MARK.len()).any(|part| part == MARK))
    }
}

impl Sv1Miner {
    /// Connects and says nothing.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(address: SocketAddr) -> Result<Sv1Miner> {
        let stream = within_deadline("a TCP connection", TcpStream::connect(address)).await??;
        let (read, write) = stream.into_split();
        Ok(Sv1Miner {
            read: BufReader::new(read),
            write,
            asked: 0,
            name: String::new(),
            extranonce1: String::new(),
            extranonce2_size: 0,
            mask: None,
            difficulty: None,
            job: None,
            notices: VecDeque::new(),
            next_nonce: 0,
        })
    }

    /// Connects and says what a miner says, until it holds a job. The password asks for a
    /// difficulty that a CPU meets in a moment.
    ///
    /// # Errors
    /// When the pool refuses any of it.
    pub async fn mining(address: SocketAddr, agent: &str, name: &str) -> Result<Sv1Miner> {
        let mut miner = Sv1Miner::connect(address).await?;
        miner.configure().await?;
        miner.subscribe(agent).await?;
        miner.authorize(name, "d=0.00001").await?;
        miner.until_job(|_| true).await?;
        Ok(miner)
    }

    /// Bytes of extranonce1 and of extranonce2.
    pub fn extranonce_sizes(&self) -> (usize, usize) {
        (self.extranonce1.len() / 2, self.extranonce2_size)
    }

    /// Bytes of the extranonce that it puts into a coinbase: its own part and what it rolls.
    pub fn extranonce_size(&self) -> usize {
        self.extranonce1.len() / 2 + self.extranonce2_size
    }

    /// Agrees on version bits.
    ///
    /// # Errors
    /// When the pool gives none.
    pub async fn configure(&mut self) -> Result<u32> {
        let options = json!([["version-rolling"], {"version-rolling.mask": "ffffffff"}]);
        let granted = self.ask("mining.configure", options).await?;
        let mask = granted["version-rolling.mask"].as_str().context("no mask")?;
        let mask = u32::from_str_radix(mask, 16)?;
        self.mask = Some(mask);
        Ok(mask)
    }

    /// Asks for its part of the search space.
    ///
    /// # Errors
    /// When it gets none.
    pub async fn subscribe(&mut self, agent: &str) -> Result<()> {
        let space = self.ask("mining.subscribe", json!([agent])).await?;
        self.extranonce1 = space[1].as_str().context("no extranonce1")?.to_owned();
        self.extranonce2_size = usize::try_from(space[2].as_u64().context("no extranonce2 size")?)?;
        Ok(())
    }

    /// Says who mines.
    ///
    /// # Errors
    /// The pool's words, when it does not want that worker.
    pub async fn authorize(&mut self, name: &str, password: &str) -> Result<()> {
        self.name = name.to_owned();
        let answer = self.ask("mining.authorize", json!([name, password])).await?;
        ensure!(answer == true, "authorize was answered by {answer}");
        Ok(())
    }

    /// Asks, and waits for the answer; notices on the way are taken note of.
    ///
    /// # Errors
    /// The pool's words, when it refuses.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        self.asked += 1;
        let id = json!(format!("question {}", self.asked));
        let line = json!({"id": id, "method": method, "params": params});
        self.send(format!("{line}\n").as_bytes()).await?;
        loop {
            let line = self.line().await?.with_context(|| format!("closed before it answered {method}"))?;
            if line["id"] == id {
                if line["error"].is_null() {
                    return Ok(line["result"].clone());
                }
                bail!("{}", line["error"][1].as_str().context("an error without words")?);
            }
            self.note(line)?;
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(within_deadline("the pool to take bytes", self.write.write_all(bytes)).await??)
    }

    /// The next line; none when the pool has closed.
    ///
    /// # Errors
    /// When it is no JSON, or none comes within the deadline.
    pub async fn line(&mut self) -> Result<Option<Value>> {
        let mut line = String::new();
        let read = within_deadline("a line from the pool", self.read.read_line(&mut line)).await?;
        match read {
            // A socket that was closed with our bytes unread is reset.
            Ok(0) | Err(_) => Ok(None),
            Ok(_) => Ok(Some(serde_json::from_str(&line).with_context(|| line.clone())?)),
        }
    }

    /// Waits until the pool has closed the connection; returns what it still said.
    ///
    /// # Errors
    /// When it does not within the deadline.
    pub async fn until_closed(&mut self) -> Result<Vec<Value>> {
        let mut said = Vec::from(std::mem::take(&mut self.notices));
        while let Some(line) = self.line().await? {
            said.push(line);
        }
        Ok(said)
    }

    /// Reads until it holds a job that is `wanted`.
    ///
    /// # Errors
    /// When none comes.
    pub async fn until_job(&mut self, wanted: impl Fn(&Sv1Job) -> bool) -> Result<Sv1Job> {
        loop {
            if let Some(job) = self.job.as_ref().filter(|job| wanted(job)) {
                return Ok(job.clone());
            }
            let line = self.line().await?.context("closed before there was such a job")?;
            self.note(line)?;
        }
    }

    /// Submits `share`; the pool's verdict.
    ///
    /// # Errors
    /// The pool's words, when it refuses.
    pub async fn submit(&mut self, share: &Sv1Share) -> Result<()> {
        let Sv1Share { job, extranonce2, ntime, nonce, version_bits, .. } = share;
        let mut params = vec![json!(self.name), json!(job), json!(extranonce2), hex32(*ntime), hex32(*nonce)];
        params.extend(version_bits.map(hex32));
        let verdict = self.ask("mining.submit", Value::Array(params)).await?;
        ensure!(verdict == true, "the verdict was {verdict}");
        Ok(())
    }

    /// Hashes until a share of the newest job is found.
    ///
    /// # Errors
    /// When there is none in some seconds' worth of hashes.
    pub fn find(&mut self) -> Result<Sv1Share> {
        let job = self.job.clone().context("no job yet")?;
        self.find_on(&job)
    }

    /// Hashes until a share of `job` is found.
    ///
    /// # Errors
    /// When there is none in some seconds' worth of hashes.
    pub fn find_on(&mut self, job: &Sv1Job) -> Result<Sv1Share> {
        const MOST_HASHES: u32 = 50_000_000;
        let extranonce2 = "5a".repeat(self.extranonce2_size);
        let (head, tail) = &job.coinbase;
        let coinbase = Vec::from_hex(&format!("{head}{}{extranonce2}{tail}", self.extranonce1))?;
        let txid = double_sha256(&[&coinbase]);
        let root = job.branches.iter().fold(txid, |root, branch| double_sha256(&[&root, branch]));
        // Some bit that is the miner's, where any is.
        let version_bits = self.mask.map(|mask| mask & 0x0010_0000);
        let version =
            version_bits.zip(self.mask).map_or(job.version, |(bits, mask)| job.version & !mask | bits);
        let mut header = header(version, &job.prev_hash, &root, job.ntime, job.nbits);
        let target = Target::from_difficulty(Difficulty(job.difficulty)).to_le_bytes();
        for _ in 0..MOST_HASHES {
            let nonce = self.next_nonce;
            self.next_nonce = self.next_nonce.wrapping_add(1);
            let hash = hash_with_nonce(&mut header, nonce);
            if meets(&hash, &target) {
                return Ok(Sv1Share {
                    job: job.id.clone(),
                    extranonce2,
                    ntime: job.ntime,
                    nonce,
                    version_bits,
                    hash,
                    is_block: meets(&hash, &network_target(job.nbits)),
                });
            }
        }
        bail!("no share in {MOST_HASHES} hashes; is the difficulty what the test expects?")
    }

    /// A share of the newest job that was not looked for: any nonce, nearly always below the
    /// difficulty.
    ///
    /// # Errors
    /// When there is no job yet.
    pub fn guess(&mut self) -> Result<Sv1Share> {
        let job = self.job.as_ref().context("no job yet")?;
        let nonce = self.next_nonce;
        self.next_nonce = nonce.wrapping_add(1);
        Ok(Sv1Share {
            job: job.id.clone(),
            extranonce2: "5a".repeat(self.extranonce2_size),
            ntime: job.ntime,
            nonce,
            version_bits: self.mask.map(|mask| mask & 0x0010_0000),
            hash: [0; 32],
            is_block: false,
        })
    }

    /// The difficulty told last.
    pub fn difficulty(&self) -> Option<f64> {
        self.difficulty
    }

    /// The job it holds.
    pub fn job(&self) -> Option<&Sv1Job> {
        self.job.as_ref()
    }

    fn note(&mut self, line: Value) -> Result<()> {
        let params = &line["params"];
        match line["method"].as_str() {
            Some("mining.set_difficulty") => self.difficulty = params[0].as_f64(),
            Some("mining.notify") => self.job = Some(self.read_job(params)?),
            _ => self.notices.push_back(line),
        }
        Ok(())
    }

    fn read_job(&self, params: &Value) -> Result<Sv1Job> {
        let text = |index: usize| params[index].as_str().with_context(|| format!("no field {index}"));
        let number = |index: usize| anyhow::Ok(u32::from_str_radix(text(index)?, 16)?);
        let mut prev_hash = <[u8; 32]>::from_hex(text(1)?)?;
        prev_hash.chunks_mut(4).for_each(<[u8]>::reverse);
        let branches = params[4].as_array().context("no branches")?;
        let branch = |branch: &Value| anyhow::Ok(Vec::from_hex(branch.as_str().context("no text")?)?);
        Ok(Sv1Job {
            id: text(0)?.to_owned(),
            prev_hash,
            coinbase: (text(2)?.to_owned(), text(3)?.to_owned()),
            branches: branches.iter().map(branch).collect::<Result<_>>()?,
            version: number(5)?,
            nbits: number(6)?,
            ntime: number(7)?,
            clean: params[8].as_bool().context("no clean_jobs")?,
            difficulty: self.difficulty.context("a job came before any difficulty")?,
        })
    }
}

impl Sv1Job {
    /// Whether it has transactions besides the coinbase.
    pub fn has_transactions(&self) -> bool {
        !self.branches.is_empty()
    }
}

impl Sv1Share {
    /// Its hash as block explorers and Bitcoin Core show it.
    pub fn display_hash(&self) -> String {
        crate::client::arithmetic::display(&self.hash)
    }
}

fn hex32(number: u32) -> Value {
    json!(format!("{number:08x}"))
}
