//! Every text that comes from outside, thrown at what reads it: real ones of `tests/corpus`, mutated, blown up, spliced with each other, and chance.
//!
//! The tests themselves stand beside what they try, in the `hostile_input` of `token`, `guard`, `accounts`, `oauth` and so on. Each says what must hold for an
//! input that is taken. This part holds for all of them:
//!
//! - nothing panics, and no stack overflows;
//! - the answer is the same the second time;
//! - the most memory that a case has at once is bounded by the length of its input;
//! - four times the input takes about four times as long, and not sixteen times.
//!
//! A `cargo test` tries a few hundred cases of each; `scripts/fuzz` tries a million. An input that fails is made as small as it goes and written into the corpus, where
//! it is tried first from then on. proptest's own files of seeds would not do: a seed means another input as soon as the corpus grows.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use rustix::time::{ClockId, clock_gettime};

/// A parser under test.
pub(crate) struct Hostile {
    corpus: &'static str,
    memory: (usize, usize),
    longest: usize,
    cases: u32,
    /// One in so many, when more than the usual cases are asked for.
    one_in: u32,
}

/// A case takes no longer than this.
const LONGEST_TIME: Duration = Duration::from_secs(1);

/// Lengths whose times are compared: one, and four times that.
const GROWN: usize = 12 * 1024;

/// Of those, which take a thousand times as long as others, no more than so many are tried.
const MOST_GROWN: u32 = 500;

impl Hostile {
    /// To whatever reads texts such as those in `tests/corpus/{corpus}`.
    pub fn to(corpus: &'static str) -> Self {
        Self { corpus, memory: (48 * 1024, 64), longest: 4 * GROWN, cases: 256, one_in: 1 }
    }

    /// It has at most so many bytes at once, and so many for each byte of its input.
    pub fn memory(self, bytes: usize, for_each: usize) -> Self {
        Self { memory: (bytes, for_each), ..self }
    }

    /// It is never given more bytes than this.
    pub fn longest(self, bytes: usize) -> Self {
        Self { longest: bytes, ..self }
    }

    /// It is slow: a few cases in the usual run, and one in so many otherwise.
    pub fn slow(self, cases: u32, one_in: u32) -> Self {
        Self { cases, one_in, ..self }
    }

    /// Tries it. `read` answers `None` for what it refuses, and panics when something does not hold that must.
    pub fn every<A: PartialEq + fmt::Debug>(self, read: impl Fn(&[u8]) -> Option<A>) {
        let seeds = seeds(self.corpus);
        let cases = asked_for().map_or(self.cases, |asked| asked.div_ceil(self.one_in));
        let seen = Seen::default();
        let mut taken = 0;
        for seed in &seeds {
            match self.try_one(seed, &read, &seen) {
                Ok(is_taken) => taken += u32::from(is_taken),
                Err(why) => panic!("{}: {why}: {:?}", self.corpus, Input(seed.clone())),
            }
        }
        assert!(taken > 0, "{}: nothing of the corpus is taken, so no case gets far", self.corpus);
        seen.taken.set(0);
        self.run(cases, input(&seeds, self.longest), |input| {
            self.try_one(&input.0, &read, &seen).map(|_| ()).map_err(TestCaseError::fail)
        });
        let grown = cases.div_ceil(16).min(MOST_GROWN);
        self.run(grown, growth(&seeds, self.longest), |growth| {
            self.try_growth(&growth, &read).map_err(TestCaseError::fail)
        });
        println!("{:<24} {cases:>8} cases, {grown} grown ones, {}", self.corpus, seen.in_words());
    }

