//! MQTT discovery: what makes Home Assistant show an entity. One retained message each.
//!
//! See "MQTT discovery" in Home Assistant's documentation. Ids are made from the pool's key and
//! the worker's name, so that they are the same after a restart and unique on a broker that
//! several pools use.

use bitcoin::hashes::{Hash, sha256};
use serde_json::{Map, Value, json};

/// Where everything of one pool stands on the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Home Assistant's, usually `homeassistant`.
    prefix: String,
    /// `<topic>/<pool>`.
    base: String,
    pool: String,
}

/// A message on the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What; empty to remove it.
    pub payload: String,
}

impl Topics {
    /// Of the pool with this authority key.
    pub fn new(prefix: &str, topic: &str, authority: &[u8]) -> Topics {
        let pool = format!("punchbowl_{}", id(authority));
        Topics { prefix: prefix.to_owned(), base: format!("{topic}/{}", id(authority)), pool }
    }

    /// The pool's id.
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// `online` or `offline`.
    pub fn availability(&self) -> String {
        format!("{}/availability", self.base)
    }

    /// The pool's state.
    pub fn pool_state(&self) -> String {
        format!("{}/state", self.base)
    }

    /// A worker's state.
    pub fn worker_state(&self, name: &str) -> String {
        format!("{}/worker/{}/state", self.base, id(name.as_bytes()))
    }

    /// Home Assistant says here that it has started.
    pub fn birth(&self) -> String {
        format!("{}/status", self.prefix)
    }

