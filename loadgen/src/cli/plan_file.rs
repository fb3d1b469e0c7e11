//! Plan files: everything that flags can say of the load, in YAML. Keys are the flags' names with `_` for `-`;
//! what may be repeated is a list, and `requests` is a list of requests. A problem's place is the
//! file, line and column that it comes from.

mod yaml;

use std::{collections::BTreeMap, fs::File, io::Read};

use self::yaml::{Node, Value};
use super::settings;
use crate::{PlanOptions, Problems, RequestOptions};

/// Longest plan that is read.
const LONGEST_BYTES: u64 = 1024 * 1024;
/// Keys that hold a list of what a flag says several times, with the flag.
const LISTS: [(&str, &str); 5] = [
    ("stages", "stage"),
    ("thresholds", "threshold"),
    ("stop_unless", "stop-unless"),
    ("check_status", "check-status"),
    ("check_body", "check-body"),
];

/// Where each option was set, for what is found out about it later.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, String>);

impl Places {
    /// A flag has the last word on an option.
    pub(super) fn forget(&mut self, option: &str) {
        self.0.remove(option);
    }

    /// Whether the file sets an option.
    pub(super) fn has(&self, option: &str) -> bool {
        self.0.contains_key(option)
    }

    /// Another place than an option of the file.
    pub(super) fn note(&mut self, option: &str, place: &str) {
        self.0.insert(option.to_owned(), place.to_owned());
    }

    /// Names the places in the file, where there are any.
    pub(super) fn name(&self, problems: Problems) -> Problems {
        problems.with_places(|option| {
            let of = option.split_once('.').map_or(option, |(request, _)| request);
            let place = self.0.get(option).or_else(|| self.0.get(of))?;
            Some(if of == option { place.clone() } else { format!("{place}: {option}") })
        })
    }
}

