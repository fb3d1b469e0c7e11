//! Receives Alertmanager's webhooks: a small server for one well-known client, on a thread of its own.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// The longest head of a request.
const MOST_HEAD_BYTES: usize = 16 << 10;
/// The longest body: some thousand alerts.
const MOST_BODY_BYTES: usize = 1 << 20;
/// Headers of a request that are read.
const MOST_HEADERS: usize = 32;
/// Notices that may wait; Alertmanager is told to come again when there are more.
const MOST_WAITING: usize = 1024;
/// A client that says nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks for a client, and at the end.
const TICK: Duration = Duration::from_millis(20);

/// One alert of a webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The same for the same labels.
    pub identity: String,
    /// Its `alertname`.
    pub name: String,
    /// Whether it fires, or is resolved.
    pub is_firing: bool,
    /// When it came.
    pub at: Instant,
}

/// The body of a webhook; what is not used is not read.
#[derive(Deserialize)]
struct Message {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: Status,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// A server that listens. Dropping it ends it.
#[derive(Debug)]
pub struct Webhook {
    address: SocketAddr,
    notices: Receiver<Notice>,
    /// Came while somebody waited.
    waiting: Mutex<Vec<Notice>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Listens.
    pub fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (sender, notices) = sync_channel(MOST_WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    // A client that breaks off is no concern of ours.
                    Ok((client, _)) => drop(answer(client, &sender)),
                    Err(_) => thread::sleep(TICK),
                }
            }
        });
        let waiting = Mutex::default();
        Ok(Self { address, notices, waiting, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came since the last call.
    pub fn notices(&self) -> Vec<Notice> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut *waiting);
        all.extend(self.notices.try_iter());
        all
    }

    /// Waits for a notice, for `longest` at most.
    pub fn wait(&self, longest: Duration) {
        if let Ok(notice) = self.notices.recv_timeout(longest) {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut client: TcpStream, notices: &SyncSender<Notice>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let status = match body(&mut client)? {
        Ok(body) => deliver(&body, notices),
        Err(status) => status,
    };
    write!(client, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The body of a request, or the status that refuses it.
fn body(client: &mut TcpStream) -> io::Result<Result<Vec<u8>, &'static str>> {
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let mut expected = None;
    loop {
        if expected.is_none() {
            match head(&bytes) {
                Ok(None) if bytes.len() > MOST_HEAD_BYTES => {
                    return Ok(Err("431 Request Header Fields Too Large"));
                }
                Ok(length) => expected = length,
                Err(status) => return Ok(Err(status)),
            }
        }
        if let Some((begin, length)) = expected
            && bytes.len() >= begin + length
        {
            return Ok(Ok(bytes[begin..begin + length].to_vec()));
        }
        let count = client.read(&mut piece)?;
        if count == 0 || Instant::now() > deadline {
            return Ok(Err("408 Request Timeout"));
        }
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// Where the body begins and how long it is, once the head is there.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let begin = match request.parse(bytes) {
        Ok(httparse::Status::Complete(begin)) => begin,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err("400 Bad Request"),
    };
    if request.method != Some("POST") {
        return Err("405 Method Not Allowed");
    }
    let length = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    match length {
        Some(length) if length <= MOST_BODY_BYTES => Ok(Some((begin, length))),
        Some(_) => Err("413 Content Too Large"),
        None => Err("411 Length Required"),
    }
}

/// Hands on what a body says; the status that answers it. Alertmanager comes again after a 5xx.
fn deliver(body: &[u8], notices: &SyncSender<Notice>) -> &'static str {
    let Ok(message) = serde_json::from_slice::<Message>(body) else { return "400 Bad Request" };
    let at = Instant::now();
    for Alert { status, labels } in message.alerts {
        let notice = Notice {
            identity: format!("{labels:?}"),
            name: labels.get("alertname").cloned().unwrap_or_default(),
            is_firing: status == Status::Firing,
            at,
        };
        if notices.try_send(notice).is_err() {
            return "503 Service Unavailable";
        }
    }
    "200 OK"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends bytes, and returns the status of the answer.
    fn send(webhook: &Webhook, request: &str) -> String {
        let mut client = TcpStream::connect(webhook.address()).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    fn post(webhook: &Webhook, body: &str) -> String {
        let length = body.len();
        send(webhook, &format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"))
    }

    #[test]
    fn what_alertmanager_posts_is_told_alert_by_alert() {
        let webhook = Webhook::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let body = r#"{"version":"4","status":"firing","receiver":"x","alerts":[
            {"status":"firing","labels":{"alertname":"A","job":"api"},"startsAt":"2026-01-01T00:00:00Z"},
            {"status":"resolved","labels":{"job":"api","alertname":"A"}}]}"#;
        assert_eq!(post(&webhook, body), "HTTP/1.1 200 OK");
        let notices = webhook.notices();
        let told: Vec<_> = notices.iter().map(|n| (n.name.as_str(), n.is_firing)).collect();
        assert_eq!(told, [("A", true), ("A", false)]);
        assert_eq!(notices[0].identity, notices[1].identity);
    }

    #[test]
    fn whatever_else_comes_is_refused_and_the_next_one_is_served() {
        let webhook = Webhook::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "405"),
            ("POST / HTTP/1.1\r\n\r\n", "411"),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n[1,2]", "400"),
            ("rubbish\r\n\r\n", "400"),
        ] {
            let answer = send(&webhook, request);
            assert!(answer.contains(status), "{request}: {answer}");
        }
        assert_eq!(post(&webhook, r#"{"alerts":[]}"#), "HTTP/1.1 200 OK");
        assert_eq!(webhook.notices(), []);
    }

    #[test]
    fn more_than_anybody_takes_is_put_off() {
        let webhook = Webhook::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let alert = r#"{"status":"firing","labels":{"alertname":"A"}}"#;
        let body = format!(r#"{{"alerts":[{}]}}"#, vec![alert; MOST_WAITING + 1].join(","));
        assert_eq!(post(&webhook, &body), "HTTP/1.1 503 Service Unavailable");
        assert_eq!(webhook.notices().len(), MOST_WAITING);
    }
}
