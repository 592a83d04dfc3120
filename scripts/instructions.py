"""What scripts/instructions counts, and what it holds the counts against.

The server runs under callgrind, which counts nothing until it is told to. For each operation: some requests to warm up, then batches of them, one
request after the other over one connection. What counts is the batch that took the fewest, and in it the thread that answers: other threads do now and
then what has nothing to do with the request.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import platform
import secrets
import socket
import subprocess
import sys
import threading
import time
import tomllib

RECORDED = pathlib.Path("scripts/instructions.toml")
WARM_UP, BATCHES, BATCH = 40, 6, 40
# Others work for these, too.
OF_ALL_THREADS = {"refresh"}
# So much more than recorded passes: other versions of the compiler differ by some percent.
MOST = 1.08
PASSWORD = "correct horse battery staple"
SECRET = "a secret of this count, of no use elsewhere"


def main():
    folder, flags = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
    if flags - {"--record", "--profile"}:
        raise SystemExit("scripts/instructions takes --record and --profile only")
    if platform.machine() not in RECORDED.read_text() and "--record" not in flags:
        print(f"\n!!!!! INSTRUCTIONS WERE NOT COUNTED: none are recorded for {platform.machine()}; --record does that.\n")
        raise SystemExit(77)
    with Issuer(folder) as issuer:
        with Actix(folder, issuer.name) as actix:
            counts = {"actix": actix.count("actix", public_route(actix))}
        with Server(folder, issuer.name) as server:
            counts.update({name: server.count(name, requests) for name, requests in operations(server, issuer).items()})
    if "--profile" in flags:
        for name in counts:
            print(f"\n{name}\n", flush=True)
            subprocess.run(f"callgrind_annotate '{folder}/{name}.fewest' 2>/dev/null | grep -v '^--' | head -60", shell=True, check=False)
    if "--record" in flags:
        record(counts)
    raise SystemExit(compare(counts))


def operations(server, issuer):
    """Of each operation, a function that makes its request number n."""
    user = json.dumps({"email": "ada@example.com", "password": PASSWORD})
    server.connection.ask("POST", "/api/register", body=user)
    login = json.loads(server.connection.ask("POST", "/api/login", body=user))
    token = login["access_token"]
    rs256, hs256 = issuer.tokens(WARM_UP + BATCHES * BATCH), copies(token, WARM_UP + BATCHES * BATCH)
    server.until_known(rs256[0])
    client = {"Authorization": f"Basic {server.client}", "Content-Type": "application/x-www-form-urlencoded"}
    grant = "grant_type=client_credentials&scope=customScope"
    refresh = Refresh(server.connection, login["refresh_token"])

    def profile(tokens):
        return lambda n: server.connection.ask("GET", "/api/profile", {"Authorization": f"Bearer {tokens(n)}"})

    return {
        "public": public_route(server),
        "known_token": profile(lambda _: token),
        "new_hs256": profile(lambda n: hs256[n]),
        "new_rs256": profile(lambda n: rs256[n]),
        "client_credentials": lambda _: server.connection.ask("POST", "/oauth2/default/v1/token", client, grant),
        "refresh": lambda _: refresh.spend(),
    }


def public_route(program):
    return lambda _: program.connection.ask("GET", "/api/publicInfo")


def copies(token, count):
    """Tokens that say what `token` says, each under an id of its own."""
    header, payload, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return [signed(header, {**claims, "jti": f"AT.{secrets.token_urlsafe(18)}"}, hs256) for _ in range(count)]


def signed(header, claims, sign):
    text = f"{header}.{base64url(json.dumps(claims, separators=(',', ':')).encode())}"
    return f"{text}.{base64url(sign(text.encode()))}"


def hs256(text):
    return hmac.digest(SECRET.encode(), text, hashlib.sha256)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Refresh:
    """A refresh token, which is another each time."""

    def __init__(self, connection, token):
        self.connection, self.token = connection, token

    def spend(self):
        body = json.dumps({"refresh_token": self.token})
        self.token = json.loads(self.connection.ask("POST", "/api/refresh", body=body))["refresh_token"]


class Issuer:
    """A stand-in for Okta, whose key OpenSSL makes."""
    def __init__(self, folder):
        self.key = folder / "issuer.pem"
        run("openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        modulus = run("openssl", "rsa", "-in", self.key, "-noout", "-modulus").decode().split("=")[1].strip()
        key = {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
        answers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answers[self.path]).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"http://127.0.0.1:{self.server.server_port}/oauth2/default"
        answers["/oauth2/default/.well-known/openid-configuration"] = {"issuer": self.name, "jwks_uri": f"{self.name}/v1/keys"}
        answers["/oauth2/default/v1/keys"] = {"keys": [key]}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tokens(self, count):
        header, now = base64url(b'{"kid":"k1","alg":"RS256"}'), int(time.time())
        claims = {
            "ver": 1, "iss": self.name, "aud": "api://default", "iat": now, "exp": now + 3600, "cid": "0oa1a2b3c4d5e6f7g8h9",
            "uid": "00u1a2b3c4d5e6f7g8h9", "scp": ["openid", "profile"], "sub": "ada@example.com"}
        sign = lambda text: run("openssl", "dgst", "-sha256", "-sign", self.key, text=text)
        return [signed(header, {**claims, "jti": f"AT.{secrets.token_urlsafe(18)}"}, sign) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()


class Counted:
    """A program under callgrind, which counts nothing until it is told to."""

    def __init__(self, folder, environment, *command):
        self.folder = folder
        self.log = open(folder / "log.txt", "w")
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", "--callgrind-out-file=counts", *command],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if "http://" not in line:
            raise SystemExit(f"{command[0]} did not start: {line}{(folder / 'log.txt').read_text()}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.connection = Connection(int(line.rsplit(":", 1)[1]))

    def count(self, name, request):
        """Instructions of one request in the batch that took the fewest."""
        self.control("--instr=on")
        for number in range(WARM_UP):
            request(number)
        self.control("--zero")
        found = []
        for batch in range(BATCHES):
            for number in range(BATCH):
                request(WARM_UP + batch * BATCH + number)
            self.control("--dump")
            dumps = [dumped.rename(self.folder / f"{name}.{batch}.{dumped.name}") for dumped in self.folder.glob("counts.*")]
            threads = {dumped: total(dumped) for dumped in dumps}
            busiest = max(threads, key=threads.get)
            found.append((sum(threads.values()) if name in OF_ALL_THREADS else threads[busiest], busiest))
        self.control("--instr=off")
        fewest, busiest = min(found)
        busiest.replace(self.folder / f"{name}.fewest")
        return fewest // BATCH

    def control(self, command):
        done = subprocess.run(["callgrind_control", command, str(self.process.pid)], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise SystemExit(f"callgrind_control {command}: {done.stdout}{done.stderr}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()


def total(dumped):
    lines = dumped.read_text(errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith("totals: ")).split()[1])


class Actix(Counted):
    """The example, of which only the public route is asked for: Actix, and nothing of this crate."""

    def __init__(self, folder, issuer):
        super().__init__(folder, {**clean_environment(), "OKTA_ISSUER": issuer, "PORT": "0"}, "./okta")


class Server(Counted):
    """tokenhouse, with a client that `self.client` is the credentials of."""

    def __init__(self, folder, issuer):
        (folder / "tokenhouse.toml").write_text(
            '[server]\nlisten = "127.0.0.1:0"\n[limits]\nenabled = false\n[[oauth.scopes]]\nname = "customScope"\n'
            f'[auth]\naccept = ["local", "stand_in"]\n[remote.stand_in]\nissuer = "{issuer}"\naudience = "api://default"\n')
        environment = {**clean_environment(), "TOKENHOUSE__TOKENS__SECRET": SECRET}
        arguments = ["--config", "tokenhouse.toml"]
        add = "client add --json --name count --grant client_credentials --scope customScope".split()
        client = json.loads(subprocess.run(
            ["./tokenhouse", *add, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE).stdout)
        self.client = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
        super().__init__(folder, environment, "./tokenhouse", "serve", *arguments)

    def until_known(self, token):
        """Until it has the keys of the issuer of this token."""
        for _ in range(100):
            if self.connection.ask("GET", "/api/profile", {"Authorization": f"Bearer {token}"}, accept=(200, 503)) is not None:
                return
            time.sleep(0.1)
        raise SystemExit("it did not get the keys of the stand-in issuer")


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("TOKENHOUSE")}


class Connection:
    """One connection that is kept."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.answers = self.socket.makefile("rb")

    def ask(self, method, path, headers=None, body="", accept=(200, 201)):
        """The text of a good answer; `None` for another that is accepted."""
        headers = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": len(body), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        status, length = int(self.answers.readline().split()[1]), 0
        while line := self.answers.readline().strip():
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        text = self.answers.read(length).decode()
        if status not in accept:
            raise SystemExit(f"{method} {path} answered {status}: {text}")
        return text if status < 300 else None


