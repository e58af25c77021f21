//! A pool that cheats is caught, and the fraud is called by its name.
//!
//! Each test is a pool that mines honestly and then tells its ledger differently. It holds
//! the signing key, so that what it tells is signed: a signature alone proves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod pool;

use ledger::audit::{Auditor, Discrepancy, Evidence, OwnShares, Report, compare_heads};
use ledger::payout::{Ppm, Rules};
use ledger::{BookEntry, Commitment, Payment, RecordedShare, ShareContext, ShareTerms, Signer, WorkSum};
use pool::*;
use std::sync::Arc;
use work::{Hash256, Target};

/// The place of the n-th share.
fn share_at(evidence: &[Evidence], n: usize) -> usize {
    let shares = evidence.iter().enumerate().filter(|(_, each)| matches!(each, Evidence::Share(_)));
    shares.map(|(place, _)| place).nth(n).unwrap()
}

fn share(evidence: &[Evidence], n: usize) -> RecordedShare {
    match &evidence[share_at(evidence, n)] {
        Evidence::Share(share) => share.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same share under other terms.
fn under(share: &RecordedShare, change: impl FnOnce(&mut ShareTerms)) -> RecordedShare {
    let mut terms = share.context.terms().clone();
    change(&mut terms);
    RecordedShare { context: Arc::new(ShareContext::new(terms).unwrap()), ..share.clone() }
}

#[test]
fn an_honest_pool_is_clean_whatever_its_rules() {
    let with_fee = Rules { host_fee: Ppm(10_000), finder_bonus: Ppm(50_000), ..Rules::default() };
    for rules in [Rules::default(), with_fee] {
        let pool = honest_day(rules.clone());
        let report = audit(&pool.evidence);
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.shares, report.slices, report.open_shares), (111, 6, 0), "{report}");
        assert_eq!(report.members.iter().map(|member| member.shares).sum::<u64>(), 111);
        assert_eq!(report.members.iter().map(|member| member.balance).sum::<i64>(), 0);
        assert_eq!(report.rules.iter().map(|each| &each.rules).collect::<Vec<_>>(), [&rules]);
        assert!(report.blocks[0].proven && report.blocks[0].booked && report.blocks[0].state == "in-chain");
        assert!(report.to_string().ends_with("Nothing is wrong."), "{report}");
    }
}

#[test]
fn inflating_a_members_shares_is_caught() {
    let honest = honest_day(Rules::default());
    let lying = signed_heads(honest.evidence, |head, members| {
        if head.slice == 2 {
            let sum = &mut members.iter_mut().find(|(name, _)| &**name == BOB).unwrap().1;
            sum.work.0 *= 2;
        }
    });
    let report = audit(&lying);
    assert_eq!(names(&report), ["members-rewritten", "wrong-member-sum", "wrong-sum"], "{report}");
    let named = |found: &&Discrepancy| matches!(found, Discrepancy::WrongMemberSum { slice: 2, member, .. } if member == BOB);
    assert_eq!(report.discrepancies.iter().filter(named).count(), 1, "{report}");
}

#[test]
fn crediting_an_invented_member_is_caught() {
    let honest = honest_day(Rules::default());
    let lying = signed_heads(honest.evidence.clone(), |head, members| {
        if head.slice == 3 {
            let sum = WorkSum::of_shares(5, ledger::Work(16), 0).unwrap();
            members.push((EVE.into(), sum));
        }
    });
    let report = audit(&lying);
    assert!(names(&report).contains(&"invented-member"), "{report}");
    assert!(report.to_string().contains(&format!("{EVE} is credited with 5 shares")), "{report}");

    // With shares made up for her: they have no proof of work, or are somebody else's.
    let mut made_up = honest.evidence.clone();
    let mut invented = under(&share(&made_up, 0), |terms| {
        terms.member = EVE.into();
        terms.target = target(40);
    });
    invented.share.submission.nonce ^= 0x5555_5555;
    made_up.insert(share_at(&made_up, 1), Evidence::Share(invented));
    let report = audit(&honest_heads(renumbered(made_up)));
    assert!(names(&report).contains(&"no-proof-of-work"), "{report}");

    let mut copied = honest.evidence;
    let copy = under(&share(&copied, 3), |terms| terms.member = EVE.into());
    copied.insert(share_at(&copied, 5), Evidence::Share(copy));
    let report = audit(&honest_heads(renumbered(copied)));
    assert!(names(&report).contains(&"reused-share"), "{report}");
    assert!(report.to_string().contains(&format!("of {EVE} was credited before")), "{report}");
}