    /// Runs the cases of `strategy`; the smallest that fails is kept.
    fn run<S: Strategy>(&self, cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
    where
        S::Value: AsRef<[u8]>,
    {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
        match TestRunner::new(config).run(&strategy, test) {
            Ok(()) => {}
            Err(TestError::Abort(why)) => panic!("{}: {why}", self.corpus),
            Err(TestError::Fail(why, input)) => {
                let kept = keep(self.corpus, input.as_ref());
                panic!("{}: {why}\n{input:?}\nkept as {}", self.corpus, kept.display());
            }
        }
    }

    /// Whether `input` is taken; or what does not hold.
    fn try_one<A: PartialEq + fmt::Debug>(
        &self,
        input: &[u8],
        read: &impl Fn(&[u8]) -> Option<A>,
        seen: &Seen,
    ) -> Result<bool, String> {
        let (mut first, mut took) = (Ok(None), Duration::ZERO);
        let memory = allocation_counter::measure(|| {
            // Caught in here, for the counter counts on being come back to.
            (first, took) = timed(|| catch_unwind(AssertUnwindSafe(|| read(input))));
        });
        let first = first.map_err(|_| "it panicked, see above".to_owned())?;
        let bound = self.memory.0 + self.memory.1 * input.len();
        let memory = usize::try_from(memory.bytes_max).unwrap_or(usize::MAX);
        if memory > bound {
            return Err(format!("it had {memory} bytes at once for {} of input, more than {bound}", input.len()));
        }
        let (second, again) = timed(|| read(input));
        if first != second {
            return Err(format!("it answered {first:?}, and then {second:?}"));
        }
        // The first may have had to read tables that are read once.
        if took.min(again) > LONGEST_TIME {
            return Err(format!("it took {again:?}"));
        }
        seen.note(input.len(), memory, took.min(again), first.is_some());
        Ok(first.is_some())
    }

    fn try_growth<A>(&self, growth: &Growth, read: &impl Fn(&[u8]) -> Option<A>) -> Result<(), String> {
        let large = self.longest.min(4 * GROWN);
        // Base64 is read at one length in four, and what is refused at once says nothing.
        let small: Vec<_> =
            (0..4).map(|fewer| growth.to((large / 4).saturating_sub(fewer * growth.part.len()))).collect();
        grows_evenly(&small, &growth.to(large), read)
    }
}

/// Whether `large`, which is four times as long as each of `small`, takes about four times as long as the slowest of them; in words, how long when it does not.
pub(crate) fn grows_evenly<A>(small: &[Vec<u8>], large: &[u8], read: impl Fn(&[u8]) -> A) -> Result<(), String> {
    // The fastest of some, and more of them when that is not convincing.
    let fastest = |input: &[u8], tries: u32| (0..tries).map(|_| timed(|| read(input)).1).min().unwrap_or_default();
    let mut told = String::new();
    for tries in [1, 2, 6] {
        let one = small.iter().map(|input| fastest(input, tries)).max().unwrap_or_default();
        let four = fastest(large, tries);
        if four <= one * 9 + Duration::from_millis(4) {
            return Ok(());
        }
        told = format!("{} bytes took {four:?}, and a quarter of them {one:?}", large.len());
    }
    Err(told)
}

/// What `act` answers, and how long this thread was at work on it: what else the machine does is no matter.
fn timed<A>(act: impl FnOnce() -> A) -> (A, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let begin = now();
    let answer = act();
    (answer, now().saturating_sub(begin))
}

/// What proptest's own variable says.
fn asked_for() -> Option<u32> {
    std::env::var("PROPTEST_CASES").ok()?.parse().ok()
}

/// What is told at the end.
#[derive(Default)]
struct Seen {
    taken: Cell<u32>,
    memory: Cell<(usize, usize)>,
    time: Cell<(Duration, usize)>,
}

impl Seen {
    fn note(&self, length: usize, memory: usize, time: Duration, is_taken: bool) {
        self.taken.set(self.taken.get() + u32::from(is_taken));
        self.memory.set(self.memory.get().max((memory, length)));
        self.time.set(self.time.get().max((time, length)));
    }

    fn in_words(&self) -> String {
        let ((memory, of_memory), (time, of_time)) = (self.memory.get(), self.time.get());
        let taken = self.taken.get();
        format!("{taken} taken; at most {memory} bytes at once ({of_memory} of input), {time:?} ({of_time} of input)")
    }
}

/// An input, with a `Debug` that can be read.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.get(..2000).unwrap_or(&self.0).escape_ascii())
    }
}

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn folder(corpus: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(corpus)
}

