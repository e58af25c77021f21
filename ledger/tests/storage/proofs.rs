//! Proofs for those who do not hold the whole ledger.

use crate::support::{Home, batch, context, store};
use ledger::head::member_leaf;
use ledger::{Batch, Reader};

#[tokio::test]
async fn every_share_and_every_member_of_a_closed_slice_can_be_shown_to_be_in_it() {
    let mut home = Home::new();
    home.rules.shares = 11;
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let members = ["ann", "bob", "cem"].map(|member| context(member, 1, 7));
    let mut all = Batch::default();
    for number in 0..25u32 {
        all.push(&members[number as usize % 3], crate::support::share(number)).unwrap();
    }
    store(&mut sender, all).await;

    let mut reader = Reader::open(&home.path()).unwrap();
    for sequence in 1..=22 {
        let mut proof = reader.share_proof(sequence).unwrap().unwrap();
        assert!(proof.holds(), "share {sequence}");
        proof.share.received += 1;
        assert!(!proof.holds());
    }
    // The third slice is still open, and there are no more shares.
    assert!(reader.share_proof(23).unwrap().is_none() && reader.share_proof(26).unwrap().is_none());

    for slice in [1, 2] {
        for member in ["ann", "bob", "cem"] {
            let proof = reader.member_proof(slice, member).unwrap().unwrap();
            let leaf = member_leaf(&proof.member, &proof.sum);
            assert_eq!(proof.proof.root(leaf), Some(proof.head.head.members_root), "{member} in {slice}");
        }
        assert!(reader.member_proof(slice, "dan").unwrap().is_none());
    }
    store(&mut sender, batch(&members[0], [25])).await;
}
