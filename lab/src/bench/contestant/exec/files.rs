//! The files that a command names, so that whoever edits one is asked again.
//!
//! No shell is understood: each word that is a file, or a program in `PATH`, belongs to the command.
//! What these read in turn is not seen.

use std::env;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::corpus::digest;

/// A larger file is known by its size and the time of its change: it is a binary, and reading it takes longer
/// than it helps.
const MOST_READ_BYTES: u64 = 64 << 20;

/// A checksum over what the files of a command hold.
pub fn sha256(command: &str) -> String {
    let of_word = |word: &String| {
        let found: Vec<String> = files(word).iter().filter_map(|path| fingerprint(path)).collect();
        (!found.is_empty()).then(|| format!("{word} {}\n", found.join(" ")))
    };
    let all: String = words(command).iter().filter_map(of_word).collect();
    digest::of_bytes(all.as_bytes())
}

/// The words of a command, without quotes; what it writes to (`> FILE`) is none of them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quote, mut is_written) = (None, false);
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        let word = words.last_mut().filter(|_| quote.is_some() || !is_end(c));
        match (c, quote, word) {
            (_, Some(open), _) if c == open => quote = None,
            ('"' | '\'', None, _) => quote = Some(c),
            ('\\', None | Some('"'), Some(word)) => word.extend(rest.next()),
            (_, _, Some(word)) => word.push(c),
            (_, _, None) => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    if is_written {
                        words.pop();
                    }
                    is_written = false;
                    words.push(String::new());
                }
                is_written |= c == '>';
            }
        }
    }
    if is_written {
        words.pop();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word ends there, unless it is quoted.
fn is_end(c: char) -> bool {
    c.is_whitespace() || ";|&<>(){}`=".contains(c)
}

/// The file of this name, and the first program of this name in `PATH`.
fn files(word: &str) -> Vec<PathBuf> {
    let here = PathBuf::from(word);
    let path = env::var_os("PATH").filter(|_| !word.contains('/')).unwrap_or_default();
    let program = env::split_paths(&path).map(|folder| folder.join(word)).find(|at| at.is_file());
    [here].into_iter().chain(program).collect()
}

/// What it holds; none if it is no file. One that cannot be read is the same as long as it cannot.
fn fingerprint(path: &Path) -> Option<String> {
    let about = path.metadata().ok().filter(Metadata::is_file)?;
    if about.len() > MOST_READ_BYTES {
        return Some(format!("{} {:?}", about.len(), about.modified().ok()));
    }
    Some(read(path).map_or_else(|error| error.to_string(), |bytes| digest::of_bytes(&bytes)))
}

/// At most so much, however it grows meanwhile.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, MOST_READ_BYTES), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_quotes_and_from_what_is_written() {
        for (command, expected) in [
            ("python3 a.py --level 5", vec!["python3", "a.py", "--level", "5"]),
            ("cd x&&'my own.py' \"b c\\\"d\" e\\ f", vec!["cd", "x", "my own.py", "b c\"d", "e f"]),
            (
                "M=a.bin ./run <in 2>>err.log >'out' | sort",
                vec!["M", "a.bin", "./run", "in", "2", "sort"],
            ),
            ("exec --model=a.bin >out", vec!["exec", "--model", "a.bin"]),
            ("  ", vec![]),
        ] {
            assert_eq!(words(command), expected, "{command}");
        }
    }

    #[test]
    fn a_file_that_is_named_and_changes_is_another_command() {
        let folder = tempfile::tempdir().unwrap();
        let (script, other) = (folder.path().join("a b.py"), folder.path().join("other"));
        std::fs::write(&script, "print(1)").unwrap();
        let command = format!("python3 '{}' > {}", script.display(), other.display());
        let before = sha256(&command);
        std::fs::write(&other, "what it said").unwrap();
        assert_eq!(sha256(&command), before);
        std::fs::write(&script, "print(2)").unwrap();
        assert_ne!(sha256(&command), before);
        // A program that is found in PATH counts as well.
        assert_ne!(sha256("sh"), sha256("no-such-program"));
    }
}
