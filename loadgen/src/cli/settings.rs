//! Settings: names and texts, from flags or a plan file, become options of a plan. Flag and key
//! are the same word, so there is one list of what can be said.

use std::{env, fs, io::Read, time::SystemTime};

use super::{
    instant, plan_file,
    values::{switch, time, whole},
};
use crate::{
    PlanOptions, Problems, RequestOptions, Shard, ShardError, Stage, checks::StatusRanges,
    plan::parse_curve,
};

/// Largest file that a setting names: a body, or a curve of rates.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Settings that add to one another; any other is said once.
pub(super) const REPEATED: [&str; 7] =
    ["request", "stage", "header", "threshold", "stop-unless", "check-status", "check-body"];

/// Flags whose key in a plan file is another word, that of a list.
pub(super) const LISTED: [&str; 4] = ["stage", "header", "threshold", "request"];

/// Settings of a single request, where there is no mix of several.
pub(super) const OF_ONE_REQUEST: [&str; 4] = ["method", "path", "body", "body-file"];

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
        "burst" => problems.read_into("burst", text, whole, &mut options.burst),
        "stage" => options.stages.extend(problems.parse::<Stage>("stage", text)),
        "rate-curve" => options.curve = read_curve(text, problems),
        "on-off" => options.on_off = problems.parse("on-off", text),
        "users" => options.users = problems.read("users", text, whole),
        "think-time" => problems.read_into("think-time", text, time, &mut options.think_time),
        "seed" => problems.read_into("seed", text, whole, &mut options.seed),
        "connections" => problems.read_into("connections", text, whole, &mut options.connections),
        "threads" => problems.read_into("threads", text, whole, &mut options.threads),
        "pace" => problems.parse_into("pace", text, &mut options.pace),
        "shard" => problems.read_into("shard", text, shard, &mut options.shard),
        "start-at" => options.start_at = start_at(text, problems),
        "duration" => problems.read_into("duration", text, time, &mut options.duration),
        "timeout" => problems.read_into("timeout", text, time, &mut options.timeout),
        "backlog" => options.backlog = problems.read("backlog", text, whole),
        "max-lateness" => problems.read_into("max-lateness", text, time, &mut options.max_lateness),
        "abort-share" => problems.parse_into("abort-share", text, &mut options.abort_share),
        "abort-after" => problems.read_into("abort-after", text, time, &mut options.abort_after),
        "keep-alive" => problems.read_into("keep-alive", text, switch, &mut options.keep_alive),
        "http" => problems.parse_into("http", text, &mut options.protocol),
        "streams" => problems.read_into("streams", text, whole, &mut options.streams),
        "unix-socket" => options.unix_socket = Some(text.into()),
        "ca" => options.ca = read(text, "ca", problems),
        "insecure" => problems.read_into("insecure", text, switch, &mut options.insecure),
        "header" => options.headers.extend(header("header", text, problems)),
        "threshold" => options.goals.thresholds.extend(problems.parse("threshold", text)),
        "stop-unless" => options.goals.stop_unless.extend(problems.parse("stop-unless", text)),
        "stop-grace" => problems.read_into("stop-grace", text, time, &mut options.goals.stop_grace),
        "check-status" => {
            let ranges = problems.parse::<StatusRanges>("check-status", text);
            options.goals.checks.status.extend(ranges.into_iter().flat_map(|ranges| ranges.0));
        }
        "check-body" => options.goals.checks.body.extend(problems.parse("check-body", text)),
        "keys" => problems.read_into("keys", text, whole, &mut options.keys),
        "popularity" => problems.parse_into("popularity", text, &mut options.popularity),
        "request" => plan_file::apply_request(text, options, problems),
        _ if OF_ONE_REQUEST.contains(&name) => {
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
        "weight" => match whole(text) {
            Ok(weight) => request.weight = weight,
            Err(what) => problems.push(place, format!("`{text}` {what}")),
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

fn start_at(text: &str, problems: &mut Problems) -> Option<SystemTime> {
    problems.read("start-at", text, |text| instant::parse(text, SystemTime::now()))
}

/// `/8` takes its index from where Kubernetes has it for the pods of an indexed job.
fn shard(text: &str) -> Result<Shard, String> {
    if !text.starts_with('/') {
        return text.parse().map_err(|error: ShardError| error.to_string());
    }
    let index = env::var("JOB_COMPLETION_INDEX")
        .map_err(|_| "takes i from the variable JOB_COMPLETION_INDEX, which is not set")?;
    let whole = format!("{index}{text}");
    whole.parse().map_err(|error| format!("is `{whole}` here, which {error}"))
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
