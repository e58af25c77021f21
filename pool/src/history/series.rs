//! Shares of one member, worker or pool over the last week, in four grains: ten seconds, a
//! minute, ten minutes, an hour. Some six kilobytes where shares never stop, next to
//! nothing where there are few.

use super::rate::{Rate, Sum, Windows};
use crate::described;
use crate::described::{Described, Schemas};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Shares over time.
#[derive(Clone, Debug)]
pub struct Series {
    levels: [Level; 4],
    /// When the first share came, seconds since the Unix epoch.
    first: Option<u64>,
    /// Difficulty of the newest share.
    newest: f32,
}

#[derive(Clone, Debug)]
struct Level {
    grain: Grain,
    /// Only those with shares, oldest first.
    buckets: VecDeque<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Grain {
    seconds: u64,
    keep: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Which it is, counted in grains since the Unix epoch.
    place: u32,
    shares: u32,
    work: f32,
    squares: f32,
}

/// How far back a chart reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// An hour, by the minute.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// A day, in steps of ten minutes.
    #[serde(rename = "1d")]
    Day,
    /// A week, by the hour.
    #[serde(rename = "7d")]
    Week,
}

/// What a chart shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Seconds between two points.
    pub step: u64,
    /// Seconds that it reaches back.
    pub span: u64,
    /// The points, oldest first.
    pub points: Vec<Point>,
}

described! {
    /// One point of a chart.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    pub struct Point {
        /// Where its step begins, seconds since the Unix epoch.
        pub time: u64,
        /// The rate in that step.
        #[serde(flatten)]
        pub rate: Rate,
    }
}

const GRAINS: [Grain; 4] = [
    Grain { seconds: 10, keep: 36 },
    Grain { seconds: 60, keep: 66 },
    Grain { seconds: 600, keep: 150 },
    Grain { seconds: 3600, keep: 172 },
];

const MINUTE: u64 = 60;
/// For so long the finest grain is kept.
const MINUTES_IN_DETAIL: u64 = 5 * MINUTE;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// No share older than this is needed.
pub const REACH: u64 = 7 * DAY;

impl Default for Series {
    fn default() -> Series {
        Series {
            levels: GRAINS.map(|grain| Level { grain, buckets: VecDeque::new() }),
            first: None,
            newest: 0.0,
        }
    }
}

impl Series {
    /// Adds `count` shares of `difficulty` each that came at `at`. Times never go back.
    pub fn add(&mut self, at: u64, count: u32, difficulty: f64) {
        let difficulty = difficulty as f32;
        self.first.get_or_insert(at);
        self.newest = difficulty;
        self.levels.iter_mut().for_each(|level| level.add(at, count, difficulty));
    }

    /// The rates over the usual windows up to `now`.
    pub fn windows(&self, now: u64) -> Windows {
        Windows {
            m1: self.rate(now, MINUTE),
            m5: self.rate(now, 5 * MINUTE),
            h1: self.rate(now, HOUR),
            h6: self.rate(now, 6 * HOUR),
            d1: self.rate(now, DAY),
            d7: self.rate(now, 7 * DAY),
        }
    }

    /// The rate over the last `window` seconds, or since the first share where that is less.
    pub fn rate(&self, now: u64, window: u64) -> Rate {
        let Some(first) = self.first else { return Rate::default() };
        let age = now.saturating_sub(first);
        // Who has mined for ten seconds has not mined for an hour; but a rate over no time is none.
        let window = window.min(age.max(MINUTE / 6));
        let Some(level) = self.levels.iter().find(|level| level.reach() >= window) else {
            return Rate::default();
        };
        let (sum, seconds) = level.sum(now, window);
        sum.rate(seconds as f64, self.newest.into())
    }

    /// What a chart shows at `now`; steps without a share are in it, those before the first
    /// share are not. The hour of one who came a few minutes ago is drawn in finer steps.
    pub fn line(&self, now: u64, range: Range) -> Line {
        let young = self.first.is_none_or(|first| now.saturating_sub(first) < MINUTES_IN_DETAIL);
        let is_fine = range == Range::Hour && young;
        let (level, span) = if is_fine { (0, MINUTES_IN_DETAIL) } else { (range.level(), range.seconds()) };
        let (Some(first), Some(level)) = (self.first, self.levels.get(level)) else {
            return Line { step: range.step(), span, points: Vec::new() };
        };
        let step = level.grain.seconds;
        let (last, steps) = (now / step, span / step);
        let from = (first / step).max((last + 1).saturating_sub(steps));
        let mut buckets = level.buckets.iter().peekable();
        let mut points = Vec::new();
        // The step that is not over yet would always look like a fall.
        for place in from..last {
            while buckets.next_if(|bucket| u64::from(bucket.place) < place).is_some() {}
            let found = buckets.next_if(|bucket| u64::from(bucket.place) == place);
            let sum = found.map(Bucket::sum).unwrap_or_default();
            points.push(Point { time: place * step, rate: sum.rate(step as f64, self.newest.into()) });
        }
        Line { step, span, points }
    }
}