#[test]
fn dropping_a_members_accepted_shares_is_caught_by_the_member_and_by_any_head_shown_before() {
    let mut pool = Pool::new(Rules::default());
    let accepted: Vec<(RecordedShare, Hash256)> = pool.mine(BOB, 12);
    pool.mine(ANN, 3);
    pool.close();
    let shown = pool.heads();
    let mut dropped = pool.evidence.clone();
    dropped.remove(share_at(&dropped, 4));

    // Left as they are, the numbers show it.
    let report = audit(&honest_heads(dropped.clone()));
    assert_eq!(names(&report), ["shares-missing"], "{report}");

    // Numbered anew, only the member knows - or whoever has seen the head.
    let lying = honest_heads(renumbered(dropped));
    assert!(audit(&lying).is_clean());
    let report = audit_knowing(&lying, shown);
    assert_eq!(names(&report), ["two-histories"], "{report}");

    let mut bob = OwnShares::default();
    let told = |bob: &mut OwnShares| {
        for (share, hash) in &accepted {
            assert_eq!(bob.accepted(BOB, *hash, target(4), share.received.into()), []);
        }
    };
    told(&mut bob);
    let follow = |bob: &mut OwnShares, evidence: &[Evidence]| {
        for each in evidence {
            if let Evidence::Share(share) = each {
                assert_eq!(bob.recorded(share, &share.header().unwrap().hash()), []);
            }
        }
        let mut later = heads(evidence).pop().unwrap().head;
        later.closed += 2 * OwnShares::TOLERANCE as u32;
        bob.closed(&later)
    };
    let missing = follow(&mut bob, &lying);
    let hash = accepted[4].1.to_string();
    assert!(
        matches!(&missing[..], [Discrepancy::MyShareMissing { hash: found, .. }] if *found == hash),
        "{missing:?}"
    );

    let mut bob = OwnShares::default();
    told(&mut bob);
    assert_eq!(follow(&mut bob, &pool.evidence), []);
    assert_eq!(bob.waiting(), 0);
}

#[test]
fn a_share_that_is_not_in_the_answer_to_a_question_asked_after_it_was_accepted_is_missing() {
    let mut pool = Pool::new(Rules::default());
    let accepted = pool.mine(BOB, 3);
    let mut bob = OwnShares::default();
    let record = |bob: &mut OwnShares, n: usize| {
        let (share, hash) = &accepted[n];
        assert_eq!(bob.recorded(share, hash), []);
    };
    let accept = |bob: &mut OwnShares, n: usize| {
        assert_eq!(bob.accepted(BOB, accepted[n].1, target(4), 0), []);
    };
    accept(&mut bob, 0);
    accept(&mut bob, 1);
    let asked = bob.mark();
    // The third is accepted while the answer is under way: it may be in the next one.
    accept(&mut bob, 2);
    record(&mut bob, 0);
    let missing = bob.caught_up(asked);
    let hash = accepted[1].1.to_string();
    assert!(matches!(&missing[..], [Discrepancy::MyShareMissing { hash: found, .. }] if *found == hash));
    let asked = bob.mark();
    record(&mut bob, 2);
    assert_eq!(bob.caught_up(asked), []);
    assert_eq!((bob.waiting(), bob.seen()), (0, 2));
}

#[test]
fn crediting_at_a_harder_target_than_was_worked_at_is_caught() {
    let honest = honest_day(Rules::default());
    let mut lying = honest.evidence.clone();
    let place = share_at(&lying, 105);
    lying[place] = Evidence::Share(under(&share(&lying, 105), |terms| terms.target = target(20)));
    let report = audit(&honest_heads(lying));
    assert_eq!(names(&report), ["no-proof-of-work"], "{report}");

    // Where the hash happens to meet the harder target, chance does not favour one member.
    let mut pool = Pool::new(Rules::default());
    let job = pool.job(EVE);
    let easy = pool.context(EVE, &job, target(4));
    for _ in 0..150 {
        let (share, hash) = pool.search(&easy, target(4), false);
        let zeros = Target::from_le_bytes(hash.0).difficulty().0 / target(0).difficulty().0;
        let fitting = target(zeros.log2() as u32);
        pool.take(under(&share, |terms| terms.target = fitting));
    }
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["credited-by-luck"], "{report}");

    let mut honest = Pool::new(Rules::default());
    honest.mine(EVE, 150);
    honest.close();
    assert!(audit(&honest.evidence).is_clean());
}

