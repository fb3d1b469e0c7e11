//! Reads a drill file: which keys there are, what they default to, and which values they take.

use std::path::Path;

use detector::Signal;
use leaky_service::leaks;
use leaky_service::pattern::{Parameter, Role, Unit};

use super::consistency;
use super::fields::Fields;
use super::problem::{Collector, Problems};
use super::target::is_sized;
use super::yaml::{self, Node};
use super::{
    Arrivals, Cause, Drill, Ending, Expect, FixStep, Load, Phases, Swing, Target, TargetKind, Watch,
};
use crate::quantity::{bytes, parse_rate, parse_seconds, parse_share, parse_size, seconds};

/// The longest work on a request: the load's clients have less patience than forever.
const MOST_DELAY_SECONDS: f64 = 1.0;

/// The most clients that may go away: amounts are told per request that is answered.
const MOST_ABORTS: f64 = 0.99;

/// What a request leaves behind unless the drill says otherwise.
const DEFAULT_BYTES_PER_REQUEST: u64 = 10 * 1024;

/// Reads the drill in `text`; `file` names it in the messages, and gives the drill its name.
///
/// Every fault is reported at once, in the order of the file.
pub fn parse(file: &str, text: &str) -> Result<Drill, Problems> {
    let fail = |list| Problems { file: file.to_owned(), list };
    let root = yaml::read(text).map_err(|problem| fail(vec![problem]))?;
    let mut problems = Collector::default();
    let drill = read(&root, &mut problems);
    if let Some(drill) = &drill {
        consistency::check(drill, &mut problems);
    }
    let list = problems.into_list();
    match drill {
        Some(drill) if list.is_empty() => Ok(Drill { name: name_of(file), ..drill }),
        _ => Err(fail(list)),
    }
}

/// `drills/cache/drill.yaml` is `cache`, `mine.yaml` is `mine`.
fn name_of(file: &str) -> String {
    let path = Path::new(file);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(file);
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match (stem, folder) {
        ("drill", Some(folder)) => folder.to_owned(),
        _ => stem.to_owned(),
    }
}

/// Absent if something is missing that has no default; all else is reported and defaulted, so
/// that the remaining checks can go on.
fn read(root: &Node, problems: &mut Collector) -> Option<Drill> {
    let mut fields = Fields::open(root, "", problems);
    let title = fields.require("title", problems, one_line, "say in one line what it shows");
    let hypothesis = fields.require("hypothesis", problems, prose, "say what is believed");
    let target = read_target(&mut fields, problems);
    let load = read_load(fields.take("load"), problems);
    let detector = read_watch(fields.take("detector"), problems);
    let phases = read_phases(fields.take("phases"), default_fix(target.as_ref()), problems);
    let expect = read_expect(&mut fields, problems);
    fields.close(problems);
    Some(Drill {
        name: String::new(),
        title: title?,
        hypothesis: hypothesis?,
        target: target?,
        load,
        detector,
        phases,
        expect: expect?,
    })
}

fn read_target(file: &mut Fields<'_>, problems: &mut Collector) -> Option<Target> {
    let node = section(file, "target", "name a leak, such as {leak: cache}", problems)?;
    let mut fields = Fields::open(node, "target", problems);
    let leak = fields.get("leak", problems, |text| one_of(text, Role::Leak));
    let decoy = fields.get("decoy", problems, |text| one_of(text, Role::Decoy));
    let bytes_per_request = fields.get("bytes_per_request", problems, |text| {
        within(parse_size(text)?, 1024, 16 * 1024 * 1024, "1KiB to 16MiB")
    });
    let share = fields.get("share", problems, |text| {
        parse_share(text).and_then(|share| within(share, 1e-6, 1.0, "0.0001% to 100%"))
    });
    let delay = |text: &str| within(parse_seconds(text)?, 0.0, MOST_DELAY_SECONDS, "0s to 1s");
    let delay_seconds = fields.get("delay", problems, delay);
    let known = leak.as_deref().or(decoy.as_deref()).and_then(leaks::find);
    let own = known.map_or(&[][..], |facts| facts.parameters);
    let parameters = own.iter().map(|own| {
        let value = fields.get(own.name, problems, |text| parameter(own, text));
        (own.name.to_owned(), value.unwrap_or(own.default))
    });
    let parameters = parameters.collect();
    if fields.has("share") && known.is_some_and(|facts| facts.per_event.is_none()) {
        let what = "`target.share` is of requests, which have no part in it".to_owned();
        let hint = "leave it out: it goes by the clock alone".to_owned();
        problems.report("target.share", node.place, what, hint);
    }
    let names = (fields.has("leak"), fields.has("decoy"));
    fields.close(problems);
    if names.0 == names.1 {
        let what = "`target` must name one leak or one decoy".to_owned();
        let hint =
            format!("leaks are {}; decoys are {}", names_of(Role::Leak), names_of(Role::Decoy));
        problems.report("target", node.place, what, hint);
    }
    let (kind, name) = match (leak, decoy) {
        (Some(name), _) => (TargetKind::Leak, name),
        (None, Some(name)) => (TargetKind::Decoy, name),
        (None, None) => return None,
    };
    Some(Target {
        kind,
        name,
        bytes_per_request: known
            .is_some_and(is_sized)
            .then(|| bytes_per_request.unwrap_or(DEFAULT_BYTES_PER_REQUEST)),
        share: share.unwrap_or(1.0),
        delay_seconds: delay_seconds.unwrap_or(0.0),
        parameters,
    })
}

