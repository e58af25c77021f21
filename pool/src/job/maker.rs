//! Turns templates and payouts into jobs.
//!
//! One task owns every variant (one for each [`PayTo`]). On a new tip it first
//! promotes the empty future job that miners already hold, which costs each of them
//! one `SetNewPrevHash`, and only when that has reached everyone comes anything else.
//! A tip that is a block of ours waits until the payouts of what follows know of it: miners go on
//! with the last job for that moment, and no round and no address is paid twice.

use super::board::{JobBoard, JobIds, Jobs, PayTo, SubscribeError, Subscription};
use super::heat::HeatWatch;
use super::news::{Crier, news};
use super::ruling::{Common, Ruling, common_key};
use super::script_sig::ScriptSigBytes;
use super::wave::TipWave;
use super::{Assigned, Job, JobError, JobParts, JobSet, JobTip};
use crate::commitments::Extras;
use crate::payout::{PayoutError, Payouts};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use template_provider::Template;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use work::share::Tip;
use work::{Hash256, Target};

/// What the job maker works from.
pub struct JobMakerConfig {
    /// Templates as the source pushes them.
    pub templates: watch::Receiver<Option<Arc<Template>>>,
    /// The newest template that opened a tip; see [`SourceHandle::openings`].
    ///
    /// [`SourceHandle::openings`]: template_provider::SourceHandle::openings
    pub openings: watch::Receiver<Option<Arc<Template>>>,
    /// Where the source is told which tip has reached every connection.
    pub delivered: watch::Sender<Hash256>,
    /// Whom jobs pay.
    pub ruling: Ruling,
    /// Bytes put into every scriptSig between the height and the extranonce.
    pub script_sig: ScriptSigBytes,
    /// What every coinbase commits to.
    pub extras: watch::Receiver<Arc<Extras>>,
    /// Most different payouts served at once.
    pub max_variants: usize,
    /// When miners are given work for warmth; never, if none.
    pub heat: Option<HeatWatch>,
}

/// Starts the job maker; it runs until `shutdown` is cancelled.
pub fn start(config: JobMakerConfig, shutdown: CancellationToken) -> (JobBoard, tokio::task::JoinHandle<()>) {
    const WAITING_SUBSCRIPTIONS: usize = 256;
    let (requests, waiting) = mpsc::channel(WAITING_SUBSCRIPTIONS);
    let (generation, changes) = watch::channel(0);
    let (crier, news, pass_on) = news();
    tokio::spawn(pass_on);
    let ids = JobIds::default();
    let wave = TipWave::default();
    let maker = JobMaker {
        config,
        generation,
        crier,
        variants: HashMap::new(),
        template: None,
        tip: None,
        ids: ids.clone(),
        future_due: None,
        wave: wave.clone(),
        wave_limit: Instant::now(),
        held_back: false,
        wave_runs: false,
        is_heating: false,
        booking_limit: None,
        common: Common::new(),
        common_futures: Common::new(),
    };
    let task = tokio::spawn(maker.run(waiting, shutdown));
    (JobBoard { requests, generation: changes, news, ids, wave }, task)
}

struct JobMaker {
    config: JobMakerConfig,
    generation: watch::Sender<u64>,
    crier: Crier,
    variants: HashMap<PayTo, Variant>,
    template: Option<Arc<Template>>,
    tip: Option<Arc<JobTip>>,
    ids: JobIds,
    /// When the next future jobs are built if no full template comes first.
    future_due: Option<Instant>,
    /// The newest tip on its way to the connections.
    wave: TipWave,
    /// When it is not waited for any longer.
    wave_limit: Instant,
    /// Nobody has been told of its end.
    wave_runs: bool,
    /// A template or other payouts wait for that.
    held_back: bool,
    /// Miners work for warmth, until there is a template again.
    is_heating: bool,
    /// A block of ours is the tip, and waits for its payouts to be written down, until then.
    booking_limit: Option<Instant>,
    /// Jobs of the present template and payouts that several variants have in common.
    common: Common<Arc<Job>>,
    /// The same for the next block.
    common_futures: Common<Arc<Job>>,
}

