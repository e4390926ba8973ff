//! Who belongs together, and what they have used in all, although they come and go.

use std::collections::{BTreeMap, BTreeSet};

use super::{Disk, Id, Listed, Now, Usage};

/// The processes that were meant, with their descendants.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// Those of the last look: who their parents were, and what they had used.
    members: BTreeMap<Id, Member>,
    first_root: Option<Id>,
    /// Sums of what was used between looks.
    cpu_s: f64,
    disk: Option<Disk>,
    /// Before the first look nothing is counted.
    begun: bool,
    /// The latest beginning of any process on the machine at the last look: what began before was there already.
    latest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    parent: u32,
    usage: Usage,
    disk: Option<Disk>,
}

impl Family {
    /// The first process that was ever meant.
    pub(super) fn first_root(&self) -> Option<Id> {
        self.first_root
    }

    /// CPU seconds that all of them have used since the first look.
    pub(super) fn cpu_s(&self) -> f64 {
        self.cpu_s
    }

    /// Bytes since the first look; `None` where no process tells.
    pub(super) fn disk(&self) -> Option<Disk> {
        self.disk
    }

    /// Those of `all` that belong to it: the roots, whoever belonged to it before, and the descendants of both. The program
    /// that watches is not among them, unless it is meant itself.
    pub(super) fn gather(&mut self, all: &[Listed], roots: &[Id]) -> Vec<Listed> {
        if self.first_root.is_none() {
            self.first_root = roots.first().copied();
        }
        let mut children: BTreeMap<u32, Vec<&Listed>> = BTreeMap::new();
        for one in all {
            children.entry(one.parent).or_default().push(one);
        }
        let starts = all.iter().filter(|one| roots.contains(&one.id) || self.members.contains_key(&one.id));
        let mut found: Vec<&Listed> = starts.collect();
        let mut seen: BTreeSet<Id> = found.iter().map(|one| one.id).collect();
        let mut at = 0;
        while let Some(&one) = found.get(at) {
            at += 1;
            for &child in children.get(&one.id.0).into_iter().flatten() {
                // A child cannot have begun before its parent: its parent's id is another's by now.
                if child.id.1 >= one.id.1 && child.id.0 != std::process::id() && seen.insert(child.id) {
                    found.push(child);
                }
            }
        }
        let mut members: Vec<Listed> = found.into_iter().cloned().collect();
        members.sort_by_key(|member| member.id);
        let latest = all.iter().map(|one| one.id.1).max().unwrap_or(0);
        for member in &members {
            // One that was there and did not belong to it had used what it had used.
            if self.begun && member.id.1 < self.latest && !self.members.contains_key(&member.id) {
                self.members.insert(member.id, Member { parent: member.parent, usage: member.usage, disk: None });
            }
        }
        self.latest = self.latest.max(latest);
        members
    }

