"""A mail server for the tests: aiosmtpd with TLS, logins and refusals as its arguments say.

It prints its port when it listens, and writes a JSON object a line to LOG for each command it got and each letter it took. It ends when its standard
input does.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

arguments = argparse.ArgumentParser()
arguments.add_argument("--log", required=True)
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--security", choices=["starttls", "tls", "none"], default="none")
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--login", help="USER:PASSWORD that it asks for")
arguments.add_argument("--answers", help="a folder with files MAIL and RCPT: what they are answered, if not 250; and HOLD, while which is there no letter is taken")
arguments = arguments.parse_args()


def log(**event):
    with open(arguments.log, "a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
        file.flush()
        os.fsync(file.fileno())


def answer(command):
    try:
        with open(os.path.join(arguments.answers or "/nowhere", command), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        # Looked up before it is told that the command came: whoever waits for that may change the answer then.
        refusal = answer("MAIL")
        log(command="MAIL", tls=session.ssl is not None or arguments.security == "tls", login=session.authenticated)
        if refusal:
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = answer("RCPT")
        log(command="RCPT")
        if refusal:
            return refusal + " <" + address + "> is refused"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        while answer("HOLD") is not None:
            await asyncio.sleep(0.02)
        log(command="DATA", to=envelope.rcpt_tos, letter=envelope.content.decode("utf-8"))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    user, password = arguments.login.split(":")
    log(command="AUTH", tls=session.ssl is not None or arguments.security == "tls")
    return AuthResult(success=(data.login.decode(), data.password.decode()) == (user, password))


def server(context):
    return SMTP(
        Handler(),
        hostname="localhost",
        enable_SMTPUTF8=True,
        tls_context=context if arguments.security == "starttls" else None,
        require_starttls=arguments.security == "starttls",
        authenticator=authenticate if arguments.login else None,
        auth_required=bool(arguments.login),
        # Over TLS from the first byte the library does not see that there is TLS.
        auth_require_tls=arguments.security == "starttls",
    )


async def main():
    context = None
    if arguments.security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: server(context), "127.0.0.1", arguments.port, ssl=context if arguments.security == "tls" else None
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
