//! The rules of the house that a compiler does not know (STYLE.md, ARCHITECTURE.md).

use std::path::Path;

use anyhow::bail;

use crate::tree::{File, Finding};
use crate::{floors, sizes, sql_fence, text_rules, workspace};

/// Checks crates and files, and fails with every finding as `file:line: what`.
pub(crate) fn run(root: &Path, files: &[File]) -> anyhow::Result<()> {
    let packages = workspace::packages(root)?;
    let mut findings = floors::check(&packages);
    for file in files {
        findings.extend(check_file(file));
    }
    if !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        bail!("{}", lines.join("\n"));
    }
    println!(
        "{} crates and {} files are tidy",
        packages.len(),
        files.len()
    );
    Ok(())
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = text_rules::check(file);
    if file.is_rust() {
        findings.extend(sizes::check(file));
        findings.extend(sql_fence::check(file));
    }
    findings
}
