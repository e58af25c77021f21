//! The first run: a page asks who is paid, and mining starts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use tests::browser::{Browser, Tab, screenshots};
use tests::{Process, Punchbowl, http};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn pool(data_dir: &Path, more: &[&str]) -> Process {
    let data_dir = data_dir.to_str().unwrap();
    let own = [
        "pool",
        "--network",
        "regtest",
        "--template-source",
        "embedded",
        "--set",
        "template.embedded.nbits=1f00ffff",
        "--data-dir",
        data_dir,
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--set",
        "p2p.bind=127.0.0.1:0",
        "--set",
        "p2p.port_mapping=false",
        "--log-format",
        "json",
        "--ready-fd",
        "1",
    ];
    Punchbowl::spawn(&[&own[..], more].concat()).unwrap()
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Whether a page can be read in the light, in the dark and on a phone; and photographs of it.
async fn look_at(tab: &Tab<'_>, name: &str) {
    for (dark, shade) in [(true, "dark"), (false, "light")] {
        tab.resize(1280, 900, false).await.unwrap();
        tab.dark(dark).await.unwrap();
        assert_eq!(tab.contrast_faults().await.unwrap(), [""; 0], "{name}, dark: {dark}");
        tab.photograph(&screenshots(), &format!("{name}-{shade}"), true).await.unwrap();
    }
    tab.resize(360, 740, true).await.unwrap();
    let width = tab.run("return document.documentElement.scrollWidth;").await.unwrap();
    assert_eq!(width, 360, "{name} is as wide as a phone: {:?}", tab.too_wide().await);
    tab.photograph(&screenshots(), &format!("{name}-phone"), true).await.unwrap();
}

#[tokio::test]
async fn the_page_takes_the_code_sets_a_payout_and_mining_starts_with_it() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut pool = pool(&folder.path().join("data"), &["--setup"]);
    let first_run = json(&pool.line(|line| line.contains("first run")).await.unwrap());
    let (url, code) = (first_run["url"].as_str().unwrap(), first_run["code"].as_str().unwrap());
    let address: SocketAddr = first_run["address"].as_str().unwrap().parse().unwrap();
    let (head, _) = http::exchange(address, "GET /readyz HTTP/1.1", "", "").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");

    let tab = browser.tab();
    tab.open(url).await.unwrap();
    assert!(tab.text().await.unwrap().contains("who is paid"));
    look_at(&tab, "first-run").await;
    let fill = |code: &str, address: &str| {
        format!(
            "document.getElementById('code').value = '{code}';
             document.getElementById('address').value = '{address}';
             document.getElementById('password').value = 'correct horse battery';
             document.querySelector('form[action=\"/setup\"] button').click();"
        )
    };
    tab.run(&fill("AAAA-AAAA", ADDRESS)).await.unwrap();
    tab.wait_for("document.body.innerText.includes('not the code')").await.unwrap();
    // What was typed is still there.
    tab.run(&fill(code, "bc1nonsense")).await.unwrap();
    tab.wait_for("document.body.innerText.includes('payout.address')").await.unwrap();
    assert!(!folder.path().join("data/settings.toml").exists());
    tab.run(&fill(&code.to_lowercase(), ADDRESS)).await.unwrap();
    // The pool itself answers now, with what to hand out.
    tab.wait_for("location.pathname === '/join' && document.body.innerText.includes('stratum2+iroh://')")
        .await
        .unwrap();
    pool.line(|line| line == "ready").await.unwrap();

    let listening = json(&pool.line(|line| line.contains("\"uri\"")).await.unwrap());
    let uri = listening["uri"].as_str().unwrap();
    let mut miner = Punchbowl::spawn(&["miner", uri, "--user", "ann.rig", "--blocks", "1"]).unwrap();
    assert!(miner.exit().await.unwrap().success());
    let (_, status) = http::exchange(address, "GET /api/v1/status HTTP/1.1", "", "").await.unwrap();
    assert_eq!(json(&status)["blocks"][0]["paid"][0][0], ADDRESS);

    // Whoever has done this is signed in.
    tab.open(&format!("{url}settings")).await.unwrap();
    assert!(tab.source().await.unwrap().contains(ADDRESS));
    look_at(&tab, "settings").await;
    // And out, and in again.
    tab.run("document.querySelector('form[action=\"/sign-out\"] button').click();").await.unwrap();
    tab.wait_for("location.pathname === '/'").await.unwrap();
    tab.open(&format!("{url}sign-in")).await.unwrap();
    look_at(&tab, "sign-in").await;
    let sign_in = "document.getElementById('password').value = 'correct horse battery';
                   document.querySelector('form[action=\"/sign-in\"] button').click();";
    tab.run(sign_in).await.unwrap();
    tab.wait_for("location.pathname === '/settings' && document.getElementById('pool_tag')").await.unwrap();
    tab.run(
        "document.getElementById('pool_tag').value = '/meetup/';
             document.querySelector('form[action=\"/settings/payout\"] button').click();",
    )
    .await
    .unwrap();
    tab.wait_for("location.search === '?saved' && document.getElementById('pool_tag').value === '/meetup/'")
        .await
        .unwrap();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));

    // From now on it starts by itself.
    let again = self::pool(&folder.path().join("data"), &["--setup"]);
    again.line(|line| line == "ready").await.unwrap();
}

#[tokio::test]
async fn without_the_flag_a_pool_that_pays_nobody_refuses_to_start_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = Punchbowl::run_in(folder.path(), &["pool", "--data-dir", "data"]).await.unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("payout.address") && complaint.contains("--setup"), "{complaint}");
}

#[tokio::test]
async fn while_it_waits_for_its_host_it_is_healthy_and_says_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let pool = pool(&data, &["--setup"]);
    pool.line(|line| line.contains("first run")).await.unwrap();
    let file = data.join("run/status.json");
    let written = async {
        loop {
            if let Ok(bytes) = std::fs::read(&file) {
                return serde_json::from_slice::<Value>(&bytes).unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let status = tests::within_deadline("run/status.json", written).await.unwrap();
    assert_eq!((&status["network"], &status["serving"]), (&"regtest".into(), &false.into()));
    assert!(status["source"]["detail"].as_str().unwrap().contains("finish the setup"), "{status}");
    let data = data.to_str().unwrap();
    let mut check = Punchbowl::spawn(&["healthcheck", "--network", "regtest", "--data-dir", data]).unwrap();
    assert_eq!(check.exit().await.unwrap().code(), Some(0), "{}", check.log().tail(5));
    assert!(check.log().contains("it waits for the host to finish the setup"), "{}", check.log().tail(5));
}
