# The node's JSON-RPC, without its password. See README.md.

@0xd09c1c5ac5b558ea;

using Proxy = import "proxy.capnp";

interface Rpc @0xacb1d37f0a713129 {
    executeRpc @0 (context :Proxy.Context, request :Text, uri :Text, user :Text) -> (result :Text);
}
