//! Fragmentation: what is resident creeps above what is in use, ever slower, and stays there. In
//! half of the traces the allocator says what is in use: that does not rise.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let tau = draw.pick(&ranges::FRAGMENTATION);
    let done = |share: f64| 1.0 - (1.0 + share / tau).powi(-2);
    let benign: Vec<f64> = scene.curve(|share| scene.movement * done(share));
    let slack = draw.chance(0.5).then(|| benign.clone());
    // 95 % of the way: (1 + x)^-2 = .05.
    Sketch { benign, slack, settles: Some(3.47 * tau), ..Sketch::default() }
}
