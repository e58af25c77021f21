//! Where members are paid.

use super::split::Split;
use crate::MemberId;
use bitcoin::{Script, ScriptBuf};
use std::collections::BTreeMap;

/// The host's account. Members are numbered from 1.
pub const HOST: MemberId = MemberId(0);

/// Who is paid where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    scripts: BTreeMap<MemberId, ScriptBuf>,
    splits: BTreeMap<MemberId, Split>,
}

impl Directory {
    /// Pays `member` (or [`HOST`]) to `script`.
    pub fn pay(&mut self, member: MemberId, script: ScriptBuf) {
        self.scripts.insert(member, script);
    }

    /// Whatever `member` earns belongs to others, who are paid by their own scripts. The
    /// parts are plain members: those of a split within a split get nothing of it.
    pub fn split(&mut self, member: MemberId, split: Split) {
        self.splits.insert(member, split);
    }

    /// Where `member` is paid. None for a split, and for a name that is no address.
    pub fn script(&self, member: MemberId) -> Option<&Script> {
        self.scripts.get(&member).map(ScriptBuf::as_script)
    }

    /// Whose `member`'s earnings are, if not its own.
    pub fn split_of(&self, member: MemberId) -> Option<&Split> {
        self.splits.get(&member)
    }

    /// What ties are broken by: the bytes of the script, then the number; those without a
    /// script come last.
    pub fn rank(&self, member: MemberId) -> (bool, &[u8], MemberId) {
        let script = self.script(member);
        (script.is_none(), script.map(Script::as_bytes).unwrap_or_default(), member)
    }
}
