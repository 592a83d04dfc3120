//! What tokenhouse is held against by `bench/run`: the least that each of its works could cost, with the same libraries and the same compiler.
//!
//! | command | does |
//! |---|---|
//! | `bare` | serves the public route on Actix alone, and prints its port |
//! | `issuer COUNT FILE` | writes as many RS256 tokens, all different, then serves their key as Okta would, and prints its name |
//! | `copies COUNT FILE` | writes as many HS256 tokens like the one it reads, all different; it reads the secret, then the token |
//! | `argon2 SECONDS` | hashes on all cores, and prints how many hashes that were in a second |
//! | `checks ROUNDS` | checks tokens never seen before, by the library and by bare libraries in turn, and prints nanoseconds of each |

mod bare;
mod checks;
mod hashing;
mod issuer;
mod tokens;

use std::error::Error;
use std::io::BufRead as _;

type Outcome = Result<(), Box<dyn Error>>;

#[actix_web::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare"] => bare::serve().await,
        ["issuer", count, file] => issuer::serve(count.parse()?, file).await,
        ["copies", count, file] => {
            let mut lines = std::io::stdin().lock().lines();
            let (secret, token) = (lines.next().ok_or("no secret")??, lines.next().ok_or("no token")??);
            tokens::write(file, tokens::copies(&token, secret.as_bytes(), count.parse()?)?)
        }
        ["argon2", seconds] => hashing::on_all_cores(seconds.parse()?),
        ["checks", rounds] => checks::run(rounds.parse()?).await,
        _ => Err("want bare, issuer COUNT FILE, copies COUNT FILE, argon2 SECONDS or checks ROUNDS".into()),
    }
}
