//! The SQL of accounts, a file per table.

mod administration;
mod export;
mod one_time_tokens;
mod sessions;
mod totp;
mod users;

pub use administration::*;
pub use export::*;
pub use one_time_tokens::*;
pub use sessions::*;
pub use totp::*;
pub use users::*;
