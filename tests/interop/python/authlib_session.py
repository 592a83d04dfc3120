"""Authlib as a machine: from the issuer's metadata to a token, what introspection says of it, and its end.

Standard input: {metadata, scope, client: {id, method, secret | key}}; metadata is where to read, key a private key as PEM.
Standard output: what came of it.
"""

import json
import sys
from urllib.parse import urljoin

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

asked = json.load(sys.stdin)
client = asked["client"]
metadata = requests.get(asked["metadata"], timeout=60).json()
session = OAuth2Session(
    client["id"],
    client.get("secret", client.get("key")),
    token_endpoint_auth_method=client["method"],
    revocation_endpoint_auth_method=client["method"],
    scope=asked["scope"],
)
if client["method"] == "private_key_jwt":
    session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg=client["alg"]))

outcome = {}
try:
    profile = urljoin(metadata["issuer"], "/api/profile")
    outcome["granted"] = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    outcome["profile"] = session.get(profile).text
    token = session.token["access_token"]

    def introspect():
        return session.introspect_token(metadata["introspection_endpoint"], token=token).json()

    outcome["introspected"] = introspect()
    session.revoke_token(metadata["revocation_endpoint"], token=token).raise_for_status()
    outcome["revoked"] = {"introspected": introspect(), "profile": session.get(profile).status_code}
except Exception as error:
    outcome["refused"] = str(error)
json.dump(outcome, sys.stdout)
