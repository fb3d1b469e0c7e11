//! Makes a trace of a sketch: level, noise, grain and holes, and the truth that goes with them.

use detector::{Observation, Signal};

use super::Trace;
use super::draw::Draw;
use super::family::{Family, Kind};
use super::noise::Noise;
use super::ranges;
use super::scene::{Leak, Resource, Scene, Sketch};
use super::truth::{Leaked, Truth};
use crate::stats;

/// The highest that memory may come, as a share of the limit: beyond it the process is killed.
const HIGHEST: f64 = 0.97;
/// Share of the traces of memory families that have descriptors and threads as well.
const WITH_COUNTS: f64 = 0.33;
/// What a process maps of files (its own binary, libraries), in bytes.
const MAPPED_BYTES: f64 = 12_582_912.0;
/// The part of what an allocator holds, slack apart, that it says is in use.
const IN_USE: f64 = 0.9;

/// Draws one trace of a family.
pub fn trace(name: String, family: &Family, draw: &mut Draw) -> Trace {
    let mut scene = Scene::draw(draw, family.samplings);
    let mut sketch = (family.sketch)(draw, &mut scene);
    if draw.chance(WITH_COUNTS) {
        let (base, jitter) = (draw.pick(&ranges::COUNT_BASE), 0.03);
        let fds = scene.curve(|_| base * (1.0 + jitter * draw.normal()));
        // What the family has decided stays.
        sketch.fds.get_or_insert(fds);
        sketch.threads.get_or_insert_with(|| scene.curve(|_| (base / 4.0).max(4.0)));
    }
    let memory = Memory::draw(draw, &scene, &sketch);
    let observations = observations(draw, &scene, &sketch, &memory);
    let truth = truth(family, &scene, &sketch, &memory);
    Trace { name, truth, observations }
}

/// Resident memory without mapped files, before it is rounded to the grain.
struct Memory {
    /// Everything but the leak, in bytes.
    benign: Vec<f64>,
    /// The leak, in bytes.
    leak: Vec<f64>,
    grain_bytes: f64,
    limit_bytes: f64,
}

impl Memory {
    fn draw(draw: &mut Draw, scene: &Scene, sketch: &Sketch) -> Self {
        let leak = match &sketch.leak {
            Some(leak) if leak.resource == Resource::Memory => leak.curve.clone(),
            _ => scene.flat(),
        };
        let mut noise = Noise::draw(draw);
        let moved: Vec<f64> =
            sketch.benign.iter().map(|b| b + scene.noise * noise.next(draw)).collect();
        let highest = moved.iter().zip(&leak).map(|(b, l)| b + l).fold(0.0, f64::max);
        let lowest = moved.iter().copied().fold(0.0, f64::min);
        let base = scene.base.min(HIGHEST - highest).max(0.02 - lowest);
        let bytes = |share: f64| share * scene.limit_bytes;
        let grain = draw.one_of(ranges::GRAIN_BYTES);
        Self {
            benign: moved.iter().map(|share| bytes(base + share)).collect(),
            leak: leak.iter().map(|share| bytes(*share)).collect(),
            grain_bytes: if grain <= bytes(scene.noise) / 2.0 { grain } else { 4_096.0 },
            limit_bytes: scene.limit_bytes,
        }
    }

    /// What is resident: whole grains, at least one, and no more than the limit has room for.
    fn resident(&self, index: usize) -> f64 {
        let grains = (self.benign[index] + self.leak[index]) / self.grain_bytes;
        let room = (self.limit_bytes / self.grain_bytes).floor();
        grains.round().clamp(1.0, room) * self.grain_bytes
    }
}

