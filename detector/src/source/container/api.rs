//! The two questions that are asked of Docker's API, over its socket.
//!
//! Asked in HTTP/1.0: the answer then comes whole, and ends with the connection.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ContainerError;

/// Names the socket, as `unix:///PATH`.
const VARIABLE: &str = "DOCKER_HOST";
/// Where it is where nothing names it.
const SOCKET: &str = "/var/run/docker.sock";
/// Longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read: some thousand containers.
const LARGEST_ANSWER_BYTES: usize = 4 << 20;
/// Most names of running containers that a message lists.
const MOST_LISTED: usize = 10;

/// An engine.
#[derive(Debug)]
pub(super) struct Api {
    socket: PathBuf,
}

/// A container, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) id: String,
    /// With a slash before it.
    pub(super) name: String,
    pub(super) state: State,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    pub(super) status: String,
    pub(super) running: bool,
    /// Its first process; 0 if it does not run.
    pub(super) pid: u32,
    pub(super) exit_code: i64,
    #[serde(rename = "OOMKilled")]
    pub(super) oom_killed: bool,
}

impl Api {
    pub(super) fn of_environment() -> Self {
        let host = std::env::var(VARIABLE).unwrap_or_default();
        Self { socket: PathBuf::from(host.strip_prefix("unix://").unwrap_or(SOCKET)) }
    }

    /// What the engine knows of a container.
    pub(super) fn inspect(&self, wanted: &str) -> Result<Container, ContainerError> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !wanted.chars().all(word) {
            return Err(self.no_such(wanted));
        }
        match self.ask(&format!("/containers/{wanted}/json"))? {
            Some(container) => Ok(container),
            None => Err(self.no_such(wanted)),
        }
    }

    fn no_such(&self, wanted: &str) -> ContainerError {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Named {
            names: Vec<String>,
        }
        let running: Option<Vec<Named>> = self.ask("/containers/json").ok().flatten();
        let names = running.into_iter().flatten().flat_map(|container| container.names);
        let names: Vec<String> =
            names.take(MOST_LISTED).map(|name| name.trim_start_matches('/').to_owned()).collect();
        let running = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ContainerError::NoSuchContainer { wanted: wanted.to_owned(), running }
    }

    /// The answer, or nothing if there is no such thing.
    fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ContainerError> {
        let answer = self
            .exchange(path)
            .map_err(|source| ContainerError::NoEngine { socket: self.socket.clone(), source })?;
        let bad = |status, message: String| ContainerError::BadAnswer {
            socket: self.socket.clone(),
            status,
            message,
        };
        let end_of_head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = answer.split_at(end_of_head.unwrap_or(answer.len()));
        let status = String::from_utf8_lossy(head);
        let status = status.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok());
        match status {
            Some(200) => serde_json::from_slice(body)
                .map(Some)
                .map_err(|error| bad(200, format!("cannot be read: {error}"))),
            Some(404) => Ok(None),
            Some(status) => {
                let message: String = String::from_utf8_lossy(body).chars().take(200).collect();
                Err(bad(status, message.trim().to_owned()))
            }
            None => Err(bad(0, "is no answer of HTTP".to_owned())),
        }
    }

    fn exchange(&self, path: &str) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + TIMEOUT;
        let mut socket = UnixStream::connect(&self.socket)?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let (mut answer, mut piece) = (Vec::new(), [0; 8192]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || answer.len() > LARGEST_ANSWER_BYTES {
                return Err(io::Error::other("the answer is too slow, or larger than 4 MiB"));
            }
            socket.set_read_timeout(Some(left))?;
            match socket.read(&mut piece)? {
                0 => return Ok(answer),
                length => answer.extend_from_slice(&piece[..length]),
            }
        }
    }
}
