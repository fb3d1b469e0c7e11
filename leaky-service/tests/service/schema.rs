//! Checks a value against a JSON Schema, as far as our document uses it: a keyword that is not known
//! here stops the test, so nothing passes unchecked. The whole standard is applied by schemathesis
//! (`with-schemathesis`).

use serde_json::Value;

/// Keywords that say nothing about validity; formats are told, not checked.
const NOTES: [&str; 4] = ["description", "examples", "format", "default"];

/// What is wrong with a value, each with its place; references are looked up in the document.
pub fn faults(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let keywords = schema.as_object().expect("a schema is an object");
    let of_keyword = |(keyword, operand): (&String, &Value)| {
        Check { document, schema, value, place }.keyword(keyword, operand)
    };
    keywords.iter().flat_map(of_keyword).collect()
}

struct Check<'a> {
    document: &'a Value,
    schema: &'a Value,
    value: &'a Value,
    place: &'a str,
}

impl Check<'_> {
    fn keyword(&self, keyword: &str, operand: &Value) -> Vec<String> {
        let value = self.value;
        let number = |value: &Value| value.as_f64().expect("it is a number");
        let length = || value.as_array().map_or(0, Vec::len) as f64;
        match keyword {
            "$ref" => {
                let path = operand.as_str().expect("it is text").trim_start_matches('#');
                let found = self.document.pointer(path).expect("what is referred to is there");
                faults(self.document, found, value, self.place)
            }
            "anyOf" => {
                let of = |schema| faults(self.document, schema, value, self.place);
                let of_each: Vec<_> = operand.as_array().into_iter().flatten().map(of).collect();
                let none_fits = of_each.iter().all(|faults| !faults.is_empty());
                if none_fits { of_each.concat() } else { Vec::new() }
            }
            "type" => {
                let has = |kind: &Value| is_of_type(value, kind.as_str().expect("it is text"));
                let fits = operand.as_array().map_or_else(|| has(operand), |k| k.iter().any(has));
                self.unless(fits, keyword, operand)
            }
            "enum" => {
                let among = operand.as_array().is_some_and(|values| values.contains(value));
                self.unless(among, keyword, operand)
            }
            "const" => self.unless(value == operand, keyword, operand),
            // They say nothing about what is no number.
            "minimum" => {
                let fits = value.as_f64().is_none_or(|value| value >= number(operand));
                self.unless(fits, keyword, operand)
            }
            "maximum" => {
                let fits = value.as_f64().is_none_or(|value| value <= number(operand));
                self.unless(fits, keyword, operand)
            }
            "minItems" => self.unless(length() >= number(operand), keyword, operand),
            "maxItems" => self.unless(length() <= number(operand), keyword, operand),
            "pattern" => {
                let digits = operand.as_str().and_then(|text| text.strip_prefix("^[0-9a-f]{"));
                let digits = digits.and_then(|rest| rest.strip_suffix("}$"));
                let digits = digits.expect("no other patterns are known").parse().ok();
                let text = value.as_str().unwrap_or_default();
                let hexadecimal = text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
                self.unless(hexadecimal && digits == Some(text.len()), keyword, operand)
            }
            "required" => {
                let missing = operand.as_array().into_iter().flatten();
                let missing =
                    missing.filter(|name| value.get(name.as_str().unwrap_or("")).is_none());
                missing.map(|name| format!("{} has no {name}", self.place)).collect()
            }
            "properties" => self.each_field(|name| operand.get(name)),
            "additionalProperties" => {
                let named = |name: &str| self.schema["properties"].get(name).is_some();
                if operand == false {
                    let fields = value.as_object().into_iter().flatten();
                    let others = fields.filter(|(name, _)| !named(name));
                    return others.map(|(name, _)| format!("{} has {name}", self.place)).collect();
                }
                self.each_field(|name| (!named(name)).then_some(operand))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                let of = |(index, item)| {
                    faults(self.document, operand, item, &format!("{}[{index}]", self.place))
                };
                items.flat_map(of).collect()
            }
            note if NOTES.contains(&note) => Vec::new(),
            unknown => panic!("the keyword {unknown} is not checked here"),
        }
    }

    /// What is wrong with the fields that a schema is found for.
    fn each_field<'b>(&self, schema: impl Fn(&str) -> Option<&'b Value>) -> Vec<String> {
        let fields = self.value.as_object().into_iter().flatten();
        let of = |(name, field): (&String, &Value)| {
            let place = format!("{}.{name}", self.place);
            schema(name).map_or(Vec::new(), |schema| faults(self.document, schema, field, &place))
        };
        fields.flat_map(of).collect()
    }

    fn unless(&self, fits: bool, keyword: &str, operand: &Value) -> Vec<String> {
        if fits {
            return Vec::new();
        }
        vec![format!("{} is {}, not of {keyword} {operand}", self.place, self.value)]
    }
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("there is no type {unknown}"),
    }
}
