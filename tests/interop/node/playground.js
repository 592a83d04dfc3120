// The playground in Chromium, as people have it. Its argument is what they do.
// Standard input: {origin, and what the act needs}. Standard output: what came of it, with `wrong`, whatever Chromium complained of.
'use strict'

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const axe = require('axe-core')
const { someone, withChromium } = require('./chromium.js')

const told = JSON.parse(readFileSync(0, 'utf8'))
const { origin, password } = told
const wrong = []

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const said = async (page, id, words) => {
  await page.locator(`#${id}`).filter({ hasText: words }).waitFor()
  return page.locator(`#${id}`).innerText()
}
const held = (page) => page.locator('#raw').innerText()

const register = async (page, email) => {
  await page.goto(origin)
  await page.getByLabel('Email address').and(page.locator(':visible')).fill(email)
  await page.getByLabel('Password').and(page.locator(':visible')).fill(password)
  await page.keyboard.press('Enter')
  await page.locator('#claims > div').first().waitFor()
}

// Presses a request, and reads what is shown of it and of its answer.
const call = async (page, name) => {
  await page.getByRole('button', { name }).click()
  await page.locator('#call-said').filter({ hasText: ' ms' }).waitFor()
  const [said, request, answer] = await Promise.all(['call-said', 'request', 'answer'].map((id) => page.locator(`#${id}`).innerText()))
  return { said, request, answer }
}

// Every way of tampering: what is answered, and which checks fail.
const tampered = async (page) => {
  const seen = {}
  for (const button of await page.locator('#tampers button').all()) {
    const id = (await button.getAttribute('id')).replace('tamper-', '')
    await button.click()
    const verdict = page.locator(`[data-tamper="${id}"]`)
    await verdict.waitFor()
    const failed = await page.locator('#checks [data-outcome="failed"]').evaluateAll((all) => all.map((one) => one.dataset.check))
    seen[id] = { verdict: await verdict.innerText(), failed, sent: (await page.locator('#broken-raw').innerText()).replace('(nothing)', '') }
  }
  return seen
}

// What the page left behind of a token: nothing.
const left = (page) => page.evaluate(() => ({
  address: location.href, local: localStorage.length, session: sessionStorage.length, cookies: document.cookie
}))

const looks = async (page, row, findings) => {
  await page.evaluate(() => document.activeElement.blur())
  if (told.pictures) await page.screenshot({ path: join(told.pictures, `${row.replaceAll(', ', '-')}.png`), fullPage: true })
  await page.evaluate(axe.source)
  const { passes, violations } = await page.evaluate(() => window.axe.run())
  if (passes.length < 10) findings.push(`${row}: the rules were not run: ${passes.length}`)
  findings.push(...violations.map(({ id, impact, nodes }) => `${row}: ${impact} ${id} ${nodes.map(({ html }) => html)}`))
  const scrolls = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (scrolls > 0) findings.push(`${row}: scrolls sideways by ${scrolls}`)
}

// Of a clock such as 1:00:00 or 59:59.
const inSeconds = (clock) => clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)

// A request that is refused is no fault of the page.
const isOfARefusal = (text) => /the server responded with a status of (400|401|409|422)/.test(text)

