use proptest::prelude::*;

use super::*;

fn mask() -> Mask {
    Mask::new(["s3cr3t-token", "hunter2", "p\"ä s", "ab"])
}

#[test]
fn known_values_go_wherever_they_stand() {
    assert_eq!(mask().text("user hunter2 has s3cr3t-token."), "user *** has ***.");
    assert_eq!(mask().text("p\"ä s / p\\\"ä s / p%22%C3%A4%20s / p%22%C3%A4+s"), "*** / *** / *** / ***");
    assert_eq!(mask().text("a cab"), "a cab", "too short to look for");
    assert!(matches!(mask().text("nothing to hide"), Cow::Borrowed("nothing to hide")));
}

#[test]
fn overlapping_values_leave_no_rest() {
    assert_eq!(Mask::new(["abc", "bcd", "cdefg"]).text("xabcdefgx"), "x***x");
    assert_eq!(Mask::new(["token", "token-long"]).text("token-long"), "***");
    assert_eq!(Mask::new(["aba"]).text("ababa!"), "***!");
}

#[test]
fn headers_go_by_their_name() {
    for name in
        ["Authorization", "cookie", "Set-Cookie", "Proxy-Authorization", "X-Api-Key", "x-auth-token", "X-CSRF-Token"]
    {
        assert_eq!(mask().header(name, "anything"), "***", "{name}");
    }
    for name in ["accept", "content-type", "x-request-id", "etag", "location"] {
        assert_eq!(mask().header(name, "plain"), "plain", "{name}");
    }
    assert_eq!(mask().header("x-user", "hunter2"), "***");
}

#[test]
fn names_that_only_contain_the_word_are_no_secrets() {
    for name in ["token_type", "max_tokens", "tokenizer", "key", "monkey", "author", "expires_in", "email"] {
        assert!(!is_secret_name(name), "{name}");
    }
    for name in [
        "token",
        "access_token",
        "refreshToken",
        "PASSWORD",
        "password_confirmation",
        "client_secret",
        "api-key",
        "passwd",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
}

#[test]
fn json_keeps_its_form() {
    let body = r#"{"email":"a@b.c","password":"x","nested":[{"access_token":"t","token_type":"bearer","n":1}],"note":"hunter2 it is"}"#;
    assert_eq!(
        mask().body(body),
        r#"{"email":"a@b.c","password":"***","nested":[{"access_token":"***","token_type":"bearer","n":1}],"note":"*** it is"}"#
    );
    assert_eq!(mask().body(r#"{"secret":{"a":[1,2]},"token":null}"#), r#"{"secret":"***","token":null}"#);
    assert_eq!(Mask::new(["123456"]).body(r#"{"pin":123456,"123456":1}"#), r#"{"pin":"***","***":1}"#);
    assert_eq!(
        mask().body(r#"{ "plain" : 1.50 }"#),
        r#"{ "plain" : 1.50 }"#,
        "untouched where there is nothing to mask"
    );
}

#[test]
fn json_that_is_cut_off_is_masked_all_the_same() {
    assert_eq!(mask().body(r#"{"user":"a","access_token":"eyJhbG"#), r#"{"user":"a","access_token":"***"#);
    assert_eq!(mask().body(r#"{"api_key" : "q\"uote", "n": 12"#), r#"{"api_key" : "***", "n": 12"#);
    assert_eq!(mask().body(r#"{"password":12345,"x""#), r#"{"password":***,"x""#);
    assert_eq!(mask().text(r#""{\"token\":\"abc\",\"n\":1}""#), r#""{\"token\":\"***\",\"n\":1}""#, "JSON within JSON");
}

#[test]
fn forms_and_urls() {
    assert_eq!(mask().body("user=a&password=x%20y&z=1"), "user=a&password=***&z=1");
    assert_eq!(
        mask().url("https://me:pw@host:8000/a?token=abc&limit=5#top"),
        "https://***@host:8000/a?token=***&limit=5#top"
    );
    assert_eq!(mask().url("postgres://app:p@ss@db/agenthub"), "postgres://***@db/agenthub");
    assert_eq!(mask().url("http://host/path?next=@me"), "http://host/path?next=@me");
    assert_eq!(mask().url("/api/v2/tasks?api_key=1"), "/api/v2/tasks?api_key=***");
}

#[test]
fn credentials_in_prose() {
    assert_eq!(mask().text("sent Authorization: Bearer abcdefghij, got 401"), "sent Authorization: ***, got 401");
    assert_eq!(mask().text("curl -H 'X: bearer abc.def-ghi_j'"), "curl -H 'X: bearer ***'");
    assert_eq!(mask().text("the bearer of news"), "the bearer of news");
}

proptest! {
    #[test]
    fn no_known_value_survives(secrets in prop::collection::vec("[a-zA-Z0-9\"\\\\ äß%&+/=-]{3,12}", 1..6), filler in "[^*]{0,12}") {
        let mask = Mask::new(&secrets);
        let mut text = filler.clone();
        for secret in &secrets {
            text.push_str(secret);
            text.push_str(&filler);
            text.push_str(&serde_json::Value::from(secret.as_str()).to_string());
            text.extend(url::form_urlencoded::byte_serialize(secret.as_bytes()));
        }
        let masked = mask.text(&text);
        for form in &mask.forms {
            prop_assert!(!masked.contains(form.as_str()), "{form:?} is in {masked:?}");
        }
    }

    #[test]
    fn no_known_value_survives_in_json(secret in "[a-zA-Z0-9\"\\\\\n ä-]{3,12}", around in "[a-z]{0,4}") {
        let value = format!("{around}{secret}{around}");
        let body = serde_json::json!({ "plain": [value.as_str()], value.as_str(): 1, "password": "zz" }).to_string();
        let masked = Mask::new([&secret]).body(&body).into_owned();
        let read: serde_json::Value = serde_json::from_str(&masked).unwrap();
        prop_assert!(!read["plain"][0].as_str().unwrap().contains(&secret));
        prop_assert!(read.as_object().unwrap().keys().all(|key| !key.contains(&secret)));
        prop_assert_eq!(&read["password"], "***");
    }

    #[test]
    fn any_text_can_be_masked(text in "\\PC*", noise in "[\"':=@/ \\\\a-z{}éß-]{0,40}") {
        let _ = Mask::new(["abc"]).text(&format!("{text}token{noise}"));
        let text = format!("{text}abc{noise}");
        prop_assert!(!Mask::new(["abc"]).text(&text).contains("abc"));
    }
}
