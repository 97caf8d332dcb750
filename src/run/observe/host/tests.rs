use super::*;
use procfs::{FromBufReadSI, current_system_info};

#[test]
fn shares_are_of_what_came_since() {
    let before = HostLook { ticks: Some((1_000, 50)), periods: vec![(10, 0), (100, 90)] };
    let after = HostLook { ticks: Some((2_000, 80)), periods: vec![(10, 0), (140, 100)] };
    assert_eq!(after.steal_share(&before), Some(0.03));
    assert_eq!(after.throttled_share(&before), Some(0.25));
    assert_eq!(before.throttled_share(&before), None, "no period went by");
}

#[test]
fn a_quota_s_file_is_read_in_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("cpu.stat"), text).unwrap();
    write("nr_periods 12\nnr_throttled 3\nthrottled_time 4500\n");
    assert_eq!(periods(folder.path()), Some((12, 3)));
    write("usage_usec 9\nnr_periods 7\nnr_throttled 5\nthrottled_usec 1\nnr_bursts 0\n");
    assert_eq!(periods(folder.path()), Some((7, 5)));
    write("usage_usec 9\n");
    assert_eq!(periods(folder.path()), None);
}

/// Each kind of ticks has a digit of its own.
#[test]
fn all_ticks_count_and_a_guest_s_only_once() {
    let of = |cpu: &str| {
        let text = format!("cpu  {cpu}\nctxt 1\nbtime 1\nprocesses 1\n");
        let stats = KernelStats::from_buf_read(text.as_bytes(), current_system_info()).unwrap();
        ticks_of(&stats.total)
    };
    assert_eq!(
        of("1 20 300 4000 50000 600000 7000000 80000000 1 1"),
        Some((87_654_321, 80_000_000))
    );
    assert_eq!(of("1 20 300 4000"), None, "a kernel that knows of no hypervisor");
}

#[test]
fn this_process_s_groups_are_found_where_the_machine_has_any() {
    let found = cpu_groups();
    let roots = ["", "unified", "cpu", "cpu,cpuacct", "cpuacct,cpu"];
    let stat = |root: &str| Path::new(cgroups::ROOT).join(root).join("cpu.stat");
    assert_eq!(!found.is_empty(), roots.iter().any(|root| stat(root).exists()), "{found:?}");
    assert!(found.iter().all(|group| group.join("cpu.stat").exists()), "{found:?}");
}

#[test]
fn memory_that_is_held_is_told_in_bytes() {
    let touched = vec![1_u8; 16 << 20];
    let held = memory_bytes().unwrap();
    assert!(held > std::hint::black_box(&touched).len() as u64, "{held}");
}

#[test]
fn this_machine_has_ticks_and_memory() {
    let look = HostLook::take(&cpu_groups());
    let (all, stolen) = look.ticks.unwrap();
    assert!(all > stolen + 100, "it has run for a second: {all} {stolen}");
    assert!(memory_left_bytes().is_some_and(|bytes| bytes > 100_000));
}
