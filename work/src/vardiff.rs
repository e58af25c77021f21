//! Variable difficulty: which target makes a channel send the wished number of shares.
//!
//! Shares arrive at random (a Poisson process): at 6 a minute, one minute brings
//! anything from 2 to 11, and a rule like "off by more than 15 % over five minutes"
//! would change the difficulty for ever. The rule here is a test of evidence: the
//! difficulty changes when what was observed is improbable at the hash rate believed
//! so far, and then goes where the observation points. Far-off beliefs are improbable
//! within a few shares, so this is also quick.
//!
//! The evidence is three tests:
//!
//! - `rise` and `fall` are CUSUM scores (Page 1954): the running log-likelihood ratio
//!   of "the rate is `RISE` times (`FALL` times) what I believe", restarted
//!   whenever it drops to zero, so that the past does not weigh against a change.
//!   Between about 0.78 and 1.28 times the wished rate neither ever grows for long.
//! - silence: how many shares should have come since the last one.
//!
//! Time is counted in *expected shares*, so all of it works alike at any share rate,
//! and where a bound or rounding keeps the difficulty from what is wished.

use crate::target::Target;
use crate::units::{Difficulty, HashRate, ShareRate};
use std::time::{Duration, Instant};

/// `rise` tests for a hash rate this many times the one believed.
const RISE: f64 = 1.6;
/// `fall` tests for one this many times.
const FALL: f64 = 0.6;
/// A score that is evidence enough: odds of e^9, 8000 to 1. At 6 shares a minute chance gets
/// there less than once a day.
const ENOUGH: f64 = 9.0;
/// Expected shares without any that are evidence enough: a chance of e^-12 each time.
const SILENCE: f64 = 12.0;
/// The same before the first share, when the belief is only what the client said.
const FIRST_SILENCE: f64 = 3.0;
/// A device that has sent shares and falls silent is believed to have no less than this
/// part of its hash rate: it is probably switched off, and will come back as it was.
const PARKED: f64 = 1.0 / 128.0;
/// A share from an older, harder job counts for as many as it would have been now, but
/// not for more than this: it is one observation.
const HEAVIEST: f64 = 8.0;

/// What all channels have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VardiffConfig {
    /// How often a channel is to send shares.
    pub shares_per_minute: ShareRate,
    /// Never easier than this.
    pub min_difficulty: Difficulty,
    /// Never harder than this, unless the client demands it.
    pub max_difficulty: Difficulty,
    /// The hash rate assumed of a client that announces none.
    pub unknown_hash_rate: HashRate,
    /// Only powers of two as difficulty (some SV1 firmware takes no others). The
    /// hash rate believed stays exact, so rounding is not mistaken for evidence.
    pub power_of_two: bool,
}

impl Default for VardiffConfig {
    /// 6 shares a minute, for devices from 50 kH/s (a NerdMiner).
    fn default() -> VardiffConfig {
        VardiffConfig {
            shares_per_minute: ShareRate(6.0),
            min_difficulty: Difficulty(0.0001),
            max_difficulty: Difficulty(1e15),
            unknown_hash_rate: HashRate(1e9),
            power_of_two: false,
        }
    }
}

/// The difficulty of one channel.
///
/// ```
/// use std::time::{Duration, Instant};
/// use work::{HashRate, Vardiff, VardiffConfig};
///
/// let start = Instant::now();
/// let mut vardiff = Vardiff::new(&VardiffConfig::default(), HashRate(1e12), start);
/// // It announced 1 TH/s but sends ten shares a second instead of one in ten seconds:
/// for share in 1..=50 {
///     vardiff.record(start + share * Duration::from_millis(100), vardiff.difficulty());
/// }
/// let harder = vardiff.adjust(start + Duration::from_secs(5));
/// assert!(harder.is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Vardiff {
    config: VardiffConfig,
    /// The easiest target that the client takes.
    easiest: Target,
    target: Target,
    /// What `target` is as a difficulty.
    difficulty: f64,
    /// The hash rate believed, in difficulty per second.
    pace: f64,
    /// The hash rate that the client announced last, in H/s; 0 if it does not know.
    announced: f64,
    /// `pace` when the last share came; none before the first.
    proven: Option<f64>,
    rise: Evidence,
    fall: Evidence,
    /// All times are seconds from here.
    start: Instant,
    /// Up to when the scores are counted.
    counted: f64,
    /// When the last share came, or the belief last changed.
    last: f64,
}

/// A CUSUM score and what it was gathered from.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    score: f64,
    since: f64,
    shares: f64,
}

