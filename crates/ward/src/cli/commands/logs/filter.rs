//! Selects the logs to show: one argument of the command line, resolved once against the list and
//! then applied to files and to all events of the daemon.

use regress::Regex;
use serde_json::Value;
use ward_wire::bus::{AppName, Choice};

use super::{Form, LogOptions, Source};
use crate::cli::out::record::Record;
use crate::cli::select;

/// A resolved argument. If the user gave a name, it stays a name, so that later instances are shown
/// as well.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// Every app and the daemon.
    All,
    /// The daemon's own log.
    Daemon,
    Name(String),
    Namespace(String),
    Pattern(Regex),
    Ids(Vec<i64>),
}

/// The label of the daemon's lines.
pub(crate) const DAEMON: &str = "PM2";

impl Filter {
    /// Resolves an argument. `Ok(None)` if nothing has that name; the error is an invalid pattern.
    pub(crate) fn resolve(
        word: Option<&str>,
        records: &[Value],
    ) -> Result<Option<Self>, regress::Error> {
        let Some(word) = word.filter(|word| *word != "all") else {
            return Ok(Some(Self::All));
        };
        let Some(pattern) = select::pattern(word) else {
            return Ok(Self::by_word(word, records));
        };
        let candidate = Self::Pattern(Regex::new(&pattern)?);
        Ok(Some(candidate).filter(|filter| filter.matches_any(records)))
    }

    fn by_word(word: &str, records: &[Value]) -> Option<Self> {
        let mut candidates = vec![
            Self::Name(word.to_owned()),
            Self::Namespace(word.to_owned()),
        ];
        candidates.extend(word.parse().ok().map(|id| Self::Ids(vec![id])));
        candidates
            .into_iter()
            .find(|filter| filter.matches_any(records))
            .or_else(|| (word == DAEMON).then_some(Self::Daemon))
    }

    fn matches_any(&self, records: &[Value]) -> bool {
        records
            .iter()
            .any(|value| self.matches_record(Record::new(value)))
    }

    /// Whether the filter selects this app of the list.
    pub(crate) fn matches_record(&self, record: Record<'_>) -> bool {
        self.matches(Some(record.id()), record.name(), Some(record.namespace()))
    }

    /// Whether the filter selects an event of an app. Events of other daemons may lack fields.
    pub(crate) fn matches(&self, id: Option<i64>, name: &str, namespace: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Daemon => false,
            Self::Name(wanted) => wanted == name,
            Self::Namespace(wanted) => namespace == Some(wanted),
            Self::Pattern(pattern) => pattern.find(name).is_some(),
            Self::Ids(wanted) => id.is_some_and(|id| wanted.contains(&id)),
        }
    }

    /// What of the bus is printed with these options, as far as the daemon can tell it apart: it
    /// knows no patterns.
    pub(crate) fn choice(&self, options: &LogOptions) -> Choice {
        let mut choice = Choice::default();
        let mut topic = |name: &str, wanted: bool| {
            choice.topics.extend(wanted.then(|| name.to_owned()));
        };
        let apps = !matches!(self, Self::Daemon);
        topic("log:out", apps && options.wants(Source::Out));
        topic("log:err", apps && options.wants(Source::Err));
        topic(
            "log:PM2",
            self.includes_daemon() && options.wants(Source::Daemon),
        );
        topic(
            "process:event",
            apps && options.form == Form::Json && options.only.is_none(),
        );
        match self {
            Self::All | Self::Daemon | Self::Pattern(_) => {}
            Self::Name(name) => choice.apps.push(AppName::Name(name.clone())),
            Self::Namespace(namespace) => choice.namespaces.push(namespace.clone()),
            Self::Ids(ids) => {
                let ids = ids.iter().filter_map(|id| u32::try_from(*id).ok());
                choice.apps.extend(ids.map(AppName::Id));
            }
        }
        choice
    }

    /// Whether the daemon's own log is meant, too.
    pub(crate) fn includes_daemon(&self) -> bool {
        matches!(self, Self::All | Self::Daemon)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn list() -> Vec<Value> {
        [(0, "web", "front"), (1, "web", "front"), (2, "7", "back"), (7, "x", "web"), (3, "api", "back")]
            .map(|(id, name, namespace)| {
                json!({"pm_id": id, "name": name, "pm2_env": {"namespace": namespace}})
            })
            .to_vec()
    }

    #[rstest]
    #[case(None, &[0, 1, 2, 7, 3])]
    #[case(Some("all"), &[0, 1, 2, 7, 3])]
    #[case(Some("web"), &[0, 1])]
    #[case(Some("back"), &[2, 3])]
    #[case(Some("7"), &[2])]
    #[case(Some("3"), &[3])]
    #[case(Some("/^(api|x)$/"), &[7, 3])]
    #[case(Some("/^(?!web)/"), &[2, 7, 3])]
    fn words(#[case] word: Option<&str>, #[case] ids: &[i64]) {
        let list = list();
        let filter = Filter::resolve(word, &list).unwrap().unwrap();
        let matching: Vec<i64> = list
            .iter()
            .map(Record::new)
            .filter(|record| filter.matches_record(*record))
            .map(Record::id)
            .collect();
        assert_eq!(matching, ids);
    }

    #[rstest]
    #[case(
        None,
        None,
        Form::Text,
        r#"{"topics":["log:out","log:err","log:PM2"],"apps":[],"namespaces":[]}"#
    )]
    #[case(
        Some("web"),
        None,
        Form::Text,
        r#"{"topics":["log:out","log:err"],"apps":["web"],"namespaces":[]}"#
    )]
    #[case(
        Some("3"),
        Some(Source::Err),
        Form::Json,
        r#"{"topics":["log:err"],"apps":[3],"namespaces":[]}"#
    )]
    #[case(
        Some("back"),
        None,
        Form::Json,
        r#"{"topics":["log:out","log:err","process:event"],"apps":[],"namespaces":["back"]}"#
    )]
    #[case(
        Some("/^web/"),
        None,
        Form::Text,
        r#"{"topics":["log:out","log:err"],"apps":[],"namespaces":[]}"#
    )]
    #[case(
        Some("PM2"),
        None,
        Form::Text,
        r#"{"topics":["log:PM2"],"apps":[],"namespaces":[]}"#
    )]
    fn the_daemon_is_asked_for_no_more_than_is_printed(
        #[case] word: Option<&str>,
        #[case] only: Option<Source>,
        #[case] form: Form,
        #[case] choice: &str,
    ) {
        let filter = Filter::resolve(word, &list()).unwrap().unwrap();
        let options = LogOptions {
            only,
            form,
            ..LogOptions::default()
        };
        assert_eq!(
            serde_json::to_string(&filter.choice(&options)).unwrap(),
            choice
        );
    }

    #[test]
    fn unknown_words_match_nothing() {
        for word in ["nope", "99", "/nope/", "we"] {
            assert!(
                Filter::resolve(Some(word), &list()).unwrap().is_none(),
                "{word}"
            );
        }
        assert!(Filter::resolve(Some("/(/"), &list()).is_err());
        let daemon = Filter::resolve(Some("PM2"), &list()).unwrap().unwrap();
        assert!(daemon.includes_daemon() && !daemon.matches_any(&list()));
    }
}