#[test]
fn crediting_my_share_at_an_easier_target_than_i_worked_at_is_caught() {
    let mut pool = Pool::new(Rules::default());
    let (share, hash) = pool.mine(BOB, 1).pop().unwrap();
    let mut bob = OwnShares::default();
    bob.accepted(BOB, hash, target(4), 0);
    let cheap = under(&share, |terms| terms.target = target(3));
    let found = bob.recorded(&cheap, &hash);
    assert_eq!(found[0].name(), "my-share-devalued");

    // Also if the ledger is quicker than the pool's answer.
    let mut bob = OwnShares::default();
    assert_eq!(bob.recorded(&cheap, &hash), []);
    assert_eq!(bob.accepted(BOB, hash, target(4), 0), found);
}

#[test]
fn crediting_my_share_to_somebody_else_is_caught() {
    let mut pool = Pool::new(Rules::default());
    let (share, hash) = pool.mine(BOB, 1).pop().unwrap();
    let credited_to = |mine: &str, member: &str| {
        let mut own = OwnShares::default();
        own.accepted(mine, hash, target(4), 0);
        let found = own.recorded(&under(&share, |terms| terms.member = member.into()), &hash);
        found.iter().map(Discrepancy::name).collect::<Vec<_>>()
    };
    assert_eq!(credited_to(BOB, EVE), ["my-share-taken"]);
    assert_eq!(credited_to("bob", "eve"), ["my-share-taken"]);
    // The same address in another spelling; a name that the host has given to an address.
    assert_eq!(credited_to(&ANN.to_uppercase(), ANN), [""; 0]);
    assert_eq!(credited_to("ann", ANN), [""; 0]);
}

#[test]
fn signing_two_histories_is_caught_and_both_heads_are_the_proof() {
    let honest = honest_day(Rules::default());
    let other = signed_heads(honest.evidence.clone(), |head, _| head.closed += 1);
    assert_eq!(audit(&other).discrepancy_count, 0, "each alone is in order");
    let found = compare_heads(&honest.heads(), &heads(&other));
    assert_eq!(found.len(), 6);
    assert!(found.iter().all(|found| found.name() == "two-histories"));
    assert_eq!(compare_heads(&honest.heads(), &honest.heads()[2..]), []);

    // A head that was shown and is not in the ledger any more.
    let end = honest.evidence.iter().rposition(|each| matches!(each, Evidence::Slice { .. })).unwrap();
    let before =
        honest.evidence[..end].iter().rposition(|each| matches!(each, Evidence::Slice { .. })).unwrap();
    let report = audit_knowing(&honest.evidence[..=before], honest.heads());
    assert_eq!(names(&report), ["head-withdrawn"], "{report}");

    // What somebody else signed proves nothing against the pool.
    let forged = honest.heads()[0].head.clone();
    let mut forged = ledger::Head { closed: forged.closed + 5, ..forged }.sign(&Key::new(2));
    assert!(audit_knowing(&honest.evidence, vec![forged.clone()]).is_clean());
    forged.signer = honest.heads()[0].signer;
    assert!(audit_knowing(&honest.evidence, vec![forged]).is_clean());
}

#[test]
fn a_coinbase_that_pays_otherwise_than_the_rule_is_caught() {
    let mut pool = honest_day(Rules::default());
    let mut outputs = pool.plan(ANN).plan().tx_outputs();
    let thousand = bitcoin::Amount::from_sat(1_000);
    outputs[0].value -= thousand;
    outputs[1].value += thousand;
    let job = pool.job_that_pays(outputs);
    let context = pool.context(ANN, &job, target(4));
    let (share, _) = pool.search(&context, target(4), false);
    pool.take(share);
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["wrong-payout"], "{report}");
    assert_eq!(report.discrepancy_count, 2, "who gets less and who gets more: {report}");
    assert!([ANN, BOB].iter().all(|name| report.to_string().contains(&format!("pays {name} "))), "{report}");

    // To a stranger.
    let mut pool = honest_day(Rules::default());
    let mut outputs = pool.plan(ANN).plan().tx_outputs();
    outputs[0].script_pubkey = vec![0x6a, 1, 7].into();
    let job = pool.job_that_pays(outputs);
    let context = pool.context(ANN, &job, target(4));
    let (share, _) = pool.search(&context, target(4), false);
    pool.take(share);
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["wrong-payout"], "{report}");
    assert!(report.to_string().contains("pays the script 6a0107 "), "{report}");
}

