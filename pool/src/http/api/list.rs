//! Long lists, a piece at a time.

use crate::described::{Described, Schemas};
use crate::http::problem::Problem;
use crate::http::query::{Query, Read};
use serde::Serialize;
use serde_json::{Value, json};

/// Which piece: `offset` entries are passed over, `limit` are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Entries to pass over.
    pub offset: usize,
    /// Entries wanted; at most 500.
    pub limit: usize,
}

/// A piece of a list.
#[derive(Clone, Debug, Serialize)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Entries in all.
    pub total: usize,
    /// Entries passed over.
    pub offset: usize,
    /// The offset of the next piece; none after the last.
    pub next: Option<usize>,
}

impl<T: Described> Described for List<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        let items = Vec::<T>::schema(schemas);
        let count = json!({"type": "integer", "minimum": 0});
        json!({
            "type": "object",
            "required": ["items", "total", "offset", "next"],
            "properties": {
                "items": items,
                "total": count,
                "offset": count,
                "next": {"oneOf": [{"type": "null"}, count], "description": "Offset of the next piece."},
            },
        })
    }
}

impl Read for Piece {
    fn read(query: &Query) -> Result<Piece, Problem> {
        let usual = Piece::default();
        Ok(Piece {
            offset: query.number("offset")?.unwrap_or(usual.offset),
            limit: query.number("limit")?.unwrap_or(usual.limit),
        })
    }
}

impl Default for Piece {
    fn default() -> Piece {
        Piece { offset: 0, limit: 100 }
    }
}

impl Piece {
    /// This piece of `all`.
    pub fn of<T: Clone>(&self, all: &[T]) -> List<T> {
        const MOST: usize = 500;
        let limit = self.limit.clamp(1, MOST);
        let items: Vec<T> = all.iter().skip(self.offset).take(limit).cloned().collect();
        let after = self.offset.saturating_add(items.len());
        List { total: all.len(), offset: self.offset, next: (after < all.len()).then_some(after), items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_to_the_end() {
        let all: Vec<u32> = (0..5).collect();
        let first = Piece { offset: 0, limit: 2 }.of(&all);
        assert_eq!((first.items, first.next, first.total), (vec![0, 1], Some(2), 5));
        let last = Piece { offset: 4, limit: 2 }.of(&all);
        assert_eq!((last.items, last.next), (vec![4], None));
        let beyond = Piece { offset: usize::MAX, limit: 0 }.of(&all);
        assert!(beyond.items.is_empty() && beyond.next.is_none());
    }
}
