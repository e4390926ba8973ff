//! A PostgreSQL database, by its own statistics: one connection, at most two questions a second, each of several
//! statements in one transaction that cannot write.
//!
//! What is asked is put together from the columns that the server has, so that every version from 13 on is understood.
//! The probe leaves itself out of what it counts: its session, its statements, its transactions.

mod about;
mod columns;
mod connect;
mod literals;
mod locks;
mod own;
mod quick;
mod running;
mod since;
mod statements;
mod tables;
mod tls;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_postgres::SimpleQueryRow;

use self::about::About;
use self::connect::{Session, Settings, number, text};
use self::own::Own;
use self::running::{Running, SumPace};
use self::since::Against;
use self::statements::{Dropped, Statements};
use self::tables::Tables;
use self::trouble::Trouble;
use super::{Address, Depth, Look, Probe};
use crate::mask::Mask;
use crate::record::{ProbeKind, ProbeName};

pub(crate) use self::connect::settings;
pub(crate) use self::literals::{Numbers, shown};

/// Between two attempts to connect.
const CONNECTS_EVERY: Duration = Duration::from_secs(1);
/// For the answers of one look, connecting included.
const ANSWERS_WITHIN: Duration = Duration::from_millis(2500);
/// The same and the wait before an attempt to connect.
const PATIENCE: Duration = Duration::from_secs(4);
/// What of the probe itself is in its figures.
const LEFT_OUT: &str = "its own session, statements and commits are left out; rows scanned and fetched by it in system \
    catalogs cannot be";

/// Watches a database.
pub(super) struct PostgresProbe {
    settings: Result<Settings, String>,
    mask: Mask,
    facts: BTreeMap<String, String>,
    /// The connection, except while it is being asked: a look that is given up takes it along.
    connected: Option<Connected>,
    last_attempt: Option<Instant>,
    own: Own,
    running: Running,
    pace: SumPace,
    statements: Statements,
    tables: Tables,
    /// Their counters may have begun anew since they were looked at.
    tables_reset: bool,
}

/// The rows of each statement.
type Rows = Vec<Vec<SimpleQueryRow>>;

#[derive(Debug)]
struct Connected {
    session: Session,
    about: About,
}

impl PostgresProbe {
    /// One that has not looked yet.
    pub(super) fn new(address: &Address) -> Self {
        Self {
            settings: settings(address.url()).map_err(|why| format!("{address}: {why}")),
            mask: Mask::new(address.password()),
            facts: [("address".to_owned(), address.to_string())].into(),
            connected: None,
            last_attempt: None,
            own: Own::default(),
            running: Running::default(),
            pace: SumPace::default(),
            statements: Statements::default(),
            tables: Tables::default(),
            tables_reset: false,
        }
    }

    async fn see(&mut self, depth: Depth) -> Result<Look, Trouble> {
        let kept = self.connected.take().filter(|connected| !connected.session.is_closed());
        let (connected, look) = match kept {
            Some(connected) => match self.within(&connected, depth).await {
                // It may be back already.
                Err(trouble) if trouble.is_lost => self.connect_and_look(depth).await?,
                look => (connected, look?),
            },
            None => self.connect_and_look(depth).await?,
        };
        self.connected = Some(connected);
        Ok(look)
    }

    async fn connect_and_look(&mut self, depth: Depth) -> Result<(Connected, Look), Trouble> {
        if let Some(last) = self.last_attempt {
            tokio::time::sleep_until(last + CONNECTS_EVERY).await;
        }
        self.last_attempt = Some(Instant::now());
        let settings = self.settings.clone().map_err(Trouble::new)?;
        let connecting = async {
            let session = Session::open(&settings).await?;
            self.own.begins(std::time::Instant::now());
            let about = About::learn(&session, &mut self.own).await?;
            Ok(Connected { session, about })
        };
        let connected = tokio::time::timeout(ANSWERS_WITHIN, connecting).await;
        let connected = connected.map_err(|_| hung(&settings.place(), "takes connections"))??;
        self.facts.retain(|name, _| name == "address");
        self.facts.extend(connected.about.facts.clone());
        self.facts.insert("left out".to_owned(), LEFT_OUT.to_owned());
        let look = self.within(&connected, depth).await?;
        Ok((connected, look))
    }

    async fn within(&mut self, connected: &Connected, depth: Depth) -> Result<Look, Trouble> {
        let looking = tokio::time::timeout(ANSWERS_WITHIN, self.ask(connected, depth)).await;
        let place = || self.settings.as_ref().map_or_else(|_| String::new(), Settings::place);
        looking.map_err(|_| hung(&place(), "is connected"))?
    }

    async fn ask(&mut self, connected: &Connected, depth: Depth) -> Result<Look, Trouble> {
        // Where the differences begin has to be seen first.
        let whole = depth == Depth::Whole || self.tables.is_empty();
        let (mut look, dropped, tables_against) = self.ask_each_second(connected, whole).await?;
        let waiting = look.gauges.get("locks_waiting").is_some_and(|waiting| *waiting > 0.0);
        look.gauge("blocked", 0.0);
        if whole || waiting {
            self.ask_more(connected, whole, waiting, (dropped, tables_against), &mut look).await?;
        }
        Ok(look)
    }

