//! `leaklab gameday`: an unknown leak, an investigation, a score.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{DEFAULT_URL, Exit, Failure, URL_VARIABLE, lab_url};
use crate::client::ClientError;
use crate::gameday::record::{Record, RecordError};
use crate::gameday::scenario::{Injection, Level, draw, due};
use crate::gameday::score::{Answer, Oom, Score};
use crate::gameday::target::Target;
use crate::gameday::text::{injected_text, text};
use crate::gameday::truth::{LOOK, Truth};
use crate::gameday::{Debrief, SCHEMA_VERSION};
use crate::quantity::parse_size;

/// Points from which on a day counts as passed.
const PASSED: f64 = 60.0;

/// Find an unknown leak, and be scored.
///
/// `start` switches something on in a running lab and hides it: a leak, a decoy, two at once, a late or a slow one.
/// Look at what every service shows (metrics, heap profiles, /proc, the load), then say what it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 the day was begun, or 60 points were reached; 1 fewer; 2 could not run.

Examples:
  leaklab up                                     a lab in another terminal, or: docker compose up -d
  leaklab gameday start --level hard
  leaklab gameday answer --leak cache --bytes-per-request 10KiB --oom-at 25m
  leaklab gameday answer --leak none")]
pub struct GamedayArgs {
    #[command(subcommand)]
    command: Command,
    /// Where the day's record is kept [default: leaklab/gameday.json in the user's state directory]
    #[arg(long, value_name = "FILE", global = true)]
    record: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin: switch something on and hide it
    Start(StartArgs),
    /// Say since when a day is on; if the service was restarted, switch it on again
    Status,
    /// Answer, be scored, and see the truth
    Answer(AnswerArgs),
    /// End without an answer, and see the truth; where the service is gone, what was switched on
    GiveUp(FormatArgs),
}

#[derive(Debug, Args)]
struct StartArgs {
    /// The same seed is the same day [default: a random one, told at the end]
    #[arg(long)]
    seed: Option<u64>,
    /// How hard it is
    #[arg(long, value_enum, default_value = "easy")]
    level: Level,
    /// The service
    #[arg(long, env = URL_VARIABLE, value_name = "URL", default_value = DEFAULT_URL, value_parser = lab_url)]
    url: String,
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// What leaks; may be repeated; `none` if nothing does
    #[arg(long = "leak", value_name = "NAME", required = true, value_parser = leak)]
    leaks: Vec<String>,
    /// Memory kept per request of the load, all leaks together: 10KiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    bytes_per_request: Option<u64>,
    /// When memory runs out: from now (25m), at an instant (2026-01-31T12:00:00Z), or never
    #[arg(long, value_name = "WHEN", value_parser = oom)]
    oom_at: Option<Oom>,
    #[command(flatten)]
    form: FormatArgs,
}

