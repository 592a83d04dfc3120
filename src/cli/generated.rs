//! `tokenhouse completions` and `tokenhouse man`: made from the definition of the commands, so they never lag behind.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum as _};
use clap_complete::Shell;
use serde_json::json;

use super::Failure;
use crate::shell::quoted;

#[derive(Args)]
pub(super) struct CompletionsArguments {
    /// For which shell
    shell: Shell,
}

#[derive(Args)]
pub(super) struct ManArguments {
    /// An existing folder that gets a page for each command; without it, the first page goes to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(arguments: &CompletionsArguments, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "tokenhouse", &mut script);
    if json {
        let name = arguments.shell.to_possible_value().map(|value| value.get_name().to_owned());
        writeln!(out, "{}", json!({ "shell": name, "script": String::from_utf8_lossy(&script) }))?;
    } else {
        out.write_all(&script)?;
    }
    Ok(0)
}

pub(super) fn man(arguments: &ManArguments, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let Some(folder) = &arguments.dir else {
        let page = page(super::command())?;
        if json {
            writeln!(out, "{}", json!({ "page": String::from_utf8_lossy(&page) }))?;
        } else {
            out.write_all(&page)?;
        }
        return Ok(0);
    };
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut written = Vec::new();
    pages(&command, folder, &mut written)?;
    if json {
        writeln!(out, "{}", json!({ "pages": written }))?;
    } else {
        let first = folder.join("tokenhouse.1");
        let first = first.display().to_string();
        writeln!(out, "{} pages are in {}; try: man -l {}", written.len(), folder.display(), quoted(&first))?;
    }
    Ok(0)
}

/// A page for `command`, and for each below it.
fn pages(command: &Command, folder: &Path, written: &mut Vec<String>) -> Result<(), Failure> {
    let refused = |error: std::io::Error| Failure::Failed(format!("cannot write to {}: {error}", folder.display()));
    let path = clap_mangen::Man::new(command.clone()).generate_to(folder).map_err(refused)?;
    written.push(path.display().to_string());
    command.get_subcommands().try_for_each(|below| pages(below, folder, written))
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
