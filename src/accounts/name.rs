//! What is taken for a display name.

use crate::http::problem::FieldError;

/// Longest, in characters.
const MAX_CHARACTERS: usize = 200;

/// A name without blanks around it; `None` when nothing is left.
///
/// # Errors
/// When it is too long or has control characters, such as line ends.
pub(crate) fn display_name(name: Option<&str>) -> Result<Option<String>, FieldError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.chars().count() > MAX_CHARACTERS || name.chars().any(char::is_control)) {
        let message = format!("must have at most {MAX_CHARACTERS} characters, all on one line").into();
        return Err(FieldError { field: "name", message });
    }
    Ok(name.map(str::to_owned))
}
