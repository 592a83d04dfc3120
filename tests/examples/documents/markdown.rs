//! The fenced blocks of a document.

use regex::Regex;

/// A fenced block.
pub struct Block {
    /// The line of its fence, from 1.
    pub line: usize,
    /// What stands behind the fence: `console`, `toml`, `rust,no_run`.
    pub language: String,
    /// Its lines, without the fence's indentation.
    pub text: String,
}

/// A command of a console block, and what the document says that it prints.
pub struct Step {
    /// The line of the command, from 1.
    pub line: usize,
    pub command: String,
    pub printed: String,
}

impl Block {
    /// All blocks of `document`.
    pub fn all(document: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut open: Option<(Self, usize)> = None;
        for (index, line) in document.lines().enumerate() {
            let inner = line.trim_start();
            let indent = line.len() - inner.len();
            match open.take() {
                None => {
                    if let Some(language) = inner.strip_prefix("```") {
                        open = Some((
                            Self { line: index + 1, language: language.trim().to_owned(), text: String::new() },
                            indent,
                        ));
                    }
                }
                Some((block, _)) if inner == "```" => blocks.push(block),
                Some((mut block, indent)) => {
                    block.text += line.get(indent.min(line.len() - inner.len())..).unwrap_or_default();
                    block.text.push('\n');
                    open = Some((block, indent));
                }
            }
        }
        assert!(open.is_none(), "a fence is not closed");
        blocks
    }

    /// Whether a reader is meant to type it into a shell.
    pub fn is_for_a_shell(&self) -> bool {
        ["console", "sh", "bash", "shell"].contains(&self.language.split(',').next().unwrap_or_default())
    }

    /// The file that it is, by the comment in its first line.
    pub fn file(&self) -> Option<&str> {
        let name = Regex::new(r"^(?:#|//) ([\w./-]+\.(?:toml|rs|mjs|js|py|jsonl|json))(?: .*)?$").unwrap();
        let first = self.text.lines().next()?;
        Some(name.captures(first)?.get(1)?.as_str())
    }

    /// Its first command, by which it is known.
    pub fn first_command(&self) -> String {
        self.steps().first().map_or_else(
            || self.text.lines().next().unwrap_or_default().trim_start_matches(['$', '#', ' ']).to_owned(),
            |step| step.command.lines().next().unwrap_or_default().to_owned(),
        )
    }

    /// Its commands. In a console block they stand behind `$ `, also over several lines; what follows is what they print. In others every line is one.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut goes_on = false;
        let mut until: Option<String> = None;
        for (index, line) in self.text.lines().enumerate() {
            let number = self.line + 1 + index;
            let begins = if self.language.starts_with("console") { line.strip_prefix("$ ") } else { Some(line) };
            let is_command = goes_on || until.is_some() || begins.is_some();
            match (begins, steps.last_mut()) {
                (_, Some(step)) if goes_on || until.is_some() => {
                    step.command += "\n";
                    step.command += line;
                    if until.as_deref() == Some(line) {
                        until = None;
                    }
                }
                (Some(command), _) if !command.is_empty() => {
                    let here = command.split("<<'").nth(1).and_then(|rest| rest.split('\'').next());
                    until = here.map(str::to_owned);
                    steps.push(Step { line: number, command: command.to_owned(), printed: String::new() });
                }
                (None, Some(step)) => {
                    step.printed += line;
                    step.printed.push('\n');
                }
                _ => {}
            }
            goes_on = is_command && until.is_none() && line.ends_with('\\');
        }
        steps
    }
}
