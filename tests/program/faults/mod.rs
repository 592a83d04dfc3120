//! Faults under load: F1, F3, F4, F7, F11, F16 to F18, F20, F23, and several servers over one PostgreSQL.
//!
//! | file | what is in it |
//! |---|---|
//! | `history` | what clients asked and were answered, and the model that an answer may not contradict |
//! | `load` | clients that register, log in, refresh, log out, use and give back tokens, and note each answer |
//!
//! `TOKENHOUSE_TEST_ROUNDS` is how many rounds of a fault are played, `TOKENHOUSE_SOAK_MINUTES` how long faults come at random, `TOKENHOUSE_TEST_SEED`
//! what chance begins with.

mod disk;
mod files;
mod history;
mod keys;
mod kill;
mod load;
mod postgresql;
mod scarcity;
mod soak;
