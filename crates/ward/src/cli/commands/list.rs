//! `list`: prints the table of all processes, as most other commands do at their end.

use std::thread;
use std::time::Duration;

use jiff::Zoned;
use serde_json::Value;

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::out::color::Paint;
use crate::cli::out::list::{self, ListOptions};
use crate::cli::out::{minilist, screen};
use crate::exit::Failure;

/// The time between two tables of `list --watch`, as in PM2.
const REFRESH: Duration = Duration::from_millis(900);
/// Clears the terminal and goes to its first cell.
const CLEAR: &str = "\x1b[2J\x1b[0f";

/// Prints the list, once or until the reader has enough.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    if !invocation.is_set("watch") {
        return print_after(&mut client, invocation);
    }
    let console = &invocation.console;
    while !console.is_closed() {
        let (text, _) = picture(&mut client, invocation)?;
        let now = Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z");
        console.line(format!("{CLEAR}Last refresh:  {now}\n{text}"));
        thread::sleep(REFRESH);
    }
    Ok(())
}

/// Prints the list at the end of another command.
pub(crate) fn print_after(client: &mut Client, invocation: &Invocation) -> Result<(), Failure> {
    if invocation.console.is_silent() {
        return Ok(());
    }
    let (text, records) = picture(client, invocation)?;
    invocation.console.data(text);
    // The process ends here, so freeing thousands of values would be wasted time.
    std::mem::forget(records);
    Ok(())
}

/// The text of the table, and its records.
fn picture(client: &mut Client, invocation: &Invocation) -> Result<(String, Vec<Value>), Failure> {
    if invocation.is_set("mini-list") {
        let records = client.records()?;
        return Ok((minilist::render(&records, screen::now_ms()), records));
    }
    let (records, metrics) = client.table()?;
    let options = ListOptions {
        paint: Paint {
            on: invocation.console.color(),
        },
        terminal: screen::columns(),
        sort: invocation.text("sort"),
        now_ms: screen::now_ms(),
    };
    let metrics = metrics.as_ref().and_then(Value::as_object);
    let text = list::render(&records, metrics, &screen::users(), &options);
    Ok((text, records))
}
