//! A server with TLS whose certificate no system believes: a page of metrics, one of memory in JSON, and a receiver.
//!
//! It takes python3 and openssl. Where they are not installed the tests say so and pass; under `CI=true` they fail.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Writes down every request whose sender believed the certificate. It ends by itself after ten minutes.
const PROGRAM: &str = r##"
import http.server, signal, ssl
signal.alarm(600)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/memory":
            self.answer(b'{"heap_inuse_mb": 10}')
        else:
            self.answer(b"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 10000000\n")

    def do_POST(self):
        self.answer(b"")

    def answer(self, page):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        with open("requests", "a") as requests:
            print(self.command, self.path, body, file=requests)
        self.send_response(200)
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"##;

/// Killed when it is dropped.
pub struct Secure {
    child: Child,
    folder: tempfile::TempDir,
    port: String,
}

impl Secure {
    /// None if what it takes is not installed.
    pub fn serve() -> Option<Self> {
        for (name, argument) in [("openssl", "version"), ("python3", "--version")] {
            let mut asked = Command::new(name);
            if asked.arg(argument).stdout(Stdio::null()).status().is_err() {
                assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
                eprintln!("not run: {name} is not installed");
                return None;
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("openssl")
            .current_dir(folder.path())
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2"])
            .args(["-subj", "/CN=t", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl runs").success());
        let mut command = Command::new("python3");
        command.current_dir(folder.path()).args(["-c", PROGRAM]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 runs");
        let out = child.stdout.take().expect("piped");
        let mut server = Self { child, folder, port: String::new() };
        BufReader::new(out).read_line(&mut server.port).expect("a line");
        assert!(!server.port.is_empty(), "it ended early");
        Some(server)
    }

    /// Where `path`, which begins with a slash, is served.
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port.trim())
    }

    /// The file of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Method, path and body of every request up to now.
    pub fn requests(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("requests"));
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
