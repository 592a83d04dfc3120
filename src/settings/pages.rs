//! The section `[pages]`: what people see of the server.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::Server;
use super::logo::Logo;
use super::reader::{Reader, Wrong};
use crate::token::issuer_url::is_loopback;

const LOGO: &str = "pages.logo";

/// What a server is called that nobody gave a name: that of `config/default.toml`.
pub(crate) const USUAL_NAME: &str = "tokenhouse";

/// The longest name, in characters: it stands beside the logo at 360 pixels.
const LONGEST_NAME: usize = 40;

/// A colour of the screen (sRGB), a byte for each of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

/// `[pages]`: what people see.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Whether `/` is the playground; else it leads to the account.
    pub playground: bool,
    /// What people know this server by.
    pub name: String,
    /// A picture beside the name, an SVG or PNG file.
    pub logo: Option<PathBuf>,
    /// The colour of buttons; from it follow those of links and outlines.
    pub color: Option<Color>,
}

impl Pages {
    /// The name that the operator gave the server; none when it has its usual one.
    pub(crate) fn own_name(&self) -> Option<&str> {
        Some(&*self.name).filter(|name| *name != USUAL_NAME)
    }
}

impl Color {
    /// Reads `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

pub(super) fn pages(r: &mut Reader, server: Option<&Server>) -> Option<Pages> {
    // It is for who tries things out; a server that others reach has it only where its operator says so.
    let is_here = |server: &Server| {
        server.listen.ip().is_loopback() && Url::parse(&server.public_url).is_ok_and(|url| is_loopback(&url))
    };
    let playground = r.flag_or_auto("pages.playground", server.is_some_and(is_here));
    let want = format!("want the name that people know this server by, 1 to {LONGEST_NAME} characters");
    let name = r.text("pages.name", &want, |text| {
        let is_name = !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME;
        if is_name && !text.chars().any(char::is_control) { Ok(text.trim().to_owned()) } else { Err(Wrong::NotThis) }
    });
    let logo = r.text(LOGO, "want the path of an SVG or PNG file, or \"\" for none", |text| match text {
        "" => Ok(None),
        path if !Logo::has_a_known_end(Path::new(path)) => Err(Wrong::NotThis),
        path if Path::new(path).is_file() => Ok(Some(PathBuf::from(path))),
        _ => Err(Wrong::Because("there is no such file; want the path of an SVG or PNG file".to_owned())),
    });
    let want =
        "want a colour as red, green and blue in hexadecimal digits, such as \"#0b5cad\", or \"\" for the usual one";
    let color = r.text("pages.color", want, |text| match text {
        "" => Ok(None),
        text => Color::parse(text).map(Some).ok_or(Wrong::NotThis),
    });
    Some(Pages { playground: playground?, name: name?, logo: logo?, color: color? })
}

/// Checks what is in the file of the logo.
pub(super) fn check_files(r: &mut Reader, pages: &Pages) {
    if let Some(Err(wrong)) = pages.logo.as_deref().map(Logo::read) {
        r.refuse(LOGO, wrong.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::Color;

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(Color::parse("#0B5cad"), Some(Color([0x0b, 0x5c, 0xad])));
        assert_eq!(Color([0x0b, 0x5c, 0xad]).to_string(), "#0b5cad");
        for wrong in ["", "#", "0b5cad", "#0b5ca", "#0b5cad0", "#+b5cad", "#0b5cag", "#é5cad", "blue"] {
            assert_eq!(Color::parse(wrong), None, "{wrong}");
        }
    }
}