const acts = {
  // Registers, looks into the token, calls, breaks it, refreshes, logs out, and calls again.
  tries_all: async (browser) => {
    const page = await someone(browser, wrong, { permissions: ['clipboard-read', 'clipboard-write'] })
    const asked = []
    page.on('request', (request) => asked.push(request.url()))
    const seen = {}
    await page.goto(origin)
    await page.getByLabel('Email address').and(page.locator(':visible')).fill('ada')
    await page.getByLabel('Password').and(page.locator(':visible')).fill('short')
    await press(page, 'Register and log in')
    seen.complaint = await said(page, 'get-said', /\S/)
    seen.invalid = await page.locator('[aria-invalid="true"]').evaluateAll((all) => all.map((one) => one.id))
    seen.focused = await page.evaluate(() => document.activeElement.id)

    await register(page, 'ada@example.com')
    seen.token = await held(page)
    seen.claims = await page.locator('[data-claim]').evaluateAll((all) => all.map((one) => one.dataset.claim))
    seen.meaning = await page.locator('[data-claim="aud"] .small').innerText()
    const clock = await page.locator('#clock').innerText()
    const { exp } = JSON.parse(Buffer.from(seen.token.split('.')[1], 'base64url'))
    seen.clock = { shown: inSeconds(clock), left: exp - Math.floor(Date.now() / 1000) }
    await page.locator('#clock').filter({ hasNotText: clock }).waitFor()
    seen.clock.later = inSeconds(await page.locator('#clock').innerText())
    seen.public = await call(page, /The public route/)
    seen.protected = await call(page, /The protected route with the token/)
    seen.snippets = {}
    await page.getByRole('tab', { name: 'curl' }).focus()
    for (const name of ['curl', 'HTTPie', 'fetch', 'Rust']) {
      if (name !== 'curl') await page.keyboard.press('ArrowRight')
      await page.getByRole('tab', { name, selected: true }).waitFor()
      await press(page, 'Copy')
      await page.getByRole('button', { name: 'Copied', exact: true }).waitFor()
      await page.getByRole('button', { name: 'Copy', exact: true }).waitFor()
      seen.snippets[name] = await page.evaluate(() => navigator.clipboard.readText())
      await page.getByRole('tab', { name, selected: true }).focus()
    }
    seen.refused = await call(page, /The protected route without a token/)
    seen.me = await call(page, /Whose token is it/)
    seen.tampered = await tampered(page)

    await press(page, 'Refresh')
    await said(page, 'get-said', /^Another token/)
    seen.refreshed = await held(page)
    await press(page, 'Log out')
    await said(page, 'get-said', /The session has ended/)
    seen.ended = await call(page, /The protected route with the token/)
    seen.left = await left(page)
    await page.reload()
    await page.locator('#playground:not([hidden])').waitFor()
    seen.after_reload = await page.locator('#holds-one').isHidden()
    seen.elsewhere = asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:'))
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !isOfARefusal(text)))
    return seen
  },

  // Logs in with an account that is there, wrongly at first.
  logs_in: async (browser) => {
    const page = await someone(browser, wrong)
    const seen = {}
    await page.goto(origin)
    await page.getByRole('tab', { name: 'Log in' }).click()
    const fill = async (secret) => {
      await page.getByLabel('Email address').and(page.locator(':visible')).fill(told.email)
      await page.getByLabel('Password').and(page.locator(':visible')).fill(secret)
      await press(page, 'Log in')
    }
    await fill('not the password')
    seen.complaint = await said(page, 'get-said', /\S/)
    await fill(password)
    await said(page, 'get-said', /Logged in/)
    seen.holder = await page.locator('#holder').innerText()
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !isOfARefusal(text)))
    return seen
  },

  // Pastes tokens of somebody else's.
  pastes: async (browser) => {
    const page = await someone(browser, wrong)
    const seen = {}
    await page.goto(origin)
    seen.buttons = await page.getByRole('button').and(page.locator(':visible')).allInnerTexts()
    const paste = async (text) => {
      await page.getByLabel('Access token').fill(text)
      await press(page, 'Use this token')
      await said(page, 'get-said', /\S/)
    }
    await paste('two words')
    seen.complaint = await said(page, 'get-said', /A token has no blanks/)
    await paste(`Bearer ${told.token}`)
    await page.locator('#claims > div').first().waitFor()
    seen.held = await held(page)
    seen.protected = await call(page, /The protected route with the token/)
    seen.tampered = await tampered(page)
    await paste(told.expired)
    await page.locator('#clock').filter({ hasText: 'expired' }).waitFor()
    seen.expired = await call(page, /The protected route with the token/)
    await paste('hello')
    await page.getByText('Nothing of it can be read.').waitFor()
    seen.breakable = await page.locator('#breaking').isVisible()
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !isOfARefusal(text)))
    return seen
  },

  // Has switched scripts off.
  has_no_script: async (browser) => {
    const page = await someone(browser, wrong, { javaScriptEnabled: false })
    await page.goto(origin)
    return { text: await page.locator('main').innerText(), buttons: await page.getByRole('button').and(page.locator(':visible')).count() }
  },

  // Looks at it in each way, with the rules of accessibility at hand. Pictures go into `pictures`, if it is there.
  looks: async (browser) => {
    const findings = []
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1280]) {
        const row = (name) => `${told.name}-${name}, ${colorScheme}, ${width}`
        const page = await someone(browser, wrong, { colorScheme, viewport: { width, height: 740 } })
        await page.goto(origin)
        await page.locator('#playground:not([hidden])').waitFor()
        await looks(page, row('empty'), findings)
        if (told.token) {
          await page.getByLabel('Access token').fill(told.token)
          await press(page, 'Use this token')
          await page.locator('#claims > div').first().waitFor()
        } else {
          await register(page, `${colorScheme}-${width}@example.com`)
        }
        await call(page, /The protected route with the token/)
        await page.locator('#tamper-expired').click()
        await page.locator('[data-tamper="expired"]').waitFor()
        await looks(page, row('full'), findings)
        // Its parts by themselves, for docs/pictures.
        if (told.pictures && colorScheme === 'light' && width === 1280) {
          for (const part of ['get', 'inside', 'call', 'break']) {
            const section = page.locator(`section[aria-labelledby="${part}-title"]`)
            await section.screenshot({ path: join(told.pictures, `${told.name}-${part}.png`) })
          }
        }
        await page.goto(`${origin}/nothing`)
        await looks(page, row('nothing'), findings)
        await page.context().close()
      }
    }
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !isOfARefusal(text)))
    return { findings }
  }
}

withChromium(acts[process.argv[2]]).then((seen) => console.log(JSON.stringify({ ...seen, wrong }))).catch((error) => {
  console.error(error, wrong)
  process.exitCode = 1
})