#[derive(Debug, Args)]
struct FormatArgs {
    /// The limit at which the service ends [default: that of its control group, or else 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    limit: Option<u64>,
    /// The form of the debriefing
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// A day is on already.
#[derive(Debug, thiserror::Error)]
#[error("a game day is on since {0}; end it with `leaklab gameday answer` or `give-up`")]
struct AlreadyOn(humantime::FormattedDuration);

pub(super) fn run(args: &GamedayArgs) -> Result<Exit, Failure> {
    let path = args.record.clone().map_or_else(Record::default_path, Ok)?;
    match &args.command {
        Command::Start(args) => start(args, &path),
        Command::Status => status(&path),
        Command::Answer(args) => {
            let leaks = args.leaks.iter().filter(|name| *name != NONE).cloned().collect();
            let bytes_per_request = args.bytes_per_request.map(|bytes| bytes as f64);
            let answer = Answer { leaks, bytes_per_request, oom: args.oom_at };
            end(&path, &args.form, Some(answer))
        }
        Command::GiveUp(form) => give_up(&path, form),
    }
}

/// Ends a day without an answer, also where the service is gone and its truth with it.
fn give_up(path: &std::path::Path, form: &FormatArgs) -> Result<Exit, Failure> {
    let Record { url, seed, level, .. } = Record::read(path)?;
    let Err(error @ ClientError::Unanswered { .. }) = Target::new(&url)?.figures() else {
        return end(path, form, None);
    };
    eprintln!("note: {error}; the day is over all the same");
    Record::remove(path)?;
    let injected = draw(seed, level);
    let mut out = io::stdout().lock();
    match form.format {
        Format::Text => write!(out, "{}", injected_text(seed, level, &injected))?,
        Format::Json => {
            let told = json!({
                "schema_version": SCHEMA_VERSION,
                "seed": seed,
                "level": level,
                "injected": injected,
                "truth": null,
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
        }
    }
    Ok(Exit::AsExpected)
}

fn start(args: &StartArgs, path: &std::path::Path) -> Result<Exit, Failure> {
    match Record::read(path) {
        Ok(on) => return Err(AlreadyOn(whole(on.elapsed())).into()),
        Err(RecordError::None(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let random = RandomState::new();
    let seed = args.seed.unwrap_or_else(|| random.hash_one("seed") >> 32);
    let key = format!("{:016x}{:016x}", random.hash_one("key"), random.hash_one("another"));
    let target = Target::new(&args.url)?;
    let before = target.figures()?;
    target.put_back()?;
    let record = Record::new(args.url.clone(), seed, args.level, key);
    // Before the seal: without its key nobody could open it.
    record.write(path)?;
    if let Err(error) = target.seal(&record.key, &draw(seed, args.level)) {
        Record::remove(path)?;
        return Err(error.into());
    }
    writeln!(
        io::stdout(),
        "A game day is on at {url}. Something may leak there, or only look like it.\n\
         Look at {url}/metrics, /admin/memory, /admin/memory/diff, /debug/pprof/heap; what `leaklab leaks` lists is possible.\n\
         Then: leaklab gameday answer --leak NAME --bytes-per-request SIZE --oom-at WHEN",
        url = args.url
    )?;
    std::thread::sleep(Duration::from_secs(1));
    if target.figures()?.requests_total <= before.requests_total {
        eprintln!("note: nobody sends requests; without load few leaks grow");
    }
    Ok(Exit::AsExpected)
}

fn status(path: &std::path::Path) -> Result<Exit, Failure> {
    let record = Record::read(path)?;
    keep_on(&Target::new(&record.url)?, &record)?;
    writeln!(io::stdout(), "a game day is on at {} since {}", record.url, whole(record.elapsed()))?;
    Ok(Exit::AsExpected)
}

/// Switches what is injected on again where a restart has ended it, and says that there was one.
fn keep_on(target: &Target, record: &Record) -> Result<(), Failure> {
    // Does nothing, unless the service was restarted.
    target.seal(&record.key, &due(draw(record.seed, record.level), record.elapsed()))?;
    if target.figures()?.start_seconds.is_some_and(|start| record.is_before(start)) {
        eprintln!(
            "note: the service was restarted since the day began, and held nothing any more; what is hidden there is on again"
        );
    }
    Ok(())
}

fn end(path: &std::path::Path, form: &FormatArgs, answer: Option<Answer>) -> Result<Exit, Failure> {
    let record = Record::read(path)?;
    let elapsed_seconds = record.elapsed().as_secs_f64();
    let injected: Vec<Injection> = draw(record.seed, record.level);
    let target = Target::new(&record.url)?;
    keep_on(&target, &record)?;
    target.open(&record.key)?;
    eprintln!("opening the seal, and looking for {} at how it grows", whole(LOOK));
    let truth = Truth::look(&target, &injected, form.limit.map(|limit| limit as f64))?;
    target.put_back()?;
    Record::remove(path)?;
    let score = answer.as_ref().map(|answer| Score::of(answer, &truth, elapsed_seconds));
    let debrief = Debrief {
        schema_version: SCHEMA_VERSION,
        seed: record.seed,
        level: record.level,
        injected,
        truth,
        elapsed_seconds,
        answer,
        score,
    };
    let mut out = io::stdout().lock();
    match form.format {
        Format::Text => write!(out, "{}", text(&debrief))?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&debrief)?)?,
    }
    let passed = debrief.score.is_none_or(|score| score.total >= PASSED);
    Ok(if passed { Exit::AsExpected } else { Exit::Finding })
}

const NONE: &str = "none";

/// Reads the name of a leak or decoy, or `none`.
fn leak(name: &str) -> Result<String, String> {
    let known = || leaky_service::leaks::all().map(|facts| facts.name);
    if name == NONE || known().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<_> = known().collect();
    Err(format!("there is no such leak; choose {NONE} or one of {}", names.join(", ")))
}

/// Reads when memory runs out.
fn oom(text: &str) -> Result<Oom, String> {
    if text == "never" {
        return Ok(Oom::Never);
    }
    if let Ok(duration) = humantime::parse_duration(text) {
        return Ok(Oom::AfterSeconds(duration.as_secs_f64()));
    }
    let instant = humantime::parse_rfc3339_weak(text).map_err(|_| {
        "expected 25m, an instant such as 2026-01-31T12:00:00Z, or never".to_owned()
    })?;
    let left = instant.duration_since(SystemTime::now());
    let left = left.map_err(|_| "that has passed".to_owned())?;
    Ok(Oom::AfterSeconds(left.as_secs_f64()))
}

fn whole(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs()))
}
