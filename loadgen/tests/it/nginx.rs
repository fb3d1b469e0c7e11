//! Runs against nginx, over everything that is spoken. Where nginx or openssl is not installed
//! these say so and pass; under `CI=true` they fail.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use loadgen::{Control, Credentials, LoadError, PlanOptions, Protocol, Report, RequestOptions};

use crate::{
    Running, assert_every_arrival_is_accounted_for, reserved_port::ReservedPort, run, wait_until,
};

/// nginx with a directory of its own; ended when dropped.
struct Nginx {
    child: Child,
    directory: tempfile::TempDir,
    plain: SocketAddr,
    tls: SocketAddr,
    /// Of HTTP/1.1 alone.
    tls1: SocketAddr,
    h2c: SocketAddr,
    _ports: [ReservedPort; 4],
}

impl Nginx {
    /// None if it is not installed.
    fn start() -> Option<Self> {
        let missing = ["nginx", "openssl"].into_iter().find(|name| !is_installed(name));
        if let Some(missing) = missing {
            assert!(env::var_os("CI").is_none(), "{missing} is not installed");
            eprintln!("not run: {missing} is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let ports = [(); 4].map(|()| ReservedPort::new());
        let addresses = ports.each_ref().map(ReservedPort::address);
        let [plain, tls, tls1, h2c] = addresses;
        let at = directory.path().display();
        make_certificate(&directory);
        let conf = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr;
            events {{ worker_connections 256; }}
            http {{
              log_format all '$request_method $request_uri $server_protocol \"$http_x_id\" \
                \"$http_authorization\" $connection_requests $request_length \"$request_body\"';
              access_log {at}/log all; keepalive_requests 1000000; ssl_session_cache off;
              client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
              uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
              server {{
                listen {plain}; listen unix:{at}/socket; listen {tls} ssl http2;
                listen {h2c} http2; listen {tls1} ssl;
                ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;
                location / {{ return 200 hello; }}
                location /missing {{ return 404 sorry; }}
              }}
            }}"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, conf).expect("the configuration is written");
        let child = Command::new("nginx")
            .arg("-e")
            .arg(directory.path().join("errors"))
            .arg("-c")
            .arg(file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let mut nginx = Self { child, directory, plain, tls, tls1, h2c, _ports: ports };
        wait_until(|| {
            let ended = nginx.child.try_wait().expect("a child");
            assert_eq!(ended, None, "nginx does not start");
            addresses.iter().all(|address| TcpStream::connect(address).is_ok())
        });
        Some(nginx)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Nobody listens any more, and what is open is closed.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What nginx saw of the requests, once it has ended.
    fn log(mut self) -> Vec<String> {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::QUIT,
        )
        .expect("nginx is alive");
        self.child.wait().expect("nginx ends");
        let log = fs::read_to_string(self.path("log")).expect("a log");
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_installed(name: &str) -> bool {
    let version = if name == "openssl" { "version" } else { "-v" };
    let command =
        Command::new(name).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    command.is_ok()
}

/// A certificate for 127.0.0.1 that signs itself.
fn make_certificate(directory: &tempfile::TempDir) {
    let made = Command::new("openssl")
        .current_dir(directory.path())
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=t"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"])
        .stderr(Stdio::null())
        .status()
        .expect("openssl runs");
    assert!(made.success());
}

fn options(scheme: &str, address: SocketAddr) -> PlanOptions {
    PlanOptions::new(format!("{scheme}://{address}/"), "200/s", Duration::from_millis(500))
}

fn assert_all_completed(report: &Report) {
    assert_eq!((report.requests_sent, report.requests_completed), (100, 100), "{report}");
    assert_eq!(report.bytes_received, 500, "{report}");
    assert_every_arrival_is_accounted_for(report);
}

#[test]
fn every_protocol_is_spoken_over_every_transport() {
    let Some(nginx) = Nginx::start() else { return };
    let ca = fs::read(nginx.path("cert.pem")).expect("a certificate");
    let unix = |mut options: PlanOptions| {
        options.unix_socket = Some(nginx.path("socket"));
        options
    };
    let trusting = |mut options: PlanOptions| {
        options.ca = Some(ca.clone());
        options
    };
    let over_http2 = |mut options: PlanOptions| {
        (options.protocol, options.connections, options.streams) = (Protocol::Http2, 2, 5);
        options
    };
    for options in [
        options("http", nginx.plain),
        unix(options("http", nginx.plain)),
        trusting(options("https", nginx.tls)),
        over_http2(options("http", nginx.h2c)),
        over_http2(trusting(options("https", nginx.tls))),
    ] {
        assert_all_completed(&run(options));
    }
    let log = nginx.log();
    let count = |protocol: &str| log.iter().filter(|line| line.contains(protocol)).count();
    assert_eq!((count("HTTP/1.1"), count("HTTP/2.0")), (300, 200), "{log:?}");
}

#[test]
fn who_is_not_trusted_gets_no_load_unless_anyone_is_trusted() {
    let Some(nginx) = Nginx::start() else { return };
    let mut options = options("https", nginx.tls);
    let other = nginx.path("other");
    fs::create_dir(&other).expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    make_certificate(&elsewhere);
    options.ca = Some(fs::read(elsewhere.path().join("cert.pem")).expect("a certificate"));
    let plan = options.clone().check().expect("a valid plan");
    let error = loadgen::run(&plan, &Control::new()).expect_err("not trusted");
    assert!(matches!(error, LoadError::Connect { opened: 0, .. }), "{error:?}");
    assert!(error.to_string().contains("--ca"), "{error}");
    options.insecure = true;
    assert_all_completed(&run(options));
}

#[test]
fn http2_over_tls_is_asked_for_where_it_is_spoken() {
    let Some(nginx) = Nginx::start() else { return };
    let mut options = options("https", nginx.tls1);
    (options.insecure, options.protocol) = (true, Protocol::Http2);
    let plan = options.check().expect("a valid plan");
    let error = loadgen::run(&plan, &Control::new()).expect_err("not spoken");
    let LoadError::Connect { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("`--http`"), "{source}");
}

#[test]
fn requests_arrive_as_the_plan_says() {
    let Some(nginx) = Nginx::start() else { return };
    for (protocol, address) in [(Protocol::Http1, nginx.plain), (Protocol::Http2, nginx.h2c)] {
        let mut options = options("http", address);
        options.protocol = protocol;
        options.headers = vec![("x-id".into(), "{{unique}}".into())];
        options.credentials =
            Some(Credentials::Basic { username: "u".into(), password: "p".into() });
        let post = RequestOptions {
            weight: 3,
            method: "POST".into(),
            path: Some("/items/{{key}}".into()),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Some(b"{\"id\":\"{{random}}\"}".to_vec()),
        };
        options.requests = vec![RequestOptions::default(), post];
        let report = run(options);
        assert_all_completed(&report);
    }
    let log = nginx.log();
    assert_eq!(log.len(), 200);
    let ids: std::collections::HashSet<_> =
        log.iter().filter_map(|line| line.split('"').nth(1)).collect();
    // The same seed sends the same ids over both protocols.
    assert_eq!(ids.len(), 100, "{log:?}");
    let posts = log.iter().filter(|line| line.starts_with("POST /items/")).count();
    assert!((120..180).contains(&posts), "{posts} of about 150");
    assert!(log.iter().all(|line| line.contains("\"Basic dTpw\"")), "{log:?}");
}

#[test]
fn a_new_connection_for_every_request_carries_one() {
    let Some(nginx) = Nginx::start() else { return };
    let mut options = options("http", nginx.plain);
    options.keep_alive = false;
    assert_all_completed(&run(options));
    let log = nginx.log();
    assert!(log.iter().all(|line| line.contains("\"-\" 1 ")), "{log:?}");
}

#[test]
fn a_reply_to_head_has_no_body_and_error_statuses_are_errors() {
    let Some(nginx) = Nginx::start() else { return };
    let with = |method: &str, path: &str| {
        let mut options = options("http", nginx.plain);
        let (method, path) = (method.to_owned(), Some(path.to_owned()));
        options.requests = vec![RequestOptions { method, path, ..RequestOptions::default() }];
        run(options)
    };
    let head = with("HEAD", "/");
    assert_eq!((head.requests_completed, head.bytes_received), (100, 0), "{head}");
    assert_eq!(with("GET", "/missing").errors["status_4xx"], 100);
}

#[test]
fn a_shared_connection_is_opened_anew_when_nginx_ends_it() {
    let Some(mut nginx) = Nginx::start() else { return };
    let mut options = options("http", nginx.h2c);
    (options.protocol, options.connections, options.streams) = (Protocol::Http2, 1, 10);
    options.duration = Duration::from_mins(10);
    let running = Running::start(options);
    running.wait_until(|counts| counts.completed >= 50);
    nginx.kill();
    running.wait_until(|counts| counts.errors > 120);
    running.control.stop();
    let report = running.report();
    assert_eq!(report.errors["connect"] + report.errors["closed"], report.errors_total, "{report}");
    assert!(report.errors["connect"] > 100, "{report}");
    assert_every_arrival_is_accounted_for(&report);
}
