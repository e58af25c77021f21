//! A real `bitcoin-node` on regtest, in a folder and on ports of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running node; killed, by its process id, when dropped.
pub struct Node {
    binary: PathBuf,
    dir: TempDir,
    rpc_port: u16,
    process: Option<Child>,
    chain: &'static str,
}

impl Node {
    /// Starts a node if the machine has one; otherwise says why the test is skipped,
    /// or fails when `PUNCHBOWL_TESTS=required`.
    pub fn start() -> Option<Node> {
        Node::start_on("regtest")
    }

    /// As [`start`](Self::start), on the chain that Core calls `chain`; never with
    /// peers.
    pub fn start_on(chain: &'static str) -> Option<Node> {
        let Some(binary) = find_binary() else {
            let why = "neither BITCOIN_NODE nor a bitcoin-node on the PATH with bitcoin-cli beside it";
            assert!(std::env::var("PUNCHBOWL_TESTS").as_deref() != Ok("required"), "required, but {why}");
            eprintln!("SKIPPED: {why}");
            return None;
        };
        let mut node =
            Node { binary, dir: TempDir::new().unwrap(), rpc_port: free_port(), process: None, chain };
        node.run();
        Some(node)
    }

    /// Starts the process (again) and waits until it answers.
    pub fn run(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut process = Command::new(&self.binary)
            .arg(format!("-datadir={}", self.dir.path().display()))
            .arg(format!("-rpcport={}", self.rpc_port))
            .arg(format!("-chain={}", self.chain))
            .args(["-server", "-listen=0", "-dnsseed=0", "-fixedseeds=0", "-connect=0"])
            .args(["-ipcbind=unix", "-printtoconsole=0"])
            // For spending what pays `OP_TRUE`; refused on the main chain.
            .args((self.chain == "regtest").then_some("-acceptnonstdtxn=1"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // bitcoin-cli tries again until the node is there.
        let answer = self.cli_command(&["-rpcwait", "-rpcwaittimeout=60", "getblockcount"]).output().unwrap();
        if !answer.status.success() {
            let _ = process.kill();
            let _ = process.wait();
            panic!("bitcoin-node does not answer: {}", String::from_utf8_lossy(&answer.stderr));
        }
        self.process = Some(process);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        self.cli(&["stop"]);
        let status = self.process.take().unwrap().wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Keeps the process from running, as a machine that swaps would; it can only be
    /// killed then.
    pub fn freeze(&self) {
        let status = Command::new("kill").args(["-STOP", &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn debug_log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("regtest/debug.log")).unwrap()
    }

    /// Calls bitcoin-cli and returns what it prints.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = self.cli_command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "bitcoin-cli {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// As [`cli`](Self::cli) with the last argument on the standard input, for it may be long.
    pub fn cli_stdin(&self, arguments: &[&str], last: &str) -> String {
        use std::io::Write;
        let mut child = self
            .cli_command(&[&["-stdin"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(last.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Mines `count` blocks that pay `OP_TRUE`.
    pub fn mine(&self, count: u32) {
        let descriptor = "raw(51)#8lvh9jxk";
        self.cli(&["generatetodescriptor", &count.to_string(), descriptor]);
    }

    pub fn height(&self) -> u32 {
        self.cli(&["getblockcount"]).parse().unwrap()
    }

    /// Hash of the tip in display order.
    pub fn tip(&self) -> String {
        self.cli(&["getbestblockhash"])
    }

    fn cli_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary.with_file_name("bitcoin-cli"));
        command
            .arg(format!("-datadir={}", self.dir.path().display()))
            .arg(format!("-rpcport={}", self.rpc_port))
            .arg(format!("-chain={}", self.chain))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for an event that must come; the limit only keeps a broken test from hanging.
pub async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), event).await {
        Ok(value) => value,
        Err(_) => panic!("never came: {what}"),
    }
}

fn find_binary() -> Option<PathBuf> {
    let named = std::env::var_os("BITCOIN_NODE").map(PathBuf::from);
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("bitcoin-node")).collect::<Vec<_>>()
    });
    let usable = |binary: &PathBuf| binary.is_file() && binary.with_file_name("bitcoin-cli").is_file();
    named.into_iter().chain(on_path).find(usable)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
