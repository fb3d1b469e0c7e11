//! Descriptors and threads in pools: they follow the load, and come back.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

/// Threads per descriptor.
const THREADS: f64 = 0.25;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let load = Load::cyclic(draw, scene);
    let (base, extra) = (draw.pick(&ranges::COUNT_BASE), draw.pick(&ranges::COUNTED));
    let fds: Vec<f64> = load.relative().map(|load| base + extra * load).collect();
    let threads = fds.iter().map(|fds| 4.0 + THREADS * fds).collect();
    let requests = draw.chance(0.5).then(|| load.total(scene));
    Sketch { fds: Some(fds), threads: Some(threads), requests, ..scene.idle() }
}
