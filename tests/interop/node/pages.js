// The pages in Chromium, as people have them. Its argument is what they do.
// Standard input: {origin, authorize, port, password, and what the act needs}; authorize is the address that the article sends people to, and
// port is where it listens for answers. Standard output: what came of it, with `wrong`, whatever Chromium complained of.
'use strict'

const { createHmac } = require('node:crypto')
const { readFileSync, readdirSync } = require('node:fs')
const { join } = require('node:path')
const { setTimeout } = require('node:timers/promises')
const axe = require('axe-core')
const { applications, PATIENCE, someone, withChromium } = require('./chromium.js')

const told = JSON.parse(readFileSync(0, 'utf8'))
const { origin, authorize, password } = told
const [wrong, answers] = [[], []]

const asked = (state) => `${authorize}&state=${state}`
const reaches = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
const complaint = (page) => page.getByRole('alert').innerText()
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

// Fills the first page in, and sends it with the key that people use.
const signIn = async (page, email, secret = password) => {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password').fill(secret)
  await page.keyboard.press('Enter')
}

// The next code, by RFC 6238, of an app whose secret is in hexadecimal digits. It is good already, and that of this moment may be used up.
const code = (secret) => {
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + 1))
  const mac = createHmac('sha1', Buffer.from(secret, 'hex')).update(step).digest()
  const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fffffff
  return String(number % 1000000).padStart(6, '0')
}

const typeCode = async (page, otp) => {
  await page.getByLabel('Code of your authenticator app').fill(otp)
  await press(page, 'Continue')
}

// Back at the application.
const back = async (page) => {
  await reaches(page, 'Back at the application')
  return answers.at(-1)
}

// What a device with fingerprints or a PIN has, which knows its owner.
const authenticator = async (page) => {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true }
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options })
  return (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
}

// Logs in over the API from a page of the server's, and adds a passkey; answers what sends further requests.
const addPasskey = async (page, email) => {
  await page.goto(`${origin}/sign-in`)
  const send = (path, body, token) => page.evaluate(async ({ path, body, token }) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return text && JSON.parse(text)
  }, { path, body, token })
  const { access_token: token } = await send('/api/login', { email, password })
  const { challenge_id, publicKey } = await send('/api/passkeys', { password }, token)
  const credential = await page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    return (await navigator.credentials.create({ publicKey })).toJSON()
  }, publicKey)
  await send('/api/passkeys/confirm', { challenge_id, name: 'Laptop', credential }, token)
  return (path, body) => send(path, body, token)
}

// The link of a letter in the outbox that leads to this page.
const link = async (path) => {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    if (Date.now() > deadline) throw new Error(`no letter with a link to ${path} came`)
    for (const name of readdirSync(told.outbox).filter((name) => name.endsWith('.eml'))) {
      const letter = readFileSync(join(told.outbox, name), 'utf8').replace(/=\r?\n/g, '').replaceAll('=3D', '=')
      const [found] = new RegExp(`${origin}${path}\\?token=[A-Za-z0-9_-]+`).exec(letter) ?? []
      if (found) return found
    }
    await setTimeout(100)
  }
}

