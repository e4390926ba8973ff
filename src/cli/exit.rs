//! What the process ends with.

use crate::judge::Verdict;
use crate::record::End;

/// The exit codes. Anything that reads them may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Every target passed, or could not be measured.
    Passed = 0,
    /// It could not run: host unreachable, nobody could log in, disk full.
    CannotRun = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Unproven or void.
    Unproven = 98,
    /// A target was missed.
    Failed = 99,
    /// SIGINT or SIGTERM.
    Interrupted = 130,
}

impl ExitCode {
    /// Of a run that ended so, with that verdict. `None`: the journal does not say how it ended.
    pub(super) fn of(end: Option<&End>, verdict: Verdict, allow_unproven: bool) -> Self {
        match (end, verdict) {
            (Some(End::Interrupted), _) => Self::Interrupted,
            (Some(End::Aborted(_)), _) => Self::CannotRun,
            (_, Verdict::Fail) => Self::Failed,
            (_, Verdict::Unproven | Verdict::Void) if !allow_unproven => Self::Unproven,
            _ => Self::Passed,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_run_ended_comes_before_what_it_proved() {
        let code = |end: Option<End>, verdict, allow| ExitCode::of(end.as_ref(), verdict, allow) as u8;
        assert_eq!(code(Some(End::Finished), Verdict::Pass, false), 0);
        assert_eq!(code(Some(End::Finished), Verdict::Fail, true), 99);
        assert_eq!(code(Some(End::Finished), Verdict::Unproven, false), 98);
        assert_eq!(code(Some(End::Finished), Verdict::Void, false), 98);
        assert_eq!(code(Some(End::Finished), Verdict::Void, true), 0);
        assert_eq!(code(Some(End::Interrupted), Verdict::Fail, false), 130);
        assert_eq!(code(Some(End::Aborted("disk full".into())), Verdict::Unproven, true), 1);
        assert_eq!(code(None, Verdict::Unproven, false), 98);
    }
}
