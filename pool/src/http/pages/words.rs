//! Numbers as people read them.

use crate::http::markup::{Markup, html};
use work::HashRate;

/// `12.3 TH/s`
pub fn hashrate(rate: f64) -> String {
    HashRate(rate).to_string()
}

/// `1.23 G`; three digits and a letter.
pub fn si(value: f64) -> String {
    let with_unit = HashRate(value).to_string();
    with_unit.strip_suffix("H/s").unwrap_or(&with_unit).trim_end().to_owned()
}

/// `12 345`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `3.125 000 00 BTC`, whole coins and satoshi.
pub fn coins(satoshi: u64) -> String {
    const COIN: u64 = 100_000_000;
    let (whole, rest) = (satoshi / COIN, satoshi % COIN);
    let digits = format!("{rest:08}");
    let (head, tail) = digits.split_at(3);
    let (middle, end) = tail.split_at(3);
    format!("{}.{head}\u{202f}{middle}\u{202f}{end} BTC", count(whole))
}

/// `12 345 sat`
pub fn sat(satoshi: u64) -> String {
    format!("{} sat", count(satoshi))
}

/// `12.3 %`, with as many digits as a small part needs.
pub fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent == 0.0 {
        "0 %".to_owned()
    } else if percent < 0.001 {
        format!("1 in {}", si(1.0 / part))
    } else if percent < 0.1 {
        format!("{percent:.3} %")
    } else if percent < 10.0 {
        format!("{percent:.1} %")
    } else if percent >= 99.5 && part < 1.0 {
        // Nothing but certainty is a hundred.
        "> 99 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

/// `3 hours`: the largest unit that fits, rounded.
pub fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str, &str); 6] = [
        (31_557_600.0, "year", "years"),
        (2_629_800.0, "month", "months"),
        (86_400.0, "day", "days"),
        (3_600.0, "hour", "hours"),
        (60.0, "minute", "minutes"),
        (1.0, "second", "seconds"),
    ];
    for (length, one, many) in UNITS {
        let number = seconds / length;
        // Rather 90 minutes than 2 hours.
        if number >= 1.95 || length <= 1.0 {
            let rounded = number.round();
            let name = if rounded == 1.0 { one } else { many };
            let digits = if number < 9.5 && length > 1.0 { format!("{number:.1}") } else { grouped(rounded) };
            let digits = digits.strip_suffix(".0").map(str::to_owned).unwrap_or(digits);
            return format!("{digits} {name}");
        }
    }
    String::new()
}

fn grouped(number: f64) -> String {
    if number < 1e9 { count(number as u64) } else { si(number) }
}

/// `3 minutes ago`, from `then` to `now`.
pub fn ago(now: u64, then: u64) -> String {
    match now.saturating_sub(then) {
        0..=1 => "just now".to_owned(),
        seconds if seconds < 60 => format!("{seconds} s ago"),
        seconds if seconds < 5_400 => format!("{} min ago", seconds / 60),
        seconds => format!("{} ago", duration(seconds as f64)),
    }
}

/// `2026-11-29 21:35:07`, UTC, from seconds since the Unix epoch.
pub fn utc(time: u64) -> String {
    let (days, second) = (time / 86_400, time % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of the day that is `days` after 1970-01-01, in the proleptic
/// Gregorian calendar (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// A time, as ago, with the whole of it for whoever points at it.
pub fn when(now: u64, then: u64) -> Markup {
    let whole = format!("{} UTC", utc(then));
    html! { time datetime=(utc(then).replace(' ', "T") + "Z") title=(whole) { (ago(now, then)) } }
}

/// A hash, cut short, with the whole of it for whoever points at it.
pub fn short_hash(hash: &str) -> Markup {
    // The end of a block's hash tells more than its zeros.
    let tail = hash.get(hash.len().saturating_sub(12)..).unwrap_or(hash);
    html! { code title=(hash) { "…" (tail) } }
}

/// A name as a part of an address.
pub fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_amounts_keep_every_satoshi() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(coins(312_500_001), "3.125\u{202f}000\u{202f}01 BTC");
    }

    #[test]
    fn small_chances_are_not_said_to_be_none_nor_large_ones_to_be_certain() {
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(percent(0.000_5), "0.050 %");
        assert_eq!(percent(1e-9), "1 in 1.00 G");
        assert_eq!(percent(0.999_9), "> 99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn durations_take_the_unit_that_tells_most() {
        assert_eq!(duration(0.4), "0 seconds");
        assert_eq!(duration(90.0), "90 seconds");
        assert_eq!(duration(5_400.0), "90 minutes");
        assert_eq!(duration(86_400.0 * 3.0), "3 days");
        assert_eq!(duration(31_557_600.0 * 13_600.0), "13\u{202f}600 years");
        assert_eq!(duration(31_557_600.0 * 4.25), "4.2 years");
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(utc(1_796_000_107), "2026-11-30 00:55:07");
    }

    #[test]
    fn any_name_can_stand_in_an_address() {
        assert_eq!(encoded("ann b/ü"), "ann%20b%2F%C3%BC");
    }
}
