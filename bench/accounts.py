"""From the start to the first answer, and many accounts against few."""

import json
import time

from bench import PUBLIC, ratios
from load import Load
from programs import Tokenhouse


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
