//! Fetches a page of what is watched: no proxy, no redirect, no more than a page may hold.

use std::error::Error as _;

use reqwest::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, SERVER};

use super::Address;

/// A page of metrics of a large service has some megabytes.
const MOST_BYTES: usize = 32 << 20;

/// A page that is fetched again and again.
#[derive(Debug)]
pub(super) struct Page {
    address: Address,
    headers: HeaderMap,
    /// From the first time on.
    client: Option<reqwest::Client>,
}

/// What came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) text: String,
    /// The `server` header.
    pub(super) server: Option<String>,
}

impl Page {
    pub(super) fn new(address: &Address) -> Self {
        Self { address: address.clone(), headers: HeaderMap::new(), client: None }
    }

    #[must_use]
    pub(super) fn with(mut self, header: HeaderName, value: &'static str) -> Self {
        self.headers.insert(header, HeaderValue::from_static(value));
        self
    }

    /// With a connection for each time.
    #[must_use]
    pub(super) fn closing(self) -> Self {
        self.with(CONNECTION, "close")
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The error says what was met in place of a page, without the address.
    pub(super) async fn fetch(&mut self) -> Result<Fetched, String> {
        let client = if let Some(client) = &self.client {
            client
        } else {
            let client = reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("agenthub-perf/", env!("CARGO_PKG_VERSION")))
                .default_headers(self.headers.clone())
                .build();
            self.client.insert(client.map_err(|error| cause(&error))?)
        };
        let sent = client.get(self.address.url().clone()).send().await;
        let mut response = sent.map_err(|error| cause(&error))?;
        let status = response.status();
        if !status.is_success() {
            let hint = match status.as_u16() {
                300..=399 => ": name the address that it redirects to",
                401 | 403 => ": allow this machine to see it, or put credentials into the URL",
                _ => "",
            };
            return Err(format!("it answers {status}{hint}"));
        }
        let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(format!("the page is larger than {}", super::bytes(MOST_BYTES as f64)));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| "the page is no text".to_owned())?;
        Ok(Fetched { text, server })
    }
}

/// The innermost cause: those around it say no more, but for the URL with its password.
fn cause(error: &reqwest::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source.and_then(std::error::Error::source) {
        source = Some(inner);
    }
    source.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

/// A server for the tests of those that fetch: answers every connection's requests with what `answer` makes of the number of
/// the request, a whole response; counts connections.
#[cfg(test)]
pub(super) mod server {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::Address;

    #[derive(Debug)]
    pub(in crate::observe) struct Server {
        pub(in crate::observe) port: u16,
        pub(in crate::observe) connections: Arc<AtomicUsize>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Server {
        pub(in crate::observe) async fn start(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let connections = Arc::new(AtomicUsize::new(0));
            let (counted, answer, asked) = (Arc::clone(&connections), Arc::new(answer), Arc::new(AtomicUsize::new(0)));
            let task = tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    counted.fetch_add(1, Ordering::SeqCst);
                    let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                    tokio::spawn(async move {
                        let mut request = Vec::new();
                        while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                            if request.ends_with(b"\r\n\r\n") {
                                let closes =
                                    String::from_utf8_lossy(&request).to_lowercase().contains("connection: close");
                                request.clear();
                                let text = answer(asked.fetch_add(1, Ordering::SeqCst));
                                if stream.write_all(text.as_bytes()).await.is_err() || closes {
                                    return;
                                }
                            }
                        }
                    });
                }
            });
            Self { port, connections, task }
        }

        pub(in crate::observe) fn address(&self, path: &str) -> Address {
            Address::http(&format!("http://127.0.0.1:{}{path}", self.port), "http://127.0.0.1/").unwrap()
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    pub(in crate::observe) fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nserver: nginx/1.22.1\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::server::{Server, ok};
    use super::*;

    #[tokio::test]
    async fn a_page_comes_by_one_connection_or_by_one_each() {
        let server = Server::start(|number| ok(&format!("page {number}"))).await;
        let mut page = Page::new(&server.address("/x"));
        for number in 0..3 {
            let fetched = page.fetch().await.unwrap();
            assert_eq!((fetched.text, fetched.server.as_deref()), (format!("page {number}"), Some("nginx/1.22.1")));
        }
        assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
        let mut page = Page::new(&server.address("/x")).closing();
        for _ in 0..3 {
            page.fetch().await.unwrap();
        }
        assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn what_is_no_page_is_said_without_the_password() {
        let status = |line: &str| format!("HTTP/1.1 {line}\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n");
        let answers =
            [status("302 Found"), status("403 Forbidden"), status("404 Not Found"), "nonsense\r\n\r\n".into()];
        let server = Server::start(move |number| answers[number].clone()).await;
        let url = format!("http://me:geheim@127.0.0.1:{}/x?password=geheim", server.port);
        let mut page = Page::new(&Address::http(&url, "").unwrap()).closing();
        let mut met = Vec::new();
        for _ in 0..4 {
            met.push(page.fetch().await.unwrap_err());
        }
        assert_eq!(met[0], "it answers 302 Found: name the address that it redirects to");
        assert_eq!(met[1], "it answers 403 Forbidden: allow this machine to see it, or put credentials into the URL");
        assert_eq!(met[2], "it answers 404 Not Found");
        drop(server);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://me:geheim@127.0.0.1:{port}/x");
        let refused = Page::new(&Address::http(&url, "").unwrap()).fetch().await.unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
        met.push(refused);
        assert!(met.iter().all(|why| !why.contains("geheim") && !why.is_empty()), "{met:?}");
    }
}
