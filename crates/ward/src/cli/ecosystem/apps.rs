//! Turns the value of a file into the selected declarations.

use serde_json::Value;
use ward_core::config::source::Source;
use ward_core::config::{Decl, check, default_name, env, shape};

use super::{Changed, Loaded, Selection, malformed};
use crate::exit::Failure;

/// Turns a value into the selected declarations.
pub(super) fn assemble(
    source: Source<'_>,
    value: Value,
    selection: &Selection<'_>,
    mut notices: Vec<String>,
) -> Result<Loaded, Failure> {
    let shape = shape::read(value).map_err(|error| malformed(source.file, &error))?;
    let mut apps = Vec::new();
    let mut problems = Vec::new();
    for written in &shape.apps {
        match check::app(written, source) {
            Ok(checked) => {
                notices.extend(checked.warnings);
                apps.push(checked.decl);
            }
            Err(found) => problems.extend(found.iter().map(ToString::to_string)),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::new(problems.join("\n")));
    }
    let names: Vec<Option<String>> = apps.iter_mut().map(named).collect();
    let wanted: Option<Vec<&str>> = selection.only.map(|only| {
        only.split([',', ' '])
            .filter(|name| !name.is_empty())
            .collect()
    });
    let mut selected = Vec::new();
    let mut undefined = Vec::new();
    for (mut app, plain) in apps.into_iter().zip(names) {
        let chosen = env::choose(&mut app, selection.env, shape.deploy.as_ref());
        let name = app.get("name").and_then(Value::as_str);
        let is = |wanted: &str| Some(wanted) == name || Some(wanted) == plain.as_deref();
        // A name may have a space or a comma in it.
        let whole = selection.only.is_some_and(is);
        if whole
            || wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|name| is(name)))
        {
            notices.extend(chosen.warnings);
            if chosen.is_undefined {
                undefined.extend(name.map(str::to_owned));
            }
            selected.push((plain, app));
        }
    }
    for name in wanted.unwrap_or_default() {
        if selected
            .iter()
            .any(|(plain, _)| plain.as_deref() == selection.only)
        {
            break;
        }
        let has = |(plain, app): &(Option<String>, Decl)| {
            plain.as_deref() == Some(name) || app.get("name").and_then(Value::as_str) == Some(name)
        };
        if !selected.iter().any(has) {
            notices.push(format!("{}: no app is named {name}", source.file));
        }
    }
    let mut seen = Vec::new();
    notices.retain(|notice| {
        let new = !seen.contains(notice);
        if new {
            seen.push(notice.clone());
        }
        new
    });
    let apps = selected.into_iter().map(|(_, app)| app).collect();
    Ok(Loaded {
        apps,
        deploy: shape.deploy,
        notices,
        undefined,
        changed: Changed::default(),
    })
}

/// Fills in the name, so that running apps can be found by it.
fn named(app: &mut Decl) -> Option<String> {
    if let Some(Value::String(name)) = app.get("name") {
        return Some(name.clone());
    }
    let Some(Value::String(script)) = app.get("script") else {
        return None;
    };
    let name = default_name(script);
    app.insert("name".to_owned(), Value::String(name.clone()));
    Some(name)
}
