//! What a configuration must satisfy beyond having the right types.

use super::coinbase;
use super::sections::{
    Config, DhtPublishing, P2p, P2pAdmission, PayoutKind, RelayMode, TemplateSource, WindowKind,
};
use super::values::{Seconds, network_name};
use super::{home_assistant, notify};
use crate::payout::{self, Aliases, PayoutDescriptor, address, pool_tag};
use crate::wire::{audit, keep_alive};
use ledger::payout::Ppm;
use p2p::RelayTrust;
use p2p::invite::MAX_RELAYS;
use template_provider::Network;

/// Called with the key, what is wrong and the remedy.
pub type Report<'a> = dyn FnMut(&'static str, String, String) + 'a;

/// Reports everything that is wrong with `config`.
pub fn check(config: &Config, report: &mut Report<'_>) {
    check_template(config, report);
    check_payout(config, report);
    coinbase::check(config, report);
    check_vardiff(config, report);
    check_limits(config, report);
    check_pings(config, report);
    check_extensions(config, report);
    check_p2p(config, report);
    check_sv1(config, report);
    check_discovery(config, report);
    notify::check(&config.notify, report);
    home_assistant::check(&config.home_assistant, report);
    if config.listen.tcp.is_empty() {
        report("listen.tcp", "no address to listen on".into(), "name one, such as \"0.0.0.0:34254\"".into());
    }
    let validity = config.authority.certificate_validity.duration().as_secs();
    if !(60..=u64::from(u32::MAX)).contains(&validity) {
        report(
            "authority.certificate_validity",
            format!("{validity} s is not from 60 s to {} s", u32::MAX),
            "86400 (a day) suits clocks that are a little wrong".into(),
        );
    }
}

fn check_sv1(config: &Config, report: &mut Report<'_>) {
    let usable = |number: f64| number.is_finite() && number > 0.0;
    if !usable(config.sv1.high_difficulty) {
        report(
            "sv1.high_difficulty",
            format!("{} is no difficulty", config.sv1.high_difficulty),
            "marketplaces ask for 524288 or more".into(),
        );
    }
    if let Err(fault) = config.sv1.extranonce_sizes() {
        report(
            "sv1.extranonce1, sv1.extranonce2",
            fault.to_string(),
            "4 and 8 suit nearly every miner; 8 and 4, or what lies between, fit too".into(),
        );
    }
    if config.sv1.workers.iter().any(|rule| rule.worker.trim().is_empty()) {
        report(
            "sv1.workers",
            "a rule for a worker without a name would count for nobody".into(),
            "name it as the miner does, such as \"ann.garage\"".into(),
        );
    }
    for rule in &config.sv1.firmware {
        if rule.agent.trim().is_empty() {
            report(
                "sv1.firmware",
                "a rule for a user agent without letters would count for every miner".into(),
                "name a part of the user agent that the status page shows".into(),
            );
        }
        if rule.min_difficulty.is_some_and(|number| !usable(number)) {
            report(
                "sv1.firmware",
                format!("min_difficulty of `{}` is no difficulty", rule.agent),
                "a number above 0; leave it out for the usual one".into(),
            );
        }
    }
}

fn check_p2p(config: &Config, report: &mut Report<'_>) {
    let p2p = &config.p2p;
    let of_family = |ipv4: bool| p2p.bind.iter().filter(|address| address.is_ipv4() == ipv4).count();
    if p2p.bind.is_empty() {
        report(
            "p2p.bind",
            "no address to listen on".into(),
            "name one, such as \"0.0.0.0:34255\", or set p2p.enabled = false".into(),
        );
    } else if of_family(true) > 1 || of_family(false) > 1 {
        report(
            "p2p.bind",
            "more than one address of the same family".into(),
            "name at most one IPv4 and one IPv6 address; 0.0.0.0 and [::] stand for all".into(),
        );
    }
    if let Some(address) = p2p.external.iter().find(|address| address.ip().is_unspecified()) {
        report(
            "p2p.external",
            format!("{address} is not an address that anybody can dial"),
            "name the public address of your router and the port that it forwards".into(),
        );
    }
    if p2p.admission == P2pAdmission::Open && !p2p.members.is_empty() {
        report(
            "p2p.members",
            "is set, but with p2p.admission = \"open\" everybody may connect".into(),
            "set p2p.admission = \"members\", or remove the list".into(),
        );
    }
    if p2p.connections_per_node == 0 {
        report(
            "p2p.connections_per_node",
            "0 would let nobody in".into(),
            "leave it out to get the default".into(),
        );
    }
    check_relays(p2p, report);
}

