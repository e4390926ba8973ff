//! A user's cookies, as a browser session keeps them (RFC 6265): which ones the host has set, which ones go with a request.

use cookie_store::{CookieStore, RawCookie};
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// Cookies that a user keeps at most, as many as browsers keep of one site; later ones are not kept.
const MOST: usize = 180;

/// One user's cookies. Nothing is allocated before a host sets the first.
#[derive(Debug, Default)]
pub(super) struct Jar(Option<Box<CookieStore>>);

impl Jar {
    /// Whether no host has set any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What the `cookie` header of a request to `url` says: longer paths first; `None` where no cookie goes there.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut cookies = self.0.as_ref()?.matches(url);
        cookies.sort_by(|a, b| {
            let length = |cookie: &cookie_store::Cookie<'_>| cookie.path.as_ref().len();
            length(b).cmp(&length(a)).then_with(|| a.name().cmp(b.name()))
        });
        let pairs: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        if pairs.is_empty() {
            return None;
        }
        let mut header = HeaderValue::from_maybe_shared(bytes::Bytes::from(pairs.join("; "))).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Keeps, replaces and deletes what the response from `url` says.
    pub(super) fn take(&mut self, headers: &HeaderMap, url: &Url) {
        for value in headers.get_all(SET_COOKIE) {
            let Some(cookie) = value.to_str().ok().and_then(|text| RawCookie::parse(text.to_owned()).ok()) else {
                continue;
            };
            let store = self.0.get_or_insert_default();
            let known = store.iter_any().any(|known| known.name() == cookie.name());
            if known || store.iter_unexpired().count() < MOST {
                // What a host may not set (another's domain, secure over plain http) is passed over, as browsers do.
                let _ = store.insert_raw(&cookie, url);
            }
        }
    }

    /// The values, none of which may be shown.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|store| store.iter_any()).map(|cookie| cookie.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &mut Jar, from: &str, cookies: &[&str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        jar.take(&headers, &url(from));
    }

    fn sent(jar: &Jar, to: &str) -> Option<String> {
        jar.header(&url(to)).map(|header| header.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_back_to_where_it_came_from_and_nowhere_else() {
        let mut jar = Jar::default();
        assert_eq!(sent(&jar, "http://a.test/"), None);
        set(&mut jar, "http://a.test/login", &["session=abc; Path=/; HttpOnly", "deep=1; Path=/api/v2"]);
        assert_eq!(sent(&jar, "http://a.test/").as_deref(), Some("session=abc"));
        assert_eq!(
            sent(&jar, "http://a.test/api/v2/tasks").as_deref(),
            Some("deep=1; session=abc"),
            "longer paths first"
        );
        assert_eq!(sent(&jar, "http://a.test/api/v20").as_deref(), Some("session=abc"));
        assert_eq!(sent(&jar, "http://b.test/"), None);
        assert_eq!(sent(&jar, "http://x.a.test/"), None, "a cookie without a domain is its host's alone");
    }

    #[test]
    fn domains_and_secure_are_heeded() {
        let mut jar = Jar::default();
        set(&mut jar, "https://www.a.test/", &["wide=1; Domain=a.test", "safe=2; Secure", "evil=3; Domain=b.test"]);
        assert_eq!(sent(&jar, "https://api.a.test/").as_deref(), Some("wide=1"));
        assert_eq!(sent(&jar, "https://www.a.test/").as_deref(), Some("safe=2; wide=1"));
        assert_eq!(sent(&jar, "http://www.a.test/").as_deref(), Some("wide=1"));
        assert_eq!(sent(&jar, "https://b.test/"), None);
    }

    #[test]
    fn cookies_are_replaced_deleted_and_expire() {
        let mut jar = Jar::default();
        set(&mut jar, "http://a.test/", &["one=1", "two=2", "three=3"]);
        set(
            &mut jar,
            "http://a.test/",
            &["one=new", "two=; Max-Age=0", "three=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
        );
        assert_eq!(sent(&jar, "http://a.test/").as_deref(), Some("one=new"));
        set(&mut jar, "http://a.test/", &["late=x; Max-Age=3600"]);
        assert_eq!(sent(&jar, "http://a.test/").as_deref(), Some("late=x; one=new"));
    }

    #[test]
    fn a_host_cannot_fill_the_memory_with_cookies() {
        let mut jar = Jar::default();
        for n in 0..1000 {
            set(&mut jar, "http://a.test/", &[&format!("name{n}=v")]);
        }
        assert_eq!(jar.values().count(), MOST);
        set(&mut jar, "http://a.test/", &["name0=again"]);
        assert!(sent(&jar, "http://a.test/").unwrap().contains("name0=again"));
    }
}