fn observations(
    draw: &mut Draw,
    scene: &Scene,
    sketch: &Sketch,
    memory: &Memory,
) -> Vec<Observation> {
    let holes = if draw.chance(ranges::HOLEY) { ranges::HOLE_RATE } else { 0.0 };
    let mut run = Run::default();
    let mut all = Vec::with_capacity(scene.samples);
    for index in 0..scene.samples {
        run.advance(scene, sketch, index);
        if sketch.gaps.iter().any(|gap| gap.contains(&index)) {
            continue;
        }
        let mut seen = Observation {
            t_seconds: index as f64 * scene.interval_seconds,
            start_seconds: (!sketch.restarts.is_empty()).then_some(run.start_seconds),
            requests_total: sketch.requests.as_ref().map(|total| total[index] - run.served_before),
            ..Observation::default()
        };
        let anon = memory.resident(index);
        let files = sketch.files.as_ref().map_or(0.0, |share| share[index] * scene.limit_bytes);
        let files = ((MAPPED_BYTES + files) / 4_096.0).round() * 4_096.0;
        if !draw.chance(holes) {
            seen.signals.insert(Signal::RssAnonBytes, anon);
            seen.signals.insert(Signal::RssBytes, anon + files);
        }
        if let Some(slack) = &sketch.slack {
            let held = anon - slack[index] * scene.limit_bytes;
            seen.signals.insert(Signal::HeapBytes, (IN_USE * held).max(0.0).round());
        }
        for (signal, curve) in [(Signal::Fds, &sketch.fds), (Signal::Threads, &sketch.threads)] {
            if let Some(curve) = curve {
                seen.signals.insert(signal, curve[index].round().max(1.0));
            }
        }
        all.push(seen);
    }
    all
}

/// The run that a sample belongs to.
#[derive(Default)]
struct Run {
    start_seconds: f64,
    served_before: f64,
}

impl Run {
    fn advance(&mut self, scene: &Scene, sketch: &Sketch, index: usize) {
        if sketch.restarts.contains(&index) {
            self.start_seconds = index as f64 * scene.interval_seconds;
            self.served_before = sketch.requests.as_ref().map_or(0.0, |total| total[index]);
        }
    }
}

fn truth(family: &Family, scene: &Scene, sketch: &Sketch, memory: &Memory) -> Truth {
    let seconds = |share: f64| share * scene.window_seconds();
    let leak = sketch.leak.as_ref().map(|leak| leaked(leak, scene, sketch, memory));
    debug_assert_eq!(leak.is_some(), family.kind == Kind::Leak);
    Truth {
        family: family.name.to_owned(),
        leak,
        settles_seconds: sketch.settles.filter(|share| *share < 1.0).map(seconds),
        limit: Some(scene.limit_bytes),
        interval_seconds: scene.interval_seconds,
    }
}

fn leaked(leak: &Leak, scene: &Scene, sketch: &Sketch, memory: &Memory) -> Leaked {
    let seconds = |share: f64| share * scene.window_seconds();
    let end = leak.fix.map_or(1.0, |fix| fix.at);
    let span: Vec<usize> = (0..scene.samples)
        .filter(|index| (leak.onset..=end).contains(&scene.share(*index)))
        .collect();
    let (signals, curve, rest): (_, &[f64], &[f64]) = match leak.resource {
        Resource::Memory => {
            (vec![Signal::RssAnonBytes, Signal::RssBytes], &memory.leak, &memory.benign)
        }
        Resource::Fds => (vec![Signal::Fds], &leak.curve, of(sketch.fds.as_ref())),
        Resource::Threads => (
            vec![Signal::Threads, Signal::RssAnonBytes, Signal::RssBytes],
            &leak.curve,
            of(sketch.threads.as_ref()),
        ),
    };
    let counted = leak.resource != Resource::Memory;
    let rest = |index: usize| if counted { rest[index] - curve[index] } else { rest[index] };
    let at = |index: Option<&usize>| index.map_or(0.0, |index| curve[*index]);
    // A leak that restarts the process grows anew each time; elsewhere this is last less first.
    let low = span.iter().map(|index| curve[*index]).fold(f64::INFINITY, f64::min);
    let high = span.iter().map(|index| curve[*index]).fold(0.0, f64::max);
    let growth =
        if sketch.restarts.is_empty() { at(span.last()) - at(span.first()) } else { high - low };
    let grows_for = match sketch.restarts.len() {
        0 => seconds(end - leak.onset),
        runs => seconds(end - leak.onset) / (runs + 1) as f64,
    };
    let served = sketch.requests.as_ref().filter(|_| leak.per_request);
    let served = served.zip(span.first().zip(span.last()));
    Leaked {
        signals,
        onset_seconds: seconds(leak.onset),
        fixed_seconds: leak.fix.map(|fix| seconds(fix.at)),
        released: leak.fix.is_some_and(|fix| fix.released),
        slope_per_second: growth / grows_for,
        bytes_per_request: served.map(|(total, (a, b))| growth / (total[*b] - total[*a])),
        causes: Vec::new(),
        growth,
        residual_sd: stats::deviation(span.iter().map(|index| rest(*index))),
    }
}

fn of(curve: Option<&Vec<f64>>) -> &[f64] {
    curve.map_or(&[], Vec::as_slice)
}
