# The first thing that a Bitcoin Core socket offers. See README.md.

@0xb422829b47255fd5;

using Proxy = import "proxy.capnp";
using Mining = import "mining.capnp".Mining;
using Rpc = import "rpc.capnp".Rpc;

interface Init @0x8838c700ba5cba65 {
    construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
    unused1 @1 () -> ();
    # Bitcoin Core 30; later ones answer with an error.
    unused2 @2 () -> ();
    # Bitcoin Core 31 and newer.
    makeMining @3 (context :Proxy.Context) -> (result :Mining);
    # After Bitcoin Core 31.
    makeRpc @4 (context :Proxy.Context) -> (result :Rpc);
}
