//! Durations, sizes and numbers as PM2 writes them.

use ward_wire::json;

/// Largest unit of which there is more than one: `119s`, `2m`, `47h`. Scripts know these shapes.
pub(crate) fn uptime(elapsed_ms: i64) -> String {
    let seconds = elapsed_ms.max(0) / 1000;
    for (unit, length) in [
        ("Y", 31_536_000),
        ("M", 2_592_000),
        ("D", 86_400),
        ("h", 3_600),
        ("m", 60),
    ] {
        let whole = seconds / length;
        if whole > 1 {
            return format!("{whole}{unit}");
        }
    }
    format!("{seconds}s")
}

/// `0b`, `616.0kb`, `46.9mb`.
#[expect(clippy::cast_precision_loss, reason = "one decimal of a size is shown")]
pub(crate) fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count}b");
    }
    let mut size = count as f64;
    let mut unit = "b";
    for next in ["kb", "mb", "gb", "tb"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1}{unit}")
}

/// At most one decimal: `0`, `0.7`, `13`.
pub(crate) fn one_decimal(value: f64) -> String {
    json::float((value * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(-5, "0s")]
    #[case(119_999, "119s")]
    #[case(120_000, "2m")]
    #[case(119 * 60_000, "119m")]
    #[case(47 * 3_600_000, "47h")]
    #[case(48 * 3_600_000, "2D")]
    #[case(60 * 86_400_000, "2M")]
    #[case(730 * 86_400_000, "2Y")]
    fn uptimes(#[case] elapsed_ms: i64, #[case] shown: &str) {
        assert_eq!(uptime(elapsed_ms), shown);
    }

    #[rstest]
    #[case(0, "0b")]
    #[case(630_784, "616.0kb")]
    #[case(53_764_096, "51.3mb")]
    #[case(3 << 40, "3.0tb")]
    fn sizes(#[case] count: u64, #[case] shown: &str) {
        assert_eq!(bytes(count), shown);
    }

    #[rstest]
    #[case(0.04, "0")]
    #[case(0.65, "0.7")]
    #[case(13.0, "13")]
    fn decimals(#[case] value: f64, #[case] shown: &str) {
        assert_eq!(one_decimal(value), shown);
    }
}
