//! What a scenario does, for a person to look at before it is run: the tree with shares and endpoints.

use std::fmt::Write as _;

use serde::Serialize;

use super::model::{Scenario, Step, Wait};

/// A scenario's plan; `scenario show` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// Its file; `None` for the one that is built in.
    pub file: Option<String>,
    /// First 16 hex digits of the SHA-256 of its content.
    pub hash: String,
    /// The host it names itself.
    pub host: Option<String>,
    /// Think time between tasks, e.g. `1–5 s`.
    pub wait: String,
    /// Its mean, seconds; `None` for pacing.
    pub mean_wait_s: Option<f64>,
    /// Requests that a task sends on average.
    pub mean_requests_per_task: f64,
    /// Variables; of secret ones only the name.
    pub variables: Vec<PlanVariable>,
    /// Feeders.
    pub feeders: Vec<PlanFeeder>,
    /// Once a run.
    pub setup: Vec<PlanStep>,
    /// Once a user, first.
    pub on_start: Vec<PlanStep>,
    /// Drawn by weight.
    pub tasks: Vec<PlanTask>,
    /// Once a user, last.
    pub on_stop: Vec<PlanStep>,
    /// Names of all endpoints.
    pub endpoints: Vec<String>,
}

/// A variable or capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanVariable {
    /// Its name.
    pub name: String,
    /// The environment variable it may come from.
    pub env: Option<String>,
    /// Its value at the start; `None` where it is captured or secret.
    pub value: Option<String>,
    /// Whether it is never shown.
    pub secret: bool,
    /// Whether it has no value before a step captures one.
    pub captured: bool,
}