/// A day on which the last job's coinbase has `more` behind its payouts, which are right.
fn day_with(more: Vec<bitcoin::TxOut>) -> Report {
    let mut pool = honest_day(Rules::default());
    let outputs = [pool.plan(ANN).plan().tx_outputs(), more].concat();
    let job = pool.job_that_pays(outputs);
    let context = pool.context(ANN, &job, target(4));
    let (share, _) = pool.search(&context, target(4), false);
    pool.take(share);
    pool.close();
    audit(&pool.evidence)
}

fn output(value: u64, script: Vec<u8>) -> bitcoin::TxOut {
    bitcoin::TxOut { value: bitcoin::Amount::from_sat(value), script_pubkey: script.into() }
}

#[test]
fn commitments_behind_the_payouts_are_clean_and_value_among_them_is_caught() {
    let commitment = || output(0, vec![0x6a, 3, 1, 2, 3]);
    let head = honest_day(Rules::default()).heads().last().unwrap().head.hash();
    let anchor = output(0, ledger::anchor::script(head).into_bytes());
    let clean = day_with(vec![commitment(), anchor]);
    assert!(clean.is_clean() && clean.jobs_anchored == 1, "{clean}");

    // Value in a commitment is burnt, and behind it, goes to a stranger.
    for hidden in [output(1, vec![0x6a, 3, 1, 2, 3]), output(1, vec![0x51; 22])] {
        let report = day_with(vec![commitment(), hidden]);
        assert_eq!(names(&report), ["wrong-payout"], "{report}");
    }
    let report = day_with(vec![output(0, vec![0x51; 22])]);
    assert_eq!(names(&report), ["wrong-basis"], "{report}");
}

#[test]
fn an_anchor_of_a_head_that_the_ledger_does_not_have_is_caught() {
    let other = Commitment([7; 32]);
    let report = day_with(vec![output(0, ledger::anchor::script(other).into_bytes())]);
    assert_eq!(names(&report), ["wrong-anchor"], "{report}");
    assert!(report.to_string().contains(&other.to_string()), "{report}");
}

#[test]
fn a_job_that_pays_by_a_state_long_past_is_caught() {
    let mut pool = honest_day(Rules::default());
    let old = pool.job(ANN);
    for _ in 0..6 {
        pool.mine(BOB, 2);
        pool.now += 60;
        pool.close();
    }
    pool.tip += 1;
    // The old payouts on the new tip.
    let basis = old.basis.clone();
    let outputs = ledger::audit::coinbase_outputs(&old).unwrap();
    let fresh = pool.job_that_pays(outputs);
    let mut parts = ledger::JobParts::clone(&fresh);
    parts.basis = basis;
    let stale = Arc::new(ledger::JobRecord::new(parts).unwrap());
    let context = pool.context(ANN, &stale, target(4));
    let (share, _) = pool.search(&context, target(4), false);
    pool.take(share);
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["wrong-basis"], "{report}");
}

#[test]
fn paying_a_round_again_on_top_of_the_block_that_paid_it_is_caught() {
    let mut pool = honest_day(Rules::default());
    let before = pool.clone();
    pool.parent = Some(pool.find_block(BOB));
    let told = pool.evidence.clone();
    // The coinbase on its own block pays what that block has paid.
    pool.pay_by_the_state_before(&before);
    for (later, found) in [(10, vec![]), (600, vec!["wrong-basis"])] {
        pool.evidence = told.clone();
        pool.now += later;
        pool.mine(ANN, 1);
        let report = audit(&pool.evidence);
        assert_eq!(names(&report), found, "{report}");
        assert!(found.is_empty() || report.to_string().contains("has paid already"), "{report}");
    }
}

#[test]
fn backdating_a_slice_is_caught() {
    let honest = honest_day(Rules::default());
    // Its head alone.
    let head_only = signed_heads(honest.evidence.clone(), |head, _| {
        if head.slice == 5 {
            head.opened -= 86_400;
            head.closed -= 86_400;
        }
    });
    assert_eq!(names(&audit(&head_only)), ["backdated"]);
    // Its shares with it.
    let place = |n: usize| share_at(&honest.evidence, n);
    let mut with_shares = honest.evidence.clone();
    for each in &mut with_shares[place(81)..] {
        match each {
            Evidence::Share(share) => share.received -= 86_400,
            Evidence::Slice { head, .. } => head.head.closed -= 86_400,
            _ => {}
        }
    }
    let report = audit(&honest_heads(with_shares));
    assert_eq!(names(&report), ["backdated"], "{report}");
    // All of it: but the work itself shows that it is younger.
    let mut all = honest.evidence;
    for each in &mut all {
        match each {
            Evidence::Share(share) => share.received -= 86_400,
            Evidence::Slice { head, .. } => head.head.closed -= 86_400,
            _ => {}
        }
    }
    let report = audit(&honest_heads(all));
    assert_eq!(names(&report), ["backdated"], "{report}");
    assert!(report.to_string().contains("before the block that it builds on could be"), "{report}");
}