fn read_load(node: Option<&Node>, problems: &mut Collector) -> Load {
    let mut load = Load {
        rate_per_second: 200.0,
        arrivals: Arrivals::Constant,
        connections: 10,
        seed: 1,
        abort_share: 0.0,
        swing: None,
    };
    let Some(node) = node else { return load };
    let mut fields = Fields::open(node, "load", problems);
    let rate = |text: &str| within(parse_rate(text)?, 1.0, 100_000.0, "1/s to 100000/s");
    set(&mut load.rate_per_second, fields.get("rate", problems, rate));
    set(&mut load.arrivals, fields.get("arrivals", problems, arrivals));
    let connections = |text: &str| Ok(within(whole(text)?, 1, 1000, "1 to 1000")? as u32);
    set(&mut load.connections, fields.get("connections", problems, connections));
    set(&mut load.seed, fields.get("seed", problems, whole));
    let aborts = |text: &str| within(parse_share(text)?, 0.0, MOST_ABORTS, "0% to 99%");
    set(&mut load.abort_share, fields.get("abort_share", problems, aborts));
    load.swing = fields.take("swing").and_then(|node| read_swing(node, problems));
    fields.close(problems);
    load
}

fn read_swing(node: &Node, problems: &mut Collector) -> Option<Swing> {
    let mut fields = Fields::open(node, "load.swing", problems);
    let rate = |text: &str| within(parse_rate(text)?, 1.0, 100_000.0, "1/s to 100000/s");
    let to = fields.require("to", problems, rate, "say to which rate, such as 400/s");
    let period = |text: &str| within(parse_seconds(text)?, 1.0, 86_400.0, "1s to 1d");
    let period =
        fields.require("period", problems, period, "say how long there and back, such as 10s");
    fields.close(problems);
    Some(Swing { to_per_second: to?, period_seconds: period? })
}

fn read_watch(node: Option<&Node>, problems: &mut Collector) -> Watch {
    let mut watch = Watch { confirm_seconds: 12.0, every_seconds: 0.2, signals: Vec::new() };
    let Some(node) = node else { return watch };
    let mut fields = Fields::open(node, "detector", problems);
    let confirm = |text: &str| within(parse_seconds(text)?, 1.0, 86_400.0, "1s to 1d");
    set(&mut watch.confirm_seconds, fields.get("confirm", problems, confirm));
    let every = |text: &str| within(parse_seconds(text)?, 0.05, 3600.0, "50ms to 1h");
    set(&mut watch.every_seconds, fields.get("every", problems, every));
    let signal = |text: &str| text.parse::<Signal>().map_err(|error| error.to_string());
    set(&mut watch.signals, fields.list("signals", problems, signal));
    fields.close(problems);
    watch
}

/// Switched off and dropped, where it can be dropped; else served on by the correct code.
fn default_fix(target: Option<&Target>) -> Vec<FixStep> {
    match target {
        Some(target) if target.is_decoy() => Vec::new(),
        Some(target) if target.unclearable().is_some() => vec![FixStep::Patch],
        _ => vec![FixStep::Disable, FixStep::Clear],
    }
}