    async fn ask_each_second(
        &mut self,
        Connected { session, about }: &Connected,
        whole: bool,
    ) -> Result<(Look, Option<Dropped>, Against), Trouble> {
        let sum = quick::sum(about).filter(|_| self.pace.is_due() || whole);
        let mut asked = vec![quick::database(about), quick::sessions(about), quick::clock(about)];
        let sum_at = push(&mut asked, sum);
        let own_before = self.own.known(about.counts_at_once);
        let answers = self.own.ask(session, &asked).await?;

        let mut look = Look { at: Some(std::time::Instant::now()), ..Look::default() };
        let database = answers[0].first();
        let is_anew = self.running.begun(database.and_then(|row| text(row, "since")));
        if let Some(row) = database {
            quick::tell_database(row, own_before, &mut look);
        }
        quick::tell_sessions(&answers[1], about, &mut look);
        let dropped = database.and_then(Dropped::read);
        if let Some(row) = sum_at.and_then(|at| answers[at].first()) {
            let began = answers[2].first().and_then(|row| number(row, "at"));
            if let (Some(began), Some(ended)) = (began, number(row, "at")) {
                self.pace.took(ended - began);
            }
            self.running.sum(row, dropped.clone(), about, &mut look);
        }
        self.running.offset(&mut look);
        // A whole look that comes later must know it too.
        self.tables_reset |= is_anew;
        Ok((look, dropped, if self.tables_reset { Against::Unknown } else { Against::TheLast }))
    }

    async fn ask_more(
        &mut self,
        Connected { session, about }: &Connected,
        whole: bool,
        waiting: bool,
        (dropped, tables_against): (Option<Dropped>, Against),
        look: &mut Look,
    ) -> Result<(), Trouble> {
        let mut asked = Vec::new();
        let locks_at = push(&mut asked, Some(locks::question(about)).filter(|_| waiting));
        let statements_at = push(&mut asked, statements::question(about).filter(|_| whole));
        let tables_at = push(&mut asked, Some(tables::question(about)).filter(|_| whole));
        let size_at = push(&mut asked, Some(tables::database_size_question()).filter(|_| whole));
        let answers = self.own.ask(session, &asked).await?;
        if let Some(at) = locks_at {
            let (everybody, blocked) = locks::read(&answers[at]);
            look.gauge("blocked", everybody);
            look.blocked = blocked;
        }
        if let Some(row) = size_at.and_then(|at| answers[at].first()) {
            match number(row, "bytes") {
                Some(size) => look.gauge("database_bytes", size),
                None => drop(self.facts.insert("size of the database".to_owned(), tables::size_fact())),
            }
        }
        let statements_begin =
            statements_at.map(|at| self.statements.see(&answers[at], dropped, self.running.entries(), about));
        let tables_begin = tables_at.map(|at| self.tables.see(&answers[at], tables_against));
        if whole {
            self.tables_reset = false;
            self.ask_texts(session, about).await?;
            self.ask_sizes(session).await?;
        }
        look.statements = statements_begin.map(|begins| self.statements.told(begins));
        look.tables = tables_begin.map(|begins| self.tables.told(begins));
        Ok(())
    }

    async fn ask_texts(&mut self, session: &Session, about: &About) -> Result<(), Trouble> {
        self.statements.tidy();
        let unknown = self.statements.unknown();
        if let Some(question) = statements::texts_question(about, &unknown).filter(|_| !unknown.is_empty()) {
            let answers = self.own.ask(session, &[question]).await?;
            self.statements.learn_texts(&answers[0]);
        }
        Ok(())
    }

    /// Sizes need a lock that nothing but a change of the table's form withholds: then they are not told.
    async fn ask_sizes(&mut self, session: &Session) -> Result<(), Trouble> {
        let ids = self.tables.ids();
        if ids.is_empty() {
            return Ok(());
        }
        match self.own.ask(session, &[tables::sizes_question(&ids)]).await {
            Ok(answers) => self.tables.learn_sizes(&answers[0]),
            Err(trouble) if trouble.code.is_some() && !trouble.is_lost => self.tables.learn_sizes(&[]),
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }
}

impl Probe for PostgresProbe {
    fn name(&self) -> ProbeName {
        let mut facts = self.facts.clone();
        if let Some(says) = self.pace.says() {
            facts.insert("statements a second".to_owned(), says);
        }
        ProbeName { kind: ProbeKind::Postgres, name: String::new(), facts }
    }

    fn look(&mut self, depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async move { self.see(depth).await.map_err(|trouble| self.mask.values(&trouble.line).into_owned()) })
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// Appends a statement, if there is one; where its answer will be.
fn push(asked: &mut Vec<String>, statement: Option<String>) -> Option<usize> {
    asked.push(statement?);
    Some(asked.len() - 1)
}

fn hung(place: &str, does: &str) -> Trouble {
    let within = ANSWERS_WITHIN.as_secs_f64();
    Trouble::new(format!("{place} {does} but did not answer within {within} s: it hangs, or is overloaded"))
}
