//! A slow leak: so many percent of the limit per hour, over hours or days.
//!
//! Here the slope is drawn and the movement follows; the noise keeps the difficulty that was drawn
//! where it can.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// Room that a slow leak may take of the limit, within the window.
const MOST: f64 = 0.7;
/// The noise stays within what memory does, whatever the difficulty.
const NOISE: (f64, f64) = (0.000_5, 0.02);

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let onset = if draw.chance(1.0 / 3.0) { 0.0 } else { draw.pick(&ranges::ONSET) };
    let hours = (1.0 - onset) * scene.window_seconds() / 3_600.0;
    // Days at 5 % per hour do not fit below the limit: then it is as slow as fits.
    let per_hour = draw.pick(&ranges::SLOW_PER_HOUR).min(MOST / hours);
    scene.movement = per_hour * hours;
    scene.noise = (scene.movement / scene.difficulty).clamp(NOISE.0, NOISE.1);
    let curve = scene.curve(|share| scene.movement * ((share - onset) / (1.0 - onset)).max(0.0));
    let leak = Leak::of_memory(onset, curve);
    Sketch { leak: Some(leak), ..scene.idle() }
}
