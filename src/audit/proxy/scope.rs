//! What holds where: nginx' directives are inherited from the blocks around a place, unless one further in says otherwise.

use super::config::Directive;

/// A place in the configuration: the blocks around it, the outermost first.
#[derive(Debug, Clone)]
pub(super) struct Scope<'c> {
    blocks: Vec<&'c [Directive]>,
    /// The directive that opens the innermost block; `None` at the top of the file.
    opens: Option<&'c Directive>,
}

impl<'c> Scope<'c> {
    /// Every place, the outer ones first.
    pub(super) fn all(config: &'c [Directive]) -> Vec<Self> {
        let mut found = vec![Self { blocks: vec![config], opens: None }];
        let mut at = 0;
        while let Some(scope) = found.get(at).cloned() {
            for directive in scope.own() {
                // `map`, `types`, `geo` hold values, and not directives.
                let holds = ["events", "http", "server", "location", "if", "limit_except"];
                if let Some(block) = directive.block.as_deref().filter(|_| holds.contains(&&*directive.name)) {
                    let blocks = scope.blocks.iter().copied().chain([block]).collect();
                    found.push(Self { blocks, opens: Some(directive) });
                }
            }
            at += 1;
        }
        found
    }

    /// The servers; of a configuration without one, what is around them.
    pub(super) fn servers(config: &'c [Directive]) -> Vec<Self> {
        let all = Self::all(config);
        for name in ["server", "http"] {
            let ours: Vec<Self> = all.iter().filter(|scope| scope.name() == name).cloned().collect();
            if !ours.is_empty() {
                return ours;
            }
        }
        all.into_iter().take(1).collect()
    }

    /// The places that pass requests on, with where to.
    pub(super) fn passing(config: &'c [Directive]) -> Vec<(Self, &'c Directive)> {
        let mut found = Vec::new();
        for scope in Self::all(config) {
            found.extend(scope.own().iter().find(|said| said.name == "proxy_pass").map(|pass| (scope.clone(), pass)));
        }
        found
    }

    /// `server`, `location`; empty at the top of the file.
    pub(super) fn name(&self) -> &'c str {
        self.opens.map_or("", |opens| &opens.name)
    }

    /// Where it begins.
    pub(super) fn opens(&self) -> Option<&'c Directive> {
        self.opens
    }

    /// What stands in it, and not further in.
    pub(super) fn own(&self) -> &'c [Directive] {
        self.blocks.last().copied().unwrap_or_default()
    }

    /// What holds here of a name: that of the innermost block which has any.
    pub(super) fn holds(&self, name: &str) -> Vec<&'c Directive> {
        let of = |block: &&'c [Directive]| block.iter().filter(|said| said.name == name).collect::<Vec<_>>();
        self.blocks.iter().rev().map(of).find(|said| !said.is_empty()).unwrap_or_default()
    }

    /// Its only one.
    pub(super) fn value(&self, name: &str) -> Option<&'c Directive> {
        self.holds(name).into_iter().next()
    }
}

/// All directives of a name, wherever they stand.
pub(super) fn all<'c>(config: &'c [Directive], name: &str) -> Vec<&'c Directive> {
    let mut found = Vec::new();
    for directive in config {
        if directive.name == name {
            found.push(directive);
        }
        found.extend(all(directive.block.as_deref().unwrap_or_default(), name));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::of;
    use super::*;

    #[test]
    fn what_is_further_in_holds_and_lists_are_not_added_up() {
        let config =
            of("gzip on; http { proxy_set_header A 1; map $x $y { gzip off; } server { proxy_set_header B 2; \
                         location / { proxy_pass http://b; } location /c { gzip off; proxy_set_header C 3; \
                         if ($x) { proxy_pass http://d; } } } }")
            .unwrap();
        let told: Vec<(String, String, String)> = Scope::passing(&config)
            .into_iter()
            .map(|(scope, pass)| {
                let of = |name| scope.holds(name).iter().map(|said| said.args.join(" ")).collect::<Vec<_>>().join("|");
                (pass.args[0].clone(), of("gzip"), of("proxy_set_header"))
            })
            .collect();
        let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(told, [text("http://b", "on", "B 2"), text("http://d", "off", "C 3")]);
        assert_eq!(Scope::servers(&config).len(), 1);
        assert_eq!(Scope::servers(&of("gzip on;").unwrap()).len(), 1);
    }
}
