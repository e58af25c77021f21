//! `[home_assistant]`: the pool and its workers in Home Assistant, over MQTT.

use super::check::Report;
use super::notify::{SecretError, secret};
use super::values::{HomePath, Seconds};
use crate::roots::Roots;
use serde::{Deserialize, Serialize};

/// `[home_assistant]`: the pool and its workers in Home Assistant, over MQTT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HomeAssistant {
    /// The MQTT broker.
    pub broker: Option<String>,
    /// Who the pool is there.
    pub username: Option<String>,
    /// And its password.
    pub password: Option<String>,
    /// A file that holds the password.
    pub password_file: Option<HomePath>,
    /// Which certificates of a broker that speaks TLS are believed.
    pub roots: Roots,
    /// Where Home Assistant looks for new things.
    pub discovery_prefix: String,
    /// Where states are put.
    pub topic: String,
    /// Workers that are told of at most.
    pub workers: u32,
    /// How often.
    pub interval: Seconds,
}

impl Default for HomeAssistant {
    fn default() -> HomeAssistant {
        HomeAssistant {
            broker: None,
            username: None,
            password: None,
            password_file: None,
            roots: Roots::Mozilla,
            discovery_prefix: "homeassistant".into(),
            topic: "punchbowl".into(),
            workers: 32,
            interval: Seconds::new(10),
        }
    }
}

impl HomeAssistant {
    /// The password, from its file where that is named.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn password(&self) -> Result<Option<String>, SecretError> {
        secret(&self.password, "home_assistant.password_file", self.password_file.as_ref())
    }
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub sealed: bool,
}

/// Of `mqtt://host[:port]`, or `mqtts://` over TLS.
pub fn address(broker: &str) -> Option<Address> {
    let (scheme, rest) = broker.split_once("://")?;
    let (sealed, usual) = match scheme {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        _ => return None,
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port != 0)?),
        _ => (rest, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
    (!host.is_empty() && host.chars().all(is_host)).then(|| Address { host: host.to_owned(), port, sealed })
}

/// Reports everything that is wrong with `config`.
pub(super) fn check(config: &HomeAssistant, report: &mut Report<'_>) {
    if config.broker.as_ref().is_some_and(|broker| address(broker).is_none()) {
        report(
            "home_assistant.broker",
            "is not the address of an MQTT broker".into(),
            "it looks like mqtt://homeassistant.local:1883, or mqtts://... over TLS".into(),
        );
    }
    if config.password.is_some() && config.password_file.is_some() {
        report(
            "home_assistant.password",
            "both home_assistant.password and home_assistant.password_file are set".into(),
            "keep one of them".into(),
        );
    }
    for (key, topic) in [
        ("home_assistant.discovery_prefix", &config.discovery_prefix),
        ("home_assistant.topic", &config.topic),
    ] {
        let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "_-/".contains(letter);
        if topic.is_empty() || topic.len() > 100 || !topic.chars().all(is_safe) {
            report(
                key,
                format!("{topic:?} is not an MQTT topic"),
                "use letters, digits, _, - and /; leave it out to get the default".into(),
            );
        }
    }
    if config.workers > 500 {
        report(
            "home_assistant.workers",
            format!("{} is more than 500", config.workers),
            "each worker is four entities; 32 suits most".into(),
        );
    }
    if config.interval < Seconds::new(1) {
        report(
            "home_assistant.interval",
            "is less than a second".into(),
            "10 s is often enough; Home Assistant keeps every change".into(),
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_broker_is_a_host_and_perhaps_a_port() {
        for (text, host, port, sealed) in [
            ("mqtt://homeassistant.local", "homeassistant.local", 1883, false),
            ("mqtt://192.168.1.9:1884/", "192.168.1.9", 1884, false),
            ("mqtt://[::1]:1", "::1", 1, false),
            ("mqtts://[::1]", "::1", 8883, true),
        ] {
            assert_eq!(address(text), Some(Address { host: host.to_owned(), port, sealed }), "{text}");
        }
        for wrong in ["x", "https://x", "mqtt://", "mqtt://a b", "mqtt://x:0", "mqtt://x:y", "mqtt://u@x"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        let config = HomeAssistant {
            broker: Some("x".into()),
            password: Some("x".into()),
            password_file: Some(HomePath::new("/x")),
            discovery_prefix: "a/#".into(),
            topic: String::new(),
            workers: 501,
            interval: Seconds::new(0),
            ..HomeAssistant::default()
        };
        let mut keys = Vec::new();
        check(&config, &mut |key, _, _| keys.push(key));
        let expected = ["broker", "password", "discovery_prefix", "topic", "workers", "interval"];
        assert_eq!(keys, expected.map(|key| format!("home_assistant.{key}")));
    }
}
