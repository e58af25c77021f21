//! Two independent witnesses that the bytes stand where miners expect them: SRI's
//! translation, and a header put together from the line's text alone, as firmware does it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use binary_sv2::Sv2OptionOwned;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{CompactTarget, ScriptBuf, TxOut};
use mining_sv2::{NewExtendedMiningJobOwned, SetNewPrevHashOwned};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use stratum_translation::sv1_to_sv2::build_sv2_submit_shares_extended_from_sv1_submit;
use stratum_translation::sv2_to_sv1::build_sv1_notify_from_sv2;
use sv1_api::utils::HexU32Be;
use sv1_api::{client_to_server, json_rpc};
use translator::sv1::notice::JobText;
use translator::upstream::{Command, Event, Job, Opened, Share};
use translator::{Output, Session, SessionConfig};
use work::{CoinbaseTemplate, Extranonce, Hash256, JobWork, Submission, Target, Tip, judge_extended};

const PREFIX: [u8; 4] = [0x07, 0x01, 0x02, 0x03];
const MASK: u32 = 0x1fff_e000;

/// A job, and what it is made of.
#[derive(Clone, Debug)]
struct Made {
    job: Job,
    work: JobWork,
    tip: Tip,
}

fn made(id: u32, height: u32, tip: Tip, ntime: u32, version: u32, path: &[[u8; 32]]) -> Made {
    let template = CoinbaseTemplate {
        version: 2,
        sequence: 0xffff_fffe,
        script_sig_prefix: work::HeightPush::new(height).as_bytes().to_vec(),
        witness: Some([9; 32]),
        value_remaining: 312_500_000,
        required_outputs: Vec::new(),
        lock_time: height - 1,
    };
    let payout = TxOut {
        value: bitcoin::Amount::from_sat(312_500_000),
        script_pubkey: ScriptBuf::from(vec![0x51; 22]),
    };
    let coinbase = template.split(&[payout], b"punchbowl", 16).unwrap();
    let path: Vec<Hash256> = path.iter().map(|hash| Hash256(*hash)).collect();
    let text = JobText::new(&tip.prev_hash, (&coinbase.prefix, &coinbase.suffix), &path);
    let job =
        Job { id, text, prev_hash: tip.prev_hash, version, version_rolling: true, nbits: tip.nbits, ntime };
    Made { job, work: JobWork::new(version, true, coinbase, path), tip }
}

prop_compose! {
    fn any_made()(
        id: u32, height in 100u32..10_000_000, prev_hash: [u8; 32], nbits: u32,
        ntime in 1u32..u32::MAX - 10_000, version: u32,
        path in prop::collection::vec(any::<[u8; 32]>(), 0..6),
    ) -> Made {
        let tip =
            Tip { prev_hash: Hash256(prev_hash), nbits, network_target: Target::ZERO, min_ntime: ntime };
        made(id, height, tip, ntime, version, &path)
    }
}

