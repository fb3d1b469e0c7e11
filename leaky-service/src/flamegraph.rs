//! A flame graph of the heap: who called whom, as wide as the bytes that are alive there.
//!
//! One SVG file without scripts and without anything from elsewhere. The outermost caller is at
//! the bottom; a frame's tooltip tells all that is known of it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::mebibytes;
use crate::tracker::{CallStack, Frame, Origin, STACK_DEPTH};

/// Lengths in pixels.
const WIDTH: f64 = 1400.0;
const MARGIN: f64 = 10.0;
const HEADER: f64 = 64.0;
const ROW: f64 = 17.0;

/// Frames narrower than this are left out: nobody could see them.
const NARROWEST: f64 = 0.5;

/// The advance of a character of the 12-pixel monospaced font, with a little to spare.
const CHARACTER: f64 = 7.3;

/// Fewer characters than this say nothing.
const SHORTEST_LABEL: usize = 4;

/// Calls of frames and all that was called from them.
#[derive(Default)]
struct Node<'a> {
    bytes: u64,
    blocks: u64,
    callees: BTreeMap<Caller<'a>, Node<'a>>,
}

/// Who calls; the order is the one from left to right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Caller<'a> {
    /// Callers beyond those that a stack keeps.
    Cut,
    Known(&'a Frame),
}

/// Where a frame is drawn: its left edge in pixels, and its row from the bottom.
#[derive(Clone, Copy)]
struct Spot {
    left: f64,
    row: usize,
}

/// The drawing so far, and what it takes to go on.
struct Canvas {
    svg: String,
    pixels_per_byte: f64,
    rows: usize,
    total_bytes: u64,
}

/// Text with what XML reserves, or does not know, replaced.
struct Escaped<'a>(&'a str);

/// The flame graph of what is alive, as an SVG document.
pub fn render(stacks: &[CallStack]) -> String {
    let mut root = Node::default();
    for stack in stacks.iter().filter(|stack| stack.tally.live_bytes > 0) {
        root.add(stack);
    }
    let pixels_per_byte = (WIDTH - 2.0 * MARGIN) / root.bytes.max(1) as f64;
    let rows = root.rows(pixels_per_byte);
    let mut canvas = Canvas { svg: String::new(), pixels_per_byte, rows, total_bytes: root.bytes };
    // Writing to a string cannot fail.
    let _ = canvas.draw(&root);
    canvas.svg
}

impl<'a> Node<'a> {
    fn add(&mut self, stack: &'a CallStack) {
        let cut = (!stack.is_whole).then_some(Caller::Cut);
        let known = stack.frames.iter().rev().map(|frame| Caller::Known(frame));
        let mut node = self;
        node.count(stack);
        for caller in cut.into_iter().chain(known) {
            node = node.callees.entry(caller).or_default();
            node.count(stack);
        }
    }

    fn count(&mut self, stack: &CallStack) {
        self.bytes += stack.tally.live_bytes;
        self.blocks += stack.tally.live_count;
    }

    /// Rows that are drawn of this node and what it called.
    fn rows(&self, pixels_per_byte: f64) -> usize {
        let drawn =
            self.callees.values().filter(|node| node.bytes as f64 * pixels_per_byte >= NARROWEST);
        1 + drawn.map(|node| node.rows(pixels_per_byte)).max().unwrap_or(0)
    }
}

impl Caller<'_> {
    fn colour(self) -> &'static str {
        match self {
            Self::Cut => "#d8d8d8",
            Self::Known(frame) => match frame.origin {
                Origin::Ours => "#f28e4b",
                Origin::Dependency => "#9fc3e0",
                Origin::Standard | Origin::Tracker => "#dcdcc6",
            },
        }
    }
}

impl fmt::Display for Caller<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Known(frame) = self else {
            return write!(out, "callers beyond the innermost {STACK_DEPTH} frames");
        };
        let between = if frame.function.is_empty() || frame.file.is_empty() { "" } else { " " };
        write!(out, "{}{between}{}", frame.function, frame.file)?;
        frame.line.map_or(Ok(()), |line| write!(out, ":{line}"))
    }
}

impl Canvas {
    fn draw(&mut self, root: &Node<'_>) -> fmt::Result {
        let height = HEADER + self.rows as f64 * ROW + MARGIN;
        write!(
            self.svg,
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="12">
<rect width="100%" height="100%" fill="#fdfdfa"/>
<text x="{MARGIN}" y="22" font-size="16">Live heap by call stack: {:.3} MiB in {} blocks</text>
<text x="{MARGIN}" y="42" fill="#555">orange: this program; blue: dependencies; grey: the standard library; frames narrower than {NARROWEST} px are left out</text>
"##,
            mebibytes(root.bytes as f64),
            root.blocks,
        )?;
        self.frame(&"all", "#e8e8e8", root, Spot { left: MARGIN, row: 0 })?;
        self.svg.write_str("</svg>\n")
    }

