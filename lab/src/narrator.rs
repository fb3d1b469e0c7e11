//! Tells people what happens while it happens, on stderr.
//!
//! On a terminal the present phase is one line that is drawn again and again; elsewhere there is
//! one line per phase, when it has ended, and one per event.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use detector::State;

use crate::conductor::Progress;
use crate::drill::{Drill, FixStep};
use crate::event::{Event, Phase, Status, Verdict};
use crate::quantity::{amount, exact_amount, growth, seconds};

/// Pause between two drawings of the line.
const REDRAW_AFTER: Duration = Duration::from_millis(100);
/// Width of the progress bar, in characters.
const BAR_WIDTH: usize = 16;

/// Listens to a drill.
pub trait Narrator {
    /// A drill begins.
    fn drill_began(&mut self, drill: &Drill);
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// Time has passed.
    fn progress(&mut self, progress: &Progress);
    /// The drill is over.
    fn drill_ended(&mut self, verdict: &Verdict);
}

/// Writes to a stream.
pub struct Terminal<W> {
    out: W,
    is_live: bool,
    has_colour: bool,
    last: Option<Progress>,
    drawn: Option<Instant>,
    redraw_after: Duration,
}

impl Terminal<std::io::Stderr> {
    /// Writes to stderr; redrawn and coloured only if that is a terminal, and coloured only
    /// without `NO_COLOR`.
    pub fn on_stderr() -> Self {
        let is_live = std::io::stderr().is_terminal();
        let has_colour =
            is_live && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self::new(std::io::stderr(), is_live, has_colour)
    }
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`, redrawing if `is_live`.
    pub fn new(out: W, is_live: bool, has_colour: bool) -> Self {
        let redraw_after = REDRAW_AFTER;
        Self { out, is_live, has_colour, last: None, drawn: None, redraw_after }
    }

    fn line(&mut self, text: &str) {
        let erase = if self.is_live { "\r\x1b[2K" } else { "" };
        // Nobody reads it any more: no reason to end the drill.
        let _ = writeln!(self.out, "{erase}{text}");
        self.drawn = None;
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.has_colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn phase_line(&self, phase: Phase, after_seconds: f64, note: &str) -> String {
        let seen = self.last.as_ref().map(readings).unwrap_or_default();
        format!("  {phase:<9} {:>7}  {seen}  {note}", seconds(after_seconds)).trim_end().to_owned()
    }
}

/// Level and slope of the signal that matters, in columns.
fn readings(progress: &Progress) -> String {
    let Some((signal, value)) = progress.level else { return format!("{:24}", "") };
    let slope = progress.answer.as_ref().and_then(|answer| answer.slope_per_second);
    let slope = slope.map(|slope| growth(signal, slope)).unwrap_or_default();
    format!("{:>10}  {slope:>12}", amount(signal, value))
}

fn bar(progress: &Progress) -> String {
    let share =
        (progress.elapsed_seconds / progress.within_seconds.max(f64::EPSILON)).clamp(0.0, 1.0);
    let full = (share * BAR_WIDTH as f64).round() as usize;
    format!("{}{}", "#".repeat(full), "-".repeat(BAR_WIDTH - full))
}

impl<W: Write> Narrator for Terminal<W> {
    fn drill_began(&mut self, drill: &Drill) {
        self.last = None;
        let name = self.paint(&drill.name, "1");
        self.line(&format!("{name}: {}", drill.title));
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PhaseEnded { phase, after_seconds, note } => {
                let line = self.phase_line(*phase, *after_seconds, note);
                self.line(&line);
            }
            Event::PhaseBegan { .. } => {}
            event => {
                if let Some(text) = sentence(event) {
                    self.line(&format!("    {text}"));
                }
            }
        }
    }

    fn progress(&mut self, progress: &Progress) {
        self.last = Some(progress.clone());
        if !self.is_live || self.drawn.is_some_and(|drawn| drawn.elapsed() < self.redraw_after) {
            return;
        }
        let state = progress.answer.as_ref().map_or("", |answer| answer.state.name());
        let colour = match progress.answer.as_ref().map(|answer| answer.state) {
            Some(State::Leaking) => "31",
            Some(State::Steady | State::Recovered) => "32",
            _ => "33",
        };
        let line = format!(
            "  {:<9} {:>7}  {}  [{}] of {:<5} {}",
            progress.phase,
            format!("{:.1}s", progress.elapsed_seconds),
            readings(progress),
            bar(progress),
            seconds(progress.within_seconds),
            self.paint(state, colour),
        );
        let _ = write!(self.out, "\r\x1b[2K{line}").and_then(|()| self.out.flush());
        self.drawn = Some(Instant::now());
    }

    fn drill_ended(&mut self, verdict: &Verdict) {
        let (word, colour) = match verdict.status {
            Status::Passed => ("passed", "32"),
            Status::Failed => ("FAILED", "31"),
            status => (status.name(), "33"),
        };
        let word = self.paint(word, colour);
        self.line(&format!("  {word}"));
        for reason in &verdict.reasons {
            self.line(&format!("    {reason}"));
        }
    }
}

/// What an event says to people; absent if another line says it.
fn sentence(event: &Event) -> Option<String> {
    match event {
        Event::Injected { .. } => Some("injected".to_owned()),
        Event::Flagged(flag) => {
            let cause = flag.cause.as_deref().unwrap_or("none named");
            let right = if flag.cause_is_right { "right" } else { "wrong" };
            let told = |value| format!(", {} per request", exact_amount(flag.signal, value));
            let per_request = flag.per_request.map(told).unwrap_or_default();
            Some(format!(
                "flagged after {} on {}: cause {cause} ({right}){per_request}",
                seconds(flag.after_seconds),
                flag.signal
            ))
        }
        Event::FalseFlag { phase, signal, reason } => {
            Some(format!("false flag in {phase} on {signal}: {reason}"))
        }
        Event::Fixed { steps, .. } => {
            let steps: Vec<_> = steps.iter().copied().map(FixStep::name).collect();
            Some(format!("fixed: {}", steps.join(", ")))
        }
        Event::Ended { ending, after_seconds } => {
            Some(format!("{} after {}", ending.name(), seconds(*after_seconds)))
        }
        Event::Proved(proof) => {
            let checks: Vec<_> = proof
                .checks()
                .iter()
                .map(|check| format!("{}: {}", check.name, check.numbers))
                .collect();
            Some(checks.join("\n    "))
        }
        Event::RolledBack { problem: Some(problem) } => Some(format!("not rolled back: {problem}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use detector::Signal;

    use super::*;
    use crate::drill::{Shipped, parse};

    fn told(is_live: bool, has_colour: bool) -> String {
        let shipped = &crate::drill::SHIPPED[0];
        let drill = parse(&Shipped::file(shipped), shipped.text).expect("valid");
        let mut terminal = Terminal::new(Vec::new(), is_live, has_colour);
        terminal.redraw_after = Duration::from_hours(1);
        terminal.drill_began(&drill);
        for elapsed_seconds in [2.0, 2.01] {
            terminal.progress(&Progress {
                phase: Phase::Baseline,
                elapsed_seconds,
                within_seconds: 8.0,
                level: Some((Signal::RssAnonBytes, 24.0 * 1024.0 * 1024.0)),
                answer: None,
            });
        }
        terminal.event(&Event::PhaseEnded {
            phase: Phase::Baseline,
            after_seconds: 8.0,
            note: "silent".to_owned(),
        });
        terminal.drill_ended(&Verdict { status: Status::Failed, reasons: vec!["why".to_owned()] });
        String::from_utf8(terminal.out).expect("text")
    }

    #[test]
    fn elsewhere_there_is_one_line_per_phase_and_no_control_character() {
        assert_eq!(
            told(false, false),
            "cache: A cache that never evicts\n  baseline       8s     24.0MiB                silent\n  FAILED\n    why\n"
        );
    }

    #[test]
    fn a_terminal_shows_the_present_phase_with_its_progress_and_does_not_flicker() {
        let told = told(true, false);
        let drawn =
            "\r\x1b[2K  baseline     2.0s     24.0MiB                [####------------] of 8s";
        assert_eq!(told.matches(drawn).count(), 1, "{told:?}");
    }

    #[test]
    fn colour_is_used_only_where_it_is_wanted() {
        assert!(told(true, true).contains("\x1b[31mFAILED\x1b[0m"));
        assert!(!told(true, false).contains("\x1b[31m"));
    }
}
