"""Authlib as a machine: from the issuer's metadata to a token, what introspection says of it, and its end.

Standard input: {metadata, scope, client: {id, method, secret | key}}; metadata is where it stands, key is {alg, kid, pem}.
Standard output: what came of it.
"""

import json
import sys
from urllib.parse import urljoin

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, RSAKey

asked = json.load(sys.stdin)
client = asked["client"]
metadata = requests.get(asked["metadata"], timeout=60).json()
key = client.get("key")


session = OAuth2Session(
    client["id"],
    {"RS256": RSAKey, "ES256": ECKey}[key["alg"]].import_key(key["pem"]) if key else client["secret"],
    token_endpoint_auth_method=client["method"],
    revocation_endpoint_auth_method=client["method"],
    scope=asked["scope"],
)
if key:
    header = {"kid": key["kid"]}
    session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], headers=header, alg=key["alg"]))

outcome = {}
try:
    profile = urljoin(metadata["issuer"], "/api/profile")
    outcome["granted"] = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    outcome["profile"] = session.get(profile).status_code
    token = session.token["access_token"]

    def introspect():
        return session.introspect_token(metadata["introspection_endpoint"], token=token).json()

    outcome["introspected"] = introspect()
    session.revoke_token(metadata["revocation_endpoint"], token=token).raise_for_status()
    outcome["revoked"] = {"introspected": introspect(), "profile": session.get(profile).status_code}
except OAuthError as error:
    outcome["refused"] = {"error": error.error}
json.dump(outcome, sys.stdout)