fn read_phases(node: Option<&Node>, fix: Vec<FixStep>, problems: &mut Collector) -> Phases {
    let mut phases = Phases { warm_up_seconds: 5.0, baseline_seconds: 10.0, fix };
    let Some(node) = node else { return phases };
    let mut fields = Fields::open(node, "phases", problems);
    let length = |text: &str| within(parse_seconds(text)?, 1.0, 3600.0, "1s to 1h");
    set(&mut phases.warm_up_seconds, fields.get("warm_up", problems, length));
    set(&mut phases.baseline_seconds, fields.get("baseline", problems, length));
    set(&mut phases.fix, fields.list("fix", problems, fix_step));
    fields.close(problems);
    phases
}

fn read_expect(file: &mut Fields<'_>, problems: &mut Collector) -> Option<Expect> {
    let hint = "say what must happen, such as {flagged_within: 30s, recovered_within: 60s}";
    let node = section(file, "expect", hint, problems)?;
    let mut fields = Fields::open(node, "expect", problems);
    let deadline = |text: &str| within(parse_seconds(text)?, 1.0, 86_400.0, "1s to 1d");
    let flagged = fields.get("flagged_within", problems, deadline);
    let cause = fields.get("cause", problems, cause).unwrap_or(Cause::Right);
    let endings: Vec<_> = Ending::ALL
        .into_iter()
        .filter_map(|ending| Some((ending, fields.get(ending.key(), problems, deadline)?)))
        .collect();
    let named = Ending::ALL.into_iter().filter(|ending| fields.has(ending.key())).count();
    fields.close(problems);
    if named != 1 {
        let what = format!("`expect` names {named} endings, not one");
        let hint = format!("choose one of {}", Ending::ALL.map(Ending::key).join(", "));
        problems.report("expect", node.place, what, hint);
    }
    let (ending, ending_within_seconds) = *endings.first()?;
    Some(Expect { flagged_within_seconds: flagged, cause, ending, ending_within_seconds })
}

fn section<'a>(
    file: &mut Fields<'a>,
    key: &'static str,
    hint: &str,
    problems: &mut Collector,
) -> Option<&'a Node> {
    if !file.has(key) {
        problems.report(key, file.place(), format!("`{key}` is missing"), hint.to_owned());
    }
    file.take(key)
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn one_line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.contains('\n') || text.chars().count() > 100 {
        return Err("expected one line of at most 100 characters".to_owned());
    }
    Ok(text.to_owned())
}

fn prose(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("expected a sentence".to_owned()) } else { Ok(text.to_owned()) }
}

fn one_of(text: &str, role: Role) -> Result<String, String> {
    let found = leaks::all().find(|facts| facts.role == role && facts.name == text);
    found.map(|facts| facts.name.to_owned()).ok_or_else(|| format!("valid are {}", names_of(role)))
}

fn names_of(role: Role) -> String {
    let names: Vec<_> =
        leaks::all().filter(|facts| facts.role == role).map(|facts| facts.name).collect();
    names.join(", ")
}

/// A setting that one leak or decoy has, in the catalogue's unit.
fn parameter(own: &Parameter, text: &str) -> Result<u64, String> {
    let value = match own.unit {
        Unit::Count => whole(text)?,
        Unit::Bytes => parse_size(text)?,
        Unit::Milliseconds => (parse_seconds(text)? * 1000.0).round() as u64,
    };
    let (low, high) = (*own.range.start(), *own.range.end());
    let written = |value| match own.unit {
        Unit::Count => format!("{value}"),
        Unit::Bytes => bytes(value as f64),
        Unit::Milliseconds => seconds(value as f64 / 1000.0),
    };
    within(value, low, high, &format!("{} to {}", written(low), written(high)))
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number, zero or more".to_owned())
}

fn within<T: PartialOrd + Copy>(value: T, low: T, high: T, range: &str) -> Result<T, String> {
    if low <= value && value <= high { Ok(value) } else { Err(format!("valid is {range}")) }
}

fn arrivals(text: &str) -> Result<Arrivals, String> {
    match text {
        "constant" => Ok(Arrivals::Constant),
        "poisson" => Ok(Arrivals::Poisson),
        _ => Err("valid are constant, poisson".to_owned()),
    }
}

fn cause(text: &str) -> Result<Cause, String> {
    match text {
        "right" => Ok(Cause::Right),
        "any" => Ok(Cause::Any),
        _ => Err("valid are right, any".to_owned()),
    }
}

fn fix_step(text: &str) -> Result<FixStep, String> {
    match text {
        "disable" => Ok(FixStep::Disable),
        "clear" => Ok(FixStep::Clear),
        "patch" => Ok(FixStep::Patch),
        _ => Err("valid are disable, clear, patch".to_owned()),
    }
}
