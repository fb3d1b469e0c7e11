//! Credentials, from the environment, where neither a list of processes nor a history of commands
//! shows them.

use std::env;

use super::plan_file::Places;
use crate::{Credentials, Problems};

const USERNAME: &str = "LOADGEN_AUTH_USERNAME";
const PASSWORD: &str = "LOADGEN_AUTH_PASSWORD";
const TOKEN: &str = "LOADGEN_AUTH_TOKEN";

/// What the environment says of who asks. A variable that is empty is as good as none.
pub(super) fn credentials(places: &mut Places, problems: &mut Problems) -> Option<Credentials> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let credentials = choose([USERNAME, PASSWORD, TOKEN].map(variable), problems);
    let place = match credentials {
        Some(Credentials::Bearer { .. }) => TOKEN,
        _ => USERNAME,
    };
    places.note("credentials", place);
    credentials
}

fn choose(
    [username, password, token]: [Option<String>; 3],
    problems: &mut Problems,
) -> Option<Credentials> {
    match (username, password, token) {
        (None, Some(_), _) => {
            problems.push(PASSWORD, format!("is set, but {USERNAME} is not: set both or none"));
            None
        }
        (Some(_), _, Some(_)) => {
            problems.push(TOKEN, format!("is set, and so is {USERNAME}: unset one of the two"));
            None
        }
        (Some(username), password, None) => {
            Some(Credentials::Basic { username, password: password.unwrap_or_default() })
        }
        (None, None, token) => token.map(|token| Credentials::Bearer { token }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: [&str; 3]) -> Result<Option<String>, String> {
        let mut problems = Problems::default();
        let set = variables.map(|value| (!value.is_empty()).then(|| value.to_owned()));
        let chosen = choose(set, &mut problems);
        let kind = chosen.map(|credentials| match credentials {
            Credentials::Basic { username, password } => format!("{username}:{password}"),
            Credentials::Bearer { token } => token,
        });
        problems.or(kind).map_err(|problems| problems.to_string())
    }

    #[test]
    fn one_kind_of_credentials_is_taken_and_what_is_half_or_double_is_refused() {
        assert_eq!(chosen(["", "", ""]), Ok(None));
        assert_eq!(chosen(["u", "p", ""]), Ok(Some("u:p".to_owned())));
        assert_eq!(chosen(["u", "", ""]), Ok(Some("u:".to_owned())));
        assert_eq!(chosen(["", "", "t"]), Ok(Some("t".to_owned())));
        let half = chosen(["", "p", ""]).expect_err("half");
        assert!(half.starts_with("LOADGEN_AUTH_PASSWORD: is set, but"), "{half}");
        let double = chosen(["u", "p", "t"]).expect_err("double");
        assert!(double.starts_with("LOADGEN_AUTH_TOKEN: is set, and so is"), "{double}");
    }
}
