//! A page as it reads in a terminal: commands indented, marks of Markdown gone.

use std::fmt::Write as _;

/// Markdown of the kind that exercises are written in, as text; bold where there is colour.
pub fn render(markdown: &str, has_colour: bool) -> String {
    let bold = |text: &str| {
        if has_colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    };
    let mut is_code = false;
    let mut text = String::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let shown = if is_code {
            format!("    {line}").trim_end().to_owned()
        } else if let Some(heading) = line.strip_prefix("# ") {
            bold(&heading.to_uppercase())
        } else if let Some(heading) = line.strip_prefix("## ") {
            bold(heading)
        } else {
            inline(line)
        };
        text.push_str(&shown);
        text.push('\n');
    }
    text
}

/// `[words](place)` becomes `words (place)`, a picture its caption and place, and marks go.
fn inline(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, words, place, after)) = link(rest) {
        let before = before.strip_suffix('!').unwrap_or(before);
        let _ = write!(text, "{before}{words} ({place})");
        rest = after;
    }
    text.push_str(rest);
    text.replace("**", "").replace('`', "")
}

/// What stands before the first link, its two parts, and what follows.
fn link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (words, rest) = rest.split_once("](")?;
    let (place, after) = rest.split_once(')')?;
    Some((before, words, place, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_indented_and_marks_are_gone() {
        let page = "# One\n\nSee **this**, [the list](../README.md), `x`.\n\n## Two\n\n```sh run\nls *.rs\n\n```\n![A curve](a.png)\n";
        let text = "ONE\n\nSee this, the list (../README.md), x.\n\nTwo\n\n    ls *.rs\n\nA curve (a.png)\n";
        assert_eq!(render(page, false), text);
        assert!(render(page, true).starts_with("\x1b[1mONE\x1b[0m\n"));
    }
}
