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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mining_capnp::block_template;

    struct Nothing;
    impl block_template::Server for Nothing {}

    fn held() -> NodeTemplate {
        NodeTemplate(capnp_rpc::new_client(Nothing))
    }

    fn template(id: u64, tip: u8) -> Arc<Template> {
        Arc::new(Template { id, transactions: 1, ..Template::example(tip, u32::from(tip)) })
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn templates_of_an_older_tip_stay_for_the_grace_and_the_last_few_longer() {
        let start = Instant::now();
        let mut shelf = Shelf::default();
        for id in 1..=6 {
            shelf.put(template(id, 1), held(), start);
        }
        shelf.put(template(7, 2), held(), start + SECOND);
        shelf.put(template(8, 2), held(), start + Shelf::GRACE);
        assert!(shelf.find(1).is_some(), "within the grace");
        shelf.put(template(9, 2), held(), start + Shelf::GRACE + 2 * SECOND);
        assert!(shelf.find(5).is_none(), "past the grace");
        assert!(shelf.find(6).is_some(), "one of the last few");
        assert!(shelf.find(9).is_some());
    }

    #[test]
    fn templates_of_the_present_tip_stay_up_to_a_number() {
        let start = Instant::now();
        let mut shelf = Shelf::default();
        for id in 1..=Shelf::MOST as u64 {
            shelf.put(template(id, 1), held(), start + 600 * SECOND);
        }
        assert!(shelf.find(1).is_some());
        shelf.put(template(1_000, 1), held(), start);
        assert!(shelf.find(1).is_none());
    }

    #[test]
    fn only_the_newest_templates_keep_their_transactions() {
        let mut shelf = Shelf::default();
        for id in 1..=Shelf::BODIES as u64 + 1 {
            shelf.put(template(id, 1), held(), Instant::now());
            assert_eq!(shelf.newest_without_body().unwrap().0, id);
            shelf.set_body(id, Rc::new(Body::empty()));
        }
        assert!(shelf.find(1).unwrap().body.is_none());
        assert!(shelf.find(2).unwrap().body.is_some());
    }

    #[test]
    fn transactions_outlive_the_connection_that_brought_them() {
        let mut shelf = Shelf::default();
        shelf.put(template(1, 1), held(), Instant::now());
        shelf.set_body(1, Rc::new(Body::empty()));
        shelf.leave_node();
        let entry = shelf.find(1).unwrap();
        assert!(entry.node.is_none() && entry.body.is_some());
    }
}
