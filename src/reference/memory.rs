//! What the service remembers where it has no database: users, their tokens, projects and tasks. Bounded, so that a day of
//! load does not make it grow.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::lock;
use super::store::{PROJECTS, Page, TASKS_PER_USER, Task, new_token, now};

/// Users kept: the newest. An older one that logs in again begins anew.
const USERS: usize = 10_000;
/// Tokens kept: the newest.
const TOKENS: usize = 100_000;

/// Everything that the service remembers.
#[derive(Debug)]
pub(super) struct Memory {
    users: Mutex<Newest<User>>,
    tokens: RwLock<Newest<User>>,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub(super) struct User {
    pub(super) email: String,
    /// The answer to `GET /api/v2/projects`: projects never change, so it is rendered once.
    pub(super) projects: Bytes,
    /// The newest first.
    tasks: Mutex<VecDeque<Task>>,
}

impl Memory {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Self { users: Mutex::new(Newest::new(USERS)), tokens: RwLock::new(Newest::new(TOKENS)) }
    }

    /// Hands out a new token for the user of this address, who is made where there is none.
    pub(super) fn log_in(&self, email: &str) -> String {
        let user = lock(&self.users).get_or_add(email, || Arc::new(User::new(email)));
        let token = new_token();
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).add(token.clone(), user);
        token
    }

    /// Whose token this is.
    pub(super) fn user(&self, token: &str) -> Option<Arc<User>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(token)
    }

    /// The user of this address, who has logged in before.
    pub(super) fn known(&self, email: &str) -> Option<Arc<User>> {
        lock(&self.users).get(email)
    }
}

impl User {
    fn new(email: &str) -> Self {
        let projects: serde_json::Map<_, _> = PROJECTS
            .iter()
            .map(|(name, description)| {
                let id = Uuid::new_v4().to_string();
                let project = json!({"id": id, "name": name, "description": description, "created_at": now()});
                (id, project)
            })
            .collect();
        let answer = json!({"total": projects.len(), "projects": projects});
        Self { email: email.to_owned(), projects: answer.to_string().into(), tasks: Mutex::new(VecDeque::new()) }
    }

    /// Keeps a task; the oldest goes where there are too many.
    pub(super) fn add_task(&self, task: Task) {
        let mut tasks = lock(&self.tasks);
        tasks.truncate(TASKS_PER_USER - 1);
        tasks.push_front(task);
    }

    /// The newest tasks first, from `offset` on.
    pub(super) fn tasks(&self, status: Option<&str>, offset: usize, limit: usize) -> Page {
        let tasks = lock(&self.tasks);
        let asked_for = || tasks.iter().filter(|task| status.is_none_or(|status| task.status == status));
        Page { tasks: asked_for().skip(offset).take(limit).cloned().collect(), total: asked_for().count() }
    }
}

/// A map that keeps its newest entries.
#[derive(Debug)]
struct Newest<V> {
    entries: HashMap<String, Arc<V>>,
    /// The oldest first.
    order: VecDeque<String>,
    limit: usize,
}

impl<V> Newest<V> {
    fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), limit }
    }

    fn get(&self, key: &str) -> Option<Arc<V>> {
        self.entries.get(key).map(Arc::clone)
    }

    /// Adds what is not there yet.
    fn add(&mut self, key: String, value: Arc<V>) {
        if self.entries.len() == self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.entries.insert(key.clone(), value);
        self.order.push_back(key);
    }

    fn get_or_add(&mut self, key: &str, make: impl FnOnce() -> Arc<V>) -> Arc<V> {
        self.get(key).unwrap_or_else(|| {
            let value = make();
            self.add(key.to_owned(), Arc::clone(&value));
            value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_entries_are_kept() {
        let mut newest = Newest::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            newest.add(key.to_owned(), Arc::new(value));
        }
        assert_eq!(["a", "b", "c"].map(|key| newest.get(key).map(|value| *value)), [None, Some(2), Some(3)]);
        assert_eq!(*newest.get_or_add("b", || Arc::new(9)), 2);
        assert_eq!((newest.entries.len(), newest.order.len()), (2, 2));
    }

    #[test]
    fn a_user_keeps_projects_and_tasks_from_one_login_to_the_next() {
        let store = Memory::new();
        let (first, second) = (store.log_in("a@example.com"), store.log_in("a@example.com"));
        assert_ne!(first, second);
        let [first, second] = [first, second].map(|token| store.user(&token).expect("logged in"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&first, &store.known("a@example.com").expect("logged in")));
        assert!(store.user("guessed").is_none() && store.known("b@example.com").is_none());
    }
}
