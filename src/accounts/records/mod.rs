//! The SQL of accounts, a file per table.

mod export;
mod one_time_tokens;
mod sessions;
mod users;

pub use export::*;
pub use one_time_tokens::*;
pub use sessions::*;
pub use users::*;
