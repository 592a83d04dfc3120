//! The certificate that the server shows, and its key: read from PEM files, checked, and taken anew when the files change.
//!
//! | file | what is in it |
//! |---|---|
//! | [`pair`] | from two files to a certificate with its key, or why not |
//! | `live` | the pair in force, and looking after its files |
//!
//! How connections are accepted with it is in `server/https.rs`.

pub(crate) mod live;
pub mod pair;

pub use live::TlsError;
pub use pair::{PairError, PairFile, PairFiles};
