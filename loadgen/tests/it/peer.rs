//! Peers to send load to: a plain server with a thread per connection, told what to answer.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use crate::reserved_port::ReservedPort;

/// A whole answer to keep the connection open after.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A running peer. Dropped, it closes and gives its port back.
pub struct Peer {
    port: ReservedPort,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    /// The open connections by their number.
    streams: Mutex<HashMap<u64, TcpStream>>,
}

impl Peer {
    /// Starts a peer on a free port. `answer` is what it does once it has read a request; it says
    /// whether to go on with this connection.
    pub fn start(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let port = ReservedPort::new();
        let listener = TcpListener::bind(port.address()).expect("a port of ours");
        let shared = Arc::new(Shared::default());
        let of_acceptor = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &Arc::new(answer), &of_acceptor));
        Self { port, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// Requests read so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(SeqCst)
    }

    /// Ends every connection and refuses new ones.
    pub fn close(&self) {
        self.shared.closed.store(true, SeqCst);
        // Wakes the acceptor, which then leaves and stops listening.
        drop(TcpStream::connect(self.address()));
        for (_, stream) in self.shared.streams.lock().expect("no thread failed").drain() {
            // The other side may have closed it long ago.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close();
    }
}

fn accept<A>(listener: &TcpListener, answer: &Arc<A>, shared: &Arc<Shared>)
where
    A: Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
{
    for stream in listener.incoming().map_while(Result::ok) {
        let kept = stream.try_clone().expect("a descriptor");
        let mut streams = shared.streams.lock().expect("no thread failed");
        // Looked at under the lock: what is added after the end would stay open.
        if shared.closed.load(SeqCst) {
            return;
        }
        let number = shared.connections.fetch_add(1, SeqCst);
        streams.insert(number, kept);
        drop(streams);
        let (answer, shared) = (Arc::clone(answer), Arc::clone(shared));
        thread::spawn(move || {
            serve(stream, &*answer, &shared.requests);
            shared.streams.lock().expect("no thread failed").remove(&number);
        });
    }
}

fn serve(mut stream: TcpStream, answer: impl Fn(&mut TcpStream) -> bool, requests: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
    while read_request(&mut reader) {
        requests.fetch_add(1, SeqCst);
        if !answer(&mut stream) {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Reads the head of a request up to the empty line; false at the end of the stream.
fn read_request(reader: &mut BufReader<TcpStream>) -> bool {
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
        if line == "\r\n" {
            return true;
        }
        line.clear();
    }
    false
}

/// The well-behaved answer.
pub fn ok(stream: &mut TcpStream) -> bool {
    stream.write_all(OK).is_ok()
}
