// openid-client for a user: from the issuer's URL alone to tokens, what they say and open, their refresh and their end.
// It is told {issuer, scope, grant, redirect_uri, signed_out, client: {id, method, secret?}}. It tells {visit} each time that its user shall go
// somewhere, and is told {came_to}, where he was sent back to; at last it tells what came of it.
import { webcrypto } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { hear, tell } from './talk.mjs'

// Node 18 has them elsewhere.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
const openid = await import('openid-client')
const { issuer, scope, grant, redirect_uri: registered, signed_out, client } = await hear()

const authentication = { client_secret_basic: () => openid.ClientSecretBasic(client.secret), none: () => openid.None() }
const config = await openid.discovery(new URL(issuer), client.id, undefined, authentication[client.method](), {
  execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks]
})

const visit = async (visit, end) => {
  tell({ visit, end })
  return new URL((await hear()).came_to)
}

// An app listens on a port of its own, and believes what arrives there.
const app = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const uri = new URL(registered)
  uri.port = server.address().port
  const arrived = once(server, 'request').then(([request, response]) => {
    response.end('You can go back to the app now.')
    server.close()
    return new URL(request.url, uri)
  })
  return { uri: uri.href, back: async (address) => (await visit(address, uri.href), arrived) }
}
const site = () => ({ uri: registered, back: (address) => visit(address, registered) })

const byCode = async () => {
  const { uri, back } = client.method === 'none' ? await app() : site()
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()]
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: uri,
    scope,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce
  })
  const answer = await back(address.href)
  return openid.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true, maxAge: 60 })
}

const byDevice = async () => {
  const device = await openid.initiateDeviceAuthorization(config, { scope })
  const early = await refusal(openid.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: device.device_code }))
  outcome.device = { ...device, early }
  await visit(device.verification_uri_complete)
  return openid.pollDeviceAuthorizationGrant(config, device)
}

const refusal = (promise) => promise.then(() => undefined, ({ error, status }) => ({ error, status }))

const profile = async (token) => (await fetch(new URL('/api/profile', issuer), { headers: { authorization: `Bearer ${token}` } })).status

const outcome = { algorithms: config.serverMetadata().id_token_signing_alg_values_supported }
const tokens = await (grant === 'code' ? byCode() : byDevice())
const { sub } = tokens.claims()
outcome.granted = { ...tokens, claims: tokens.claims(), expires_in: tokens.expiresIn() }
outcome.userinfo = await openid.fetchUserInfo(config, tokens.access_token, sub)
outcome.profile = await profile(tokens.access_token)

const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token)
outcome.refreshed = {
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  same_user: refreshed.claims().sub === sub,
  scope: refreshed.scope,
  profile: await profile(refreshed.access_token)
}
await openid.tokenRevocation(config, refreshed.refresh_token)
outcome.revoked = {
  refresh: await refusal(openid.refreshTokenGrant(config, refreshed.refresh_token)),
  profile: await profile(refreshed.access_token)
}
if (signed_out) {
  const address = openid.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: signed_out, state: 'out' })
  outcome.signed_out = await visit(address.href, signed_out)
  // Nobody is signed in any more, so that the answer to a request that may ask nobody is an error.
  const silently = openid.buildAuthorizationUrl(config, {
    redirect_uri: registered,
    scope,
    prompt: 'none',
    code_challenge: await openid.calculatePKCECodeChallenge(openid.randomPKCECodeVerifier()),
    code_challenge_method: 'S256'
  })
  outcome.silently = await refusal(openid.authorizationCodeGrant(config, await visit(silently.href, registered)))
}
tell({ outcome })
