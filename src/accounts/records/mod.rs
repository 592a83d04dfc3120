//! The SQL of accounts, a file per table; sessions have two.

mod administration;
mod export;
mod one_time_tokens;
mod passkeys;
mod session_ends;
mod sessions;
mod totp;
mod users;

pub use administration::*;
pub use export::*;
pub use one_time_tokens::*;
pub use passkeys::*;
pub use session_ends::*;
pub use sessions::*;
pub use totp::*;
pub use users::*;
