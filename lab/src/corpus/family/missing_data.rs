//! Pieces of the window are missing: the collector was down, the network was. What is there is
//! idle, or follows a load, before and after alike.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let pieces = draw.one_of([1_usize, 2, 3, 4]);
    let length = draw.pick(&ranges::GAPS) * scene.samples as f64 / pieces as f64;
    let gaps = (0..pieces).map(|_| {
        let begins = draw.unit() * (scene.samples as f64 - length);
        // The first samples stay: a trace that begins with a gap is one that begins later.
        (begins as usize).max(8)..(begins + length) as usize
    });
    let gaps = gaps.collect();
    let load = draw.chance(0.5).then(|| Load::cyclic(draw, scene));
    let benign = load.as_ref().map_or_else(
        || scene.flat(),
        |load| load.relative().map(|load| scene.movement * (load - 1.0)).collect(),
    );
    let requests = load.map(|load| load.total(scene));
    Sketch { benign, requests, gaps, ..Sketch::default() }
}
