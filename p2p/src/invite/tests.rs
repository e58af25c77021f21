//! Invites, read and printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use iroh_base::SecretKey;
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NODE: &str = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";
const KEY: &str = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";

fn parse(query: &str) -> Result<Invite, InviteError> {
    format!("stratum2+iroh://{NODE}/{KEY}{query}").parse()
}

fn peer() -> NodeId {
    SecretKey::from_bytes(&[2; 32]).public()
}

#[test]
fn a_bare_invite_is_the_node_and_the_pool() {
    let invite = parse("").unwrap();
    assert_eq!((invite.node.to_z32().as_str(), invite.authority.to_string().as_str()), (NODE, KEY));
    assert!(invite.relays.is_empty() && invite.addresses.is_empty());
    assert_eq!(invite.to_string(), format!("stratum2+iroh://{NODE}/{KEY}"));
    assert_eq!(invite.to_string().len(), 120);
    assert_eq!(parse("?").unwrap(), invite);
}

#[test]
fn relays_of_the_three_kinds_and_addresses_of_both_families_are_understood() {
    let peer = peer();
    let text = format!(
        "?relay=198.51.100.9&relay=relay.example:8443,{}&relay=[2001:db8::9]:444,ca&a=198.51.100.7:34255&a=[2001:db8::7]:34255",
        peer.to_z32()
    );
    let invite = parse(&text).unwrap();
    let host = |text: &str| text.parse::<Host>().unwrap();
    assert_eq!(
        invite.relays,
        [
            RelayHint { host: host("198.51.100.9"), port: 443, trust: RelayTrust::Pool, qad: 7842 },
            RelayHint { host: host("relay.example"), port: 8443, trust: RelayTrust::Peer(peer), qad: 7842 },
            RelayHint { host: host("2001:db8::9"), port: 444, trust: RelayTrust::WebPki, qad: 7842 },
        ]
    );
    assert_eq!(invite.addresses.len(), 2);
    assert_eq!(invite.to_string(), format!("stratum2+iroh://{NODE}/{KEY}{text}"));

    let urls: Vec<String> = invite.relays.iter().map(|relay| relay.url().unwrap().to_string()).collect();
    assert_eq!(urls, ["https://198.51.100.9/", "https://relay.example:8443/", "https://[2001:db8::9]:444/"]);
    let pins: Vec<Option<NodeId>> = invite.relays.iter().map(|relay| relay.pinned_key(invite.node)).collect();
    assert_eq!(pins, [Some(invite.node), Some(peer), None]);
}

#[test]
fn a_relay_that_tells_addresses_at_another_port_or_not_at_all_says_so() {
    let ports = |text: &str| parse(text).unwrap().relays.iter().map(|relay| relay.qad).collect::<Vec<_>>();
    assert_eq!(ports("?relay=host&relay=host:1,ca,qad=7843&relay=host,qad=0"), [7842, 7843, 0]);
    let text = "?relay=host:1,ca,qad=7843&relay=host,qad=0";
    assert!(parse(text).unwrap().to_string().ends_with(text));
}

#[test]
fn what_later_versions_say_is_passed_over() {
    let known = parse("?a=198.51.100.7:1").unwrap();
    for query in ["?v=2&a=198.51.100.7:1&&name=Ann's%20pool", "?flag&a=198.51.100.7:1&A=x&relays=x"] {
        assert_eq!(parse(query).unwrap(), known);
    }
}

#[test]
fn spaces_around_it_and_a_node_id_in_hexadecimal_do_no_harm() {
    let invite = parse("?a=198.51.100.7:1").unwrap();
    assert_eq!(format!(" \n{invite}\r\n").parse(), Ok(invite.clone()));
    let hexadecimal = invite.to_string().replace(NODE, &invite.node.to_string());
    assert_eq!(hexadecimal.parse(), Ok(invite));
}

