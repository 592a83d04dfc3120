//! What verifying, minting and hashing cost.
fn main() {}
