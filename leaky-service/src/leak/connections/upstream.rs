//! An upstream service within this process, as small as can be, and connections to it.
//!
//! Both ends of a connection are held by whoever holds the [`Connection`]. Nothing here waits for
//! longer than a second.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// Far more than loopback takes.
const PATIENCE: Duration = Duration::from_secs(1);

const QUESTION: [u8; 6] = *b"price?";
const ANSWER: [u8; 6] = *b"price!";

/// Listens on a free port of the loopback interface.
pub struct Upstream {
    listener: TcpListener,
    address: SocketAddr,
}

/// Both ends of a connection; dropping it closes them.
pub struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Upstream {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // A listener has no timeout of its own in the standard library.
        set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub fn connect(&self) -> io::Result<Connection> {
        let client = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        let ours = client.local_addr()?;
        // Strangers may have found the port; they are turned away. The queue is first come,
        // first served, so these are the few that came before.
        let server = loop {
            let (server, peer) = self.listener.accept()?;
            if peer == ours {
                break server;
            }
        };
        client.set_read_timeout(Some(PATIENCE))?;
        server.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection { client, server })
    }
}

impl Connection {
    /// Descriptors that a connection takes in this process.
    pub const DESCRIPTORS: usize = 2;

    /// Sends a question one way and an answer the other.
    pub fn ask(&mut self) -> io::Result<()> {
        exchange(QUESTION, &mut self.client, &mut self.server)?;
        exchange(ANSWER, &mut self.server, &mut self.client)
    }

    /// What an upstream does that has had enough.
    #[cfg(test)]
    pub fn hang_up(&self) {
        self.server.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

fn exchange(message: [u8; 6], from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    from.write_all(&message)?;
    let mut received = [0; 6];
    to.read_exact(&mut received)
}
