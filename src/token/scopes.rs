//! The scopes of a token.

use std::fmt;

use serde::{Serialize, Serializer};

/// The scopes of a token (RFC 6749, section 3.3): case-sensitive words, no order, none twice.
///
/// ```
/// use tokenhouse::token::Scopes;
///
/// let scopes: Scopes = "openid profile openid".into();
/// assert!(scopes.contains("profile"));
/// assert!(!scopes.contains("Profile"));
/// assert_eq!(scopes.to_string(), "openid profile");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Box<str>>);

impl Scopes {
    /// Whether `scope` is among them.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|s| **s == *scope)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, scope: &str) {
        if !scope.is_empty() && !self.contains(scope) {
            self.0.push(scope.into());
        }
    }
}

impl From<&str> for Scopes {
    /// From the space-delimited form of OAuth.
    fn from(words: &str) -> Self {
        words.split(' ').collect()
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut scopes = Self::default();
        for word in words {
            scopes.insert(word);
        }
        scopes
    }
}

impl fmt::Display for Scopes {
    /// The space-delimited form of OAuth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    /// The array form of Okta's `scp`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
