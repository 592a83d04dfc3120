"""A front that speaks TLS for a server that does not, as a reverse proxy would.

It prints its port, and then reads the port on loopback to which it hands everything on.
"""

import argparse
import asyncio
import ssl
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--certificate", required=True)
parser.add_argument("--key", required=True)
arguments = parser.parse_args()


async def hand_on(reader, writer):
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    behind = asyncio.get_running_loop().create_future()

    async def connected(reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", await behind)
        await asyncio.gather(hand_on(reader, there_writer), hand_on(there_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    behind.set_result(int(await asyncio.to_thread(sys.stdin.readline)))
    await server.serve_forever()


asyncio.run(main())
