// The application of Okta's article about tokens in Express: one route for anyone, one behind Okta's verifier.
// Its arguments are the packages to use; ISSUER is whom it believes. It prints its port, and ends with its standard input.
'use strict'

const [expressPackage, verifierPackage] = process.argv.slice(2)
const express = require(expressPackage)
const OktaJwtVerifier = require(verifierPackage)

const verifier = new OktaJwtVerifier({
  issuer: process.env.ISSUER,
  testing: { disableHttpsCheck: true }
})

const requireToken = async (request, response, next) => {
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization) || []
  if (!token) return response.status(403).send('Unauthorized')
  try {
    request.claims = (await verifier.verifyAccessToken(token, 'api://default')).claims
  } catch (error) {
    return response.status(403).send(error.message)
  }
  next()
}

const app = express()
app.get('/api/publicInfo', (_request, response) => response.send('You are viewing public info'))
app.get('/api/profile', requireToken, (_request, response) => response.send('You are viewing private profile info'))
app.get('/api/claims', requireToken, (request, response) => response.json(request.claims))

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit()).resume()
