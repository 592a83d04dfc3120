//! The roles of an account.

use std::collections::BTreeSet;

use crate::http::problem::FieldError;

/// Longest name, in letters, and most roles of one account.
const LONGEST: usize = 32;
const MOST: usize = 32;

/// The name of a role: lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(String);

/// The roles of an account, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Role {
    /// Reads a name.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(name: &str) -> Result<Self, FieldError> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_letter) {
            let message = format!("must be 1 to {LONGEST} lower-case letters, digits, - and _").into();
            return Err(FieldError { field: "role", message });
        }
        Ok(Self(name.to_owned()))
    }
}

impl Roles {
    /// These roles, each once.
    ///
    /// # Errors
    /// What would be right.
    pub fn of<'n>(names: impl Iterator<Item = &'n str>) -> Result<Self, FieldError> {
        let of_all = |error| FieldError { field: "roles", ..error };
        let roles = names.map(Role::parse).collect::<Result<BTreeSet<_>, _>>().map_err(of_all)?;
        Self(roles).bounded().map_err(of_all)
    }

    /// As the store has them.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.split_whitespace().map(|name| Role(name.to_owned())).collect())
    }

    /// For the store: space-delimited.
    #[must_use]
    pub fn to_store(&self) -> String {
        self.iter().collect::<Vec<_>>().join(" ")
    }

    /// Each name.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|role| role.0.as_str())
    }

    /// Whether all of `others` are among these.
    #[must_use]
    pub fn has_all(&self, others: &Self) -> bool {
        self.0.is_superset(&others.0)
    }

    /// Those of these that are not among `others`.
    pub(crate) fn but<'r>(&'r self, others: &'r Self) -> Vec<&'r str> {
        self.0.difference(&others.0).map(|role| role.0.as_str()).collect()
    }

    /// With one more.
    ///
    /// # Errors
    /// When these are too many.
    pub fn with(mut self, role: &Role) -> Result<Self, FieldError> {
        self.0.insert(role.clone());
        self.bounded()
    }

    /// With one less.
    #[must_use]
    pub fn without(mut self, role: &Role) -> Self {
        self.0.remove(role);
        self
    }

    fn bounded(self) -> Result<Self, FieldError> {
        if self.0.len() > MOST {
            return Err(FieldError { field: "role", message: format!("are at most {MOST} for one account").into() });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["admin", "billing-2", "a_b"] {
            assert!(Role::parse(good).is_ok(), "{good}");
        }
        for wrong in ["", "Admin", "a b", "ä", "a,b", &"x".repeat(33)] {
            assert!(Role::parse(wrong).is_err(), "{wrong}");
        }
        let roles = Roles::of(["b", "a", "b"].into_iter()).unwrap();
        assert_eq!(roles.to_store(), "a b");
        assert_eq!(Roles::stored("a b"), roles);
        let many: Vec<String> = (0..33).map(|n| format!("r{n}")).collect();
        assert!(Roles::of(many.iter().map(String::as_str)).is_err());
    }
}