const acts = {
  // Signs in and allows; nothing is asked the next time, until she has signed out. Somebody else does not allow.
  consents: async (browser) => {
    const page = await someone(browser, wrong)
    const seen = {}
    await page.goto(asked('one'))
    await reaches(page, 'Sign in')
    await page.getByLabel('Email address').and(page.locator(':focus')).waitFor()
    await signIn(page, told.email, 'not the password')
    seen.complaint = await complaint(page)
    seen.kept = await page.getByLabel('Email address').inputValue()
    await signIn(page, told.email)
    await reaches(page, 'Allow The article?')
    seen.asked = await page.getByRole('listitem').allInnerTexts()
    await press(page, 'Allow')
    seen.answer = await back(page)
    await page.goto(asked('two'))
    seen.again = await back(page)

    await page.goto(`${origin}/oauth2/default/v1/logout`)
    await press(page, 'Sign out')
    await reaches(page, 'You are signed out')
    await page.goto(asked('three'))
    await reaches(page, 'Sign in')
    await signIn(page, told.email)
    seen.signed_in_again = await back(page)
    await page.goto(told.sign_out)
    await press(page, 'Sign out')
    await page.getByRole('heading', { name: 'Back at the application' }).waitFor()
    seen.signed_out = page.url()

    const other = await someone(browser, wrong)
    await other.goto(asked('four'))
    await signIn(other, told.other)
    await other.getByRole('link', { name: 'Sign in as somebody else' }).click()
    await reaches(other, 'Sign in')
    await other.goBack()
    await press(other, 'Do not allow')
    seen.refused = await back(other)
    return seen
  },

  // Has apps on her own computer, which listen there, or have a scheme of their own. They are never let through unseen.
  has_apps: async (browser, { has_ipv6 }) => {
    const page = await someone(browser, wrong)
    await page.goto(`${origin}/sign-in`)
    await signIn(page, told.email)
    await reaches(page, 'Your account')
    for (const host of ['127.0.0.1', has_ipv6 ? '[::1]' : '127.0.0.1', '127.0.0.1']) {
      await page.goto(told.app.replace('HOST', encodeURIComponent(`http://${host}:${told.port}/callback`)))
      await press(page, 'Allow')
      if ((await back(page)).host !== `${host}:${told.port}`) throw new Error(`not back at ${host}`)
    }
    // Nothing on this computer has that scheme, so that Chromium goes nowhere.
    await page.goto(told.app.replace('HOST', encodeURIComponent('com.example.app:/callback')))
    const [request] = await Promise.all([page.waitForEvent('requestfailed', (request) => request.url().startsWith('com.')), press(page, 'Allow')])
    return { answers, scheme: request.url() }
  },

  // Has an application that runs in the browser.
  has_a_page: async (browser) => {
    const page = await someone(browser, wrong)
    await page.goto(told.page)
    await signIn(page, told.email)
    await press(page, 'Allow')
    await page.locator('output:not(:empty)').waitFor()
    return JSON.parse(await page.locator('output').innerText())
  },

  // Is new: on the way to the article she creates an account.
  registers: async (browser) => {
    const page = await someone(browser, wrong)
    await page.goto(asked('one'))
    await page.getByRole('link', { name: 'Create an account' }).click()
    await reaches(page, 'Create an account')
    const fill = async (secret) => {
      await page.getByLabel('Email address').fill('new@example.com')
      await page.getByLabel('Password').fill(secret)
      await press(page, 'Create account')
    }
    await fill('password1')
    const seen = { complaint: await complaint(page) }
    await fill(password)
    await press(page, 'Allow')
    return { ...seen, answer: await back(page) }
  },

  // Has forgotten her password, and opens the link in the letter.
  forgets: async (browser) => {
    const page = await someone(browser, wrong)
    await page.goto(asked('one'))
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Email address').fill(told.email)
    await press(page, 'Send the letter')
    await reaches(page, 'Look into your letters')
    await page.goto(await link('/reset-password'))
    await page.getByLabel('New password').fill('a wholly different sentence')
    await press(page, 'Set password')
    await reaches(page, 'Done')
    await page.goto(asked('two'))
    await signIn(page, told.email, 'a wholly different sentence')
    await press(page, 'Allow')
    return { answer: await back(page) }
  },

  // Has an authenticator app.
  types_a_code: async (browser) => {
    const page = await someone(browser, wrong)
    await page.goto(asked('one'))
    await signIn(page, told.email)
    await reaches(page, 'One more step')
    await page.getByLabel('Code of your authenticator app').and(page.locator(':focus')).waitFor()
    await typeCode(page, '000000')
    const seen = { complaint: await complaint(page) }
    await typeCode(page, code(told.totp))
    await press(page, 'Allow')
    return { ...seen, answer: await back(page) }
  },

  // Has switched scripts off.
  has_no_script: async (browser) => {
    const seen = {}
    for (const [name, email, secret] of [['password', told.other], ['app', told.email, told.totp]]) {
      const page = await someone(browser, wrong, { javaScriptEnabled: false })
      await page.goto(asked(name))
      const buttons = await page.getByRole('button').allInnerTexts()
      await signIn(page, email)
      if (secret) await typeCode(page, code(secret))
      await press(page, 'Allow')
      seen[name] = { buttons, answer: await back(page) }
    }
    return seen
  },

  // Has a passkey: instead of a password, and besides one.
  shows_a_passkey: async (browser) => {
    const page = await someone(browser, wrong)
    const setVerified = await authenticator(page)
    const send = await addPasskey(page, told.email)
    const seen = {}
    await page.goto(asked('one'))
    await setVerified(false)
    await press(page, 'Sign in with a passkey')
    seen.complaint = await complaint(page)
    await setVerified(true)
    await press(page, 'Sign in with a passkey')
    await press(page, 'Allow')
    seen.instead = await back(page)

    await page.context().clearCookies()
    await page.goto(`${origin}/sign-in`)
    await send('/api/passkeys/second-factor', { required: true, password })
    await page.goto(asked('two'))
    await signIn(page, told.email)
    await reaches(page, 'One more step')
    await press(page, 'Use a passkey')
    seen.besides = await back(page)
    return seen
  },

  // Lets a device in.
  lets_a_device_in: async (browser) => {
    const page = await someone(browser, wrong)
    const seen = {}
    await page.goto(`${origin}/activate`)
    await signIn(page, told.email)
    await reaches(page, 'Let a device in')
    await page.getByLabel('Code').fill('BCDF GHJK')
    await press(page, 'Continue')
    seen.complaint = await complaint(page)
    await page.getByLabel('Code').fill(told.user_code.toLowerCase().replace('-', ' '))
    await page.keyboard.press('Enter')
    await reaches(page, 'Let An app in?')
    seen.asked = await page.getByRole('listitem').allInnerTexts()
    await press(page, 'Let it in')
    await reaches(page, 'The device is let in')
    return seen
  },

  // Looks at each page in each way, with the rules of accessibility at hand. Pictures go into `pictures`, if it is there.
  // Her account: a name, and a passkey made on the page, with which she signs in; then it goes.
  keeps_her_account: async (browser) => {
    const page = await someone(browser, wrong)
    await authenticator(page)
    const seen = {}
    // Of the page that comes, and not of the one that goes.
    const notice = async (words) => {
      await page.getByRole('status').filter({ hasText: words }).waitFor()
      return page.getByRole('status').innerText()
    }
    await page.goto(`${origin}/account`)
    await signIn(page, told.email)
    await reaches(page, 'Your account')
    await page.getByLabel('Name', { exact: true }).fill('Ada Lovelace')
    await press(page, 'Save name')
    seen.named = await notice('Your name')
    const add = page.locator('form[data-new-passkey]')
    await add.getByLabel('Name of a new passkey').fill('Laptop')
    await add.getByLabel('Password').fill('not the password')
    await press(page, 'Add a passkey')
    seen.complaint = await complaint(page)
    await add.getByLabel('Password').fill(password)
    await press(page, 'Add a passkey')
    seen.added = await notice('added')
    await press(page, 'Sign out')
    await reaches(page, 'You are signed out')
    await page.goto(`${origin}/sign-in`)
    await press(page, 'Sign in with a passkey')
    await reaches(page, 'Your account')
    await page.getByLabel('Name of the passkey').fill('Old laptop')
    await press(page, 'Rename the passkey Laptop')
    seen.renamed = await notice('another name')
    await page.getByLabel('Password, to remove it').fill(password)
    await press(page, 'Remove the passkey Old laptop')
    seen.removed = await notice('removed')
    // A wrong password is told with 403, which the browser counts as a load that failed.
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !text.includes('403')))
    return seen
  },

  looks: async (browser) => {
    const findings = []
    const withPasskey = await someone(browser, wrong)
    await authenticator(withPasskey)
    const send = await addPasskey(withPasskey, told.other)
    await send('/api/passkeys/second-factor', { required: true, password })
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1280]) {
        const page = await someone(browser, wrong, { colorScheme, viewport: { width, height: 740 } })
        const look = async (name) => {
          const row = `${name}, ${colorScheme}, ${width}`
          if (told.pictures) await page.screenshot({ path: join(told.pictures, `${row.replaceAll(', ', '-')}.png`) })
          await page.evaluate(axe.source)
          const { passes, violations } = await page.evaluate(() => window.axe.run())
          if (passes.length < 10) findings.push(`${row}: the rules were not run: ${passes.length}`)
          findings.push(...violations.map(({ id, impact, nodes }) => `${row}: ${impact} ${id} ${nodes.map(({ html }) => html)}`))
          const scrolls = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
          if (scrolls > 0) findings.push(`${row}: scrolls sideways by ${scrolls}`)
        }
        await page.goto(asked('x'))
        await look('sign-in')
        await signIn(page, told.other, 'not the password')
        await page.getByRole('alert').waitFor()
        await look('sign-in-wrong')
        await signIn(page, told.other)
        await page.getByRole('button', { name: 'Use a passkey' }).waitFor()
        await look('second-factor')
        await page.goto(asked('x'))
        await signIn(page, told.email)
        await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
        await look('consent')
        await page.goto(`${origin}/account`)
        await look('account')
        await press(page, 'Set up an app')
        await look('totp')
        await page.goto(`${origin}/activate`)
        await look('activate')
        await page.getByLabel('Code').fill('nonsense')
        await press(page, 'Continue')
        await page.getByRole('alert').waitFor()
        await look('activate-wrong')
        await page.getByLabel('Code').fill(told.user_code)
        await press(page, 'Continue')
        await page.getByRole('button', { name: 'Let it in' }).waitFor()
        const lines = await page.getByText(told.user_code).evaluate((code) => code.getClientRects().length)
        if (lines !== 1) findings.push(`the code is broken over ${lines} lines`)
        await look('activate-confirm')
        await page.goto(`${origin}/oauth2/default/v1/logout`)
        await look('sign-out')
        await press(page, 'Sign out')
        await reaches(page, 'You are signed out')
        await look('message')
        await page.goto(`${origin}/oauth2/default/v1/authorize?client_id=nobody`)
        await look('refused')
        for (const path of ['/register', '/forgot-password', '/reset-password?token=x', '/verify-email?token=x']) {
          await page.goto(origin + path)
          await look(path.slice(1).split('?')[0])
        }
        await page.goto(`${origin}/docs#register`)
        const opened = await page.locator('#register').evaluate((route) => route.open)
        if (!opened) findings.push('the address of a route does not open it')
        await page.locator('#schema-Registration > summary').press('Enter')
        await page.locator('#register .answer').first().locator('summary').press('Enter')
        await page.locator('#register').scrollIntoViewIfNeeded()
        await look('docs')
        await page.context().close()
      }
    }
    return { findings }
  }
}

const main = async (act) => {
  const listening = await applications(told.port, answers)
  try {
    const seen = await withChromium((browser) => act(browser, listening))
    console.log(JSON.stringify({ ...seen, wrong }))
  } finally {
    listening.close()
  }
}

main(acts[process.argv[2]]).catch((error) => {
  console.error(error, wrong)
  process.exitCode = 1
})
