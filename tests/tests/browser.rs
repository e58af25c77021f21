//! The pages, as a headless Chromium sees them. Photographs go to the folder that
//! `PUNCHBOWL_SCREENSHOTS` names, or to `target/screenshots`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use tests::browser::{Visit, screenshots};
use tests::{Browser, Party};

/// Each page, its name for photographs, and words that stand on it when it has its data.
fn pages() -> [(String, &'static str, &'static [&'static str]); 8] {
    let member = format!("/members/{}", Party::member());
    [
        ("/".to_owned(), "pool", &["All is well", "H/s", "Members", "Chances of a block"]),
        ("/next-block".to_owned(), "next-block", &["BTC", "BIP141", "bcrt1qw508"]),
        ("/members".to_owned(), "members", &["bcrt1qw508", "mining", "H/s"]),
        (member, "member", &["garage", "Iroh", "Stratum V2", "of all work"]),
        ("/leaderboard".to_owned(), "leaderboard", &["Most work this round", "bcrt1qw508"]),
        ("/screen".to_owned(), "screen", &["Shares, live", "Hashrate", "bitaxe"]),
        ("/join".to_owned(), "join", &["stratum2+iroh://", "punchbowl join", "Bitaxe", "Braiins"]),
        ("/check".to_owned(), "check", &["punchbowl verify", "The ledger now", "Last verification"]),
    ]
}

#[tokio::test]
async fn every_page_has_its_data_and_asks_nobody_else() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let party = Party::start(Party::chain().shared("")).await.unwrap();
    party.block().await.unwrap();
    let (tab, host) = (browser.tab(), party.page("/").unwrap());
    for (path, name, words) in pages() {
        for dark in [false, true] {
            tab.resize(1280, if name == "screen" { 720 } else { 900 }, false).await.unwrap();
            tab.dark(dark).await.unwrap();
            let visit = tab.open(&party.page(&path).unwrap()).await.unwrap();
            assert_eq!(visit.complaints, [""; 0], "{path}");
            assert_only_of(&host, &visit, &path);
            let text = tab.text().await.unwrap();
            for word in words {
                assert!(text.to_lowercase().contains(&word.to_lowercase()), "{path} lacks {word:?}:\n{text}");
            }
            assert_eq!(tab.contrast_faults().await.unwrap(), [""; 0], "{path}, dark: {dark}");
            if name == "screen" {
                tab.wait_for("!document.querySelector('.feast')").await.unwrap();
            }
            let shade = if dark { "dark" } else { "light" };
            tab.photograph(&screenshots(), &format!("{name}-{shade}"), name != "screen").await.unwrap();
            if !dark {
                let paint = tab.first_paint().await.unwrap();
                eprintln!("{path}: {:.1} KB, first paint {paint:.0} ms", visit.bytes as f64 / 1024.0);
            }
        }
        tab.resize(360, 740, true).await.unwrap();
        let visit = tab.open(&party.page(&path).unwrap()).await.unwrap();
        assert_eq!(visit.complaints, [""; 0], "{path} on a phone");
        let width = tab.run("return document.documentElement.scrollWidth;").await.unwrap();
        assert_eq!(width, 360, "{path} is as wide as a phone: {:?}", tab.too_wide().await);
        tab.photograph(&screenshots(), &format!("{name}-phone"), true).await.unwrap();
        // A part that changed while it was looked at is still of this pool alone.
        assert_only_of(&host, &tab.logs().await.unwrap(), &path);
    }
}

#[tokio::test]
async fn every_page_is_whole_without_scripts() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let party = Party::start(Party::chain().solo()).await.unwrap();
    let tab = browser.tab();
    tab.scripts(false).await.unwrap();
    for (path, _, words) in pages() {
        tab.open(&party.page(&path).unwrap()).await.unwrap();
        let source = tab.source().await.unwrap();
        for word in words {
            assert!(
                source.to_lowercase().contains(&word.to_lowercase()),
                "{path} lacks {word:?} without scripts"
            );
        }
        let mut signs = source.split("id=\"live\"").skip(1);
        assert!(signs.all(|rest| rest.starts_with(" hidden")), "the sign of the script is not shown");
    }
}

#[tokio::test]
async fn a_camera_reads_the_invite_from_the_page() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let party = Party::start(Party::chain().solo()).await.unwrap();
    let tab = browser.tab();
    tab.resize(1280, 900, false).await.unwrap();
    for (name, starts) in [("invite", "stratum2+iroh://"), ("tcp", "stratum2+tcp://")] {
        tab.open(&party.page("/join").unwrap()).await.unwrap();
        let text =
            tab.run(&format!("return document.getElementById('{name}-text').textContent;")).await.unwrap();
        let text = text.as_str().unwrap().to_owned();
        assert!(text.starts_with(starts), "{text}");
        let (width, pixels) = tab.pixels(&format!("[data-qr={name}]")).await.unwrap();
        let grey = |x: usize, y: usize| if pixels[y * width + x] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, pixels.len() / width, grey);
        let codes = image.detect_grids();
        assert_eq!(codes.len(), 1, "one code is seen");
        assert_eq!(codes[0].decode().unwrap().1, text);
    }
}

#[tokio::test]
async fn a_page_that_is_looked_at_follows_the_pool_and_the_big_screen_feasts_a_block() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let party = Party::start(Party::chain().solo()).await.unwrap();
    let tab = browser.tab();
    tab.resize(1280, 720, false).await.unwrap();
    tab.open(&party.page("/screen").unwrap()).await.unwrap();
    tab.run("window.before = document.getElementById('shares').textContent;").await.unwrap();
    tab.wait_for("document.getElementById('shares').textContent !== window.before").await.unwrap();
    tab.wait_for("document.querySelector('.feast')").await.unwrap();
    let text = tab.text().await.unwrap();
    assert!(text.contains("Block!") && text.contains("BTC"), "{text}");
    tab.photograph(&screenshots(), "screen-block", false).await.unwrap();
    assert_eq!(tab.logs().await.unwrap().complaints, [""; 0]);
}

fn assert_only_of(host: &str, visit: &Visit, path: &str) {
    for request in &visit.requests {
        assert!(request.starts_with(host), "{path} asks {request}");
    }
}