impl Vardiff {
    /// A channel whose client announces `hash_rate`; zero, negative or not a number
    /// means that it does not know.
    pub fn new(config: &VardiffConfig, hash_rate: HashRate, now: Instant) -> Vardiff {
        let mut vardiff = Vardiff {
            config: *config,
            easiest: Target::MAX,
            target: Target::MAX,
            difficulty: 0.0,
            pace: 0.0,
            announced: 0.0,
            proven: None,
            rise: Evidence::default(),
            fall: Evidence::default(),
            start: now,
            counted: 0.0,
            last: 0.0,
        };
        vardiff.believe(Difficulty::from_hashes(config.unknown_hash_rate.0).0, 0.0);
        vardiff.set_hash_rate(hash_rate, now);
        vardiff
    }

    /// The target that new jobs are to have.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The difficulty of [`target`](Self::target).
    pub fn difficulty(&self) -> Difficulty {
        Difficulty(self.difficulty)
    }

    /// The hash rate believed at present.
    pub fn hash_rate(&self) -> HashRate {
        HashRate(Difficulty(self.pace).hashes())
    }

    /// The client accepts no target easier than `easiest` (SV2's `max_target` of
    /// `OpenMiningChannel` and `UpdateChannel`). The new target if that changes it.
    ///
    /// Also the way to keep the difficulty up while a duplicate filter needs it
    /// ([`SeenShares::easiest`](crate::SeenShares::easiest)): the harder of the two.
    pub fn set_max_target(&mut self, easiest: Target, now: Instant) -> Option<Target> {
        self.easiest = easiest;
        self.believe(self.pace, self.seconds(now))
    }

    /// The client announces another hash rate (`UpdateChannel`). The new target if that
    /// changes it.
    ///
    /// What it has announced before, or that it does not know, is no news: shares have
    /// said more since.
    pub fn set_hash_rate(&mut self, hash_rate: HashRate, now: Instant) -> Option<Target> {
        let known = hash_rate.0.is_finite() && hash_rate.0 > 0.0;
        if !known || hash_rate.0 == self.announced {
            return None;
        }
        self.announced = hash_rate.0;
        self.proven = None;
        self.believe(Difficulty::from_hashes(hash_rate.0).0, self.seconds(now))
    }

    /// Notes an accepted share, at the `difficulty` that it is credited with. Refused
    /// shares are no evidence and must not be noted.
    pub fn record(&mut self, now: Instant, difficulty: Difficulty) {
        let now = self.seconds(now);
        self.count_time(now);
        let shares = difficulty.0 / self.difficulty;
        let shares = if shares.is_finite() { shares.clamp(0.0, HEAVIEST) } else { 0.0 };

        if self.rise.shares == 0.0 {
            // From the share before: a burst after a pause is an average, not a rise.
            self.rise = Evidence { since: self.last, ..Evidence::default() };
        }
        self.rise.shares += shares;
        self.rise.score += shares * RISE.ln();

        self.fall.shares += shares;
        self.fall.score += shares * FALL.ln();
        if self.fall.score <= 0.0 {
            self.fall = Evidence { since: now, ..Evidence::default() };
        }
        self.last = now;
        self.proven = Some(self.pace);
    }

    /// The new target, if the difficulty has to change. Call it after shares and when
    /// [`next_check`](Self::next_check) has come. Send a new job with it, at least when
    /// it is easier: the old job's shares would still be held to the harder one.
    pub fn adjust(&mut self, now: Instant) -> Option<Target> {
        let now = self.seconds(now);
        self.count_time(now);
        let silence = self.expected(now - self.last);
        let observed = if self.rise.score >= ENOUGH {
            self.pace_since(self.rise, now)
        } else if self.fall.score >= ENOUGH {
            self.pace_since(self.fall, now).max(self.parked())
        } else if silence >= self.silence_limit() {
            self.pace_since(Evidence { since: self.last, ..Evidence::default() }, now).max(self.parked())
        } else {
            return None;
        };
        self.believe(observed, now)
    }

    /// When [`adjust`](Self::adjust) should be called if no share arrives before;
    /// none when silence changes nothing any more.
    pub fn next_check(&self) -> Option<Instant> {
        if self.pace <= self.parked() {
            return None;
        }
        let per_second = self.expected(1.0);
        let silence = self.last + self.silence_limit() / per_second;
        let fall = self.counted + (ENOUGH - self.fall.score) / (per_second * (1.0 - FALL));
        // A little late rather than early: early would find nothing to do.
        let wait = Duration::try_from_secs_f64(silence.min(fall).max(0.0) + 0.001).ok()?;
        self.start.checked_add(wait)
    }

    /// Lets the time up to `now` speak for and against.
    fn count_time(&mut self, now: f64) {
        let expected = self.expected((now - self.counted).max(0.0));
        self.counted = self.counted.max(now);
        self.rise.score -= expected * (RISE - 1.0);
        if self.rise.score <= 0.0 {
            self.rise = Evidence::default();
        }
        self.fall.score += expected * (1.0 - FALL);
    }

