"""Load, by wrk, and what came of it."""

import json
import os
import pathlib
import subprocess

LUA = pathlib.Path(__file__).parent / "lua"
# One on each core, as the servers have: one alone is the limit of what it loads, and a core idles meanwhile. No more than the fewest connections.
THREADS = min(len(os.sched_getaffinity(0)), 4)


class Load:
    """What wrk shall do: `connections` to `url`, by a script of the folder lua and its variables."""

    def __init__(self, url, script="same", connections=64, **variables):
        self.url = url
        self.script = script
        self.connections = connections
        self.variables = {name.upper(): str(value) for name, value in variables.items()}

    def begin(self, seconds):
        return Running(self, seconds)

    def run(self, seconds):
        return self.begin(seconds).end()


class Running:
    """wrk at work."""

    def __init__(self, load, seconds):
        self._load = load
        threads = ["-t", str(THREADS), "-c", str(load.connections)]
        command = ["wrk", *threads, f"-d{seconds}s", "--timeout", "30s", "-s", str(LUA / f"{load.script}.lua")]
        environment = {**os.environ, "LUA": str(LUA), "THREADS": str(THREADS), **load.variables}
        self._process = subprocess.Popen(command + [load.url], env=environment, stdout=subprocess.PIPE, text=True)

    def end(self):
        """Requests a second (`rate`) and the answers' times in milliseconds (`p50`, `p99`). Nothing may have been refused."""
        text, _ = self._process.communicate()
        if self._process.returncode:
            raise SystemExit(f"wrk failed for {self._load.url}:\n{text}")
        told = json.loads(text.splitlines()[-1])
        if told["refused"] or told["broken"] or not told["requests"]:
            raise SystemExit(f"{self._load.url} was not answered well under load: {told}")
        return {**told, "rate": told["requests"] / told["seconds"]}
