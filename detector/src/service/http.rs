//! A small HTTP/1.1 server: one request per connection, few threads, little patience.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest that a client may take for its request, and for its reply.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rest after a connection that could not be accepted, as what is in its way may last.
const REST_AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Requests answered at the same time, and connections that wait for that; more are hung up on.
const THREADS: usize = 4;
const MOST_WAITING: usize = 64;

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, say.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The header `authorization`.
    pub authorization: Option<Vec<u8>>,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// Number and words.
    pub status: &'static str,
    /// The header `content-type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Threads that serve; dropped, they end and free the port.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves with what `answer` makes of requests.
    pub fn start<A>(address: SocketAddr, answer: A) -> io::Result<Self>
    where
        A: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let (hand_on, handed_on) = sync_channel::<TcpStream>(MOST_WAITING);
        let (answer, handed_on) = (Arc::new(answer), Arc::new(Mutex::new(handed_on)));
        for _ in 0..THREADS {
            let (answer, handed_on) = (Arc::clone(&answer), Arc::clone(&handed_on));
            thread::Builder::new().name("answer".to_owned()).spawn(move || {
                while let Some(stream) = next(&handed_on) {
                    // Whoever hangs up early has only himself to blame.
                    let _ = serve(stream, answer.as_ref());
                }
            })?;
        }
        let of_thread = Arc::clone(&ended);
        let thread = thread::Builder::new().name("listen".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if of_thread.load(SeqCst) {
                    return;
                }
                match stream {
                    Ok(stream) => drop(hand_on.try_send(stream)),
                    // No descriptor is free, or the client is gone already.
                    Err(_) => thread::sleep(REST_AFTER_REFUSAL),
                }
            }
        })?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // Wakes the thread. If that cannot be done, the end of the process ends it.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn next(handed_on: &Mutex<Receiver<TcpStream>>) -> Option<TcpStream> {
    handed_on.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn serve(mut stream: TcpStream, answer: impl Fn(&Request) -> Response) -> io::Result<()> {
    let head = read_head(&mut stream)?;
    let Response { status, content_type, body } = match parse(&head) {
        Some(request) => answer(&request),
        None => Response {
            status: "400 Bad Request",
            content_type: "text/plain",
            body: "no request of HTTP/1.1\n".to_owned(),
        },
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
    )
}

fn parse(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok().filter(httparse::Status::is_complete)?;
    let authorization =
        request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("authorization"));
    Some(Request {
        method: request.method?.to_owned(),
        target: request.path?.to_owned(),
        authorization: authorization.map(|header| header.value.to_owned()),
    })
}

/// Up to the empty line, the longest head, or the end of patience.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => break,
            count => head.extend_from_slice(&piece[..count]),
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server::start(([127, 0, 0, 1], 0).into(), |request| Response {
            status: "200 OK",
            content_type: "text/plain",
            body: format!("{request:?}"),
        })
        .expect("a free port")
    }

    fn ask(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        reply
    }

    #[test]
    fn requests_are_understood_or_refused() {
        let server = server();
        let reply = ask(&server, "GET /a?b=c HTTP/1.1\r\nAuthorization: x\r\n\r\n");
        assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
        assert!(reply.contains("/a?b=c") && reply.contains("Some([120])"), "{reply}");
        assert!(ask(&server, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    }

    #[test]
    fn clients_that_say_nothing_are_cut_off_and_the_next_one_served() {
        let server = server();
        let connect = |_| TcpStream::connect(server.address()).expect("it listens");
        let _silent: Vec<TcpStream> = (0..THREADS).map(connect).collect();
        assert!(ask(&server, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn the_port_is_free_once_the_server_is_dropped() {
        let server = server();
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
