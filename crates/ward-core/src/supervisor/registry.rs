//! All instances by id, and what has to be found among them without a look at each: the next
//! deadline, the numbers that are taken under a name, the apps with a memory limit.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::InstanceId;
use crate::instance::{Instance, view};
use crate::time::Mono;

/// The instances. Written as a map from ids to instances; everything else here follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registry {
    entries: BTreeMap<InstanceId, Entry>,
    /// The next deadline of each instance that has one.
    deadlines: BTreeSet<(Mono, InstanceId)>,
    names: BTreeMap<String, Namesakes>,
    /// Instances with a memory limit.
    limited: BTreeSet<InstanceId>,
    /// Instances whose files are watched.
    watching: BTreeSet<InstanceId>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Boxed: a node of the map has room for eleven, and half of that stays empty.
    instance: Box<Instance>,
    keys: Keys,
}

/// Where an instance is filed besides its id.
#[derive(Clone, Debug, PartialEq)]
struct Keys {
    deadline: Option<Mono>,
    name: String,
    number: u32,
    is_limited: bool,
    is_watching: bool,
}

/// The instances of one name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Namesakes {
    ids: BTreeSet<InstanceId>,
    /// The numbers that are taken, and by how many: a renamed app may bring one that is taken.
    numbers: BTreeMap<u32, usize>,
    /// The lowest number that is not taken.
    lowest_free: u32,
}

/// Files an instance anew when it is dropped.
struct FilesAnew<'a> {
    registry: &'a mut Registry,
    id: InstanceId,
}

impl Drop for FilesAnew<'_> {
    fn drop(&mut self) {
        self.registry.file_anew(self.id);
    }
}

impl Keys {
    fn of(instance: &Instance) -> Self {
        Self {
            deadline: instance.deadline(),
            name: instance.spec.name.clone(),
            number: instance.number,
            is_limited: instance.spec.restart.max_memory.is_some(),
            is_watching: view::is_watching(instance),
        }
    }

    /// Whether nothing changed; found out without a copy of the name.
    fn fit(&self, instance: &Instance) -> bool {
        self.deadline == instance.deadline()
            && self.number == instance.number
            && self.is_limited == instance.spec.restart.max_memory.is_some()
            && self.is_watching == view::is_watching(instance)
            && self.name == instance.spec.name
    }
}

impl Namesakes {
    fn insert(&mut self, id: InstanceId, number: u32) {
        self.ids.insert(id);
        *self.numbers.entry(number).or_default() += 1;
        while self.numbers.contains_key(&self.lowest_free) {
            self.lowest_free = self.lowest_free.saturating_add(1);
            if self.lowest_free == u32::MAX {
                break;
            }
        }
    }

    fn remove(&mut self, id: InstanceId, number: u32) {
        self.ids.remove(&id);
        if let Some(holders) = self.numbers.get_mut(&number) {
            *holders -= 1;
            if *holders == 0 {
                self.numbers.remove(&number);
                self.lowest_free = self.lowest_free.min(number);
            }
        }
    }
}

