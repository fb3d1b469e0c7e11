//! A random walk that comes back to its mean (an Ornstein-Uhlenbeck process): wanders like a trend
//! for a while, and is none.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

/// It wanders over about four of its standard deviations; that is the movement.
const DEVIATIONS: f64 = 4.0;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let tau = draw.pick(&ranges::REVERSION) * scene.samples as f64;
    let memory = (-1.0 / tau).exp();
    let innovation = (1.0 - memory * memory).sqrt();
    let mut level = draw.normal();
    let benign = scene.curve(|_| {
        level = memory * level + innovation * draw.normal();
        level * scene.movement / DEVIATIONS
    });
    Sketch { benign, ..Sketch::default() }
}
