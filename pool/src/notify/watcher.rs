//! Whether the pool's state is news: pure logic, which is told the time.
//!
//! Nobody is to be flooded. A trouble must last before it is told, and its end must last too; a
//! worker is watched only once it has mined for a while, and one that comes and goes is told of
//! once in a while; workers that stop together are told of together; and while the pool itself
//! cannot take shares, no worker is blamed.

use super::event::Event;
use super::roster::Roster;
use super::view::{LedgerView, View};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use super::roster::{RejectRules, RosterRules};

/// When something is news. A rule that is none is off.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Workers.
    pub workers: Option<RosterRules>,
    /// Refused shares.
    pub rejects: Option<RejectRules>,
    /// No templates for so long.
    pub node_down: Duration,
    /// No new template for so long.
    pub template_stale: Option<Duration>,
    /// The ledger stalls for so long.
    pub ledger_stalled: Duration,
    /// All of these must have been over for so long.
    pub steady: Duration,
    /// Least time between two best shares that are told, and how long a new pool tells none.
    pub best_share_gap: Duration,
}

/// Looks at the pool again and again, and remembers what was told.
#[derive(Debug)]
pub struct Watcher {
    rules: Rules,
    source: Alarm,
    template: Alarm,
    ledger: Alarm,
    ledger_failed: bool,
    /// Whether the last look saw a check that failed.
    check_failed: bool,
    roster: Roster,
    best: Best,
    /// What is known of each block in view; none before the first look.
    blocks: Option<BTreeMap<String, &'static str>>,
}

#[derive(Debug)]
struct Best {
    /// The best share that is known, told or not.
    known: f64,
    /// Not before this.
    quiet_until: Instant,
}

impl Watcher {
    /// A watcher that begins at `now`. `best_known` is the best share that was told before, 0
    /// for none.
    pub fn new(rules: Rules, best_known: f64, now: Instant) -> Watcher {
        let gap = if best_known > 0.0 { Duration::ZERO } else { rules.best_share_gap };
        Watcher {
            rules,
            source: Alarm::default(),
            template: Alarm::default(),
            ledger: Alarm::default(),
            ledger_failed: false,
            check_failed: false,
            roster: Roster::default(),
            best: Best { known: best_known, quiet_until: now + gap },
            blocks: None,
        }
    }

