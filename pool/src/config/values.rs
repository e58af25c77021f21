//! The kinds of value that a key can have, beyond numbers and text.
//!
//! Each says in its error how a right value looks.

use p2p::{Host, RelayHint};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// A path in which a leading `~/` means the home folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HomePath(String);

impl HomePath {
    /// From the text as the host wrote it.
    pub fn new(text: impl Into<String>) -> HomePath {
        HomePath(text.into())
    }

    /// The path, `~/` replaced by `$HOME` where that is set.
    pub fn to_path(&self) -> PathBuf {
        self.to_path_in(std::env::home_dir().as_deref())
    }

    /// The same for a given home folder.
    pub fn to_path_in(&self, home: Option<&Path>) -> PathBuf {
        match (self.0.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(&self.0),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A time in seconds; fractions are fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Duration);

impl Seconds {
    const MAX: f64 = 1e9;

    /// Whole seconds.
    pub const fn new(seconds: u64) -> Seconds {
        Seconds(Duration::from_secs(seconds))
    }

    /// As a [`Duration`].
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            self.0.as_secs().serialize(out)
        } else {
            self.0.as_secs_f64().serialize(out)
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Seconds, D::Error> {
        let seconds = f64::deserialize(input)?;
        if !(0.0..=Seconds::MAX).contains(&seconds) {
            return Err(D::Error::custom(format!("{seconds} is not a time in seconds from 0 to 1000000000")));
        }
        Ok(Seconds(Duration::from_secs_f64(seconds)))
    }
}

/// A moment, in seconds since the Unix epoch; written `2026-12-24T18:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcTime(pub u64);

impl UtcTime {
    /// Days before the year 1970 in the proleptic Gregorian calendar, counted from a March 1st.
    const EPOCH_DAYS: u64 = 719_468;

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`; seconds may be left out.
    pub fn parse(text: &str) -> Option<UtcTime> {
        let (date, time) = text.trim().strip_suffix(['Z', 'z'])?.split_once(['T', 't', ' '])?;
        let [year, month, day] = numbers(date, '-')?;
        let full = if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() };
        let [hour, minute, second] = numbers(&full, ':')?;
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        if day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Years that begin in March have their leap day at the end.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
        Some(UtcTime((days - UtcTime::EPOCH_DAYS) * 86_400 + hour * 3_600 + minute * 60 + second))
    }
}

/// Three numbers of digits alone.
fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400 + UtcTime::EPOCH_DAYS, self.0 % 86_400);
        // Eras of 400 years have the same number of days each.
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = (
            era * 400 + year_of_era + u64::from(month >= 10),
            if month < 10 { month + 3 } else { month - 9 },
        );
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<UtcTime, D::Error> {
        let text = String::deserialize(input)?;
        UtcTime::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a time in UTC such as \"2026-12-24T18:00:00Z\""))
        })
    }
}

/// Where HTTP listens, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpListen {
    /// No HTTP.
    Off,
    /// This address; port 0 lets the system choose.
    On(SocketAddr),
}

impl HttpListen {
    /// The address, if HTTP is on.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            HttpListen::Off => None,
            HttpListen::On(address) => Some(address),
        }
    }
}

impl Serialize for HttpListen {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            HttpListen::Off => "off".serialize(out),
            HttpListen::On(address) => address.to_string().serialize(out),
        }
    }
}

impl<'de> Deserialize<'de> for HttpListen {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<HttpListen, D::Error> {
        let text = String::deserialize(input)?;
        if text.eq_ignore_ascii_case("off") {
            return Ok(HttpListen::Off);
        }
        text.parse().map(HttpListen::On).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is neither an IP address and port such as 127.0.0.1:8080 nor \"off\""
            ))
        })
    }
}

/// A compact target as it stands in a header, written as eight hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nbits(pub u32);

impl Serialize for Nbits {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        format!("{:08x}", self.0).serialize(out)
    }
}

impl<'de> Deserialize<'de> for Nbits {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Nbits, D::Error> {
        let text = String::deserialize(input)?;
        let refused = || D::Error::custom(format!("`{text}` is not eight hex digits such as \"207fffff\""));
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refused());
        }
        u32::from_str_radix(&text, 16).map(Nbits).map_err(|_| refused())
    }
}

/// Chains by the names that people use.
pub mod network_name {
    use super::*;
    use template_provider::Network;

    const NAMES: [(&str, Network); 4] = [
        ("mainnet", Network::Bitcoin),
        ("testnet4", Network::Testnet4),
        ("signet", Network::Signet),
        ("regtest", Network::Regtest),
    ];

    /// The name of a chain as it stands in the configuration.
    pub fn of(network: Network) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == network).map_or("testnet3", |(name, _)| name)
    }

    pub(in crate::config) fn serialize<S: Serializer>(network: &Network, out: S) -> Result<S::Ok, S::Error> {
        of(*network).serialize(out)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Network, D::Error> {
        let text = String::deserialize(input)?;
        NAMES.iter().find(|(name, _)| *name == text).map(|(_, network)| *network).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not one of mainnet, testnet4, signet, regtest"))
        })
    }
}

pub(super) mod listen_addresses {
    use super::*;

    pub fn serialize<S: Serializer>(addresses: &[SocketAddr], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(addresses.iter().map(SocketAddr::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<SocketAddr>, D::Error> {
        let texts = Vec::<String>::deserialize(input)?;
        texts
            .iter()
            .map(|text| {
                text.parse().map_err(|_| {
                    D::Error::custom(format!(
                        "`{text}` is not an IP address and port such as 0.0.0.0:34254 or [::]:34254"
                    ))
                })
            })
            .collect()
    }
}

pub(super) mod node_ids {
    use super::*;
    use p2p::{NodeId, identity::parse_node_id};

    pub fn serialize<S: Serializer>(ids: &[NodeId], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(ids.iter().map(NodeId::to_z32))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<NodeId>, D::Error> {
        let texts = Vec::<String>::deserialize(input)?;
        texts.iter().map(|text| parse_node_id(text).map_err(D::Error::custom)).collect()
    }
}

pub(super) mod public_relays {
    use super::*;
    use p2p::iroh::PublicRelays;

    pub fn serialize<S: Serializer>(relays: &[PublicRelays], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(relays.iter().map(|relays| relays.name()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<PublicRelays>, D::Error> {
        let texts = Vec::<String>::deserialize(input)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

pub(super) mod relay_hints {
    use super::*;

    pub fn serialize<S: Serializer>(relays: &[RelayHint], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(relays.iter().map(RelayHint::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<RelayHint>, D::Error> {
        let texts = Vec::<String>::deserialize(input)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// Where others reach something on this machine: a host, and a port where it is another
/// one than is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPlace {
    /// The machine, as the world knows it.
    pub host: Host,
    /// The port, where it is forwarded from another one.
    pub port: Option<u16>,
}

impl FromStr for PublicPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<PublicPlace, String> {
        let read = |text: &str| text.parse::<RelayHint>().ok().filter(|_| !text.contains(','));
        // What can still take a port has none.
        match (read(&format!("{text}:1")), read(text)) {
            (Some(place), _) => Ok(PublicPlace { host: place.host, port: None }),
            (None, Some(place)) => Ok(PublicPlace { host: place.host, port: Some(place.port) }),
            (None, None) => Err(format!(
                "`{text}` is not a host such as 203.0.113.7, relay.example or relay.example:8443"
            )),
        }
    }
}

impl fmt::Display for PublicPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Serialize for PublicPlace {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicPlace {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<PublicPlace, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_and_read_back() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:01Z", 951_825_601),
            ("2026-12-24T18:00:00Z", 1_798_135_200),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(UtcTime::parse(text), Some(UtcTime(seconds)), "{text}");
            assert_eq!(UtcTime(seconds).to_string(), text);
        }
        assert_eq!(UtcTime::parse("2026-12-24 18:00Z"), Some(UtcTime(1_798_135_200)));
        for wrong in [
            "",
            "2026-12-24",
            "2026-12-24T18:00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-12-24T24:00:00Z",
            "2026-12-24T18:00:00+01:00",
            "+026-12-24T18:00:00Z",
        ] {
            assert_eq!(UtcTime::parse(wrong), None, "{wrong}");
        }
        let days = (0..150_000u64).map(|day| UtcTime(day * 86_400 + 3_723));
        days.for_each(|time| assert_eq!(UtcTime::parse(&time.to_string()), Some(time)));
    }

    #[test]
    fn a_tilde_means_the_home_folder_and_only_at_the_start() {
        let home = Some(Path::new("/home/ann"));
        assert_eq!(HomePath::new("~/.bitcoin").to_path_in(home), Path::new("/home/ann/.bitcoin"));
        assert_eq!(HomePath::new("/srv/~/x").to_path_in(home), Path::new("/srv/~/x"));
        assert_eq!(HomePath::new("~/x").to_path_in(None), Path::new("~/x"));
    }

    #[test]
    fn seconds_may_be_fractions_but_not_negative_or_endless() {
        let half: Seconds = serde_json::from_str("0.5").unwrap();
        assert_eq!(half.duration(), Duration::from_millis(500));
        assert!(serde_json::from_str::<Seconds>("-1").is_err());
        assert!(serde_json::from_str::<Seconds>("1e300").is_err());
    }

    #[test]
    fn nbits_is_eight_hex_digits_and_nothing_else() {
        assert_eq!(serde_json::from_str::<Nbits>("\"1d00ffff\"").unwrap(), Nbits(0x1d00_ffff));
        for wrong in ["\"+1d00fff\"", "\"1d00ff\"", "\"0x1d00ffff\"", "\"\"", "\"ééé\""] {
            assert!(serde_json::from_str::<Nbits>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_member_is_a_whole_node_id() {
        let id = p2p::iroh::SecretKey::from_bytes(&[1; 32]).public();
        let read = |text: String| node_ids::deserialize(&serde_json::json!([text]));
        assert_eq!(read(id.to_z32()).unwrap(), [id]);
        let error = read(id.to_z32()[..51].to_owned()).unwrap_err().to_string();
        assert!(error.contains("is not a node id"), "{error}");
    }

    #[test]
    fn a_public_place_keeps_its_port_only_where_it_was_said() {
        let read = |text: &str| text.parse::<PublicPlace>().map(|place| (place.to_string(), place.port));
        for (text, port) in [
            ("203.0.113.7", None),
            ("203.0.113.7:443", Some(443)),
            ("relay.example:8443", Some(8443)),
            ("[2001:db8::7]", None),
            ("[2001:db8::7]:443", Some(443)),
        ] {
            assert_eq!(read(text), Ok((text.to_owned(), port)));
        }
        for wrong in ["", "a b", "relay.example,ca", "1.2.3.4:0", "1.2.3.4:99999", "https://x/"] {
            assert!(read(wrong).unwrap_err().contains("is not a host"), "{wrong}");
        }
    }
}