struct Variant {
    jobs: watch::Sender<Option<Arc<JobSet>>>,
    /// What the active job was built from.
    active: Option<JobParts>,
    future: Option<Future>,
}

/// A job for the next block and what was assumed when it was built.
struct Future {
    job: Arc<Job>,
    parts: JobParts,
}

impl Variant {
    /// Whether its miners work for warmth already.
    fn heats(&self) -> bool {
        self.jobs.borrow().as_ref().is_some_and(|set| set.active.job.is_heat)
    }

    /// Whether the active job is as good as one that is made of just this.
    fn mines(&self, parts: &JobParts, payouts: &Payouts) -> bool {
        self.active.as_ref() == Some(parts)
            && self.jobs.borrow().as_ref().is_some_and(|set| set.active.job.is_best_for(payouts))
    }
}

impl JobMaker {
    /// A full template usually follows a provisional one within milliseconds; the
    /// next future job then goes out together with it.
    const FUTURE_DELAY: Duration = Duration::from_millis(150);
    /// A tip has reached thousands of connections by then; those that do not read are not
    /// waited for.
    const LONGEST_WAVE: Duration = Duration::from_millis(100);
    /// Booking a block takes some commits. A disk that hangs is not waited for any longer.
    const LONGEST_BOOKING: Duration = Duration::from_secs(10);

