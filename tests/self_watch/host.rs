//! What is done to the host.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A cgroup with a CPU quota; it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// So many percent of one core, in whichever version of cgroups is writable here.
    pub(crate) fn of_percent(percent: u32) -> Result<Self, String> {
        let name = format!("kbench-test-{}", std::process::id());
        let us = percent * 1_000;
        let first = |root: &Path| {
            let quota = Self::make(root.join(&name))?;
            quota.write("cpu.cfs_period_us", "100000")?;
            quota.write("cpu.cfs_quota_us", &us.to_string()).map(|()| quota)
        };
        let second = |root: &Path| {
            // May be on already, or not allowed: the quota's file tells.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu");
            let quota = Self::make(root.join(&name))?;
            quota.write("cpu.max", &format!("{us} 100000")).map(|()| quota)
        };
        let root = Path::new("/sys/fs/cgroup");
        first(&root.join("cpu"))
            .or_else(|why| second(root).map_err(|other| format!("{why}; {other}")))
    }

    fn make(group: PathBuf) -> Result<Self, String> {
        if !group.parent().is_some_and(|parent| parent.join("cgroup.procs").exists()) {
            return Err(format!("{} is in no cgroup", group.display()));
        }
        fs::create_dir(&group).map_err(|error| format!("{}: {error}", group.display()))?;
        Ok(Self { group })
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.group.join(file);
        if !path.exists() {
            return Err(format!("there is no {}", path.display()));
        }
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Starts a program within the quota.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        let script = r#"echo $$ > "$0" && exec "$@""#;
        command.args(["-c", script]).arg(self.group.join("cgroup.procs")).arg(program);
        command
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}

/// Threads that never sleep, on one core.
#[derive(Debug)]
pub(crate) struct Spinners {
    core: usize,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Spinners {
    pub(crate) fn on_one_core(count: usize) -> Self {
        let core = first_core();
        let stop = Arc::new(AtomicBool::new(false));
        let spin = |_| {
            let stop = stop.clone();
            thread::spawn(move || {
                pin(core);
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..count).map(spin).collect();
        Self { core, stop, threads }
    }

    /// Starts a program on their core.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let core = self.core;
        // SAFETY: only asks the kernel for another set of cores; nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                pin(core);
                Ok(())
            });
        }
        command
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A core that this process may use.
fn first_core() -> usize {
    // SAFETY: an all-zero set is a valid value, and the calls stay within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        (0..1_024).find(|&core| libc::CPU_ISSET(core, &set)).unwrap()
    }
}

/// Keeps the calling thread, and whatever it starts, on one core.
pub(crate) fn pin(core: usize) {
    // SAFETY: an all-zero set is a valid value, and the calls stay within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