impl Level {
    fn add(&mut self, at: u64, count: u32, difficulty: f32) {
        let place = u32::try_from(at / self.grain.seconds).unwrap_or(u32::MAX);
        let keep_from = place.saturating_sub(self.grain.keep);
        while self.buckets.front().is_some_and(|bucket| bucket.place < keep_from) {
            self.buckets.pop_front();
        }
        if self.buckets.back().is_none_or(|bucket| bucket.place < place) {
            self.buckets.push_back(Bucket { place, shares: 0, work: 0.0, squares: 0.0 });
        }
        let Some(bucket) = self.buckets.back_mut() else { return };
        bucket.shares = bucket.shares.saturating_add(count);
        bucket.work += difficulty * count as f32;
        bucket.squares += difficulty * difficulty * count as f32;
    }

    /// Seconds for which it answers; what is counted begins where a grain does.
    fn reach(&self) -> u64 {
        self.grain.seconds * u64::from(self.grain.keep - 1)
    }

    /// What came in the last `window` seconds, as nearly as the grain allows, and how many
    /// seconds it is in fact.
    fn sum(&self, now: u64, window: u64) -> (Sum, u64) {
        let start = now.saturating_sub(window);
        let from = start.div_ceil(self.grain.seconds);
        let mut sum = Sum::default();
        for bucket in self.buckets.iter().rev().take_while(|bucket| u64::from(bucket.place) >= from) {
            let more = bucket.sum();
            sum.shares += more.shares;
            sum.work += more.work;
            sum.squares += more.squares;
        }
        (sum, now.saturating_sub(from * self.grain.seconds).max(1))
    }
}

impl Bucket {
    fn sum(&self) -> Sum {
        Sum { shares: self.shares.into(), work: self.work.into(), squares: self.squares.into() }
    }
}

impl Described for Range {
    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "string", "enum": Range::ALL.map(Range::name)})
    }
}

impl Range {
    /// Every range.
    pub const ALL: [Range; 3] = [Range::Hour, Range::Day, Range::Week];

    /// For addresses and buttons.
    pub fn name(self) -> &'static str {
        match self {
            Range::Hour => "1h",
            Range::Day => "1d",
            Range::Week => "7d",
        }
    }

    /// Seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Range::Hour => HOUR,
            Range::Day => DAY,
            Range::Week => REACH,
        }
    }

    /// Seconds between its points.
    pub fn step(self) -> u64 {
        GRAINS.get(self.level()).map_or(HOUR, |grain| grain.seconds)
    }

    fn level(self) -> usize {
        match self {
            Range::Hour => 1,
            Range::Day => 2,
            Range::Week => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use work::units::HASHES_PER_DIFFICULTY;

    const START: u64 = 1_800_000_000;

    /// A share of difficulty 10 every six seconds.
    fn steady(seconds: u64) -> Series {
        let mut series = Series::default();
        (0..seconds / 6).for_each(|share| series.add(START + share * 6, 1, 10.0));
        series
    }

    #[test]
    fn every_window_of_a_steady_miner_shows_its_rate() {
        let series = steady(8 * DAY);
        let expected = HASHES_PER_DIFFICULTY * 10.0 / 6.0;
        for (name, rate) in series.windows(START + 8 * DAY).named() {
            assert!((rate.hashrate / expected - 1.0).abs() < 0.1, "{name}: {}", rate.hashrate / expected);
            assert!(rate.low < expected && expected < rate.high, "{name}");
        }
    }

    #[test]
    fn a_long_window_of_one_who_has_just_come_is_over_the_time_since() {
        let rate = steady(300).rate(START + 300, DAY);
        let expected = HASHES_PER_DIFFICULTY * 10.0 / 6.0;
        assert!((rate.hashrate / expected - 1.0).abs() < 0.1, "{}", rate.hashrate / expected);
    }

    #[test]
    fn who_stops_fades_out() {
        let series = steady(HOUR);
        let later = START + HOUR + 10 * MINUTE;
        assert_eq!(series.rate(later, 5 * MINUTE).hashrate, 0.0);
        assert!(series.rate(later, HOUR).hashrate > 0.0);
        assert!(series.rate(later, 5 * MINUTE).high > 0.0, "no share is no proof");
    }

    #[test]
    fn memory_is_bounded_and_a_chart_has_a_point_for_each_step() {
        let series = steady(30 * DAY);
        assert!(series.levels.iter().map(|level| level.buckets.len()).sum::<usize>() < 440);
        let now = START + 30 * DAY;
        for (range, points) in [(Range::Hour, 59), (Range::Day, 143), (Range::Week, 167)] {
            let chart = series.line(now, range).points;
            assert_eq!(chart.len(), points, "{}", range.name());
            assert!(chart.iter().all(|point| point.rate.shares > 0));
        }
    }

    #[test]
    fn a_step_without_a_share_is_a_point_of_nothing() {
        let mut series = Series::default();
        series.add(START, 1, 1.0);
        series.add(START + 180, 2, 1.0);
        series.add(START + 600, 1, 1.0);
        let points = series.line(START + 660, Range::Hour).points;
        let shares: Vec<u64> = points.iter().map(|point| point.rate.shares).collect();
        assert_eq!(shares, [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_first_minutes_are_drawn_in_fine_steps() {
        let line = steady(60).line(START + 60, Range::Hour);
        assert_eq!((line.step, line.points.len()), (10, 6));
        assert_eq!(steady(600).line(START + 600, Range::Hour).step, 60);
    }
}
