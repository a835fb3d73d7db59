use serde_json::json;

use super::*;

fn raw(text: &str) -> RawJson {
    RawJson::new(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

#[test]
fn one_value_is_taken_and_nothing_else() {
    assert_eq!(raw(" {\"a\": 1} ").as_str(), "{\"a\": 1}");
    for text in ["", "{", "{}{}", "nope", "[1,]", "\"a", "01", "\"\u{1}\""] {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        assert_eq!(RawJson::new(bytes), Err(NotJson), "{text}");
    }
    let nested = |depth: usize| Bytes::from([vec![b'['; depth], vec![b']'; depth]].concat());
    assert!(RawJson::new(nested(100)).is_ok());
    assert_eq!(RawJson::new(nested(100_000)), Err(NotJson));
}

#[test]
fn text_that_is_not_utf8_is_mended_while_it_is_small() {
    let broken = |size: usize| Bytes::from([b"\"".as_slice(), &vec![0xff; size], b"\""].concat());
    let mended = RawJson::new(broken(3)).unwrap();
    assert_eq!(mended.value(), Some(json!("\u{fffd}\u{fffd}\u{fffd}")));
    assert_eq!(RawJson::new(broken(MENDED_BYTES)), Err(NotJson));
}

#[test]
fn fields_are_found_without_the_rest() {
    let value = raw(r#"{"a":1,"b":{"a":[2]},"c":"x","a":3,"\u0064":4}"#);
    let [a, b, missing, d] = value.fields(["a", "b", "e", "d"]).unwrap();
    assert_eq!(a.unwrap().as_str(), "3", "the last one counts");
    assert_eq!(b.unwrap().as_str(), r#"{"a":[2]}"#);
    assert_eq!((missing, d.unwrap().as_str()), (None, "4"));
    assert_eq!(raw("[1]").fields(["a"]), None);
    assert_eq!(value.field("c"), Some(raw("\"x\"")));
}

#[test]
fn fields_and_elements_come_in_order_until_it_is_enough() {
    let mut seen = Vec::new();
    raw(r#"{"b":1,"a":[2],"c":3}"#).each_field(|name, value| {
        seen.push((name, value.as_str().to_owned()));
        seen.len() < 2
    });
    let expected = [("b", "1"), ("a", "[2]")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(seen, expected);
    let mut seen = Vec::new();
    raw("[1,{},\"x\"]").each_element(|value| {
        seen.push(value.as_str().to_owned());
        true
    });
    assert_eq!(seen, ["1", "{}", "\"x\""]);
    raw("{}").each_element(|_| panic!("not an array"));
    raw("[]").each_field(|_, _| panic!("not an object"));
}

#[test]
fn truth_is_as_in_javascript() {
    for text in ["null", "false", "0", "-0", "0.0", "0e9", "\"\""] {
        assert!(!raw(text).is_true(), "{text}");
    }
    for text in ["true", "1", "1e999", "0.1", "\" \"", "[]", "{}"] {
        assert!(raw(text).is_true(), "{text}");
    }
}

#[test]
fn a_string_is_read_when_it_is_short() {
    assert_eq!(raw(r#""a\nb""#).string_within(6), Some("a\nb".to_owned()));
    assert_eq!(raw(r#""a\nb""#).string_within(5), None);
    assert_eq!(raw("5").string_within(9), None);
}
