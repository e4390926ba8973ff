//! A server that misbehaves, one way a path, whatever the method. Everything it does ends by itself within
//! [`LONGEST`], and at once when the server is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// No connection lasts longer.
pub const LONGEST: Duration = Duration::from_mins(1);
/// The size of [`Fault::HugeBody`].
pub const HUGE: usize = 100 << 20;
/// Connections at one time; others wait to be accepted.
const CONNECTIONS: usize = 512;
/// What an endless answer sends at most.
const ENDLESS_BYTES: usize = 1 << 30;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None: 200 with `{"ok": true}`.
    Fine,
    /// The request is read, and nothing is answered.
    NeverAnswer,
    /// A body of 1000 bytes, one a 100 ms.
    SlowBody,
    /// A body without a length that goes on and on.
    EndlessBody,
    /// A body of 100 MB, with its length.
    HugeBody,
    /// 200 with a body that is cut-off JSON.
    InvalidJson,
    /// 302 to itself.
    RedirectLoop,
    /// 302 to [`Fault::Fine`].
    RedirectToFine,
    /// 302 without a Location.
    RedirectNowhere,
    /// Content-Length is 100, the body has 10 bytes, then the connection is closed.
    LengthTooLong,
    /// Content-Length is 5, the body has 50 bytes.
    LengthTooShort,
    /// RST once the request is read.
    ResetBefore,
    /// RST inside the headers.
    ResetInHeaders,
    /// RST inside the body.
    ResetInBody,
    /// A whole answer without a length; then our half is closed, the other left open.
    HalfClose,
    /// Chunks, then the end of the connection without the last chunk.
    ChunkedWithoutEnd,
    /// A chunk whose size is no number.
    BrokenChunkSize,
    /// Headers without end.
    EndlessHeaders,
    /// HTTP/1.0, its body ended by the connection's end.
    Http10,
    /// 100 Continue, then 200.
    ContinueFirst,
    /// 103 Early Hints, then 200.
    HintsFirst,
    /// 101, though nobody asked for another protocol.
    SwitchesProtocols,
    /// Two lengths that differ.
    TwoLengths,
    /// Content-Encoding: gzip with a body that is not.
    CorruptGzip,
    /// The connection is closed without a byte.
    EmptyReply,
    /// A first line that is not HTTP.
    NotHttp,
    /// A whole answer, then RST: the next request needs another connection.
    ResetAfter,
    /// Our half is closed without a byte, the other left open.
    HalfCloseBefore,
    /// A head without end, a byte each 100 ms.
    SlowHeaders,
    /// A header of 1 MiB.
    HugeHeader,
}

impl Fault {
    /// Every one of them.
    pub const ALL: [Self; 30] = [
        Self::Fine,
        Self::NeverAnswer,
        Self::SlowBody,
        Self::EndlessBody,
        Self::HugeBody,
        Self::InvalidJson,
        Self::RedirectLoop,
        Self::RedirectToFine,
        Self::RedirectNowhere,
        Self::LengthTooLong,
        Self::LengthTooShort,
        Self::ResetBefore,
        Self::ResetInHeaders,
        Self::ResetInBody,
        Self::HalfClose,
        Self::ChunkedWithoutEnd,
        Self::BrokenChunkSize,
        Self::EndlessHeaders,
        Self::Http10,
        Self::ContinueFirst,
        Self::HintsFirst,
        Self::SwitchesProtocols,
        Self::TwoLengths,
        Self::CorruptGzip,
        Self::EmptyReply,
        Self::NotHttp,
        Self::ResetAfter,
        Self::HalfCloseBefore,
        Self::SlowHeaders,
        Self::HugeHeader,
    ];

    /// The path that behaves so: `/SlowBody`.
    pub fn path(self) -> String {
        format!("/{self:?}")
    }
}

/// The running server. Ends when dropped.
#[derive(Debug)]
pub struct FaultServer {
    addr: SocketAddr,
    requests: Arc<AtomicU64>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultServer {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("the address of a bound port");
        listener.set_nonblocking(true).expect("a socket");
        let (end, ended) = oneshot::channel::<()>();
        let requests = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&requests);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a socket");
                tokio::select! {
                    () = accept(listener, theirs) => {}
                    _ = ended => {}
                }
            });
        });
        Self { addr, requests, end: Some(end), thread: Some(thread) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Requests whose headers were read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address that refuses connections: a port that was free a moment ago.
pub fn refusing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("the address of a bound port")
}

async fn accept(listener: TcpListener, requests: Arc<AtomicU64>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let _ = timeout(LONGEST, serve(stream, &requests)).await;
            drop(permit);
        });
    }
}

async fn serve(stream: TcpStream, requests: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(path) = read_request(&mut stream).await? {
        requests.fetch_add(1, Ordering::SeqCst);
        let fault = Fault::ALL.into_iter().find(|fault| fault.path() == path);
        let open = match fault {
            Some(fault) => misbehave(fault, stream.get_mut()).await?,
            None => whole(stream.get_mut(), "404 Not Found", "", "{}").await?,
        };
        if !open {
            break;
        }
    }
    Ok(())
}

