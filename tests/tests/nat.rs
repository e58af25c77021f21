//! What happens behind real NATs: a program of its own, because it runs in a user namespace.
#![cfg(target_os = "linux")]

mod nat_discovery;
mod nat_faults;
mod nat_hostile;
mod nat_lab;
mod nat_matrix;
mod nat_offers;

tests::own_user_namespace!();