/// The files of a corpus; of those that end in `.lines`, each line.
fn seeds(corpus: &str) -> Vec<Vec<u8>> {
    let folder = folder(corpus);
    let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let text = fs::read(&file).unwrap();
        if file.extension().is_some_and(|extension| extension == "lines") {
            seeds.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
        } else {
            seeds.push(text);
        }
    }
    seeds
}

/// Writes an input that failed into the corpus.
fn keep(corpus: &str, input: &[u8]) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder(corpus).join(format!("found-{:016x}", hasher.finish()));
    // A source tree that cannot be written to has the input in the message alone.
    let _ = fs::write(&file, input);
    file
}

/// Put where they hurt: ends of texts, escapes, numbers at their limits, letters that change their length.
const PIECES: [&[u8]; 92] = [
    b"\0",
    b"\x01",
    b"\x1b",
    b"\x7f",
    b"\x80",
    b"\xc3",
    b"\xff",
    b"\xf4\x90\x80\x80",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xef\xbb\xbf",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x0b",
    b"\x0c",
    b"\"",
    b"\"\"",
    b"'",
    b"\\",
    b"\\\"",
    b"\\u0000",
    b"\\ud800",
    b"\\u00e9",
    b"`",
    b"{",
    b"}",
    b"{}",
    b"{\"\":",
    b"[",
    b"]",
    b"[]",
    b"[[[[[[[[",
    b",",
    b":",
    b";",
    b"=",
    b"==",
    b"&",
    b"%",
    b"%00",
    b"%ff",
    b"%2",
    b"%25",
    b"+",
    b"-",
    b"_",
    b".",
    b"..",
    b"/",
    b"//",
    b"/../",
    b"@",
    b"#",
    b"?",
    b"$",
    b"$$",
    b"!",
    b"*",
    b"|",
    b"^",
    b"~",
    b"<",
    b">",
    b"(",
    b"0",
    b"-0",
    b"-1",
    b"65536",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551615",
    b"18446744073709551616",
    b"253402300800",
    b"1e400",
    b"1e-400",
    b"0.1",
    b"null",
    b"true",
    b"false",
    b"NaN",
    b"inf",
    b"xn--",
    b"xn--a",
    b"[::1]",
    b"127.0.0.1",
    "\u{130}".as_bytes(),
    "\u{fdfa}\u{1d160}".as_bytes(),
    "e\u{301}\u{327}".as_bytes(),
    "\u{202e}\u{200d}".as_bytes(),
];

/// What is done to an input.
#[derive(Debug, Clone)]
enum Mutation {
    Cut { at: Index, length: usize },
    End { at: Index },
    Repeat { at: Index, length: usize, times: usize },
    Splice { seed: Index, from: Index, length: usize, at: Index },
    Flip { at: Index, bit: u8 },
    Write { at: Index, byte: u8 },
    Insert { at: Index, piece: Index },
    Number { which: Index, piece: Index },
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<Index>;
        let length = || prop_oneof![4 => 1_usize..8, 1 => 8_usize..200];
        prop_oneof![
            3 => (place(), length()).prop_map(|(at, length)| Self::Cut { at, length }),
            1 => place().prop_map(|at| Self::End { at }),
            2 => (place(), length(), 1_usize..40).prop_map(|(at, length, times)| Self::Repeat { at, length, times }),
            2 => (place(), place(), length(), place())
                .prop_map(|(seed, from, length, at)| Self::Splice { seed, from, length, at }),
            2 => (place(), 0_u8..8).prop_map(|(at, bit)| Self::Flip { at, bit }),
            2 => (place(), any::<u8>()).prop_map(|(at, byte)| Self::Write { at, byte }),
            4 => (place(), place()).prop_map(|(at, piece)| Self::Insert { at, piece }),
            1 => (place(), place()).prop_map(|(which, piece)| Self::Number { which, piece }),
        ]
    }

    fn apply(&self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = |at: &Index, input: &[u8]| at.index(input.len() + 1);
        let part = |from: usize, length: usize, of: &[u8]| from..from.saturating_add(length).min(of.len());
        match self {
            Self::Cut { at: from, length } => {
                input.drain(part(at(from, input), *length, input));
            }
            Self::End { at: end } => input.truncate(at(end, input)),
            Self::Repeat { at: from, length, times } => {
                let part = part(at(from, input), *length, input);
                let end = part.end;
                let repeated = input[part].repeat(*times);
                input.splice(end..end, repeated);
            }
            Self::Splice { seed, from, length, at: to } => {
                let seed = seed.get(seeds);
                let part = part(at(from, seed), *length, seed);
                let to = at(to, input);
                input.splice(to..to, seed[part].iter().copied());
            }
            Self::Flip { at, bit } if !input.is_empty() => *at.get_mut(input) ^= 1 << bit,
            Self::Write { at, byte } if !input.is_empty() => *at.get_mut(input) = *byte,
            Self::Insert { at: to, piece } => {
                let to = at(to, input);
                input.splice(to..to, piece.get(&PIECES).iter().copied());
            }
            Self::Number { which, piece } => {
                let is_digit = |at: usize| input.get(at).is_some_and(u8::is_ascii_digit);
                let begins: Vec<usize> =
                    (0..input.len()).filter(|at| is_digit(*at) && (*at == 0 || !is_digit(at - 1))).collect();
                if !begins.is_empty() {
                    let begin = *which.get(&begins);
                    let end = (begin..input.len()).find(|at| !is_digit(*at)).unwrap_or(input.len());
                    input.splice(begin..end, piece.get(&PIECES).iter().copied());
                }
            }
            Self::Flip { .. } | Self::Write { .. } => {}
        }
    }
}

