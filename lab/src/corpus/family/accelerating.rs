//! A leak that grows faster and faster: each entry is found by a longer search, each retry queues
//! more retries.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let power = draw.pick(&ranges::ACCELERATION);
    let leak = Leak::fixable(draw, scene, |grown| grown.powf(power));
    Sketch { leak: Some(leak), ..scene.idle() }
}
