//! The `tokenhouse` program: hands its arguments to [`tokenhouse::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tokenhouse::cli::main()
}
