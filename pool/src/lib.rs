//! The Punchbowl node.
