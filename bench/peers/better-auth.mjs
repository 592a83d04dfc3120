// better-auth as its documentation sets it up: email and password, sessions in SQLite, bearer tokens; and the two routes of the article.
// Its argument is the database; it prints its port, and ends with its standard input.
import { createServer } from 'node:http'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { bearer } from 'better-auth/plugins'

const server = createServer().listen(0, '127.0.0.1')
await new Promise((listening) => server.once('listening', listening))
const { port } = server.address()
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: 'a secret of the bench, of no use elsewhere',
  database: { dialect: new LibsqlDialect({ url: `file:${process.argv[2]}` }), type: 'sqlite' },
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [bearer()]
}
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)
const itself = toNodeHandler(auth)

const answer = (response, status, text) => response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text)
server.on('request', async (request, response) => {
  if (request.url.startsWith('/api/auth/')) return itself(request, response)
  if (request.url === '/api/publicInfo') return answer(response, 200, 'You are viewing public info')
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
  if (!session) return answer(response, 401, 'Unauthorized')
  answer(response, 200, 'You are viewing private profile info')
})
console.log(port)
process.stdin.on('end', () => process.exit()).resume()
