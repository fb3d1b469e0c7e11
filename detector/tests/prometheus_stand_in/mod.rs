//! A Prometheus that answers what a test wants, in trouble or sound.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What is answered to one request.
pub enum Answer {
    /// A status and a body.
    Whole(u16, String),
    /// The first half of a body.
    Half(String),
    /// Nothing, for a minute or until nobody waits.
    Silence,
    /// The body's first half, and spaces without end.
    Endless(String),
}

pub fn fine(data: &Value) -> Answer {
    Answer::Whole(200, json!({"status": "success", "data": data}).to_string())
}

pub fn refused(status: u16, message: &str) -> Answer {
    let error = json!({"status": "error", "errorType": "execution", "error": message});
    Answer::Whole(status, error.to_string())
}

/// A question: the last part of the path, and the fields of the form, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub path: String,
    pub form: BTreeMap<String, String>,
}

impl Question {
    pub fn query(&self) -> &str {
        self.form.get("query").map_or("", String::as_str)
    }
}

/// Answers every question by its number, and keeps it.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Server {
    pub fn new(answer: impl Fn(usize, &Question) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), answer, kept) = (stream, Arc::clone(&answer), Arc::clone(&kept))
                else {
                    return;
                };
                thread::spawn(move || {
                    let Some(question) = read_question(&stream) else { return };
                    let number = {
                        let mut kept = kept.lock().expect("no panic");
                        kept.push(question.clone());
                        kept.len() - 1
                    };
                    send(stream, answer(number, &question));
                });
            }
        });
        Self { address, asked }
    }

    pub fn asked(&self) -> Vec<Question> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// Who has read enough may go, so that errors of writing are none.
fn send(mut stream: TcpStream, answer: Answer) {
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    let _ = match answer {
        Answer::Whole(status, body) => {
            stream.write_all((head(status, body.len()) + &body).as_bytes())
        }
        Answer::Half(body) => {
            stream.write_all((head(200, body.len()) + &body[..body.len() / 2]).as_bytes())
        }
        Answer::Silence => stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .and_then(|()| stream.read(&mut [0]).map(drop)),
        Answer::Endless(body) => {
            let spaces = vec![b' '; 1 << 16];
            let begun =
                "HTTP/1.1 200 x\r\nconnection: close\r\n\r\n".to_owned() + &body[..body.len() / 2];
            let mut sent = stream.write_all(begun.as_bytes());
            while sent.is_ok() {
                sent = stream.write_all(&spaces);
            }
            sent
        }
    };
}

fn read_question(stream: &TcpStream) -> Option<Question> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut path) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.starts_with("POST") {
            line.split(' ').nth(1)?.rsplit('/').next()?.clone_into(&mut path);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let form = form_urlencoded::parse(&body).into_owned().collect();
    Some(Question { path, form })
}

pub fn series(instances: &[&str]) -> Value {
    instances.iter().map(|instance| json!({"__name__": "m", "instance": instance})).collect()
}

/// Six hours, flat but for the first instance's leak.
fn matrix(instances: &[&str]) -> Value {
    let values = |leaks: bool| -> Value {
        (0..360)
            .map(|k: u32| {
                let bytes =
                    5e8 + if leaks { f64::from(k) * 1e6 } else { f64::from(k * 7919 % 13) * 1e4 };
                json!([1.7e9 + f64::from(k) * 60.0, format!("{bytes}")])
            })
            .collect()
    };
    let all: Value = instances
        .iter()
        .map(|i| json!({"metric": {"__name__": "m", "instance": i}, "values": values(*i == "leaks")}))
        .collect();
    json!({"resultType": "matrix", "result": all})
}

pub fn nothing() -> Answer {
    fine(&json!({"resultType": "vector", "result": []}))
}

/// Answers what a sound server would about these instances: the first is asked for by `m{instance=~..}`.
pub fn sound(question: &Question, instances: &[&str]) -> Answer {
    let named: Vec<&str> = question.query().split(['"', '|']).collect();
    let asked: Vec<&str> = instances.iter().copied().filter(|i| named.contains(i)).collect();
    match question.path.as_str() {
        "series" => fine(&series(instances)),
        _ if question.query().starts_with("m{") => fine(&matrix(&asked)),
        "query_range" => fine(&matrix(instances)),
        _ => nothing(),
    }
}
