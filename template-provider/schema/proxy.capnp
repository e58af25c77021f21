# Threads of a libmultiprocess server. See README.md.

@0xed162985edf0cd86;

interface ThreadMap @0xee5e37179ad9dc9d {
    # Makes a thread in the server; calls that name it run on it, one at a time.
    makeThread @0 (name :Text) -> (result :Thread);
}

interface Thread @0x81c1e2600d0b56c5 {
    getName @0 () -> (result :Text);
}

struct Context @0x9c44e6645d0b22c6 {
    # Which server thread a call is to run on.
    thread @0 :Thread;
    # Which client thread callbacks are to run on; there are no callbacks here.
    callbackThread @1 :Thread;
}
