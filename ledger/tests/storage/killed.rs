//! A process that is killed while it writes, and a disk that is full: both need a process of
//! their own, which is this test binary again.

use crate::replay::replay;
use crate::support::{Home, batch, context};
use ledger::{DiskState, Ledger, Trouble};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const LEDGER: &str = "PUNCHBOWL_TEST_LEDGER";
const FIRST: &str = "PUNCHBOWL_TEST_FIRST";
/// How often the writer is killed.
const KILLS: &str = "PUNCHBOWL_TEST_KILLS";

/// Not a test of its own: what the tests below start and kill.
#[test]
fn child_that_writes_until_it_is_killed() {
    let (Ok(path), Ok(first)) = (std::env::var(LEDGER), std::env::var(FIRST)) else { return };
    let first: u32 = first.parse().unwrap();
    let mut home = Home::new();
    home.rules.shares = 500;
    let ledger = Ledger::open(Path::new(&path), home.config()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let connections = (0..4u32).map(|connection| {
            let mut sender = ledger.handle().sender();
            async move {
                let context = context(&format!("member-{connection}"), 1, 0);
                for burst in 0..u32::MAX {
                    let size = 1 + burst % 7;
                    let start = first + connection * 1_000_000 + burst * 10;
                    let number = sender.send(batch(&context, start..start + size)).await.unwrap();
                    sender.durable_past(number - 1).await.unwrap();
                    // One write each, so that what is read was written whole.
                    let acknowledged: String =
                        (start..start + size).map(|number| format!("ack {number}\n")).collect();
                    std::io::stdout().write_all(acknowledged.as_bytes()).unwrap();
                }
            }
        });
        let mut writing = tokio::task::JoinSet::new();
        connections.for_each(|connection| _ = writing.spawn(connection));
        writing.join_all().await;
    });
}

fn child(path: &Path, first: u32) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child_that_writes_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(LEDGER, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn acknowledged(line: &str) -> Option<u32> {
    line.trim().strip_prefix("ack ")?.parse().ok()
}

#[test]
fn whoever_kills_the_writer_whenever_every_acknowledged_share_is_there_once() {
    let kills: u32 = std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(5);
    let home = Home::new();
    let mut promised: Vec<u32> = Vec::new();
    for kill in 0..kills {
        let (mut child, mut output) = child(&home.path(), kill * 10_000_000);
        // Killed after another number of acknowledgements each time.
        let wanted = 1 + (kill as usize * 37) % 400;
        let mut line = String::new();
        let mut seen = 0;
        while seen < wanted {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended by itself");
            seen += usize::from(acknowledged(&line).inspect(|number| promised.push(*number)).is_some());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        promised.extend(rest.lines().filter_map(acknowledged));

        let numbers = replay(&home.path()).numbers();
        let stored: HashSet<u32> = numbers.iter().copied().collect();
        assert_eq!(stored.len(), numbers.len(), "a share is there twice");
        let lost: Vec<_> = promised.iter().filter(|number| !stored.contains(number)).collect();
        assert!(lost.is_empty(), "acknowledged and lost after kill {kill}: {lost:?}");
    }
    println!("{kills} kills, {} shares acknowledged, none lost", promised.len());
    home.open();
}

/// Not a test of its own: runs where a small disk is mounted.
#[test]
fn child_whose_disk_is_full() {
    let Ok(folder) = std::env::var("PUNCHBOWL_TEST_SMALL_DISK") else { return };
    let folder = Path::new(&folder);
    let path = folder.join("ledger.sqlite");
    let home = Home::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = Ledger::open(&path, home.config()).unwrap();
        let mut sender = ledger.handle().sender();
        let ann = context("ann", 1, 0);
        let number = sender.send(batch(&ann, 0..100)).await.unwrap();
        assert_eq!(sender.durable_past(number - 1).await, Ok(number));

        // Somebody else fills the disk to the last byte.
        let mut filler = std::fs::File::create(folder.join("filler")).unwrap();
        while filler.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
        let mut state = ledger.handle().state();
        let mut next = 100;
        while *state.borrow_and_update() == DiskState::Working {
            let number = sender.send(batch(&ann, next..next + 500)).await.unwrap();
            next += 500;
            tokio::select! {
                durable = sender.durable_past(number - 1) => assert!(durable.is_ok()),
                changed = state.changed() => changed.unwrap(),
            }
        }
        assert_eq!(*state.borrow(), DiskState::Stalled(Trouble::Full));
        assert!(sender.durable().unwrap() < sender.sent());
        // What is acknowledged can be read all the same.
        let kept = replay(&path).numbers();
        assert!(kept.len() < next as usize && kept == (0..kept.len() as u32).collect::<Vec<_>>());

        drop(filler);
        std::fs::remove_file(folder.join("filler")).unwrap();
        let sent = sender.sent();
        while sender.durable().unwrap() < sent {
            sender.durable_past(sender.durable().unwrap()).await.unwrap();
        }
        state.wait_for(|state| *state == DiskState::Working).await.unwrap();
        assert_eq!(replay(&path).numbers(), (0..next).collect::<Vec<_>>());
    });
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_until_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        r#"mount -t tmpfs -o size=1m tmpfs "$PUNCHBOWL_TEST_SMALL_DISK" || exit 77; exec "$0" "$@""#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mounted])
        .arg(std::env::current_exe().unwrap())
        .args(["killed::child_whose_disk_is_full", "--exact", "--nocapture", "--test-threads=1"])
        .env("PUNCHBOWL_TEST_SMALL_DISK", folder.path())
        .output();
    let may_be_skipped = std::env::var("PUNCHBOWL_TESTS").as_deref() != Ok("required");
    match output {
        Err(fault) if may_be_skipped => eprintln!("skipped: {fault}"),
        // This machine does not let us mount a small disk.
        Ok(output)
            if may_be_skipped && matches!(output.status.code(), Some(1 | 77)) && output.stdout.is_empty() =>
        {
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains("1 passed"),
                "{text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(fault) => panic!("{fault}"),
    }
}
