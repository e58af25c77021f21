//! The invites in words: which is for whom, and what each reveals.

use super::contents::Invites;
use crate::config::{Config, P2pAdmission};
use p2p::invite::public_address::is_public;
use p2p::{Endpoint, Host, Invite, PoolUri};
use std::fmt::Write as _;
use std::net::SocketAddr;

// Writing to a String cannot fail.

/// The invites, each alone on its line, with what a host should know. `drawn` is the QR
/// code of the first.
pub fn text(invites: &Invites, drawn: Option<&str>, config: &Config) -> String {
    let mut text = String::new();
    let mut drawn = drawn.into_iter();
    let mut item = |heading: &str, invite: &str| {
        let _ = write!(text, "{heading}\n\n{invite}\n\n");
        if let Some(code) = drawn.next() {
            let _ = writeln!(text, "{code}");
        }
    };
    if let Some(invite) = &invites.iroh {
        item("For members behind any router, who dial the pool by its node id:", &invite.to_string());
    }
    for uri in &invites.tcp {
        item(tcp_heading(uri), &uri.to_string());
    }
    if let Some(invite) = &invites.iroh {
        if invite.relays.is_empty() && invite.addresses.is_empty() {
            text += &no_way(config);
        }
        text += &revealed(invite);
        text += let_in(config);
    }
    text
}

fn no_way(config: &Config) -> String {
    let port = config.p2p.bind.first().map_or(0, SocketAddr::port);
    let forward = match port {
        0 => "set a port in p2p.bind, forward it (UDP)".to_owned(),
        port => format!("forward UDP port {port}"),
    };
    format!(
        "NOTE: the invite by node id names neither an address nor a relay, so that members may not\n\
         find the pool. While the pool runs, it names what the pool has found out. Otherwise\n\
         {forward} on your router and name the address there (--address,\n\
         or p2p.external), or name a relay (p2p.relays; see `punchbowl relay --help`). For members\n\
         on your own network use --include-private.\n\n"
    )
}

fn tcp_heading(uri: &PoolUri) -> &'static str {
    let Endpoint::Tcp { host, .. } = &uri.endpoint;
    match host {
        Host::Ip(ip) if ip.is_loopback() => "For miners on this machine:",
        Host::Ip(ip) if !is_public(*ip) => "For miners on your own network:",
        _ => "For miners that dial over TCP:",
    }
}

fn revealed(invite: &Invite) -> String {
    let relays = invite.relays.iter().map(|relay| format!("relay {relay}"));
    let named: Vec<String> = relays.chain(invite.addresses.iter().map(ToString::to_string)).collect();
    let where_it_is = match named.is_empty() {
        true => "no address".to_owned(),
        false => named.join(", "),
    };
    format!(
        "What it reveals: the pool's two public keys, and where it is ({where_it_is}).\n\
         It holds no secret. Who is let in by it learns this machine's other addresses too,\n\
         those on private networks among them: both sides try them to find a direct way.\n"
    )
}

fn let_in(config: &Config) -> &'static str {
    match config.p2p.admission {
        P2pAdmission::Open => "Whoever has it may mine here (p2p.admission = \"open\").\n",
        P2pAdmission::Members => {
            "Only the node ids in p2p.members are let in by it; `punchbowl id` prints a member's.\n"
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const KEY: &str = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
    const NODE: &str = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";

    fn both(hints: &str, tcp: &str) -> Invites {
        Invites {
            iroh: Some(format!("stratum2+iroh://{NODE}/{KEY}{hints}").parse().unwrap()),
            tcp: vec![format!("stratum2+tcp://{tcp}/{KEY}").parse().unwrap()],
        }
    }

    #[test]
    fn each_invite_stands_alone_on_its_line_and_what_it_reveals_is_named() {
        let invites = both("?relay=relay.example,ca&a=8.8.8.8:1", "192.168.1.4:34254");
        let text = text(&invites, None, &Config::default());
        for invite in [invites.iroh.unwrap().to_string(), invites.tcp[0].to_string()] {
            assert!(text.lines().any(|line| line == invite), "{text}");
        }
        assert!(text.contains("where it is (relay relay.example,ca, 8.8.8.8:1)"), "{text}");
        assert!(text.contains("on your own network") && text.contains("\"open\""), "{text}");
        assert!(!text.contains("NOTE"), "{text}");
    }

    #[test]
    fn an_invite_that_leads_nowhere_says_what_to_do() {
        let text = text(&both("", "pool.example:1"), None, &Config::default());
        assert!(text.contains("NOTE") && text.contains("forward UDP port 34255"), "{text}");
        assert!(text.contains("For miners that dial over TCP"), "{text}");
    }

    #[test]
    fn the_code_stands_under_the_first_invite_only() {
        let text = text(&both("", "127.0.0.1:1"), Some("CODE\n"), &Config::default());
        assert_eq!(text.matches("CODE").count(), 1);
        assert!(text.find("CODE") < text.find("For miners on this machine"), "{text}");
    }

    #[test]
    fn members_only_is_said() {
        let mut config = Config::default();
        config.p2p.admission = P2pAdmission::Members;
        assert!(text(&both("", "h:1"), None, &config).contains("p2p.members"));
    }
}
