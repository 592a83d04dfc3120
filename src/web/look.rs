//! The look of the pages: the operator's name, logo and colour (`[pages]` of the settings).

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::contrast::style_of;
use crate::http::etag::Tagged;
use crate::settings::Pages;
use crate::settings::USUAL_NAME;
use crate::settings::logo::{Logo, LogoKind, WrongLogo};

/// The look of all pages, as application data. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    logo: Option<Picture>,
    /// Empty where the colour is the usual one.
    style: Tagged,
}

/// The picture of the settings.
#[derive(Debug)]
pub(crate) struct Picture {
    pub kind: LogoKind,
    pub file: Tagged,
}

impl Default for Inner {
    fn default() -> Self {
        Self { name: USUAL_NAME.to_owned(), logo: None, style: Tagged::from("") }
    }
}

impl Look {
    /// By the settings; the file of the logo is read now, and not again.
    ///
    /// # Errors
    /// [`WrongLogo`].
    pub fn of(settings: &Pages) -> Result<Self, WrongLogo> {
        Ok(Self(Arc::new(Inner {
            name: settings.name.clone(),
            logo: settings.logo.as_deref().map(Logo::read).transpose()?.map(Picture::from),
            style: settings.color.map(style_of).unwrap_or_default().into(),
        })))
    }

    /// Of the server that a request came to.
    pub fn at(request: &HttpRequest) -> Self {
        request.app_data::<Self>().cloned().unwrap_or_default()
    }

    /// The language of all texts (BCP 47).
    #[expect(clippy::unused_self, reason = "a page asks its look")]
    pub fn lang(&self) -> &'static str {
        "en"
    }

    /// What people know the server by.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where the picture beside the name is; none beside a name that came without one.
    pub fn picture(&self) -> Option<&'static str> {
        (self.0.logo.is_some() || self.0.name == USUAL_NAME).then(|| self.icon())
    }

    /// Where the picture for the browser's tab is.
    pub fn icon(&self) -> &'static str {
        match self.0.logo.as_ref().map(|logo| logo.kind) {
            None => super::assets::MARK,
            Some(LogoKind::Svg) => "/assets/logo.svg",
            Some(LogoKind::Png) => "/assets/logo.png",
        }
    }

    /// The picture of the settings.
    pub fn logo(&self) -> Option<&Picture> {
        self.0.logo.as_ref()
    }

    /// Where the style sheet of the settings' colour is.
    pub fn sheet(&self) -> Option<&'static str> {
        (!self.0.style.body.is_empty()).then_some(super::assets::COLOR)
    }

    /// The style sheet of the settings' colour, over the usual one.
    pub fn style(&self) -> &Tagged {
        &self.0.style
    }
}

impl From<Logo> for Picture {
    fn from(logo: Logo) -> Self {
        Self { kind: logo.kind, file: logo.bytes.into() }
    }
}

impl FromRequest for Look {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::at(request)))
    }
}
