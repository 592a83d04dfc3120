"""What is measured, and against what. bench/run calls this, after it has built and installed all that is needed.

Each figure is taken in several rounds, and within a round the things that are compared take turns, so that a machine that is busy is busy for
all of them. What counts is the median of the rounds' ratios.
"""

import argparse
import base64
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import time

import report
from load import Load
from programs import PASSWORD, SECRET, Program, Tokenhouse
from report import Row

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent

PUBLIC, PRIVATE = "/api/publicInfo", "/api/profile"
# Connections of a load that finds the limit of a light route.
MANY = 64


class Bench:
    """How long and how often, where, and what came of it."""

    def __init__(self, options):
        self.rounds, self.seconds = (2, 1) if options.quick else (7, 3)
        self.large = 20_000 if options.quick else 1_000_000
        self.folder = pathlib.Path(options.folder)
        self.yardsticks = options.yardsticks
        self.express, self.better_auth, self.pocketbase = options.express, options.better_auth, options.pocketbase
        self.rows = []
        self.not_measured = [["glewlwyd", "Debian's package is set up by hand, in a browser"]] + options.missing

    def row(self, *what, **more):
        row = Row(*what, **more)
        self.rows.append(row)
        print(report.line(row), flush=True)

    def yardstick(self, *arguments, text=None):
        arguments = [self.yardsticks, *map(str, arguments)]
        return subprocess.run(arguments, input=text, text=True, check=True, capture_output=True).stdout

    def in_turns(self, measures):
        """What each of `measures` (name: function) gave, round by round, every other round backwards."""
        found = {name: [] for name in measures}
        for number in range(self.rounds):
            for name in list(measures)[:: -1 if number % 2 else 1]:
                found[name].append(measures[name]())
        return found


def bearer(token):
    return f"Bearer {token}"


def ratios(found, name, against, figure="rate"):
    return [one[figure] / other[figure] for one, other in zip(found[name], found[against])]


