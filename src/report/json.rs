//! `result.json`: the result as it is, for programs.

use crate::judge::RunResult;

/// The result as pretty JSON, ending with a newline.
pub(super) fn json(result: &RunResult) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(result)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn reads_back_as_the_same_result() {
        for (_, result) in [example::pass(), example::fail(), example::empty(), example::staged()] {
            let text = json(&result).unwrap();
            assert!(text.ends_with("}\n") && text.starts_with("{\n  \"schema\": 1,\n"));
            assert_eq!(serde_json::from_str::<RunResult>(&text).unwrap(), result);
        }
    }
}
