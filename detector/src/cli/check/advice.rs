//! What to do next, from what was found.

use super::plan::Plan;
use super::report::{Ending, Report, SignalReport, Verdict};
use crate::cli::units::{bytes, duration};
use crate::{Signal, State};

/// The next steps, most urgent first.
pub fn next_steps(report: &Report, plan: &Plan) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for signal in report.signals.iter().filter(|s| s.assessment.state == State::Leaking) {
        steps.extend(before_the_limit(signal, report));
        steps.push(find_it(signal, report.pid, plan));
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

fn find_it(signal: &SignalReport, pid: u32, plan: &Plan) -> String {
    let line = &signal.assessment;
    match (line.signal, &line.cause) {
        (_, Some(cause)) => format!("look at what adds to `{cause}` and never takes away"),
        (Signal::Fds, None) => format!("see what the descriptors are: ls -l /proc/{pid}/fd"),
        (Signal::Threads, None) => {
            format!("see what the threads are: grep . /proc/{pid}/task/*/comm")
        }
        (_, None) if plan.sampler.metrics_url.is_none() => {
            "give --metrics URL: the gauge that grows with it names the cause".to_owned()
        }
        (_, None) => {
            "no gauge grows with it: take two heap profiles some minutes apart and compare \
                      what grew"
                .to_owned()
        }
    }
}

fn longer(report: &Report, plan: &Plan) -> String {
    let asked = report.every_seconds * f64::from(report.intervals_asked);
    let twice = duration((2.0 * asked).round().max(1.0)).replace(' ', "");
    let what = match &plan.commands.run {
        Some(_) => "--run ...".to_owned(),
        None => report.pid.to_string(),
    };
    format!("watch for longer, under load: detector check {what} --for {twice}")
}

fn cut_short(report: &Report, plan: &Plan) -> String {
    let pid = report.pid;
    if plan.commands.load.is_some() || plan.commands.run.is_some() {
        return "find out why it ended: what program and load said is above".to_owned();
    }
    format!("find out why {pid} ended (dmesg tells of the OOM killer), and check its successor")
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
