# Templates from Bitcoin Core, and blocks to it. See README.md.
#
# Hashes are 32 bytes in internal order, times are milliseconds, amounts satoshi;
# headers, blocks, transactions and outputs are in network encoding. The defaults
# are part of the wire format: a field is sent as its difference from them.

@0xb414d95983d8e6a4;

using Proxy = import "proxy.capnp";

const maxMoney :Int64 = 2100000000000000;
const maxDouble :Float64 = 1.7976931348623157e308;

interface Mining @0xf9c68436df3af39e {
    isTestChain @0 (context :Proxy.Context) -> (result :Bool);
    isInitialBlockDownload @1 (context :Proxy.Context) -> (result :Bool);
    getTip @2 (context :Proxy.Context) -> (result :BlockRef, hasResult :Bool);
    # No result when the node shuts down or the wait was interrupted; the unchanged
    # tip after the timeout.
    waitTipChanged @3 (context :Proxy.Context, currentTip :Data, timeout :Float64 = .maxDouble) -> (result :BlockRef);
    createNewBlock @4 (context :Proxy.Context, options :BlockCreateOptions, cooldown :Bool = true) -> (result :BlockTemplate);
    unused5 @5 () -> ();
    # Ends createNewBlock and waitTipChanged.
    interrupt @6 () -> ();
    # After Bitcoin Core 31.
    submitBlock @7 (context :Proxy.Context, block :Data) -> (reason :Text, debug :Text, result :Bool);
}

interface BlockTemplate @0xf9671ad841b2f622 {
    destroy @0 (context :Proxy.Context) -> ();
    getBlockHeader @1 (context :Proxy.Context) -> (result :Data);
    # With a coinbase that only fills the place.
    getBlock @2 (context :Proxy.Context) -> (result :Data);
    # Without the coinbase.
    getTxFees @3 (context :Proxy.Context) -> (result :List(Int64));
    unused4 @4 () -> ();
    getCoinbaseTx @5 (context :Proxy.Context) -> (result :CoinbaseTx);
    # Deepest sibling first.
    getCoinbaseMerklePath @6 (context :Proxy.Context) -> (result :List(Data));
    # Bitcoin Core 31; an error in later ones.
    submitSolution7 @7 (context :Proxy.Context, version :UInt32, timestamp :UInt32, nonce :UInt32, coinbase :Data) -> (result :Bool);
    # No result after the timeout or an interruption.
    waitNext @8 (context :Proxy.Context, options :BlockWaitOptions) -> (result :BlockTemplate);
    interruptWait @9 () -> ();
    # After Bitcoin Core 31.
    submitSolution10 @10 (context :Proxy.Context, version :UInt32, timestamp :UInt32, nonce :UInt32, coinbase :Data) -> (reason :Text, debug :Text, result :Bool);
}

struct BlockRef @0xb3be4b8949350369 {
    hash @0 :Data;
    height @1 :Int32;
}

struct BlockCreateOptions @0x80fca083ef81a559 {
    useMempool @0 :Bool = true;
    # Weight units.
    blockReservedWeight @1 :UInt64 = 8000;
    # In sigop cost, four for a legacy one.
    coinbaseOutputMaxAdditionalSigops @2 :UInt64 = 400;
}

struct BlockWaitOptions @0x9ba437d9de0c452e {
    timeout @0 :Float64 = .maxDouble;
    # How much the block's fees must rise.
    feeThreshold @1 :Int64 = .maxMoney;
}

struct CoinbaseTx @0xdc399c6d34ae7e69 {
    version @0 :UInt32;
    sequence @1 :UInt32;
    scriptSigPrefix @2 :Data;
    # The only witness item, or nothing.
    witness @3 :Data;
    blockRewardRemaining @4 :Int64;
    requiredOutputs @5 :List(Data);
    lockTime @6 :UInt32;
}
