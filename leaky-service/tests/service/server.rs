//! The real binary, started on a free port and ended with the test.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// More than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

pub struct Server {
    child: Child,
    pub address: String,
    agent: ureq::Agent,
    _directory: TempDir,
}

pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command();
        command.args(arguments).envs(variables.iter().copied());
        Self::run(command)
    }

    /// As it is by itself, with the delay of the arguments.
    pub fn start_slow(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments);
        Self::run_as_it_is(command)
    }

    /// Runs a command that is the service, on a free port, without delay.
    pub fn run(mut command: Command) -> Self {
        command.args(["--delay", "0s"]);
        Self::run_as_it_is(command)
    }

    fn run_as_it_is(mut command: Command) -> Self {
        let directory = TempDir::new().expect("a directory for the address");
        let address_file = directory.path().join("address");
        let child = command
            .args(["--listen", "127.0.0.1:0", "--address-file"])
            .arg(&address_file)
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut server =
            Self { child, address: String::new(), agent: config.into(), _directory: directory };
        let address = wait_for("the address file", || fs::read_to_string(&address_file).ok());
        server.address.push_str(address.trim());
        server
    }

    /// From now on asked on a connection of its own each time: where places are scarce, one that idles is
    /// closed, perhaps in the instant in which it would be used again.
    pub fn asked_anew_each_time(mut self) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        self.agent = config.max_idle_connections(0).build().into();
        self
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(self.agent.get(self.url(path)).call())
    }

    pub fn get_json(&self, path: &str) -> Value {
        self.get(path).json()
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        Answer::of(self.agent.post(self.url(path)).send(body))
    }

    /// Posts, and expects that to be accepted.
    pub fn post_json(&self, path: &str, body: &str) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text);
        answer.json()
    }

    pub fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn load(&self, requests: usize) {
        for _ in 0..requests {
            assert_eq!(self.get("/api/data").status, 200);
        }
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text;
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {name} in:\n{text}")).parse().expect("a number")
    }

    /// Waits for the process to end of itself.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the service to end", || child.try_wait().expect("the child is ours"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub fn of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = answer.expect("the service answers");
        let mut text = String::new();
        let mut body = response.body_mut().as_reader();
        body.read_to_string(&mut text).expect("the answer is text");
        Self { status: response.status().as_u16(), text }
    }

    /// The same of an answer that may be no text.
    pub fn lossy(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes).expect("the answer is whole");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: response.status().as_u16(), text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_leaky-service");

pub fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    for variable in ["LEAKLAB_ADMIN_TOKEN", "METRICS_AUTH_USERNAME", "METRICS_AUTH_PASSWORD"] {
        command.env_remove(variable);
    }
    let theirs = std::env::vars_os().map(|(name, _)| name);
    for variable in theirs.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(variable);
    }
    command
}

pub fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// The number in a JSON value.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// Whether two numbers are the same but for rounding.
pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}
