//! A stand-in for Okta: an issuer on loopback that signs with real RSA keys, and misbehaves when told.
