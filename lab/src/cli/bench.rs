//! `leaklab bench`: scores detectors on generated or recorded series.

mod course;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::live::LiveArgs;
use super::{Exit, Failure};
use crate::bench::contestant::{Contestant, Options, promql};
use crate::bench::lines::Lines;
use crate::bench::report::Report;
use crate::bench::wrong::Wrong;
use crate::bench::{Corpus, Judged, junit, markdown, matched, page, sketch, text};
use crate::corpus::manifest::Manifest;
use crate::corpus::{Half, Recipe, Trace, check, inject, read};
use crate::faults::Faults;
use crate::interrupt::Interrupt;
use crate::prometheus::Prometheus;
use crate::quantity::parse_seconds;
use course::CourseArgs;

/// Score detectors on a corpus.
///
/// Scored once per trace: detected or missed, how long after the onset, and every alarm while
/// nothing leaked. The same corpus gives the same result.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  leaklab bench                                   every detector, 540 generated traces
  leaklab bench --detector builtin --confirm 4m --misses 20
  leaklab bench --half test --seed 77 --compare   traces that no one has tuned on
  leaklab bench --format html --misses 100 > bench.html
  leaklab bench --corpus programs/                traces with NAME.truth.yaml or labels.csv
  leaklab bench --corpus hosts/ --leak-free --inject 4
  leaklab bench --half test --detector builtin --detector mine='exec:python3 my_detector.py'
  leaklab bench --half test --detector builtin --detector promql:memory.rules.yml --series-label job=api
  leaklab bench --half test --blocks data/        for your own Prometheus, which then is asked:
  leaklab bench --half test --prometheus http://127.0.0.1:9090 --detector promql:memory.rules.yml
  leaklab bench --detector builtin --format json > old.json
  leaklab bench --detector builtin --baseline old.json --format junit > bench.xml

Exit codes: 0 scored; 1 worse than the baseline; 2 could not run; 130 interrupted.

A rival is scored on the traces that it was made for: long enough for its window, and with a
leak of something that it looks at."
)]
pub struct BenchArgs {
    #[command(subcommand)]
    live: Option<BenchCommand>,
    /// A folder of traces; without it they are generated
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Nothing leaks in the traces of the folder that have no label
    #[arg(long, requires = "corpus")]
    leak_free: bool,
    /// Score so many copies of each leak-free trace as well, with a leak of .5 to 5 % per hour
    #[arg(long, value_name = "COPIES", requires = "corpus")]
    inject: Option<u64>,
    /// Which half: tune (to look at) or test (to judge by) [default: tune of generated traces, both of a folder]
    #[arg(long)]
    half: Option<Half>,
    /// How many traces to generate
    #[arg(long, default_value_t = 540, conflicts_with = "corpus")]
    traces: usize,
    /// Seed of what is generated or injected; a new one draws traces that nobody has looked at
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Score only this detector; may be repeated
    ///
    /// `builtin`, a rival, or one of your own: `exec:COMMAND` is given each trace as JSON Lines on its
    /// stdin (`exec-csv:` as CSV) and prints state lines, as `leaklab detect replay` does. `mine=exec:...`
    /// is called `mine` in the results. `promql:RULES.yml` is a rule file of Prometheus, `promql:RULES.yml#ALERT`
    /// one alert of it; both need prometheus and promtool, or --prometheus.
    #[arg(long = "detector", value_name = "NAME")]
    detectors: Vec<String>,
    /// How long a program of your own may take for a trace
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "60s")]
    timeout: Duration,
    /// Evaluate `promql:` on this Prometheus, which has the `--blocks` of the same corpus
    ///
    /// It has also loaded the rules: `promql:RULES.yml` names the file by the end of its path there. Nothing of
    /// Prometheus need be installed here. Credentials, if it wants any, come from `METRICS_AUTH_USERNAME` and
    /// `METRICS_AUTH_PASSWORD`, or `METRICS_AUTH_TOKEN` (bearer).
    #[arg(long, value_name = "URL", requires = "detectors")]
    prometheus: Option<String>,
    /// Certificates to believe of that Prometheus, in PEM [default: the system's]
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    ca: Option<PathBuf>,
    /// Write the corpus as blocks for the data directory of a Prometheus into this new folder, and score nothing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["detectors", "prometheus"])]
    blocks: Option<PathBuf>,
    /// A label of the series that rules are evaluated on, for example job=api; may be repeated
    #[arg(long = "series-label", value_name = "NAME=VALUE", value_parser = parse_label)]
    series_labels: Vec<(String, String)>,
    /// Shortest evidence of the built-in detector, for example 4m; its own default without
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    confirm: Option<f64>,
    /// Compare the built-in detector with each rival at the same median delay
    #[arg(long)]
    compare: bool,
    /// Draw at most so many of the traces that the first detector got wrong [default: none as text, 40 as HTML]
    #[arg(long, value_name = "N")]
    misses: Option<usize>,
    /// Write what each detector said of each trace to this file, a JSON line per change of state
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    #[command(flatten)]
    course: CourseArgs,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