/// Reads a request with its body; its path. `None` at the end of the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    Ok(Some(path))
}

/// An answer as it should be. The connection stays open.
async fn whole(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> Result<bool> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    Ok(true)
}

/// Answers with a fault; whether the connection is still good.
async fn misbehave(fault: Fault, stream: &mut TcpStream) -> Result<bool> {
    match fault {
        Fault::Fine => return whole(stream, "200 OK", "", "{\"ok\": true}").await,
        Fault::InvalidJson => return whole(stream, "200 OK", "", "{\"access_token\": \"abc").await,
        Fault::RedirectLoop | Fault::RedirectToFine => {
            let to = if fault == Fault::RedirectLoop { fault } else { Fault::Fine };
            return whole(stream, "302 Found", &format!("Location: {}\r\n", to.path()), "").await;
        }
        Fault::RedirectNowhere => return whole(stream, "302 Found", "", "").await,
        Fault::CorruptGzip => return whole(stream, "200 OK", "Content-Encoding: gzip\r\n", "\x1f not gzip").await,
        Fault::ContinueFirst => {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            return whole(stream, "200 OK", "", "{\"ok\": true}").await;
        }
        Fault::HintsFirst => {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n").await?;
            return whole(stream, "200 OK", "", "{\"ok\": true}").await;
        }
        Fault::SwitchesProtocols => {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n").await?;
        }
        Fault::TwoLengths => return whole(stream, "200 OK", "Content-Length: 5\r\n", "{\"ok\": true}").await,
        Fault::NeverAnswer => hang(stream).await?,
        Fault::SlowBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await?;
            for _ in 0..1000 {
                stream.write_all(b"x").await?;
                sleep(Duration::from_millis(100)).await;
            }
        }
        Fault::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            endless(stream, &[b'x'; 1024]).await?;
        }
        Fault::HugeBody => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n").as_bytes()).await?;
            let block = vec![b'x'; 64 << 10];
            for _ in 0..HUGE / block.len() {
                stream.write_all(&block).await?;
            }
            return Ok(true);
        }
        Fault::LengthTooLong => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789").await?;
        }
        Fault::LengthTooShort => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await?;
            stream.write_all(&[b'x'; 50]).await?;
            // Closed a moment later: what is too much arrives while the connection is still open.
            sleep(Duration::from_millis(200)).await;
        }
        Fault::ResetBefore => reset(stream, b"").await?,
        Fault::ResetInHeaders => reset(stream, b"HTTP/1.1 200 OK\r\nContent-Le").await?,
        Fault::ResetInBody => reset(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789").await?,
        Fault::HalfClose => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"ok\": true}").await?;
            stream.shutdown().await?;
            hang(stream).await?;
        }
        Fault::ResetAfter => {
            whole(stream, "200 OK", "", "{\"ok\": true}").await?;
            // At once: what has arrived is still read, and the next request must not be on its way yet.
            stream.set_zero_linger()?;
        }
        Fault::HalfCloseBefore => {
            stream.shutdown().await?;
            hang(stream).await?;
        }
        Fault::SlowHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX-Filler: ").await?;
            for _ in 0..1000 {
                stream.write_all(b"x").await?;
                sleep(Duration::from_millis(100)).await;
            }
        }
        Fault::HugeHeader => {
            let filler = "x".repeat(1 << 20);
            stream.write_all(format!("HTTP/1.1 200 OK\r\nX-Filler: {filler}\r\n\r\n").as_bytes()).await?;
        }
        Fault::ChunkedWithoutEnd => chunked(stream, "5\r\nhello\r\n").await?,
        Fault::BrokenChunkSize => chunked(stream, "5\r\nhello\r\nxyz\r\nhello\r\n0\r\n\r\n").await?,
        Fault::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            endless(stream, b"X-Filler: 0123456789012345678901234567890123456789\r\n").await?;
        }
        Fault::Http10 => stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"ok\": true}").await?,
        Fault::EmptyReply => {}
        Fault::NotHttp => stream.write_all(b"220 mail.example.com ESMTP\r\n").await?,
    }
    Ok(false)
}

async fn chunked(stream: &mut TcpStream, body: &str) -> Result<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes()).await
}

/// Says nothing until the client has had enough.
async fn hang(stream: &mut TcpStream) -> Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(drop)
}

/// Sends `part` again and again, about 5,000 times a second.
async fn endless(stream: &mut TcpStream, part: &[u8]) -> Result<()> {
    let ten = part.repeat(10);
    for _ in 0..ENDLESS_BYTES / ten.len() {
        stream.write_all(&ten).await?;
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Sends a beginning, gives it time to arrive, and makes the coming close an RST.
async fn reset(stream: &mut TcpStream, beginning: &[u8]) -> Result<()> {
    stream.write_all(beginning).await?;
    sleep(Duration::from_millis(50)).await;
    stream.set_zero_linger()
}