    /// Adds what was used since the last look. A child's usage is its parent's too, once that has waited for it: what
    /// was counted of it while it lived is taken off again.
    pub(super) fn count(&mut self, members: &[Listed], now: &BTreeMap<Id, Now>) {
        let before = std::mem::take(&mut self.members);
        for member in members {
            let disk = now.get(&member.id).and_then(|now| now.disk);
            // One that cannot be read any more, as it has ended, has used what it had.
            let disk = disk.or_else(|| before.get(&member.id)?.disk);
            self.members.insert(member.id, Member { parent: member.parent, usage: member.usage, disk });
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.disk = self.members.values().any(|member| member.disk.is_some()).then(Disk::default);
            return;
        }
        let reaped = |id: &Id| {
            let mut parent = before.get(id).map(|member| member.parent);
            for _ in 0..1000 {
                let Some(pid) = parent else { return false };
                if self.members.keys().any(|(member, _)| *member == pid) {
                    return true;
                }
                parent = before.iter().find(|((member, _), _)| *member == pid).map(|(_, member)| member.parent);
            }
            false
        };
        let gone = || before.iter().filter(|(id, _)| !self.members.contains_key(id) && reaped(id));

        let (mut own_s, mut waited_for_s) = (0.0, 0.0);
        for (id, Member { usage, .. }) in &self.members {
            let then = before.get(id).map_or_else(Usage::default, |member| member.usage);
            own_s += (usage.cpu_s - then.cpu_s).max(0.0);
            waited_for_s += (usage.reaped_cpu_s - then.reaped_cpu_s).max(0.0);
        }
        let counted_s: f64 = gone().map(|(_, gone)| gone.usage.cpu_s + gone.usage.reaped_cpu_s).sum();
        self.cpu_s += own_s + (waited_for_s - counted_s).max(0.0);

        let bytes = |of: fn(&Disk) -> f64| {
            let grown = self.members.iter().filter_map(|(id, member)| {
                let then = match before.get(id) {
                    // What it had before it could be read is not known.
                    Some(before) => before.disk?,
                    None => Disk::default(),
                };
                Some((of(&member.disk?) - of(&then)).max(0.0))
            });
            let counted: f64 = gone().filter_map(|(_, gone)| gone.disk.as_ref().map(of)).sum();
            (grown.sum::<f64>() - counted).max(0.0)
        };
        let (read, written) = (bytes(|disk| disk.read), bytes(|disk| disk.written));
        if self.members.values().any(|member| member.disk.is_some()) {
            let disk = self.disk.get_or_insert_default();
            disk.read += read;
            disk.written += written;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(pid: u32, parent: u32, began: u64, cpu_s: f64, reaped_cpu_s: f64) -> Listed {
        Listed { id: (pid, began), parent, zombie: false, usage: Usage { cpu_s, reaped_cpu_s } }
    }

    fn look(family: &mut Family, all: &[Listed]) -> (Vec<u32>, f64) {
        let members = family.gather(all, &[(10, 100)]);
        family.count(&members, &BTreeMap::new());
        (members.iter().map(|member| member.id.0).collect(), (family.cpu_s() * 1000.0).round() / 1000.0)
    }

    #[test]
    fn descendants_belong_to_it_and_orphans_stay() {
        let mut family = Family::default();
        let others = [one(1, 0, 1, 9.0, 9.0), one(5, 1, 50, 9.0, 0.0)];
        let mut all = others.to_vec();
        all.extend([one(10, 1, 100, 1.0, 0.0), one(11, 10, 101, 0.5, 0.0), one(12, 11, 102, 0.25, 0.0)]);
        assert_eq!(look(&mut family, &all), (vec![10, 11, 12], 0.0), "nothing before the first look");
        // Its parent has ended: init has it now.
        let mut all = others.to_vec();
        all.extend([one(10, 1, 100, 1.5, 0.5), one(12, 1, 102, 0.5, 0.0)]);
        assert_eq!(look(&mut family, &all), (vec![10, 12], 0.75), "0.5 of the root, 0.25 of the orphan");
        let mut all = others.to_vec();
        all.extend([one(10, 1, 100, 1.5, 0.5), one(13, 12, 120, 0.1, 0.0), one(12, 1, 102, 0.5, 0.0)]);
        assert_eq!(look(&mut family, &all), (vec![10, 12, 13], 0.85));
    }

    #[test]
    fn children_that_are_gone_stay_counted_and_are_not_counted_twice() {
        let mut family = Family::default();
        look(&mut family, &[one(10, 1, 100, 1.0, 7.0)]);
        assert_eq!(look(&mut family, &[one(10, 1, 100, 1.0, 7.0), one(11, 10, 110, 2.0, 0.0)]).1, 2.0);
        // It used 0.5 more, and another one came and went unseen with 0.25.
        assert_eq!(look(&mut family, &[one(10, 1, 100, 1.0, 9.75)]).1, 2.75);
        assert_eq!(look(&mut family, &[one(10, 1, 100, 1.5, 9.75)]).1, 3.25);
    }

    #[test]
    fn a_child_whose_parent_does_not_wait_for_it_takes_nothing_back() {
        let mut family = Family::default();
        look(&mut family, &[one(10, 1, 100, 1.0, 0.0), one(11, 10, 110, 2.0, 0.0)]);
        assert_eq!(look(&mut family, &[one(10, 1, 100, 1.25, 0.0)]).1, 0.25);
    }

    #[test]
    fn a_branch_that_ends_whole_is_counted_once() {
        let mut family = Family::default();
        let began = [one(10, 1, 100, 0.0, 0.0), one(11, 10, 110, 1.0, 0.0), one(12, 11, 120, 1.0, 0.0)];
        look(&mut family, &began);
        // 11 waited for 12 (1.0 and 0.25 more), then 10 for 11 (1.0 and 0.5 more).
        assert_eq!(look(&mut family, &[one(10, 1, 100, 0.0, 2.75)]).1, 0.75);
    }

    #[test]
    fn an_id_that_is_given_again_is_another_process() {
        let mut family = Family::default();
        look(&mut family, &[one(10, 1, 100, 0.0, 0.0), one(11, 10, 110, 5.0, 0.0)]);
        let (pids, cpu_s) = look(&mut family, &[one(10, 1, 100, 0.0, 0.0), one(11, 1, 500, 3.0, 0.0)]);
        assert_eq!((pids, cpu_s), (vec![10], 0.0));
        // One whose parent began after it is no child of that parent.
        assert_eq!(look(&mut family, &[one(10, 1, 100, 0.0, 0.0), one(7, 10, 50, 3.0, 0.0)]).0, [10]);
    }

    #[test]
    fn bytes_are_counted_as_their_parents_have_them() {
        let mut family = Family::default();
        let disk = |read| Now { disk: Some(Disk { read, written: 0.0 }), ..Now::default() };
        let steps: [&[(u32, f64)]; 4] = [&[(10, 100.0)], &[(10, 100.0), (11, 40.0)], &[(10, 150.0)], &[(10, 155.0)]];
        let mut told = Vec::new();
        for step in steps {
            let all: Vec<Listed> = step
                .iter()
                .map(|&(pid, _)| one(pid, if pid == 10 { 1 } else { 10 }, u64::from(pid) * 10, 0.0, 0.0))
                .collect();
            let members = family.gather(&all, &[(10, 100)]);
            let now = step.iter().map(|&(pid, read)| ((pid, u64::from(pid) * 10), disk(read))).collect();
            family.count(&members, &now);
            told.push(family.disk().unwrap().read);
        }
        assert_eq!(told, [0.0, 40.0, 50.0, 55.0]);
    }
}
