//! `targets:`, a list of what to look at.

use std::path::PathBuf;

use super::fields::{Fields, duration, parsed, size_bytes, text};
use crate::source::address;
use crate::target::{Kind, Target};

/// The keys that say what a target is; each target has one.
const KINDS: [&str; 7] = ["pid", "process", "cgroup", "container", "metrics", "json", "prometheus"];

/// A `ca` would pass for something that protects.
pub(super) const NOT_SECURE: &str = "`ca` is for https://, and nothing here is asked over that";

/// Reads the list. Names are unique; what a target does not say of `every` and `confirm`, the file says.
pub(super) fn read(file: &mut Fields<'_>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for mut fields in file.maps("targets") {
        let Some(target) = one(&mut fields) else {
            fields.close();
            continue;
        };
        if targets.iter().any(|other| other.name == target.name) {
            fields.report_at("name", format!("two targets are named `{}`", target.name));
        }
        fields.close();
        targets.push(target);
    }
    targets
}

fn one(fields: &mut Fields<'_>) -> Option<Target> {
    let name = fields.require("name", text);
    let (kind, metrics) = kind(fields);
    let mut target =
        Target::new(name.clone().unwrap_or_default(), kind.clone().unwrap_or(Kind::Pid(0)));
    target.metrics = metrics;
    target.limit_bytes = fields.get("limit", size_bytes);
    target.every = fields.get("every", duration);
    target.confirm = fields.get("confirm", duration);
    target.signals = fields.list("signals", parsed);
    target.heap_gauge = fields.get("heap_gauge", text);
    target.requests_counter = fields.get("requests_counter", text);
    target.credentials = fields.get("credentials", prefix);
    target.authority = fields.get("ca", text).map(PathBuf::from);
    if kind.is_some() && target.authority.is_some() && !target.is_secure() {
        fields.report_at("ca", NOT_SECURE);
    }
    (name.is_some() && kind.is_some()).then_some(target)
}

/// What it is, and the page that accompanies it.
fn kind(fields: &mut Fields<'_>) -> (Option<Kind>, Option<String>) {
    let pid = fields.get("pid", pid).map(Kind::Pid);
    let process = fields.get("process", text).map(Kind::Process);
    let cgroup = fields.get("cgroup", text).map(|path| Kind::Cgroup(PathBuf::from(path)));
    let container = fields.get("container", text).map(Kind::Container);
    let page = fields.get("metrics", url);
    let json = fields.get("json", url).map(Kind::Json);
    let prometheus = fields.map("prometheus").and_then(prometheus);
    let given: Vec<&str> = KINDS.into_iter().filter(|key| fields.has(key)).collect();
    // A page accompanies what can have one, and else is the target.
    let accompanies = given.len() == 2 && given.contains(&"metrics");
    let beside = !given.contains(&"json") && !given.contains(&"prometheus");
    let local = pid.or(process).or(cgroup).or(container);
    match given.len() {
        1 => (local.or(json).or(prometheus).or(page.map(Kind::Metrics)), None),
        2 if accompanies && beside => (local, page),
        0 => {
            fields.report(format!("what is it? give one of {}", KINDS.join(", ")));
            (None, None)
        }
        _ => {
            let both = given.join(", ");
            fields.report(format!(
                "{both} say different things; give one (`metrics` may accompany pid, process, cgroup and container)"
            ));
            (None, None)
        }
    }
}

fn prometheus(mut fields: Fields<'_>) -> Option<Kind> {
    let server = fields.require("url", url);
    let query = fields.require("query", text);
    fields.close();
    Some(Kind::Prometheus { url: server?, query: query? })
}

fn pid(text: &str) -> Result<u32, String> {
    let pid = text.parse().ok().filter(|pid| (1..=0x7fff_ffff).contains(pid));
    pid.ok_or_else(|| "expected the number of a process".to_owned())
}

pub(super) fn url(text: &str) -> Result<String, String> {
    address::check(text).map(|()| text.to_owned()).map_err(|bad| bad.to_string())
}

/// The first part of the names of environment variables.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(word) {
        return Ok(text.to_owned());
    }
    Err("expected what the variables' names begin with, such as API of API_TOKEN".to_owned())
}
