//! Answers that refuse a request, in the shapes that `FastAPI` gives them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::database::Unavailable;

/// Why a request was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 401: no token, or one that was not handed out here.
    NotAuthenticated,
    /// 401: another account than the one the service was given.
    WrongPassword,
    /// 403: the user may not write.
    NotPermitted,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 413
    TooLarge,
    /// 422: what is wrong with the body or the query.
    Invalid(Vec<Problem>),
    /// 500, injected.
    Error,
    /// 503: the database does not answer.
    Unavailable(Unavailable),
}

impl From<Unavailable> for Refusal {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// What is wrong with one field.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    loc: Vec<&'static str>,
    msg: &'static str,
}

impl Problem {
    /// `place` is `body` or `query`; no field is the whole of it.
    pub(super) fn new(place: &'static str, field: Option<&'static str>, kind: Kind) -> Self {
        let (r#type, msg) = kind.names();
        Self { r#type, loc: [place].into_iter().chain(field).collect(), msg }
    }
}

/// The kinds of problems, named as pydantic names them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A required field is not there.
    Missing,
    /// Not a string.
    NotText,
    /// An empty string.
    Empty,
    /// Not an e-mail address.
    NotEmail,
    /// Not a whole number from 0 to 1000.
    NotSmallNumber,
    /// Not JSON.
    NotJson,
    /// JSON, but not an object.
    NotObject,
}

impl Kind {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("missing", "Field required"),
            Self::NotText => ("string_type", "Input should be a valid string"),
            Self::Empty => ("string_too_short", "String should have at least 1 character"),
            Self::NotEmail => ("value_error", "value is not a valid email address"),
            Self::NotSmallNumber => ("int_parsing", "Input should be a valid integer from 0 to 1000"),
            Self::NotJson => ("json_invalid", "JSON decode error"),
            Self::NotObject => {
                ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let detail = |status, detail: serde_json::Value| (status, Json(json!({"detail": detail}))).into_response();
        match self {
            Self::NotAuthenticated => {
                let mut response = detail(StatusCode::UNAUTHORIZED, "Not authenticated".into());
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
            Self::WrongPassword => detail(StatusCode::UNAUTHORIZED, "Incorrect email or password".into()),
            Self::NotPermitted => detail(StatusCode::FORBIDDEN, "Not enough permissions".into()),
            Self::NotFound => detail(StatusCode::NOT_FOUND, "Not Found".into()),
            Self::MethodNotAllowed => detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".into()),
            Self::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large".into()),
            Self::Invalid(problems) => detail(StatusCode::UNPROCESSABLE_ENTITY, json!(problems)),
            Self::Unavailable(why) => detail(StatusCode::SERVICE_UNAVAILABLE, why.to_string().into()),
            Self::Error => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        }
    }
}
