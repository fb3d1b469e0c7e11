//! The curves of a drill: what is drawn, thinned to what a picture can show.

use detector::{Observation, Signal};

use crate::event::{Event, Phase, is_counted};
use crate::journal::DrillJournal;

/// Points per curve; a picture has no more columns than that.
const MOST_POINTS: usize = 900;

/// What is drawn: everything in one unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// Whether that is bytes; else things of the signal.
    pub signal: Signal,
    /// The lines.
    pub curves: Vec<Curve>,
}

/// A line in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// What it is, for the legend.
    pub label: String,
    /// Its style in the page.
    pub class: &'static str,
    /// Seconds, and the value in the picture's unit.
    pub points: Vec<(f64, f64)>,
}

/// A moment in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub seconds: f64,
    pub label: String,
    pub class: &'static str,
}

/// A stretch in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Band {
    pub phase: Phase,
    pub from: f64,
    pub to: f64,
}

/// The curves that the journal has points for: of the signal that was flagged if that is counted,
/// else of memory; and beside them what the service says that the target holds.
pub(super) fn picture(journal: &DrillJournal) -> Picture {
    let flagged = journal.events.iter().find_map(|(_, event)| match event {
        Event::Flagged(flag) => Some(flag.signal),
        _ => None,
    });
    let counted = flagged.filter(|signal| is_counted(*signal));
    let (signals, truth) = match counted {
        Some(signal) => (vec![(signal, signal.name(), "rss")], truth_gauge(journal, false)),
        None => (memory_signals(journal).to_vec(), truth_gauge(journal, true)),
    };
    // A gauge counts entries; one of them may take more than one thing.
    let per_entry =
        counted.and_then(|signal| journal.ground_truth.per_entry(signal)).unwrap_or(1.0);
    let curve = |(signal, label, class): (Signal, &str, &'static str)| {
        let value = |look: &Observation| look.signals.get(&signal).copied();
        Curve { label: label.to_owned(), class, points: points(journal, value) }
    };
    let held = Curve {
        label: "held by the target (truth)".to_owned(),
        class: "truth",
        points: points(journal, |look| Some(per_entry * look.gauges.get(truth.as_ref()?)?)),
    };
    let curves = signals.into_iter().map(curve).chain([held]);
    Picture {
        signal: counted.unwrap_or(Signal::HeapBytes),
        curves: curves.filter(|curve| curve.points.len() > 1).collect(),
    }
}

/// Resident memory as the detector was shown it, and the heap.
fn memory_signals(journal: &DrillJournal) -> [(Signal, &'static str, &'static str); 2] {
    let resident = if journal.drill.detector.signals.contains(&Signal::RssBytes) {
        (Signal::RssBytes, "resident", "rss")
    } else {
        (Signal::RssAnonBytes, "resident, anonymous", "rss")
    };
    [resident, (Signal::HeapBytes, "heap in use", "heap")]
}

/// The gauge with which the service says how many bytes, or things, the target holds.
fn truth_gauge(journal: &DrillJournal, in_bytes: bool) -> Option<String> {
    let gauges = journal.events.iter().find_map(|(_, event)| match event {
        Event::Injected { truth } => Some(&truth.gauges),
        _ => None,
    })?;
    gauges.iter().find(|gauge| gauge.ends_with("_bytes") == in_bytes).cloned()
}

fn points(journal: &DrillJournal, value: impl Fn(&Observation) -> Option<f64>) -> Vec<(f64, f64)> {
    let stride = journal.samples.len().div_ceil(MOST_POINTS).max(1);
    let looks = journal.samples.iter().step_by(stride);
    looks.filter_map(|look| Some((look.t_seconds, value(look)?))).collect()
}

/// The moments of injection, flag, fix and end.
pub(super) fn marks(journal: &DrillJournal) -> Vec<Mark> {
    let truth = &journal.ground_truth;
    let mut marks = Vec::new();
    let mut mark =
        |seconds, label: &str, class| marks.push(Mark { seconds, label: label.to_owned(), class });
    for (t, event) in &journal.events {
        match event {
            Event::Injected { .. } => {
                mark(truth.onset_seconds.unwrap_or(*t), "injected", "injected");
            }
            Event::Flagged(_) => mark(*t, "flagged", "flagged"),
            Event::FalseFlag { .. } => mark(*t, "false flag", "flagged"),
            Event::Fixed { .. } => mark(truth.fixed_seconds.unwrap_or(*t), "fixed", "fixed"),
            Event::Ended { ending, .. } => mark(*t, &ending.name().replace('_', " "), "ended"),
            _ => {}
        }
    }
    marks
}

/// The phases that lasted long enough to be seen.
pub(super) fn bands(journal: &DrillJournal) -> Vec<Band> {
    let ends = journal.events.iter().filter_map(|(t, event)| match event {
        Event::PhaseEnded { phase, after_seconds, .. } => {
            Some(Band { phase: *phase, from: t - after_seconds, to: *t })
        }
        _ => None,
    });
    ends.filter(|band| !matches!(band.phase, Phase::Start | Phase::RollBack)).collect()
}
