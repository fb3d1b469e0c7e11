//! Alert rules as a detector: a rule file, evaluated by a real Prometheus.
//!
//! Prometheus (our own, or the user's: [`elsewhere`]) reads the rules and evaluates their expressions (`query_range` at the interval of their
//! group) on blocks that `promtool` makes of the corpus; only `for` and `keep_firing_for` are ours
//! ([`hold`]), because Prometheus alerts on the present alone. An alert is an alarm on the resource that its
//! expression names first.

mod backfill;
mod elsewhere;
mod expression;
mod hold;
mod metrics;
mod process;
mod recorded;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detector::{Signal, State};

use super::Contestant;
use crate::bench::{Change, Corpus, Said};
use crate::corpus::{Trace, digest};
use crate::interrupt::Interrupt;
use crate::prometheus::{AskError, Prometheus};
use backfill::Backfilled;
use hold::Hold;
use recorded::Recorded;
use server::{ReadRule, Server};

/// The longest rule file that is read.
const MOST_RULES_BYTES: u64 = 1 << 20;

/// A rule file under test, or one alert of it.
#[derive(Debug)]
pub struct Promql {
    /// The whole name in flags and results.
    pub name: String,
    file: PathBuf,
    /// Only the alert of this name.
    only: Option<String>,
    history: Option<Arc<History>>,
    rules: Vec<Rule>,
    /// One line: which of its alerts are scored, and why others are not.
    pub says: String,
}

/// The corpus in a Prometheus.
#[derive(Debug)]
struct History {
    server: Server,
    at: Backfilled,
}

/// An alert that can be scored.
#[derive(Clone, Debug)]
struct Rule {
    name: String,
    query: String,
    labels: BTreeMap<String, String>,
    signal: Signal,
    every_ms: i64,
    hold: Hold,
}

/// Why rules cannot be scored.
#[derive(Debug, thiserror::Error)]
pub enum PromqlError {
    #[error("cannot read the rules {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the rules {0} are longer than 1 MiB")]
    TooLarge(PathBuf),
    #[error("cannot write {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`promql:` needs {program}; install Prometheus (Debian: apt-get install prometheus)")]
    NoProgram { program: &'static str, source: io::Error },
    #[error("promtool {what} refuses: {said}")]
    Promtool { what: String, said: String },
    #[error("prometheus did not come up: {how}, saying `{said}`")]
    NotUp { how: String, said: String },
    #[error(transparent)]
    Unanswered(#[from] AskError),
    #[error("{url} does not answer as a Prometheus does (status {status})")]
    NotUnderstood { url: String, status: u16, source: serde_json::Error },
    #[error("prometheus refuses: {0}")]
    Refused(String),
    #[error(
        "with ranges as long as these rules', {traces} of the {of} traces fill the time up to 2024; \
         score fewer traces, or shorter ranges"
    )]
    TooLong { traces: usize, of: usize },
    #[error(
        "the Prometheus at {url} has {what} this corpus with these labels: write blocks of it with the same flags \
         and `--blocks DIR`, move what is in DIR into its data directory, and start it with \
         --storage.tsdb.retention.time=100y"
    )]
    OtherCorpus { url: String, what: &'static str },
    #[error(
        "the Prometheus at {url} has loaded no rule file {file}; name one of its own: {loaded}"
    )]
    NotLoaded { url: String, file: PathBuf, loaded: String },
    #[error("the folder {0} is not empty; blocks are written into a new one")]
    NotEmpty(PathBuf),
    #[error("no alert `{alert}` in {file}")]
    NoAlert { alert: String, file: PathBuf },
    #[error("no alert of {file} can be scored: {why}. Metrics of a corpus: {known}", known = backfill::known())]
    NothingToScore { file: PathBuf, why: String },
}