fn check_relays(p2p: &P2p, report: &mut Report<'_>) {
    if let Some(relay) = p2p.relays.iter().find(|relay| relay.trust == RelayTrust::Pool) {
        report(
            "p2p.relays",
            format!("{relay} has no key, by which the pool would know it"),
            format!(
                "write \"{relay},<node id>\", as `punchbowl relay` prints it, or \"{relay},ca\" where it has an \
                 ordinary certificate; the pool's own relay is p2p.relay"
            ),
        );
    }
    // The pool's own and the host's go first; more of others' would only crowd an invite.
    const MOST_OF_MEMBERS: u32 = 4;
    if p2p.accept_relays > MOST_OF_MEMBERS {
        report(
            "p2p.accept_relays",
            format!(
                "{} relays of members are too many: an invite has room for {MAX_RELAYS} in all",
                p2p.accept_relays
            ),
            format!("set it to at most {MOST_OF_MEMBERS}"),
        );
    }
    if p2p.relays.len() > MAX_RELAYS {
        report(
            "p2p.relays",
            format!("{} relays are more than an invite can name ({MAX_RELAYS})", p2p.relays.len()),
            "keep the best two or three".into(),
        );
    }
    if p2p.relay.mode == RelayMode::On && !p2p.enabled {
        report(
            "p2p.relay.mode",
            "is \"on\", but p2p.enabled is false: nobody connects by node id".into(),
            "set p2p.enabled = true, or run `punchbowl relay` for another pool".into(),
        );
    }
    let numbers = [
        // The pool and a member, each with a connection and one that looks after it.
        ("p2p.relay.clients", p2p.relay.clients, 4, 1_000_000),
        ("p2p.relay.bytes_per_second", p2p.relay.bytes_per_second, 65_536, 1_000_000_000),
    ];
    for (key, value, least, most) in numbers {
        if !(least..=most).contains(&value) {
            report(
                key,
                format!("{value} is not from {least} to {most}"),
                "leave it out to get the default".into(),
            );
        }
    }
}

fn check_discovery(config: &Config, report: &mut Report<'_>) {
    let discovery = &config.p2p.discovery;
    let key = "p2p.discovery.dht_bootstrap";
    if let Some(wrong) = discovery.dht_bootstrap.iter().find(|node| !is_host_and_port(node)) {
        report(
            key,
            format!("{wrong:?} is not a host and a port"),
            "it looks like \"dht.example:6881\"; leave the list empty to start from the well-known nodes"
                .into(),
        );
    } else if discovery.dht == DhtPublishing::Off && !discovery.dht_bootstrap.is_empty() {
        report(
            key,
            "is set, but with p2p.discovery.dht = \"off\" the DHT is not used".into(),
            "set p2p.discovery.dht = \"relay-only\", or remove the list".into(),
        );
    }
}

/// `name:port` or `1.2.3.4:port`. The mainline DHT has no IPv6.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
    is_port && matches!(host.parse(), Ok(p2p::Host::Name(_) | p2p::Host::Ip(std::net::IpAddr::V4(_))))
}

fn check_template(config: &Config, report: &mut Report<'_>) {
    if config.template.source == TemplateSource::Embedded && config.network != Network::Regtest {
        report(
            "template.source",
            format!("the embedded chain is regtest, but network is {}", network_name::of(config.network)),
            "set network = \"regtest\", or template.source = \"bitcoin-core\"".into(),
        );
    }
    let all_the_money = bitcoin::Amount::MAX_MONEY.to_sat();
    if config.template.fee_threshold > all_the_money {
        report(
            "template.fee_threshold",
            format!("{} sat is more than there is", config.template.fee_threshold),
            "10000 sat is a good start".into(),
        );
    }
}

