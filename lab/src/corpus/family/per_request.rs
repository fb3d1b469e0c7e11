//! A leak of the same amount per request: under varying load it is no straight line in time, and
//! the memory that is at work varies with the load as well.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// The memory at work, as a share of the movement.
const AT_WORK: f64 = 0.15;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let load = Load::cyclic(draw, scene);
    let total = load.total(scene);
    let time = Leak::fixable(draw, scene, |grown| grown);
    let end = time.fix.map_or(1.0, |fix| fix.at);
    let served = |share: f64| total[(share * (scene.samples - 1) as f64) as usize];
    let (first, all) = (served(time.onset), served(end) - served(time.onset));
    let until = (end * (scene.samples - 1) as f64) as usize;
    let curve = (0..scene.samples).map(|index| {
        let grown = (total[index.min(until)] - first).max(0.0) / all.max(1.0);
        // After the fix, whatever is left of the leak that grew with time is left of this one.
        let left = if index > until { time.curve[index] / time.curve[until] } else { 1.0 };
        scene.movement * grown * left
    });
    let leak = Leak { curve: curve.collect(), per_request: true, ..time };
    let at_work = AT_WORK * scene.movement;
    let benign = load.relative().map(|load| at_work * load).collect();
    Sketch { leak: Some(leak), benign, requests: Some(total), ..Sketch::default() }
}
