//! Miners of all sizes against the vardiff rule, with shares that arrive at random.
//!
//! Seeded, so that every run sees the same shares; no test waits for real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};
use work::{Difficulty, HashRate, ShareRate, Target, Vardiff, VardiffConfig};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// A device that finds shares at random at a rate set by its hash rate.
struct Device {
    seed: u64,
    vardiff: Vardiff,
    start: Instant,
    /// Seconds since `start`.
    now: f64,
    /// How long after a retarget the device begins to use it, in seconds.
    delay: f64,
    /// The target that it works at, and the one that it will: from when.
    working_at: Target,
    coming: Vec<(f64, Target)>,
    shares: Vec<f64>,
    retargets: Vec<(f64, Target)>,
}

impl Device {
    fn new(config: &VardiffConfig, announced: f64, seed: u64) -> Device {
        let start = Instant::now();
        let vardiff = Vardiff::new(config, HashRate(announced), start);
        let working_at = vardiff.target();
        Device {
            // Other shares for every size and rate, too.
            seed: (seed + announced.to_bits() + config.shares_per_minute.0.to_bits())
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                | 1,
            vardiff,
            start,
            now: 0.0,
            delay: 0.0,
            working_at,
            coming: vec![],
            shares: vec![],
            retargets: vec![],
        }
    }

    /// Works at `hash_rate` for `seconds`; 0 is switched off.
    fn run(&mut self, hash_rate: f64, seconds: f64) {
        /// No device sends more than this many shares a second.
        const FASTEST: f64 = 1000.0;
        let end = self.now + seconds;
        while self.now < end {
            let mean = (self.working_at.work() / hash_rate).max(1.0 / FASTEST);
            // Memoryless, so a new target or a new rate may restart the wait.
            let share = self.now - mean * self.random().ln();
            let check = self.vardiff.next_check().map_or(f64::INFINITY, |check| {
                check.saturating_duration_since(self.start).as_secs_f64().max(self.now)
            });
            let switch = self.coming.first().map_or(f64::INFINITY, |(time, _)| *time);
            self.now = share.min(check).min(switch).min(end);
            if self.now == switch {
                self.working_at = self.coming.remove(0).1;
                continue;
            }
            if self.now == share {
                self.shares.push(self.now);
                self.vardiff.record(self.instant(), self.working_at.difficulty());
            }
            if let Some(target) = self.vardiff.adjust(self.instant()) {
                self.retargets.push((self.now, target));
                self.coming.push((self.now + self.delay, target));
            }
        }
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_secs_f64(self.now)
    }

    /// Uniform in (0, 1]: xorshift*.
    fn random(&mut self) -> f64 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        let bits = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (bits + 1) as f64 / (1u64 << 53) as f64
    }

    fn shares_between(&self, from: f64, to: f64) -> usize {
        self.shares.iter().filter(|time| (from..to).contains(*time)).count()
    }

    fn share_rate_between(&self, from: f64, to: f64) -> f64 {
        self.shares_between(from, to) as f64 * MINUTE / (to - from)
    }

    fn retargets_between(&self, from: f64, to: f64) -> usize {
        self.retargets.iter().filter(|(time, _)| (from..to).contains(time)).count()
    }

    fn longest_silence_between(&self, from: f64, to: f64) -> f64 {
        let times = self.shares.iter().copied().filter(|time| (from..to).contains(time));
        let mut last = from;
        let mut longest: f64 = 0.0;
        for time in times.chain([to]) {
            longest = longest.max(time - last);
            last = time;
        }
        longest
    }

    /// The share rate to be expected at the present target, as a multiple of the one
    /// wished.
    fn off_by(&self, hash_rate: f64, shares_per_minute: f64) -> f64 {
        hash_rate * MINUTE / self.vardiff.target().work() / shares_per_minute
    }
}

fn config(shares_per_minute: f64) -> VardiffConfig {
    VardiffConfig {
        shares_per_minute: ShareRate(shares_per_minute),
        min_difficulty: Difficulty(0.000_01),
        ..VardiffConfig::default()
    }
}

/// 50 kH/s (a NerdMiner) to 500 TH/s (more than any machine sold), in decades.
fn all_sizes() -> impl Iterator<Item = f64> {
    (0..=10).map(|decade| 5e4 * 10f64.powi(decade))
}

fn for_all(mut test: impl FnMut(f64, f64, u64)) {
    for shares_per_minute in [6.0, 18.0] {
        for hash_rate in all_sizes() {
            for seed in 1..=5 {
                test(shares_per_minute, hash_rate, seed);
            }
        }
    }
}

#[test]
fn from_any_first_guess_the_share_rate_settles_and_stays() {
    for guess in [1.0, 1e-3, 1e3, 0.0] {
        for_all(|wished, hash_rate, seed| {
            let mut device = Device::new(&config(wished), hash_rate * guess, seed);
            device.run(hash_rate, 10.0 * MINUTE + 4.0 * HOUR);
            let (from, to) = (10.0 * MINUTE, device.now);
            let case = format!("{hash_rate:e} H/s announced x{guess}, {wished}/min, seed {seed}");

            let rate = device.share_rate_between(from, to) / wished;
            assert!((0.7..1.4).contains(&rate), "{case}: share rate is {rate} of the wished");
            let retargets = device.retargets_between(from, to);
            assert!(retargets <= 12, "{case}: {retargets} retargets in four steady hours");
            let silence = device.longest_silence_between(from, to) * wished / MINUTE;
            assert!(silence < 16.0, "{case}: silent for {silence} expected shares");
        });
    }
}

