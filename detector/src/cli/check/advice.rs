//! What to do next, from what was found.

use super::plan::Plan;
use super::report::{Ending, Report, SignalReport, Verdict};
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
        (Verdict::Undecided, _) => steps.push(longer(report, plan)),
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

fn longer(report: &Report, plan: &Plan) -> String {
    let asked = report.every_seconds * f64::from(report.intervals_asked);
    let twice = duration((2.0 * asked).round().max(1.0)).replace(' ', "");
    let what = match &plan.commands.run {
        Some(_) => "--run ...".to_owned(),
        None => word(plan),
    };
    format!("watch for longer, under load: detector check {what} --for {twice}")
}

/// How the command line names the target.
fn word(plan: &Plan) -> String {
    if let Some(name) = &plan.service {
        return format!("-s '{name}'");
    }
    let quoted = |option: &str, value: &str| format!("--{option} '{value}'");
    match &plan.target.kind {
        Kind::Pid(pid) => pid.to_string(),
        Kind::Process(name) => quoted("process", name),
        Kind::Cgroup(path) => quoted("cgroup", &path.display().to_string()),
        Kind::Container(name) => quoted("container", name),
        Kind::Metrics(url) => quoted("metrics", url),
        Kind::Json(url) | Kind::Prometheus { url, .. } => quoted("json", url),
    }
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
    let confirm = humantime::format_duration(plan.confirm).to_string().replace(' ', "");
    let limit = report.limit.as_ref().map(|limit| format!(" --limit {}B", limit.bytes));
    let signals = plan.judging.signals.iter().map(|signal| format!(" --signal {signal}"));
    let signals: String = signals.collect();
    let limit = limit.unwrap_or_default();
    Some(format!("judge it again: detector replay {file} --confirm {confirm}{limit}{signals}"))
}
