// Chromium, and what a person notices in it. CHROMIUM is the program.
'use strict'

const { mkdtempSync, rmSync } = require('node:fs')
const { createServer } = require('node:http')
const { once } = require('node:events')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { chromium } = require('playwright-core')

const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server']

// One with a profile of its own, which goes with it.
exports.withChromium = async (act) => {
  const home = mkdtempSync(join(tmpdir(), 'chromium-'))
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
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
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(60000)
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
  context.on('requestfailed', (request) => wrong.push(`${request.failure().errorText} at ${request.url()}`))
  return context.newPage()
}

// The article's application, as far as it is sent answers: they are put into `answers`.
exports.callback = async (port, answers) => {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    if (pathname === '/authorization-code/callback') answers.push(Object.fromEntries(searchParams))
    response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,"><h1>Back at the article</h1>')
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
