//! A bounded cache fills at the rate of its misses, then evicts. Until it is full nothing tells it
//! from a leak; an alarm that is withdrawn then is forgiven, one that stays is not.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let begins = if draw.chance(0.5) { 0.0 } else { draw.pick(&ranges::ONSET) };
    let full = begins + draw.pick(&ranges::FILL);
    let benign =
        scene.curve(|share| scene.movement * ((share - begins) / (full - begins)).clamp(0.0, 1.0));
    Sketch { benign, settles: Some(full), ..Sketch::default() }
}