#[test]
fn every_mistake_has_its_own_answer() {
    let error = |text: &str| text.parse::<Invite>().unwrap_err();
    assert_eq!(error(""), InviteError::Scheme(String::new()));
    assert!(matches!(error("stratum2+tcp://h/k"), InviteError::Scheme(_)));
    assert!(matches!(error("stratum2+iroh://"), InviteError::Node(_)));
    assert!(matches!(error(&format!("stratum2+iroh://{}/{KEY}", &NODE[1..])), InviteError::Node(_)));
    assert_eq!(error(&format!("stratum2+iroh://{NODE}")), InviteError::NoKey);
    assert_eq!(error(&format!("stratum2+iroh://{NODE}/?a=1.1.1.1:1")), InviteError::NoKey);
    assert_eq!(error(&format!("stratum2+iroh://{NODE}/{}", &KEY[1..])), InviteError::Key(KeyError::Base58));
    for relay in ["", "a..b", "host:0", "host:99999", "::1", "user@host", "a/b", "h,ost:1,ca"] {
        let error = parse(&format!("?relay={relay}")).unwrap_err();
        assert!(matches!(error, InviteError::Relay { .. } | InviteError::RelayKey { .. }), "{error}");
        assert!(error.to_string().contains(relay), "{error}");
    }
    for key in ["", "cA", &NODE[1..], KEY] {
        let error = parse(&format!("?relay=host,{key}")).unwrap_err();
        assert!(matches!(error, InviteError::RelayKey { .. }), "{error}");
    }
    for qad in ["", "x", "65536", "-1"] {
        let error = parse(&format!("?relay=host,qad={qad}")).unwrap_err();
        assert!(matches!(error, InviteError::RelayQad { .. }), "{error}");
    }
    for extra in ["ca,ca", "qad=1,ca", "qad=1,qad=2"] {
        let error = parse(&format!("?relay=host,{extra}")).unwrap_err();
        assert!(matches!(error, InviteError::RelayExtra { .. }), "{error}");
    }
    for address in ["", "1.1.1.1", "1.1.1.1:0", "0.0.0.0:1", "[::]:1", "::1:1", "[fe80::1%3]:1", "host:1"] {
        assert_eq!(parse(&format!("?a={address}")).unwrap_err(), InviteError::Address(address.into()));
    }
}

#[test]
fn a_relay_whose_name_a_url_reads_as_something_else_is_refused() {
    // WHATWG URL, section 3.5: these are IPv4 addresses in disguise, or not Punycode.
    for host in ["0x7f000001", "127.0x1", "xn--a"] {
        let error = parse(&format!("?relay={host}")).unwrap_err();
        assert!(matches!(error, InviteError::Relay { .. }), "{host}: {error}");
    }
}

#[test]
fn more_hints_than_allowed_are_refused_and_never_printed() {
    let relays = |count: usize| "&relay=h".repeat(count);
    let addresses = |count: usize| "&a=1.1.1.1:1".repeat(count);
    assert_eq!(parse(&format!("?{}", relays(9))).unwrap_err(), InviteError::TooManyRelays);
    assert_eq!(parse(&format!("?{}", addresses(17))).unwrap_err(), InviteError::TooManyAddresses);

    let mut invite = parse(&format!("?{}{}", relays(8), addresses(16))).unwrap();
    let full = invite.to_string();
    invite.relays.push(invite.relays[0].clone());
    invite.addresses.push(invite.addresses[0]);
    assert_eq!(invite.to_string(), full);
}

#[test]
fn the_longest_invite_is_read_and_anything_longer_is_not() {
    let name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    assert_eq!(name.len(), 253);
    let relay =
        RelayHint { host: name.parse().unwrap(), port: 65535, trust: RelayTrust::Peer(peer()), qad: 65535 };
    let address = "[2001:db8:1111:1111:1111:1111:1111:1111]:65535".parse().unwrap();
    let invite = Invite {
        relays: vec![relay; MAX_RELAYS],
        addresses: vec![address; MAX_ADDRESSES],
        ..parse("").unwrap()
    };
    let text = invite.to_string();
    assert!(text.len() <= MAX_LENGTH, "{} bytes", text.len());
    assert_eq!(text.parse(), Ok(invite));
    let too_long = format!("{text}&x={}", "x".repeat(MAX_LENGTH));
    assert_eq!(too_long.parse::<Invite>(), Err(InviteError::TooLong(too_long.len())));
}

