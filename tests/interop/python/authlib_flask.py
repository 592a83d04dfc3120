"""An application of Flask whose people sign in by Authlib, which knows the issuer's metadata and nothing else.

It prints its port, and then reads {issuer, scope, client: {id, method, secret}}. /login begins; the callback answers what came of it.
"""

import json
import os
import sys
from urllib.parse import urljoin

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, url_for
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = os.urandom(32)
server = make_server("127.0.0.1", 0, app)
print(server.port, flush=True)
asked = json.loads(sys.stdin.readline())

renewed = []
issuer = OAuth(app, update_token=lambda name, token, **_: renewed.append(token)).register(
    "issuer",
    client_id=asked["client"]["id"],
    client_secret=asked["client"]["secret"],
    server_metadata_url=asked["issuer"] + "/.well-known/openid-configuration",
    client_kwargs={
        "scope": asked["scope"],
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": asked["client"]["method"],
    },
)


@app.get("/login")
def login():
    return issuer.authorize_redirect(url_for("callback", _external=True))


@app.get("/authorization-code/callback")
def callback():
    try:
        token = issuer.authorize_access_token()
    except OAuthError as error:
        return {"error": error.error}, 400
    profile = urljoin(asked["issuer"], "/api/profile")

    def status(token):
        return issuer.get(profile, token=token).status_code

    outcome = {"id_token": token["userinfo"], "userinfo": issuer.userinfo(token=token), "profile": status(token)}
    # An expired one is renewed by itself.
    again = status({**token, "expires_at": 1})
    rotated = [other["refresh_token"] != token["refresh_token"] for other in renewed] == [True]
    return {**outcome, "refreshed": {"rotated": rotated, "profile": again}}


server.serve_forever()
