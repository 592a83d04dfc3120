//! Files and environment variables that somebody made up.

use super::layers::structure;
use super::{Settings, Sources};
use crate::hostile_input::Hostile;

/// The settings that are taken, in words; those that are not have a line for each mistake.
fn read(sources: &Sources) -> Option<String> {
    match Settings::read(sources) {
        Ok(settings) => Some(format!("{settings:?}")),
        Err(wrong) => {
            assert_eq!(wrong.to_string().lines().count(), wrong.mistakes().len());
            None
        }
    }
}

#[test]
fn files() {
    // The built-in settings are read each time, too.
    Hostile::to("settings")
        .slow(96, 10)
        .memory(1024 * 1024, 600)
        .every(|input| read(&Sources::from_toml("house.toml", std::str::from_utf8(input).ok()?)));
}

/// A variable on each line.
#[test]
fn environments() {
    Hostile::to("environment").slow(96, 10).memory(1024 * 1024, 600).every(|input| {
        let text = std::str::from_utf8(input).ok()?;
        let variables = text.lines().filter_map(|line| line.split_once('='));
        read(&Sources::default().with_environment(variables))
    });
}

#[test]
fn structures_in_variables() {
    Hostile::to("structure").memory(64 * 1024, 600).every(|input| structure(std::str::from_utf8(input).ok()?));
}
