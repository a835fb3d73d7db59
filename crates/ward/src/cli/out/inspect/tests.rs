//! Fixed shapes, and random values compared with the real thing: the tests need Node anyway.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Map, json};

use super::*;

#[test]
fn the_shapes_scripts_search_for() {
    let list = json!([{
        "pid": 7, "name": "web", "pm2_env": {
            "node_args": ["--harmony"], "env": {}, "args": [], "NODE_ENV": "it's",
            "km:x": null, "axm": {"a": {"b": {"c": {"d": 1}}}}, "on": true
        },
        "monit": {"memory": 53_133_312, "cpu": 0.9}
    }]);
    insta::assert_snapshot!(inspect(&list), @r#"
    [
      {
        pid: 7,
        name: 'web',
        pm2_env: {
          node_args: [ '--harmony' ],
          env: {},
          args: [],
          NODE_ENV: "it's",
          'km:x': null,
          axm: {
            a: { b: { c: { d: 1 } } }
          },
          on: true
        },
        monit: { memory: 53133312, cpu: 0.9 }
      }
    ]
    "#);
    assert_eq!(inspect(&json!([])), "[]");
}

/// A small generator with a fixed seed: what fails once fails again.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 22] = [
            "a",
            "bc",
            "online",
            " ",
            "'",
            "\"",
            "`",
            "${",
            "\\",
            "\n",
            "\t",
            "\u{1b}",
            "\u{7f}",
            "\u{9f}",
            "é",
            "日本",
            "🚀",
            "/usr/local/bin:",
            "x=",
            "0",
            "\r",
            "\u{b}",
        ];
        let most = [3, 8, 30][usize::try_from(self.next(3)).unwrap()];
        let count = self.next(most);
        (0..count)
            .map(|_| PIECES[usize::try_from(self.next(22)).unwrap()])
            .collect()
    }

    fn key(&mut self) -> String {
        match self.next(5) {
            0 => self.text(),
            1 => self.next(30).to_string(),
            2 => format!("km:key-{}", self.next(100)),
            _ => format!("key_{}", self.next(1000)),
        }
    }

    fn number(&mut self) -> Value {
        let whole = self.next(1 << 40);
        match self.next(5) {
            0 => json!(self.next(10)),
            1 => json!(-1 - i64::try_from(whole).unwrap()),
            2 => json!(f64::from(u32::try_from(whole & 0xffff).unwrap()) / 100.0),
            3 => json!(1.5e25),
            _ => json!(whole),
        }
    }

    fn value(&mut self, depth: u64) -> Value {
        let kinds = if depth == 0 { 4 } else { 7 };
        match self.next(kinds) {
            0 => Value::Null,
            1 => Value::Bool(self.next(2) == 0),
            2 => self.number(),
            3 => Value::String(self.text()),
            4 => {
                let count = self.next(9);
                (0..count).map(|_| self.value(depth - 1)).collect()
            }
            5 => {
                let count = self.next(40);
                let numbers = self.next(2) == 0;
                (0..count)
                    .map(|_| {
                        if numbers {
                            self.number()
                        } else {
                            Value::String(self.text())
                        }
                    })
                    .collect()
            }
            _ => {
                let count = self.next(8);
                let entries = (0..count).map(|_| (self.key(), self.value(depth - 1)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

/// What Node prints for each value.
fn node(values: &[Value]) -> Vec<String> {
    const PROGRAM: &str = "const u=require('util');const t=require('fs').readFileSync(0,'utf8');\
        process.stdout.write(JSON.stringify(JSON.parse(t).map(v=>u.inspect(v,{depth:null,\
        colors:false,breakLength:80,maxArrayLength:null,maxStringLength:null}))))";
    let mut child = Command::new("node")
        .args(["-e", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is on PATH");
    let text = serde_json::to_vec(values).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn three_hundred_random_values_as_node_prints_them() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let values: Vec<Value> = (0..300).map(|_| random.value(6)).collect();
    let expected = node(&values);
    for (value, expected) in values.iter().zip(expected) {
        let ours = inspect(value);
        let different = ours.lines().zip(expected.lines()).find(|(a, b)| a != b);
        assert_eq!(different, None);
        assert_eq!(ours.len(), expected.len());
    }
}
