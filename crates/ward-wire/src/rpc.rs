//! Requests and replies on `rpc.sock`.
//!
//! A request is a frame of a JSON message and an opaque id; its reply carries a message and the
//! same id, byte for byte, on the same connection. The presence of the key `error` makes a reply a
//! failure, whatever its value, so a success never has it.

use serde_json::{Map, Value, json};

use crate::amp::{Arg, Frame, RawArg};
use crate::methods;

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// To be echoed.
    pub id: RawArg,
    /// What is asked.
    pub body: Body,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A call.
    Call {
        /// Which method.
        method: String,
        /// Its arguments; missing ones are to be taken as null, further ones ignored.
        args: Vec<Value>,
    },
    /// The list of methods.
    Methods,
    /// Something else, to be answered by an error.
    Invalid(InvalidRequest),
}

/// Why a request cannot be understood. The texts are those PM2's clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The message is no object, or has no method.
    #[error(".method required")]
    NoMethod,
    /// There are no arguments.
    #[error(".args required")]
    NoArgs,
    /// The message is no JSON.
    #[error("invalid JSON in the request: {0}")]
    NotJson(String),
    /// The method is no text.
    #[error("method \"{0}\" does not exist")]
    UnknownMethod(String),
}

/// A failure that a daemon reported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// Its text; JSON when it was no text.
    pub message: String,
    /// Whatever else the reply held.
    pub value: Value,
}

/// A reply that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// The frame has no message or no id.
    #[error("the reply is not a message with an id")]
    Shape,
    /// The message is no JSON object with `args` or `error`.
    #[error("the reply holds neither args nor error")]
    Message,
}

impl Request {
    /// Reads a request. `None`: nothing to answer (no id, or no arguments at all).
    pub fn from_frame(frame: &Frame) -> Option<Self> {
        let [message, .., id] = &frame.args[..] else {
            return None;
        };
        let body = match message.decode() {
            Ok(Arg::Json(Value::Object(message))) => body_of(&message),
            Ok(_) => Body::Invalid(InvalidRequest::NoMethod),
            Err(error) => Body::Invalid(InvalidRequest::NotJson(error.to_string())),
        };
        Some(Self {
            id: id.clone(),
            body,
        })
    }
}

fn body_of(message: &Map<String, Value>) -> Body {
    if message.get("type").and_then(Value::as_str) == Some("methods") {
        return Body::Methods;
    }
    match (message.get("method"), message.get("args")) {
        (None | Some(Value::Null | Value::Bool(false)), _) => {
            Body::Invalid(InvalidRequest::NoMethod)
        }
        (Some(Value::String(method)), _) if method.is_empty() => {
            Body::Invalid(InvalidRequest::NoMethod)
        }
        (Some(Value::String(method)), Some(Value::Array(args))) => Body::Call {
            method: method.clone(),
            args: args.clone(),
        },
        (Some(_), None | Some(_)) if !matches!(message.get("args"), Some(Value::Array(_))) => {
            Body::Invalid(InvalidRequest::NoArgs)
        }
        (Some(method), _) => Body::Invalid(InvalidRequest::UnknownMethod(method.to_string())),
    }
}

/// The bytes of a call.
pub fn encode_call(method: &str, args: &[Value], id: &str) -> Vec<u8> {
    let message = json!({ "type": "call", "method": method, "args": args });
    Frame::new(vec![RawArg::json(&message), RawArg::text(id)]).encode()
}

/// The bytes of a success.
pub fn reply_ok(id: &RawArg, results: &[Value]) -> Vec<u8> {
    reply(id, &json!({ "args": results }))
}

/// The bytes of a failure with a text, shaped as JavaScript's errors are.
pub fn reply_error(id: &RawArg, text: &str) -> Vec<u8> {
    reply(
        id,
        &json!({ "error": text, "stack": format!("Error: {text}\n    at ward") }),
    )
}

/// The bytes of a failure of the protocol itself, which has no stack.
pub fn reply_refused(id: &RawArg, text: &str) -> Vec<u8> {
    reply(id, &json!({ "error": text }))
}

/// The bytes of the list of methods.
pub fn reply_methods(id: &RawArg) -> Vec<u8> {
    reply(id, &methods::listing())
}

fn reply(id: &RawArg, message: &Value) -> Vec<u8> {
    Frame::new(vec![RawArg::json(message), id.clone()]).encode()
}

/// Reads a reply: the id, and the results or the failure.
///
/// # Errors
///
/// The frame is no reply.
pub fn decode_reply(frame: &Frame) -> Result<(RawArg, Result<Vec<Value>, RemoteError>), BadReply> {
    let [message, .., id] = &frame.args[..] else {
        return Err(BadReply::Shape);
    };
    let Ok(Arg::Json(mut value)) = message.decode() else {
        return Err(BadReply::Message);
    };
    if let Some(error) = value.get("error") {
        let message = error
            .as_str()
            .map_or_else(|| error.to_string(), str::to_owned);
        return Ok((id.clone(), Err(RemoteError { message, value })));
    }
    match value.get_mut("args").map(Value::take) {
        Some(Value::Array(results)) => Ok((id.clone(), Ok(results))),
        _ => Err(BadReply::Message),
    }
}
