//! From [`Sources`] to [`Settings`], or to every mistake in them at once.
//!
//! The work is done next door: `layers` lays file and environment over the defaults, `reader` reads one value with its
//! range and remembers mistakes, `sections` and `issuers` say which keys there are, `unknown` what is left over.

use super::layers::Leaf;
use super::reader::Reader;
use super::show::entries_of;
use super::{Settings, claims, issuers, mail, oauth, pages, sections, tls, traces};

pub use super::mistake::{Mistake, Place, WrongSettings};
pub use super::sources::Sources;

impl Settings {
    /// Reads and checks all settings. Nothing is opened, made or fetched; of files named in settings only their existence is
    /// checked.
    ///
    /// # Errors
    /// Every mistake in the settings, not only the first. When the file is not TOML, only that.
    ///
    /// ```
    /// use tokenhouse::settings::{Settings, Sources};
    ///
    /// let sources = Sources::from_toml("house.toml", "[tokens]\naccess_ttl = \"15m\"")
    ///     .with_environment([("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")]);
    /// let settings = Settings::read(&sources)?;
    /// assert_eq!(settings.tokens.access_ttl.as_secs(), 900);
    /// assert_eq!(settings.server.listen.port(), 0);
    /// # Ok::<(), tokenhouse::settings::WrongSettings>(())
    /// ```
    pub fn read(sources: &Sources) -> Result<Self, WrongSettings> {
        read(sources).map(with_entries)
    }

    /// The same for a server that is about to start: what is in the files of `server.tls_certificate`, `server.tls_key` and
    /// `pages.logo` is checked too.
    ///
    /// # Errors
    /// Every mistake in the settings and those files.
    pub fn read_with_files(sources: &Sources) -> Result<Self, WrongSettings> {
        let mut reader = Reader::new(sources)?;
        let settings = all(&mut reader);
        if let Some(settings) = &settings {
            tls::check_files(&mut reader, &settings.server);
            pages::check_files(&mut reader, &settings.pages);
        }
        reader.finish(settings, sources).map(with_entries)
    }
}

fn with_entries((settings, leaves): (Settings, Vec<(String, Leaf)>)) -> Settings {
    Settings { in_force: entries_of(leaves), ..settings }
}

/// The settings, with every value as it was written and where.
pub(super) fn read(sources: &Sources) -> Result<(Settings, Vec<(String, Leaf)>), WrongSettings> {
    let mut reader = Reader::new(sources)?;
    let settings = all(&mut reader);
    reader.finish(settings, sources)
}

/// Reads every section before the first `?`, so that mistakes in all of them are found.
fn all(r: &mut Reader) -> Option<Settings> {
    let server = sections::server(r);
    let cors = sections::cors(r);
    let log = sections::log(r);
    let metrics = sections::metrics(r, server.as_ref());
    let traces = traces::traces(r);
    let database = sections::database(r);
    let auth = issuers::auth(r);
    let tokens = issuers::tokens(r);
    let passwords = sections::passwords(r);
    let registration = sections::registration(r);
    let accounts = sections::accounts(r);
    let mail = mail::mail(r);
    let limits = sections::limits(r);
    let audit = sections::audit(r);
    let oauth = oauth::oauth(r);
    let pages = pages::pages(r, server.as_ref());
    claims::check_scopes(r, tokens.as_ref(), oauth.as_ref());
    let remotes = issuers::remotes(r, server.as_ref());
    Some(Settings {
        server: server?,
        cors: cors?,
        log: log?,
        metrics: metrics?,
        traces: traces?,
        database: database?,
        auth: auth?,
        tokens: tokens?,
        passwords: passwords?,
        registration: registration?,
        accounts: accounts?,
        mail: mail?,
        limits: limits?,
        audit: audit?,
        oauth: oauth?,
        pages: pages?,
        remotes: remotes?,
        in_force: Vec::new(),
    })
}
