//! The query of a request, with a problem for what is wrong with it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use super::documented::Problems;
use super::problem::Problem;

/// The members of a query, by name; unknown ones are ignored.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A NUL in a text is refused by PostgreSQL alone, and none of these belongs into a query.
        let is_plain = url::form_urlencoded::parse(request.query_string().as_bytes())
            .all(|(name, value)| !name.chars().chain(value.chars()).any(char::is_control));
        let query = web::Query::<T>::from_query(request.query_string());
        let query = query.ok().filter(|_| is_plain).ok_or(());
        ready(query.map(|query| Self(query.into_inner())).map_err(|()| bad_query()))
    }
}

impl<T> Problems for Query<T> {
    fn problems() -> Vec<Problem> {
        vec![bad_query()]
    }
}

fn bad_query() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-query").detail(
        "The query is wrong: numbers are whole numbers, each name stands once, and there are no control characters.",
    )
}
