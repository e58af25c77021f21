//! Which template may be published after which.
//!
//! Two loops ask Core for templates at the same time, so an answer can be overtaken.
//! The rule: never an older tip after a newer one, never a provisional template
//! after a full one of the same tip.

use crate::Template;
use work::Hash256;

/// What to do with a template that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Publish it.
    Publish,
    /// Do so only if Core says that its parent is the tip right now: it is on
    /// another tip that is not higher, by overtaking or by a reorganisation.
    AskForTip,
    /// There is a better one already.
    Drop,
}

/// Remembers what was published last.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: Option<Published>,
}

#[derive(Clone, Copy, Debug)]
struct Published {
    prev_hash: Hash256,
    height: u32,
    nbits: u32,
    fees: u64,
    provisional: bool,
}

impl Order {
    /// The tip of the newest template.
    pub(super) fn tip(&self) -> Option<Hash256> {
        self.last.map(|last| last.prev_hash)
    }

    /// Judges `template`. Between this and publishing nothing else may run.
    pub(super) fn rule(&self, template: &Template) -> Ruling {
        let Some(last) = &self.last else { return Ruling::Publish };
        if template.prev_hash != last.prev_hash {
            return if template.height > last.height { Ruling::Publish } else { Ruling::AskForTip };
        }
        if template.provisional && !last.provisional { Ruling::Drop } else { Ruling::Publish }
    }

    /// Whether `template` is worth a new job: another tip or difficulty, the full
    /// template after a provisional one, or fees that rose by `threshold` satoshi.
    pub(super) fn is_news(&self, template: &Template, threshold: u64) -> bool {
        self.last.is_none_or(|last| {
            last.prev_hash != template.prev_hash
                || last.nbits != template.nbits
                || last.provisional
                || template.fees >= last.fees.saturating_add(threshold.max(1))
        })
    }

    /// `template` was published.
    pub(super) fn note(&mut self, template: &Template) {
        self.last = Some(Published {
            prev_hash: template.prev_hash,
            height: template.height,
            nbits: template.nbits,
            fees: template.fees,
            provisional: template.provisional,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(tip: u8, height: u32, provisional: bool, fees: u64) -> Template {
        Template { provisional, fees, ..Template::example(tip, height) }
    }

    fn after(published: &[Template]) -> Order {
        let mut order = Order::default();
        for template in published {
            order.note(template);
        }
        order
    }

    #[test]
    fn provisional_template_is_followed_by_the_full_one_but_never_the_other_way() {
        let order = after(&[template(1, 10, true, 0)]);
        assert_eq!(order.rule(&template(1, 10, false, 5)), Ruling::Publish);
        let order = after(&[template(1, 10, false, 5)]);
        assert_eq!(order.rule(&template(1, 10, true, 0)), Ruling::Drop);
    }

    #[test]
    fn higher_tip_is_published_and_a_lower_or_equal_one_only_when_core_confirms_it() {
        let order = after(&[template(2, 11, false, 5)]);
        assert_eq!(order.rule(&template(3, 12, true, 0)), Ruling::Publish);
        assert_eq!(order.rule(&template(1, 10, false, 0)), Ruling::AskForTip);
        assert_eq!(order.rule(&template(4, 11, true, 0)), Ruling::AskForTip);
    }

    #[test]
    fn only_risen_fees_make_news_on_the_same_tip() {
        let order = after(&[template(1, 10, false, 100)]);
        assert!(!order.is_news(&template(1, 10, false, 149), 50));
        assert!(order.is_news(&template(1, 10, false, 150), 50));
        assert!(!order.is_news(&template(1, 10, false, 100), 0));
        assert!(order.is_news(&template(2, 11, false, 0), 50));
        assert!(after(&[template(1, 10, true, 0)]).is_news(&template(1, 10, false, 0), 50));
    }
}
