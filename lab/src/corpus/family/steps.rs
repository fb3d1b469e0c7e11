//! Several steps, up and down: deployments, reloads, tenants that come and go. With three steps up
//! and none down it is no stairs yet.

use crate::corpus::draw::Draw;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let ups = draw.one_of([1_usize, 2, 3]);
    let downs = draw.one_of([0_usize, 1, 2]);
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for sign in std::iter::repeat_n(1.0, ups).chain(std::iter::repeat_n(-1.0, downs)) {
        steps.push((draw.unit(), sign * draw.between(0.2, 1.0)));
    }
    let benign = scene.curve(|share| {
        let taken = steps.iter().filter(|(at, _)| share >= *at);
        scene.movement * taken.map(|(_, height)| height).sum::<f64>() / ups as f64
    });
    let settles = steps.iter().map(|(at, _)| *at).fold(0.0, f64::max);
    Sketch { benign, settles: Some(settles), ..Sketch::default() }
}
