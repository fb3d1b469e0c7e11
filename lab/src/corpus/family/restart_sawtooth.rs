//! A leak that fills the limit again and again: each run is short, all of them leak.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// Where the kernel steps in, as a share of the limit; the render keeps a little below it.
const FULL: f64 = 0.95;
/// No base is above this: a run needs room to leak in.
const HIGHEST_BASE: f64 = 0.6;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let length = scene.samples as f64 / draw.pick(&ranges::RUNS);
    scene.base = scene.base.min(HIGHEST_BASE);
    scene.movement = FULL - scene.base;
    let (mut began, mut lasts) = (0, length);
    let mut restarts = Vec::new();
    let mut curve = scene.flat();
    for (index, held) in curve.iter_mut().enumerate() {
        if (index - began) as f64 >= lasts {
            began = index;
            lasts = length * draw.between(0.8, 1.2);
            restarts.push(index);
        }
        *held = scene.movement * (index - began) as f64 / lasts;
    }
    let leak = Leak::of_memory(0.0, curve);
    Sketch { leak: Some(leak), restarts, ..scene.idle() }
}
