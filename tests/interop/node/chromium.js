// Chromium, and what a person notices in it. CHROMIUM is the program.
'use strict'

const { mkdtempSync, readFileSync, rmSync } = require('node:fs')
const { createServer } = require('node:http')
const { once } = require('node:events')
const { createRequire } = require('node:module')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { chromium } = require('playwright-core')

const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server']

// How long something may take on a busy machine, in milliseconds.
const PATIENCE = 300000
exports.PATIENCE = PATIENCE

// One with a profile of its own, which goes with it.
exports.withChromium = async (act) => {
  const home = mkdtempSync(join(tmpdir(), 'chromium-'))
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    timeout: PATIENCE,
    args: ARGUMENTS,
    env: { ...process.env, HOME: home }
  })
  try {
    return await act(browser)
  } finally {
    await browser.close()
    rmSync(home, { recursive: true, force: true })
  }
}

// A page of somebody who never was here. What Chromium complains of is put into `wrong`: errors of scripts, of loading and of the policy.
exports.someone = async (browser, wrong, options) => {
  // Nobody knows the authority of a certificate that is made for a test.
  const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true, ...options })
  context.setDefaultTimeout(PATIENCE)
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`))
  })
  context.on('console', (message) => {
    // A page that tells of an error has its status.
    const isOfPage = message.text().startsWith('Failed to load resource') && message.page()?.url() === message.location().url
    if (['error', 'warning'].includes(message.type()) && !isOfPage) wrong.push(`${message.text()} at ${message.location().url}`)
  })
  context.on('weberror', (error) => wrong.push(String(error.error())))
  context.on('requestfailed', (request) => {
    // What was aborted nobody wanted any more; where the policy did it, it says so too.
    const { errorText } = request.failure()
    if (errorText !== 'net::ERR_ABORTED') wrong.push(`${errorText} at ${request.url()}`)
  })
  return context.newPage()
}

// The applications that people are sent back to. Answers for the article, and for apps, are put into `answers`; /page is an application that runs in
// the browser.
exports.applications = async (port, answers) => {
  const answer = (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    const [, name, path] = /^\/(page|[a-z0-9-]+)(\/.+\.m?js)?$/.exec(pathname) ?? []
    if (path && PACKAGES[name]) {
      return response.setHeader('content-type', 'text/javascript').end(readFileSync(join(PACKAGES[name](), path)))
    }
    if (pathname.endsWith('/callback')) answers.push({ ...Object.fromEntries(searchParams), host: request.headers.host })
    response.setHeader('content-type', 'text/html; charset=utf-8').end(name === 'page' ? PAGE : BACK)
  }
  const servers = ['127.0.0.1', '::1'].map((host) => createServer(answer).listen(port, host))
  // Not every computer has IPv6.
  const [, has_ipv6] = await Promise.all(servers.map((server) => once(server, 'listening').then(() => true, () => false)))
  return {
    has_ipv6,
    close: () => servers.forEach((server) => {
      server.close()
      server.closeAllConnections()
    })
  }
}

const BACK = '<!doctype html><link rel="icon" href="data:,"><h1>Back at the application</h1>'

const package_ = (name, from = __filename) => () => dirname(createRequire(from).resolve(`${name}/package.json`))
const PACKAGES = {
  app: () => __dirname,
  'openid-client': package_('openid-client'),
  oauth4webapi: package_('oauth4webapi'),
  jose: () => package_('jose', require.resolve('openid-client/package.json'))()
}
const PAGE = `<!doctype html><link rel="icon" href="data:,"><output></output><script type="importmap">${JSON.stringify({
  imports: {
    'openid-client': '/openid-client/build/index.js',
    oauth4webapi: '/oauth4webapi/build/index.js',
    'jose/errors': '/jose/dist/webapi/util/errors.js',
    'jose/jwe/compact/decrypt': '/jose/dist/webapi/jwe/compact/decrypt.js'
  }
})}</script><script type="module" src="/app/single_page_app.mjs"></script>`