fn check_payout(config: &Config, report: &mut Report<'_>) {
    let payout = &config.payout;
    if let Err(error) = pool_tag::check(&payout.pool_tag) {
        report("payout.pool_tag", error.to_string(), "choose a shorter, printable text, or none".into());
    }
    check_rules(config, report);
    if payout.mode != PayoutKind::Fixed && payout.host_fee_ppm == 0 {
        let mode = if payout.mode == PayoutKind::Solo { "solo" } else { "shared" };
        for (key, value) in [("payout.address", &payout.address), ("payout.descriptor", &payout.descriptor)] {
            if value.is_some() {
                report(
                    key,
                    format!(
                        "is set, but with payout.mode = \"{mode}\" each miner is paid at its own address"
                    ),
                    "remove it; or set payout.host_fee_ppm to have a part of each block paid there, or \
                     payout.mode = \"fixed\" to have every block paid there"
                        .into(),
                );
            }
        }
        return;
    }
    match (&payout.address, &payout.descriptor) {
        (Some(_), Some(_)) => report(
            "payout.descriptor",
            "both payout.address and payout.descriptor are set".into(),
            "keep the one that every block shall be paid to".into(),
        ),
        (Some(text), None) => {
            if let Err(error) = address::parse(text, config.network) {
                report("payout.address", error.to_string(), "use an address of your own wallet".into());
            }
        }
        (None, Some(text)) => {
            if let Err(error) = PayoutDescriptor::parse(text, config.network) {
                report(
                    "payout.descriptor",
                    error.to_string(),
                    "use a public descriptor such as wpkh([fingerprint/84h/0h/0h]xpub.../0/*)".into(),
                );
            }
        }
        (None, None) => {
            if let Err(error) = payout::default_address(config.network) {
                report(
                    "payout.address",
                    error.to_string(),
                    "set payout.address (or PUNCHBOWL_PAYOUT__ADDRESS, or --payout-address) to an address of \
                     your wallet, or payout.descriptor, or payout.mode = \"shared\" or payout.mode = \"solo\"; or start `punchbowl pool \
                     --setup` and say it in the browser"
                        .into(),
                );
            }
        }
    }
}

/// What counts where the ledger decides.
fn check_rules(config: &Config, report: &mut Report<'_>) {
    let payout = &config.payout;
    let parts = [
        ("payout.host_fee_ppm", payout.host_fee_ppm),
        ("payout.finder_bonus_ppm", payout.finder_bonus_ppm),
        ("payout.repay_cap_ppm", payout.repay_cap_ppm),
    ];
    for (key, value) in parts.into_iter().filter(|(_, value)| *value > Ppm::ALL.0) {
        report(
            key,
            format!("{value} is more than the whole, which is 1000000 parts in a million"),
            "10000 is one percent".into(),
        );
    }
    let not_for = |set: bool, wanted: bool| set && !wanted;
    let (shared, fixed) = (payout.mode == PayoutKind::Shared, payout.mode == PayoutKind::Fixed);
    let unused = [
        ("payout.host_fee_ppm", not_for(payout.host_fee_ppm > 0, !fixed), "fixed pays all to one address"),
        ("payout.finder_bonus_ppm", not_for(payout.finder_bonus_ppm > 0, shared), "only shared has a bonus"),
        ("payout.window", not_for(payout.window != WindowKind::Round, shared), "only shared has a window"),
        ("payout.aliases", not_for(!payout.aliases.is_empty(), !fixed), "a fixed pool takes any name"),
    ];
    for (key, _, why) in unused.into_iter().filter(|(_, unused, _)| *unused) {
        report(
            key,
            format!("is set, but would do nothing: {why}"),
            "remove it, or change payout.mode".into(),
        );
    }
    let recent = payout.window == WindowKind::Recent;
    let event = payout.window == WindowKind::Event;
    let of_window = [
        ("payout.window_difficulties", payout.window_difficulties.is_some(), recent, "recent"),
        ("payout.window_time", payout.window_time.is_some(), recent, "recent"),
        ("payout.event_start", payout.event_start.is_some(), event, "event"),
        ("payout.event_end", payout.event_end.is_some(), event, "event"),
    ];
    for (key, set, wanted, kind) in of_window {
        if set && !wanted {
            let remedy = format!("set payout.window = \"{kind}\", or remove it");
            report(key, format!("is set, but the window is not \"{kind}\""), remedy);
        } else if event && wanted && !set {
            report(key, "an event has a start and an end".into(), "as in \"2026-12-24T18:00:00Z\"".into());
        }
    }
    if payout.window_difficulties.is_some_and(|k| !(0.001..=1e6).contains(&k)) {
        report(
            "payout.window_difficulties",
            "is not from 0.001 to 1000000".into(),
            "2 counts the work that two blocks take on average".into(),
        );
    }
    let window = payout.rules().window;
    let both_set = !event || (payout.event_start.is_some() && payout.event_end.is_some());
    if let Err(why) = window.check()
        && both_set
        && payout.window_difficulties.is_none()
    {
        let remedy =
            "set payout.window_difficulties, payout.window_time or both; an event starts before it ends";
        report("payout.window", format!("it can never hold anything: {why}"), remedy.into());
    }
    // Room for one output; a quarter of a block.
    const LEAST_WEIGHT: u32 = 400;
    const MOST_WEIGHT: u32 = 240_000;
    if !(LEAST_WEIGHT..=MOST_WEIGHT).contains(&payout.coinbase_weight) {
        report(
            "payout.coinbase_weight",
            format!("{} is not from {LEAST_WEIGHT} to {MOST_WEIGHT}", payout.coinbase_weight),
            "an output takes 124 to 172; 100000 is enough for six to eight hundred".into(),
        );
    }
    if payout.min_payout > bitcoin::Amount::MAX_MONEY.to_sat() {
        report(
            "payout.min_payout",
            format!("{} sat is more than there is", payout.min_payout),
            "5000 sat is worth spending".into(),
        );
    }
    if let Err(fault) = Aliases::new(&payout.aliases, config.network) {
        let remedy = "as in { name = \"ann\", identity = \"bc1q...\" }";
        report("payout.aliases", fault.to_string(), remedy.into());
    }
}

