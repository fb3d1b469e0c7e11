//! The least that a closed loop of HTTP/1.1 costs over sockets: on each connection one send and one
//! receive per request, one `epoll_wait` for as many replies as are there, and nothing else. Replies
//! are not read but for their length, which must be that of the first; nothing is timed.
//!
//! `bare HOST:PORT CONNECTIONS SECONDS` asks for `/` all the time.
#![expect(clippy::expect_used, reason = "a measurement that cannot be set up must fail")]

use std::{
    env,
    io::{self, Read, Write},
    net::TcpStream,
    process::ExitCode,
    time::{Duration, Instant},
};

use rustix::{event::epoll, time::Timespec};

/// How long a target may say nothing.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// Most replies that one look finds.
const MAX_EVENTS: usize = 256;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [target, connections, seconds] = &arguments[..] else { return usage() };
    let (Ok(connections), Ok(seconds)) = (connections.parse(), seconds.parse()) else {
        return usage();
    };
    ask(target, connections, Duration::from_secs(seconds)).expect("the target answers");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: bare HOST:PORT CONNECTIONS SECONDS");
    ExitCode::from(2)
}

fn ask(target: &str, connections: usize, length: Duration) -> io::Result<()> {
    let request = format!("GET / HTTP/1.1\r\nhost: {target}\r\n\r\n").into_bytes();
    let mut buffer = vec![0; 64 * 1024];
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut streams = Vec::with_capacity(connections);
    let mut reply_bytes = 0;
    for number in 0..connections {
        let mut stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.write_all(&request)?;
        reply_bytes = stream.read(&mut buffer)?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&poll, &stream, data, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        stream.write_all(&request)?;
        streams.push(stream);
    }
    let end = Instant::now() + length;
    let mut events = Vec::with_capacity(MAX_EVENTS);
    while Instant::now() < end {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&PATIENCE))?;
        if events.is_empty() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for event in &events {
            let stream = &mut streams[event.data.u64() as usize];
            if stream.read(&mut buffer)? != reply_bytes {
                return Err(io::Error::other("a reply of another length than the first"));
            }
            stream.write_all(&request)?;
        }
    }
    Ok(())
}
