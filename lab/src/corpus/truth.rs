//! Ground truth: what leaked in a trace, since when and how fast.
//!
//! Beside a trace `NAME.csv.gz` it is the file `NAME.truth.yaml`: one key a line, with the units in
//! the names. Keys that do not apply are left out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use detector::Signal;

/// Raised whenever a key changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// What is true of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The kind of leak, or of what looks like one.
    pub family: String,
    /// What leaked; none if nothing did.
    pub leak: Option<Leaked>,
    /// When the benign movement is over (a cache is full), in `t_seconds`.
    pub settles_seconds: Option<f64>,
    /// The memory limit, in the unit of the memory signal (bytes, or percent).
    pub limit: Option<f64>,
    /// Seconds between samples.
    pub interval_seconds: f64,
}

/// A leak, exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leaked {
    /// On which signals it shows; the first is the one that the numbers are of.
    pub signals: Vec<Signal>,
    /// Since when, in `t_seconds`.
    pub onset_seconds: f64,
    /// Until when, if it was fixed.
    pub fixed_seconds: Option<f64>,
    /// Whether the fix gave back what had leaked.
    pub released: bool,
    /// The mean slope from the onset to the fix or the end.
    pub slope_per_second: f64,
    /// Bytes that each request leaked, where requests were the cause.
    pub bytes_per_request: Option<f64>,
    /// The gauges that count it, where the trace has any: what a detector may name as the cause.
    pub causes: Vec<String>,
    /// How far it rose, from the onset to the fix or the end.
    pub growth: f64,
    /// The standard deviation, over that time, of what is left when the leak is taken away.
    pub residual_sd: f64,
}

impl Leaked {
    /// Whether a gauge counts this leak, labels aside; none if nobody knows what does.
    pub fn is_caused_by(&self, gauge: &str) -> Option<bool> {
        let family = gauge.split('{').next().unwrap_or_default();
        let is = |cause: &String| cause == gauge || cause == family;
        (!self.causes.is_empty()).then(|| self.causes.iter().any(is))
    }

    /// Growth in residual standard deviations: at 1 the eye sees noise, at 30 the leak.
    pub fn difficulty(&self) -> f64 {
        self.growth / self.residual_sd
    }
}

impl Truth {
    /// The sidecar file.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key}: {value}");
        };
        line("schema_version", &SCHEMA_VERSION);
        line("family", &self.family);
        line("label", &if self.leak.is_some() { "leak" } else { "no_leak" });
        if let Some(limit) = self.limit {
            line("limit", &limit);
        }
        line("interval_seconds", &self.interval_seconds);
        if let Some(settles) = self.settles_seconds {
            line("settles_seconds", &settles);
        }
        if let Some(leak) = &self.leak {
            let signals: Vec<&str> = leak.signals.iter().map(|signal| signal.name()).collect();
            line("signals", &format_args!("[{}]", signals.join(", ")));
            line("onset_seconds", &leak.onset_seconds);
            if let Some(fixed) = leak.fixed_seconds {
                line("fixed_seconds", &fixed);
                line("released", &leak.released);
            }
            line("slope_per_second", &leak.slope_per_second);
            if let Some(bytes) = leak.bytes_per_request {
                line("bytes_per_request", &bytes);
            }
            if !leak.causes.is_empty() {
                line("causes", &format_args!("[{}]", leak.causes.join(", ")));
            }
            line("growth", &leak.growth);
            line("residual_sd", &leak.residual_sd);
            // Of a leak that was not measured nobody knows it.
            if !leak.difficulty().is_nan() {
                line("difficulty", &leak.difficulty());
            }
        }
        text
    }
}