/// A session that mines `made`, and what it said of it.
fn mining(made: &Made, rolls: bool) -> (Session, Value) {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(SessionConfig::default()), [0xe1, 0xe2, 0xe3, 0xe4], now);
    let mut out = Output::default();
    if rolls {
        let configure = r#"{"id":0,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}"#;
        session.line(configure.as_bytes(), now, &mut out);
    }
    session.line(br#"{"id":1,"method":"mining.subscribe","params":[]}"#, now, &mut out);
    session.line(br#"{"id":2,"method":"mining.authorize","params":["a","x"]}"#, now, &mut out);
    let prefix = Extranonce::new(&PREFIX).unwrap();
    session.event(Event::Opened(Opened { prefix, rolled: 12, target: Target::MAX }), now, &mut out);
    session.event(Event::Job(made.job.clone()), now, &mut out);
    let notify = out.lines.lines().last().unwrap();
    (session, serde_json::from_str(notify).unwrap())
}

fn submit(session: &mut Session, params: &str) -> Option<Share> {
    let mut out = Output::default();
    let line = format!(r#"{{"id":9,"method":"mining.submit","params":{params}}}"#);
    session.line(line.as_bytes(), Instant::now(), &mut out);
    out.commands.into_iter().find_map(|command| match command {
        Command::Submit(share) => Some(share),
        _ => None,
    })
}

/// What firmware does with `mining.notify`: text to header, by the habits of getwork.
fn header_of(params: &Value, extranonce2: &str, ntime: u32, nonce: u32, version: u32) -> Header {
    let text = |index: usize| params[index].as_str().unwrap();
    let coinbase = format!("{}e1e2e3e4{extranonce2}{}", text(2), text(3));
    let coinbase = Vec::from_hex(&coinbase).unwrap();
    let mut root = sha256d::Hash::hash(&coinbase).to_byte_array();
    for branch in params[4].as_array().unwrap() {
        let branch = Vec::from_hex(branch.as_str().unwrap()).unwrap();
        root = sha256d::Hash::hash(&[&root[..], &branch].concat()).to_byte_array();
    }
    let words = Vec::from_hex(text(1)).unwrap();
    let prev_hash: Vec<u8> = words.chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
    Header {
        version: Version::from_consensus(version as i32),
        prev_blockhash: deserialize(&prev_hash).unwrap(),
        merkle_root: deserialize(&root).unwrap(),
        time: ntime,
        bits: CompactTarget::from_unprefixed_hex(text(6)).unwrap(),
        nonce,
    }
}

proptest! {
    #[test]
    fn a_job_is_told_as_sri_tells_it(made in any_made()) {
        let coinbase = made.work.coinbase();
        let path: Vec<_> = made.work.merkle_path().iter().map(|hash| hash.0.into()).collect();
        let job = NewExtendedMiningJobOwned {
            channel_id: 1,
            job_id: made.job.id,
            min_ntime: Sv2OptionOwned::new(Some(made.job.ntime)),
            version: made.job.version,
            version_rolling_allowed: true,
            merkle_path: path.try_into().unwrap(),
            // The prefix is SRI's extranonce1; here it is of the coinbase's first part.
            coinbase_tx_prefix: [&coinbase.prefix[..], &PREFIX].concat().try_into().unwrap(),
            coinbase_tx_suffix: coinbase.suffix.clone().try_into().unwrap(),
        };
        let tip = SetNewPrevHashOwned {
            channel_id: 1,
            job_id: made.job.id,
            prev_hash: made.tip.prev_hash.0.into(),
            min_ntime: made.tip.min_ntime,
            nbits: made.tip.nbits,
        };
        let theirs: json_rpc::Message = build_sv1_notify_from_sv2(tip, job, true).unwrap().into();
        let theirs = serde_json::to_value(theirs).unwrap();
        let (_, ours) = mining(&made, false);
        prop_assert_eq!(&ours["method"], &theirs["method"]);
        // All but the job's name, which is ours to choose.
        for field in 1..9 {
            prop_assert_eq!(&ours["params"][field], &theirs["params"][field], "field {}", field);
        }
    }

    #[test]
    fn a_share_is_understood_as_sri_understands_it(
        made in any_made(), extranonce2: [u8; 8], ntime: u32, nonce: u32, bits: Option<u32>,
    ) {
        let bits = bits.map(|bits| bits & MASK);
        let (mut session, _) = mining(&made, bits.is_some());
        let hex = extranonce2.to_lower_hex_string();
        let rolled = bits.map_or(String::new(), |bits| format!(r#","{bits:08x}""#));
        let params = format!(r#"["a","1","{hex}","{ntime:08x}","{nonce:08x}"{rolled}]"#);
        let ours = submit(&mut session, &params).unwrap();

        let theirs = client_to_server::Submit {
            user_name: "a".into(),
            job_id: made.job.id.to_string(),
            extra_nonce2: extranonce2.to_vec().try_into().unwrap(),
            time: HexU32Be(ntime),
            nonce: HexU32Be(nonce),
            version_bits: bits.map(HexU32Be),
            id: 9,
        };
        let mask = bits.map(|_| HexU32Be(MASK));
        let theirs =
            build_sv2_submit_shares_extended_from_sv1_submit(&theirs, 1, 1, made.job.version, mask).unwrap();
        let fields = ours.submission;
        prop_assert_eq!((ours.job, fields.ntime, fields.nonce, fields.version),
            (theirs.job_id, theirs.ntime, theirs.nonce, theirs.version));
        let rolled = [&[0xe1, 0xe2, 0xe3, 0xe4], &extranonce2[..]].concat();
        prop_assert_eq!(ours.rolled.as_bytes(), rolled);
    }

    #[test]
    fn what_firmware_hashes_is_what_the_pool_judges(
        made in any_made(), extranonce2: [u8; 8], later in 0u32..600, nonce: u32, bits: u32, by_change: bool,
    ) {
        let bits = bits & MASK;
        let (mut session, notify) = mining(&made, true);
        let params = &notify["params"];
        let version = u32::from_str_radix(params[5].as_str().unwrap(), 16).unwrap();
        let rolled_version = version & !MASK | bits;
        // Some firmware sends the bits, some what it has changed.
        let sent_bits = if by_change { rolled_version ^ version } else { bits };
        let ntime = made.job.ntime + later;
        let hex = extranonce2.to_lower_hex_string();
        let header = header_of(params, &hex, ntime, nonce, rolled_version);

        let line = format!(r#"["a","1","{hex}","{ntime:08x}","{nonce:08x}","{sent_bits:08x}"]"#);
        let share = submit(&mut session, &line).unwrap();
        let extranonce = [&PREFIX[..], share.rolled.as_bytes()];
        let fields: Submission = share.submission;
        let judged =
            judge_extended(&made.work, &made.tip, &extranonce, &fields, &Target::MAX, u32::MAX, MASK).unwrap();
        prop_assert_eq!(judged.hash.0, header.block_hash().to_byte_array());
        prop_assert_eq!(serialize(&header).len(), 80);
    }
}