fn check_vardiff(config: &Config, report: &mut Report<'_>) {
    let vardiff = &config.vardiff;
    if !(0.1..=100_000.0).contains(&vardiff.shares_per_minute) {
        report(
            "vardiff.shares_per_minute",
            format!("{} is not from 0.1 to 100000", vardiff.shares_per_minute),
            "6 is usual; more makes hashrates steadier and costs bandwidth".into(),
        );
    }
    let positive = |difficulty: f64| difficulty.is_finite() && difficulty > 0.0;
    if !positive(vardiff.min_difficulty) {
        report(
            "vardiff.min_difficulty",
            format!("{} is not a positive number", vardiff.min_difficulty),
            "0.00001 lets even a CPU miner in".into(),
        );
    }
    if let Some(most) = vardiff.max_difficulty
        && !(positive(most) && most >= vardiff.min_difficulty)
    {
        report(
            "vardiff.max_difficulty",
            format!("{most} is less than vardiff.min_difficulty ({})", vardiff.min_difficulty),
            "raise it, or leave it out for no limit".into(),
        );
    }
}

fn check_limits(config: &Config, report: &mut Report<'_>) {
    let limits = &config.limits;
    let numbers = [
        ("limits.connections", limits.connections, 1, 1_000_000),
        ("limits.connections_per_address", limits.connections_per_address, 1, 1_000_000),
        ("limits.channels_per_connection", limits.channels_per_connection, 1, 1_000_000),
        ("limits.workers_per_channel", limits.workers_per_channel, 0, 100_000),
        ("limits.auditors", limits.auditors, 0, 10_000),
        ("limits.auditors_per_peer", limits.auditors_per_peer, 1, 10_000),
        // The least that holds a SetupConnection with every text at its longest.
        ("limits.frame_bytes", limits.frame_bytes, 2_048, 0xff_ffff),
        ("limits.write_buffer_bytes", limits.write_buffer_bytes, 64 * 1024, 256 * 1024 * 1024),
    ];
    for (key, value, least, most) in numbers {
        if !(least..=most).contains(&value) {
            report(
                key,
                format!("{value} is not from {least} to {most}"),
                "leave it out to get the default".into(),
            );
        }
    }
    let times = [
        ("limits.handshake_timeout", limits.handshake_timeout),
        ("limits.setup_timeout", limits.setup_timeout),
        ("limits.first_channel_timeout", limits.first_channel_timeout),
        ("limits.write_stall_timeout", limits.write_stall_timeout),
        ("limits.ping_interval", limits.ping_interval),
    ];
    for (key, time) in times {
        if time == Seconds::new(0) {
            report(
                key,
                "0 s would disconnect everybody at once".into(),
                "leave it out to get the default".into(),
            );
        }
    }
}

fn check_pings(config: &Config, report: &mut Report<'_>) {
    let limits = &config.limits;
    let (interval, timeout) = (limits.ping_interval.duration(), limits.ping_timeout.duration());
    if timeout < interval * 2 {
        report(
            "limits.ping_timeout",
            format!("{timeout:?} leaves no time for an answer to a ping after {interval:?}"),
            "make it three times limits.ping_interval".into(),
        );
    }
}

