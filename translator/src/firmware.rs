//! What firmware can take, told by the name that it gives itself.
//!
//! The classes of coinbase size are OCEAN's, the only tested ones; the "15 outputs" that
//! miners know are a limit in bytes of some firmwares. See
//! [`CoinbaseClass::max_coinbase`].

mod table;

use serde::{Deserialize, Serialize};
use table::TABLE;
use work::{Difficulty, HashRate};

/// How large a coinbase a firmware takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoinbaseClass {
    /// NiceHash.
    Tiny,
    /// Stock Antminers up to the S19, and whoever is not known.
    Antminer,
    /// S21, Braiins OS.
    Antminer2,
    /// Whatsminer, Bitaxe: they would take more, but change work slowly then.
    Respectable,
    /// ePIC, vnish's xminer.
    Yuge,
}

impl CoinbaseClass {
    /// Every class, smallest first.
    pub const ALL: [CoinbaseClass; 5] = [
        CoinbaseClass::Tiny,
        CoinbaseClass::Antminer,
        CoinbaseClass::Antminer2,
        CoinbaseClass::Respectable,
        CoinbaseClass::Yuge,
    ];

    /// The largest coinbase in bytes, without its witness.
    pub fn max_coinbase(self) -> usize {
        match self {
            CoinbaseClass::Tiny => 500,
            CoinbaseClass::Antminer => 730,
            CoinbaseClass::Antminer2 => 2_250,
            CoinbaseClass::Respectable => 6_500,
            CoinbaseClass::Yuge => 16_000,
        }
    }

    /// Whether what follows the extranonce must be short, so that payout outputs have to
    /// go before it (an extranonce in an output of its own).
    pub fn wants_short_tail(self) -> bool {
        self == CoinbaseClass::Antminer
    }

    /// Its name, in configuration, passwords and on pages.
    pub fn name(self) -> &'static str {
        match self {
            CoinbaseClass::Tiny => "tiny",
            CoinbaseClass::Antminer => "antminer",
            CoinbaseClass::Antminer2 => "antminer2",
            CoinbaseClass::Respectable => "respectable",
            CoinbaseClass::Yuge => "yuge",
        }
    }

    /// The class of this name.
    pub fn by_name(name: &str) -> Option<CoinbaseClass> {
        CoinbaseClass::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

/// What is known of a firmware.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Firmware {
    /// What people call it.
    pub name: &'static str,
    /// How large a coinbase it takes.
    pub class: CoinbaseClass,
    /// Never easier than this: a rack at a NerdMiner's difficulty would send millions of
    /// shares a second.
    pub min_difficulty: Difficulty,
    /// What such a device hashes, until its shares say better.
    pub hash_rate: HashRate,
}

/// A host's own word on some firmware; counts before the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareRule {
    /// Part of the user agent, in any case.
    pub agent: String,
    /// The class, if it is to be another.
    pub class: Option<CoinbaseClass>,
    /// The least difficulty, if it is to be another.
    pub min_difficulty: Option<f64>,
}

/// A host's own word on one worker; counts before everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerRule {
    /// The name as the miner gives it, worker included, in any case.
    pub worker: String,
    /// Its class.
    pub class: CoinbaseClass,
}

/// What is known of the firmware that calls itself `agent`; `rules` come first.
pub fn classify(agent: &str, rules: &[FirmwareRule]) -> Firmware {
    let agent = agent.to_ascii_lowercase();
    let known = TABLE.iter().find(|row| row.matches(&agent)).map_or(table::UNKNOWN, |row| row.firmware);
    let Some(rule) = rule_for(&agent, rules) else { return known };
    Firmware {
        class: rule.class.unwrap_or(known.class),
        min_difficulty: rule.min_difficulty.map_or(known.min_difficulty, Difficulty),
        ..known
    }
}

/// How large a coinbase an SV2 miner takes that calls itself `agent`; `rules` come first. No
/// text is read there, so the limits of the table, which are those of line buffers, do not
/// apply: only its frames may be small.
pub fn classify_sv2(agent: &str, rules: &[FirmwareRule]) -> CoinbaseClass {
    let known = if takes_small_frames(agent) { CoinbaseClass::Respectable } else { CoinbaseClass::Yuge };
    rule_for(&agent.to_ascii_lowercase(), rules).and_then(|rule| rule.class).unwrap_or(known)
}

/// Whether an SV2 miner that calls itself `agent` has room for frames of 8 192 bytes only
/// (ESP-Miner and what was made of it).
pub fn takes_small_frames(agent: &str) -> bool {
    const SMALL: [&str; 4] = ["esp-miner", "bitaxe", "nerd", "esp32"];
    let agent = agent.to_ascii_lowercase();
    SMALL.iter().any(|name| agent.contains(name))
}

