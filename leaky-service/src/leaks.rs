//! The command `leaks`: what can leak here, and the page of each leak and decoy.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::cli::COULD_NOT_RUN;
use crate::pattern::{Facts, Parameter};
use crate::{decoy, leak, say};

/// Rises when a field of the JSON changes its meaning or goes; a new field does not count.
const SCHEMA_VERSION: u32 = 1;

/// List the leaks and decoys, or show the page of one
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List what can leak, and what only looks like it
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the page of a leak or decoy: the defect, what shows it, what hides it, the fix
    Show {
        /// Its name, as 'leaks list' has it
        name: String,
        /// For people (Markdown), or for programs
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// Everything that there is.
#[derive(Serialize)]
struct Listing {
    schema_version: u32,
    leaks: Vec<Entry>,
    decoys: Vec<Entry>,
}

/// One leak or decoy, with its page in Markdown.
#[derive(Serialize)]
struct Page {
    schema_version: u32,
    #[serde(flatten)]
    entry: Entry,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    role: &'static str,
    description: &'static str,
    /// What it takes, the most telling first.
    takes: Vec<&'static str>,
    /// Whether what it holds can be dropped without a restart.
    clearable: bool,
    /// Settings of its own, beside those that all have.
    parameters: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    name: &'static str,
    description: &'static str,
    unit: &'static str,
    minimum: Value,
    maximum: Value,
    default: Value,
}

/// Prints what was asked for; 0 if there is such a thing, else 2.
pub fn run(args: &Args) -> ExitCode {
    let printed = match &args.command {
        None => Listing::of_all().printed(Format::Text),
        Some(Command::List { format }) => Listing::of_all().printed(*format),
        Some(Command::Show { name, format }) => {
            let Some(facts) = find(name) else {
                let names = all().map(|facts| facts.name).collect::<Vec<_>>().join(", ");
                say(format_args!(
                    "error: there is no leak or decoy called '{name}' (choose one of {names})"
                ));
                return ExitCode::from(COULD_NOT_RUN);
            };
            Page::of(facts).printed(*format)
        }
    };
    // Whoever reads may have seen enough.
    let _ = io::stdout().lock().write_all(printed.as_bytes());
    ExitCode::SUCCESS
}

/// What is known of every leak and decoy before it runs, leaks first.
pub fn all() -> impl Iterator<Item = &'static Facts> {
    leak::ALL.iter().chain(decoy::ALL).copied()
}

/// What is known of the leak or decoy of that name.
pub fn find(name: &str) -> Option<&'static Facts> {
    all().find(|facts| facts.name == name)
}

impl Listing {
    fn of_all() -> Self {
        let entries = |facts: &[&Facts]| facts.iter().map(|facts| Entry::of(facts)).collect();
        let (leaks, decoys) = (entries(leak::ALL), entries(decoy::ALL));
        Self { schema_version: SCHEMA_VERSION, leaks, decoys }
    }

    fn printed(&self, format: Format) -> String {
        match format {
            Format::Json => json(self),
            Format::Text => self.text(),
        }
    }

    fn text(&self) -> String {
        let entries = self.leaks.iter().chain(&self.decoys);
        let width = entries.map(|entry| entry.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (title, entries) in [("Leaks", &self.leaks), ("Decoys", &self.decoys)] {
            let _ = writeln!(text, "{title}:");
            for entry in entries {
                let _ = writeln!(text, "  {:width$}  {}", entry.name, entry.description);
            }
        }
        text.push_str("Show one with 'leaks show NAME'.\n");
        text
    }
}

impl Page {
    fn of(facts: &Facts) -> Self {
        Self { schema_version: SCHEMA_VERSION, entry: Entry::of(facts), markdown: facts.page }
    }

    fn printed(&self, format: Format) -> String {
        match format {
            Format::Json => json(self),
            Format::Text => self.text(),
        }
    }

    /// The page, and below it the settings, which are those of this very program.
    fn text(&self) -> String {
        let mut text = self.markdown.to_owned();
        if !self.entry.parameters.is_empty() {
            text.push_str("\n## Settings of its own\n\n");
        }
        for setting in &self.entry.parameters {
            let Setting { name, description, minimum, maximum, default, .. } = setting;
            let _ = writeln!(
                text,
                "- `{name}`: {description}; {minimum} to {maximum}, {default} unless set"
            );
        }
        text
    }
}

impl Entry {
    fn of(facts: &Facts) -> Self {
        Self {
            name: facts.name,
            role: facts.role.name(),
            description: facts.description,
            takes: facts.takes.iter().map(|resource| resource.name()).collect(),
            clearable: facts.unclearable.is_none(),
            parameters: facts.parameters.iter().map(Setting::of).collect(),
        }
    }
}

impl Setting {
    fn of(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name,
            description: parameter.description,
            unit: parameter.unit.name(),
            minimum: parameter.written(*parameter.range.start()),
            maximum: parameter.written(*parameter.range.end()),
            default: parameter.written(parameter.default),
        }
    }
}

fn json(listed: &impl Serialize) -> String {
    // Texts, numbers and lists of them always have a form as JSON.
    let json = serde_json::to_string_pretty(listed).unwrap_or_default();
    json + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Role;

    #[test]
    fn all_are_listed_and_have_a_page_of_their_own() {
        let list = Listing::of_all().printed(Format::Text);
        for facts in all() {
            assert!(list.contains(facts.description), "{}", facts.name);
            let title = format!("# {}: ", facts.name);
            assert!(facts.page.starts_with(&title), "{} begins otherwise", facts.name);
            assert!(facts.page.contains("```rust"), "{} shows no code", facts.name);
        }
    }

    #[test]
    fn the_page_of_a_leak_says_what_shows_it_what_hides_it_and_the_fix() {
        for facts in all().filter(|facts| facts.role == Role::Leak) {
            for part in ["## The defect", "## What shows it", "## What hides it", "## The fix"] {
                assert!(facts.page.contains(part), "{} lacks '{part}'", facts.name);
            }
        }
    }

    #[test]
    fn text_and_json_say_the_same() {
        let read = |json: String| serde_json::from_str::<Value>(&json).unwrap();
        let list = read(Listing::of_all().printed(Format::Json));
        assert_eq!(list["schema_version"], SCHEMA_VERSION);
        let listed = ["leaks", "decoys"].map(|role| list[role].as_array().unwrap().clone());
        for (facts, entry) in all().zip(listed.concat()) {
            assert_eq!(entry["name"], facts.name);
            let page = Page::of(facts);
            let shown = read(page.printed(Format::Json));
            assert_eq!(
                (&shown["description"], &shown["markdown"]),
                (&entry["description"], &facts.page.into())
            );
            let text = page.printed(Format::Text);
            for setting in shown["parameters"].as_array().unwrap() {
                let line = format!("- `{}`: ", setting["name"].as_str().unwrap());
                assert!(text.contains(&line), "{text}");
                assert!(text.contains(&format!("{} unless set", setting["default"])), "{text}");
            }
        }
        assert_eq!(list["decoys"][0]["parameters"][0]["maximum"], 1_000_000);
        assert_eq!(list["leaks"][8]["clearable"], false, "{}", list["leaks"][8]);
    }
}
