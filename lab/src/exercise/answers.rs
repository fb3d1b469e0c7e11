//! What a trainee answers, `KEY=VALUE`, read into the form that the question asks for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Exercise;
use crate::quantity::{parse_seconds, parse_size};

/// One thing that an exercise asks.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What stands before the `=`.
    pub key: &'static str,
    /// What stands after it.
    pub form: Form,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A size with its unit, `10KiB`.
    Size,
    /// A number, `24000`.
    Count,
    /// A duration with its unit, `4m 30s`.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A place in the source, `file.rs:12`.
    Line,
    /// The path of a file.
    File,
}

/// Answers that have the form that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    numbers: BTreeMap<&'static str, f64>,
    texts: BTreeMap<&'static str, String>,
}

impl Form {
    /// What to put for it in an example.
    pub fn placeholder(self) -> String {
        match self {
            Self::Size => "SIZE".to_owned(),
            Self::Count => "NUMBER".to_owned(),
            Self::Duration => "DURATION".to_owned(),
            Self::Word(words) => words.join("|"),
            Self::Line => "FILE:LINE".to_owned(),
            Self::File => "FILE".to_owned(),
        }
    }
}

impl Question {
    /// How it is answered on the command line.
    pub fn usage(&self) -> String {
        format!("--answer {}={}", self.key, self.form.placeholder())
    }
}

impl Answers {
    /// Reads what stands behind each `--answer`; on failure says all that is wrong.
    pub fn read(exercise: &Exercise, given: &[String]) -> Result<Self, Vec<String>> {
        let mut answers = Self::default();
        let problems: Vec<_> =
            given.iter().filter_map(|text| answers.add(exercise, text).err()).collect();
        if problems.is_empty() { Ok(answers) } else { Err(problems) }
    }

    fn add(&mut self, exercise: &Exercise, given: &str) -> Result<(), String> {
        let usages = || {
            let usages: Vec<_> = exercise.questions.iter().map(Question::usage).collect();
            if usages.is_empty() { "it asks nothing".to_owned() } else { usages.join(", ") }
        };
        let (key, value) = given
            .split_once('=')
            .ok_or_else(|| format!("answer `{given}`: expected KEY=VALUE; {}", usages()))?;
        let question = exercise.questions.iter().find(|question| question.key == key);
        let question = question.ok_or_else(|| {
            format!("answer `{key}`: this exercise asks no such thing; {}", usages())
        })?;
        if self.numbers.contains_key(question.key) || self.texts.contains_key(question.key) {
            return Err(format!("answer `{key}`: given twice"));
        }
        self.keep(*question, value).map_err(|expected| format!("answer `{key}`: {expected}"))
    }

    fn keep(&mut self, question: Question, value: &str) -> Result<(), String> {
        let number = match question.form {
            Form::Size => parse_size(value)? as f64,
            Form::Duration => parse_seconds(value)?,
            Form::Count => value
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .ok_or_else(|| "expected a number, such as 24000".to_owned())?,
            form => {
                form.accepts(value)?;
                self.texts.insert(question.key, value.to_owned());
                return Ok(());
            }
        };
        self.numbers.insert(question.key, number);
        Ok(())
    }

    /// The number that was answered: bytes, seconds, or a count.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.numbers.get(key).copied()
    }

    /// The word, line or path that was answered.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The file that was named, whatever its key.
    pub fn file(&self, exercise: &Exercise) -> Option<PathBuf> {
        let is_file = |question: &&Question| matches!(question.form, Form::File);
        let key = exercise.questions.iter().find(is_file)?.key;
        self.text(key).map(PathBuf::from)
    }
}

impl Form {
    fn accepts(self, value: &str) -> Result<(), String> {
        match self {
            Self::Word(words) if !words.contains(&value) => {
                Err(format!("expected one of {}", words.join(", ")))
            }
            Self::Line if !is_line(value) => {
                Err("expected a place in the source, such as cache.rs:12".to_owned())
            }
            Self::File if value.is_empty() => Err("expected the path of a file".to_owned()),
            _ => Ok(()),
        }
    }
}

fn is_line(value: &str) -> bool {
    value.rsplit_once(':').is_some_and(|(file, line)| {
        file.len() > ".rs".len() && line.parse::<u32>().is_ok_and(|line| line > 0)
    })
}