fn rule_for<'a>(agent: &str, rules: &'a [FirmwareRule]) -> Option<&'a FirmwareRule> {
    rules.iter().find(|rule| agent.contains(&rule.agent.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_firmware_is_known_by_the_name_that_it_gives_itself() {
        use CoinbaseClass::{Antminer, Antminer2, Respectable, Tiny, Yuge};
        for (agent, name, class) in [
            ("NiceHash/1.0.0", "NiceHash", Tiny),
            ("Antminer S19j Pro/Fri Dec 1 2023", "Antminer", Antminer),
            ("bmminer/2.0.0", "Antminer", Antminer),
            ("Antminer S21/Wed Mar 6", "Antminer S21", Antminer2),
            ("Antminer S21 Pro/Wed Mar 6", "Antminer", Antminer),
            ("bosminer-plus-tuner/0.2.0-36c56a9363", "Braiins OS", Antminer2),
            ("bOS/boser-openwrt 0.1", "Braiins OS", Antminer2),
            ("whatsminer/v1.0", "Whatsminer", Respectable),
            ("bitaxe/BM1370/v2.9.0", "Bitaxe", Respectable),
            ("bitaxe BM1366", "Bitaxe", Respectable),
            ("NerdQAxe++/v1.0.30", "NerdQAxe", Respectable),
            ("PowerPlay-BM/0.1.0", "ePIC", Yuge),
            ("xminer-1.2.6", "vnish", Yuge),
            ("NerdMinerV2/1.8.0", "NerdMiner", Respectable),
            ("cpuminer/2.5.1", "CPU miner", Respectable),
            ("cpuminer-opt/24.5", "CPU miner", Respectable),
            ("cgminer/4.11.1", "cgminer", Antminer),
            ("Avalon A1566", "Avalon", Antminer),
            ("MRR/1.0 (MiningRigRentals)", "Mining Rig Rentals", Tiny),
            ("", "unknown", Antminer),
            ("something new", "unknown", Antminer),
        ] {
            let firmware = classify(agent, &[]);
            assert_eq!((firmware.name, firmware.class), (name, class), "{agent}");
        }
    }

    #[test]
    fn only_devices_that_cannot_do_better_go_below_difficulty_one() {
        for agent in ["NerdMinerV2", "cpuminer/2.5"] {
            assert!(classify(agent, &[]).min_difficulty < Difficulty(1.0), "{agent}");
        }
        for agent in ["", "cgminer/4.11", "bitaxe", "Antminer S19"] {
            assert!(classify(agent, &[]).min_difficulty >= Difficulty(1.0), "{agent}");
        }
        assert_eq!(classify("NiceHash/1", &[]).min_difficulty, Difficulty(524_288.0));
    }

    #[test]
    fn the_hosts_rules_come_first() {
        let rule = FirmwareRule {
            agent: "BITAXE".into(),
            class: Some(CoinbaseClass::Yuge),
            min_difficulty: Some(256.0),
        };
        let firmware = classify("bitaxe/BM1370", &[rule]);
        assert_eq!((firmware.name, firmware.class), ("Bitaxe", CoinbaseClass::Yuge));
        assert_eq!(firmware.min_difficulty, Difficulty(256.0));
        assert_eq!(classify("cgminer", &[]).class, CoinbaseClass::Antminer);
    }

    #[test]
    fn an_sv2_miner_with_small_frames_is_known_by_its_name_and_others_take_the_most() {
        for agent in ["ESP-Miner 2.9", "bitaxe Gamma 601", "NerdQAxe++", "maker esp32-s3"] {
            assert_eq!(classify_sv2(agent, &[]), CoinbaseClass::Respectable, "{agent}");
        }
        for agent in ["", "Antminer S19 bosminer", "some proxy"] {
            assert_eq!(classify_sv2(agent, &[]), CoinbaseClass::Yuge, "{agent}");
        }
        let rule =
            FirmwareRule { agent: "Gamma".into(), class: Some(CoinbaseClass::Tiny), min_difficulty: None };
        assert_eq!(classify_sv2("bitaxe gamma", &[rule]), CoinbaseClass::Tiny);
        // A coinbase of this class fits into such a frame, with what stands beside it.
        assert!(CoinbaseClass::Respectable.max_coinbase() + 1_000 < 8_192);
    }

    #[test]
    fn classes_are_found_by_name_and_grow() {
        for class in CoinbaseClass::ALL {
            assert_eq!(CoinbaseClass::by_name(&class.name().to_uppercase()), Some(class));
        }
        assert!(CoinbaseClass::ALL.is_sorted_by_key(|class| class.max_coinbase()));
        assert_eq!(CoinbaseClass::by_name("huge"), None);
    }
}
