//! Pid files that cannot be written: told once for each instance and reason, since an app that starts
//! again and again would fill the log.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use ward_core::id::InstanceId;

/// What was told. Bounded by the instances there are.
#[derive(Debug, Default)]
pub(super) struct PidFiles {
    told: BTreeMap<InstanceId, String>,
}

impl PidFiles {
    /// What is to be told of a start: nothing when the file was written, or when it is known. Instances
    /// that are not `there` any more are forgotten.
    pub(super) fn started(
        &mut self,
        instance: InstanceId,
        path: Option<&Path>,
        error: Option<&io::Error>,
        there: impl Fn(InstanceId) -> bool,
    ) -> Option<String> {
        let (Some(path), Some(error)) = (path, error) else {
            self.told.remove(&instance);
            return None;
        };
        let text = format!("the pid file {} is not written: {error}", path.display());
        if self.told.get(&instance) == Some(&text) {
            return None;
        }
        self.told.retain(|id, _| there(*id));
        self.told.insert(instance, text.clone());
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_until_it_is_over() {
        let mut files = PidFiles::default();
        let mut started = |kind: Option<io::ErrorKind>| {
            let error = kind.map(io::Error::from);
            let path = Some(Path::new("/x/app.pid"));
            files.started(InstanceId(1), path, error.as_ref(), |_| true)
        };
        let (denied, full) = (
            Some(io::ErrorKind::PermissionDenied),
            Some(io::ErrorKind::StorageFull),
        );
        let told = started(denied).unwrap();
        assert!(told.contains("/x/app.pid is not written"), "{told}");
        assert_eq!(started(denied), None);
        assert!(started(full).is_some(), "another reason");
        assert_eq!(started(None), None);
        assert!(started(full).is_some(), "it was written meanwhile");
    }
}
