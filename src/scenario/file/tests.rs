//! Every error that a file can give, as a person reads it.

mod feeders;
mod requests;
mod tree;

use super::*;

const SOUND: &str = "[[task]]\nname = \"t\"\nget = \"/t\"\n";

/// What is wrong with a text.
fn wrong(text: &str) -> String {
    read(text, "s.toml", None, &|_| None).map(|scenario| scenario.name).unwrap_err().to_string()
}

/// What is wrong with a text that has a sound task behind it.
fn wrong_top(text: &str) -> String {
    wrong(&format!("{text}\n{SOUND}"))
}

/// What is wrong with a request that gets `/t` and has these lines.
fn wrong_request(lines: &str) -> String {
    wrong(&format!("[[task]]\nname = \"t\"\nget = \"/t\"\n{lines}\n"))
}

/// What is wrong with a step.
fn wrong_step(step: &str) -> String {
    wrong(&format!("[[task]]\nname = \"t\"\nsteps = [\n  {step}\n]\n"))
}

#[test]
fn the_least_scenario_has_the_defaults() {
    let scenario = read(SOUND, "s.toml", Some(Path::new("some/my-users.toml")), &|_| None).unwrap();
    assert_eq!(scenario.name, "my-users", "named after its file");
    assert_eq!(scenario.wait, Wait::None);
    assert_eq!(scenario.host, None);
    assert!(scenario.cookies);
    assert!(!read(&format!("cookies = false\n{SOUND}"), "s.toml", None, &|_| None).unwrap().cookies);
    assert_eq!(scenario.tasks[0].weight, 1);
    let Step::Request(request) = &scenario.tasks[0].steps[0] else { panic!("no request") };
    assert_eq!(request.timeout, std::time::Duration::from_secs(30));
    assert_eq!(request.redirects, Redirects::Follow(10));
    assert!(!request.reads_body);
    assert_eq!(scenario.endpoints, [Endpoint { name: "GET /t".into(), tags: vec![] }]);
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let scenario = read(SOUND, "s.toml", None, &|_| None).unwrap();
    let whole = format!("{:x}", Sha256::digest(SOUND));
    assert_eq!(scenario.hash, whole[..16]);
}

#[test]
fn the_built_in_scenario_is_the_file_beside_it() {
    let built_in = built_in();
    let file = load(Path::new("scenarios/agenthub.toml")).unwrap();
    assert_eq!(built_in.hash, file.hash);
    assert_eq!(built_in.file, None);
    assert_eq!(file.file.as_deref(), Some(Path::new("scenarios/agenthub.toml")));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = load(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(
        missing.ends_with("none.toml: scenario file cannot be read: No such file or directory (os error 2)"),
        "{missing}"
    );
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"name = \"a\"\nhost = \"\xe4\"\n").unwrap();
    let error = load(&latin).unwrap_err().to_string();
    assert!(error.ends_with("latin.toml:2: not UTF-8: save the file as UTF-8"), "{error}");
}

/// Each fenced block of TOML in the reference, as it stands there.
fn examples(reference: &str) -> Vec<&str> {
    reference.split("```toml\n").skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_references_examples_are_sound() {
    let reference = include_str!("../../../docs/scenarios.md");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("accounts.csv"), "email,password\na@example.com,x\n").unwrap();
    let examples = examples(reference);
    assert_eq!(examples.len(), 4);
    for example in examples {
        let task = if example.contains("[[task]]") { "" } else { SOUND };
        let token = if example.contains("[variables]") { "" } else { "[variables]\ntoken = \"t\"\n" };
        let text = format!("{example}\n{token}{task}");
        let set = |name: &str| (name == "AGENTHUB_PASSWORD").then(|| "x".to_owned());
        if let Err(error) = read(&text, "docs/scenarios.md", Some(&folder.path().join("s.toml")), &set) {
            panic!("{error}");
        }
    }
}

#[test]
fn the_references_single_lines_are_sound() {
    let reference = include_str!("../../../docs/scenarios.md");
    let requests = reference.split("## Requests").nth(1).unwrap().split("### Headers").next().unwrap();
    let names = "[variables]\ntask_id = 1\ntoken = \"t\"\nemail = \"e\"\nname = \"n\"\n";
    let examples: Vec<&str> = requests
        .lines()
        .filter(|line| line.starts_with("| `") && !line.starts_with("| `get`") && !line.starts_with("| `name`"))
        .filter_map(|line| line.rsplit('`').nth(1))
        .collect();
    assert_eq!(examples.len(), 12);
    for example in examples {
        let text = format!("{names}[[task]]\nname = \"t\"\nget = \"/t\"\n{example}\n");
        if let Err(error) = read(&text, "docs/scenarios.md", None, &|_| None) {
            panic!("{error}");
        }
    }
}