impl Promql {
    /// The rules of a file, or with `FILE#ALERT` one of them; nothing is read yet.
    pub fn new(name: &str, file: &str) -> Self {
        let (file, only) = file
            .split_once('#')
            .map_or((file, None), |(file, alert)| (file, Some(alert.to_owned())));
        Self {
            name: name.to_owned(),
            file: file.into(),
            only,
            history: None,
            rules: Vec::new(),
            says: String::new(),
        }
    }

    /// The checksum of the rules that are scored, as they were read.
    pub fn rules_sha256(&self) -> String {
        digest::of_bytes(format!("{:?}", self.rules).as_bytes())
    }

    /// Whether any of its alerts looks at what leaks (at anything, if nothing does), for long enough.
    pub fn in_scope(&self, trace: &Trace) -> bool {
        let span = trace.observations.first().zip(trace.observations.last());
        let ms = span.map_or(0.0, |(first, last)| (last.t_seconds - first.t_seconds) * 1e3);
        self.rules.iter().any(|rule| {
            let shown = trace.observations.iter().any(|s| s.signals.contains_key(&rule.signal));
            let leak = trace.truth.leak.as_ref();
            let visible = leak.is_none_or(|leak| leak.signals.contains(&rule.signal));
            shown && visible && ms >= (rule.hold.for_ms + 2 * rule.every_ms) as f64
        })
    }

    /// When its alerts fire on a trace.
    pub fn watch(&self, trace: &Trace) -> Said {
        let mut changes = Vec::new();
        let mut failure = None;
        let signals: BTreeSet<Signal> = self.rules.iter().map(|rule| rule.signal).collect();
        for signal in signals {
            let rules = self.rules.iter().filter(|rule| rule.signal == signal);
            match rules.map(|rule| self.firings(rule, trace)).collect::<Result<Vec<_>, _>>() {
                Ok(alerts) => changes.extend(self.changes(signal, &alerts.concat(), trace)),
                Err(why) => failure = Some(why),
            }
        }
        changes.sort_by(|a: &Change, b| a.t_seconds.total_cmp(&b.t_seconds));
        Said { changes, failure }
    }

    fn changes(&self, signal: Signal, alerts: &[Vec<hold::Firing>], trace: &Trace) -> Vec<Change> {
        let origin = self.origin_ms(trace).unwrap_or(0);
        let change = |firing: hold::Firing| Change {
            t_seconds: (firing.at_ms - origin) as f64 / 1e3,
            signal,
            state: if firing.on { State::Leaking } else { State::Steady },
            cause: None,
        };
        hold::any(alerts).into_iter().map(change).collect()
    }

    fn origin_ms(&self, trace: &Trace) -> Option<i64> {
        let history = self.history.as_ref()?;
        Some(history.at.origins.get(&trace.name)?.cast_signed() * 1000)
    }

    /// The changes of each alert of a rule, one alert per set of labels.
    fn firings(&self, rule: &Rule, trace: &Trace) -> Result<Vec<Vec<hold::Firing>>, String> {
        let (Some(history), Some(origin)) = (&self.history, self.origin_ms(trace)) else {
            return Err("the trace is not in Prometheus".to_owned());
        };
        let span = trace.observations.first().zip(trace.observations.last());
        let Some((first, last)) = span else { return Ok(Vec::new()) };
        let start = origin + (first.t_seconds * 1e3).ceil() as i64;
        let end = origin + (last.t_seconds * 1e3).floor() as i64;
        let told = |error: PromqlError| format!("{}: {}", rule.name, crate::error_chain(&error));
        let series = history.server.range(&rule.query, start, end, rule.every_ms).map_err(told)?;
        let mut alerts: BTreeMap<BTreeMap<String, String>, BTreeSet<i64>> = BTreeMap::new();
        for sampled in series {
            let active = alerts.entry(rule.labels_of(sampled.metric)).or_default();
            for (t_seconds, _) in sampled.values {
                if !active.insert((t_seconds * 1e3).round() as i64) {
                    return Err(format!("{}: two alerts have the same labels", rule.name));
                }
            }
        }
        let steps = || (start..=end).step_by(rule.every_ms as usize);
        let run = |active: &BTreeSet<i64>| {
            rule.hold.run(steps().map(|at_ms| (at_ms, active.contains(&at_ms))))
        };
        Ok(alerts.values().map(run).collect())
    }
}

