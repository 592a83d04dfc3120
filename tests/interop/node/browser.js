// Chromium opens an address and says what it shows. Its argument is the address; CHROMIUM is the browser. It prints {status, text}.
'use strict'

const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { chromium } = require('playwright-core')

const main = async (address) => {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-'))
  const browser = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server']
  })
  try {
    const page = await browser.newPage()
    const response = await page.goto(address)
    console.log(JSON.stringify({ status: response.status(), text: await page.innerText('body') }))
  } finally {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

main(process.argv[2]).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
