#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
use super::super::verdict::verdict;
use super::*;
use serde_json::{Value, json};

fn status() -> Value {
    json!({
        "version": "1.2.3", "network": "mainnet", "uptime_seconds": 400_000, "serving": true,
        "source": {"state": "serving"},
        "template": {"height": 905_123, "age_seconds": 12.0, "fees": 1_000_000, "subsidy": 312_500_000,
                     "transactions": 3_204},
        "ledger": {"state": "working", "last_share": 12_345, "last_slice": 81},
        "shares": {"accepted": 5_000, "rejected": {"stale-share": 3}},
        "connections": [
            {"path": "tcp", "protocol": "sv1", "agent": "bitaxe",
             "channels": [{"member": "ann", "worker": "rig\u{1b}[2J", "report":
                {"accepted": 7, "rejected": 1, "share_difficulty": 1024.0, "workers": []}}]},
            {"path": "iroh-relayed", "protocol": "sv2", "agent": "join",
             "channels": [{"member": "ben", "worker": "", "report":
                {"accepted": 9, "share_difficulty": 1.0, "workers":
                    [{"name": "s9", "accepted": 4}, {"name": "s19", "accepted": 5}]}}]},
        ],
        "blocks": [{"height": 905_000, "found_at": 1_000, "member": "ben", "worker": "s19",
                    "accepted": true, "state": "settled"}],
        "block_counts": {"submitted": 2, "accepted": 2},
    })
}

fn pool() -> Value {
    json!({
        "hashrate": {"5m": {"hashrate": 1.2e13}, "1h": {"hashrate": 1.1e13}},
        "round": {"since": 500, "effort": 0.31, "network_difficulty": 1e14},
        "odds": {"day": 0.000_1, "month": 0.003, "year": 0.04},
        "best": {"member": "ben", "worker": "s19", "difficulty": 4.2e9},
    })
}

fn members() -> Value {
    json!({"items": [{"name": "ben", "workers": [{"name": "s19", "hashrate": {"5m": {"hashrate": 9e12}}}]}]})
}

fn screen(look: Look) -> String {
    let answers = Answers::read(status(), Some(pool()), Some(members())).unwrap();
    draw("http://x", &answers, &verdict(&answers), 4_600, look).join("\n")
}

const PLAIN: Look = Look { width: 120, height: None, colour: false };

#[test]
fn everything_that_a_host_wants_to_know_is_on_it() {
    let text = screen(PLAIN);
    for wanted in [
        "Punchbowl 1.2.3 on mainnet, up 4 d 15 h",
        "All is well.",
        "12.0 TH/s (5m)   11.0 TH/s (1h)",
        "[#######-----------------] 31 % of an average block, begun 68 min ago",
        "4.20 G by ben.s19, 0.0042 % of a block",
        "2 since the start; the last: 905 000, settled, 60 min ago by ben.s19",
        "height 905 123, 12 s old, 3 204 transactions, pays 3.135 BTC (0.01 BTC fees)",
        "working: share 12 345, slice 81",
        "3 workers mining",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    let row = text.lines().position(|line| line.contains("ben.s19  ")).unwrap();
    let other = text.lines().position(|line| line.contains("ann.rig")).unwrap();
    assert!(row < other, "the strongest comes first:\n{text}");
    assert!(text.contains("tcp (V1)") && text.contains("relay"), "{text}");
}

#[test]
fn it_fits_the_terminal_and_no_name_moves_the_cursor() {
    let text = screen(Look { width: 40, height: Some(16), colour: false });
    assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    assert!(text.lines().count() <= 16 && text.contains("more"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_plain_screen_has_no_colours_and_a_coloured_one_ends_them() {
    let coloured = screen(Look { colour: true, ..PLAIN });
    assert!(coloured.contains("\u{1b}[32m"));
    assert!(coloured.lines().filter(|line| line.contains('\u{1b}')).all(|line| line.ends_with("\u{1b}[0m")));
}

#[test]
fn what_is_not_well_comes_first_and_an_older_pool_is_read_too() {
    let mut bad = status();
    bad["source"] = json!({"state": "connecting", "detail": "no socket"});
    bad["ledger"]["state"] = json!("stalled");
    bad["ledger"]["check"] = json!({"at": 1, "slices": 81, "wrong": 2, "found": ["slice 3 has lost shares"]});
    bad["shares"] = json!({"accepted": 80, "rejected": {"stale-share": 15, "duplicate-share": 5}});
    let answers = Answers::read(bad, None, None).unwrap();
    let troubles = verdict(&answers);
    let text = draw("http://x", &answers, &troubles, 0, PLAIN).join("\n");
    assert!(text.contains("NOT WELL: no templates from the node: no socket"), "{text}");
    assert!(text.contains("NOT WELL: shares are not written down (stalled)"), "{text}");
    assert!(text.contains("NOT WELL: the ledger is not what it says: slice 3 has lost shares"), "{text}");
    assert!(text.contains("Look: 20 % of all shares are refused, most of them as stale-share"), "{text}");
    assert!(!text.contains("All is well"), "{text}");
    assert!(Answers::read(json!({"x": 1}), None, None).is_ok());
    assert!(Answers::read(json!([]), None, None).is_err());
}

#[test]
fn a_pool_without_miners_says_what_to_do() {
    let answers = Answers::read(json!({"network": "regtest"}), None, None).unwrap();
    assert!(draw("", &answers, &[], 0, PLAIN).join("\n").contains("punchbowl invite"));
}
