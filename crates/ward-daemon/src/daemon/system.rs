//! Figures of the host (PM2's method `getSystemData`), measured on request. Rates cover the time
//! since the previous request and are zero at the first one.

mod reading;

use std::time::Duration;

use serde_json::{Map, Value, json};

use reading::{Disk, Interface, Mount, Reading};

/// The shortest time for a meaningful rate; a request that comes earlier gets the previous figures.
const SHORTEST: Duration = Duration::from_millis(500);

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;
const SECTOR_BYTES: f64 = 512.0;
const MINUTE: f64 = 60.0;

/// The previous reading and the figures made of it.
#[derive(Debug, Default)]
pub(super) struct System {
    last: Option<(Reading, Value)>,
}

impl System {
    /// All figures by name.
    pub(super) fn measure(&mut self) -> Value {
        if let Some((last, answer)) = &self.last
            && last.at.elapsed() < SHORTEST
        {
            return answer.clone();
        }
        let now = Reading::take();
        let last = self.last.take().map(|(last, _)| last);
        let answer = Value::Object(figures(&now, last.as_ref()));
        self.last = Some((now, answer.clone()));
        answer
    }
}

fn figures(now: &Reading, last: Option<&Reading>) -> Map<String, Value> {
    let mut figures = Map::new();
    let mut put = |name: &str, value: Value, unit: &str| {
        let figure = json!({ "value": value, "type": "metric", "unit": unit, "historic": true });
        figures.insert(name.to_owned(), figure);
    };
    let over = last.map(|last| now.at.duration_since(last.at).as_secs_f64());
    put("CPU Usage", rounded(busy(now, last), 2), "%");
    put("CPU Temperature", (-1).into(), "°C");
    let (total, available) = now.memory;
    let active = total.saturating_sub(available);
    put("RAM Usage", rounded(percent(active, total), 2), "%");
    put("RAM Total", total.into(), "b");
    put("RAM Available", available.into(), "b");
    put("RAM Active", active.into(), "b");
    for (name, counts) in &now.interfaces {
        let before = last.and_then(|last| last.interfaces.get(name));
        for (key, count, scale, unit) in INTERFACE_FIGURES {
            let value = rate(count(counts), before.map(count), over) * scale;
            put(&format!("net:{key}:{name}"), rounded(value, 3), unit);
        }
    }
    for (name, count) in DISK_FIGURES {
        let sectors = rate(count(&now.disk), last.map(|last| count(&last.disk)), over);
        put(name, rounded(sectors * SECTOR_BYTES / MIB, 3), "mb/s");
    }
    for Mount {
        path,
        used,
        free,
        size,
    } in &now.mounts
    {
        put(
            &format!("fs:use:{path}"),
            rounded(percent(*used, used + free), 2),
            "%",
        );
        put(
            &format!("fs:size:{path}"),
            rounded(float(*size) / GIB, 2),
            "gb",
        );
    }
    figures
}

type InterfaceFigure = (&'static str, fn(&Interface) -> u64, f64, &'static str);

const INTERFACE_FIGURES: [InterfaceFigure; 6] = [
    ("rx_5", |it| it.received.bytes, 1.0 / MIB, "mb/s"),
    ("tx_5", |it| it.sent.bytes, 1.0 / MIB, "mb/s"),
    ("rx_errors_60", |it| it.received.errors, MINUTE, "/min"),
    ("tx_errors_60", |it| it.sent.errors, MINUTE, "/min"),
    ("rx_dropped_60", |it| it.received.dropped, MINUTE, "/min"),
    ("tx_dropped_60", |it| it.sent.dropped, MINUTE, "/min"),
];

type DiskFigure = (&'static str, fn(&Disk) -> u64);

const DISK_FIGURES: [DiskFigure; 2] = [
    ("Disk Reads", |disk| disk.read_sectors),
    ("Disk Writes", |disk| disk.written_sectors),
];

/// The percentage of time that all processors were busy since the last reading.
fn busy(now: &Reading, last: Option<&Reading>) -> f64 {
    last.map_or(0.0, |last| {
        let worked = now.cpu.busy.saturating_sub(last.cpu.busy);
        percent(worked, now.cpu.all.saturating_sub(last.cpu.all))
    })
}

/// Counts per second. The rate is zero if the counter went back or was absent in the last reading.
fn rate(now: u64, before: Option<u64>, seconds: Option<f64>) -> f64 {
    match (before, seconds) {
        (Some(before), Some(seconds)) if seconds > 0.0 => {
            float(now.saturating_sub(before)) / seconds
        }
        _ => 0.0,
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole) * 100.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(value: u64) -> f64 {
    value as f64
}

/// Rounds to `decimals` places. The wire writes a whole number without a fraction, as JavaScript does.
fn rounded(value: f64, decimals: i32) -> Value {
    let scale = 10_f64.powi(decimals);
    ((value * scale).round() / scale).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(figures: &Map<String, Value>, name: &str) -> Value {
        figures[name]["value"].clone()
    }

    #[test]
    fn the_first_answer_has_no_rates() {
        let reading = Reading::take();
        let figures = figures(&reading, None);
        assert_eq!(value(&figures, "CPU Usage"), 0.0);
        assert_eq!(value(&figures, "Disk Reads"), 0.0);
        assert_eq!(figures["net:rx_5:lo"]["unit"], "mb/s");
        assert!(value(&figures, "RAM Total").as_u64().unwrap() > 0);
    }

    #[test]
    fn rates_are_between_two_readings() {
        let first = Reading::take();
        let mut second = Reading::take();
        second.at = first.at + Duration::from_secs(2);
        second.cpu.busy = first.cpu.busy + 30;
        second.cpu.all = first.cpu.all + 120;
        second.disk.read_sectors = first.disk.read_sectors + 4096;
        let lo = second.interfaces.get_mut("lo").unwrap();
        let before = &first.interfaces["lo"];
        lo.received.bytes = before.received.bytes + 3 * 1024 * 1024;
        lo.sent.dropped = before.sent.dropped + 1;
        let figures = figures(&second, Some(&first));
        assert_eq!(value(&figures, "CPU Usage"), 25.0);
        assert_eq!(value(&figures, "Disk Reads"), 1.0);
        assert_eq!(value(&figures, "net:rx_5:lo"), 1.5);
        assert_eq!(value(&figures, "net:tx_dropped_60:lo"), 30.0);
    }

    #[test]
    fn asked_twice_at_once_the_answer_is_the_same() {
        let mut system = System::default();
        assert_eq!(system.measure(), system.measure());
    }
}