def run(*command, text=None):
    return subprocess.run(command, input=text, check=True, stdout=subprocess.PIPE).stdout


def ratios(counts):
    """What is held: each operation against the public route, and that against Actix alone. Both of one run, with one compiler."""
    return {name: count / counts["actix" if name == "public" else "public"] for name, count in counts.items() if name != "actix"}


def compare(counts):
    """1 when one of them is too large."""
    recorded, failed = tomllib.loads(RECORDED.read_text())[platform.machine()], 0
    print(f"\n{'operation':20} {'instructions':>12}   {'ratio':>6} {'recorded':>8} {'at most':>8}")
    print(f"{'actix':20} {counts['actix']:12,}")
    for name, ratio in ratios(counts).items():
        was = recorded[name]
        too_many = ratio > was * MOST
        print(f"{name:20} {counts[name]:12,}   {ratio:6.3f} {was:8.3f} {was * MOST:8.3f}   {'TOO MANY' if too_many else 'ok'}")
        failed |= too_many
    print("The ratio is to `public`, and that of `public` to `actix`, the same route without this crate.")
    if failed:
        print("\nAn operation takes more instructions than it did. scripts/instructions --profile says where; when that is meant, --record writes it down.")
    return int(failed)


def record(counts):
    head, section = RECORDED.read_text().split("\n[")[0], f"[{platform.machine()}]"
    others = [f"[{text}" for text in RECORDED.read_text().split("\n[")[1:] if not f"[{text}".startswith(section)]
    lines = "".join(f"{name} = {ratio:.3f}\n" for name, ratio in ratios(counts).items())
    RECORDED.write_text("\n".join([head, *others, f"{section}\n{lines}"]))


if __name__ == "__main__":
    main()