/// An input: most often a mutated seed.
fn input(seeds: &[Vec<u8>], longest: usize) -> impl Strategy<Value = Input> {
    let seeds = seeds.to_vec();
    let mutated = (any::<Index>(), prop::collection::vec(Mutation::any(), 0..7));
    let mutated = mutated.prop_map(move |(seed, mutations)| {
        let mut input = seed.get(&seeds).clone();
        for mutation in &mutations {
            mutation.apply(&mut input, &seeds);
        }
        input
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let text = ".{0,120}".prop_map(String::into_bytes);
    let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40).prop_map(|all| all.concat());
    prop_oneof![20 => mutated, 1 => bytes, 1 => text, 2 => pieces].prop_map(move |mut input| {
        input.truncate(longest);
        Input(input)
    })
}

/// A seed with a part that stands in it again and again.
#[derive(Clone)]
struct Growth {
    before: Vec<u8>,
    part: Vec<u8>,
    behind: Vec<u8>,
    /// The whole, so long that it would fail again.
    example: Vec<u8>,
}

impl Growth {
    fn to(&self, length: usize) -> Vec<u8> {
        let room = length.saturating_sub(self.before.len() + self.behind.len());
        [self.before.as_slice(), &self.part.repeat(room / self.part.len()), &self.behind].concat()
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = [&self.before, &self.part, &self.behind].map(|text| Input(text.clone()));
        write!(f, "{:?}, then again and again {:?}, then {:?}", texts[0], texts[1], texts[2])
    }
}

impl AsRef<[u8]> for Growth {
    fn as_ref(&self) -> &[u8] {
        &self.example
    }
}

fn growth(seeds: &[Vec<u8>], longest: usize) -> impl Strategy<Value = Growth> {
    let seeds = seeds.to_vec();
    let length = prop_oneof![3 => 1_usize..6, 2 => 6_usize..80, 3 => Just(0)];
    (any::<Index>(), any::<Index>(), length, any::<Index>()).prop_map(move |(seed, at, length, piece)| {
        let seed = seed.get(&seeds);
        let at = at.index(seed.len() + 1);
        let end = at.saturating_add(length).min(seed.len());
        let part = if end > at { seed[at..end].to_vec() } else { piece.get(&PIECES).to_vec() };
        let mut growth =
            Growth { before: seed[..at].to_vec(), part, behind: seed[end..].to_vec(), example: Vec::new() };
        growth.example = growth.to(longest.min(4 * GROWN));
        growth
    })
}
