//! Reads nginx' configuration: a file with what it includes, or the output of `nginx -T`.
//!
//! Its own syntax, strictly: words, quotes, `;`, blocks, comments; the blocks of Lua modules are skipped over. Every error
//! names file and line.

use std::path::{Path, PathBuf};

/// How deep files may include each other, and how many.
const DEEPEST: usize = 10;
const MOST_FILES: usize = 200;
/// How `nginx -T` begins each file.
const HEADER: &str = "# configuration file ";

/// A directive, with its block where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) block: Option<Vec<Directive>>,
    /// `nginx.conf:12`
    pub(super) place: String,
}

/// Where included files come from.
trait Files {
    /// The files that a pattern names, with their texts, in order of name.
    fn matching(&self, pattern: &str) -> Result<Vec<(String, String)>, String>;
}

/// Reads it.
pub(super) fn read(path: &Path) -> Result<Vec<Directive>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let name = path.display().to_string();
    match dumped(&text) {
        Some(dump) => {
            let (name, text) = dump.0.first().cloned().unwrap_or_default();
            parse(&name, &text, &dump, 0)
        }
        None => parse(&name, &text, &OnDisk(path.parent().unwrap_or(Path::new("")).to_owned()), 0),
    }
}

/// The files of `nginx -T`, where it is one's output.
fn dumped(text: &str) -> Option<Dump> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let header = line.strip_prefix(HEADER).and_then(|rest| rest.trim_end().strip_suffix(':'));
        match (header, files.last_mut()) {
            (Some(name), _) => files.push((name.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            // What `nginx -T` says before.
            (None, None) => {}
        }
    }
    (!files.is_empty()).then_some(Dump(files))
}

struct Dump(Vec<(String, String)>);

impl Files for Dump {
    fn matching(&self, pattern: &str) -> Result<Vec<(String, String)>, String> {
        // A relative name is relative to the folder of the first file.
        let folder = self.0.first().and_then(|(name, _)| Path::new(name).parent()).unwrap_or(Path::new("/"));
        let whole = folder.join(pattern).display().to_string();
        let pattern = pattern_of(&whole)?;
        let matches = |name: &str| pattern.matches_with(name, AS_NGINX);
        Ok(self.0[1..].iter().filter(|(name, _)| matches(name)).cloned().collect())
    }
}

struct OnDisk(PathBuf);

impl Files for OnDisk {
    fn matching(&self, pattern: &str) -> Result<Vec<(String, String)>, String> {
        let whole = self.0.join(pattern);
        // No such folder or files: nginx takes that so of a pattern, and not of a name.
        let paths: Vec<PathBuf> = if pattern.contains(['*', '?', '[']) {
            let shown = whole.display().to_string();
            let found = glob::glob_with(&shown, AS_NGINX).map_err(|error| format!("include {pattern}: {error}"))?;
            found.filter_map(Result::ok).filter(|path| path.is_file()).collect()
        } else {
            vec![whole]
        };
        let text = |path: PathBuf| match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path.display().to_string(), text)),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        };
        paths.into_iter().take(MOST_FILES).map(text).collect()
    }
}

/// glob(3) without flags, as nginx calls it.
const AS_NGINX: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

fn pattern_of(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("include {text}: {error}"))
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    End,
    Open,
    Close,
}

fn parse(name: &str, text: &str, files: &dyn Files, depth: usize) -> Result<Vec<Directive>, String> {
    if depth > DEEPEST {
        return Err(format!("{name}: files include each other more than {DEEPEST} deep"));
    }
    let tokens = tokens(name, text)?;
    let mut at = 0;
    let block = block(name, &tokens, &mut at, files, depth)?;
    match tokens.get(at) {
        None => Ok(block),
        Some((line, _)) => Err(format!("{name}:{line}: a `}}` too many")),
    }
}

fn block(
    name: &str,
    tokens: &[(usize, Token)],
    at: &mut usize,
    files: &dyn Files,
    depth: usize,
) -> Result<Vec<Directive>, String> {
    let mut directives = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut began = 0;
    while let Some((line, token)) = tokens.get(*at) {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    began = *line;
                }
                words.push(word.clone());
            }
            Token::Close if words.is_empty() => return Ok(directives),
            Token::Close => return Err(format!("{name}:{began}: `{}` has no `;` at its end", words[0])),
            Token::End | Token::Open if words.is_empty() => {
                return Err(format!("{name}:{line}: nothing stands before this `;` or `{{`"));
            }
            Token::End => {
                let args = words.split_off(1);
                let place = format!("{name}:{began}");
                let word = std::mem::take(&mut words).remove(0);
                match (word.as_str(), args.first()) {
                    ("include", Some(pattern)) => {
                        for (file, text) in files.matching(pattern).map_err(|why| format!("{place}: {why}"))? {
                            directives.extend(parse(&file, &text, files, depth + 1)?);
                        }
                    }
                    _ => directives.push(Directive { name: word, args, block: None, place }),
                }
            }
            Token::Open => {
                *at += 1;
                let args = words.split_off(1);
                let word = std::mem::take(&mut words).remove(0);
                let inner = block(name, tokens, at, files, depth)?;
                if tokens.get(*at).is_none() {
                    return Err(format!("{name}:{began}: the block of `{word}` has no `}}` at its end"));
                }
                directives.push(Directive { name: word, args, block: Some(inner), place: format!("{name}:{began}") });
            }
        }
        *at += 1;
    }
    match words.first() {
        None => Ok(directives),
        Some(word) => Err(format!("{name}:{began}: `{word}` has no `;` at its end")),
    }
}