#[test]
fn the_public_part_of_an_invite_has_nothing_of_the_local_network() {
    let text = "?relay=192.168.1.2&relay=relay.example,ca&relay=8.8.4.4&a=10.0.0.4:1&a=8.8.8.8:1&a=100.64.0.1:1\
                &a=[fd00::1]:1&a=[fe80::1]:1&a=[2a00:1450::1]:1&a=127.0.0.1:1";
    let public = parse(text).unwrap().public();
    assert_eq!(
        public,
        parse("?relay=relay.example,ca&relay=8.8.4.4&a=8.8.8.8:1&a=[2a00:1450::1]:1").unwrap()
    );
}

fn any_node() -> impl Strategy<Value = NodeId> {
    any::<[u8; 32]>().prop_map(|secret| SecretKey::from_bytes(&secret).public())
}

fn any_authority() -> impl Strategy<Value = AuthorityKey> {
    prop::array::uniform32(1u8..=254)
        .prop_map(|secret| crate::AuthorityKeypair::from_secret_bytes(&secret).unwrap().public_key())
}

fn any_ip() -> impl Strategy<Value = IpAddr> {
    let ip = prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
        any::<Ipv4Addr>().prop_map(|ip| IpAddr::from(ip.to_ipv6_mapped())),
    ];
    ip.prop_filter("an address to dial", |ip| !ip.is_unspecified())
}

fn any_relay() -> impl Strategy<Value = RelayHint> {
    let host = prop_oneof![
        any_ip().prop_map(Host::Ip),
        "([a-z0-9][a-z0-9_]{0,20}\\.){0,3}[a-z][a-z0-9]{0,20}".prop_map(Host::Name),
    ];
    let trust =
        prop_oneof![Just(RelayTrust::Pool), Just(RelayTrust::WebPki), any_node().prop_map(RelayTrust::Peer)];
    (host, 1u16.., trust, any::<u16>()).prop_map(|(host, port, trust, qad)| RelayHint {
        host,
        port,
        trust,
        qad,
    })
}

prop_compose! {
    fn any_invite()(
        node in any_node(),
        authority in any_authority(),
        relays in vec(any_relay(), 0..=MAX_RELAYS),
        addresses in vec((any_ip(), 1u16..), 0..=MAX_ADDRESSES),
    ) -> Invite {
        Invite { node, authority, relays, addresses: addresses.into_iter().map(SocketAddr::from).collect() }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(invite in any_invite()) {
        let text = invite.to_string();
        prop_assert!(text.len() <= MAX_LENGTH);
        prop_assert_eq!(text.parse(), Ok(invite));
    }

    #[test]
    fn what_is_read_is_printed_so_that_it_is_read_again(query in "(&?(a|relay|x)=[0-9a-f.:,\\[\\]hc]{1,24}){0,6}") {
        if let Ok(invite) = parse(&format!("?{query}")) {
            prop_assert_eq!(invite.to_string().parse(), Ok(invite));
        }
    }

    #[test]
    fn a_damaged_invite_is_read_or_refused_but_nothing_panics(
        invite in any_invite(), at in any::<prop::sample::Index>(), damage in any::<char>(),
    ) {
        let mut text: Vec<char> = invite.to_string().chars().collect();
        let at = at.index(text.len());
        text[at] = damage;
        let text: String = text.into_iter().collect();
        if let Ok(read) = text.parse::<Invite>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(stratum2\\+iroh://)?.{0,300}") {
        let _ = text.parse::<Invite>();
    }

    #[test]
    fn no_hint_makes_the_parser_panic(hints in vec("(a|relay|)=?[\\[\\]:,./%a-z0-9\u{e9}]{0,40}", 0..24)) {
        let _ = parse(&format!("?{}", hints.join("&")));
    }

    #[test]
    fn complaints_stay_short(start in "(a|relay)=|relay=h:|relay=h,|relay=\\[|x", rest in "[a-z0-9]{0,3900}") {
        if let Err(error) = parse(&format!("?{start}{rest}")) {
            prop_assert!(error.to_string().len() < 600, "{}", error);
        }
    }
}
