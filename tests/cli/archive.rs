//! What a release is: the archive that `dev/archive` makes of the program, taken apart again.

use std::path::Path;
use std::process::Command;

use crate::kbench;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kbench");

/// What it printed; it must have succeeded.
fn done(command: &mut Command) -> String {
    let output = command.output();
    let said = output.as_ref().map(|output| String::from_utf8_lossy(&output.stderr));
    let succeeded = output.as_ref().is_ok_and(|output| output.status.success());
    assert!(succeeded, "{command:?}: {said:?}");
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[test]
fn an_archive_has_all_that_a_user_needs_and_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/archive");
    let mut archive = Command::new(script);
    archive.args(["--target", "some-platform", "--kbench", PROGRAM, "--out"]);
    done(archive.arg(folder.path()));
    let name = format!("kbench-{}-some-platform", env!("CARGO_PKG_VERSION"));
    let digest = format!("{name}.tar.gz.sha256");
    done(Command::new("sha256sum").args(["-c", &digest]).current_dir(folder.path()));
    let file = format!("{name}.tar.gz");
    done(Command::new("tar").args(["-xzf", &file]).current_dir(folder.path()));

    let root = folder.path().join(&name);
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    for (path, word) in [
        ("LICENSE-MIT", "Permission is hereby granted"),
        ("LICENSE-APACHE", "Apache License"),
        ("README.md", "# kbench"),
        ("CHANGELOG.md", "kbench"),
        ("completions/kbench.bash", "--bootstrap-servers"),
        ("completions/_kbench", "#compdef kbench"),
        ("completions/kbench.fish", "complete -c kbench"),
        ("man/man1/kbench.1", "Exit codes"),
        ("man/man1/kbench-run.1", "SCENARIO"),
        ("scenarios/peak.toml", "seed = 42"),
    ] {
        assert!(text(path).contains(word), "{path} has no {word:?}");
    }
    // What is packed runs by itself, from anywhere.
    let kbench = root.join("kbench");
    let out = folder.path().join("out");
    let scenario = root.join("scenarios/smoke.toml");
    let mut run = Command::new(&kbench);
    run.arg("run").arg(scenario).args(["--quiet", "--set", "load.duration=1s", "--out"]);
    done(run.arg(&out).env_clear().current_dir("/"));
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&kbench) < size(Path::new(PROGRAM)), "it has its symbols no more");
}

/// Each verb that the help names, or its page is missing.
#[test]
fn the_manual_has_a_page_for_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    done(kbench().arg("man").arg(&pages));
    let help = done(kbench().arg("--help"));
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<&str> = verbs
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.len() > 12, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        let page = pages.join(format!("kbench-{verb}.1"));
        let text = std::fs::read_to_string(&page).unwrap_or_default();
        assert!(text.contains(".SH SYNOPSIS"), "{} is no page", page.display());
    }
    let nowhere = kbench().args(["man", "/dev/null/x"]).output().unwrap();
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert_eq!(nowhere.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("kbench: writing /dev/null/x: ") && said.lines().count() == 1,
        "{said}"
    );
}
