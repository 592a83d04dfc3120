//! What a token says: one shape for local and remote tokens.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::scopes::Scopes;

/// The latest moment a claim may name: the last second of the year 9999. Later ones are somebody's joke or overflow.
const LATEST_SECOND: u64 = 253_402_300_799;

/// The claims of an access token, after RFC 7519 (section 4.1), RFC 9068 (section 2.2) and Okta's names.
///
/// Every token the crate believes has the same shape, whoever issued it. Claims that have no field here are in [`other`](Claims::other);
/// [`get`](Claims::get) reads one of those in the type you ask for.
///
/// Parsing is strict where a verifier would otherwise guess: a claim of the wrong type is an error and never counts as absent, a claim
/// that stands twice is an error, and moments are whole seconds.
///
/// ```
/// use tokenhouse::token::Claims;
///
/// let text = r#"{"iss":"https://a.example","sub":"u1","aud":"api","exp":2000000000,"scp":["openid"],"groups":["staff"]}"#;
/// let claims: Claims = serde_json::from_str(text).unwrap();
/// assert_eq!(claims.subject, "u1");
/// assert!(claims.scopes.contains("openid"));
/// let groups: Vec<String> = claims.get("groups").unwrap();
/// assert_eq!(groups, ["staff"]);
///
/// assert!(serde_json::from_str::<Claims>(r#"{"iss":["https://a.example"],"sub":"u1","aud":"api","exp":2000000000}"#).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Claims {
    /// `iss`: who issued it.
    pub issuer: String,
    /// `sub`: whom it speaks of, unique within the issuer.
    pub subject: String,
    /// `aud`: whom it is for.
    pub audience: Vec<String>,
    /// `exp`, in seconds since 1970: from then on it is not good.
    pub expires_at: i64,
    /// `iat`, in seconds since 1970.
    pub issued_at: Option<i64>,
    /// `nbf`, in seconds since 1970: before then it is not good.
    pub not_before: Option<i64>,
    /// `jti`: its own identifier.
    pub token_id: Option<String>,
    /// `cid` (Okta), `client_id` (RFC 9068) or `azp` (OpenID Connect), the first that is there: the client it was given to.
    pub client_id: Option<String>,
    /// `uid`: the user, when it speaks of one.
    pub user_id: Option<String>,
    /// `sid`: the session it belongs to.
    pub session_id: Option<String>,
    /// `scp` (Okta) or `scope` (RFC 9068), in either form.
    pub scopes: Scopes,
    /// All further claims, as they are.
    pub other: Map<String, Value>,
    /// Which of the fields above had a claim of their own, for checks that ask for presence.
    pub(super) present: Present,
}

/// Claims whose mere presence says something about the kind of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Present {
    pub scopes: bool,
    pub client: bool,
}