def routes(bench):
    """The two routes of the article, against Actix alone, the article's own application, and peers."""
    with contextlib.ExitStack() as running:
        start = lambda program: running.enter_context(program)
        bare = start(Program([bench.yardsticks, "bare"], bench.folder / "bare")).on_port()
        tried = Load(bare.url + PUBLIC, connections=MANY).run(1)["rate"]
        # More than there will be requests; a signature takes longer to check than HMAC, and much longer to make.
        remote_count, local_count = int(tried * bench.seconds), int(2 * tried * bench.seconds)
        remote_tokens, local_tokens = bench.folder / "remote.txt", bench.folder / "local.txt"
        print(f"making {remote_count} RS256 tokens …", flush=True)
        issuer = start(Program([bench.yardsticks, "issuer", str(remote_count), str(remote_tokens)], bench.folder / "issuer"))
        issuer = issuer.first_line()
        remote = remote_tokens.open().readline().strip()

        own = bench.folder / "own"
        server = start(Tokenhouse(own, issuer))
        server.users(1)
        local = server.log_in()["access_token"]
        bench.yardstick("copies", local_count, local_tokens, text=f"{SECRET}\n{local}\n")
        for token in local, remote:
            server.wait_for(PRIVATE, {"Authorization": bearer(token)})

        def load(program, path, **more):
            """Requests a second, and processor seconds of the program for each."""
            load = Load(program.url + path, connections=MANY, **more)

            def measure():
                before = program.processor_seconds()
                told = load.run(bench.seconds)
                return {**told, "cpu": (program.processor_seconds() - before) / told["requests"]}

            return measure

        def new(tokens, path=PRIVATE):
            """The same of a server that has not seen any of these tokens: it has just started."""

            def measure():
                with Tokenhouse(own, issuer) as fresh:
                    fresh.wait_for(PRIVATE, {"Authorization": bearer(remote)})
                    told = load(fresh, path, script="new_tokens", tokens=tokens)()
                # The public route looks at none of them.
                if path == PRIVATE and told["requests"] > sum(1 for _ in tokens.open()):
                    raise SystemExit(f"{tokens} has not enough tokens for {told['requests']} requests")
                return told

            return measure

        measures = {
            "bare": load(bare, PUBLIC),
            "public": load(server, PUBLIC),
            "HS256": load(server, PRIVATE, authorization=bearer(local)),
            "RS256": load(server, PRIVATE, authorization=bearer(remote)),
            "public, new HS256": new(local_tokens, PUBLIC),
            "new HS256": new(local_tokens),
            "public, new RS256": new(remote_tokens, PUBLIC),
            "new RS256": new(remote_tokens),
        }
        if bench.express:
            for name, packages in EXPRESS.items():
                app = start(express(bench, packages, issuer))
                measures[name] = load(app, PRIVATE, authorization=bearer(remote))
        if bench.better_auth:
            peer = start(better_auth(bench))
            measures["better-auth"] = load(peer, PRIVATE, authorization=bearer(peer.token))
        if bench.pocketbase:
            peer = start(pocketbase(bench))
            measures["PocketBase"] = load(peer, f"/api/collections/users/records/{peer.record}", authorization=peer.token)

        found = bench.in_turns(measures)

        def row(what, against, name, other, target=None, note=""):
            cpu = ratios(found, name, other, "cpu")
            bench.row(what, against, "×", ratios(found, name, other), target, note=note, cpu=cpu)

        row("public route", "the same on Actix alone", "public", "bare", (">=", 0.90))
        row("protected route, HS256 token seen before", "public route", "HS256", "public", (">=", 0.95))
        row("protected route, RS256 token seen before", "public route", "RS256", "public", (">=", 0.95))
        sends = "wrk sends the public route the same tokens"
        row("protected route, HS256 token never seen", "public route", "new HS256", "public, new HS256", (">=", 0.80), sends)
        row("protected route, RS256 token never seen", "public route", "new RS256", "public, new RS256", None, sends)
        for name in EXPRESS if bench.express else []:
            row("protected route, RS256 token seen before", name, "RS256", name, (">=", 15))
            row("protected route, RS256 token never seen", name, "new RS256", name)
        one_process = "a look into its database each time, as it is set up by default"
        if bench.better_auth:
            row("protected route, HS256 token seen before", "the same with better-auth", "HS256", "better-auth", None, one_process)
        if bench.pocketbase:
            row("protected route, HS256 token seen before", "PocketBase, reading one's own record", "HS256", "PocketBase")


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
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    folder = bench.folder / f"pocketbase-{time.monotonic_ns()}"
    peer = Program([bench.pocketbase, "serve", "--http", address, "--dir", "data"], folder)
    peer.url = f"http://{address}"
    peer.wait_for("/api/health")
    user = {"email": "user0@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    peer.good("/api/collections/users/records", user)
    answer = peer.good("/api/collections/users/auth-with-password", {"identity": user["email"], "password": PASSWORD})
    peer.token, peer.record = answer["token"], answer["record"]["id"]
    return peer


def checks(bench):
    """The library alone: a token never seen before."""
    found = json.loads(bench.yardstick("checks", bench.rounds * 5))
    library = "in one thread, without HTTP"
    ratio = lambda kind: [round["new"] / round["raw"] for round in found[kind]]
    bench.row("checking an HS256 token never seen", "HMAC and JSON alone", "×", ratio("hs256"), ("<=", 1.3), note=library)
    bench.row("checking an RS256 token never seen", "the signature alone", "×", ratio("rs256"), ("<=", 1.15), note=library)


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
            # One more than connections: wrk asks its script once for a request that it does not send.
            tokens = [server.log_in(number % users)["refresh_token"] for number in range(MANY + 1)]
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
        for name, (url, field, _) in peers.items():
            measures[name] = lambda url=url, field=field: Load(url, "logins", 16, users=1, field=field).run(seconds)
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


def start_up(bench):
    """From the start of the program to its first answer."""
    first, again = [], []
    for number in range(bench.rounds):
        for times in first, again:
            times.append(milliseconds_to_first_answer(bench.folder / f"start-{number}"))
    bench.row("start to first answer", "", "ms", again, ("<", 100))
    bench.row("the same for the very first time", "", "ms", first, note="it makes its database and its keys")


def milliseconds_to_first_answer(folder):
    with Tokenhouse(folder) as server:
        server.wait_for(PUBLIC)
        return (time.monotonic() - server.begun) * 1e3


def accounts(bench):
    """Many accounts against few."""
    few, many = bench.folder / "few", bench.folder / "many"
    for folder in few, many:
        with Tokenhouse(folder) as server:
            server.users(1)
    password_hash = json.loads(Tokenhouse.run(few, "user", "export").splitlines()[0])["password_hash"]

    def fill(folder, count):
        """Users from the second on, all with the password of the first."""
        lines = folder / "users.jsonl"
        with lines.open("w") as file:
            for number in range(1, count):
                file.write(json.dumps({"email": f"user{number}@example.com", "password_hash": password_hash}) + "\n")
        begun = time.monotonic()
        Tokenhouse.run(folder, "user", "import", str(lines))
        return count / (time.monotonic() - begun)

    fill(few, 1000)
    rate = fill(many, bench.large)
    size = sum(file.stat().st_size for file in (many / "data").glob("tokenhouse.db*"))

    starts = [milliseconds_to_first_answer(many) for _ in range(bench.rounds)]
    with Tokenhouse(few) as one, Tokenhouse(many) as other:
        def beside(server, users):
            """Processor seconds of a login beside those of the hash."""
            load = Load(server.url + "/api/login", "logins", 16, users=users, field="email")

            def measure():
                before = server.processor_seconds(beside="hashing")
                told = load.run(bench.seconds + 2)
                return {"cpu": (server.processor_seconds(beside="hashing") - before) / told["requests"]}

            return measure

        found = bench.in_turns({"few": beside(one, 1000), "many": beside(other, bench.large)})
    number = f"{bench.large:,}"
    bench.row(f"login beside the hash, {number} users", "the same with 1,000 users", "×", ratios(found, "many", "few", "cpu"), ("<=", 1.1), note="processor time of all threads but those that hash")
    bench.row(f"start to first answer, {number} users", "", "ms", starts, ("<", 200))
    bench.row(f"data file, {number} users", "", "bytes a user", [size / bench.large], ("<", 500))
    bench.row("import of users", "", "/s", [rate])


PARTS = {part.__name__: part for part in (checks, routes, grants, storm, start_up, accounts)}


def main():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them unless named")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to see that it runs, not to quote from")
    parser.add_argument("--docs", action="store_true", help="write the table and the picture into docs/")
    parser.add_argument("--missing", action="append", nargs=2, default=[], help=argparse.SUPPRESS)
    for name in "folder", "binary", "yardsticks", "express", "better-auth", "pocketbase":
        parser.add_argument(f"--{name}", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    Tokenhouse.binary = options.binary
    bench = Bench(options)
    for name in options.parts or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}\n", flush=True)
        PARTS[name](bench)
    report.write(bench, ROOT / "docs" if options.docs else None)


if __name__ == "__main__":
    main()
