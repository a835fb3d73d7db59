//! axon-rpc: what the frames on the request socket mean, seen from both ends.
//!
//! A request is a message and an id; the reply is a message and the same id. The official daemon
//! dies of malformed requests; here each of them is a value, see [`Request::from_frame`].

mod pieces;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::amp::{Arg, Frame, RawArg};
use crate::json;
use crate::methods::{self, Listing, METHODS};

pub use pieces::reply_around;

/// The longest request in bytes that ward's daemon reads. It closes the connection of a longer one.
pub const MOST_REQUEST: usize = 8 << 20;

/// A request that must be answered once, under its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Opaque; unique per connection at best. Echo it as it is.
    pub id: RawArg,
    /// The body of the request.
    pub body: Body,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Call a method. The name may be unknown: see [`unknown_method`].
    Call {
        /// The name of the method.
        method: String,
        /// The arguments, as many as the client chose to send.
        args: Vec<Value>,
    },
    /// List the methods: see [`reply_methods`].
    Methods,
    /// No call, but it has an id: see [`reply_refused`].
    Invalid(InvalidRequest),
}

/// Why a request is not a call. The text is that of the official daemon where one exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The message is not valid JSON; the official daemon dies of it.
    #[error("invalid JSON in the request")]
    Json,
    /// The message is no object, or names no method.
    #[error(".method required")]
    Method,
    /// The method exists, but `args` is missing or no array.
    #[error(".args required")]
    Args,
    /// The message would be too large a value; it was not read.
    #[error("the request is too large")]
    Large,
}

impl Request {
    /// Reads a frame of the request socket. `None` means: ignore it, there is no id to answer to.
    ///
    /// Of more than two arguments the first is the message and the last is the id.
    pub fn from_frame(frame: &Frame) -> Option<Self> {
        let (message, id) = message_and_id(frame)?;
        let body = match message.decode() {
            Ok(Arg::Json(Value::Object(message))) => body(message),
            Ok(_) => Body::Invalid(InvalidRequest::Method),
            Err(_) => Body::Invalid(InvalidRequest::Json),
        };
        let id = id.clone();
        Some(Self { id, body })
    }
}

fn message_and_id(frame: &Frame) -> Option<(&RawArg, &RawArg)> {
    match &frame.args[..] {
        [message, .., id] => Some((message, id)),
        _ => None,
    }
}

fn body(mut message: Map<String, Value>) -> Body {
    // Any other type, or none, is a call.
    if message.get("type").and_then(Value::as_str) == Some("methods") {
        return Body::Methods;
    }
    let Some(method) = message.get("method").and_then(property_name) else {
        return Body::Invalid(InvalidRequest::Method);
    };
    match message.get_mut("args") {
        Some(Value::Array(args)) => Body::Call {
            method,
            args: std::mem::take(args),
        },
        _ if methods::find(&method).is_some() || method.starts_with(methods::OWN_PREFIX) => {
            Body::Invalid(InvalidRequest::Args)
        }
        // The official daemon looks for the method first, so this is a call of an unknown one.
        _ => Body::Call {
            method,
            args: Vec::new(),
        },
    }
}

/// The property JavaScript would look up for a truthy value; `None` for a falsy one.
fn property_name(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("true".to_owned()),
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::Number(_) => Some(json::to_string(value)),
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Array(items) => {
            let names: Vec<_> = items.iter().map(element_text).collect();
            Some(names.join(","))
        }
        Value::Object(_) => Some("[object Object]".to_owned()),
    }
}

/// An array element in JavaScript's conversion of the array to a string.
fn element_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(false) | Value::Number(_) => json::to_string(value),
        _ => property_name(value).unwrap_or_default(),
    }
}

/// A success with these results; without any it is `{"args":[]}`.
pub fn reply_ok(id: &RawArg, results: &[Value]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Success<'a> {
        args: &'a [Value],
    }
    // Not by `json!`, which would copy the results first: a list of apps is large.
    direct(id, &Success { args: results })
}

/// A failure raised as an `Error`, which has a stack. Ours ends at the border: frames of a Rust
/// program would tell a JavaScript caller nothing, but callers print the stack for its first line.
pub fn reply_error(id: &RawArg, text: &str) -> Vec<u8> {
    let stack = format!("Error: {text}\n    at ward");
    reply(id, &json!({ "error": text, "stack": stack }))
}

/// A failure of the protocol itself, such as an [`InvalidRequest`]: text without a stack.
pub fn reply_refused(id: &RawArg, text: &str) -> Vec<u8> {
    reply(id, &json!({ "error": text }))
}

/// The text of a [`reply_refused`] to a call of a method that does not exist.
pub fn unknown_method(method: &str) -> String {
    format!("method \"{method}\" does not exist")
}

/// The answer to [`Body::Methods`]: PM2's thirty. Our own are left out, so that it is PM2's reply.
pub fn reply_methods(id: &RawArg) -> Vec<u8> {
    #[derive(Serialize)]
    struct Methods {
        methods: Listing<'static>,
    }
    let methods = Listing(&METHODS);
    direct(id, &Methods { methods })
}

/// A message of values and texts, serialised without a detour over [`Value`].
fn direct<T: Serialize>(id: &RawArg, message: &T) -> Vec<u8> {
    let message = RawArg::serialize(message).expect("values have a JSON form");
    Frame::pair(message, id.clone()).encode()
}

fn reply(id: &RawArg, message: &Value) -> Vec<u8> {
    Frame::pair(RawArg::json(message), id.clone()).encode()
}

/// A call, as a client sends it. PM2's clients use `<pid>:<counter>` as id.
pub fn encode_call(method: &str, args: &[Value], id: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Call<'a> {
        r#type: &'static str,
        method: &'a str,
        args: &'a [Value],
    }
    let message = Call {
        r#type: "call",
        method,
        args,
    };
    direct(&RawArg::text(id), &message)
}

/// The error of a call that failed at the daemon.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The text; JSON if the error was no text.
    pub message: String,
    /// The whole reply: `error` as it came, and mostly a `stack`.
    pub value: Value,
}

/// A frame from the daemon that is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// It has no id.
    #[error("the reply is not a message with an id")]
    Shape,
    /// It holds no results, no methods and no error.
    #[error("the reply holds neither results nor an error")]
    Message,
}

/// Reads a reply, as a client receives it: the id of the request, and the results or why there are
/// none. The list of methods is one result.
///
/// # Errors
///
/// The frame is no reply.
pub fn decode_reply(frame: &Frame) -> Result<(RawArg, Result<Vec<Value>, RemoteError>), BadReply> {
    let (message, id) = message_and_id(frame).ok_or(BadReply::Shape)?;
    let Ok(Arg::Json(Value::Object(message))) = message.decode() else {
        return Err(BadReply::Message);
    };
    Ok((id.clone(), outcome(message)?))
}

/// The mere presence of an `error` key means failure.
fn outcome(mut message: Map<String, Value>) -> Result<Result<Vec<Value>, RemoteError>, BadReply> {
    if let Some(error) = message.get("error") {
        let text = match error {
            Value::String(text) => text.clone(),
            other => json::to_string(other),
        };
        return Ok(Err(RemoteError {
            message: text,
            value: Value::Object(message),
        }));
    }
    match (message.remove("args"), message.remove("methods")) {
        (Some(Value::Array(results)), _) => Ok(Ok(results)),
        (None, Some(methods)) => Ok(Ok(vec![methods])),
        _ => Err(BadReply::Message),
    }
}
