//! Connections to this machine's own addresses.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::*;

fn origin(name: &str, port: u16) -> Origin {
    Origin { tls: false, name: name.to_owned(), port }
}

/// A connector that has looked `several.test` up.
fn knowing(addresses: &[Ipv4Addr]) -> Connector {
    let connector = Connector::new(true, true);
    let found = Ok(addresses.iter().map(|&address| IpAddr::V4(address)).collect());
    let known = LookedUp { name: "several.test".to_owned(), at: Instant::now(), found };
    connector.names.lock().unwrap().push(known);
    connector
}

async fn open(connector: &Connector, origin: &Origin, within: Duration) -> Result<Stream, String> {
    let way = Way { origin, proxy: None, by: Instant::now() + within };
    connector.open(way, &mut Phases::default()).await
}

fn first(connector: &Connector) -> IpAddr {
    connector.names.lock().unwrap()[0].found.as_ref().unwrap()[0]
}

const ONE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test]
async fn an_address_that_refuses_is_followed_by_the_next_which_comes_first_from_then_on() {
    let listener = TcpListener::bind((TWO, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = knowing(&[ONE, TWO]);
    open(&connector, &origin("several.test", port), Duration::from_secs(30)).await.map(drop).unwrap();
    assert_eq!(first(&connector), TWO);
    drop(listener);
    let error = open(&connector, &origin("several.test", port), Duration::from_secs(30)).await.err().unwrap();
    assert_eq!(error, format!("connect to several.test:{port} at 127.0.0.1: connection refused"));
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let listener = TcpListener::bind((TWO, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // A queue that is full, and that nobody empties: further connections get no answer.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind((ONE, port).into()).unwrap();
    let _silent = silent.listen(1).unwrap();
    let mut queued = Vec::new();
    for _ in 0..8 {
        let connecting = TcpStream::connect((ONE, port));
        queued.push(tokio::time::timeout(Duration::from_millis(100), connecting).await);
    }
    assert!(queued.last().unwrap().is_err(), "the queue is not full");
    let connector = knowing(&[ONE, TWO]);
    let began = Instant::now();
    open(&connector, &origin("several.test", port), Duration::from_secs(4)).await.map(drop).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2), "half of the time was the first address's");
    assert_eq!(first(&connector), TWO);
}

#[tokio::test]
async fn where_one_source_has_no_port_left_the_next_one_is_used() {
    let listener = TcpListener::bind((ONE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = Connector::new(true, true);
    for source in [0, 1, 5] {
        connector.source.store(source, Ordering::Relaxed);
        let _stream = open(&connector, &origin("127.0.0.1", port), Duration::from_secs(30)).await.map(drop);
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip(), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1 + source)));
    }
    assert!(no_free_port(&io::Error::from_raw_os_error(Errno::ADDRNOTAVAIL.raw_os_error())));
    assert!(no_free_port(&io::Error::from_raw_os_error(Errno::ADDRINUSE.raw_os_error())));
    let files = io_text(&io::Error::from_raw_os_error(Errno::MFILE.raw_os_error()));
    assert!(files.contains("ulimit -n"), "{files}");
}

#[tokio::test]
async fn a_name_under_localhost_is_not_looked_up_and_one_that_failed_not_at_once_again() {
    let connector = Connector::new(true, true);
    assert_eq!(connector.look_up("agenthub.localhost").await, Ok(LOOPBACK.to_vec()));
    assert!(is_under_localhost("A.LocalHost.") && !is_under_localhost("localhost"));
    assert!(!is_under_localhost("localhost.example.com") && !is_under_localhost(".localhost"));
    assert!(connector.names.lock().unwrap().is_empty());
    let failed = connector.look_up("nowhere.invalid").await.unwrap_err();
    assert!(failed.starts_with("look up nowhere.invalid: "), "{failed}");
    assert_eq!(connector.known("nowhere.invalid"), Some(Err(failed)));
}
