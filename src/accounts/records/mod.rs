//! The SQL of accounts, a file per table.

mod sessions;
mod users;

pub use sessions::*;
pub use users::*;
