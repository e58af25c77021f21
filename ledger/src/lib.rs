//! Shares on disk, slices, windows, payouts, audit: no networking.
