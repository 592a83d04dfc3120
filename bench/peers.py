"""What others have made, set up as their documentation says: each with one user, and what opens a route for him."""

import contextlib
import gzip
import json
import pathlib
import shutil
import socket
import sqlite3
import time

from bench import HERE, PUBLIC, ROOT
from programs import PASSWORD, Program

EXPRESS = {
    "the article's Express application": ("express-of-the-article", "@okta/jwt-verifier-of-the-article"),
    "the same with packages of today": ("express", "@okta/jwt-verifier"),
}


def express(bench, packages, issuer):
    folder = bench.folder / packages[0]
    folder.mkdir()
    shutil.copy(ROOT / "tests/interop/node/article.js", folder)
    (folder / "node_modules").symlink_to(pathlib.Path(bench.express).resolve() / "node_modules")
    return Program(["node", "article.js", *packages], folder, {"ISSUER": issuer, "NODE_ENV": "production"}).on_port()


def better_auth(bench):
    """With one user, and his token."""
    folder = bench.folder / f"better-auth-{time.monotonic_ns()}"
    folder.mkdir()
    shutil.copy(HERE / "peers/better-auth.mjs", folder)
    (folder / "node_modules").symlink_to(pathlib.Path(bench.better_auth).resolve() / "node_modules")
    peer = Program(["node", "better-auth.mjs", "data.db"], folder, {"NODE_ENV": "production"}).on_port()
    user = {"email": "user0@example.com", "password": PASSWORD, "name": "Ada"}
    status, headers, text = peer.wait_for(PUBLIC).ask("/api/auth/sign-up/email", user)
    if status != 200:
        raise SystemExit(f"better-auth: {status} {text}")
    peer.token = headers["set-auth-token"]
    return peer


def pocketbase(bench):
    """The same."""
    address = free_address()
    folder = bench.folder / f"pocketbase-{time.monotonic_ns()}"
    peer = Program([bench.pocketbase, "serve", "--http", address, "--dir", "data"], folder)
    peer.url = f"http://{address}"
    peer.wait_for("/api/health")
    user = {"email": "user0@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    peer.good("/api/collections/users/records", user)
    answer = peer.good("/api/collections/users/auth-with-password", {"identity": user["email"], "password": PASSWORD})
    peer.token, peer.record = answer["token"], answer["record"]["id"]
    return peer


def glewlwyd(bench):
    """The same; what it needs to begin is in its package, and its administrator makes the user."""
    address = free_address()
    folder = bench.folder / f"glewlwyd-{time.monotonic_ns()}"
    folder.mkdir()
    package = pathlib.Path(bench.glewlwyd).resolve()
    tables = gzip.open(package / "usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt").read()
    with contextlib.closing(sqlite3.connect(folder / "data.db")) as database:
        database.executescript(tables)
    modules = package / "usr/lib/glewlwyd"
    (modules / "user_middleware").mkdir(exist_ok=True)
    settings = {
        "bind_address": "127.0.0.1", "external_url": f"http://{address}", "login_url": "login.html", "api_prefix": "api",
        "static_files_path": str(package / "usr/share/glewlwyd/webapp/"), "log_mode": "console", "log_level": "ERROR",
        "session_key": "GLEWLWYD2_SESSION_ID", "admin_scope": "g_admin", "profile_scope": "g_profile", "hash_algorithm": "SHA512",
        "user_module_path": str(modules / "user"), "user_middleware_module_path": str(modules / "user_middleware"),
        "client_module_path": str(modules / "client"), "user_auth_scheme_module_path": str(modules / "scheme"),
        "plugin_module_path": str(modules / "plugin")}
    lines = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    lines += [f"port={address.rpartition(':')[2]}", "login_api_enabled=true", "cookie_secure=0", "session_expiration=2419200"]
    lines += [f'database = {{ type = "sqlite3"\n path = "{folder / "data.db"}" }};']
    (folder / "glewlwyd.conf").write_text("\n".join(lines) + "\n")
    libraries = {"LD_LIBRARY_PATH": str(package / "usr/lib/x86_64-linux-gnu")}
    peer = Program([package / "usr/bin/glewlwyd", "--config-file=glewlwyd.conf"], folder, libraries)
    peer.url = f"http://{address}"
    peer.wait_for("/config")
    user = {"username": "user0@example.com", "password": PASSWORD}
    administrator = {"Cookie": session(peer, {"username": "admin", "password": "password"})}
    peer.good("/api/user/", {**user, "email": user["username"], "enabled": True, "scope": ["g_profile"]}, administrator)
    peer.cookie = session(peer, user)
    return peer


def session(peer, user):
    """The cookie of a session of glewlwyd."""
    status, headers, text = peer.ask("/api/auth/", user)
    if status != 200:
        raise SystemExit(f"glewlwyd: {status} {text}")
    return headers["Set-Cookie"].partition(";")[0]


def free_address():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"