/// A truth that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTruth {
    /// A line that is not `key: value`.
    #[error("line {0} is not `key: value`")]
    NotAPair(usize),
    /// A key that is not there.
    #[error("no `{0}`")]
    Missing(&'static str),
    /// A value that is none.
    #[error("`{key}` is `{value}`; expected {expected}")]
    Bad {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Keys that mean nothing here, one of which may be a misspelt one that does.
    #[error("unknown: {0}")]
    Unknown(String),
}

impl Truth {
    /// Reads a sidecar: one `key: value` a line, empty lines and `#` comments apart.
    pub fn parse(text: &str) -> Result<Self, BadTruth> {
        let mut pairs = Pairs::read(text)?;
        let version: u32 = pairs.required("schema_version", "a whole number")?;
        if version != SCHEMA_VERSION {
            let (key, value) = ("schema_version", version.to_string());
            return Err(BadTruth::Bad { key, value, expected: "1" });
        }
        let label: String = pairs.required("label", "leak or no_leak")?;
        let leaks = match label.as_str() {
            "leak" => true,
            "no_leak" => false,
            _ => {
                let (key, expected) = ("label", "leak or no_leak");
                return Err(BadTruth::Bad { key, value: label, expected });
            }
        };
        let truth = Self {
            family: pairs.required("family", "a name")?,
            limit: pairs.number("limit")?,
            interval_seconds: pairs.number("interval_seconds")?.unwrap_or(0.0),
            settles_seconds: pairs.number("settles_seconds")?,
            leak: if leaks { Some(Leaked::parse(&mut pairs)?) } else { None },
        };
        pairs.nothing_left().map(|()| truth)
    }
}

impl Leaked {
    fn parse(pairs: &mut Pairs) -> Result<Self, BadTruth> {
        const CAUSES: &str = "a list of gauges such as [cache_entries]";
        const SIGNALS: &str = "a list of signals such as [rss_bytes]";
        let list: String = pairs.required("signals", SIGNALS)?;
        let bad = || BadTruth::Bad { key: "signals", value: list.clone(), expected: SIGNALS };
        let names = listed(&list).ok_or_else(bad)?;
        let signals: Result<Vec<Signal>, _> = names.map(str::parse).collect();
        let signals = signals.map_err(|_| bad())?;
        let onset_seconds =
            pairs.number("onset_seconds")?.ok_or(BadTruth::Missing("onset_seconds"))?;
        let fixed_seconds = pairs.number("fixed_seconds")?;
        if let Some(fixed) = fixed_seconds.filter(|fixed| *fixed < onset_seconds) {
            let (key, value) = ("fixed_seconds", fixed.to_string());
            return Err(BadTruth::Bad { key, value, expected: "no less than `onset_seconds`" });
        }
        let released = pairs.optional("released", "true or false")?.unwrap_or(false);
        if released && fixed_seconds.is_none() {
            let (key, value) = ("released", released.to_string());
            return Err(BadTruth::Bad { key, value, expected: "`fixed_seconds` beside it" });
        }
        let causes: Option<String> = pairs.optional("causes", CAUSES)?;
        let causes = causes.map_or(Ok(Vec::new()), |list| {
            let names = listed(&list).map(|names| names.map(str::to_owned).collect());
            names.ok_or(BadTruth::Bad { key: "causes", value: list, expected: CAUSES })
        })?;
        // It follows from growth and deviation (and is infinite without noise); written for people.
        if let Some(value) = pairs.optional::<f64>("difficulty", NUMBER)?.filter(|d| d.is_nan()) {
            let (key, value) = ("difficulty", value.to_string());
            return Err(BadTruth::Bad { key, value, expected: NUMBER });
        }
        Ok(Self {
            signals,
            onset_seconds,
            fixed_seconds,
            released,
            slope_per_second: pairs.number("slope_per_second")?.unwrap_or(0.0),
            bytes_per_request: pairs.number("bytes_per_request")?,
            causes,
            growth: pairs.number("growth")?.unwrap_or(0.0),
            residual_sd: pairs.number("residual_sd")?.unwrap_or(0.0),
        })
    }
}

const NUMBER: &str = "a number";

/// The members of `[a, b]`.
fn listed(list: &str) -> Option<impl Iterator<Item = &str>> {
    let inner = list.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split(',').map(str::trim))
}

/// Keys and values that have not been asked for yet.
struct Pairs(BTreeMap<String, String>);

impl Pairs {
    fn read(text: &str) -> Result<Self, BadTruth> {
        let mut pairs = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let pair = line.split_once(':').map(|(key, value)| (key.trim(), value.trim()));
            let (key, value) = pair.ok_or(BadTruth::NotAPair(index + 1))?;
            if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(BadTruth::Unknown(format!("`{key}` a second time")));
            }
        }
        Ok(Self(pairs))
    }

    fn optional<T: FromStr>(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, BadTruth> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| BadTruth::Bad { key, value, expected })
    }

    fn number(&mut self, key: &'static str) -> Result<Option<f64>, BadTruth> {
        match self.optional::<f64>(key, NUMBER)? {
            Some(value) if !value.is_finite() => {
                Err(BadTruth::Bad { key, value: value.to_string(), expected: NUMBER })
            }
            value => Ok(value),
        }
    }

    fn required<T: FromStr>(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, BadTruth> {
        self.optional(key, expected)?.ok_or(BadTruth::Missing(key))
    }

    fn nothing_left(self) -> Result<(), BadTruth> {
        let left: Vec<String> = self.0.into_keys().collect();
        if left.is_empty() { Ok(()) } else { Err(BadTruth::Unknown(left.join(", "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_truth_is_refused_with_what_is_wrong() {
        let head = "schema_version: 1\nfamily: mine\n";
        for (rest, expected) in [
            ("label: no_leak\nonset: 5\n", "unknown: onset"),
            ("label: no_leak\noops\n", "line 4 is not `key: value`"),
            ("label: maybe\n", "`label` is `maybe`; expected leak or no_leak"),
            ("label: leak\nsignals: [rss]\n", "`signals` is `[rss]`"),
            ("label: leak\nsignals: [fds]\n", "no `onset_seconds`"),
            ("label: no_leak\nlimit: lots\n", "`limit` is `lots`; expected a number"),
            ("label: no_leak\nlabel: leak\n", "`label` a second time"),
            ("label: no_leak\nlimit: NaN\n", "`limit` is `NaN`; expected a number"),
            ("label: leak\nsignals: [fds]\nonset_seconds: inf\n", "`onset_seconds` is `inf`"),
            (
                "label: leak\nsignals: [fds]\nonset_seconds: 9\nfixed_seconds: 8\n",
                "`fixed_seconds` is `8`; expected no less than `onset_seconds`",
            ),
            (
                "label: leak\nsignals: [fds]\nonset_seconds: 9\nreleased: true\n",
                "`released` is `true`; expected `fixed_seconds` beside it",
            ),
        ] {
            let refused = Truth::parse(&[head, rest].concat()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{rest}: {refused}");
        }
        assert!(Truth::parse(&format!("# mine\n\n{head}label: no_leak\n")).is_ok());
    }
}
