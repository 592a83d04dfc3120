//! The SQL of accounts, a file per table.

mod export;
mod sessions;
mod users;

pub use export::*;
pub use sessions::*;
pub use users::*;
