//! Numbers as people write them.

use std::time::Duration;

/// `12.3 TH/s`
pub fn hashrate(rate: f64) -> String {
    const STEPS: [(f64, &str); 6] =
        [(1e18, "EH/s"), (1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (1e3, "kH/s")];
    let (step, unit) = STEPS.into_iter().find(|(step, _)| rate >= *step).unwrap_or((1.0, "H/s"));
    format!("{} {unit}", three(rate / step))
}

/// Three digits that mean something.
fn three(number: f64) -> String {
    match number {
        large if large >= 99.95 => format!("{large:.0}"),
        medium if medium >= 9.995 => format!("{medium:.1}"),
        small => format!("{small:.2}"),
    }
}

/// `905 123`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `12 s`, `5 min`, `3 h 20 min`, `4 d 3 h`
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{minutes} min"),
        7_200..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `31 %`, `0.004 %`
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        0.0 => "0 %".into(),
        much if much >= 9.95 => format!("{much:.0} %"),
        some if some >= 0.1 => format!("{some:.1} %"),
        little if little >= 0.0001 => {
            let text = format!("{little:.4}");
            format!("{} %", text.trim_end_matches('0'))
        }
        _ => "under 0.0001 %".into(),
    }
}

/// `0.0123 BTC`
pub fn bitcoin(satoshi: u64) -> String {
    let text = format!("{}.{:08}", satoshi / 100_000_000, satoshi % 100_000_000);
    let cut = text.trim_end_matches('0').trim_end_matches('.');
    format!("{cut} BTC")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(
            [0.0, 999.4, 1.234e12, 5.67e18].map(hashrate),
            ["0.00 H/s", "999 H/s", "1.23 TH/s", "5.67 EH/s"]
        );
        assert_eq!([7, 1_000, 12_345_678].map(grouped), ["7", "1 000", "12 345 678"]);
        assert_eq!(
            [1.0, 0.31, 0.012, 0.000_04, 1e-9, 0.0].map(percent),
            ["100 %", "31 %", "1.2 %", "0.004 %", "under 0.0001 %", "0 %"]
        );
        assert_eq!([0, 1, 312_500_000].map(bitcoin), ["0 BTC", "0.00000001 BTC", "3.125 BTC"]);
        let spans = [5, 300, 12_000, 360_000].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["5 s", "5 min", "3 h 20 min", "4 d 4 h"]);
    }
}