// What each is for stands with its arguments.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    Live(LiveArgs),
}

/// A form of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Text,
    /// JSON with a `schema_version`
    Json,
    /// `JUnit` XML, one suite per detector with a test case per trace
    Junit,
    /// Markdown for the summary of a CI job
    Markdown,
    /// One self-contained page with the curves of what the first detector got wrong
    Html,
}

impl Format {
    /// Whether whoever reads the log of a CI job sees there what changed; else it goes to stderr.
    const fn is_log(self) -> bool {
        matches!(self, Self::Text | Self::Markdown)
    }
}

/// Curves on a page unless so many are asked for: each is some 10 KB.
const CURVES: usize = 40;

/// Generated as they are asked for.
struct Generated(Recipe);

impl Corpus for Generated {
    fn len(&self) -> usize {
        self.0.traces
    }

    fn trace(&self, index: usize) -> Trace {
        self.0.trace(index)
    }
}

/// Read from a folder.
struct Recorded(Vec<Trace>);

impl Corpus for Recorded {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn trace(&self, index: usize) -> Trace {
        self.0[index].clone()
    }
}

pub(super) fn run(args: &BenchArgs) -> Result<Exit, Failure> {
    if let Some(BenchCommand::Live(live)) = &args.live {
        return super::live::run(live);
    }
    let interrupt = Interrupt::listen()?;
    let mut contestants = contestants(args, &interrupt)?;
    let elsewhere = args.prometheus.as_deref();
    let elsewhere = elsewhere.map(|url| Prometheus::of_user(url, args.ca.as_deref()));
    let elsewhere = elsewhere.transpose()?;
    let baseline = args.course.baseline()?;
    let lines = args.lines.as_deref().map(Lines::create).transpose()?;
    let (name, corpus) = corpus(args)?;
    if corpus.len() == 0 {
        return Err(format!("{name}: there is no trace to score").into());
    }
    let (corpus, labels) = (corpus.as_ref(), labels(args));
    if let Some(folder) = &args.blocks {
        promql::blocks(corpus, &labels, folder)?;
        eprintln!("{} traces as blocks in {}", corpus.len(), folder.display());
        return Ok(Exit::AsExpected);
    }
    promql::prepare(&mut contestants, corpus, &labels, elsewhere, &interrupt)?;
    let drawn = match args.format {
        Format::Json | Format::Junit | Format::Markdown => 0,
        Format::Text => args.misses.unwrap_or(0),
        Format::Html => args.misses.unwrap_or(CURVES),
    };
    let keep = |one: &Judged| drawn > 0 && Wrong::of(one, 0).is_some();
    let names = || asked_for(args, &contestants);
    let judged = args.course.judge(corpus, (&contestants, &names), &keep, &interrupt)?;
    if interrupt.is_set() {
        return Ok(Exit::Interrupted);
    }
    if let Some(lines) = lines {
        lines.write(&contestants, &judged)?;
    }
    let mut report = Report::new(name, &contestants, &judged);
    if args.compare {
        report.matches = matched::compare(corpus, &contestants, &judged);
    }
    let regressed = args.course.compare(baseline.as_ref(), &mut report)?;
    if let Some(found) = report.comparison.as_ref().filter(|_| !args.format.is_log()) {
        eprint!("{}", text::comparison(found));
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Junit => out.write_all(junit::junit(&report).as_bytes())?,
        Format::Markdown => out.write_all(markdown::markdown(&report).as_bytes())?,
        Format::Text => {
            out.write_all(text::render(&report).as_bytes())?;
            out.write_all(sketch::wrong(&judged, 0, drawn).as_bytes())?;
        }
        Format::Html => out.write_all(page::page(&report, &judged, drawn).as_bytes())?,
    }
    Ok(if regressed { Exit::Finding } else { Exit::AsExpected })
}

