//! How `detector check` gets at pages: what answers, who we say we are, and whose certificates are believed.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

mod secure;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

fn check(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.args(["check", "--format", "json"]).args(words);
    for name in ["METRICS_AUTH_USERNAME", "METRICS_AUTH_PASSWORD", "METRICS_AUTH_TOKEN"] {
        command.env_remove(name);
    }
    command
}

/// Of this very process, with a page beside it.
fn check_with_page(url: &str, variables: &[(&str, &str)]) -> Output {
    let own = std::process::id().to_string();
    check(&[&own, "--metrics", url]).envs(variables.iter().copied()).output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_metrics_page_that_does_not_answer_is_refused_at_the_start() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr());
    let url = format!("http://{}/metrics", free.expect("a free port"));
    let output = check_with_page(&url, &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains(&url) && told.contains("is unreachable"), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_password_on_the_command_line_is_refused_with_the_variables_to_set_and_not_repeated() {
    let output = check_with_page("http://me:secret@127.0.0.1:1/metrics", &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for name in ["METRICS_AUTH_USERNAME", "METRICS_AUTH_PASSWORD", "METRICS_AUTH_TOKEN"] {
        assert!(told.contains(name), "{told}");
    }
    assert!(!told.contains("secret") && output.stdout.is_empty(), "{told}");
}

/// Answers the first request like a page behind authentication, and gives its header.
fn guarded_page() -> (String, thread::JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = BufReader::new(stream.try_clone().expect("a socket"));
        let (mut line, mut given) = (String::new(), None);
        while request.read_line(&mut line).is_ok_and(|n| n > 2) {
            let header = line.trim_end().split_once(": ").unwrap_or_default();
            if header.0.eq_ignore_ascii_case("authorization") {
                given = Some(header.1.to_owned());
            }
            line.clear();
        }
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").expect("sent");
        given
    });
    (url, server)
}

#[test]
fn credentials_of_the_environment_are_sent_and_never_shown() {
    for (variables, header) in [
        (&[][..], None),
        (
            &[("METRICS_AUTH_USERNAME", "Aladdin"), ("METRICS_AUTH_PASSWORD", "open sesame")],
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ),
        (&[("METRICS_AUTH_TOKEN", "open.sesame")], Some("Bearer open.sesame")),
    ] {
        let (url, server) = guarded_page();
        let output = check_with_page(&url, variables);
        assert_eq!(server.join().expect("the server ends").as_deref(), header);
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        assert!(told.contains("refuses us with status 401; set METRICS_AUTH_USERNAME"), "{told}");
        assert!(!told.contains("sesame") && !told.contains("QWxh"), "{told}");
    }
}

#[test]
fn contradicting_credentials_are_refused_before_anything_is_asked() {
    for (variables, what) in [
        (&[("METRICS_AUTH_USERNAME", "me")][..], "METRICS_AUTH_PASSWORD is not; set both"),
        (
            &[
                ("METRICS_AUTH_USERNAME", "me"),
                ("METRICS_AUTH_PASSWORD", "sesame"),
                ("METRICS_AUTH_TOKEN", "sesame"),
            ],
            "METRICS_AUTH_TOKEN and METRICS_AUTH_USERNAME are both set; unset one",
        ),
    ] {
        let output = check_with_page("http://127.0.0.1:1/metrics", variables);
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        assert!(told.contains(what) && !told.contains("sesame"), "{told}");
        assert!(!told.contains("unreachable"), "{told}");
    }
}

#[test]
fn a_page_over_tls_is_read_if_its_certificate_is_believed() {
    let Some(server) = secure::Secure::serve() else { return };
    let ca = server.ca().display().to_string();
    for (flag, path) in [("--metrics", "/metrics"), ("--json", "/memory")] {
        let check = |more: &[&str]| {
            let words = [flag, &server.url(path), "--for", "1s", "--every", "50ms"];
            check(&[&words[..], more].concat()).output().expect("runs")
        };
        let before = server.requests().len();
        let refused = check(&[]);
        let told = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(
            told.contains("UnknownIssuer") && told.contains("--ca FILE, or `ca: FILE`"),
            "{told}"
        );
        assert_eq!(server.requests().len(), before, "it was asked all the same");
        let seen = check(&["--ca", &ca]);
        // On a busy machine it looks too seldom to decide.
        let told = stderr(&seen);
        assert!(matches!(seen.status.code(), Some(0 | 3)), "{told}");
        let report: Value = serde_json::from_slice(&seen.stdout).expect("JSON");
        assert!(report["samples"].as_u64() > Some(1), "{report}");
        let asked = server.requests();
        assert!(asked.len() > before + 1 && asked[before].starts_with(&format!("GET {path}")));
    }
}

#[test]
fn certificates_that_are_of_no_use_are_refused_before_anything_is_asked() {
    for (url, ca, told) in [
        ("http://127.0.0.1:9", "/nowhere", "--ca is for https://"),
        ("https://127.0.0.1:9", "/nowhere", "cannot read the certificates in /nowhere"),
        ("https://127.0.0.1:9", "/dev/null", "/dev/null holds no certificate"),
    ] {
        let output = check(&["--metrics", url, "--ca", ca]).output().expect("runs");
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
}
