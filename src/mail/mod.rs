//! Letters: what is to be told to whom, kept in the database until it has been sent.
//!
//! | file | what is in it |
//! |---|---|
//! | `queue` | the letters that wait |

pub(crate) mod queue;

pub(crate) use queue::Letter;