#[test]
fn a_right_guess_is_left_alone() {
    let mut retargets = 0;
    for_all(|wished, hash_rate, seed| {
        let mut device = Device::new(&config(wished), hash_rate, seed);
        device.run(hash_rate, 4.0 * HOUR);
        retargets += device.retargets.len();
    });
    // 110 devices for four hours.
    assert!(retargets < 110, "{retargets}"); // fewer than one each
}

#[test]
fn a_flood_is_stopped_within_seconds() {
    for guess in [1e-3, 0.0] {
        for_all(|wished, hash_rate, seed| {
            let mut device = Device::new(&config(wished), hash_rate * guess, seed);
            device.delay = 0.2;
            device.run(hash_rate, 2.0 * MINUTE);
            let after = device.share_rate_between(15.0, 75.0);
            let case = format!("{hash_rate:e} H/s announced x{guess}, seed {seed}");
            assert!(after < 8.0 * wished, "{case}: {after} shares/min after 15 s, wished {wished}");
        });
    }
}

#[test]
fn a_device_a_thousand_times_slower_than_announced_sends_its_first_share_within_minutes() {
    for_all(|wished, hash_rate, seed| {
        let mut device = Device::new(&config(wished), hash_rate * 1e3, seed);
        device.run(hash_rate, 10.0 * MINUTE);
        let first = device.shares.first().copied().unwrap_or(f64::INFINITY);
        assert!(first * wished < 6.0 * 4.0 * MINUTE, "{hash_rate:e} H/s, seed {seed}: {first} s");
    });
}

#[test]
fn a_hash_rate_ten_times_higher_or_lower_is_followed() {
    for factor in [10.0, 0.1] {
        for_all(|wished, hash_rate, seed| {
            let hash_rate = hash_rate.max(5e5);
            let mut device = Device::new(&config(wished), hash_rate, seed);
            device.run(hash_rate, HOUR);
            device.run(hash_rate * factor, 120.0 / wished * MINUTE);
            let off = device.off_by(hash_rate * factor, wished);
            let case = format!("{hash_rate:e} H/s x{factor}, {wished}/min, seed {seed}");
            assert!((0.4..2.5).contains(&off), "{case}: off by {off} after 120 expected shares");
            let silence = device.longest_silence_between(HOUR, device.now) * wished / MINUTE;
            assert!(silence < 40.0, "{case}: silent for {silence} expected shares");
        });
    }
}

#[test]
fn a_nightly_stop_parks_and_the_return_does_not_flood() {
    for_all(|wished, hash_rate, seed| {
        let hash_rate = hash_rate.max(5e7); // clear of the floor, which would stop it anyway
        let mut device = Device::new(&config(wished), hash_rate, seed);
        device.run(hash_rate, HOUR);
        let retargets = device.retargets.len();
        device.run(0.0, 8.0 * HOUR);
        let parked = device.off_by(hash_rate, wished);
        assert!(parked < 250.0, "{hash_rate:e} H/s, seed {seed}: would come back {parked} times too fast");
        assert!(device.retargets.len() - retargets <= 4, "{:?}", device.retargets);

        device.delay = 0.5;
        let back = device.now;
        device.run(hash_rate, 30.0 * MINUTE);
        let flood = device.shares_between(back, back + MINUTE);
        assert!(flood < 250, "{hash_rate:e} H/s, seed {seed}: {flood} shares in the first minute");
        let rate = device.share_rate_between(back + 10.0 * MINUTE, device.now) / wished;
        assert!((0.5..1.8).contains(&rate), "{hash_rate:e} H/s, seed {seed}: {rate}");
    });
}

#[test]
fn powers_of_two_do_not_make_it_oscillate() {
    for_all(|wished, hash_rate, seed| {
        let config = VardiffConfig { power_of_two: true, ..config(wished) };
        // Halfway between two powers, where rounding is the farthest off.
        let hash_rate = hash_rate * 1.37;
        let mut device = Device::new(&config, hash_rate, seed);
        device.run(hash_rate, 10.0 * MINUTE + 4.0 * HOUR);
        for (_, target) in &device.retargets {
            let power = target.difficulty().0.log2();
            assert!((power - power.round()).abs() < 1e-9, "2^{power}");
        }
        let rate = device.share_rate_between(10.0 * MINUTE, device.now) / wished;
        assert!((0.55..1.8).contains(&rate), "{hash_rate:e} H/s, seed {seed}: {rate}");
        let retargets = device.retargets_between(10.0 * MINUTE, device.now);
        assert!(retargets <= 12, "{hash_rate:e} H/s, seed {seed}: {retargets} retargets");
    });
}

#[test]
fn a_device_that_takes_half_a_minute_to_use_a_target_is_not_overshot() {
    for_all(|wished, hash_rate, seed| {
        for guess in [1e-2, 1e2] {
            let mut device = Device::new(&config(wished), hash_rate * guess, seed);
            device.delay = 30.0;
            device.run(hash_rate, 15.0 * MINUTE);
            let case = format!("{hash_rate:e} H/s announced x{guess}, {wished}/min, seed {seed}");
            let most = device.retargets.iter().map(|(_, target)| target.difficulty().0).fold(0.0, f64::max);
            let right = hash_rate * MINUTE / wished / Difficulty(1.0).hashes();
            let first = right * guess;
            assert!(most < (right * 8.0).max(first), "{case}: went to {most}, right was {right}");
            let off = device.off_by(hash_rate, wished);
            assert!((0.3..3.0).contains(&off), "{case}: off by {off} in the end");
        }
    });
}