    async fn run(mut self, mut waiting: mpsc::Receiver<Subscription>, shutdown: CancellationToken) {
        self.take_template();
        loop {
            let (future_due, wave_limit, booking_limit) =
                (self.future_due, self.wave_limit, self.booking_limit);
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = self.config.templates.changed() => match changed {
                    Ok(()) => self.take_template(),
                    Err(_) => return,
                },
                () = self.config.ruling.changed() => self.payouts_changed(),
                Ok(()) = self.config.extras.changed() => self.payouts_changed(),
                () = heat_due(&mut self.config.heat) => self.start_heat(),
                Some(request) = waiting.recv() => {
                    let jobs = self.subscribe(request.pay_to);
                    // A connection that closed meanwhile no longer wants the answer.
                    let _ = request.answer.send(jobs);
                }
                () = over(self.wave.clone(), wave_limit), if self.wave_runs => self.wave_has_ended(),
                () = sleep_until(booking_limit), if booking_limit.is_some() => self.take_template(),
                () = sleep_until(future_due), if future_due.is_some() => {
                    self.build_futures();
                    self.announce();
                }
            }
        }
    }

    fn take_template(&mut self) {
        if !self.config.ruling.is_known() {
            return;
        }
        let Some(template) = self.config.templates.borrow_and_update().clone() else { return };
        self.held_back = false;
        self.drop_unused_variants();
        if self.waits_for_booking(&template) {
            return;
        }
        if self.is_new_tip(&template) && !template.provisional {
            // The provisional template was overtaken; it comes first all the same.
            let opening = self.config.openings.borrow().clone();
            if let Some(opening) = opening.filter(|opening| opening.prev_hash == template.prev_hash) {
                self.work_on(opening);
            }
        }
        if !self.is_new_tip(&template) && !self.wave.is_over() && Instant::now() < self.wave_limit {
            self.held_back = true;
            return;
        }
        self.work_on(template);
    }

    /// Whether `template` is the first on a block of ours whose payouts are not written down yet.
    fn waits_for_booking(&mut self, template: &Template) -> bool {
        let tip = &template.prev_hash;
        if !self.is_new_tip(template) || !self.config.ruling.waits_for(tip) {
            self.booking_limit = None;
            return false;
        }
        let limit = *self.booking_limit.get_or_insert_with(|| Instant::now() + Self::LONGEST_BOOKING);
        if Instant::now() < limit {
            return true;
        }
        self.booking_limit = None;
        warn!(%tip, "what our block pays is not written down yet, and is not waited for any longer: a block on it would pay the same once more");
        false
    }

    /// Makes `template` the one that jobs are built from.
    fn work_on(&mut self, template: Arc<Template>) {
        let new_tip = self.is_new_tip(&template);
        if new_tip {
            let sequence = self.tip.as_ref().map_or(1, |tip| tip.sequence + 1);
            self.tip = Some(Arc::new(JobTip { sequence, tip: tip_of(&template), ntime: template.ntime }));
        }
        let provisional = template.provisional;
        self.template = Some(template.clone());
        self.end_heat();
        self.common.clear();
        self.common_futures.clear();
        let jobs = self.build_all(new_tip);
        if new_tip {
            // First word of the new tip, before anything else is built.
            self.announce_tip();
            self.future_due = Some(Instant::now() + Self::FUTURE_DELAY);
            self.held_back = !provisional;
        } else {
            if !provisional {
                self.build_futures();
            }
            self.announce();
        }
        info!(
            height = template.height,
            new_tip,
            provisional,
            transactions = template.transactions,
            fees = template.fees,
            prev_hash = %template.prev_hash,
            jobs,
            "template"
        );
    }

    /// The node is gone: what miners do now pays nobody.
    fn start_heat(&mut self) {
        let Some(heat) = &mut self.config.heat else { return };
        if self.template.is_none() {
            return heat.postpone();
        }
        heat.status.start(std::time::Instant::now());
        warn!("Bitcoin Core is gone: miners work for warmth alone, and nobody is paid for it");
        self.is_heating = true;
        self.build_all(false);
        self.announce();
    }

    fn end_heat(&mut self) {
        self.is_heating = false;
        if self.config.heat.as_ref().is_some_and(|heat| heat.status.end()) {
            info!("there is real work again: nobody works for warmth alone any more");
        }
    }

    /// Gives the variant work that pays nobody, on the last known tip.
    fn build_heat(&mut self, pay_to: &PayTo, template: &Template, tip: &Arc<JobTip>) {
        let Some(variant) = self.variants.get_mut(pay_to).filter(|variant| !variant.heats()) else { return };
        // Whatever comes after it is other work.
        variant.active = None;
        let job = Arc::new(Job::for_warmth(self.ids.next(), template.height, template.version));
        let future = variant.future.as_ref().map(|future| future.job.clone());
        let age = u32::try_from(template.received_at.elapsed().as_secs()).unwrap_or(0);
        let ntime = template.ntime.saturating_add(age).max(tip.tip.min_ntime);
        let active = Arc::new(Assigned { job, tip: tip.clone(), template_id: template.id, ntime });
        variant.jobs.send_modify(|jobs| {
            let opening = jobs.as_ref().map_or_else(|| active.clone(), |set| set.opening.clone());
            *jobs = Some(Arc::new(JobSet { opening, active, future }));
        });
    }

    fn is_new_tip(&self, template: &Template) -> bool {
        self.tip.as_ref().is_none_or(|tip| tip.tip.prev_hash != template.prev_hash)
    }

    fn payouts_changed(&mut self) {
        if self.template.is_none() || self.booking_limit.is_some() {
            // They are known now.
            return self.take_template();
        }
        if !self.is_heating && !self.wave.is_over() && Instant::now() < self.wave_limit {
            self.held_back = true;
            return;
        }
        self.common.clear();
        self.common_futures.clear();
        let all: Vec<PayTo> = self.variants.keys().cloned().collect();
        for pay_to in all {
            if self.is_overtaken() {
                break;
            }
            if let Err(fault) = self.build_active(&pay_to, false).and_then(|()| self.build_future(&pay_to)) {
                error!(?pay_to, %fault, "no job for the changed payouts; miners keep their last one");
            }
        }
        self.announce();
    }

    /// Whether there is another template by now, which all jobs will be made of at once. With a
    /// coinbase of its own for each of many members, making them takes its time, and a new tip
    /// must not wait for that.
    fn is_overtaken(&self) -> bool {
        self.config.templates.has_changed().unwrap_or(false)
    }

    fn subscribe(&mut self, pay_to: PayTo) -> Result<Jobs, SubscribeError> {
        if let Some(variant) = self.variants.get(&pay_to) {
            return Ok(variant.jobs.subscribe());
        }
        if self.variants.len() >= self.config.max_variants {
            self.drop_unused_variants();
        }
        if self.variants.len() >= self.config.max_variants {
            return Err(SubscribeError::TooManyVariants(self.config.max_variants));
        }
        let (jobs, receiver) = watch::channel(None);
        self.variants.insert(pay_to.clone(), Variant { jobs, active: None, future: None });
        if self.template.is_some()
            && let Err(fault) = self.build_active(&pay_to, false).and_then(|()| self.build_future(&pay_to))
        {
            self.variants.remove(&pay_to);
            return Err(fault.into());
        }
        Ok(receiver)
    }

    /// Builds (or promotes) the active job of every variant; returns how many.
    fn build_all(&mut self, new_tip: bool) -> usize {
        let all: Vec<PayTo> = self.variants.keys().cloned().collect();
        for pay_to in &all {
            if !new_tip && self.is_overtaken() {
                break;
            }
            if let Err(fault) = self.build_active(pay_to, new_tip) {
                error!(?pay_to, %fault, "no job for this payout on the new template; its miners keep their last one");
            }
        }
        all.len()
    }

    fn build_active(&mut self, pay_to: &PayTo, new_tip: bool) -> Result<(), JobError> {
        let (Some(template), Some(tip)) = (self.template.clone(), self.tip.clone()) else { return Ok(()) };
        if self.is_heating {
            self.build_heat(pay_to, &template, &tip);
            return Ok(());
        }
        let parts = parts_of(&template, &self.extras());
        let payouts = self.payouts(pay_to, &parts, &template)?;
        let key = common_key(&payouts, pay_to.limit());
        let Some(variant) = self.variants.get_mut(pay_to) else { return Ok(()) };

        if !new_tip && variant.mines(&parts, &payouts) {
            // With nothing in the mempool the full template is the provisional one.
            if let (Some(key), Some(set)) = (key, &*variant.jobs.borrow()) {
                self.common.entry(key).or_insert_with(|| set.active.job.clone());
            }
            return Ok(());
        }
        let held = variant.future.as_ref();
        let promoted =
            new_tip.then_some(held).flatten().filter(|held| held.parts == parts && held.job.serves(&payouts));
        let common = || key.and_then(|key| self.common.get(&key));
        let job = match promoted.map(|held| &held.job).or_else(common) {
            Some(job) => job.clone(),
            None => {
                let id = self.ids.next();
                Arc::new(Job::build(id, &parts, payouts, &self.config.script_sig.for_job(), pay_to.limit())?)
            }
        };
        if let Some(key) = key {
            self.common.entry(key).or_insert_with(|| job.clone());
        }
        if new_tip {
            variant.future = None;
        }
        variant.active = Some(parts);
        let future = variant.future.as_ref().map(|future| future.job.clone());
        let ntime = template.ntime.max(tip.tip.min_ntime);
        let active = Arc::new(Assigned { job, tip, template_id: template.id, ntime });
        variant.jobs.send_modify(|jobs| {
            let same_tip = jobs.as_ref().filter(|set| set.active.tip.sequence == active.tip.sequence);
            let opening = same_tip.map_or_else(|| active.clone(), |set| set.opening.clone());
            *jobs = Some(Arc::new(JobSet { opening, active, future }));
        });
        Ok(())
    }

    fn build_futures(&mut self) {
        self.future_due = None;
        let all: Vec<PayTo> = self.variants.keys().cloned().collect();
        for pay_to in &all {
            if self.is_overtaken() {
                break;
            }
            if let Err(fault) = self.build_future(pay_to) {
                error!(?pay_to, %fault, "no job in advance of the next block");
            }
        }
    }

    /// Gives the variant its empty job for the block after the present template's, if
    /// it does not hold that very job already.
    fn build_future(&mut self, pay_to: &PayTo) -> Result<(), JobError> {
        let Some(template) = self.template.clone() else { return Ok(()) };
        let height = template.height.saturating_add(1);
        let parts = JobParts {
            height,
            version: template.version,
            coinbase: self.extras().in_coinbase(template.coinbase.for_next_block(height, template.subsidy)?),
            merkle_path: Vec::new(),
            fees: 0,
        };
        // The next template will be asked for with as much room as this one, or more.
        let payouts = self.payouts(pay_to, &parts, &template)?;
        let key = common_key(&payouts, pay_to.limit());
        let Some(variant) = self.variants.get_mut(pay_to) else { return Ok(()) };
        if variant.future.as_ref().is_some_and(|held| held.parts == parts && held.job.is_best_for(&payouts)) {
            return Ok(());
        }
        let job = match key.and_then(|key| self.common_futures.get(&key)) {
            Some(job) => job.clone(),
            None => {
                let id = self.ids.next();
                Arc::new(Job::build(id, &parts, payouts, &self.config.script_sig.for_job(), pay_to.limit())?)
            }
        };
        if let Some(key) = key {
            self.common_futures.entry(key).or_insert_with(|| job.clone());
        }
        variant.future = Some(Future { job: job.clone(), parts });
        variant.jobs.send_modify(|jobs| {
            if let Some(present) = jobs {
                *jobs = Some(Arc::new(JobSet { future: Some(job), ..JobSet::clone(present) }));
            }
        });
        Ok(())
    }

    fn payouts(&self, pay_to: &PayTo, parts: &JobParts, template: &Template) -> Result<Payouts, PayoutError> {
        // What a template has no room for is never put into it.
        let in_block = template.reserve.output_bytes.saturating_sub(self.extras().output_bytes());
        self.config.ruling.payouts(pay_to, parts, &self.config.script_sig.for_size(), in_block)
    }

    fn extras(&self) -> Arc<Extras> {
        self.config.extras.borrow().clone()
    }

    fn drop_unused_variants(&mut self) {
        self.variants.retain(|pay_to, variant| *pay_to == PayTo::Pool || variant.jobs.receiver_count() > 0);
    }

    fn wave_has_ended(&mut self) {
        self.wave_runs = false;
        if let Some(tip) = &self.tip {
            self.config.delivered.send_replace(tip.tip.prev_hash);
        }
        if self.held_back {
            self.take_template();
        }
    }

    fn announce_tip(&mut self) {
        self.wave_runs = true;
        self.wave.start(self.tip.as_ref().map_or(0, |tip| tip.sequence));
        self.wave_limit = Instant::now() + Self::LONGEST_WAVE;
        self.announce();
    }

    fn announce(&self) {
        self.crier.cry();
        self.generation.send_modify(|generation| *generation += 1);
    }
}

fn tip_of(template: &Template) -> Tip {
    Tip {
        prev_hash: template.prev_hash,
        nbits: template.nbits,
        network_target: Target::from_compact(template.nbits),
        min_ntime: template.min_ntime,
    }
}

fn parts_of(template: &Template, extras: &Extras) -> JobParts {
    JobParts {
        height: template.height,
        version: template.version,
        coinbase: extras.in_coinbase(template.coinbase.clone()),
        merkle_path: template.merkle_path.clone(),
        fees: template.fees,
    }
}

async fn heat_due(heat: &mut Option<HeatWatch>) {
    match heat {
        Some(heat) => heat.due().await,
        None => std::future::pending().await,
    }
}

/// Comes when the wave is over, or at `limit`.
async fn over(wave: TipWave, limit: Instant) {
    tokio::select! {
        () = wave.over() => {}
        () = tokio::time::sleep_until(limit) => {}
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
