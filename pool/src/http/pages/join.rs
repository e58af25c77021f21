//! How to join: the invite as a QR code, and what to type into each kind of miner.

use super::Part;
use crate::http::Shown;
use crate::http::markup::{Markup, html};
use crate::qr::Qr;
use crate::reach;
use crate::view::View;
use p2p::{AuthorityKey, Invite, IrohNode};
use std::net::SocketAddr;

/// Where miners and members connect.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The node that members dial, where that is on.
    pub iroh: Option<IrohNode>,
    /// What they know the pool by.
    pub authority: AuthorityKey,
    /// Where miners connect over TCP.
    pub listening: Vec<SocketAddr>,
}

impl Doors {
    /// The invite with all that is known, neighbours' addresses included: who sees this page
    /// is in the house.
    pub fn invite(&self) -> Option<Invite> {
        self.iroh.as_ref().map(|iroh| iroh.invite(self.authority))
    }

    /// Host and port for TCP, as dialled by somebody who found this page at `host`.
    pub fn tcp(&self, host: Option<&str>) -> Option<String> {
        let listening = *self.listening.first()?;
        let address = reach::address(listening);
        // By whatever name this page was found, miners find the pool too; unless that is a
        // name for one's own machine alone.
        let seen = host.map(without_port).filter(|host| is_plain(host) && !is_own(host));
        let seen = seen.filter(|_| listening.ip().is_unspecified());
        Some(match seen {
            Some(host) => format!("{host}:{}", address.port()),
            None => address.to_string(),
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// It goes into a page and into commands: letters, digits, dots, and an IPv6 address.
fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && host.len() < 254
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
}

fn is_own(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

pub(super) fn parts(doors: &Doors, view: &View, host: Option<&str>) -> Vec<Part> {
    let (invite, tcp) = (doors.invite(), doors.tcp(host));
    let user =
        if view.pool.payout_mode == "fixed" { "yourname.worker" } else { "your-bitcoin-address.worker" };
    let mut parts = vec![Part::bare(
        "intro",
        html! {
            h1 { "Join" }
            p.lead { "Bring a miner. There are two doors: from anywhere, with the invite; or on this network, straight at the pool's port." }
        },
    )];
    if let Some(invite) = &invite {
        parts.push(Part::card("anywhere", anywhere(invite, user)));
    }
    if let Some(tcp) = &tcp {
        parts.push(Part::card("here", here(tcp, doors.authority, user)));
        parts.push(Part::wide("settings", settings(tcp, user)));
    }
    parts
}

fn anywhere(invite: &Invite, user: &str) -> Markup {
    let text = invite.to_string();
    html! {
        h2 { "From anywhere" }
        p { "Behind any router, with nothing to set up on it. Scan or copy the invite:" }
        (code(&text, "invite"))
        (copyable("invite-text", &text))
        p { "On a computer near your miners, run" }
        (copyable("join-command", &format!("punchbowl join '{text}' --user {}", user.split('.').next().unwrap_or(user))))
        p.note { "and point them at that computer: " code { "stratum+tcp://<that computer>:3333" } }
    }
}

fn here(tcp: &str, authority: AuthorityKey, user: &str) -> Markup {
    let sv2 = format!("stratum2+tcp://{tcp}/{authority}");
    html! {
        h2 { "On this network" }
        p { "A miner or proxy that speaks Stratum V2 takes this address; scan or copy it:" }
        (code(&sv2, "tcp"))
        (copyable("tcp-text", &sv2))
        dl.facts.tall {
            div { dt { "User name" } dd { code { (user) } } }
            div { dt { "Password" } dd { "anything" } }
        }
        p.note { "It is sealed: nobody on the way can read or change it. Old miners use the settings below." }
    }
}

fn settings(tcp: &str, user: &str) -> Markup {
    let (host, port) = tcp.rsplit_once(':').unwrap_or((tcp, ""));
    let old = format!("stratum+tcp://{tcp}");
    let rows: [(&str, Vec<(&str, &str)>); 4] = [
        (
            "Bitaxe, NerdMiner (ESP-Miner)",
            vec![
                ("Stratum Host", host),
                ("Stratum Port", port),
                ("Stratum User", user),
                ("Stratum Password", "x"),
            ],
        ),
        ("Antminer (stock firmware)", vec![("URL", &old), ("Worker", user), ("Password", "x")]),
        ("Whatsminer", vec![("Pool 1", &old), ("Worker", user), ("Password", "x")]),
        ("Braiins OS", vec![("Pool URL", &old), ("Username", user), ("Password", "x")]),
    ];
    html! {
        h2 { "Old miners on this network" }
        p { "They speak Stratum V1, which is not sealed: fine at home, not across the internet." }
        div.firmwares {
            @for (name, fields) in rows {
                div {
                    h3 { (name) }
                    dl.settings {
                        @for (field, value) in fields { div { dt { (field) } dd { code { (value) } } } }
                    }
                }
            }
        }
        p.note { "A password " code { "d=1024" } " asks for a share difficulty. Save, and within a minute the miner stands under " a href="/members" { "Members" } "." }
    }
}

fn code(text: &str, name: &str) -> Markup {
    html! {
        @match Qr::encode(text) {
            // Drawn here, out of numbers alone.
            Ok(qr) => div.qr data-qr=(name) { (Markup::of(qr.to_svg())) },
            Err(error) => p.trouble { (error.to_string()) }
        }
    }
}

fn copyable(id: &str, text: &str) -> Markup {
    html! {
        div.copy {
            code id=(id) { (text) }
            button.copy-button type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}

impl Shown {
    /// The invite, as this page shows it.
    pub fn invite(&self) -> Option<String> {
        self.doors.invite().map(|invite| invite.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use p2p::AuthorityKeypair;

    #[test]
    fn miners_are_told_the_name_by_which_the_page_was_found() {
        let authority = AuthorityKeypair::generate(&mut rand::rngs::OsRng).public_key();
        let doors =
            |listening: &str| Doors { iroh: None, authority, listening: vec![listening.parse().unwrap()] };
        let open = doors("0.0.0.0:34254");
        assert_eq!(open.tcp(Some("pool.local:8080")).unwrap(), "pool.local:34254");
        assert_eq!(open.tcp(Some("[2001:db8::7]:80")).unwrap(), "[2001:db8::7]:34254");
        for own in ["localhost:8080", "127.0.0.1", "<script>", ""] {
            assert_eq!(open.tcp(Some(own)), open.tcp(None), "{own}");
        }
        assert_eq!(doors("127.0.0.1:7").tcp(Some("pool.local")).unwrap(), "127.0.0.1:7");
    }
}