fn tokens(name: &str, text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() || c == '\u{feff}' => {}
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            ';' => tokens.push((line, Token::End)),
            '}' => tokens.push((line, Token::Close)),
            '{' => {
                let lua =
                    |(_, token): &(usize, Token)| matches!(token, Token::Word(word) if word.ends_with("_by_lua_block"));
                if !tokens.last().is_some_and(lua) {
                    tokens.push((line, Token::Open));
                    continue;
                }
                let (began, mut depth) = (line, 1);
                while depth > 0 {
                    match rest.next() {
                        Some('{') => depth += 1,
                        Some('}') => depth -= 1,
                        Some('\n') => line += 1,
                        Some(_) => {}
                        None => return Err(format!("{name}:{began}: a block of Lua has no end")),
                    }
                }
                tokens.push((line, Token::End));
            }
            '"' | '\'' => {
                let began = line;
                let mut word = String::new();
                loop {
                    match rest.next() {
                        None => return Err(format!("{name}:{began}: the text that begins here with {c} has no end")),
                        Some(end) if end == c => break,
                        Some('\\') => match rest.next() {
                            Some(next) if next == c || next == '\\' => word.push(next),
                            Some(next) => word.extend(['\\', next]),
                            None => {}
                        },
                        Some(next) => {
                            line += usize::from(next == '\n');
                            word.push(next);
                        }
                    }
                }
                tokens.push((began, Token::Word(word)));
            }
            c => {
                let mut word = String::from(c);
                // `${name}` is a variable, and no block; so is what `\{` escapes.
                let mut variable = false;
                while let Some(&next) = rest.peek() {
                    let opens = next == '{' && word.ends_with('$');
                    if !variable && !opens && (next.is_whitespace() || matches!(next, ';' | '{' | '}')) {
                        break;
                    }
                    variable = (variable || opens) && next != '}';
                    word.push(next);
                    rest.next();
                    if next == '\\' {
                        word.extend(rest.next());
                    }
                    line += usize::from(next == '\n');
                }
                tokens.push((line, Token::Word(word)));
            }
        }
    }
    Ok(tokens)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::audit::proxy) fn of(text: &str) -> Result<Vec<Directive>, String> {
        parse("nginx.conf", text, &Dump(vec![(String::new(), String::new())]), 0)
    }

    fn shape(directives: &[Directive]) -> String {
        let one = |directive: &Directive| {
            let block = directive.block.as_ref().map(|block| format!("{{{}}}", shape(block))).unwrap_or_default();
            format!("{}[{}]{block}", directive.name, directive.args.join("|"))
        };
        directives.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn directives_blocks_quotes_variables_and_lua_are_read() {
        let text = "user a; # x; }\nhttp{gzip on;\n map $a $b { ~^x{2}\\; 1; }\n proxy_cache_key \"$a ; \\\"$b\"; access_by_lua_block { if x then { } end }\n root ${dir}/x;}";
        let text = text.replace("~^x{2}\\;", "'~^x{2}'");
        assert_eq!(
            shape(&of(&text).unwrap()),
            "user[a] http[]{gzip[on] map[$a|$b]{~^x{2}[1]} proxy_cache_key[$a ; \"$b] access_by_lua_block[] root[${dir}/x]}"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, wanted) in [
            ("a b\n", "nginx.conf:1: `a` has no `;`"),
            ("http {\n gzip on;\n", "nginx.conf:1: the block of `http` has no `}`"),
            ("a;\n}\n", "nginx.conf:2: a `}` too many"),
            ("a;\n;\n", "nginx.conf:2: nothing stands before"),
            ("a;\nb \"x;\n", "nginx.conf:2: the text that begins here"),
            ("http { gzip on }", "nginx.conf:1: `gzip` has no `;`"),
        ] {
            assert!(of(text).unwrap_err().starts_with(wanted), "{:?} for {text:?}", of(text));
        }
    }

    #[test]
    fn included_files_are_read_from_disk_and_from_what_nginx_prints() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("conf.d")).unwrap();
        write("nginx.conf", "http { include conf.d/*.conf; include mime.types; }");
        write("conf.d/b.conf", "gzip on;");
        write("conf.d/a.conf", "sendfile on;");
        write("conf.d/c.txt", "no;");
        write("mime.types", "types { text/html html; }");
        let wanted = "http[]{sendfile[on] gzip[on] types[]{text/html[html]}}";
        assert_eq!(shape(&read(&folder.path().join("nginx.conf")).unwrap()), wanted);
        write(
            "dump.txt",
            "nginx: the configuration file x syntax is ok\n# configuration file /etc/nginx/nginx.conf:\nhttp { include conf.d/*.conf; include mime.types; }\n\
             # configuration file /etc/nginx/conf.d/a.conf:\nsendfile on;\n# configuration file /etc/nginx/conf.d/b.conf:\ngzip on;\n\
             # configuration file /etc/nginx/mime.types:\ntypes { text/html html; }\n",
        );
        assert_eq!(shape(&read(&folder.path().join("dump.txt")).unwrap()), wanted);
        write("loop.conf", "include loop.conf;");
        assert!(read(&folder.path().join("loop.conf")).unwrap_err().contains("include each other"));
        write("missing.conf", "a b;\ninclude nothing.conf;");
        let error = read(&folder.path().join("missing.conf")).unwrap_err();
        assert!(error.contains("missing.conf:2: cannot read"), "{error}");
    }
}
