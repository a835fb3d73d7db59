//! `slist --tree`: nested values as branches.

use serde_json::Value;

use super::record::to_text;

/// The lines of a tree, each ended.
pub(crate) fn render(value: &Value) -> String {
    let mut out = String::new();
    branch(value, "", &mut out);
    out
}

fn branch(value: &Value, indent: &str, out: &mut String) {
    let Value::Object(map) = value else {
        return;
    };
    for (index, (key, child)) in map.iter().enumerate() {
        let last = index + 1 == map.len();
        out.push_str(indent);
        out.push_str(if last { "└─ " } else { "├─ " });
        out.push_str(key);
        if !child.is_object() {
            out.push_str(": ");
            out.push_str(&to_text(child));
        }
        out.push('\n');
        let deeper = format!("{indent}{}", if last { "   " } else { "│  " });
        branch(child, &deeper, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn branches_as_pm2_draws_them() {
        let value = json!({"CPU": {"value": 4.8, "unit": "%"}, "fs:use:/": {"historic": true}});
        insta::assert_snapshot!(render(&value), @r"
        ├─ CPU
        │  ├─ value: 4.8
        │  └─ unit: %
        └─ fs:use:/
           └─ historic: true
        ");
    }
}