    /// Draws a frame and, above it, what it called.
    fn frame(
        &mut self,
        name: &dyn fmt::Display,
        colour: &str,
        node: &Node<'_>,
        Spot { mut left, row }: Spot,
    ) -> fmt::Result {
        let width = node.bytes as f64 * self.pixels_per_byte;
        if width < NARROWEST && row > 0 {
            return Ok(());
        }
        self.rectangle(&name.to_string(), colour, node, Spot { left, row })?;
        for (caller, callee) in &node.callees {
            self.frame(caller, caller.colour(), callee, Spot { left, row: row + 1 })?;
            left += callee.bytes as f64 * self.pixels_per_byte;
        }
        Ok(())
    }

    fn rectangle(&mut self, name: &str, colour: &str, node: &Node<'_>, spot: Spot) -> fmt::Result {
        let width = node.bytes as f64 * self.pixels_per_byte;
        let (left, top) = (spot.left, HEADER + (self.rows - 1 - spot.row) as f64 * ROW);
        let percent = 100.0 * node.bytes as f64 / self.total_bytes.max(1) as f64;
        let (bytes, blocks, text) = (node.bytes, node.blocks, Escaped(name));
        writeln!(
            self.svg,
            r##"<g><title>{text}: {bytes} bytes in {blocks} blocks ({percent:.2} %)</title><rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{:.1}" rx="2" fill="{colour}" stroke="#fdfdfa" stroke-width="0.5"/>"##,
            ROW - 1.0,
        )?;
        let characters = ((width - 4.0) / CHARACTER).max(0.0) as usize;
        if characters >= SHORTEST_LABEL {
            let label = shortened(name, characters);
            let (x, y) = (left + 2.0, top + 12.0);
            write!(self.svg, r#"<text x="{x:.1}" y="{y:.1}">{}</text>"#, Escaped(&label))?;
        }
        self.svg.write_str("</g>\n")
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                _ if character.is_control() => out.write_char(char::REPLACEMENT_CHARACTER)?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// As much of a name as fits, its end in favour of its beginning: functions and lines are there.
fn shortened(name: &str, characters: usize) -> String {
    let length = name.chars().count();
    if length <= characters {
        return name.to_owned();
    }
    let end = name.chars().skip(length + 2 - characters);
    std::iter::once("..").chain([end.collect::<String>().as_str()]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tracker::Tally;

    fn stack(functions: &[&str], live_bytes: u64) -> CallStack {
        let frame = |function: &&str| {
            let function = (*function).to_owned();
            Arc::new(Frame { origin: Origin::Ours, function, file: "a.rs".into(), line: Some(7) })
        };
        let tally = Tally { live_bytes, live_count: 1, ..Tally::default() };
        CallStack { frames: functions.iter().map(frame).collect(), is_whole: true, tally }
    }

    #[test]
    fn a_frame_is_as_wide_as_the_bytes_of_all_stacks_through_it() {
        let svg = render(&[
            stack(&["leak", "main"], 750),
            stack(&["cache", "main"], 250),
            stack(&["freed", "main"], 0),
        ]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let width = |name: &str| {
            let title = document.descendants().find(|node| {
                node.has_tag_name("title") && node.text().is_some_and(|text| text.starts_with(name))
            });
            let rectangle = title?.next_sibling_element()?;
            rectangle.attribute("width")?.parse::<f64>().ok()
        };
        let drawn = WIDTH - 2.0 * MARGIN;
        let widths = ["all", "main a.rs:7", "leak a.rs:7", "cache a.rs:7"].map(width);
        assert_eq!(widths, [1.0, 1.0, 0.75, 0.25].map(|share| Some(share * drawn)));
        assert_eq!(width("freed"), None);
    }

    #[test]
    fn names_that_are_no_xml_are_drawn_as_text() {
        let svg = render(&[stack(&["<Vec<&T> as \"x\">::drop\u{1}"], 10)]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let drawn = document.descendants().filter_map(|node| node.text());
        assert!(drawn.into_iter().any(|text| text.starts_with("<Vec<&T> as \"x\">::drop\u{fffd}")));
    }

    #[test]
    fn an_empty_heap_is_drawn_too_and_cut_stacks_say_so() {
        assert!(roxmltree::Document::parse(&render(&[])).is_ok());
        let cut = CallStack { is_whole: false, ..stack(&["leak"], 10) };
        assert!(render(&[cut]).contains("callers beyond the innermost 20 frames"));
    }

    #[test]
    fn a_long_name_is_shortened_to_its_end() {
        assert_eq!(shortened("leaky::Page::render", 10), "..::render");
        assert_eq!(shortened("render", 6), "render");
    }
}
