//! Letters: what is to be told to whom, kept in the database until it has been sent.
//!
//! | file | what is in it |
//! |---|---|
//! | `queue` | the letters that wait |
//! | `text` | what they say, from the templates in `letters/` |
//! | `transport` | what takes them: a folder, or a mail server |
//!
//! Whom an account's letters go to, and which tokens they carry, is the accounts' matter: `accounts/letters.rs`.

pub(crate) mod queue;
pub(crate) mod text;
pub(crate) mod transport;

pub(crate) use queue::Letter;
pub(crate) use text::{Body, Text};
pub use transport::TransportError;
pub(crate) use transport::{NotTaken, Transport};
