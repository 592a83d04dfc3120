//! A count for each of some few names.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// A set of names that is fixed when the program is built, so that what is counted by them is bounded.
pub(crate) trait Name: Copy + 'static {
    /// Each of them, in the order of their declaration.
    const ALL: &'static [Self];

    /// Its place in [`ALL`](Name::ALL).
    fn index(self) -> usize;

    /// As metrics write it.
    fn name(self) -> &'static str;
}

/// Declares an enumeration of [`Name`]s, each with how metrics write it.
macro_rules! names {
    ($(#[$meta:meta])* $type:ident { $($(#[$about:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $type {
            $($(#[$about])* $variant,)+
        }

        impl $crate::metrics::counts::Name for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}
pub(super) use names;

/// How often each of the names was counted.
pub(crate) struct Counts<N> {
    counts: Box<[AtomicU64]>,
    names: PhantomData<N>,
}

impl<N: Name> Default for Counts<N> {
    fn default() -> Self {
        Self { counts: N::ALL.iter().map(|_| AtomicU64::new(0)).collect(), names: PhantomData }
    }
}

impl<N: Name> Counts<N> {
    /// One more.
    pub fn count(&self, name: N) {
        if let Some(count) = self.counts.get(name.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each name with its count.
    pub fn all(&self) -> impl Iterator<Item = (N, u64)> {
        N::ALL.iter().copied().zip(&self.counts).map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}
