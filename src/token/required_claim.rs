//! A claim that a token must carry, beyond what the standards ask.

use serde_json::{Map, Value};

/// A claim that every token of an issuer must carry.
///
/// ```
/// use tokenhouse::token::RequiredClaim;
///
/// let claims = serde_json::json!({"groups": ["staff", "admins"], "tier": "gold"});
/// let claims = claims.as_object().unwrap();
/// assert!(RequiredClaim::includes("groups", "staff").is_met_by(claims));
/// assert!(RequiredClaim::equals("tier", "gold").is_met_by(claims));
/// assert!(!RequiredClaim::equals("tier", "silver").is_met_by(claims));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RequiredClaim {
    /// The name of the claim.
    pub name: String,
    /// What its value must be.
    pub requirement: Requirement,
}

/// What the value of a required claim must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// Exactly this.
    Equals(Value),
    /// An array with this among its members, or a string with this among its space-delimited words.
    Includes(Value),
}

impl RequiredClaim {
    /// The claim `name` must be exactly `value`.
    pub fn equals(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), requirement: Requirement::Equals(value.into()) }
    }

    /// The claim `name` must be an array that has `value`, or a string of space-delimited words that has it.
    pub fn includes(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), requirement: Requirement::Includes(value.into()) }
    }

    /// Whether `claims` carries it. A missing claim does not.
    #[must_use]
    pub fn is_met_by(&self, claims: &Map<String, Value>) -> bool {
        let Some(found) = claims.get(&self.name) else { return false };
        match &self.requirement {
            Requirement::Equals(value) => found == value,
            Requirement::Includes(value) => match (found, value) {
                (Value::Array(members), value) => members.contains(value),
                (Value::String(words), Value::String(word)) => words.split(' ').any(|w| w == word),
                _ => false,
            },
        }
    }
}
