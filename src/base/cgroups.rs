//! The control groups that bind this process, in either version of their interface.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::ProcessCGroups;
use procfs::process::Process;

/// Where they are found.
pub const ROOT: &str = "/sys/fs/cgroup";

/// The controller of the processors.
pub const CPU: &str = "cpu";

/// The first version writes no limit as the largest number of whole pages.
const NO_LIMIT_BYTES: u64 = 1 << 62;

/// The directories of this process's cgroups for a controller, and those above, that have `file`.
#[must_use]
pub fn of(controller: &str, file: &str) -> Vec<PathBuf> {
    own().map_or_else(Vec::new, |own| groups_in(Path::new(ROOT), &own, controller, file))
}

/// The same below `folder`, of a process that is in the cgroups `own`.
fn groups_in(folder: &Path, own: &ProcessCGroups, controller: &str, file: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for group in own {
        // The second version has one hierarchy for all controllers.
        let roots: &[&str] = match &*group.controllers {
            [] => &["", "unified"],
            names if !names.iter().any(|name| name == controller) => continue,
            _ if controller == CPU => &["cpu", "cpu,cpuacct", "cpuacct,cpu"],
            _ => &[controller],
        };
        let below = group.pathname.trim_start_matches('/');
        for root in roots {
            let root = folder.join(root);
            let own = root.join(below);
            let up = own.ancestors().take_while(|path| path.starts_with(&root));
            found.extend(up.filter(|path| path.join(file).exists()).map(Path::to_owned));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The limits on the memory of this process's groups and of those above, in bytes.
#[must_use]
pub fn memory_limits_bytes() -> Vec<u64> {
    own().map_or_else(Vec::new, |own| memory_limits_in(Path::new(ROOT), &own))
}

fn memory_limits_in(folder: &Path, own: &ProcessCGroups) -> Vec<u64> {
    let limits = ["memory.max", "memory.limit_in_bytes"].into_iter().flat_map(|file| {
        let groups = groups_in(folder, own, "memory", file).into_iter();
        groups.filter_map(move |group| fs::read_to_string(group.join(file)).ok())
    });
    // "max" is not a number, and no limit.
    let limits = limits.filter_map(|text| text.trim().parse::<u64>().ok());
    limits.filter(|bytes| *bytes < NO_LIMIT_BYTES).collect()
}

fn own() -> Option<ProcessCGroups> {
    Process::myself().ok()?.cgroups().ok()
}

#[cfg(test)]
mod tests {
    use procfs::FromBufRead;

    use super::*;

    fn own_of(text: &str) -> ProcessCGroups {
        ProcessCGroups::from_buf_read(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_groups_of_both_versions_are_found_and_no_one_else_s() {
        let folder = tempfile::tempdir().unwrap();
        for (group, file) in [
            ("a/b", "cpu.stat"),
            ("a", "cpu.stat"),
            ("other", "cpu.stat"),
            ("unified/a", "cpu.stat"),
            ("cpu,cpuacct/x", "cpu.stat"),
            ("cpu,cpuacct/y", "cpu.stat"),
            ("cpu,cpuacct/y", "memory.limit_in_bytes"),
            ("memory/y", "memory.limit_in_bytes"),
            ("memory/y", "cpu.stat"),
        ] {
            let group = folder.path().join(group);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join(file), "").unwrap();
        }
        let found = |own: &str, controller: &str, file: &str| {
            let own = own_of(own);
            let found = groups_in(folder.path(), &own, controller, file);
            let below = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
            found.iter().map(below).collect::<Vec<_>>()
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(found("0::/a/b\n", "cpu", "cpu.stat"), paths(&["a", "a/b", "unified/a"]));
        let first = "5:memory:/y\n4:cpu,cpuacct:/x\n";
        assert_eq!(found(first, "cpu", "cpu.stat"), paths(&["cpu,cpuacct/x"]));
        assert_eq!(found(first, "memory", "memory.limit_in_bytes"), paths(&["memory/y"]));
    }

    #[test]
    fn a_limit_of_version_1_is_that_of_the_group_or_of_one_around_it() {
        let root = tempfile::tempdir().unwrap();
        let memory = root.path().join("memory");
        let own = memory.join("job/inner");
        fs::create_dir_all(&own).unwrap();
        let limit = |folder: &Path, bytes: &str| {
            fs::write(folder.join("memory.limit_in_bytes"), bytes).unwrap();
        };
        limit(&memory, "9223372036854771712\n");
        limit(&own, "9223372036854771712\n");
        let read = || {
            let own = own_of("8:pids:/\n4:cpu,memory:/job/inner\n0::/\n");
            memory_limits_in(root.path(), &own).into_iter().min()
        };
        assert_eq!(read(), None, "no limit");
        limit(&memory.join("job"), "41943040\n");
        assert_eq!(read(), Some(40 << 20));
        limit(&own, "20971520\n");
        assert_eq!(read(), Some(20 << 20));
        assert_eq!(memory_limits_in(root.path(), &own_of("8:pids:/job\n")).into_iter().min(), None);
    }
}
