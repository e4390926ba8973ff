//! When something that grows by the same share in every period has grown so many times as large.

use jiff::civil::Date;

use crate::judge::When;

/// Days of each period, of the Gregorian calendar's mean year.
const PERIODS: [(&str, f64); 3] = [("week", 7.0), ("month", 365.2425 / 12.0), ("year", 365.2425)];
/// Farther ahead nobody plans.
const MOST_DAYS: f64 = 100.0 * 365.2425;
/// In one period.
const MOST_PERCENT: f64 = 1000.0;

/// How fast users become more: each period by a share of what there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// A fraction, above 0.
    pub share: f64,
    /// `week`, `month` or `year`.
    pub per: &'static str,
}

impl Growth {
    /// Reads `8%/month`, `2.5 %/week`, `60%/year`. The error says what would do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no growth: write a share of a period, e.g. 8%/month, 2%/week, 60%/year");
        let (share, period) = text.split_once('/').ok_or_else(wrong)?;
        let per = PERIODS.iter().map(|(name, _)| *name).find(|name| *name == period.trim()).ok_or_else(wrong)?;
        let percent = share.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
        if percent.is_empty() || !percent.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(wrong());
        }
        let percent: f64 = percent.parse().map_err(|_| wrong())?;
        if percent > 0.0 && percent <= MOST_PERCENT {
            return Ok(Self { share: percent / 100.0, per });
        }
        Err(format!("the growth must be above 0 and at most {MOST_PERCENT} %: leave it out where nothing grows"))
    }

    /// When what there is on a day will be so many times as much: after ln(times) / ln(1 + share) periods.
    pub fn reaches(self, times: f64, today: Date) -> When {
        if times < 1.0 {
            return When::Already;
        }
        let days = times.ln() / self.share.ln_1p() * self.days();
        let ahead = (days <= MOST_DAYS).then(|| jiff::Span::new().days(days as i64));
        match ahead.and_then(|ahead| today.checked_add(ahead).ok()) {
            Some(day) => When::In(day.year(), day.month()),
            None => When::Later,
        }
    }

    fn days(self) -> f64 {
        PERIODS.iter().find(|(name, _)| *name == self.per).map_or(f64::NAN, |(_, days)| *days)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn today() -> Date {
        jiff::civil::date(2026, 11, 23)
    }

    #[test]
    fn a_growth_is_read_with_its_period() {
        assert_eq!(Growth::parse("8%/month"), Ok(Growth { share: 0.08, per: "month" }));
        assert_eq!(Growth::parse(" 2.5 % / week "), Ok(Growth { share: 0.025, per: "week" }));
        assert_eq!(Growth::parse("150%/year"), Ok(Growth { share: 1.5, per: "year" }));
        for bad in
            ["8%", "8/month", "8%/fortnight", "-8%/month", "x%/month", "1e3%/year", "%/month", "1.2.3%/month", ""]
        {
            assert!(Growth::parse(bad).unwrap_err().contains("e.g. 8%/month"), "{bad:?} was taken");
        }
        for bad in ["0%/month", "1001%/year"] {
            assert!(Growth::parse(bad).unwrap_err().contains("above 0 and at most 1000 %"), "{bad:?} was taken");
        }
    }

    #[test]
    fn doubling_at_8_percent_a_month_takes_9_months() {
        let month = Growth { share: 0.08, per: "month" };
        // ln 2 / ln 1.08 = 9.006 months = 274.1 days: 24 August.
        assert_eq!(month.reaches(2.0, today()), When::In(2027, 8));
        // 69.66 weeks of 1 % = 487.6 days: 24 March.
        assert_eq!(Growth { share: 0.01, per: "week" }.reaches(2.0, today()), When::In(2028, 3));
        // 100 % a year: 3 years to eight times as much, less a few days that leap years make.
        assert_eq!(Growth { share: 1.0, per: "year" }.reaches(8.0, today()), When::In(2029, 11));
    }

    #[test]
    fn what_has_no_room_has_run_out_and_what_takes_a_lifetime_is_later() {
        let slow = Growth { share: 0.001, per: "year" };
        assert_eq!(slow.reaches(0.99, today()), When::Already);
        assert_eq!(slow.reaches(1.0, today()), When::In(2026, 11));
        assert_eq!(slow.reaches(2.0, today()), When::Later);
        assert_eq!(slow.reaches(f64::INFINITY, today()), When::Later);
    }

    proptest! {
        #[test]
        fn more_room_lasts_longer_and_faster_growth_shorter(times in 0.1_f64..50.0, more in 1.0_f64..5.0, share in 0.001_f64..3.0) {
            for (per, _) in PERIODS {
                let growth = Growth { share, per };
                prop_assert!(growth.reaches(times, today()) <= growth.reaches(times * more, today()));
                let faster = Growth { share: share * more, per };
                prop_assert!(faster.reaches(times, today()) <= growth.reaches(times, today()));
            }
        }
    }
}
