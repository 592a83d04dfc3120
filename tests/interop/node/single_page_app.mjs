// An application that is a page and nothing else, on openid-client: it begins with {issuer, client_id, scope} in its address, and comes back with a
// code. It shows what came of it.
import * as openid from 'openid-client'

const here = new URL(location.href)
const discover = ({ issuer, client_id }) => openid.discovery(new URL(issuer), client_id, undefined, openid.None(), {
  execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks]
})

const begin = async () => {
  const asked = Object.fromEntries(here.searchParams)
  const kept = { ...asked, pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState(), expectedNonce: openid.randomNonce() }
  sessionStorage.setItem('kept', JSON.stringify(kept))
  location.assign(openid.buildAuthorizationUrl(await discover(asked), {
    redirect_uri: here.origin + here.pathname,
    scope: asked.scope,
    code_challenge: await openid.calculatePKCECodeChallenge(kept.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: kept.expectedState,
    nonce: kept.expectedNonce
  }))
}

const finish = async () => {
  const { pkceCodeVerifier, expectedState, expectedNonce, ...asked } = JSON.parse(sessionStorage.getItem('kept'))
  const config = await discover(asked)
  const tokens = await openid.authorizationCodeGrant(config, here, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true })
  const { email } = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  const { access_token, refresh_token } = await openid.refreshTokenGrant(config, tokens.refresh_token)
  const { status } = await openid.fetchProtectedResource(config, access_token, new URL('/api/profile', asked.issuer), 'GET')
  await openid.tokenRevocation(config, refresh_token)
  return { email, profile: status, access_token }
}

if (here.searchParams.has('client_id')) {
  await begin()
} else {
  document.querySelector('output').textContent = JSON.stringify(await finish())
}
