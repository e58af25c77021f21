//! What the whole-system tests are built with.
