//! The copy-ready workflows and the image: as far as a machine without their service can check them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use yaml_rust2::{Yaml, YamlLoader};

use crate::support::counting::CountingServer;
use crate::support::harness::Workbench;

fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(project(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Yaml {
    // What a reference stands for is the other job's script, which is checked there.
    let mut documents = YamlLoader::load_from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

/// The shell of a GitHub workflow, step by step.
fn github_steps() -> Vec<String> {
    let workflow = yaml("docs/ci/github.yml");
    let steps = workflow["jobs"]["load-test"]["steps"].as_vec().unwrap();
    for step in steps {
        assert!(step["uses"].is_badvalue() != step["run"].is_badvalue(), "a step uses or runs: {step:?}");
    }
    steps.iter().filter_map(|step| step["run"].as_str()).map(str::to_owned).collect()
}

/// The shell of the jobs of a GitLab pipeline, line by line.
fn gitlab_lines() -> Vec<String> {
    let pipeline = yaml("docs/ci/gitlab.yml");
    let jobs = ["load-test", "load-test-baseline"];
    let of = |job: &str| {
        let job = &pipeline[job];
        ["script", "after_script"].map(|key| job[key].as_vec().cloned().unwrap_or_default()).concat()
    };
    jobs.iter().flat_map(|job| of(job)).filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

fn is_a_shell_script(text: &str) {
    let check = Command::new("bash").args(["-n", "-c", text]).output().unwrap();
    assert!(check.status.success(), "{}\n{text}", String::from_utf8_lossy(&check.stderr));
}

/// Runs a block as a job would, the built binary first on its path.
fn run(bench: &Workbench, script: &str, shell: &[&str], variables: &[(&str, &str)]) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_agenthub-perf")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).current_dir(bench.path()).env("PATH", path).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if ["AGENTHUB_", "GITHUB_", "CI_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("AGENTHUB_PERF_ALLOW_UNPROVEN", "true").envs(variables.iter().copied()).output().unwrap()
}

/// A bench on which `--profile ci` is short.
fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "[profiles.ci]\nusers = 10\nrun_time = \"3s\"\n");
    bench
}

fn assert_ran(output: &std::process::Output) {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{error}");
}

#[test]
fn the_github_workflow_is_yaml_and_its_steps_are_shell() {
    let steps = github_steps();
    assert_eq!(steps.len(), 4);
    for step in &steps {
        is_a_shell_script(step);
        assert!(!step.contains("${{"), "an expression in a script is a way in: {step}");
    }
    let workflow = yaml("docs/ci/github.yml");
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
    assert!(!workflow["on"]["pull_request"].is_badvalue());
}

#[test]
fn the_github_workflow_runs_and_its_first_run_is_the_baseline_of_the_second() {
    let (bench, server) = (bench(), CountingServer::start());
    let steps = github_steps();
    let of = |text: &str| steps.iter().find(|step| step.contains(text)).unwrap();
    let url = server.url();
    let summary = bench.write("summary.md", "");
    let variables = [
        ("HOST", url.as_str()),
        ("LABEL", "a branch/of mine"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    // As GitHub runs a step.
    let shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"];
    assert_ran(&run(&bench, of("agenthub-perf run"), &shell, &variables));
    let first = bench.newest_result();
    assert!(bench.result()["baseline"].is_null());
    assert_eq!(bench.result()["label"], "a branch/of mine");
    assert!(first.join("openmetrics.txt").is_file());
    assert_ran(&run(&bench, of("cp -r"), &shell, &variables));
    assert!(bench.path().join("baseline/run.toml").is_file());
    // The second may be worse than the first on a busy machine: that is an answer, too.
    let second = run(&bench, of("agenthub-perf run"), &shell, &variables);
    assert!(matches!(second.status.code(), Some(0 | 99)), "{}", String::from_utf8_lossy(&second.stderr));
    let result = bench.result();
    assert_eq!(result["baseline"]["a"][0]["id"].as_str(), first.file_name().unwrap().to_str());
    assert_eq!(std::fs::read_to_string(&summary).unwrap().matches("### Targets").count(), 2);
    // Another load is refused, for ever, unless a new baseline is begun.
    bench.write("agenthub-perf.toml", "[profiles.ci]\nusers = 5\nrun_time = \"3s\"\n");
    assert_eq!(run(&bench, of("agenthub-perf run"), &shell, &variables).status.code(), Some(2));
    let anew = [&variables[..], &[("NEW_BASELINE", "true")]].concat();
    assert_ran(&run(&bench, of("agenthub-perf run"), &shell, &anew));
    assert!(bench.result()["baseline"].is_null());
}

#[test]
fn the_gitlab_pipeline_is_yaml_and_its_lines_are_shell() {
    let lines = gitlab_lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for line in &lines {
        is_a_shell_script(line);
    }
    let job = &yaml("docs/ci/gitlab.yml")["load-test"];
    assert_eq!(job["image"]["entrypoint"][0].as_str(), Some(""), "a runner needs a shell");
}

#[test]
fn the_gitlab_pipeline_runs_and_makes_the_reports_that_it_names() {
    let (bench, server) = (bench(), CountingServer::start());
    let url = server.url();
    let variables = [("HOST", url.as_str()), ("SERVICE", "agenthub"), ("CI_COMMIT_REF_NAME", "main")];
    // Its images need not have bash.
    for line in gitlab_lines() {
        assert_ran(&run(&bench, &line, &["sh", "-e", "-c"], &variables));
    }
    let reports = &yaml("docs/ci/gitlab.yml")["load-test"]["artifacts"]["reports"];
    let named: BTreeSet<&str> = reports.as_hash().unwrap().keys().filter_map(Yaml::as_str).collect();
    assert_eq!(named, ["junit", "load_performance", "metrics"].into());
    for (_, file) in reports.as_hash().unwrap() {
        let file = file.as_str().unwrap();
        assert!(bench.path().join(file).is_file(), "{file}");
    }
    assert!(bench.path().join("baseline/run.toml").is_file());
}

/// The instructions of the Dockerfile: word and rest, continued lines joined.
fn dockerfile() -> Vec<(String, String)> {
    let lines = text("Dockerfile").lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    lines
        .replace("\\\n", " ")
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no instruction: {line:?}"));
            (word.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

/// All arguments of an instruction.
fn all<'a>(file: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    file.iter().filter(|(known, _)| known == word).map(|(_, rest)| rest.as_str()).collect()
}

#[test]
fn the_image_is_built_in_two_stages_and_does_not_run_as_root() {
    let file = dockerfile();
    let known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD"];
    assert!(file.iter().all(|(word, _)| known.contains(&word.as_str())), "{file:#?}");
    let stages = all(&file, "FROM");
    assert_eq!(stages.len(), 2);
    let (builder, name) = stages[0].split_once(" AS ").unwrap();
    let rust =
        text("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().replace('"', "");
    assert!(builder.starts_with(&format!("rust:{rust}-")), "{builder} is not Rust {rust}");
    // What is built runs with the C library it was built with.
    assert_eq!(builder.rsplit('-').next(), stages[1].strip_prefix("debian:").and_then(|tag| tag.split('-').next()));
    let last = file.iter().rposition(|(word, _)| word == "FROM").unwrap();
    let of_last = &file[last..];
    let user = all(of_last, "USER");
    assert!(user.len() == 1 && user[0].parse::<u32>().is_ok_and(|id| id > 0), "USER {user:?}");
    assert!(
        all(of_last, "COPY").iter().all(|copy| copy.starts_with(&format!("--from={name} "))),
        "only what was built"
    );
    assert_eq!(all(of_last, "ENTRYPOINT"), ["[\"agenthub-perf\"]"]);
    for script in all(&file, "RUN") {
        is_a_shell_script(script);
    }
}

#[test]
fn the_image_is_built_by_the_command_of_the_readme() {
    let file = dockerfile();
    let install = all(&file, "RUN").into_iter().find(|command| command.starts_with("cargo ")).unwrap();
    let plain = install.replace(" --locked", "").replace(" --root /out", "");
    assert!(text("README.md").contains(&format!("`{plain}`")), "{plain:?} is not in the README");
}

#[test]
fn all_that_the_image_is_built_of_is_copied_and_not_ignored() {
    let file = dockerfile();
    let copied: Vec<&str> = all(&file, "COPY")
        .into_iter()
        .filter(|copy| !copy.starts_with("--from"))
        .flat_map(|copy| copy.rsplit_once(' ').unwrap().0.split(' '))
        .collect();
    let ignored = text(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(ignored[0], "*");
    let kept: BTreeSet<&str> = ignored[1..].iter().map(|line| line.strip_prefix('!').unwrap()).collect();
    assert_eq!(kept, copied.iter().copied().collect());

    // The manifest is whole with these files alone, and every file that the sources take in is among them.
    let folder = tempfile::tempdir().unwrap();
    for name in &copied {
        let done = Command::new("cp").arg("-r").arg(project(name)).arg(folder.path()).status().unwrap();
        assert!(done.success(), "{name}");
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    for source in sources(&folder.path().join("src")) {
        let text = std::fs::read_to_string(&source).unwrap();
        for taken in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            // Documentation is only taken in by tests.
            let path = source.parent().unwrap().join(taken);
            assert!(path.is_file() || taken.contains("/docs/"), "{} takes in {taken}", source.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}
