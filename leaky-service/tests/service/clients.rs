//! Clients that misbehave: idle by the thousand, slow, half, endless. Whatever they do costs a
//! bounded amount, ends within a deadline, and the next client is answered.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::{Answer, DEADLINE, PROGRAM, Server, wait_for};

/// Long enough for a request on a busy machine, short enough to be waited for.
const IMPATIENT: [&str; 2] = ["--client-timeout", "2s"];

/// A connection that never waits for ever.
fn client(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    stream
}

/// All that the service sends until it ends the connection.
fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // Bytes that were not read make the kernel reset what the service closes.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        ended => drop(ended.expect("the service ends the connection")),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Writes until all is written or the service has closed the connection.
fn write_all(stream: &mut TcpStream, bytes: &[u8]) {
    match stream.write_all(bytes) {
        Err(error)
            if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
        {
            panic!("cannot write: {error}")
        }
        _ => {}
    }
}

fn is_alive(server: &Server) {
    assert_eq!(server.get("/api/data").status, 200);
    assert_eq!(server.get("/health").json()["status"], "ok");
}

#[test]
fn ten_thousand_idle_connections_leave_it_answering_and_cost_little() {
    const CLIENTS: usize = 10_000;
    const MOST_BYTES_PER_CLIENT: f64 = 16.0 * 1024.0;
    let may_open = may_open();
    if may_open < CLIENTS + 500 {
        assert!(std::env::var_os("CI").is_none(), "too few descriptors for {CLIENTS} connections");
        eprintln!("not run: too few descriptors for {CLIENTS} connections; raise `ulimit -Hn`");
        return;
    }
    // As many as have a place beside those that ask, so that none of them is asked to leave: the
    // service keeps half of its descriptors for leaks.
    let with_a_place = (may_open / 2 - 500).min(CLIENTS - 100);
    let server = Server::start(&[]).asked_anew_each_time();
    let memory = || server.metric("process_resident_memory_bytes");
    is_alive(&server);
    let before = memory();
    // Half of them have been answered once, and are kept alive; the others never ask.
    let idle = |at: usize| {
        let mut client = client(&server);
        if at.is_multiple_of(2) {
            write_all(&mut client, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
            assert_ne!(client.read(&mut [0; 512]).expect("it answers"), 0);
        }
        client
    };
    let mut clients: Vec<_> = (0..with_a_place).map(idle).collect();
    wait_for("the connections to be accepted", || {
        (server.metric("process_open_fds") >= with_a_place as f64).then_some(())
    });
    let taken = (memory() - before) / with_a_place as f64;
    assert!(taken < MOST_BYTES_PER_CLIENT, "{taken} bytes per idle connection");
    clients.extend((with_a_place..CLIENTS + 200).map(|_| client(&server)));
    is_alive(&server);
    drop(clients);
    wait_for("the connections to end", || {
        (server.metric("process_open_fds") < 100.0).then_some(())
    });
}

/// The service, from a shell that limits its descriptors.
fn under_limit(limit: &str) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\""), PROGRAM]);
    limited
}

/// Raises this process's limit as far as it may, and says how many descriptors that allows.
fn may_open() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("it is granted");
    limit.maximum.map_or(usize::MAX, |granted| granted as usize)
}

#[test]
fn the_descriptors_that_a_shell_grants_are_raised_as_far_as_may_be() {
    let server = Server::run(under_limit("-Sn 1024"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid()));
    let limits = limits.expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let granted: Vec<_> = line.expect("the kernel says").split_whitespace().take(2).collect();
    assert_eq!(granted[0], granted[1], "soft and hard");
}

#[test]
fn when_places_run_out_the_idle_lose_theirs_to_those_who_ask() {
    // Half of 300 descriptors are the leaks', half of the rest is a reserve: 75 places.
    let server = Server::run(under_limit("-n 300"));
    let mut busy = client(&server);
    write_all(&mut busy, b"GET /api/stream?pieces=8&pause=250ms HTTP/1.1\r\nhost: x\r\n\r\n");
    busy.read_exact(&mut [0; 4096]).expect("its answer has begun");
    let clients: Vec<_> = (0..200).map(|_| client(&server)).collect();
    // Long before the idle would be cut off for their silence.
    let soon = server.agent().get(server.url("/health")).config();
    let answer = soon.timeout_global(Some(Duration::from_secs(30))).build().call();
    assert_eq!(Answer::of(answer).status, 200);
    assert!(server.metric("process_open_fds") < 150.0);
    // The one with a request under way had its whole answer first, and then went, too.
    let rest = read_to_end(busy);
    assert!(rest.len() > 7 * 4096 && rest.ends_with("\r\n0\r\n\r\n"), "{} bytes", rest.len());
    drop(clients);
}

