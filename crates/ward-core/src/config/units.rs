//! Sizes and times with units: PM2's (`200M`, `1h`) and the ones people write (`1.5G`, `100MB`,
//! `500ms`).

/// Bytes of `100`, `512K`, `200M`, `1.5G`, `100MB`, `1GiB`; factors of 1024.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor: u32 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    whole(number * f64::from(2_u32).powi(factor.cast_signed()))
}

/// Milliseconds of `100`, `500ms`, `1.5s`, `2m`, `1h`, `1d`.
pub fn millis(text: &str) -> Option<u64> {
    millis_of(text, 1.0)
}

/// As [`millis`], but a number without a unit counts in seconds.
pub fn millis_of_seconds(text: &str) -> Option<u64> {
    millis_of(text, 1_000.0)
}

/// A number without a unit counts in `bare` milliseconds.
fn millis_of(text: &str, bare: f64) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" => bare,
        "ms" => 1.0,
        "s" | "sec" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    whole(number * factor)
}

/// A non-negative number as a whole one; what is below one half is lost.
pub fn whole(number: f64) -> Option<u64> {
    /// All whole numbers up to here are exact in a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !(0.0..=EXACT).contains(&number) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked"
    )]
    Some(number.round() as u64)
}

fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    Some((number.trim_end().parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, wanted) in [
            ("100", Some(100)),
            ("0", Some(0)),
            ("512K", Some(524_288)),
            ("200M", Some(209_715_200)),
            ("100m", Some(104_857_600)),
            ("1.5G", Some(1_610_612_736)),
            ("100MB", Some(104_857_600)),
            ("1e3", Some(1_000)),
            ("1 GiB", Some(1_073_741_824)),
            ("", None),
            ("M", None),
            ("12X", None),
            ("-5M", None),
            ("inf", None),
            ("9e15K", None),
            ("1.2.3M", None),
        ] {
            assert_eq!(bytes(text), wanted, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, wanted) in [
            ("100", Some(100)),
            ("500ms", Some(500)),
            ("1.5s", Some(1_500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1w", None),
            ("s", None),
        ] {
            assert_eq!(millis(text), wanted, "{text}");
        }
        assert_eq!(millis_of_seconds("1.5"), Some(1_500));
        assert_eq!(millis_of_seconds("1.5ms"), Some(2));
    }
}
