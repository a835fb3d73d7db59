//! Figures of the host (`getSystemData`, lifecycle 6.3), measured when asked; rates are since the
//! last time.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use serde_json::{Map, Value, json};

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct System {
    last: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    at: Instant,
    /// Busy and all time of all processors.
    cpu: (u64, u64),
    /// Received and sent bytes, errors and drops per interface.
    interfaces: BTreeMap<String, [u64; 6]>,
    /// Read and written sectors of all disks.
    disk: (u64, u64),
}

const MIB: f64 = 1_048_576.0;
const SECTOR_BYTES: f64 = 512.0;

impl System {
    /// All figures by name.
    pub(super) fn measure(&mut self) -> Value {
        let now = Reading::take();
        let mut figures = Map::new();
        let mut put = |name: String, value: f64, unit: &str| {
            let value =
                json!({ "value": tidy(value), "type": "metric", "unit": unit, "historic": true });
            figures.insert(name, value);
        };
        let seconds = self
            .last
            .as_ref()
            .map_or(0.0, |last| now.at.duration_since(last.at).as_secs_f64());
        let rate = |now: u64, before: Option<u64>, size: f64| match before {
            Some(before) if seconds > 0.0 => float(now.saturating_sub(before)) * size / seconds,
            _ => 0.0,
        };
        let cpu = self.last.as_ref().map(|last| {
            (
                now.cpu.0.saturating_sub(last.cpu.0),
                now.cpu.1.saturating_sub(last.cpu.1),
            )
        });
        let busy = cpu
            .filter(|(_, all)| *all > 0)
            .map_or(0.0, |(busy, all)| float(busy) / float(all) * 100.0);
        put("CPU Usage".into(), busy, "%");
        put("CPU Temperature".into(), -1.0, "°C");
        let (total, available) = ward_sys::limits::memory();
        let active = total.saturating_sub(available);
        put(
            "RAM Usage".into(),
            if total == 0 {
                0.0
            } else {
                float(active) / float(total) * 100.0
            },
            "%",
        );
        put("RAM Total".into(), float(total), "b");
        put("RAM Available".into(), float(available), "b");
        put("RAM Active".into(), float(active), "b");
        for (name, counts) in &now.interfaces {
            let before = self
                .last
                .as_ref()
                .and_then(|last| last.interfaces.get(name));
            let of = |index: usize| before.map(|before| before[index]);
            put(
                format!("net:rx_5:{name}"),
                rate(counts[0], of(0), 1.0 / MIB),
                "mb/s",
            );
            put(
                format!("net:tx_5:{name}"),
                rate(counts[1], of(1), 1.0 / MIB),
                "mb/s",
            );
            put(
                format!("net:rx_errors_60:{name}"),
                rate(counts[2], of(2), 60.0),
                "/min",
            );
            put(
                format!("net:tx_errors_60:{name}"),
                rate(counts[3], of(3), 60.0),
                "/min",
            );
            put(
                format!("net:rx_dropped_60:{name}"),
                rate(counts[4], of(4), 60.0),
                "/min",
            );
            put(
                format!("net:tx_dropped_60:{name}"),
                rate(counts[5], of(5), 60.0),
                "/min",
            );
        }
        let disk = self.last.as_ref().map(|last| last.disk);
        put(
            "Disk Reads".into(),
            rate(now.disk.0, disk.map(|disk| disk.0), SECTOR_BYTES / MIB),
            "mb/s",
        );
        put(
            "Disk Writes".into(),
            rate(now.disk.1, disk.map(|disk| disk.1), SECTOR_BYTES / MIB),
            "mb/s",
        );
        self.last = Some(now);
        figures.into()
    }
}

impl Reading {
    fn take() -> Self {
        Self {
            at: Instant::now(),
            cpu: cpu(),
            interfaces: interfaces(),
            disk: disk(),
        }
    }
}

fn cpu() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let times: Vec<u64> = line
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|word| word.parse().ok())
        .collect();
    let all: u64 = times.iter().sum();
    let idle =
        times.get(3).copied().unwrap_or_default() + times.get(4).copied().unwrap_or_default();
    (all.saturating_sub(idle), all)
}

fn interfaces() -> BTreeMap<String, [u64; 6]> {
    let text = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = |line: &str| {
        let (name, counts) = line.split_once(':')?;
        let name = name.trim();
        let counts: Vec<u64> = counts
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let of = |index: usize| counts.get(index).copied().unwrap_or_default();
        (name != "lo").then(|| {
            (
                name.to_owned(),
                [of(0), of(8), of(2), of(10), of(3), of(11)],
            )
        })
    };
    text.lines().filter_map(line).collect()
}

fn disk() -> (u64, u64) {
    let text = fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let mut sum = (0, 0);
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let whole = words
            .get(2)
            .is_some_and(|name| fs::exists(format!("/sys/block/{name}")).unwrap_or(false));
        let virtual_disk = ["loop", "ram", "dm-", "fd"]
            .iter()
            .any(|prefix| words.get(2).is_some_and(|name| name.starts_with(prefix)));
        if whole && !virtual_disk {
            let of = |index: usize| {
                words
                    .get(index)
                    .and_then(|word| word.parse::<u64>().ok())
                    .unwrap_or_default()
            };
            sum = (sum.0 + of(5), sum.1 + of(9));
        }
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(value: u64) -> f64 {
    value as f64
}

/// At most three decimals, none when they are zero.
fn tidy(value: f64) -> Value {
    let rounded = (value * 1000.0).round() / 1000.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole figures of a host fit"
    )]
    if rounded.fract() == 0.0 {
        (rounded as i64).into()
    } else {
        rounded.into()
    }
}