impl Rule {
    /// The labels by which an alert is known: those of its sample, and of the rule over them.
    fn labels_of(&self, mut metric: BTreeMap<String, String>) -> BTreeMap<String, String> {
        metric.remove("__name__");
        metric.extend(self.labels.clone());
        metric
    }
}

/// Brings the corpus into a Prometheus of our own for all rule files among the contestants, or finds
/// it in the user's `elsewhere`; tells on stderr which alerts cannot be scored, and why.
pub fn prepare(
    contestants: &mut [Contestant],
    corpus: &dyn Corpus,
    labels: &BTreeMap<String, String>,
    elsewhere: Option<Prometheus>,
    interrupt: &Interrupt,
) -> Result<(), PromqlError> {
    let mut all: Vec<&mut Promql> = contestants
        .iter_mut()
        .filter_map(|contestant| match contestant {
            Contestant::Promql(promql) => Some(promql),
            _ => None,
        })
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let mut files: Vec<PathBuf> = all.iter().map(|promql| promql.file.clone()).collect();
    files.sort();
    files.dedup();
    let url = elsewhere.as_ref().map(|prometheus| prometheus.url().to_owned());
    let history = Arc::new(match elsewhere {
        Some(prometheus) => {
            let server = Server::of_user(prometheus);
            History { at: elsewhere::find(corpus, labels, &server)?, server }
        }
        None => own(&files, corpus, labels, interrupt)?,
    });
    let groups = history.server.rules()?;
    for promql in &mut all {
        let index = files.iter().position(|file| *file == promql.file).unwrap_or(0);
        let copied = PathBuf::from(backfill::copy_name(index));
        let file = if url.is_some() { &promql.file } else { &copied };
        let of_file = |group: &&server::ReadGroup| Path::new(&group.file).ends_with(file);
        if let Some(url) = url.as_ref().filter(|_| !groups.iter().any(|group| of_file(&group))) {
            let loaded: BTreeSet<&str> = groups.iter().map(|group| group.file.as_str()).collect();
            let loaded = loaded.into_iter().collect::<Vec<_>>().join(", ");
            return Err(PromqlError::NotLoaded { url: url.into(), file: file.clone(), loaded });
        }
        let groups: Vec<_> = groups.iter().filter(of_file).collect();
        let mut refused = Vec::new();
        let mut found = false;
        for group in &groups {
            for (index, read) in group.rules.iter().enumerate().filter(|(_, rule)| rule.is_alert())
            {
                if promql.only.as_ref().is_some_and(|only| *only != read.name) {
                    continue;
                }
                found = true;
                let resolved = Recorded::seen_by(&groups, group, index).resolve(&read.query);
                let scorable = match resolved {
                    Ok(query) => scorable(read, query, group.interval_seconds, &history)?,
                    Err(why) => Err(why),
                };
                match scorable {
                    Ok(rule) => promql.rules.push(rule),
                    Err(why) => refused.push(format!("{} {why}", read.name)),
                }
            }
        }
        promql.conclude(found, &refused)?;
        promql.history = Some(Arc::clone(&history));
    }
    Ok(())
}

