//! The SV1 server side and its miners, between which and SV2 it translates.