#[test]
fn half_a_head_and_silence_lose_the_connection_after_the_timeout() {
    let server = Server::start(&IMPATIENT);
    for said in ["", "GET /api/data HTTP/1.1\r\nhost: x\r\n"] {
        let mut slow = client(&server);
        write_all(&mut slow, said.as_bytes());
        let answer = read_to_end(slow);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    is_alive(&server);
}

#[test]
fn half_a_body_is_answered_with_408() {
    let server = Server::start(&[]);
    let mut half = client(&server);
    write_all(
        &mut half,
        b"POST /admin/leaks/cache HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"enabled\"",
    );
    let answer = read_to_end(half);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    is_alive(&server);
}

#[test]
fn a_client_that_never_reads_its_answer_is_let_go() {
    // All ten must be seen before the first is let go.
    let server = Server::start(&["--client-timeout", "10s"]);
    let tasks = || server.metric("tasks_alive");
    is_alive(&server);
    let before = tasks();
    let blocked: Vec<TcpStream> = (0..10).map(|_| client_with_a_small_buffer(&server)).collect();
    for mut client in &blocked {
        client
            .write_all(b"GET /api/stream?pieces=1000 HTTP/1.1\r\nhost: x\r\n\r\n")
            .expect("it reads");
    }
    wait_for("the answers to begin", || (tasks() >= before + 10.0).then_some(()));
    wait_for("the blocked to be let go", || (tasks() <= before).then_some(()));
    is_alive(&server);
}

/// One whose kernel takes but a few KiB.
fn client_with_a_small_buffer(server: &Server) -> TcpStream {
    let address: std::net::SocketAddr = server.address.parse().expect("an address");
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    set_socket_recv_buffer_size(socket.as_fd(), 4096).expect("it is new");
    connect(&socket, &address).expect("it listens");
    TcpStream::from(socket)
}

#[test]
fn endless_heads_and_bodies_are_cut_off() {
    let server = Server::start(&[]);
    let filler = format!("x-filler: {}\r\n", "x".repeat(1000)).repeat(1000);
    let many = (0..500).fold(String::new(), |all, at| all + &format!("x-{at}: y\r\n"));
    for headers in [filler, many] {
        let mut endless = client(&server);
        write_all(&mut endless, format!("GET /health HTTP/1.1\r\n{headers}").as_bytes());
        let answer = read_to_end(endless);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let mut target = client(&server);
    write_all(&mut target, format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)).as_bytes());
    let answer = read_to_end(target);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");

    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (path, chunks) in [("/admin/leaks/cache", 2), ("/api/upload", 300)] {
        let mut endless = client(&server);
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        write_all(&mut endless, head.as_bytes());
        (0..chunks).for_each(|_| write_all(&mut endless, chunk.as_bytes()));
        let answer = read_to_end(endless);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
    }
    is_alive(&server);
}

#[test]
fn what_is_not_http_is_refused() {
    let server = Server::start(&[]);
    for said in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /health\r\n\r\n",
        "\r\n\r\n\r\nnonsense\r\n\r\n",
        "POST /api/upload HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /api/upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stranger = client(&server);
        write_all(&mut stranger, said.as_bytes());
        stranger.shutdown(std::net::Shutdown::Write).expect("a socket");
        let answer = read_to_end(stranger);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{said:?}: {answer}");
    }
    is_alive(&server);
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_cut_off_all_the_same() {
    let server = Server::start(&IMPATIENT);
    let mut slow = client(&server);
    slow.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    slow.set_nodelay(true).expect("a socket");
    let head = "GET /health HTTP/1.1\r\nx: ".bytes().chain(std::iter::repeat(b'x'));
    let mut drip = head;
    wait_for("the connection to end", || {
        let byte = [drip.next().expect("it is endless")];
        let gone = slow.write_all(&byte).is_err();
        let ended = matches!(slow.read(&mut [0; 1024]), Ok(0));
        (gone || ended).then_some(())
    });
    is_alive(&server);
}
