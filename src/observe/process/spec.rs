//! Which process is meant: a flag's value, read.

use std::fmt;

/// Which process: `--process PID|NAME|LABEL=PID|LABEL=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// What it is called in reports: the label, else the program's name, else the pid.
    pub label: Option<String>,
    /// How it is found.
    pub of: ProcessOf,
}

/// How a process is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessOf {
    /// By its id.
    Pid(u32),
    /// By its program's name: every process of that name that no other one of them has started.
    Name(String),
}

impl ProcessSpec {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // A label in front, as in db=4711.
        let (label, of) = match text.split_once('=') {
            Some((label, of)) => (Some(label.trim().to_owned()), of.trim()),
            None => (None, text),
        };
        if of.is_empty() || label.as_deref() == Some("") {
            return Err("name a process by its id or its program's name, e.g. 4711, postgres or db=4711".to_owned());
        }
        let of = match of.parse::<u32>() {
            Ok(0) => return Err("there is no process 0".to_owned()),
            Ok(pid) => ProcessOf::Pid(pid),
            Err(_) if of.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(format!("{of} is too large for a process's id"));
            }
            Err(_) => ProcessOf::Name(of.to_owned()),
        };
        Ok(Self { label, of })
    }
}

impl fmt::Display for ProcessSpec {
    /// As the flag takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "{label}=")?;
        }
        match &self.of {
            ProcessOf::Pid(pid) => write!(f, "{pid}"),
            ProcessOf::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_by_its_id_or_its_program_with_or_without_a_label() {
        let read = |text: &str| ProcessSpec::parse(text).unwrap();
        let name = |name: &str| ProcessOf::Name(name.to_owned());
        assert_eq!(read("4711"), ProcessSpec { label: None, of: ProcessOf::Pid(4711) });
        assert_eq!(read(" postgres "), ProcessSpec { label: None, of: name("postgres") });
        assert_eq!(read("db=4711"), ProcessSpec { label: Some("db".into()), of: ProcessOf::Pid(4711) });
        assert_eq!(read("web = gunicorn"), ProcessSpec { label: Some("web".into()), of: name("gunicorn") });
        for text in ["4711", "postgres", "db=4711", "web=gunicorn"] {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn what_names_none_is_refused_with_an_example() {
        for (text, why) in [
            ("", "name a process by its id"),
            ("=5", "name a process by its id"),
            ("db=", "name a process by its id"),
            ("0", "there is no process 0"),
            ("99999999999", "99999999999 is too large for a process's id"),
        ] {
            let error = ProcessSpec::parse(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }
}
