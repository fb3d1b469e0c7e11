//! Nothing happens: a level and its noise.

use crate::corpus::draw::Draw;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(_: &mut Draw, scene: &mut Scene) -> Sketch {
    scene.idle()
}
