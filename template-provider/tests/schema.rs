//! The checked-in code of `src/schema/` is what `schema/*.capnp` gives.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn schema_code_is_what_the_schema_gives() {
    let has = |tool: &str| {
        Command::new(tool)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    // Not part of any build: only who changes the schema needs them.
    if !has("capnp") || !has("capnpc-rust") {
        eprintln!("SKIPPED: needs capnp and capnpc-rust, see template-provider/schema/README.md");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::TempDir::new().unwrap();
    let status = Command::new("capnp")
        .current_dir(root.join("schema"))
        .args(["compile", "-o"])
        .arg(format!("rust:{}", out.path().display()))
        .args(["proxy.capnp", "init.capnp", "mining.capnp", "rpc.capnp"])
        .status()
        .unwrap();
    assert!(status.success());
    for name in ["proxy", "init", "mining", "rpc"] {
        let file = format!("{name}_capnp.rs");
        let made = std::fs::read_to_string(out.path().join(&file)).unwrap();
        let checked_in = std::fs::read_to_string(root.join("src/schema").join(&file)).unwrap();
        assert!(made == checked_in, "src/schema/{file} is not what schema/{name}.capnp gives");
    }
}