/// Writes blocks of the corpus, to be put into the data of the Prometheus that `prepare` is told.
pub fn blocks(
    corpus: &dyn Corpus,
    labels: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<(), PromqlError> {
    elsewhere::blocks(corpus, labels, folder).map(|_| ())
}

fn own(
    files: &[PathBuf],
    corpus: &dyn Corpus,
    labels: &BTreeMap<String, String>,
    interrupt: &Interrupt,
) -> Result<History, PromqlError> {
    let texts: Vec<String> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    backfill::promtool(&["check", "rules"], files)?;
    let directory = tempfile::Builder::new()
        .prefix("leaklab-promql-")
        .tempdir()
        .map_err(|source| PromqlError::Io { path: std::env::temp_dir(), source })?;
    backfill::copy_rules(&texts, directory.path())?;
    let at = backfill::backfill(corpus, &texts.join("\n"), labels, directory.path())?;
    Ok(History { server: Server::start(directory, interrupt)?, at })
}

impl Promql {
    fn conclude(&mut self, found: bool, refused: &[String]) -> Result<(), PromqlError> {
        let file = self.file.clone();
        if let Some(alert) = self.only.clone().filter(|_| !found) {
            return Err(PromqlError::NoAlert { alert, file });
        }
        if self.rules.is_empty() {
            let why = if found { refused.join("; ") } else { "there is none".to_owned() };
            return Err(PromqlError::NothingToScore { file, why });
        }
        for why in refused {
            eprintln!("{}: not scorable: {why}", self.name);
        }
        let names: Vec<&str> = self.rules.iter().map(|rule| rule.name.as_str()).collect();
        self.says = match (&self.rules[..], refused) {
            ([rule], []) => rule.query.clone(),
            (_, []) => names.join(", "),
            _ => format!("{}; not scorable: {}", names.join(", "), refused.join("; ")),
        };
        Ok(())
    }
}

/// The rule with `query` as its expression, or why it cannot be scored on this corpus.
fn scorable(
    read: &ReadRule,
    query: String,
    interval_seconds: f64,
    history: &History,
) -> Result<Result<Rule, String>, PromqlError> {
    let selected = expression::selected(&query);
    if selected.asks_for_absence {
        return Ok(Err("asks whether a series is there".to_owned()));
    }
    // Ranges within ranges add up, and those of recording rules are within the alert's.
    let back_seconds = if query == read.query {
        2 * expression::longest_seconds(&query)
    } else {
        expression::all_seconds(&query)
    };
    if back_seconds > history.at.gap_seconds {
        return Ok(Err("looks back so far that it sees the trace before".to_owned()));
    }
    let of_value = |text: &String| text.contains("$value") || text.contains(".Value");
    if read.labels.values().any(of_value) {
        let why = "has a label with the value, so that every evaluation is another alert";
        return Ok(Err(why.to_owned()));
    }
    for selector in selected.selectors.iter().filter(|_| !selected.has_alternative) {
        if !selector.metric.is_empty() && !history.at.metrics.contains(&selector.metric) {
            return Ok(Err(format!("needs {}, which this corpus has not", selector.metric)));
        }
        if !history.server.selects(&selector.text, history.at.end_seconds)? {
            let why = "selects nothing (the labels of all series are set by --series-label)";
            return Ok(Err(format!("{why}: {}", selector.text)));
        }
    }
    let mut signals =
        selected.selectors.iter().map(|selector| metrics::signal_of(&selector.metric));
    let Some(signal) = signals.find_map(|signal| signal) else {
        return Ok(Err("looks at no resource that can leak".to_owned()));
    };
    let ms = |seconds: f64| (seconds * 1e3).round() as i64;
    let is_plain = |(_, value): &(&String, &String)| !value.contains("{{");
    Ok(Ok(Rule {
        name: read.name.clone(),
        query,
        // A template of the labels is the same for the same labels.
        labels: read.labels.iter().filter(is_plain).map(|(k, v)| (k.clone(), v.clone())).collect(),
        signal,
        every_ms: ms(interval_seconds).max(1),
        hold: Hold { for_ms: ms(read.for_seconds), keep_ms: ms(read.keep_seconds) },
    }))
}

fn read(file: &Path) -> Result<String, PromqlError> {
    let unreadable = |source| PromqlError::Unreadable { path: file.to_owned(), source };
    let mut text = String::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(MOST_RULES_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST_RULES_BYTES {
        return Err(PromqlError::TooLarge(file.to_owned()));
    }
    Ok(text)
}