    /// Judges by other rules from now on; what was told stays told.
    pub fn follow(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The best share that was told or passed over.
    pub fn best_known(&self) -> f64 {
        self.best.known
    }

    /// What is news at `now`.
    pub fn look(&mut self, now: Instant, view: &View) -> Vec<Event> {
        let mut news = Vec::new();
        self.look_at_blocks(view, &mut news);
        self.look_at_source(now, view, &mut news);
        self.look_at_template(now, view, &mut news);
        self.look_at_ledger(now, view, &mut news);
        self.look_at_check(view, &mut news);
        self.look_at_best(now, view, &mut news);
        let able = view.source_trouble.is_none() && view.ledger == LedgerView::Working;
        self.roster.look(
            now,
            view,
            able,
            self.rules.workers.as_ref(),
            self.rules.rejects.as_ref(),
            &mut news,
        );
        news
    }

    fn look_at_blocks(&mut self, view: &View, news: &mut Vec<Event>) {
        /// Older ones, from before a restart, have been told of or nobody cares any more.
        const STILL_NEWS: Duration = Duration::from_secs(3_600);
        let first_look = self.blocks.is_none();
        let known = self.blocks.take().unwrap_or_default();
        for block in &view.blocks {
            let changed = known.get(&block.news.hash) != Some(&block.news.state);
            if changed && !(first_look && block.ago > STILL_NEWS) {
                news.push(Event::Block(block.news.clone()));
            }
        }
        self.blocks =
            Some(view.blocks.iter().map(|block| (block.news.hash.clone(), block.news.state)).collect());
    }

    fn look_at_source(&mut self, now: Instant, view: &View, news: &mut Vec<Event>) {
        let trouble = &view.source_trouble;
        match self.source.look(now, trouble.is_some(), self.rules.node_down, self.rules.steady) {
            Some(Turn::Bad) => news.push(Event::NodeDown { reason: trouble.clone().unwrap_or_default() }),
            Some(Turn::Good { after }) => news.push(Event::NodeBack { after }),
            None => {}
        }
    }

    fn look_at_template(&mut self, now: Instant, view: &View, news: &mut Vec<Event>) {
        let Some((limit, (height, age))) = self.rules.template_stale.zip(view.template) else { return };
        // A node that is away has been told of already.
        let stale = age >= limit && view.source_trouble.is_none();
        match self.template.look(now, stale, Duration::ZERO, self.rules.steady) {
            Some(Turn::Bad) => news.push(Event::TemplateStale { age, height }),
            Some(Turn::Good { .. }) if age < limit => news.push(Event::TemplateFresh { height }),
            _ => {}
        }
    }

    fn look_at_ledger(&mut self, now: Instant, view: &View, news: &mut Vec<Event>) {
        let reason = match &view.ledger {
            LedgerView::Working => None,
            LedgerView::Stalled(reason) => Some(reason),
            LedgerView::Failed(reason) => {
                if !std::mem::replace(&mut self.ledger_failed, true) {
                    news.push(Event::LedgerStalled { reason: reason.clone(), failed: true });
                }
                return;
            }
        };
        match self.ledger.look(now, reason.is_some(), self.rules.ledger_stalled, self.rules.steady) {
            Some(Turn::Bad) => {
                news.push(Event::LedgerStalled { reason: reason.cloned().unwrap_or_default(), failed: false })
            }
            Some(Turn::Good { .. }) => news.push(Event::LedgerWorking),
            None => {}
        }
    }

    /// A check that fails is told of once, until one does not.
    fn look_at_check(&mut self, view: &View, news: &mut Vec<Event>) {
        let failed_before = std::mem::replace(&mut self.check_failed, view.ledger_wrong.is_some());
        if let Some(reason) = view.ledger_wrong.clone().filter(|_| !failed_before) {
            news.push(Event::LedgerCheckFailed { reason });
        }
    }

    fn look_at_best(&mut self, now: Instant, view: &View, news: &mut Vec<Event>) {
        let Some(best) = view.best.as_ref().filter(|best| best.difficulty > self.best.known) else { return };
        // In a new pool every few shares are the best ever.
        if now < self.best.quiet_until {
            return;
        }
        self.best = Best { known: best.difficulty, quiet_until: now + self.rules.best_share_gap };
        news.push(Event::BestShare {
            difficulty: best.difficulty,
            worker: best.worker.clone(),
            network_difficulty: best.network_difficulty,
        });
    }
}

/// One trouble, with hysteresis.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    /// Since when it is as it is now.
    since: Option<(bool, Instant)>,
    /// When the trouble that was told began.
    told: Option<Instant>,
}

/// What is to be told of a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is there.
    Bad,
    /// It is over.
    Good {
        /// How long it lasted.
        after: Duration,
    },
}

impl Alarm {
    /// Takes note of whether there is trouble at `now`. It is told after `bad_for`, its end
    /// after `good_for`.
    pub(super) fn look(
        &mut self,
        now: Instant,
        bad: bool,
        bad_for: Duration,
        good_for: Duration,
    ) -> Option<Turn> {
        let since = match self.since {
            Some((was, since)) if was == bad => since,
            _ => now,
        };
        self.since = Some((bad, since));
        let lasted = now.saturating_duration_since(since);
        match (bad, self.told) {
            (true, None) if lasted >= bad_for => {
                self.told = Some(since);
                Some(Turn::Bad)
            }
            (false, Some(began)) if lasted >= good_for => {
                self.told = None;
                Some(Turn::Good { after: since.saturating_duration_since(began) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