#[test]
fn using_a_share_again_is_caught_however_long_after() {
    let mut pool = honest_day(Rules::default());
    let first = share(&pool.evidence, 82);
    pool.take(first.clone());
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["reused-share"], "{report}");

    let mut pool = honest_day(Rules::default());
    for _ in 0..8 {
        pool.tip += 1;
        pool.mine(BOB, 1);
        pool.close();
    }
    pool.take(first);
    pool.close();
    let report = audit(&pool.evidence);
    assert_eq!(names(&report), ["old-work"], "{report}");
}

#[test]
fn booking_other_credits_than_the_rule_says_is_caught() {
    let mut pool = honest_day(Rules::default());
    for each in &mut pool.evidence {
        if let Evidence::Entry(BookEntry::Booked { payments, .. }) = each {
            payments[0].due += 5_000;
            payments[1].due -= 5_000;
        }
    }
    let report = audit(&honest_heads(pool.evidence));
    assert!(names(&report).contains(&"wrong-booking"), "{report}");

    let mut pool = honest_day(Rules::default());
    for each in &mut pool.evidence {
        if let Evidence::Entry(BookEntry::Booked { payments, .. }) = each {
            payments[0].due += 1;
        }
    }
    let report = audit(&honest_heads(pool.evidence));
    assert!(names(&report).contains(&"unbalanced-booking"), "{report}");
}

/// What Bob, who was told that these shares of his are accepted, finds about what blocks pay him.
fn unpaid_for_bob(evidence: &[Evidence], accepted: &[(RecordedShare, Hash256)]) -> Vec<Discrepancy> {
    let mut auditor = Auditor::new(Some(Key::new(1).public_key()), Vec::new());
    let mut own = OwnShares::default();
    for (_, hash) in accepted {
        assert_eq!(own.accepted(BOB, *hash, target(4), 0), []);
    }
    for each in evidence {
        match each {
            Evidence::Share(share) => {
                let hash = auditor.share(share).unwrap();
                assert_eq!(own.recorded(share, &hash), []);
            }
            other => auditor.add(other),
        }
    }
    let found = own.unpaid(&auditor);
    assert_eq!(own.unpaid(&auditor), [], "each is told once");
    found
}

#[test]
fn a_block_that_neither_pays_me_nor_credits_me_what_the_rule_says_is_caught_by_me() {
    // A quarter of a block, which is Bob's, is an output in the one case and a credit in the other.
    let (paid, credited) = (VALUE / 4, VALUE as i64 / 4);
    for (min_payout, right) in [(5_000, (paid, 0)), (2_000_000_000, (0, credited))] {
        let mut pool = Pool::new(Rules { min_payout, ..Rules::default() });
        pool.mine(ANN, 30);
        let bobs = pool.mine(BOB, 10);
        pool.close();
        let mut honest = pool.clone();
        honest.find_block(ANN);
        assert_eq!(unpaid_for_bob(&honest.evidence, &bobs), []);

        // Ann's job pays her alone, and the book has nothing for anybody else.
        let alone = vec![bitcoin::TxOut {
            value: bitcoin::Amount::from_sat(VALUE),
            script_pubkey: pool.plan(ANN).plan().tx_outputs()[0].script_pubkey.clone(),
        }];
        let job = pool.job_that_pays(alone);
        let payments = vec![Payment { member: ANN.into(), due: VALUE, paid: VALUE }];
        let mut cheating = pool.clone();
        cheating.find_block_on(ANN, &job, Some(payments));
        // Or nothing is booked, however long one waits.
        let mut silent = pool.clone();
        let job = silent.job(ANN);
        silent.find_block_on(ANN, &job, None);
        let early = unpaid_for_bob(&silent.evidence, &bobs);
        assert_eq!(early, [], "it may be booked yet");
        for _ in 0..2 {
            silent.now += 61;
            silent.mine(ANN, 1);
            silent.close();
        }
        assert!(names(&audit(&silent.evidence)).contains(&"wrong-booking"));
        let cases = if right.0 > 0 { vec![&cheating] } else { vec![&cheating, &silent] };
        for pool in cases {
            let found = unpaid_for_bob(&pool.evidence, &bobs);
            let [Discrepancy::MyPayoutMissing { paid: 0, credited: 0, right_paid, right_credited, .. }] =
                &found[..]
            else {
                panic!("{found:?}");
            };
            assert_eq!((*right_paid, *right_credited), right);
            assert_eq!(found[0].name(), "my-payout-missing");
        }
    }
}

