//! The command `leaks`: what can leak here, and the page of each leak and decoy.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::pattern::{Facts, Role};
use crate::{decoy, leak};

/// The exit code of a program that could not do its work.
const COULD_NOT_RUN: u8 = 2;

/// List the leaks and decoys, or show the page of one
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Print the page of a leak or decoy: the defect, what shows it, what hides it, the fix
    Show {
        /// Its name, as 'leaks' lists it
        name: String,
    },
}

/// Prints what was asked for; 0 if there is such a thing, else 2.
pub fn run(args: &Args) -> ExitCode {
    let text = match &args.command {
        None => list(),
        Some(Command::Show { name }) => {
            let Some(facts) = find(name) else {
                let names = all().map(|facts| facts.name).collect::<Vec<_>>().join(", ");
                eprintln!(
                    "error: there is no leak or decoy called '{name}' (choose one of {names})"
                );
                return ExitCode::from(COULD_NOT_RUN);
            };
            facts.page.to_owned()
        }
    };
    // Whoever reads may have seen enough.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn all() -> impl Iterator<Item = &'static Facts> {
    leak::ALL.iter().chain(decoy::ALL).copied()
}

fn find(name: &str) -> Option<&'static Facts> {
    all().find(|facts| facts.name == name)
}

fn list() -> String {
    let width = all().map(|facts| facts.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (role, title) in [(Role::Leak, "Leaks"), (Role::Decoy, "Decoys")] {
        let _ = writeln!(text, "{title}:");
        for facts in all().filter(|facts| facts.role == role) {
            let _ = writeln!(text, "  {:width$}  {}", facts.name, facts.description);
        }
    }
    text.push_str("Show one with 'leaks show NAME'.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_and_have_a_page_of_their_own() {
        let list = list();
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
}