fn check_extensions(config: &Config, report: &mut Report<'_>) {
    const KNOWN: [u16; 4] = [0x0001, 0x0002, keep_alive::EXTENSION, audit::EXTENSION];
    let extensions = &config.extensions;
    if let Some(unknown) = extensions.supported.iter().find(|id| !KNOWN.contains(id)) {
        report(
            "extensions.supported",
            format!("Punchbowl does not know extension {unknown:#06x}"),
            "use 0x0001 (negotiation), 0x0002 (worker names), 0x5042 (keep-alive and resume) and 0x5043 (the \
             ledger for members)"
                .into(),
        );
    }
    if !extensions.supported.is_empty() && !extensions.supported.contains(&0x0001) {
        report(
            "extensions.supported",
            "without 0x0001 no other extension can be negotiated".into(),
            "add 0x0001, or leave the list empty".into(),
        );
    }
    if let Some(missing) = extensions.required.iter().find(|id| !extensions.supported.contains(id)) {
        report(
            "extensions.required",
            format!("extension {missing:#06x} is required but not supported"),
            "add it to extensions.supported, or do not require it".into(),
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::config::UtcTime;

    fn wrong_keys(change: impl FnOnce(&mut Config)) -> Vec<&'static str> {
        let mut config = Config { network: Network::Regtest, ..Config::default() };
        change(&mut config);
        let mut keys = Vec::new();
        check(&config, &mut |key, _, _| keys.push(key));
        keys
    }

    #[test]
    fn the_defaults_are_good_on_regtest_and_lack_only_an_address_elsewhere() {
        assert!(wrong_keys(|_| {}).is_empty());
        for network in [Network::Bitcoin, Network::Testnet4, Network::Signet] {
            assert_eq!(wrong_keys(|config| config.network = network), ["payout.address"]);
        }
    }

    #[test]
    fn solo_needs_no_address_on_mainnet_and_takes_none() {
        let solo = |config: &mut Config| {
            config.network = Network::Bitcoin;
            config.payout.mode = PayoutKind::Solo;
        };
        assert!(wrong_keys(solo).is_empty());
        let with_address = |config: &mut Config| {
            solo(config);
            config.payout.address = Some("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".into());
        };
        assert_eq!(wrong_keys(with_address), ["payout.address"]);
    }

    #[test]
    fn shared_needs_an_address_only_for_the_hosts_fee() {
        let shared = |config: &mut Config| {
            config.network = Network::Bitcoin;
            config.payout.mode = PayoutKind::Shared;
        };
        assert!(wrong_keys(shared).is_empty());
        let address = Some("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".to_owned());
        let with = |fee: u32, address: &Option<String>| {
            wrong_keys(|config| {
                shared(config);
                (config.payout.host_fee_ppm, config.payout.address) = (fee, address.clone());
            })
        };
        assert_eq!(with(0, &address), ["payout.address"]);
        assert_eq!(with(10_000, &None), ["payout.address"]);
        assert!(with(10_000, &address).is_empty());
    }

    #[test]
    fn a_window_has_what_belongs_to_it_and_nothing_else() {
        let keys = |window: WindowKind, change: fn(&mut crate::config::Payout)| {
            wrong_keys(|config| {
                (config.payout.mode, config.payout.window) = (PayoutKind::Shared, window);
                change(&mut config.payout);
            })
        };
        assert_eq!(keys(WindowKind::Recent, |_| {}), ["payout.window"]);
        assert!(keys(WindowKind::Recent, |payout| payout.window_difficulties = Some(2.5)).is_empty());
        assert!(keys(WindowKind::Recent, |payout| payout.window_time = Some(Seconds::new(60))).is_empty());
        assert_eq!(
            keys(WindowKind::Round, |payout| payout.window_time = Some(Seconds::new(60))),
            ["payout.window_time"]
        );
        assert_eq!(keys(WindowKind::Event, |_| {}), ["payout.event_start", "payout.event_end"]);
        let event = |payout: &mut crate::config::Payout, from: u64, to: u64| {
            (payout.event_start, payout.event_end) = (Some(UtcTime(from)), Some(UtcTime(to)));
        };
        assert!(
            wrong_keys(|config| {
                (config.payout.mode, config.payout.window) = (PayoutKind::Shared, WindowKind::Event);
                event(&mut config.payout, 1_000, 2_000);
            })
            .is_empty()
        );
        let backwards = wrong_keys(|config| {
            (config.payout.mode, config.payout.window) = (PayoutKind::Shared, WindowKind::Event);
            event(&mut config.payout, 2_000, 1_000);
        });
        assert_eq!(backwards, ["payout.window"]);
    }

    #[test]
    fn what_would_do_nothing_in_a_mode_is_said() {
        let fixed = wrong_keys(|config| {
            config.payout.host_fee_ppm = 1;
            config.payout.finder_bonus_ppm = 1;
            config.payout.window = WindowKind::Event;
            config.payout.event_start = Some(UtcTime(1));
            config.payout.event_end = Some(UtcTime(2));
        });
        assert_eq!(fixed, ["payout.host_fee_ppm", "payout.finder_bonus_ppm", "payout.window"]);
        let too_much = wrong_keys(|config| {
            config.payout.mode = PayoutKind::Shared;
            config.payout.finder_bonus_ppm = 1_000_001;
            config.payout.coinbase_weight = 1;
            config.payout.aliases = vec![crate::config::Alias { name: "ann".into(), identity: "bob".into() }];
        });
        assert_eq!(too_much, ["payout.finder_bonus_ppm", "payout.coinbase_weight", "payout.aliases"]);
    }

    #[test]
    fn a_mainnet_address_on_regtest_is_refused() {
        let change = |config: &mut Config| {
            config.payout.address = Some("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".into());
        };
        assert_eq!(wrong_keys(change), ["payout.address"]);
    }

    #[test]
    fn starting_nodes_of_the_dht_are_hosts_with_ports_and_need_the_dht() {
        for good in ["dht.example:6881", "203.0.113.7:1"] {
            assert!(wrong_keys(|config| config.p2p.discovery.dht_bootstrap = vec![good.into()]).is_empty());
        }
        for wrong in ["dht.example", "dht.example:0", ":6881", "[::1]:6881", "a b:1"] {
            let keys = wrong_keys(|config| config.p2p.discovery.dht_bootstrap = vec![wrong.into()]);
            assert_eq!(keys, ["p2p.discovery.dht_bootstrap"], "{wrong}");
        }
        let off = |config: &mut Config| {
            config.p2p.discovery.dht_bootstrap = vec!["dht.example:6881".into()];
            config.p2p.discovery.dht = DhtPublishing::Off;
        };
        assert_eq!(wrong_keys(off), ["p2p.discovery.dht_bootstrap"]);
    }

    #[test]
    fn the_embedded_chain_is_refused_off_regtest() {
        let change = |config: &mut Config| {
            config.network = Network::Signet;
            config.payout.mode = PayoutKind::Solo;
            config.template.source = TemplateSource::Embedded;
        };
        assert_eq!(wrong_keys(change), ["template.source"]);
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_their_key() {
        let change = |config: &mut Config| {
            config.vardiff.shares_per_minute = f64::NAN;
            config.vardiff.min_difficulty = 0.0;
            config.vardiff.max_difficulty = Some(-1.0);
            config.limits.connections = 0;
            config.limits.frame_bytes = 16;
            config.limits.setup_timeout = Seconds::new(0);
            config.limits.ping_timeout = Seconds::new(1);
            config.extensions.supported = vec![2];
            config.extensions.required = vec![1];
            config.listen.tcp.clear();
            config.authority.certificate_validity = Seconds::new(1);
            config.payout.pool_tag = "x".repeat(101);
            config.p2p.bind = vec!["127.0.0.1:1".parse().unwrap(), "127.0.0.2:1".parse().unwrap()];
            config.p2p.external = vec!["0.0.0.0:1".parse().unwrap()];
            config.p2p.members = vec![p2p::iroh::SecretKey::from_bytes(&[1; 32]).public()];
            config.p2p.connections_per_node = 0;
            config.p2p.relays = vec!["203.0.113.7".parse().unwrap()];
            config.p2p.accept_relays = 5;
            config.p2p.relay.clients = 0;
            config.p2p.relay.bytes_per_second = 1;
            config.p2p.discovery.dht_bootstrap = vec!["dht.example".into()];
        };
        let expected = [
            "payout.pool_tag",
            "vardiff.shares_per_minute",
            "vardiff.min_difficulty",
            "vardiff.max_difficulty",
            "limits.connections",
            "limits.frame_bytes",
            "limits.setup_timeout",
            "limits.ping_timeout",
            "extensions.supported",
            "extensions.required",
            "p2p.bind",
            "p2p.external",
            "p2p.members",
            "p2p.connections_per_node",
            "p2p.relays",
            "p2p.accept_relays",
            "p2p.relay.clients",
            "p2p.relay.bytes_per_second",
            "p2p.discovery.dht_bootstrap",
            "listen.tcp",
            "authority.certificate_validity",
        ];
        assert_eq!(wrong_keys(change), expected);
    }
}
