//! A process with its descendants.

use futures_util::future::BoxFuture;

use super::{Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// See the module.
#[derive(Debug)]
pub(super) struct ProcessProbe {
    name: ProbeName,
}

impl ProcessProbe {
    /// One that has not looked yet.
    pub(super) fn new(_spec: &ProcessSpec) -> Self {
        Self {
            name: ProbeName { kind: ProbeKind::Process, name: String::new(), facts: std::collections::BTreeMap::new() },
        }
    }
}

impl Probe for ProcessProbe {
    fn name(&self) -> ProbeName {
        self.name.clone()
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async { Err("not watched yet".to_owned()) })
    }
}

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
