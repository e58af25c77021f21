//! punchbowl
fn main() {}
