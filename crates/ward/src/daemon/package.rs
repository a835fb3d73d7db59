//! The version of an app: that of the nearest package.json above its script.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Folders looked at; deeper trees than this have no package.json of their own.
const MOST_FOLDERS: usize = 64;

/// The version, if there is one.
pub(super) fn version(script: &str) -> Option<String> {
    let folders = Path::new(script).ancestors().skip(1).take(MOST_FOLDERS);
    for folder in folders {
        let Ok(text) = fs::read(folder.join("package.json")) else {
            continue;
        };
        let package: Value = serde_json::from_slice(&text).ok()?;
        return package["version"].as_str().map(str::to_owned);
    }
    None
}
