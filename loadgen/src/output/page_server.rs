//! Serves one page over HTTP/1.1: one client at a time, a second for each, no more than 4 KiB of
//! request. A client that does not behave is cut off; a run never waits for one.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::books::lock;

/// Longest that one client may take, for its request and for its reply.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rest after a connection that could not be accepted, as what is in its way may last.
const REST_AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 4096;

/// What is served at the moment. Clones are the same page.
#[derive(Debug, Clone, Default)]
pub(super) struct Page(Arc<Mutex<Arc<str>>>);

impl Page {
    pub(super) fn set(&self, text: String) {
        *lock(&self.0) = text.into();
    }

    fn get(&self) -> Arc<str> {
        Arc::clone(&lock(&self.0))
    }
}

/// A thread that serves; dropped, it ends and frees the port.
#[derive(Debug)]
pub(super) struct PageServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PageServer {
    /// Serves `page` at `path`.
    pub(super) fn start(address: SocketAddr, path: &'static str, page: Page) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let of_thread = Arc::clone(&ended);
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if of_thread.load(SeqCst) {
                    return;
                }
                match stream {
                    // Whoever hangs up early has only himself to blame.
                    Ok(stream) => drop(serve(stream, path, &page)),
                    // No descriptor is free, or the client is gone already: the next may have luck.
                    Err(_) => thread::sleep(REST_AFTER_REFUSAL),
                }
            }
        })?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // Wakes the thread. If that cannot be done, the end of the process ends it.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, path: &str, page: &Page) -> io::Result<()> {
    let head = read_head(&mut stream)?;
    let mut words = head.split(' ');
    let (status, body): (_, Arc<str>) = match (words.next(), words.next()) {
        (Some("GET"), Some(asked)) if asked == path => ("200 OK", page.get()),
        (Some("GET"), _) => ("404 Not Found", format!("the page is {path}\n").into()),
        _ => ("405 Method Not Allowed", "only GET is answered\n".into()),
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Up to the empty line, the longest head, or the end of patience.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
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
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> PageServer {
        let page = Page::default();
        page.set("the page".to_owned());
        PageServer::start(([127, 0, 0, 1], 0).into(), "/metrics", page).expect("a free port")
    }

    fn ask(server: &PageServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        reply
    }

    #[test]
    fn the_page_is_served_and_nothing_else() {
        let server = server();
        for (request, status, body) in [
            ("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200 OK", "the page"),
            ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404", "the page is /metrics\n"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405", "only GET is answered\n"),
            ("\r\n\r\n", "HTTP/1.1 405", "only GET is answered\n"),
        ] {
            let reply = ask(&server, request);
            assert!(reply.starts_with(status) && reply.ends_with(body), "{request}: {reply}");
        }
    }

    #[test]
    fn a_client_that_says_nothing_is_cut_off_and_the_next_one_served() {
        let server = server();
        let _silent = TcpStream::connect(server.address()).expect("it listens");
        assert!(ask(&server, "GET /metrics HTTP/1.1\r\n\r\n").ends_with("the page"));
    }

    #[test]
    fn the_port_is_free_once_the_server_is_dropped() {
        let server = server();
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
