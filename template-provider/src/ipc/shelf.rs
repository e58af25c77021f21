//! Templates that solutions may still come for. They outlive the connection that
//! brought them: with its transactions fetched, a template can be made a block even
//! when Core is gone.

use super::block::Body;
use super::node::NodeTemplate;
use crate::Template;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use work::Hash256;

/// The shelf, oldest first.
#[derive(Default)]
pub(super) struct Shelf(VecDeque<Entry>);

pub(super) struct Entry {
    pub(super) template: Arc<Template>,
    /// The node's side of it, while connected.
    pub(super) node: Option<NodeTemplate>,
    /// Its transactions, once they were fetched.
    pub(super) body: Option<Rc<Body>>,
    /// Since when its tip is no longer the tip.
    retired: Option<Instant>,
}

impl Shelf {
    /// Kept this long after the tip moved on: a share may be on its way.
    const GRACE: Duration = Duration::from_secs(10);
    /// Kept at most, of the present tip and older ones together.
    const MOST: usize = 64;
    /// Kept in any case, however old, for a share that comes very late.
    const LAST_FEW: usize = 4;
    /// Only so many with their transactions, which are megabytes.
    const BODIES: usize = 6;

    /// Puts a published template on the shelf, and drops those that had their time.
    pub(super) fn put(&mut self, template: Arc<Template>, node: NodeTemplate, now: Instant) {
        let tip = template.prev_hash;
        self.retire_all_but(tip, now);
        let body = (template.transactions == 0).then(|| Rc::new(Body::empty()));
        self.0.push_back(Entry { template, node: Some(node), body, retired: None });
        self.drop_expired(now);
    }

    pub(super) fn find(&self, id: u64) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.template.id == id)
    }

    /// The newest template whose transactions were not fetched yet.
    pub(super) fn newest_without_body(&self) -> Option<(u64, NodeTemplate)> {
        let newest = self.0.back().filter(|entry| entry.body.is_none())?;
        Some((newest.template.id, newest.node.clone()?))
    }

    /// The transactions of template `id` were fetched.
    pub(super) fn set_body(&mut self, id: u64, body: Rc<Body>) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.template.id == id) {
            entry.body = Some(body);
        }
        let heavy =
            self.0.iter_mut().rev().filter(|entry| entry.template.transactions > 0 && entry.body.is_some());
        for entry in heavy.skip(Shelf::BODIES) {
            entry.body = None;
        }
    }

    /// The connection is going or gone, and with it the node's side of everything.
    pub(super) fn leave_node(&mut self) {
        for entry in &mut self.0 {
            entry.node = None;
        }
    }

    fn retire_all_but(&mut self, tip: Hash256, now: Instant) {
        for entry in &mut self.0 {
            if entry.template.prev_hash == tip {
                entry.retired = None;
            } else {
                entry.retired.get_or_insert(now);
            }
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        let is_old = |entry: &Entry| {
            entry.retired.is_some_and(|since| now.saturating_duration_since(since) > Shelf::GRACE)
        };
        while self.0.len() > Shelf::MOST
            || (self.0.len() > Shelf::LAST_FEW && self.0.front().is_some_and(is_old))
        {
            self.0.pop_front();
        }
    }
}
