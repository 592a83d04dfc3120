//! The SQL of the authorization server, a file for each thing.

mod clients;
mod codes;
mod consents;
mod devices;
mod sweep;
mod tokens;

pub use clients::*;
pub use codes::*;
pub use consents::*;
pub use devices::*;
pub use sweep::*;
pub use tokens::*;
