//! What Home Assistant is told of the pool and of each worker: pure logic.
//!
//! Of workers, so many are told of as there are places. One keeps its place when it goes
//! offline; when all places are taken and a new one comes, the one that has been away longest
//! makes room.

use super::rates::{Rate, Rates};
use crate::notify::View;
use crate::notify::view::WorkerView;
use crate::status::StatusSnapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Everybody who has a place.
#[derive(Debug)]
pub struct Standings {
    places: usize,
    workers: BTreeMap<String, Place>,
    rates: Rates,
    pool: Rate,
    at: Option<Instant>,
}

#[derive(Debug)]
struct Place {
    last_seen: Instant,
    online: bool,
    shown: WorkerView,
}

/// What has changed since the last look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Workers that have a place from now on.
    pub come: Vec<String>,
    /// Workers that have none any more.
    pub gone: Vec<String>,
}

impl Standings {
    /// So many workers are told of at most.
    pub fn new(places: usize) -> Standings {
        Standings {
            places,
            workers: BTreeMap::new(),
            rates: Rates::default(),
            pool: Rate::default(),
            at: None,
        }
    }

    /// Takes note of `view`, and of the sum of all credited difficulties.
    pub fn look(&mut self, now: Instant, view: &View, difficulty: f64) -> Changes {
        let passed = self.at.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.pool.look(difficulty, passed);
        let mut changes = Changes::default();
        for (name, place) in &mut self.workers {
            place.online = view.workers.contains_key(name);
        }
        for (name, worker) in &view.workers {
            if !self.workers.contains_key(name) {
                if !self.make_room(&mut changes) {
                    continue;
                }
                changes.come.push(name.clone());
            }
            self.workers.insert(name.clone(), Place { last_seen: now, online: true, shown: *worker });
        }
        let workers = &self.workers;
        self.rates.look(now, view.workers.iter().filter(|(name, _)| workers.contains_key(*name)));
        changes
    }

    fn make_room(&mut self, changes: &mut Changes) -> bool {
        if self.workers.len() < self.places {
            return true;
        }
        let away = self.workers.iter().filter(|(_, place)| !place.online);
        let Some((name, _)) = away.min_by_key(|(_, place)| place.last_seen) else { return false };
        let name = name.clone();
        self.workers.remove(&name);
        changes.gone.push(name);
        true
    }

    /// Everybody who has a place.
    pub fn workers(&self) -> impl Iterator<Item = &str> {
        self.workers.keys().map(String::as_str)
    }

    /// The state of a worker, as it is published.
    pub fn worker_state(&self, name: &str) -> Value {
        let place = self.workers.get(name);
        let shown = place.map(|place| place.shown).unwrap_or_default();
        json!({
            "online": on(place.is_some_and(|place| place.online)),
            "hashrate": terahashes(self.rates.of(name).0),
            "accepted": shown.accepted,
            "rejected": shown.rejected,
        })
    }

    /// The state of the pool, as it is published.
    pub fn pool_state(&self, status: &StatusSnapshot, view: &View) -> Value {
        let blocks = status.blocks.iter().filter(|block| block.accepted);
        let last = blocks.clone().map(|block| block.found_at).max();
        json!({
            "mining": on(status.serving && view.source_trouble.is_none()),
            "node_problem": on(view.source_trouble.is_some()),
            "ledger_problem": on(view.ledger != crate::notify::view::LedgerView::Working || view.ledger_wrong.is_some()),
            "hashrate": terahashes(self.pool.rate().0),
            "workers": view.workers.len(),
            "accepted": view.shares.0,
            "rejected": view.shares.1,
            "blocks": status.block_counts.accepted,
            "last_block": last.map(rfc3339),
            "height": view.template.map(|(height, _)| height),
            "template_age": view.template.map(|(_, age)| age.as_secs()),
            "fees": status.template.as_ref().map(|template| template.fees),
        })
    }
}

fn on(yes: bool) -> &'static str {
    if yes { "ON" } else { "OFF" }
}

/// With six digits that mean something.
fn terahashes(rate: f64) -> f64 {
    let rate = rate / 1e12;
    format!("{rate:.5e}").parse().unwrap_or(rate)
}

/// Seconds since the Unix epoch, as Home Assistant wants them.
fn rfc3339(seconds: u64) -> String {
    // Howard Hinnant's days-to-civil, for dates after 1970.
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn view(names: &[&str]) -> View {
        let worker = WorkerView { accepted: 3, rejected: 1, difficulty: 2.0 };
        View { workers: names.iter().map(|name| ((*name).to_owned(), worker)).collect(), ..View::default() }
    }

    #[test]
    fn a_worker_that_leaves_keeps_its_place_until_somebody_needs_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut standings = Standings::new(2);
        assert_eq!(standings.look(at(0), &view(&["a", "b"]), 0.0).come, ["a", "b"]);
        assert_eq!(standings.look(at(1), &view(&["b"]), 0.0), Changes::default());
        assert_eq!(standings.worker_state("a")["online"], "OFF");
        assert_eq!(standings.worker_state("a")["accepted"], 3);
        let changes = standings.look(at(2), &view(&["b", "c"]), 0.0);
        assert_eq!((changes.come, changes.gone), (vec!["c".to_owned()], vec!["a".to_owned()]));
    }

    #[test]
    fn where_all_places_are_taken_by_workers_that_mine_nobody_else_is_told_of() {
        let now = Instant::now();
        let mut standings = Standings::new(2);
        standings.look(now, &view(&["a", "b"]), 0.0);
        assert_eq!(standings.look(now, &view(&["a", "b", "c", "d"]), 0.0), Changes::default());
        assert_eq!(standings.workers().count(), 2);
    }

    #[test]
    fn times_are_written_as_calendars_have_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00+00:00");
        // The genesis block, and a leap day.
        assert_eq!(rfc3339(1_231_006_505), "2009-01-03T18:15:05+00:00");
        assert_eq!(rfc3339(1_709_251_199), "2024-02-29T23:59:59+00:00");
    }
}
