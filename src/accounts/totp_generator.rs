//! What an authenticator app makes its codes from (TOTP, RFC 6238): written out for the app, and its codes checked.

use qrcode::QrCode;
use qrcode::render::svg;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use totp_rs::{Builder, Secret, Totp};
use url::Url;
use utoipa::ToSchema;

use crate::sealing::Sealing;
use crate::token::random;

/// As RFC 4226, section 4, recommends.
const SECRET_BYTES: usize = 20;

/// A generator to be put into an authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otpauth_uri": "otpauth://totp/tokenhouse:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=tokenhouse", "qr_svg": "<svg xmlns=\"http://www.w3.org/2000/svg\"/>" })))]
pub struct NewTotp {
    /// In base 32, for typing.
    pub(crate) secret: String,
    /// For a link on the same device.
    pub(crate) otpauth_uri: String,
    /// The same as a picture to be scanned, a whole SVG document.
    pub(crate) qr_svg: String,
}

/// A new secret.
pub(super) fn generate() -> [u8; SECRET_BYTES] {
    random::bytes::<SECRET_BYTES>()
}

/// The secret as apps take it, with the names that they show: of this server, and of the account.
pub(super) fn write_out(
    secret: &[u8],
    email: &str,
    server_name: Option<&str>,
    public_url: &str,
) -> Result<NewTotp, &'static str> {
    // A colon would part the names (the key URI format), and stands in no address without quotes but may in a port.
    let host = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let issuer = server_name.map(str::to_owned).or(host).map(|issuer| issuer.replace(':', "."));
    let issuer = issuer.filter(|issuer| issuer != "localhost");
    let totp = Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(email.replace(':', "."))
        .with_issuer(Some(issuer.unwrap_or_else(|| "tokenhouse".to_owned())))
        .build();
    let text = totp.as_ref().map(Totp::to_url);
    let (Ok(totp), Ok(Ok(otpauth_uri))) = (&totp, text) else {
        return Err("it is no URI");
    };
    let picture = QrCode::new(&otpauth_uri).map_err(|_| "it does not fit into a picture")?;
    let qr_svg = picture.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(NewTotp { secret: totp.secret().to_base32(), otpauth_uri, qr_svg })
}

/// The step whose code `otp` is: that of now, the one before or the one after, for clocks that differ.
pub(super) fn step_of(
    sealing: &Sealing,
    user_id: &str,
    sealed_secret: &str,
    otp: &SecretString,
    now: i64,
) -> Option<i64> {
    let otp = otp.expose_secret();
    if otp.len() != 6 || !otp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some(secret) = sealing.open_sealed(&seal_owner(user_id), sealed_secret) else {
        tracing::error!(
            user = user_id,
            "the secret of a TOTP generator cannot be opened: is the key folder another one?"
        );
        return None;
    };
    let totp = Builder::new().with_secret(Secret::from(secret.expose_secret().to_vec())).build().ok()?;
    let step = totp.check(otp, u64::try_from(now.div_euclid(1_000_000)).ok()?)?;
    i64::try_from(step).ok()
}

/// For whom the secret of this user is sealed.
pub(super) fn seal_owner(user_id: &str) -> String {
    format!("totp of {user_id}")
}
