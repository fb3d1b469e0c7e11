//! How a bench runs beside its scoring: what it goes on with, what it is compared with, and how far
//! it is.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;

use super::Failure;
use crate::bench::baseline::Baseline;
use crate::bench::contestant::Contestant;
use crate::bench::report::Report;
use crate::bench::resume::Kept;
use crate::bench::{Corpus, Course, Judged};
use crate::interrupt::Interrupt;

#[derive(Debug, Args)]
pub(super) struct CourseArgs {
    /// Compare with an earlier result (`--format json`); exit 1 on a regression beyond chance
    ///
    /// Trace by trace: leaks that are no longer detected, new false alarms and new failures by the
    /// exact test of `McNemar` at 5 %, delays by the sign test where they are a tenth longer at the median. So five
    /// leaks lost and none won are a regression, four are not. A result on other traces is refused.
    #[arg(long, value_name = "OLD.json")]
    baseline: Option<PathBuf>,
    /// Every leak that is lost and every new false alarm is a regression, chance or not
    #[arg(long, requires = "baseline")]
    strict: bool,
    /// Keep what detectors say in this file as it comes, and go on from what it holds
    ///
    /// Answers are kept for a detector as it is spelt here, the version of leaklab, and the trace to the
    /// byte; also for rules as they were read, and for a program's files, as far as its command names them.
    /// Give another file when what these read in turn has changed.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

impl CourseArgs {
    /// Reads the baseline, before anything takes time.
    pub(super) fn baseline(&self) -> Result<Option<Baseline>, Failure> {
        let Some(path) = &self.baseline else { return Ok(None) };
        let told = |why: &dyn std::fmt::Display| format!("the baseline {}: {why}", path.display());
        let json = fs::read(path).map_err(|error| told(&error))?;
        Ok(Some(Baseline::parse(&json).map_err(|error| told(&crate::error_chain(&error)))?))
    }

    /// Adds the comparison to a report, and says whether it is a regression.
    pub(super) fn compare(
        &self,
        baseline: Option<&Baseline>,
        report: &mut Report,
    ) -> Result<bool, Failure> {
        let Some(baseline) = baseline else { return Ok(false) };
        let comparison = baseline
            .compare(report, self.strict)
            .map_err(|error| format!("cannot compare with the baseline: {error}"))?;
        let regressed = comparison.regressed;
        report.comparison = Some(comparison);
        Ok(regressed)
    }

    /// Judges; `names` gives the detectors as they were asked for.
    pub(super) fn judge(
        &self,
        corpus: &dyn Corpus,
        (contestants, names): (&[Contestant], &dyn Fn() -> Vec<String>),
        keep: &(dyn Fn(&Judged) -> bool + Sync),
        interrupt: &Interrupt,
    ) -> Result<Vec<Judged>, Failure> {
        let kept = self.resume.as_deref().map(Kept::open).transpose()?;
        if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_empty()) {
            eprintln!("going on from {} answers", kept.len());
        }
        let names = if kept.is_some() { names() } else { Vec::new() };
        let progress = Progress::new(corpus.len());
        let course = Course {
            keep,
            kept: kept.as_ref().map(|kept| (kept, names.as_slice())),
            progress: &|done| progress.tell(done),
            interrupt,
        };
        Ok(course.run(corpus, contestants)?)
    }
}

/// One line on stderr, where that is a terminal, that is written over again.
struct Progress {
    total: usize,
    told: Option<Mutex<Instant>>,
}

/// The line changes so often at most.
const EVERY: Duration = Duration::from_millis(200);

impl Progress {
    fn new(total: usize) -> Self {
        let told = io::stderr().is_terminal().then(|| Mutex::new(Instant::now()));
        Self { total, told }
    }

    fn tell(&self, done: usize) {
        // Whoever finds another thread at it has nothing newer to tell.
        let Some(mut told) = self.told.as_ref().and_then(|told| told.try_lock().ok()) else {
            return;
        };
        if told.elapsed() >= EVERY {
            *told = Instant::now();
            let _ = write!(io::stderr(), "\r{done} of {} traces", self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told.is_some() {
            // Goes back and clears the line.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