impl Registry {
    pub(crate) fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.entries.get(&id).map(|entry| entry.instance.as_ref())
    }

    /// All of them, by id.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Instance> {
        self.entries.values().map(|entry| entry.instance.as_ref())
    }

    /// Those behind an id, by id.
    pub(crate) fn behind(&self, id: Option<InstanceId>) -> impl Iterator<Item = &Instance> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.entries.range((from, Bound::Unbounded));
        entries.map(|(_, entry)| entry.instance.as_ref())
    }

    pub(crate) fn ids(&self) -> Vec<InstanceId> {
        self.entries.keys().copied().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn insert(&mut self, instance: Box<Instance>) {
        let (id, keys) = (instance.id, Keys::of(&instance));
        self.remove(id);
        self.file(id, &keys);
        self.entries.insert(id, Entry { instance, keys });
    }

    pub(crate) fn remove(&mut self, id: InstanceId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.unfile(id, &entry.keys);
        }
    }

    /// Lets an instance change, and files it anew where that is needed, even if `change` panics: a
    /// deadline that is not filed would be forgotten. `None`: nobody has the id.
    pub(crate) fn change<T>(
        &mut self,
        id: InstanceId,
        change: impl FnOnce(&mut Instance) -> T,
    ) -> Option<T> {
        let registry = FilesAnew { registry: self, id };
        let entry = registry.registry.entries.get_mut(&id)?;
        Some(change(&mut entry.instance))
    }

    /// Most events change the deadline alone, so each key is looked at by itself.
    fn file_anew(&mut self, id: InstanceId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if entry.keys.fit(&entry.instance) {
            return;
        }
        let keys = Keys::of(&entry.instance);
        let before = core::mem::replace(&mut entry.keys, keys.clone());
        self.unfile_time(id, &before);
        self.file_time(id, &keys);
        if (&before.name, before.number) != (&keys.name, keys.number) {
            self.unfile_name(id, &before);
            self.file_name(id, &keys);
        }
    }

    fn file(&mut self, id: InstanceId, keys: &Keys) {
        self.file_time(id, keys);
        self.file_name(id, keys);
    }

    fn unfile(&mut self, id: InstanceId, keys: &Keys) {
        self.unfile_time(id, keys);
        self.unfile_name(id, keys);
    }

    fn file_time(&mut self, id: InstanceId, keys: &Keys) {
        if let Some(deadline) = keys.deadline {
            self.deadlines.insert((deadline, id));
        }
        if keys.is_limited {
            self.limited.insert(id);
        }
        if keys.is_watching {
            self.watching.insert(id);
        }
    }

    fn unfile_time(&mut self, id: InstanceId, keys: &Keys) {
        if let Some(deadline) = keys.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.limited.remove(&id);
        self.watching.remove(&id);
    }

    fn file_name(&mut self, id: InstanceId, keys: &Keys) {
        let namesakes = self.names.entry(keys.name.clone()).or_default();
        namesakes.insert(id, keys.number);
    }

    fn unfile_name(&mut self, id: InstanceId, keys: &Keys) {
        if let Some(namesakes) = self.names.get_mut(&keys.name) {
            namesakes.remove(id, keys.number);
            if namesakes.ids.is_empty() {
                self.names.remove(&keys.name);
            }
        }
    }

    /// The first deadline of all.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Those whose deadline has come, by id.
    pub(crate) fn due(&self, now: Mono) -> Vec<InstanceId> {
        let due = self.deadlines.iter().take_while(|(at, _)| *at <= now);
        let mut ids: Vec<InstanceId> = due.map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Those with a memory limit.
    pub(crate) fn limited(&self) -> impl Iterator<Item = &Instance> {
        self.limited.iter().filter_map(|id| self.get(*id))
    }

    /// Those whose files are watched.
    pub(crate) fn watching(&self) -> impl Iterator<Item = &Instance> {
        self.watching.iter().filter_map(|id| self.get(*id))
    }

    /// Whether any instance has a memory limit.
    pub(crate) fn has_limits(&self) -> bool {
        !self.limited.is_empty()
    }

    /// Those of one name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Instance> {
        let namesakes = self.names.get(name);
        let ids = namesakes.into_iter().flat_map(|namesakes| &namesakes.ids);
        ids.filter_map(|id| self.get(*id))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of one name there are.
    pub(crate) fn count_named(&self, name: &str) -> usize {
        let namesakes = self.names.get(name);
        namesakes.map_or(0, |namesakes| namesakes.ids.len())
    }

    /// The lowest number no instance of this name has.
    pub(crate) fn free_number(&self, name: &str) -> u32 {
        self.names
            .get(name)
            .map_or(0, |namesakes| namesakes.lowest_free)
    }

    /// Whether an instance of this name has the number.
    pub(crate) fn is_taken(&self, name: &str, number: u32) -> bool {
        let namesakes = self.names.get(name);
        namesakes.is_some_and(|namesakes| namesakes.numbers.contains_key(&number))
    }
}

impl Serialize for Registry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instances = self.entries.iter();
        serializer.collect_map(instances.map(|(id, entry)| (id, &entry.instance)))
    }
}

impl<'de> Deserialize<'de> for Registry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let instances = BTreeMap::<InstanceId, Box<Instance>>::deserialize(deserializer)?;
        let mut registry = Self::default();
        for instance in instances.into_values() {
            registry.insert(instance);
        }
        Ok(registry)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::spec_from;

    fn instance(id: u32, name: &str, number: u32) -> Box<Instance> {
        let record = json!({"name": name, "pm_exec_path": "/srv/a.js", "env": {}});
        let spec = spec_from(record.as_object().unwrap()).unwrap();
        Box::new(Instance::new(InstanceId(id), number, spec, String::new()))
    }

    #[test]
    fn the_lowest_number_that_is_free_is_known_whatever_comes_and_goes() {
        let mut registry = Registry::default();
        assert_eq!(registry.free_number("a"), 0);
        for number in [0, 1, 3, u32::MAX] {
            registry.insert(instance(number, "a", number));
        }
        assert_eq!(registry.free_number("a"), 2);
        registry.insert(instance(2, "a", 2));
        assert_eq!(registry.free_number("a"), 4);
        registry.remove(InstanceId(1));
        assert_eq!(
            (registry.free_number("a"), registry.free_number("b")),
            (1, 0)
        );
    }

    #[test]
    fn a_renamed_instance_is_found_under_its_new_name_alone() {
        let mut registry = Registry::default();
        registry.insert(instance(0, "a", 0));
        registry.insert(instance(1, "b", 0));
        registry.change(InstanceId(1), |it| it.spec.name = "a".to_owned());
        assert_eq!(registry.named("b").count(), 0);
        assert_eq!(registry.named("a").count(), 2);
        // Both have the number; it is free again when both are gone.
        registry.remove(InstanceId(0));
        assert!(registry.is_taken("a", 0));
        registry.remove(InstanceId(1));
        assert_eq!(registry, Registry::default());
    }
}
