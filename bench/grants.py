"""Whatever hands out tokens."""

import base64
import contextlib
import json
import time

from bench import MANY, PRIVATE, PUBLIC, bearer, ratios
from load import THREADS, Load
from peers import better_auth, glewlwyd, pocketbase
from programs import Tokenhouse


def grants(bench):
    """Logins against the hash alone, and what else hands out tokens."""
    users = 20
    seconds = bench.seconds + 2
    with contextlib.ExitStack() as running:
        start = lambda program: running.enter_context(program)
        server = start(Tokenhouse(bench.folder / "grants"))
        server.users(users)
        client = json.loads(Tokenhouse.run(
            server.folder, "client", "add", "--name", "bench", "--grant", "client_credentials", "--scope", "customScope", "--json"))
        basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
        client = dict(
            authorization=f"Basic {basic}", type="application/x-www-form-urlencoded",
            body="grant_type=client_credentials&scope=customScope")
        # The running server hears of the client within a second or so.
        time.sleep(3)
        refresh_tokens = bench.folder / "refresh.txt"

        def refreshes():
            # One more than connections for each thread: wrk asks its script once for a request that it does not send.
            tokens = [server.log_in(number % users)["refresh_token"] for number in range(MANY + THREADS)]
            refresh_tokens.write_text("\n".join(tokens) + "\n")
            return Load(server.url + "/api/refresh", "refreshes", MANY, tokens=refresh_tokens).run(bench.seconds)

        measures = {
            "argon2id": lambda: {"rate": float(bench.yardstick("argon2", seconds))},
            "logins": lambda: Load(server.url + "/api/login", "logins", 16, users=users, field="email").run(seconds),
            "refreshes": refreshes,
            "credentials": lambda: Load(server.url + "/oauth2/default/v1/token", connections=MANY, **client).run(bench.seconds),
        }
        peers = {}
        if bench.better_auth:
            peers["better-auth"] = (start(better_auth(bench)).url + "/api/auth/sign-in/email", "email", "which hashes with scrypt")
        if bench.pocketbase:
            path = "/api/collections/users/auth-with-password"
            peers["PocketBase"] = (start(pocketbase(bench)).url + path, "identity", "which hashes with bcrypt")
        if bench.glewlwyd:
            peers["glewlwyd"] = (start(glewlwyd(bench)).url + "/api/auth/", "username", "which hashes with PBKDF2")
        for name, (url, field, _) in peers.items():
            measures[name] = lambda url=url, field=field: Load(url, "logins", 4, users=1, field=field).run(seconds)
        found = bench.in_turns(measures)
    bench.row("logins", "argon2id alone, on all cores", "×", ratios(found, "logins", "argon2id"), (">=", 0.95))
    for name, (_, _, hash) in peers.items():
        bench.row("logins", f"{name}, {hash}", "×", ratios(found, "logins", name))
    rate = lambda name: [one["rate"] for one in found[name]]
    bench.row("refreshes, on the disk", "", "/s", rate("refreshes"), (">=", 2000))
    bench.row("client credentials, HS256", "", "/s", rate("credentials"), (">=", 5000))


def storm(bench):
    """A rush of logins: what it does to others, and to memory."""
    p99, quiet, idle, after = [], [], [], []
    for _ in range(bench.rounds):
        folder = bench.folder / "storm"
        with Tokenhouse(folder) as server:
            if not p99:
                server.users(20)
            server.wait_for(PUBLIC)
        with Tokenhouse(folder) as server:
            server.wait_for(PUBLIC)
            time.sleep(1)
            idle.append(server.memory_mib())
            profile = Load(server.url + PRIVATE, connections=8, authorization=bearer(server.log_in()["access_token"]))
            quiet.append(profile.run(bench.seconds)["p99"])
            rush = Load(server.url + "/api/login", "logins", 64, users=20, field="email").begin(bench.seconds + 3)
            time.sleep(1)
            p99.append(profile.run(bench.seconds)["p99"])
            rush.end()
            after.append(server.memory_mib())
    bench.row("99th percentile of the protected route, in a storm of logins", "", "ms", p99, ("<=", 10), note="64 connections log in, 8 ask for the route")
    bench.row("the same without a storm", "", "ms", quiet)
    bench.row("memory, idle", "", "MiB", idle, ("<", 24))
    bench.row("memory, after the storm", "", "MiB", after, ("<", 96))
