// openid-client as a machine: from the issuer's URL alone to a token, what introspection says of it, and its end.
// Standard input: {issuer, scope, well_known, client: {id, method, secret | key}}; key is {alg, kid, pem}.
// Standard output: what came of it.
import { readFileSync } from 'node:fs'
import { createPrivateKey, webcrypto } from 'node:crypto'

// Node 18 has them elsewhere.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
const openid = await import('openid-client')
const { issuer, scope, well_known: algorithm, client } = JSON.parse(readFileSync(0, 'utf8'))

const authentication = {
  client_secret_basic: () => openid.ClientSecretBasic(client.secret),
  client_secret_post: () => openid.ClientSecretPost(client.secret),
  private_key_jwt: async () => openid.PrivateKeyJwt({ key: await privateKey(client.key), kid: client.key.kid })
}

const privateKey = ({ alg, pem }) => {
  const kind = alg === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return crypto.subtle.importKey('pkcs8', der, kind, false, ['sign'])
}

const config = await openid.discovery(new URL(issuer), client.id, undefined, await authentication[client.method](), {
  algorithm,
  execute: [openid.allowInsecureRequests]
})

// What the server said against it. The challenges of an answer are all that openid-client reads of one that has any.
const refusal = async ({ error, status, response }) => ({ status, error: error ?? (await response.json()).error })

const profile = async (token) => {
  const url = new URL('/api/profile', issuer)
  try {
    return (await openid.fetchProtectedResource(config, token, url, 'GET')).status
  } catch (error) {
    return error.cause?.map?.(({ scheme, parameters }) => `${scheme} ${parameters.error}`).join() ?? String(error)
  }
}

const outcome = { discovered: config.serverMetadata() }
try {
  const tokens = await openid.clientCredentialsGrant(config, { scope })
  const token = tokens.access_token
  outcome.granted = { ...tokens, expires_in: tokens.expiresIn() }
  outcome.profile = await profile(token)
  outcome.introspected = await openid.tokenIntrospection(config, token, { token_type_hint: 'access_token' })
  await openid.tokenRevocation(config, token, { token_type_hint: 'access_token' })
  outcome.revoked = { introspected: await openid.tokenIntrospection(config, token), profile: await profile(token) }
} catch (error) {
  if (!error.status) throw error
  outcome.refused = await refusal(error)
}
console.log(JSON.stringify(outcome))
