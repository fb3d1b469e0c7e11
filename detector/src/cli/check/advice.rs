//! What to do next, from what was found.

use std::path::PathBuf;
use std::time::Duration;

use super::Args;
use super::plan::{EVERY, Plan};
use super::report::{Ending, Report, SignalReport, Verdict};
use super::started::Commands;
use crate::cli::units::{bytes, duration};
use crate::target::Kind;
use crate::{Signal, State};

/// The next steps, most urgent first.
pub fn next_steps(report: &Report, plan: &Plan) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for signal in report.signals.iter().filter(|s| s.assessment.state == State::Leaking) {
        steps.extend(before_the_limit(signal, report));
        steps.push(find_it(signal, report.pid, plan));
        steps.extend(profile(signal, plan));
    }
    match (report.verdict, report.ending) {
        (_, Ending::CutShort) => steps.push(cut_short(report, plan)),
        (Verdict::Undecided, _) => steps.push(longer(plan)),
        (Verdict::Steady, _) => steps.push(format!(
            "nothing; only growth that shows within {} was looked for, under the load of that time",
            duration(report.elapsed_seconds)
        )),
        (Verdict::Leaking, _) => {}
    }
    steps.extend(replay(report, plan));
    steps
}

fn before_the_limit(signal: &SignalReport, report: &Report) -> Option<String> {
    let (eta, limit) = (signal.assessment.eta_seconds?, report.limit.as_ref()?);
    let size = bytes(limit.bytes as f64);
    let (when, set_by) = (duration(eta), &limit.set_by);
    Some(format!("in {when} it reaches {size} ({set_by}): restart it or raise the limit before"))
}

fn find_it(signal: &SignalReport, pid: Option<u32>, plan: &Plan) -> String {
    let line = &signal.assessment;
    match (line.signal, &line.cause) {
        (_, Some(cause)) => format!("look at what adds to `{cause}` and never takes away"),
        (Signal::Fds, None) => format!("see what the descriptors are: ls -l /proc/{}/fd", of(pid)),
        (Signal::Threads, None) => {
            format!("see what the threads are: grep . /proc/{}/task/*/comm", of(pid))
        }
        (_, None) if page(plan).is_none() => {
            "give --metrics URL: the gauge that grows with it names the cause".to_owned()
        }
        (_, None) => {
            "no gauge grows with it: take two heap profiles some minutes apart and compare \
                      what grew"
                .to_owned()
        }
    }
}

/// The number where it is known; a word to be replaced where it is not.
fn of(pid: Option<u32>) -> String {
    pid.map_or_else(|| "PID".to_owned(), |pid| pid.to_string())
}

/// The page that tells of the target.
fn page(plan: &Plan) -> Option<&str> {
    match &plan.target.kind {
        Kind::Metrics(url) | Kind::Json(url) => Some(url),
        _ => plan.target.metrics.as_deref(),
    }
}

/// Where a heap profile is to be had, in the commands that fetch and open it. Programs of Go serve one beside their
/// metrics, and so does whoever follows them.
fn profile(signal: &SignalReport, plan: &Plan) -> Option<String> {
    let what = match signal.assessment.signal {
        Signal::RssAnonBytes | Signal::RssBytes | Signal::HeapBytes => "heap",
        Signal::Tasks => "goroutine",
        _ => return None,
    };
    let (scheme, rest) = page(plan)?.split_once("://")?;
    let origin = format!("{scheme}://{}", rest.split('/').next().unwrap_or_default());
    Some(format!(
        "capture a profile and open it, if it serves them (/debug/pprof): curl -sfo {what}.pb.gz \
         {origin}/debug/pprof/{what} && go tool pprof -http=127.0.0.1:8081 {what}.pb.gz"
    ))
}

fn longer(plan: &Plan) -> String {
    let asked = plan.every.as_secs_f64() * f64::from(plan.intervals);
    let twice = duration((2.0 * asked).round().max(1.0)).replace(' ', "");
    let what = if plan.commands.run.is_some() { None } else { word(plan) };
    // Of the configuration it is known again; as often as suits intervals it is not.
    let usual = plan.target.every.unwrap_or(EVERY);
    let every = (plan.every != usual).then(|| format!("--every {}", exact(plan.every)));
    let words: Vec<String> =
        what.into_iter().chain(plan.given.iter().cloned()).chain(every).collect();
    let words = words.join(" ");
    format!("watch for longer, under load: detector check {words} --for {twice}")
}

/// How the command line names the target, unless by what is said again anyway.
fn word(plan: &Plan) -> Option<String> {
    if let Some(name) = &plan.service {
        return Some(format!("-s {}", quoted(name)));
    }
    Some(match &plan.target.kind {
        Kind::Pid(pid) => pid.to_string(),
        Kind::Process(name) => option("process", name),
        Kind::Cgroup(path) => option("cgroup", &path.display().to_string()),
        Kind::Container(name) => option("container", name),
        Kind::Json(url) => option("json", url),
        Kind::Metrics(_) | Kind::Prometheus { .. } => return None,
    })
}

/// What decides what is looked at and how it is judged, to be said again. Commands may hold secrets: they are left to be
/// filled in.
pub fn given(args: &Args) -> Vec<String> {
    let Commands { run, ready, load } = &args.commands;
    let commands = [("run", run), ("ready", ready), ("load", load)].into_iter();
    let commands = commands.filter(|(_, command)| command.is_some());
    let path = |path: &PathBuf| path.display().to_string();
    let values = [
        ("config", args.config.as_ref().map(path)),
        ("metrics", args.metrics.clone()),
        ("ca", args.ca.as_ref().map(path)),
        ("heap-gauge", args.heap_gauge.clone()),
        ("requests-counter", args.requests_counter.clone()),
    ];
    let values = values.into_iter().filter_map(|(name, value)| Some(option(name, &value?)));
    let signals = args.judging.signals.iter().map(|signal| format!("--signal {signal}"));
    let limit = args.limit.map(|limit| format!("--limit {}B", limit.value()));
    let confirm = args.judging.confirm.map(|confirm| format!("--confirm {}", exact(confirm)));
    let commands = commands.map(|(name, _)| format!("--{name} ..."));
    commands.chain(values).chain(signals).chain(limit).chain(confirm).collect()
}

fn option(name: &str, value: &str) -> String {
    format!("--{name} {}", quoted(value))
}

/// As `sh` reads it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// As an option takes it.
fn exact(length: Duration) -> String {
    humantime::format_duration(length).to_string().replace(' ', "")
}

fn cut_short(report: &Report, plan: &Plan) -> String {
    if plan.commands.load.is_some() || plan.commands.run.is_some() {
        return "find out why it ended: what program and load said is above".to_owned();
    }
    let target = &report.target;
    format!("find out why {target} ended (dmesg tells of the OOM killer), and check its successor")
}

fn replay(report: &Report, plan: &Plan) -> Option<String> {
    let file = plan.trace.as_ref()?.display();
    let confirm = exact(plan.confirm);
    let limit = report.limit.as_ref().map(|limit| format!(" --limit {}B", limit.bytes));
    let signals = plan.judging.signals.iter().map(|signal| format!(" --signal {signal}"));
    let signals: String = signals.collect();
    let limit = limit.unwrap_or_default();
    Some(format!("judge it again: detector replay {file} --confirm {confirm}{limit}{signals}"))
}

#[cfg(test)]
mod tests;
