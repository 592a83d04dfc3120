//! argon2id on all cores, as fast as it goes: each thread keeps its memory.

use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The defaults of `[passwords]` in config/default.toml.
const MEMORY_KIB: u32 = 19456;
const ITERATIONS: u32 = 2;

pub fn on_all_cores(seconds: f64) -> crate::Outcome {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let threads: Vec<_> =
        (0..thread::available_parallelism()?.get()).map(|_| thread::spawn(move || per_second(until))).collect();
    let rates = threads.into_iter().map(|thread| thread.join().expect("argon2 does not panic"));
    println!("{}", rates.sum::<f64>());
    Ok(())
}

/// Hashes until then, and how many that were in a second.
fn per_second(until: Instant) -> f64 {
    let params = Params::new(MEMORY_KIB, ITERATIONS, 1, Some(32)).expect("the parameters are argon2's");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (started, mut hashes, mut hash) = (Instant::now(), 0.0, [0; 32]);
    while Instant::now() < until {
        argon2
            .hash_password_into_with_memory(b"correct horse battery staple", &[7; 16], &mut hash, &mut memory)
            .expect("the salt has a good length");
        hashes += 1.0;
    }
    hashes / started.elapsed().as_secs_f64()
}
