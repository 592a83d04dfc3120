// Chromium opens an address and says what it shows. Its argument is the address; CHROMIUM is the browser. It prints {status, text}.
'use strict'

const { someone, withChromium } = require('./chromium.js')

const main = (address) => withChromium(async (browser) => {
  const page = await someone(browser, [])
  const response = await page.goto(address)
  console.log(JSON.stringify({ status: response.status(), text: await page.innerText('body') }))
})

main(process.argv[2]).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