#[test]
fn keeping_quiet_about_a_block_is_caught() {
    let honest = honest_day(Rules::default());
    let mut quiet = honest.evidence;
    quiet.retain(|each| !matches!(each, Evidence::Entry(_)));
    let report = audit(&honest_heads(quiet));
    assert!(names(&report).contains(&"block-concealed"), "{report}");
}

#[test]
fn a_block_that_somebody_else_found_or_nobody_is_caught() {
    let mut pool = honest_day(Rules::default());
    for each in &mut pool.evidence {
        if let Evidence::Entry(BookEntry::Found(block)) = each {
            block.member = EVE.into();
        }
    }
    let report = audit(&honest_heads(pool.evidence));
    assert!(names(&report).contains(&"no-such-block"), "{report}");

    let mut pool = honest_day(Rules::default());
    pool.enter(BookEntry::State { hash: Hash256([5; 32]), state: ledger::BlockState::InChain });
    assert_eq!(names(&audit(&pool.evidence)), ["no-such-block"]);
}

#[test]
fn a_slice_that_is_left_out_is_caught() {
    let honest = honest_day(Rules::default());
    let ends: Vec<usize> = (0..honest.evidence.len())
        .filter(|place| matches!(honest.evidence[*place], Evidence::Slice { .. }))
        .collect();
    let mut cut = honest.evidence;
    cut.drain(ends[4] + 1..=ends[5]);
    assert!(audit(&cut).is_clean(), "an end that is not there yet is no fraud");
    cut.drain(ends[1] + 1..=ends[2]);
    let names = names(&audit(&cut));
    assert!(["broken-chain", "shares-missing"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn a_book_that_was_rewritten_after_it_was_signed_is_caught() {
    let mut pool = honest_day(Rules::default());
    pool.evidence.retain(|each| !matches!(each, Evidence::Entry(BookEntry::State { .. })));
    let report = audit(&pool.evidence);
    assert!(names(&report).contains(&"book-rewritten"), "{report}");
}

#[test]
fn a_key_that_the_pool_had_before_may_have_signed_what_came_before_its_present_one() {
    let mut evidence = honest_day(Rules::default()).evidence;
    let mut slices = evidence.iter_mut().filter_map(|each| match each {
        Evidence::Slice { head, .. } => Some(head),
        _ => None,
    });
    let first = slices.next().unwrap();
    **first = first.head.clone().sign(&Key::new(2));
    let last = slices.last().unwrap();
    let honest = last.clone();
    let found = |evidence: &[Evidence]| {
        let auditor = Auditor::new(Some(Key::new(1).public_key()), Vec::new());
        let mut auditor = auditor.after_keys(vec![Key::new(2).public_key()]);
        evidence.iter().for_each(|each| auditor.add(each));
        names(&auditor.finish())
    };
    **last = last.head.clone().sign(&Key::new(2));
    assert_eq!(found(&evidence), ["other-signer"]);
    if let Some(Evidence::Slice { head, .. }) =
        evidence.iter_mut().rfind(|each| matches!(each, Evidence::Slice { .. }))
    {
        *head = honest;
    }
    assert_eq!(found(&evidence), Vec::<&str>::new());
}

#[test]
fn heads_that_somebody_else_signed_are_caught() {
    let honest = honest_day(Rules::default());
    let mut forged = honest.evidence;
    let place = forged.iter().position(|each| matches!(each, Evidence::Slice { .. })).unwrap();
    if let Evidence::Slice { head, .. } = &mut forged[place] {
        **head = head.head.clone().sign(&Key::new(2));
    }
    assert_eq!(names(&audit(&forged)), ["other-signer"]);
    if let Evidence::Slice { head, .. } = &mut forged[place] {
        head.signer = Key::new(1).0.x_only_public_key().0.serialize();
    }
    assert_eq!(names(&audit(&forged)), ["bad-signature"]);
}