/// Sets the options that `file` sets; says where, unless it is no plan at all.
pub(super) fn apply(
    file: &str,
    options: &mut PlanOptions,
    problems: &mut Problems,
) -> Option<Places> {
    let mut text = String::new();
    let read =
        File::open(file).and_then(|open| open.take(LONGEST_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 <= LONGEST_BYTES => {
            return apply_text(file, &text, options, problems);
        }
        Ok(_) => problems.push("plan", format!("`{file}` is larger than 1 MiB")),
        Err(error) => problems.push("plan", format!("cannot read `{file}`: {error}")),
    }
    None
}

fn apply_text(
    file: &str,
    text: &str,
    options: &mut PlanOptions,
    problems: &mut Problems,
) -> Option<Places> {
    let mut reader = Reader { file, options, problems, places: Places::default() };
    match yaml::read(text) {
        Ok(Node { value: Value::Map(pairs), .. }) => {
            reader.plan(&pairs);
            return Some(reader.places);
        }
        Ok(node) => {
            reader.problem(&node, "plan", "is not a mapping of options: write `rate: 50/s`");
        }
        Err((line, column, what)) => {
            reader.problems.push(format!("{file}:{line}:{column}"), what);
        }
    }
    None
}

/// Adds the request of a `--request` flag, which is one mapping of YAML.
pub(super) fn apply_request(text: &str, options: &mut PlanOptions, problems: &mut Problems) {
    let mut reader = Reader { file: "--request", options, problems, places: Places::default() };
    match yaml::read(text) {
        Ok(node) => reader.request(&node),
        Err((_, column, what)) => {
            reader.problems.push("request", format!("column {column}: {what}"));
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    options: &'a mut PlanOptions,
    problems: &'a mut Problems,
    places: Places,
}

impl Reader<'_> {
    fn plan(&mut self, pairs: &[(Node, Node)]) {
        for (key, value) in self.named(pairs) {
            let option = key.replace('_', "-");
            let place = self.place(value, &key);
            if let Some((_, flag)) = LISTS.iter().find(|(list, _)| *list == key) {
                self.places.0.insert((*flag).to_owned(), place);
                for item in value.items() {
                    self.set(item, &key, flag);
                }
            } else if key == "headers" {
                self.places.0.insert("header".to_owned(), place);
                let headers = self.headers(value, &key);
                self.options.headers.extend(headers);
            } else if key == "requests" {
                self.places.0.insert(key, place);
                value.items().iter().for_each(|request| self.request(request));
            } else {
                let option = if option == "url" { "URL".to_owned() } else { option };
                self.places.0.insert(option, place);
                self.set(value, &key, &key.replace('_', "-"));
            }
        }
    }

    fn set(&mut self, node: &Node, key: &str, option: &str) {
        let Value::Scalar(text) = &node.value else {
            return self.problem(node, key, "is not a single value");
        };
        if settings::LISTED.contains(&key) {
            return self.problem(node, key, &format!("is a list in a plan: write `{key}s`"));
        }
        let mut problems = Problems::default();
        if !settings::apply(self.options, option, text, &mut problems) {
            self.problem(node, key, "is no option of a plan");
        }
        self.take(node, key, problems);
    }

    fn request(&mut self, node: &Node) {
        let number = self.options.requests.len() + 1;
        let at = format!("requests[{number}]");
        let Value::Map(pairs) = &node.value else {
            return self.problem(node, &at, "is not a mapping: write `{method: POST, path: /x}`");
        };
        self.places.0.insert(at.clone(), format!("{}:{}:{}", self.file, node.line, node.column));
        let mut request = RequestOptions::default();
        for (key, value) in self.named(pairs) {
            let full = format!("{at}.{key}");
            if key == "headers" {
                request.headers = self.headers(value, &full);
                continue;
            }
            let Value::Scalar(text) = &value.value else {
                self.problem(value, &full, "is not a single value");
                continue;
            };
            let (option, mut problems) = (key.replace('_', "-"), Problems::default());
            let known = option != "header"
                && settings::apply_to_request(&mut request, "", &option, text, &mut problems);
            if !known {
                self.problem(value, &full, "is no option of a request");
            }
            self.take(value, &full, problems);
        }
        self.options.requests.push(request);
    }

    fn headers(&mut self, node: &Node, key: &str) -> Vec<(String, String)> {
        let Value::Map(pairs) = &node.value else {
            self.problem(node, key, "is not a mapping: write `{x-id: abc}`");
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (name, value) in self.named(pairs) {
            match &value.value {
                Value::Scalar(text) => headers.push((name, text.clone())),
                _ => self.problem(value, &format!("{key}.{name}"), "is not a single value"),
            }
        }
        headers
    }

    /// Pairs whose keys are text and all different.
    fn named<'n>(&mut self, pairs: &'n [(Node, Node)]) -> Vec<(String, &'n Node)> {
        let mut named: Vec<(String, &Node)> = Vec::new();
        for (key, value) in pairs {
            match &key.value {
                Value::Scalar(name) if named.iter().any(|(other, _)| other == name) => {
                    self.problem(key, name, "stands here twice");
                }
                Value::Scalar(name) => named.push((name.clone(), value)),
                _ => self.problem(key, "a key", "is not a single word"),
            }
        }
        named
    }

    fn place(&self, node: &Node, key: &str) -> String {
        format!("{}:{}:{}: {key}", self.file, node.line, node.column)
    }

    fn problem(&mut self, node: &Node, key: &str, what: &str) {
        let place = self.place(node, key);
        self.problems.push(place, what);
    }

    /// Problems of one value, at its place.
    fn take(&mut self, node: &Node, key: &str, problems: Problems) {
        let place = self.place(node, key);
        let all = std::mem::take(self.problems);
        *self.problems = all.and(problems.with_places(|_| Some(place.clone())));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn read(text: &str) -> Result<PlanOptions, String> {
        let (mut options, mut problems) =
            (PlanOptions::new("", "", Duration::from_secs(10)), Problems::default());
        let places = apply_text("plan.yaml", text, &mut options, &mut problems);
        let places = places.unwrap_or_default();
        let checked = options.clone().check().err().map(|more| places.name(more));
        let problems = problems.and(checked.unwrap_or_default());
        problems.or(options).map_err(|problems| problems.to_string().replace("; ", "\n"))
    }

    #[test]
    fn a_plan_says_all_that_flags_say() {
        let options = read(
            "url: http://localhost/\n\
             stages: [10s:5/s, 20s:5/s]\n\
             max_lateness: 20ms\n\
             headers: {x-a: 1, x-b: '{{unique}}'}\n\
             thresholds:\n  - p95<500ms\n  - errors<1%\n\
             requests:\n\
             \x20 - {weight: 3, path: '/a?k={{key}}'}\n\
             \x20 - method: POST\n\
             \x20   path: /b\n\
             \x20   headers: {content-type: application/json}\n\
             \x20   body: '{\"a\": 1}'\n",
        )
        .expect("a plan");
        assert_eq!(options.stages.len(), 2);
        assert_eq!(options.max_lateness, Duration::from_millis(20));
        assert_eq!((options.headers.len(), options.goals.thresholds.len()), (2, 2));
        let [get, post] = &options.requests[..] else { panic!("two requests") };
        assert_eq!((get.weight, get.path.as_deref()), (3, Some("/a?k={{key}}")));
        assert_eq!((post.method.as_str(), post.headers.len()), ("POST", 1));
        assert_eq!(post.body.as_deref(), Some(&b"{\"a\": 1}"[..]));
    }

    #[test]
    fn every_problem_is_named_at_its_place() {
        let text = "url: http://localhost/\n\
             rate: fast\n\
             speed: 5\n\
             timeout: 1h\n\
             timeout: 2h\n\
             seed: [1]\n\
             headers: {x: [1]}\n\
             stages: [soon]\n\
             requests:\n\
             \x20 - {path: x, wait: 5s}\n\
             \x20 - 5\n\
             stage: 5s:1/s\n";
        let problems = read(text).expect_err("problems");
        let places: Vec<_> =
            problems.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>()).collect();
        let expected = [
            ["plan.yaml:5:1", "timeout"],
            ["plan.yaml:3:8", "speed"],
            ["plan.yaml:6:7", "seed"],
            ["plan.yaml:7:14", "headers.x"],
            ["plan.yaml:8:10", "stages"],
            ["plan.yaml:10:21", "requests[1].wait"],
            ["plan.yaml:11:5", "requests[2]"],
            ["plan.yaml:12:8", "stage"],
        ];
        assert_eq!(places[..expected.len()], expected.map(|place| place.to_vec()), "{problems}");
        assert!(problems.contains("plan.yaml:2:7: rate: `fast`"), "{problems}");
        assert!(problems.contains("plan.yaml:4:10: timeout: 1h is not"), "{problems}");
        assert!(problems.contains("`x` is no path"), "{problems}");
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in ["", "5", "[a]", "a: [", "a: &x 5\nb: *x", "a: 1\n---\nb: 2", "? [a]\n: b"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_file_without_end_is_no_plan() {
        let (mut options, mut problems) =
            (PlanOptions::new("", "", Duration::from_secs(10)), Problems::default());
        apply("/dev/zero", &mut options, &mut problems);
        let problems = problems.or(()).expect_err("too large").to_string();
        assert_eq!(problems, "plan: `/dev/zero` is larger than 1 MiB");
    }

    #[test]
    fn the_shipped_plans_are_plans() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/plans");
        for plan in fs::read_dir(shipped).expect("plans").map(|plan| plan.expect("a plan").path()) {
            let text = fs::read_to_string(&plan).expect("text");
            read(&text).unwrap_or_else(|problems| panic!("{}: {problems}", plan.display()));
        }
    }
}
