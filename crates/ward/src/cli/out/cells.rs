//! The cells of a list: how one fact of a record is shown, and in which colour.

use serde_json::Value;

use super::color::Style;
use super::human;
use super::record::Record;
use super::table::Cell;
use super::users::Users;

pub(super) fn mode(app: Record<'_>) -> Cell {
    match app.mode() {
        "fork" => Cell::new("fork", &[Style::Inverse, Style::Bold]),
        other => Cell::new(other, &[Style::Blue, Style::Bold]),
    }
}

pub(super) fn pid(app: Record<'_>) -> Cell {
    Cell::plain(
        app.pid()
            .map_or_else(|| "N/A".to_owned(), |pid| pid.to_string()),
    )
}

/// The status in its colour; also a row of `describe`.
pub(super) fn status(app: Record<'_>) -> Cell {
    let styles: &[Style] = match app.status() {
        "online" => &[Style::Green, Style::Bold],
        "launching" => &[Style::Blue, Style::Bold],
        "created" | "restart" => &[Style::Yellow, Style::Bold],
        _ => &[Style::Red, Style::Bold],
    };
    Cell::new(app.status(), styles)
}

pub(super) fn cpu(app: Record<'_>) -> Cell {
    let percent = if app.is_online() { app.cpu() } else { 0.0 };
    Cell::plain(format!("{}%", human::one_decimal(percent)))
}

pub(super) fn memory(app: Record<'_>) -> Cell {
    Cell::plain(human::bytes(app.memory()))
}

pub(super) fn user(app: Record<'_>, users: &Users) -> Cell {
    let name = match app.get("uid") {
        Some(Value::Number(id)) => id
            .as_u64()
            .and_then(|id| users.name(id).map(str::to_owned))
            .or_else(|| Some(id.to_string())),
        Some(Value::String(text)) => text
            .parse()
            .ok()
            .and_then(|id| users.name(id).map(str::to_owned))
            .or_else(|| Some(text.clone())),
        _ => app.shown("username"),
    };
    Cell::new(name.unwrap_or_else(|| "N/A".to_owned()), &[Style::Bold])
}

pub(super) fn watching(app: Record<'_>) -> Cell {
    if app.is_watching() {
        Cell::new("enabled", &[Style::Green, Style::Bold])
    } else {
        Cell::new("disabled", &[Style::Grey])
    }
}
