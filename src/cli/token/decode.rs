//! `tokenhouse token decode`: what a token says.

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::columns::in_columns;
use crate::token::{Clock, Decoded, Member};

pub(super) fn run(token: &str, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let decoded = Decoded::of(token, Clock::system().now()).map_err(|not| Failure::Failed(not.to_string()))?;
    if json {
        let mut told = json!({ "checked": false });
        if let (Some(told), Ok(Value::Object(decoded))) = (told.as_object_mut(), serde_json::to_value(&decoded)) {
            told.extend(decoded);
        }
        writeln!(out, "{told}")?;
        return Ok(0);
    }
    members(&decoded.header, "header", out)?;
    members(&decoded.claims, "claims", out)?;
    let signature =
        if decoded.signed { "There is a signature, which was not checked." } else { "There is no signature." };
    writeln!(out, "{signature} Anybody can write a token that says this; `tokenhouse token explain` checks it.")?;
    Ok(0)
}

/// Name, value, moment and meaning of each.
pub(super) fn members(members: &[Member], title: &str, out: &mut impl Write) -> std::io::Result<()> {
    if members.is_empty() {
        return writeln!(out, "{title}: cannot be read\n");
    }
    writeln!(out, "{title}")?;
    let rows = members.iter().map(|member| {
        let value = match &member.time {
            Some(time) => format!("{}  {time}", member.value),
            None => member.value.to_string(),
        };
        let meaning = match (member.meaning, member.standard) {
            (Some(meaning), Some(standard)) => format!("{meaning} ({standard})"),
            _ => String::new(),
        };
        vec![format!("  {}", member.name), value, meaning]
    });
    writeln!(out, "{}", in_columns(rows))
}
