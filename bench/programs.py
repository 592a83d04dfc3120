"""The programs that are measured: starting them, asking them, and what they cost."""

import json
import os
import pathlib
import subprocess
import time
import urllib.request

PASSWORD = "correct horse battery staple"
SECRET = "a secret of the bench, of no use elsewhere"

# Nothing here goes through a proxy.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Program:
    """A server in a process of its own, until it is closed."""

    def __init__(self, command, folder, environment=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log.txt"
        with open(self.log, "w") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **(environment or {})}, stderr=log, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True)
        self.url = None

    def first_line(self):
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self._process.args[0]} did not start:\n{self.log.read_text()}")
        return line

    def on_port(self):
        """The same, when the program prints its port."""
        self.url = f"http://127.0.0.1:{self.first_line()}"
        return self

    def close(self):
        self._process.terminate()
        self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, path, body=None, headers=None):
        """Status, headers and text of an answer."""
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        try:
            with _opener.open(urllib.request.Request(self.url + path, body, headers), timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()

    def good(self, path, body=None, headers=None):
        """What a good answer says, JSON read."""
        status, _, text = self.ask(path, body, headers)
        if status >= 300:
            raise SystemExit(f"{self.url}{path} answered {status}: {text}\n{self.log.read_text()[-2000:]}")
        return json.loads(text) if text[:1] == "{" else text

    def wait_for(self, path, headers=None, patience=30):
        """Until `path` answers well."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if self.ask(path, headers=headers)[0] < 300:
                    return self
            except OSError:
                pass
            time.sleep(0.01)
        raise SystemExit(f"{self.url}{path} does not answer well:\n{self.log.read_text()[-2000:]}")

    def processor_seconds(self, beside=None):
        """Processor time so far, of all its threads, or of those whose name does not begin with `beside`."""
        nanoseconds = 0
        for task in pathlib.Path(f"/proc/{self._process.pid}/task").iterdir():
            try:
                if beside is None or not (task / "comm").read_text().startswith(beside):
                    nanoseconds += int((task / "schedstat").read_text().split()[0])
            except OSError:  # It has just ended.
                pass
        return nanoseconds / 1e9

    def memory_mib(self):
        """Resident memory."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Tokenhouse(Program):
    """tokenhouse with its defaults but without limits; or also with an issuer like Okta beside its own, and a secret that is known."""

    binary = None

    def __init__(self, folder, issuer=None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = '[server]\nlisten = "127.0.0.1:0"\n[limits]\nenabled = false\n[[oauth.scopes]]\nname = "customScope"\n'
        if issuer:
            settings += '[auth]\naccept = ["local", "stand_in"]\n[remote.stand_in]\naudience = "api://default"\n'
            settings += f'issuer = "{issuer}"\n'
        (folder / "tokenhouse.toml").write_text(settings)
        self.begun = time.monotonic()
        secret = {"TOKENHOUSE__TOKENS__SECRET": SECRET} if issuer else {}
        super().__init__([self.binary, "serve", "--config", "tokenhouse.toml"], folder, secret)
        self.url = self.first_line().split("listens on ")[1]

    @classmethod
    def run(cls, folder, *arguments, text=None):
        """Another command, on the same folder, to its end."""
        done = subprocess.run(
            [cls.binary, *arguments, "--config", "tokenhouse.toml"], cwd=folder, input=text, text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"tokenhouse {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def users(self, count, first=0):
        """Registers users, and takes care that they are there."""
        for number in range(first, first + count):
            self.good("/api/register", {"email": f"user{number}@example.com", "password": PASSWORD})

    def log_in(self, number=0):
        return self.good("/api/login", {"email": f"user{number}@example.com", "password": PASSWORD})