impl Claims {
    /// The further claim `name`, in the type asked for; `None` when it is missing or of another type.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.other.get(name).and_then(|value| T::deserialize(value).ok())
    }

    /// All claims as one JSON object, under the names that Okta gives them.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut all = self.other.clone();
        let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
        put("iss", self.issuer.clone().into());
        put("sub", self.subject.clone().into());
        put("exp", self.expires_at.into());
        let audience = match self.audience.as_slice() {
            [one] => one.clone().into(),
            many => many.into(),
        };
        put("aud", audience);
        let texts =
            [("jti", &self.token_id), ("cid", &self.client_id), ("uid", &self.user_id), ("sid", &self.session_id)];
        for (name, text) in texts {
            if let Some(text) = text {
                put(name, text.clone().into());
            }
        }
        for (name, moment) in [("iat", self.issued_at), ("nbf", self.not_before)] {
            if let Some(moment) = moment {
                put(name, moment.into());
            }
        }
        if self.present.scopes {
            put("scp", self.scopes.iter().collect());
        }
        all
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    // By hand, because a derived `Deserialize` with `flatten` keeps the last of two claims of one name where this must refuse,
    // and because `Option` fields would take `null` for "absent".
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let (mut iss, mut sub, mut jti, mut uid, mut sid) = (None, None, None, None, None);
        let (mut cid, mut client_id, mut azp) = (None, None, None);
        let (mut exp, mut iat, mut nbf) = (None, None, None);
        let (mut aud, mut scp, mut scope) = (None, None, None);
        let mut other = Map::new();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "iss" => once(&mut iss, "iss", map.next_value::<String>()?)?,
                "sub" => once(&mut sub, "sub", map.next_value::<String>()?)?,
                "jti" => once(&mut jti, "jti", map.next_value::<String>()?)?,
                "uid" => once(&mut uid, "uid", map.next_value::<String>()?)?,
                "sid" => once(&mut sid, "sid", map.next_value::<String>()?)?,
                "cid" => once(&mut cid, "cid", map.next_value::<String>()?)?,
                "client_id" => once(&mut client_id, "client_id", map.next_value::<String>()?)?,
                "azp" => once(&mut azp, "azp", map.next_value::<String>()?)?,
                "exp" => once(&mut exp, "exp", map.next_value::<Second>()?.0)?,
                "iat" => once(&mut iat, "iat", map.next_value::<Second>()?.0)?,
                "nbf" => once(&mut nbf, "nbf", map.next_value::<Second>()?.0)?,
                "aud" => once(&mut aud, "aud", map.next_value::<OneOrMany<Vec<String>>>()?.0)?,
                "scp" => once(&mut scp, "scp", map.next_value::<OneOrMany<Scopes>>()?.0)?,
                // The same once more in our own tokens: looked through then, and not kept.
                "scope" if scp.is_some() => {
                    let OneOrMany(NotKept) = map.next_value()?;
                    once(&mut scope, "scope", Scopes::default())?;
                }
                "scope" => once(&mut scope, "scope", map.next_value::<OneOrMany<Scopes>>()?.0)?,
                _ => {
                    let value = map.next_value::<Value>()?;
                    if other.insert(name.into_owned(), value).is_some() {
                        return Err(de::Error::custom("a claim stands twice"));
                    }
                }
            }
        }
        let present = Present {
            scopes: scp.is_some() || scope.is_some(),
            client: cid.is_some() || client_id.is_some() || azp.is_some(),
        };
        if matches!((&cid, &client_id), (Some(okta), Some(rfc)) if okta != rfc) {
            return Err(de::Error::custom("cid and client_id differ"));
        }
        Ok(Claims {
            issuer: iss.ok_or_else(|| de::Error::missing_field("iss"))?,
            subject: sub.ok_or_else(|| de::Error::missing_field("sub"))?,
            audience: aud.ok_or_else(|| de::Error::missing_field("aud"))?,
            expires_at: exp.ok_or_else(|| de::Error::missing_field("exp"))?,
            issued_at: iat,
            not_before: nbf,
            token_id: jti,
            client_id: cid.or(client_id).or(azp),
            user_id: uid,
            session_id: sid,
            scopes: scp.or(scope).unwrap_or_default(),
            other,
            present,
        })
    }
}

fn once<T, E: de::Error>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    if field.replace(value).is_some() {
        return Err(E::duplicate_field(name));
    }
    Ok(())
}

/// A moment in whole seconds since 1970 (`NumericDate` of RFC 7519, without its fractions).
struct Second(i64);

impl<'de> Deserialize<'de> for Second {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let second = u64::deserialize(deserializer)?;
        if second > LATEST_SECOND {
            return Err(de::Error::custom("a moment after the year 9999"));
        }
        i64::try_from(second).map(Second).map_err(de::Error::custom)
    }
}

/// A string, or an array of strings.
///
/// By hand, because an untagged enum keeps a copy of all that it may still turn out to be: that was the most of parsing a token.
struct OneOrMany<T>(T);

/// What strings are gathered in.
trait Gather: Default {
    fn one(text: &str) -> Self;
    fn add(&mut self, text: &str);
}

impl Gather for Vec<String> {
    fn one(text: &str) -> Self {
        vec![text.to_owned()]
    }

    fn add(&mut self, text: &str) {
        self.push(text.to_owned());
    }
}

impl Gather for Scopes {
    /// The space-delimited form.
    fn one(text: &str) -> Self {
        Self::from(text)
    }

    fn add(&mut self, text: &str) {
        self.insert(text);
    }
}

/// Strings that only have to be ones.
#[derive(Default)]
struct NotKept;

impl Gather for NotKept {
    fn one(_: &str) -> Self {
        Self
    }

    fn add(&mut self, _: &str) {}
}

impl<'de, T: Gather> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Gather> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany(T::one(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<OneOrMany<T>, A::Error> {
        let mut gathered = T::default();
        while let Some(text) = texts.next_element::<Text<'_>>()? {
            gathered.add(&text.0);
        }
        Ok(OneOrMany(gathered))
    }
}

/// A string, lent where it stands as it is.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
