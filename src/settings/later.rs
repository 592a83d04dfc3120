//! Keys of the whole design whose features are not in this version.
//!
//! A setting that is silently ignored is worse than one that is refused: an operator who turned on TLS must not find out from
//! a packet capture that it is off. So each such key is refused, in words.

/// A key, or a section with everything in it, and why it is refused.
const NOT_YET: [(&str, &str); 1] = [("metrics", "this version has no metrics yet")];

/// Why `key` is refused, when it is one of those.
pub(super) fn not_yet(key: &str) -> Option<String> {
    NOT_YET
        .iter()
        .find(|(name, _)| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        .map(|(_, reason)| format!("{reason}; remove the key"))
}
