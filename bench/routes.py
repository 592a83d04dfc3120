"""Routes: public ones, and protected ones for tokens seen before and never seen."""

import contextlib
import json

from bench import MANY, PRIVATE, PUBLIC, bearer, ratios
from load import Load
from peers import EXPRESS, better_auth, express, glewlwyd, pocketbase
from programs import SECRET, Program, Tokenhouse


def routes(bench):
    """The two routes of the article, against Actix alone, the article's own application, and peers."""
    with contextlib.ExitStack() as running:
        start = lambda program: running.enter_context(program)
        bare = start(Program([bench.yardsticks, "bare"], bench.folder / "bare")).on_port()
        tried = Load(bare.url + PUBLIC, connections=MANY).run(1)["rate"]
        # More than there will be requests; a signature takes longer to check than HMAC, and much longer to make.
        remote_count, local_count = int(0.75 * tried * bench.seconds), int(1.4 * tried * bench.seconds)
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
            "public, HS256": load(server, PUBLIC, authorization=bearer(local)),
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
        if bench.glewlwyd:
            peer = start(glewlwyd(bench))
            measures["glewlwyd"] = load(peer, "/api/profile_list", cookie=peer.cookie)

        found = bench.in_turns(measures)

        def row(what, against, name, other, target=None, note=""):
            cpu = ratios(found, name, other, "cpu")
            bench.row(what, against, "×", ratios(found, name, other), target, note=note, cpu=cpu)

        row("public route", "the same on Actix alone", "public", "bare", (">=", 0.90))
        row("protected route, HS256 token seen before", "public route", "HS256", "public", (">=", 0.95))
        row("protected route, RS256 token seen before", "public route", "RS256", "public", (">=", 0.95))
        row("protected route, HS256 token seen before", "public route", "HS256", "public, HS256", None, "wrk sends the public route the same token")
        sends = "wrk sends the public route the same tokens"
        row("protected route, HS256 token never seen", "public route", "new HS256", "public, new HS256", (">=", 0.80), sends)
        row("protected route, RS256 token never seen", "public route", "new RS256", "public, new RS256", None, sends)
        for name in EXPRESS if bench.express else []:
            row("protected route, RS256 token seen before", name, "RS256", name, (">=", 15))
            row("protected route, RS256 token never seen", name, "new RS256", name)
        for name, does in PEERS.items():
            if name in measures:
                row("protected route, HS256 token seen before", f"{name}, {does}", "HS256", name)


# What is nearest to the protected route. Each of them looks into its database for it, as it is set up by default.
PEERS = {
    "better-auth": "the same",
    "PocketBase": "reading one's own record",
    "glewlwyd": "reading one's own profile",
}


def checks(bench):
    """The library alone: a token never seen before."""
    found = json.loads(bench.yardstick("checks", bench.rounds * 5))
    library = "in one thread, without HTTP"
    ratio = lambda kind: [round["new"] / round["raw"] for round in found[kind]]
    bench.row("checking an HS256 token never seen", "HMAC and JSON alone", "×", ratio("hs256"), ("<=", 1.3), note=library)
    bench.row("checking an RS256 token never seen", "the signature alone", "×", ratio("rs256"), ("<=", 1.15), note=library)
