//! A watch as a process, a page of metrics that it looks at, and a receiver that it tells.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for something that is to happen; it takes a second or two.
const DEADLINE: Duration = Duration::from_mins(2);

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Waits until it is so.
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within two minutes: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Answers every request with what `answer` makes of its body: status and body.
pub fn serve(answer: impl Fn(&str) -> (String, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    // It ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(body) = read(&stream) else { continue };
            let (status, text) = answer(&body);
            let _ = write!(
                &stream,
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
        }
    });
    address
}

fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// What a page says.
#[derive(Default)]
struct Shown {
    bytes: u64,
    counters: String,
}

/// A page that says how much memory something takes, and may count.
pub struct Page(SocketAddr, Arc<Mutex<Shown>>);

impl Page {
    pub fn serve() -> Self {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let of_thread = Arc::clone(&shown);
        let address = serve(move |_| {
            let shown = of_thread.lock().expect("held for a moment");
            let (bytes, counters) = (shown.bytes, &shown.counters);
            let name = "process_resident_memory_bytes";
            ("200 OK".to_owned(), format!("# TYPE {name} gauge\n{name} {bytes}\n{counters}"))
        });
        Self(address, shown)
    }

    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.0)
    }

    pub fn set(&self, bytes: u64) {
        self.1.lock().expect("held for a moment").bytes = bytes;
    }

    /// Lines of counters beside the memory.
    pub fn count(&self, lines: &str) {
        lines.clone_into(&mut self.1.lock().expect("held for a moment").counters);
    }
}

#[derive(Default)]
struct Told {
    status: String,
    tries: usize,
    taken: Vec<Value>,
}

/// Somebody who is told, and keeps what was taken with a good status.
pub struct Receiver(SocketAddr, Arc<Mutex<Told>>);

impl Receiver {
    pub fn serve() -> Self {
        let told = Arc::new(Mutex::new(Told { status: "200 OK".to_owned(), ..Told::default() }));
        let of_thread = Arc::clone(&told);
        let address = serve(move |body| {
            let mut told = of_thread.lock().expect("held for a moment");
            told.tries += 1;
            if told.status.starts_with('2') {
                told.taken.push(serde_json::from_str(body).expect("JSON"));
            }
            (told.status.clone(), String::new())
        });
        Self(address, told)
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.0)
    }

    pub fn answer_with(&self, status: &str) {
        status.clone_into(&mut self.1.lock().expect("held for a moment").status);
    }

    pub fn tries(&self) -> usize {
        self.1.lock().expect("held for a moment").tries
    }

    pub fn taken(&self) -> Vec<Value> {
        self.1.lock().expect("held for a moment").taken.clone()
    }
}

/// `detector watch`, killed when it is dropped.
pub struct Watch {
    child: Child,
    address: String,
    config: PathBuf,
    said: Arc<Mutex<String>>,
}

impl Watch {
    fn command(folder: &Path, config: &str) -> (Command, PathBuf) {
        let file = folder.join("detector.yaml");
        std::fs::write(&file, config).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
        command.arg("watch").arg("--config").arg(&file).env_remove("DETECTOR_API_TOKEN");
        (command, file)
    }

    pub fn check(folder: &Path, config: &str) -> Output {
        Self::command(folder, config).0.arg("--check-config").output().expect("runs")
    }

    /// Returns once it listens.
    pub fn start(folder: &Path, config: &str) -> Self {
        Self::start_asking_for(folder, config, None)
    }

    /// The same, asking for a token.
    pub fn start_asking_for(folder: &Path, config: &str, token: Option<&str>) -> Self {
        let (mut command, config) = Self::command(folder, config);
        command.envs(token.map(|token| ("DETECTOR_API_TOKEN", token)));
        command.args(["--listen", "127.0.0.1:0", "--database"]).arg(folder.join("detector.db"));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut before = String::new();
        let address = loop {
            let line = lines.next().expect("it listens").expect("text");
            before = before + &line + "\n";
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.to_owned();
            }
        };
        // Its pipe must not fill.
        let said = Arc::new(Mutex::new(before));
        let of_thread = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                of_thread.lock().expect("held for a moment").push_str(&(line + "\n"));
            }
        });
        Self { child, address, config, said }
    }

    /// What it has said.
    pub fn said(&self) -> String {
        self.said.lock().expect("held for a moment").clone()
    }

    fn get(&self, path: &str) -> String {
        self.reply(path, "").split_once("\r\n\r\n").expect("a head").1.to_owned()
    }

    /// The status to a question with these lines in its head.
    pub fn status(&self, path: &str, head: &str) -> u16 {
        let reply = self.reply(path, head);
        reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    fn reply(&self, path: &str, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n{head}\r\n").expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        reply
    }

    pub fn ask(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).expect("JSON")
    }

    pub fn metrics(&self) -> String {
        self.get("/metrics")
    }

    pub fn incidents(&self, query: &str) -> Vec<Value> {
        let answer = self.ask(&format!("/api/v1/incidents?{query}"));
        answer["incidents"].as_array().expect("a list").clone()
    }

    /// Writes another configuration and sends SIGHUP.
    pub fn reload(&self, config: &str) {
        std::fs::write(&self.config, config).expect("written");
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("runs").success());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("ended");
    }

    /// SIGTERM; the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("ended").code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