/// The detectors as they are spelt on the command line, with what else decides what they say.
fn asked_for(args: &BenchArgs, contestants: &[Contestant]) -> Vec<String> {
    let (confirm, timeout, labels) = (args.confirm, args.timeout, labels(args));
    let options = format!("confirm {confirm:?}, timeout {timeout:?}, labels {labels:?}");
    let named = contestants.iter().enumerate().map(|(index, contestant)| {
        let spelt = args.detectors.get(index).map_or(contestant.name(), String::as_str);
        let read = contestant.fingerprint().map(|sum| format!("{sum}, ")).unwrap_or_default();
        format!("{spelt}; {read}{options}; leaklab {}", env!("CARGO_PKG_VERSION"))
    });
    named.collect()
}

fn contestants(args: &BenchArgs, interrupt: &Interrupt) -> Result<Vec<Contestant>, Failure> {
    if args.detectors.is_empty() {
        return Ok(Contestant::all(args.confirm));
    }
    let options = Options {
        confirm_seconds: args.confirm,
        timeout: args.timeout,
        interrupt: interrupt.clone(),
    };
    let (mut contestants, mut faults) = (Vec::<Contestant>::new(), Vec::new());
    for detector in &args.detectors {
        match Contestant::parse(detector, &options) {
            Err(unknown) => faults.push(unknown.to_string()),
            Ok(one) if contestants.iter().any(|other| other.name() == one.name()) => {
                let name = one.name();
                faults.push(format!(
                    "two detectors are called `{name}`; name one, as in other=exec:COMMAND"
                ));
            }
            Ok(one) => contestants.push(one),
        }
    }
    Faults::check(faults)?;
    Ok(contestants)
}

/// What Prometheus gives every series that it scrapes, unless the user says otherwise.
fn labels(args: &BenchArgs) -> BTreeMap<String, String> {
    let usual = [("job", "leaklab"), ("instance", "leaklab:8080")];
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    usual.into_iter().chain(args.series_labels.iter().cloned()).collect()
}

fn parse_label(text: &str) -> Result<(String, String), &'static str> {
    let is_name = |name: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(word) && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    let pair = text.split_once('=').filter(|(name, value)| is_name(name) && !value.contains('"'));
    let (name, value) = pair.ok_or("expected NAME=VALUE without quotes, such as job=api")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Says so if the folder is not what its manifest lists: scores are of what is there.
fn warn(folder: &Path, traces: &[Trace], manifest: &Result<Option<Manifest>, String>) {
    let what = match manifest {
        Ok(None) => return,
        Ok(Some(manifest)) => {
            let there = traces.iter().map(|trace| trace.name.as_str()).collect();
            match check::files(folder, manifest, &there).len() {
                0 => return,
                wrong => format!("it is not what its manifest lists ({wrong} errors)"),
            }
        }
        Err(why) => why.clone(),
    };
    eprintln!("warning: {}: {what}; see `leaklab corpus check`", folder.display());
}

fn corpus(args: &BenchArgs) -> Result<(String, Box<dyn Corpus>), Failure> {
    let Some(folder) = &args.corpus else {
        let half = args.half.unwrap_or(Half::Tune);
        let recipe = Recipe { seed: args.seed, half, traces: args.traces };
        let name = format!("generated, half {half}, seed {}", args.seed);
        return Ok((name, Box::new(Generated(recipe))));
    };
    let mut traces = read::folder(folder, args.leak_free)?;
    let mut name = folder.display().to_string();
    let manifest = Manifest::of(folder).map_err(|error| format!("the manifest {error}"));
    warn(folder, &traces, &manifest);
    if let Some(half) = args.half {
        let manifest = manifest?
            .ok_or("--half of a folder needs its manifest.json, as `leaklab corpus` writes it")?;
        traces.retain(|trace| manifest.half_of(&trace.name) == Some(half.name()));
        name = format!("{name}, half {half}");
    }
    let injected: Vec<Trace> = (0..args.inject.unwrap_or(0))
        .flat_map(|nth| traces.iter().filter_map(move |trace| inject::leak(trace, args.seed, nth)))
        .collect();
    traces.extend(injected);
    Ok((name, Box::new(Recorded(traces))))
}