    /// Everything of the pool itself, called `name`.
    pub fn pool_entities(&self, name: &str) -> Vec<Message> {
        let device = json!({
            "identifiers": [self.pool],
            "name": name,
            "manufacturer": "Punchbowl",
            "model": "Mining pool",
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        POOL.iter().map(|entity| self.entity(entity, &self.pool, &self.pool_state(), &device)).collect()
    }

    /// Everything of a worker.
    pub fn worker_entities(&self, name: &str) -> Vec<Message> {
        let object = format!("{}_{}", self.pool, id(name.as_bytes()));
        let device = json!({
            "identifiers": [object],
            "name": name,
            "manufacturer": "Punchbowl",
            "model": "Worker",
            "via_device": self.pool,
        });
        WORKER.iter().map(|entity| self.entity(entity, &object, &self.worker_state(name), &device)).collect()
    }

    /// What takes a worker off the broker, state included.
    pub fn forget_worker(&self, name: &str) -> Vec<Message> {
        let entities = self.worker_entities(name).into_iter().map(|message| message.topic);
        let topics = entities.chain([self.worker_state(name)]);
        topics.map(|topic| Message { topic, payload: String::new() }).collect()
    }

    fn entity(&self, entity: &Entity, object: &str, state: &str, device: &Value) -> Message {
        let Entity { component, key, name, more } = entity;
        let unique = format!("{object}_{key}");
        let mut config = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("unique_id".to_owned(), json!(unique)),
            ("object_id".to_owned(), json!(unique)),
            ("state_topic".to_owned(), json!(state)),
            ("value_template".to_owned(), json!(format!("{{{{ value_json.{key} }}}}"))),
            ("availability_topic".to_owned(), json!(self.availability())),
            ("device".to_owned(), device.clone()),
            ("origin".to_owned(), json!({"name": "Punchbowl", "sw_version": env!("CARGO_PKG_VERSION")})),
        ]);
        config.extend(more.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
        Message {
            topic: format!("{}/{component}/{object}/{key}/config", self.prefix),
            payload: Value::Object(config).to_string(),
        }
    }
}

struct Entity {
    component: &'static str,
    key: &'static str,
    name: &'static str,
    more: &'static [(&'static str, &'static str)],
}

const fn entity(
    component: &'static str,
    key: &'static str,
    name: &'static str,
    more: &'static [(&'static str, &'static str)],
) -> Entity {
    Entity { component, key, name, more }
}

const HASHRATE: Entity = entity(
    "sensor",
    "hashrate",
    "Hashrate",
    &[("unit_of_measurement", "TH/s"), ("state_class", "measurement"), ("icon", "mdi:gauge")],
);
const ACCEPTED: Entity = entity(
    "sensor",
    "accepted",
    "Accepted shares",
    &[("state_class", "total_increasing"), ("icon", "mdi:check")],
);
const REJECTED: Entity = entity(
    "sensor",
    "rejected",
    "Refused shares",
    &[("state_class", "total_increasing"), ("icon", "mdi:close")],
);

const POOL: [Entity; 12] = [
    entity("binary_sensor", "mining", "Mining", &[("device_class", "running")]),
    entity("binary_sensor", "node_problem", "Node", &[("device_class", "problem")]),
    entity("binary_sensor", "ledger_problem", "Ledger", &[("device_class", "problem")]),
    HASHRATE,
    ACCEPTED,
    REJECTED,
    entity("sensor", "workers", "Workers", &[("state_class", "measurement"), ("icon", "mdi:pickaxe")]),
    entity(
        "sensor",
        "blocks",
        "Blocks found",
        &[("state_class", "total_increasing"), ("icon", "mdi:cube-outline")],
    ),
    entity("sensor", "last_block", "Last block", &[("device_class", "timestamp")]),
    entity("sensor", "height", "Template height", &[("icon", "mdi:counter")]),
    entity(
        "sensor",
        "template_age",
        "Template age",
        &[("device_class", "duration"), ("unit_of_measurement", "s")],
    ),
    entity("sensor", "fees", "Template fees", &[("unit_of_measurement", "sat"), ("icon", "mdi:bitcoin")]),
];

const WORKER: [Entity; 4] = [
    entity("binary_sensor", "online", "Online", &[("device_class", "connectivity")]),
    HASHRATE,
    ACCEPTED,
    REJECTED,
];

/// Twelve hex digits that stand for `bytes` in topics, where few letters are allowed.
fn id(bytes: &[u8]) -> String {
    sha256::Hash::hash(bytes).to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::collections::BTreeSet;

    fn topics() -> Topics {
        Topics::new("homeassistant", "punchbowl", &[1; 32])
    }

    #[test]
    fn every_entity_has_an_id_of_its_own_and_belongs_to_a_device() {
        let topics = topics();
        let names = ["ann.rig/1", "ann.rig 1", "+#", "é"];
        let mut messages = topics.pool_entities("Meetup");
        names.iter().for_each(|name| messages.extend(topics.worker_entities(name)));
        let configs: Vec<Value> =
            messages.iter().map(|message| serde_json::from_str(&message.payload).unwrap()).collect();
        let ids: BTreeSet<&str> =
            configs.iter().map(|config| config["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), POOL.len() + names.len() * WORKER.len());
        for (message, config) in messages.iter().zip(&configs) {
            // Home Assistant takes [a-zA-Z0-9_-] alone; and no wildcard may be in a topic.
            let safe = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
            assert!(message.topic.chars().all(safe), "{}", message.topic);
            assert_eq!(message.topic.split('/').count(), 5, "{}", message.topic);
            assert!(config["device"]["identifiers"][0].is_string());
            assert_eq!(config["availability_topic"], topics.availability());
        }
    }

    #[test]
    fn a_worker_is_forgotten_by_emptying_all_that_stands_of_it() {
        let topics = topics();
        let forgotten = topics.forget_worker("a");
        assert_eq!(forgotten.len(), WORKER.len() + 1);
        assert!(forgotten.iter().all(|message| message.payload.is_empty()));
        assert!(forgotten.iter().any(|message| message.topic == topics.worker_state("a")));
    }

    #[test]
    fn two_pools_on_one_broker_do_not_meet() {
        let other = Topics::new("homeassistant", "punchbowl", &[2; 32]);
        assert_ne!(topics().availability(), other.availability());
        assert_ne!(topics().worker_entities("a"), other.worker_entities("a"));
    }
}
