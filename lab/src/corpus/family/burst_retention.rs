//! A burst of load, of whose memory the allocator keeps a part for a while or for ever.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let begins = draw.pick(&ranges::EVENT);
    let ends = begins + draw.pick(&ranges::BURST);
    let (kept, decay) = (draw.pick(&ranges::RETAINED), draw.pick(&ranges::DECAY));
    let benign = scene.curve(|share| {
        let part = if share < begins {
            0.0
        } else if share < ends {
            (share - begins) / (ends - begins)
        } else {
            kept * (-(share - ends) / decay).exp()
        };
        scene.movement * part
    });
    Sketch { benign, settles: Some(ends), ..Sketch::default() }
}
