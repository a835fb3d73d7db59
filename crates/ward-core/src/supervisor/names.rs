//! Which numbers and counted values the instances of each app have. Made when many instances are
//! registered because of one event, so that each of them need not look at all the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::id::InstanceId;
use crate::instance::Instance;

/// The instances of all apps, by the names of the apps. It holds for one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Names(BTreeMap<String, App>);

#[derive(Clone, Debug, Default, PartialEq)]
struct App {
    ids: Vec<InstanceId>,
    numbers: BTreeSet<u32>,
    /// All numbers below are taken.
    lowest: u32,
    /// The highest value of a counting variable, by the name of the variable.
    highest: BTreeMap<String, Option<i64>>,
}

impl Names {
    pub(super) fn of<'a>(instances: impl Iterator<Item = &'a Instance>) -> Self {
        let mut names = Self::default();
        for instance in instances {
            let app = names.0.entry(instance.spec.name.clone()).or_default();
            app.ids.push(instance.id);
            app.numbers.insert(instance.number);
        }
        names
    }

    /// The lowest number no instance of this app has, which is taken now.
    pub(super) fn take_number(&mut self, name: &str) -> u32 {
        let app = self.0.entry(name.to_owned()).or_default();
        while app.numbers.contains(&app.lowest) {
            app.lowest += 1;
        }
        app.numbers.insert(app.lowest);
        app.lowest
    }

    /// Takes another number instead, if it is free.
    pub(super) fn change_number(&mut self, name: &str, from: u32, to: u32) -> bool {
        let Some(app) = self.0.get_mut(name) else {
            return false;
        };
        if !app.numbers.insert(to) {
            return false;
        }
        app.numbers.remove(&from);
        app.lowest = app.lowest.min(from);
        true
    }

    /// The highest value of a counting variable among the instances of this app; `of` tells that of
    /// one.
    pub(super) fn highest(
        &mut self,
        name: &str,
        variable: &str,
        of: impl Fn(InstanceId) -> Option<Value>,
    ) -> Option<i64> {
        let app = self.0.entry(name.to_owned()).or_default();
        let ids = &app.ids;
        let value = |id: &InstanceId| of(*id)?.as_i64();
        *app.highest
            .entry(variable.to_owned())
            .or_insert_with(|| ids.iter().filter_map(value).max())
    }

    /// An instance has this value of the variable now.
    pub(super) fn count(&mut self, name: &str, variable: &str, value: i64) {
        let app = self.0.entry(name.to_owned()).or_default();
        app.highest.insert(variable.to_owned(), Some(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_next() {
        let mut names = Names::default();
        assert_eq!([(); 3].map(|()| names.take_number("a")), [0, 1, 2]);
        assert_eq!(names.take_number("b"), 0);
        assert!(names.change_number("a", 1, 7));
        assert!(!names.change_number("a", 2, 7));
        assert_eq!([(); 2].map(|()| names.take_number("a")), [1, 3]);
    }

    #[test]
    fn values_count_from_the_highest() {
        let mut names = Names::default();
        names.0.entry("a".to_owned()).or_default().ids = vec![InstanceId(0), InstanceId(1)];
        let of = |id: InstanceId| Some(Value::from(id.0 + 5));
        assert_eq!(names.highest("a", "PORT", of), Some(6));
        names.count("a", "PORT", 7);
        assert_eq!(names.highest("a", "PORT", |_| None), Some(7));
        assert_eq!(names.highest("b", "PORT", of), None);
    }
}
