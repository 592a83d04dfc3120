"""Okta's verifier for Python says what it thinks of tokens.

Standard input: {issuer, audience, tokens}. Standard output: for each token "believed", or why not.
"""

import asyncio
import json
import sys

from okta_jwt_verifier import AccessTokenVerifier
from okta_jwt_verifier.exceptions import JWTValidationException


async def main():
    asked = json.load(sys.stdin)
    verifier = AccessTokenVerifier(issuer=asked["issuer"], audience=asked["audience"])
    said = []
    for token in asked["tokens"]:
        try:
            await verifier.verify(token)
            said.append("believed")
        except JWTValidationException as error:
            said.append(str(error))
    json.dump(said, sys.stdout)


asyncio.run(main())
