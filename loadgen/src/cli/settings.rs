//! Settings: names and texts, from flags or a plan file, become options of a plan. Flag and key
//! are the same word, so there is one list of what can be said.

use std::{fs, io::Read, time::Duration};

use super::plan_file;
use crate::{
    PlanOptions, Problems, RequestOptions, Stage, checks::StatusRanges, plan::parse_curve,
};

/// Largest file that a setting names: a body, or a curve of rates.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Settings that add to one another; any other is said once.
pub(super) const REPEATED: [&str; 7] =
    ["request", "stage", "header", "threshold", "stop-unless", "check-status", "check-body"];

/// Flags whose key in a plan file is another word, that of a list.
pub(super) const LISTED: [&str; 4] = ["stage", "header", "threshold", "request"];

/// Sets the option called `name`; what is wrong with `text` is a problem of that name. False if
/// there is no such option.
pub(super) fn apply(
    options: &mut PlanOptions,
    name: &str,
    text: &str,
    problems: &mut Problems,
) -> bool {
    match name {
        "url" => text.clone_into(&mut options.url),
        "rate" => text.clone_into(&mut options.rate),
        "arrivals" => problems.parse_into("arrivals", text, &mut options.arrivals),
        "burst" => problems.parse_into("burst", text, &mut options.burst),
        "stage" => options.stages.extend(problems.parse::<Stage>("stage", text)),
        "rate-curve" => options.curve = read_curve(text, problems),
        "on-off" => options.on_off = problems.parse("on-off", text),
        "users" => options.users = problems.parse("users", text),
        "think-time" => time("think-time", text, &mut options.think_time, problems),
        "seed" => problems.parse_into("seed", text, &mut options.seed),
        "connections" => problems.parse_into("connections", text, &mut options.connections),
        "threads" => problems.parse_into("threads", text, &mut options.threads),
        "pace" => problems.parse_into("pace", text, &mut options.pace),
        "shard" => problems.parse_into("shard", &with_index(text), &mut options.shard),
        "start-at" => options.start_at = instant(text, problems),
        "duration" => time("duration", text, &mut options.duration, problems),
        "timeout" => time("timeout", text, &mut options.timeout, problems),
        "backlog" => options.backlog = problems.parse("backlog", text),
        "max-lateness" => time("max-lateness", text, &mut options.max_lateness, problems),
        "abort-share" => problems.parse_into("abort-share", text, &mut options.abort_share),
        "abort-after" => time("abort-after", text, &mut options.abort_after, problems),
        "keep-alive" => problems.parse_into("keep-alive", text, &mut options.keep_alive),
        "http" => problems.parse_into("http", text, &mut options.protocol),
        "streams" => problems.parse_into("streams", text, &mut options.streams),
        "unix-socket" => options.unix_socket = Some(text.into()),
        "ca" => options.ca = read(text, "ca", problems),
        "insecure" => problems.parse_into("insecure", text, &mut options.insecure),
        "header" => options.headers.extend(header("header", text, problems)),
        "threshold" => options.goals.thresholds.extend(problems.parse("threshold", text)),
        "stop-unless" => options.goals.stop_unless.extend(problems.parse("stop-unless", text)),
        "stop-grace" => time("stop-grace", text, &mut options.goals.stop_grace, problems),
        "check-status" => {
            let ranges = problems.parse::<StatusRanges>("check-status", text);
            options.goals.checks.status.extend(ranges.into_iter().flat_map(|ranges| ranges.0));
        }
        "check-body" => options.goals.checks.body.extend(problems.parse("check-body", text)),
        "keys" => problems.parse_into("keys", text, &mut options.keys),
        "popularity" => problems.parse_into("popularity", text, &mut options.popularity),
        "request" => plan_file::apply_request(text, options, problems),
        "method" | "path" | "body" | "body-file" if options.requests.len() > 1 => {
            let what = "is of a single request, and there is a mix of them";
            problems.push(name.to_owned(), what);
        }
        "method" | "path" | "body" | "body-file" => {
            return apply_to_request(only(options), "", name, text, problems);
        }
        _ => return false,
    }
    true
}

/// Sets the option `name` of a request; `at` stands before its name in a problem's place.
pub(super) fn apply_to_request(
    request: &mut RequestOptions,
    at: &str,
    name: &str,
    text: &str,
    problems: &mut Problems,
) -> bool {
    let place = format!("{at}{name}");
    match name {
        "weight" => match text.parse() {
            Ok(weight) => request.weight = weight,
            Err(_) => problems.push(place, format!("`{text}` is no whole number")),
        },
        "method" => text.clone_into(&mut request.method),
        "path" => request.path = Some(text.to_owned()),
        "header" => request.headers.extend(header(&place, text, problems)),
        "body" => request.body = Some(text.as_bytes().to_vec()),
        "body-file" => request.body = read(text, &place, problems),
        _ => return false,
    }
    true
}

/// The request that flags for a single one are about.
fn only(options: &mut PlanOptions) -> &mut RequestOptions {
    if options.requests.is_empty() {
        options.requests.push(RequestOptions::default());
    }
    &mut options.requests[0]
}

fn time(place: &'static str, text: &str, value: &mut Duration, problems: &mut Problems) {
    if let Some(parsed) = problems.parse::<humantime::Duration>(place, text) {
        *value = parsed.into();
    }
}

fn instant(text: &str, problems: &mut Problems) -> Option<std::time::SystemTime> {
    let instant = humantime::parse_rfc3339_weak(text).ok();
    if instant.is_none() {
        let what = format!("`{text}` is no instant: write `2026-01-31T12:00:00Z`");
        problems.push("start-at", what);
    }
    instant
}

/// `/8` takes its index from where Kubernetes has it for the pods of an indexed job.
fn with_index(text: &str) -> String {
    let index = std::env::var("JOB_COMPLETION_INDEX").unwrap_or_default();
    if text.starts_with('/') { format!("{index}{text}") } else { text.to_owned() }
}

fn header(place: &str, text: &str, problems: &mut Problems) -> Option<(String, String)> {
    let parts = text.split_once(':');
    if parts.is_none() {
        problems.push(place.to_owned(), format!("`{text}` is no header: write `Name: value`"));
    }
    parts.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
}

fn read_curve(file: &str, problems: &mut Problems) -> Option<std::sync::Arc<[crate::CurvePoint]>> {
    let bytes = read(file, "rate-curve", problems)?;
    let Ok(text) = String::from_utf8(bytes) else {
        problems.push("rate-curve", format!("`{file}` is no text"));
        return None;
    };
    let before = problems.iter().count();
    let points = parse_curve(&text, "rate-curve", problems);
    // What could not be read is a problem already; an empty curve would be another.
    (problems.iter().count() == before).then(|| points.into())
}

fn read(file: &str, place: &str, problems: &mut Problems) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(file).and_then(|open| open.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 <= MAX_FILE_BYTES => return Some(bytes),
        Ok(_) => problems.push(place.to_owned(), format!("`{file}` is larger than 16 MiB")),
        Err(error) => problems.push(place.to_owned(), format!("cannot read `{file}`: {error}")),
    }
    None
}