    /// The pace that `evidence` points at, or a little short of it: evidence that has
    /// just become enough is on average exaggerated.
    fn pace_since(&self, evidence: Evidence, now: f64) -> f64 {
        /// Half a share more on either side (Jeffreys' prior): finite and above zero.
        const PRIOR: f64 = 0.5;
        /// In standard deviations.
        const CAUTION: f64 = 0.5;
        let expected = self.expected(now - evidence.since) + PRIOR;
        let seen = evidence.shares + PRIOR;
        let doubt = CAUTION * seen.sqrt();
        let believed =
            if seen > expected { (seen - doubt).max(expected) } else { (seen + doubt).min(expected) };
        self.pace * believed / expected
    }

    /// Takes `pace` for true and begins to doubt it anew. The new target, if it changes.
    fn believe(&mut self, pace: f64, now: f64) -> Option<Target> {
        self.pace = pace.max(self.floor() * self.wished() * PARKED);
        let target = self.target_of(self.pace / self.wished());
        let changed = target != self.target;
        self.target = target;
        self.difficulty = target.difficulty().0;
        self.rise = Evidence::default();
        self.fall = Evidence { since: now, ..Evidence::default() };
        self.counted = now;
        self.last = now;
        changed.then_some(target)
    }

    /// The target nearest to `difficulty` that everybody agrees to.
    fn target_of(&self, difficulty: f64) -> Target {
        let floor = self.floor();
        let ceiling = self.config.max_difficulty.0.max(floor).min(f64::MAX);
        let mut difficulty = difficulty.clamp(floor, ceiling);
        if self.config.power_of_two {
            let lowest = floor.log2().ceil();
            let highest = ceiling.log2().floor().max(lowest);
            difficulty = difficulty.log2().round().clamp(lowest, highest).exp2();
        }
        Target::from_difficulty(Difficulty(difficulty)).min(self.easiest)
    }

    /// The lowest difficulty allowed.
    fn floor(&self) -> f64 {
        self.config.min_difficulty.0.max(self.easiest.difficulty().0).min(f64::MAX)
    }

    /// Where silence stops lowering the pace.
    fn parked(&self) -> f64 {
        let lowest = self.floor() * self.wished() * PARKED;
        self.proven.map_or(lowest, |pace| (pace * PARKED).max(lowest))
    }

    fn silence_limit(&self) -> f64 {
        if self.proven.is_some() { SILENCE } else { FIRST_SILENCE }
    }

    /// How many shares `seconds` should bring.
    fn expected(&self, seconds: f64) -> f64 {
        self.pace * seconds / self.difficulty
    }

    /// Wished shares per second.
    fn wished(&self) -> f64 {
        self.config.shares_per_minute.0 / 60.0
    }

