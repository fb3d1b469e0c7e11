//! `probe http://ADDRESS:PORT/PATH`: asks once, and ends with 0 if the answer is a success.
//!
//! Our images have neither shell nor curl, so each carries this beside its program. It needs the
//! standard library alone, and ends with 1 for whatever else happens: to Docker, 2 means nothing.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// To connect, to send, and to wait for an answer: for each as long.
const PATIENCE: Duration = Duration::from_secs(2);
/// `HTTP/1.1 200`: more of an answer is not looked at.
const STATUS_BYTES: u64 = 12;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(url), None) = (arguments.next(), arguments.next()) else {
        eprintln!("error: give one URL, such as http://127.0.0.1:8080/health");
        return ExitCode::FAILURE;
    };
    match ask(&url) {
        Ok(status) if is_success(&status) => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{url} answers {status:?}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The first bytes of the answer.
fn ask(url: &str) -> Result<String, Box<dyn Error>> {
    let (authority, path) = parts(url).ok_or("is no URL such as http://127.0.0.1:8080/health")?;
    let address = authority.to_socket_addrs()?.next().ok_or("has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut status = String::new();
    stream.take(STATUS_BYTES).read_to_string(&mut status)?;
    Ok(status)
}

/// Host with port, and path.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let is_whole = authority.contains(':') && !url.contains(char::is_whitespace);
    is_whole.then_some((authority, if path.is_empty() { "/" } else { path }))
}

fn is_success(status: &str) -> bool {
    let code = status.strip_prefix("HTTP/1.").and_then(|rest| rest.get(1..));
    code.is_some_and(|code| code.len() == 4 && code.starts_with(" 2"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn only_a_whole_status_of_success_is_one() {
        for (status, expected) in [
            ("HTTP/1.1 200", true),
            ("HTTP/1.0 204", true),
            ("HTTP/1.1 404", false),
            ("HTTP/1.1 503", false),
            ("HTTP/1.1 2", false),
            ("SSH-2.0-x 20", false),
            ("", false),
        ] {
            assert_eq!(is_success(status), expected, "{status}");
        }
    }

    #[test]
    fn a_url_has_host_port_and_path() {
        for (url, expected) in [
            ("http://a:1/health", Some(("a:1", "/health"))),
            ("http://a:1", Some(("a:1", "/"))),
            ("http://a/health", None),
            ("https://a:1/", None),
            ("http://a:1/x y", None),
            ("a:1/", None),
        ] {
            assert_eq!(parts(url), expected, "{url}");
        }
    }

    #[test]
    fn it_asks_whoever_listens_there() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/health", listener.local_addr().expect("bound"));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 512];
            let count = stream.read(&mut request).expect("a request");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        assert_eq!(ask(&url).expect("answered"), "HTTP/1.1 200");
        assert!(server.join().expect("served").starts_with("GET /health HTTP/1.1\r\n"));
        assert!(ask(&url).is_err(), "nobody listens any more");
    }
}
