//! The `host metrics` line under a list, from `getSystemData`.

use serde_json::{Map, Value};
use ward_wire::json;

use super::color::{Paint, Style};

/// The thresholds from which a metric is yellow and red.
#[derive(Clone, Copy, Debug)]
struct Limits {
    warn: f64,
    alert: f64,
}

const CPU: Limits = Limits {
    warn: 40.0,
    alert: 70.0,
};
const TEMPERATURE: Limits = Limits {
    warn: 50.0,
    alert: 70.0,
};
const MEMORY: Limits = Limits {
    warn: 70.0,
    alert: 90.0,
};
const NETWORK: Limits = Limits {
    warn: 10.0,
    alert: 20.0,
};
const DISK: Limits = Limits {
    warn: 10.0,
    alert: 20.0,
};
const FILES: Limits = Limits {
    warn: 80.0,
    alert: 90.0,
};
/// The least use of a file system that is shown.
const FILES_SHOWN: f64 = 60.0;

/// The line without its end; absent before the daemon's first sample. `full` adds the disks.
pub(crate) fn line(metrics: &Map<String, Value>, full: bool, paint: Paint) -> Option<String> {
    if metrics.is_empty() {
        return None;
    }
    let get = |name: &str| metrics.get(name)?.get("value")?.as_f64();
    let bold = |text: &str| paint.apply(text, &[Style::Bold]);
    let mut parts = vec![paint.apply("host metrics", &[Style::Bold, Style::Cyan])];
    if let Some(cpu) = get("CPU Usage") {
        let mut part = format!("{}: {}", bold("cpu"), shown(cpu, "%", CPU, paint));
        if let Some(degrees) = get("CPU Temperature").filter(|degrees| *degrees > 0.0) {
            part.push(' ');
            part.push_str(&shown(degrees, "º", TEMPERATURE, paint));
        }
        parts.push(part);
    }
    if let Some(memory) = get("RAM Usage") {
        let share = shown(memory, "%", MEMORY, paint);
        parts.push(format!("{}: {share}", bold("ram usage")));
    }
    parts.extend(interfaces(metrics).filter_map(|name| network(name, get, paint)));
    if full && let (Some(reads), Some(writes)) = (get("Disk Reads"), get("Disk Writes")) {
        let mut part = format!("{}: {}", bold("disk"), rates(reads, writes, DISK, paint));
        for (key, value) in metrics {
            let share = value.get("value").and_then(Value::as_f64).unwrap_or(0.0);
            if let Some(mount) = key.strip_prefix("fs:use:").filter(|_| share > FILES_SHOWN) {
                let mount = paint.apply(mount, &[Style::Grey]);
                part = format!("{part} {mount} {}", shown(share, "%", FILES, paint));
            }
        }
        parts.push(part);
    }
    Some(parts.join(" | "))
}

fn interfaces(metrics: &Map<String, Value>) -> impl Iterator<Item = &str> {
    metrics
        .keys()
        .filter_map(|key| key.strip_prefix("net:rx_5:"))
}

fn network(name: &str, get: impl Fn(&str) -> Option<f64>, paint: Paint) -> Option<String> {
    let read = |kind: &str| get(&format!("net:{kind}:{name}")).unwrap_or(0.0);
    let (received, sent) = (read("rx_5"), read("tx_5"));
    if received <= 0.0 && sent <= 0.0 {
        return None;
    }
    let name = paint.apply(name, &[Style::Bold]);
    let mut part = format!("{name}: {}", rates(received, sent, NETWORK, paint));
    let faults = [
        ("err", read("rx_errors_60") + read("tx_errors_60")),
        ("drop", read("rx_dropped_60") + read("tx_dropped_60")),
    ];
    for (label, count) in faults {
        if count > 0.0 {
            let text = format!(" {label} {}/min", json::float(count));
            part.push_str(&paint.apply(&text, &[Style::Red]));
        }
    }
    Some(part)
}

fn rates(inward: f64, outward: f64, limits: Limits, paint: Paint) -> String {
    format!(
        "⇓ {} ⇑ {}",
        shown(inward, "mb/s", limits, paint),
        shown(outward, "mb/s", limits, paint)
    )
}

fn shown(value: f64, unit: &str, limits: Limits, paint: Paint) -> String {
    let styles: &[Style] = if value == 0.0 {
        &[]
    } else if value < limits.warn {
        &[Style::Green]
    } else if value <= limits.alert {
        &[Style::Bold, Style::Yellow]
    } else {
        &[Style::Bold, Style::Red]
    };
    paint.apply(&format!("{}{unit}", json::float(value)), styles)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Map<String, Value> {
        let value = json!({
            "CPU Usage": {"value": 2.5}, "CPU Temperature": {"value": -1}, "RAM Usage": {"value": 71},
            "net:rx_5:lo": {"value": 20.019}, "net:tx_5:lo": {"value": 1},
            "net:rx_5:eth0": {"value": 0}, "net:tx_5:eth0": {"value": 0},
            "Disk Reads": {"value": 0.0}, "Disk Writes": {"value": 0.003},
            "fs:use:/": {"value": 17}, "fs:use:/data": {"value": 87.5}, "fs:size:/data": {"value": 2},
        });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn only_what_moves_or_fills_is_shown() {
        assert_eq!(
            line(&sample(), true, Paint::PLAIN).unwrap(),
            "host metrics | cpu: 2.5% | ram usage: 71% | lo: ⇓ 20.019mb/s ⇑ 1mb/s | \
             disk: ⇓ 0mb/s ⇑ 0.003mb/s /data 87.5%"
        );
        assert_eq!(
            line(&sample(), false, Paint::PLAIN).unwrap(),
            "host metrics | cpu: 2.5% | ram usage: 71% | lo: ⇓ 20.019mb/s ⇑ 1mb/s"
        );
        assert_eq!(line(&Map::new(), true, Paint::PLAIN), None);
    }

    #[test]
    fn colours_follow_the_limits() {
        let text = line(&sample(), true, Paint { on: true }).unwrap();
        assert!(text.contains("\x1b[32m2.5%\x1b[39m"), "{text:?}");
        assert!(
            text.contains("\x1b[1m\x1b[33m71%\x1b[39m\x1b[22m"),
            "{text:?}"
        );
        assert!(
            text.contains("\x1b[1m\x1b[31m20.019mb/s\x1b[39m\x1b[22m"),
            "{text:?}"
        );
        assert!(text.contains("⇓ 0mb/s"), "{text:?}");
    }
}
