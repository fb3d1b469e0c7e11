//! `leaklab bench`: scores detectors on generated or recorded series.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, Failure};
use crate::bench::contestant::Contestant;
use crate::bench::report::Report;
use crate::bench::wrong::Wrong;
use crate::bench::{Corpus, judge, matched, page, sketch, text};
use crate::corpus::{Half, Recipe, Trace, inject, read};
use crate::quantity::parse_seconds;

/// Score detectors on a corpus.
///
/// Scored once per trace: detected or missed, how long after the onset, and every alarm while
/// nothing leaked. The same corpus gives the same result.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  leaklab bench                                   every detector, 540 generated traces
  leaklab bench --detector builtin --confirm 4m --misses 20
  leaklab bench --half test --seed 77 --compare   traces that no one has tuned on
  leaklab bench --format html --misses 100 > bench.html
  leaklab bench --corpus programs/                traces with NAME.truth.yaml or labels.csv
  leaklab bench --corpus hosts/ --leak-free --inject 4

A rival is scored on the traces that it was made for: long enough for its window, and with a
leak of something that it looks at.")]
pub struct BenchArgs {
    /// A folder of traces; without it they are generated
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Nothing leaks in the traces of the folder that have no label
    #[arg(long, requires = "corpus")]
    leak_free: bool,
    /// Score so many copies of each leak-free trace as well, with a leak of .5 to 5 % per hour
    #[arg(long, value_name = "COPIES", requires = "corpus")]
    inject: Option<u64>,
    /// Which half of the generated traces: tune (to look at) or test (to judge by)
    #[arg(long, default_value_t = Half::Tune, conflicts_with = "corpus")]
    half: Half,
    /// How many traces to generate
    #[arg(long, default_value_t = 540, conflicts_with = "corpus")]
    traces: usize,
    /// Seed of what is generated or injected; a new one draws traces that nobody has looked at
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Score only this detector; may be repeated
    #[arg(long = "detector", value_name = "NAME")]
    detectors: Vec<String>,
    /// Shortest evidence of the built-in detector, for example 4m; its own default without
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    confirm: Option<f64>,
    /// Compare the built-in detector with each rival at the same median delay
    #[arg(long)]
    compare: bool,
    /// Draw at most so many of the traces that the first detector got wrong [default: none as text, 40 as HTML]
    #[arg(long, value_name = "N")]
    misses: Option<usize>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A form of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Text,
    /// JSON with a `schema_version`
    Json,
    /// One self-contained page with the curves of what the first detector got wrong
    Html,
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
    let contestants = contestants(args)?;
    let (name, corpus) = corpus(args)?;
    let drawn = match args.format {
        Format::Json => 0,
        Format::Text => args.misses.unwrap_or(0),
        Format::Html => args.misses.unwrap_or(CURVES),
    };
    let judged =
        judge(corpus.as_ref(), &contestants, &|one| drawn > 0 && Wrong::of(one, 0).is_some());
    let mut report = Report::new(name, &contestants, &judged);
    if args.compare {
        report.matches = matched::compare(corpus.as_ref(), &contestants, &judged);
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => {
            out.write_all(text::render(&report).as_bytes())?;
            out.write_all(sketch::wrong(&judged, 0, drawn).as_bytes())?;
        }
        Format::Html => out.write_all(page::page(&report, &judged, drawn).as_bytes())?,
    }
    Ok(Exit::AsExpected)
}

fn contestants(args: &BenchArgs) -> Result<Vec<Contestant>, Failure> {
    if args.detectors.is_empty() {
        return Ok(Contestant::all(args.confirm));
    }
    let named = args.detectors.iter().map(|name| Contestant::named(name, args.confirm));
    Ok(named.collect::<Result<_, _>>()?)
}

fn corpus(args: &BenchArgs) -> Result<(String, Box<dyn Corpus>), Failure> {
    let Some(folder) = &args.corpus else {
        let recipe = Recipe { seed: args.seed, half: args.half, traces: args.traces };
        let name = format!("generated, half {}, seed {}", args.half, args.seed);
        return Ok((name, Box::new(Generated(recipe))));
    };
    let mut traces = read::folder(folder, args.leak_free)?;
    let injected: Vec<Trace> = (0..args.inject.unwrap_or(0))
        .flat_map(|nth| traces.iter().filter_map(move |trace| inject::leak(trace, args.seed, nth)))
        .collect();
    traces.extend(injected);
    Ok((folder.display().to_string(), Box::new(Recorded(traces))))
}