    fn seconds(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.start).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const ANNOUNCED: HashRate = HashRate(1e12);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_target_gives_the_wished_share_rate() {
        let vardiff = Vardiff::new(&VardiffConfig::default(), ANNOUNCED, Instant::now());
        let hashes_in_ten_seconds = 1e13;
        assert!((vardiff.target().work() / hashes_in_ten_seconds - 1.0).abs() < 1e-9);
        assert!((vardiff.hash_rate().0 / 1e12 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_client_that_does_not_know_its_hash_rate_starts_at_the_configured_guess() {
        let config = VardiffConfig::default();
        for unknown in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let vardiff = Vardiff::new(&config, HashRate(unknown), Instant::now());
            assert!((vardiff.hash_rate().0 / config.unknown_hash_rate.0 - 1.0).abs() < 1e-9, "{unknown}");
        }
    }

    #[test]
    fn only_news_from_the_client_outweighs_its_shares() {
        let start = Instant::now();
        let mut vardiff = Vardiff::new(&VardiffConfig::default(), ANNOUNCED, start);
        for share in 1..=100 {
            vardiff.record(start + Duration::from_millis(share), vardiff.difficulty());
        }
        assert!(vardiff.adjust(start + seconds(1)).is_some());
        let proven = vardiff.hash_rate();
        for no_news in [ANNOUNCED, HashRate(0.0), HashRate(f64::NAN)] {
            assert_eq!(vardiff.set_hash_rate(no_news, start + seconds(2)), None);
            assert_eq!(vardiff.hash_rate(), proven);
        }
        assert!(vardiff.set_hash_rate(HashRate(5e12), start + seconds(3)).is_some());
        assert!((vardiff.hash_rate().0 / 5e12 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_clients_max_target_is_never_exceeded() {
        let start = Instant::now();
        let config = VardiffConfig { power_of_two: true, ..VardiffConfig::default() };
        let mut vardiff = Vardiff::new(&config, HashRate(1e6), start);
        let easiest = Target::from_difficulty(Difficulty(1000.5));
        assert_eq!(vardiff.set_max_target(easiest, start), Some(vardiff.target()));
        assert_eq!(vardiff.difficulty(), Difficulty(1024.0));
        for minute in 1..600 {
            vardiff.adjust(start + seconds(60 * minute));
            assert!(vardiff.target() <= easiest);
        }
    }

    #[test]
    fn a_max_target_harder_than_the_pools_hardest_is_honoured() {
        let start = Instant::now();
        let config = VardiffConfig { max_difficulty: Difficulty(10.0), ..VardiffConfig::default() };
        let mut vardiff = Vardiff::new(&config, ANNOUNCED, start);
        assert_eq!(vardiff.difficulty(), Difficulty(10.0));
        let easiest = Target::from_difficulty(Difficulty(20.0));
        assert_eq!(vardiff.set_max_target(easiest, start), Some(easiest));
    }

    #[test]
    fn shares_held_up_on_the_way_and_delivered_at_once_are_no_rise() {
        let start = Instant::now();
        let mut vardiff = Vardiff::new(&VardiffConfig::default(), ANNOUNCED, start);
        for share in 1..=60 {
            vardiff.record(start + seconds(10 * share), vardiff.difficulty());
            assert_eq!(vardiff.adjust(start + seconds(10 * share)), None);
        }
        // A hundred seconds of nothing, then the ten shares of that time.
        let late = start + seconds(700);
        assert_eq!(vardiff.adjust(late), None);
        for _ in 0..10 {
            vardiff.record(late, vardiff.difficulty());
            assert_eq!(vardiff.adjust(late), None);
        }
    }

    #[test]
    fn after_next_check_silence_has_changed_something() {
        let start = Instant::now();
        let mut vardiff = Vardiff::new(&VardiffConfig::default(), ANNOUNCED, start);
        vardiff.record(start + seconds(1), vardiff.difficulty());
        let mut checks = 0;
        while let Some(check) = vardiff.next_check() {
            let before = vardiff.hash_rate();
            assert!(vardiff.adjust(check).is_some(), "{checks}");
            assert!(vardiff.hash_rate() < before);
            checks += 1;
        }
        assert!((1..5).contains(&checks), "{checks}");
        assert!((vardiff.hash_rate().0 / (ANNOUNCED.0 * PARKED) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_channel_that_never_sent_a_share_ends_at_the_lowest_difficulty() {
        let config = VardiffConfig::default();
        let mut vardiff = Vardiff::new(&config, ANNOUNCED, Instant::now());
        for _ in 0..100 {
            let Some(check) = vardiff.next_check() else { break };
            vardiff.adjust(check);
        }
        assert_eq!(vardiff.next_check(), None);
        assert_eq!(vardiff.target(), Target::from_difficulty(config.min_difficulty));
    }

    #[test]
    fn a_clock_that_goes_backwards_is_as_if_it_stood_still() {
        let start = Instant::now() + seconds(1000);
        let mut vardiff = Vardiff::new(&VardiffConfig::default(), ANNOUNCED, start);
        vardiff.record(start, vardiff.difficulty());
        assert_eq!(vardiff.adjust(start - seconds(900)), None);
    }

    #[test]
    fn a_channels_state_is_small() {
        assert!(size_of::<Vardiff>() <= 256, "{}", size_of::<Vardiff>());
    }

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            (-20.0..40.0).prop_map(|power: f64| power.exp2()),
            Just(0.0),
            Just(f64::NAN),
            Just(f64::INFINITY)
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_the_target_stays_within_bounds(
            shares_per_minute in any_number(),
            min in any_number(),
            max in any_number(),
            unknown in any_number(),
            announced in any_number(),
            power_of_two: bool,
            easiest: [u8; 32],
            events in prop::collection::vec((0u64..100_000, any_number(), 0u8..5), 0..100),
        ) {
            let config = VardiffConfig {
                shares_per_minute: ShareRate(shares_per_minute),
                min_difficulty: Difficulty(min),
                max_difficulty: Difficulty(max),
                unknown_hash_rate: HashRate(unknown),
                power_of_two,
            };
            let mut now = Instant::now();
            let mut vardiff = Vardiff::new(&config, HashRate(announced), now);
            let easiest = Target::from_le_bytes(easiest);
            vardiff.set_max_target(easiest, now);
            for (wait, number, event) in events {
                now += Duration::from_millis(wait);
                match event {
                    0 => { vardiff.set_hash_rate(HashRate(number), now); }
                    1 | 2 => vardiff.record(now, Difficulty(number)),
                    _ => vardiff.record(now, vardiff.difficulty()),
                }
                let before = vardiff.target();
                let change = vardiff.adjust(now);
                prop_assert_eq!(change.unwrap_or(vardiff.target()), vardiff.target());
                prop_assert_eq!(change.is_some(), before != vardiff.target() );
                prop_assert!(vardiff.target() <= easiest);
                let _ = vardiff.next_check();
            }
        }
    }
}