/// A feeder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanFeeder {
    /// Its name.
    pub name: String,
    /// Its file, as the scenario writes it.
    pub file: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// How many rows it has.
    pub rows: usize,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanTask {
    /// Its name.
    pub name: String,
    /// Its weight.
    pub weight: u32,
    /// Its share of the draws, as a fraction.
    pub share: f64,
    /// Requests that it sends on average.
    pub mean_requests: f64,
    /// What it does.
    pub steps: Vec<PlanStep>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanStep {
    /// A request.
    Request {
        /// What the step is called.
        name: Option<String>,
        /// Its endpoint.
        endpoint: String,
        /// Names of what it captures.
        captures: Vec<String>,
    },
    /// These in order.
    Steps {
        /// What is done.
        steps: Vec<PlanStep>,
    },
    /// One of these.
    Pick {
        /// Each with its share, as a fraction.
        choices: Vec<(f64, PlanStep)>,
    },
    /// These, several times.
    Repeat {
        /// How often.
        times: u32,
        /// What is done.
        steps: Vec<PlanStep>,
    },
    /// One or the other.
    When {
        /// As a person reads it.
        condition: String,
        /// Where it holds.
        steps: Vec<PlanStep>,
        /// Where it does not.
        otherwise: Vec<PlanStep>,
    },
    /// A pause.
    Wait {
        /// How long, e.g. `1–5 s`.
        time: String,
    },
}

impl Scenario {
    /// Requests that a task sends on average: tasks and `pick` by weight, either branch of `when` half the time.
    pub fn mean_requests_per_task(&self) -> f64 {
        let total: f64 = self.tasks.iter().map(|task| f64::from(task.weight)).sum();
        let sum: f64 = self.tasks.iter().map(|task| f64::from(task.weight) * mean_requests(&task.steps)).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Seconds of pauses within a task on average.
    pub fn mean_pauses_s(&self) -> f64 {
        let total: f64 = self.tasks.iter().map(|task| f64::from(task.weight)).sum();
        let sum: f64 = self.tasks.iter().map(|task| f64::from(task.weight) * mean_pauses_s(&task.steps)).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Seconds from the start of a task to the start of the next on a host that answers at once, on average: think time,
    /// pauses within the task, or the period of pacing.
    pub fn mean_seconds_per_task(&self) -> f64 {
        let within = self.mean_pauses_s();
        match self.wait {
            Wait::Pacing(period) => within.max(period.as_secs_f64()),
            wait => within + wait.mean_s().unwrap_or(0.0),
        }
    }

    /// Its plan.
    pub fn plan(&self) -> Plan {
        let total: f64 = self.tasks.iter().map(|task| f64::from(task.weight)).sum();
        Plan {
            name: self.name.clone(),
            file: self.file.as_ref().map(|file| file.display().to_string()),
            hash: self.hash.clone(),
            host: self.host.clone(),
            wait: self.wait.to_string(),
            mean_wait_s: self.wait.mean_s(),
            mean_requests_per_task: self.mean_requests_per_task(),
            variables: self
                .slots
                .iter()
                .map(|slot| PlanVariable {
                    name: slot.name.clone(),
                    env: slot.env.clone(),
                    value: slot.start.as_ref().filter(|_| !slot.secret).map(|value| value.as_str().to_owned()),
                    secret: slot.secret,
                    captured: slot.start.is_none(),
                })
                .collect(),
            feeders: self
                .feeders
                .iter()
                .map(|feeder| PlanFeeder {
                    name: feeder.name.clone(),
                    file: feeder.file.clone(),
                    columns: feeder.columns.clone(),
                    rows: feeder.rows(),
                })
                .collect(),
            setup: self.plan_steps(&self.setup),
            on_start: self.plan_steps(&self.on_start),
            tasks: self
                .tasks
                .iter()
                .map(|task| PlanTask {
                    name: task.name.clone(),
                    weight: task.weight,
                    share: f64::from(task.weight) / total,
                    mean_requests: mean_requests(&task.steps),
                    steps: self.plan_steps(&task.steps),
                })
                .collect(),
            on_stop: self.plan_steps(&self.on_stop),
            endpoints: self.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect(),
        }
    }

    /// Its plan as a text.
    pub fn plan_text(&self) -> String {
        self.plan().to_text()
    }

    fn plan_steps(&self, steps: &[Step]) -> Vec<PlanStep> {
        steps.iter().map(|step| self.plan_step(step)).collect()
    }

    fn plan_step(&self, step: &Step) -> PlanStep {
        match step {
            Step::Request(request) => PlanStep::Request {
                name: request.name.clone(),
                endpoint: self.endpoints[request.endpoint].name.clone(),
                captures: request.captures.iter().map(|capture| capture.name.clone()).collect(),
            },
            Step::Steps(steps) => PlanStep::Steps { steps: self.plan_steps(steps) },
            Step::Pick(choices) => {
                let total: f64 = choices.iter().map(|(weight, _)| f64::from(*weight)).sum();
                let choice = |(weight, step): &(u32, Step)| (f64::from(*weight) / total, self.plan_step(step));
                PlanStep::Pick { choices: choices.iter().map(choice).collect() }
            }
            Step::Repeat(times, steps) => PlanStep::Repeat { times: *times, steps: self.plan_steps(steps) },
            Step::When(condition, steps, otherwise) => PlanStep::When {
                condition: condition.shown.clone(),
                steps: self.plan_steps(steps),
                otherwise: self.plan_steps(otherwise),
            },
            Step::Wait(wait) => PlanStep::Wait { time: wait.to_string() },
        }
    }
}

fn mean_requests(steps: &[Step]) -> f64 {
    mean(steps, &|step| if matches!(step, Step::Request(_)) { 1.0 } else { 0.0 })
}

fn mean_pauses_s(steps: &[Step]) -> f64 {
    mean(steps, &|step| if let Step::Wait(wait) = step { wait.mean_s().unwrap_or(0.0) } else { 0.0 })
}

/// What the leaves of the tree come to on average: `pick` by weight, either branch of `when` half the time.
fn mean(steps: &[Step], leaf: &dyn Fn(&Step) -> f64) -> f64 {
    let of = |steps: &[Step]| mean(steps, leaf);
    steps
        .iter()
        .map(|step| match step {
            Step::Request(_) | Step::Wait(_) => leaf(step),
            Step::Steps(steps) => of(steps),
            Step::Repeat(times, steps) => f64::from(*times) * of(steps),
            Step::When(_, steps, otherwise) => f64::midpoint(of(steps), of(otherwise)),
            Step::Pick(choices) => {
                let total: f64 = choices.iter().map(|(weight, _)| f64::from(*weight)).sum();
                let one = |(weight, step): &(u32, Step)| f64::from(*weight) * of(std::slice::from_ref(step));
                choices.iter().map(one).sum::<f64>() / total
            }
        })
        .sum()
}

impl Plan {
    /// As a person reads it.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.name);
        let mut line = |label: &str, value: String| text.extend([format!("  {label:<11} {value}"), "\n".to_owned()]);
        line("file", self.file.clone().unwrap_or_else(|| "built in".to_owned()));
        line("hash", self.hash.clone());
        if let Some(host) = &self.host {
            line("host", host.clone());
        }
        line("think time", self.wait.clone());
        line("requests", format!("{:.2} a task on average", self.mean_requests_per_task));
        for variable in self.variables.iter().filter(|variable| !variable.captured) {
            line("variable", variable.to_text());
        }
        for feeder in &self.feeders {
            line(
                "feeder",
                format!("{}: {} rows of {} ({})", feeder.name, feeder.rows, feeder.file, feeder.columns.join(", ")),
            );
        }
        for (title, steps) in [("once a run", &self.setup), ("once a user, first", &self.on_start)] {
            phase(&mut text, title, steps);
        }
        text.push_str("\ntasks, drawn by weight\n");
        for task in &self.tasks {
            let _ = writeln!(text, "  {:>5.1} %  {} (weight {})", task.share * 100.0, task.name, task.weight);
            write_steps(&mut text, &task.steps, 5);
        }
        phase(&mut text, "once a user, last", &self.on_stop);
        text
    }
}

impl PlanVariable {
    fn to_text(&self) -> String {
        let value = match (&self.value, &self.env) {
            (Some(value), Some(env)) => format!("{value:?} ({env})"),
            (Some(value), None) => format!("{value:?}"),
            (None, Some(env)) => format!("*** ({env})"),
            (None, None) => "***".to_owned(),
        };
        format!("{} = {value}", self.name)
    }
}

fn phase(text: &mut String, title: &str, steps: &[PlanStep]) {
    if !steps.is_empty() {
        text.extend(["\n", title, "\n"]);
        write_steps(text, steps, 1);
    }
}

fn write_steps(text: &mut String, steps: &[PlanStep], depth: usize) {
    for step in steps {
        write_step(text, step, depth, "");
    }
}

/// Writing to a string does not fail.
fn write_step(text: &mut String, step: &PlanStep, depth: usize, before: &str) {
    let indent = "  ".repeat(depth);
    match step {
        PlanStep::Request { name, endpoint, captures } => {
            let name = name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            let captures = if captures.is_empty() { String::new() } else { format!(" → {}", captures.join(", ")) };
            let _ = writeln!(text, "{indent}{before}{name}{endpoint}{captures}");
        }
        PlanStep::Steps { steps } => {
            let _ = writeln!(text, "{indent}{before}in order");
            write_steps(text, steps, depth + 1);
        }
        PlanStep::Pick { choices } => {
            let _ = writeln!(text, "{indent}{before}one of");
            for (share, step) in choices {
                write_step(text, step, depth + 1, &format!("{:.1} %  ", share * 100.0));
            }
        }
        PlanStep::Repeat { times, steps } => {
            let _ = writeln!(text, "{indent}{before}{times} times");
            write_steps(text, steps, depth + 1);
        }
        PlanStep::When { condition, steps, otherwise } => {
            let _ = writeln!(text, "{indent}{before}when {condition}");
            write_steps(text, steps, depth + 1);
            if !otherwise.is_empty() {
                let _ = writeln!(text, "{indent}else");
                write_steps(text, otherwise, depth + 1);
            }
        }
        PlanStep::Wait { time } => {
            let _ = writeln!(text, "{indent}{before}wait {time}");
        }
    }
}
