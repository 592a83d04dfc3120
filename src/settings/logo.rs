//! The file of `pages.logo`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest logo, in bytes: it is kept in memory, and every page loads it.
const LARGEST: u64 = 256 * 1024;

/// A picture for the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What kind of picture a logo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// Scalable Vector Graphics.
    Svg,
    /// Portable Network Graphics.
    Png,
}

/// Why a file is no logo.
#[derive(Debug, thiserror::Error)]
pub enum WrongLogo {
    /// It cannot be read.
    #[error("it cannot be read: {0}; want an SVG or PNG file")]
    Unreadable(#[from] io::Error),
    /// It is larger than 256 KiB.
    #[error("it is larger than 256 KiB; want a smaller picture, for every page loads it")]
    TooLarge,
    /// Its content is something else than its name says.
    #[error("its content is not {0}; want an SVG or PNG file whose name ends so")]
    OtherContent(&'static str),
}

impl Logo {
    /// Whether the name of a file ends as one of a picture that is taken.
    pub(super) fn has_a_known_end(path: &Path) -> bool {
        LogoKind::of(path).is_some()
    }

    /// Reads a file whose name ends in `.svg` or `.png`.
    ///
    /// # Errors
    /// [`WrongLogo`].
    pub fn read(path: &Path) -> Result<Self, WrongLogo> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(WrongLogo::TooLarge);
        }
        match LogoKind::of(path) {
            Some(LogoKind::Png) if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Ok(Self { kind: LogoKind::Png, bytes }),
            Some(LogoKind::Svg) if std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg")) => {
                Ok(Self { kind: LogoKind::Svg, bytes })
            }
            Some(LogoKind::Svg) => Err(WrongLogo::OtherContent("SVG")),
            _ => Err(WrongLogo::OtherContent("PNG")),
        }
    }
}

impl LogoKind {
    fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?;
        let is = |known: &str| end.eq_ignore_ascii_case(known);
        if is("svg") { Some(Self::Svg) } else { is("png").then_some(Self::Png) }
    }
}
