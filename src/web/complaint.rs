//! What is wrong with a form that was sent.

use std::borrow::Cow;

use actix_web::ResponseError as _;
use actix_web::http::StatusCode;

use super::page::WRONG;
use crate::http::Problem;

/// What is wrong with a form that was sent: in a sentence or two, and by field where it is known which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    text: String,
    /// Each with its own words, or with those of all.
    fields: Vec<(&'static str, Option<String>)>,
    /// The form, on a page with several whose fields have the same names.
    form: &'static str,
}

/// In place of the words of the API, which name its routes.
const OWN_WORDS: [(&str, &str); 6] = [
    ("totp-is-on", "Codes of an app are on already; turn them off first."),
    ("totp-is-off", "Codes of an app are off."),
    ("totp-not-begun", "Please begin anew, on the page of your account."),
    ("no-such-passkey", "You have no such passkey any more."),
    ("no-such-session", "There is no such session any more."),
    (
        "wrong-otp",
        "That is not the code of this moment. Please type the one that your app shows now, or begin anew on the page of your account.",
    ),
];

/// Fields that a problem is about without saying so.
const FIELDS: [(&str, &[&str]); 3] =
    [("wrong-password", &["password", "current_password"]), ("wrong-otp", &["otp"]), ("email-taken", &["email"])];

impl Complaint {
    /// About the form as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fields: Vec::new(), form: "" }
    }

    /// Which is about these fields.
    pub fn on(mut self, fields: &[&'static str]) -> Self {
        self.fields.extend(fields.iter().map(|field| (*field, None)));
        self
    }

    /// Which is about this form of its page.
    pub fn in_form(mut self, form: &'static str) -> Self {
        self.form = form;
        self
    }

    /// What a problem of the API says, with the status of its page.
    pub fn of_problem(problem: &Problem) -> (StatusCode, Self) {
        let status = match problem.status_code() {
            StatusCode::UNAUTHORIZED => WRONG,
            status => status,
        };
        let own = OWN_WORDS.iter().find(|(kind, _)| problem.is(kind)).map(|(_, words)| (*words).to_owned());
        let mut complaint = Self::new(own.unwrap_or_else(|| problem.for_people()));
        complaint.fields = problem.fields_for_people().map(|(field, words)| (field, Some(words))).collect();
        let fields = FIELDS.iter().find(|(kind, _)| problem.is(kind)).map_or(&[][..], |(_, fields)| fields);
        (status, complaint.on(fields))
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `field` of `form` is wrong.
    pub fn is_on(&self, form: &str, field: &str) -> bool {
        self.form == form && self.fields.iter().any(|(of, _)| *of == field)
    }

    /// The words that stand beside it, if they are its own.
    pub fn beside(&self, form: &str, field: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(of, _)| self.form == form && *of == field)?;
        // Where nothing else is wrong, the sentence above says it.
        found.1.as_deref().filter(|_| self.fields.len() > 1)
    }

    /// What a field that is wrong is described by: its words, or those above.
    pub fn id_beside<'i>(&self, form: &str, field: &str, id: &'i str) -> Cow<'i, str> {
        if self.beside(form, field).is_some() { Cow::Owned(format!("{id}-error")) } else { Cow::Borrowed("error") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::FieldError;

    #[test]
    fn problems_are_told_beside_their_fields() {
        let errors = [("email", "must be one"), ("new_password", "is short")];
        let errors = errors.map(|(field, message)| FieldError { field, message: message.into() });
        let (status, complaint) = Complaint::of_problem(&Problem::invalid_fields(errors.to_vec()));
        assert_eq!((status.as_u16(), complaint.text()), (422, "Email must be one. New password is short."));
        assert_eq!(complaint.beside("", "new_password"), Some("New password is short."));
        assert_eq!(complaint.id_beside("", "email", "email"), "email-error");
        assert!(!complaint.is_on("", "name") && !complaint.is_on("other", "email"));
    }

    #[test]
    fn one_problem_is_told_once() {
        let problem = Problem::new(StatusCode::FORBIDDEN, "wrong-password").detail("No.");
        let (_, complaint) = Complaint::of_problem(&problem);
        let complaint = complaint.in_form("email");
        assert!(complaint.is_on("email", "password") && !complaint.is_on("password", "password"));
        assert_eq!(complaint.beside("email", "password"), None);
        assert_eq!(complaint.id_beside("email", "password", "email_password"), "error");
    }
}
