//! Bodies, queries and places in lists that somebody made up.

use actix_web::FromRequest as _;
use actix_web::test::TestRequest;

use super::{audit, clients, keys, users};
use crate::audit::Cursor;
use crate::hostile_input::Hostile;
use crate::http::json;
use crate::http::query::Query;

#[test]
fn json_bodies() {
    Hostile::to("admin-body").memory(48 * 1024, 100).every(|input| {
        let taken = [
            json::parse::<users::NewUserBody>(input).is_ok(),
            json::parse::<users::ChangeBody>(input).is_ok(),
            json::parse::<clients::Rotation>(input).is_ok(),
            json::parse::<keys::Rotate>(input).is_ok(),
        ];
        taken.contains(&true).then_some(taken)
    });
}

#[test]
fn queries() {
    Hostile::to("list-query").every(|input| {
        let uri = format!("/list?{}", std::str::from_utf8(input).ok()?).parse::<actix_web::http::Uri>().ok()?;
        let request = TestRequest::default().uri(&uri.to_string()).to_http_request();
        let taken = [
            Query::<users::ListQuery>::extract(&request).into_inner().is_ok(),
            Query::<clients::ListQuery>::extract(&request).into_inner().is_ok(),
            Query::<audit::AuditQuery>::extract(&request).into_inner().is_ok(),
        ];
        taken.contains(&true).then_some(taken)
    });
}

#[test]
fn cursors() {
    Hostile::to("cursor").every(|input| {
        let cursor = Cursor::parse(std::str::from_utf8(input).ok()?)?;
        let text = cursor.to_string();
        assert_eq!(Cursor::parse(&text).map(|cursor| cursor.to_string()).as_ref(), Some(&text));
        Some(text)
    });
}
