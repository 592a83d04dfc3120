//! Forged and strange tokens.
