// The pages of administration in Chromium. Its argument is what is done.
// Standard input: {origin, root, email, password, pictures}. Standard output: what came of it, with `wrong`, whatever Chromium complained of.
'use strict'

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const axe = require('axe-core')
const { someone, withChromium } = require('./chromium.js')

const { origin, root, email, password, pictures } = JSON.parse(readFileSync(0, 'utf8'))
const wrong = []

const heading = (page) => page.getByRole('heading', { level: 1 }).innerText()
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const follow = (page, name) => page.getByRole('link', { name, exact: true }).click()
const reaches = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

const signIn = async (page, who, secret = password) => {
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('Email address').fill(who)
  await page.getByLabel('Password').fill(secret)
  await page.keyboard.press('Enter')
}

const acts = {
  // The administrator has no script in his browser, and Ada has an access token too.
  disables: async (browser) => {
    const admin = await someone(browser, wrong, { javaScriptEnabled: false })
    const ada = await someone(browser, wrong)
    const seen = { notices: [] }
    let token
    const enters = async () => {
      await signIn(ada, email)
      await reaches(ada, 'Your account')
      token = await ada.evaluate(async (body) => {
        const headers = { 'content-type': 'application/json' }
        const response = await fetch('/api/login', { method: 'POST', headers, body: JSON.stringify(body) })
        return (await response.json()).access_token
      }, { email, password })
    }
    // What the API says to her token, and where she is.
    const stands = async () => {
      const headers = { authorization: `Bearer ${token}` }
      const { status } = await fetch(`${origin}/api/profile`, { headers })
      await ada.reload()
      return [status, await heading(ada)]
    }
    const notice = async () => seen.notices.push(await admin.getByRole('status').innerText())

    await enters()
    seen.before = await stands()
    await signIn(admin, root)
    // Without a script, the page in between leads on by itself.
    await reaches(admin, 'Your account')
    await follow(admin, 'Administration')
    await follow(admin, 'Users')
    await admin.getByRole('searchbox').fill('ADA@')
    await admin.keyboard.press('Enter')
    await follow(admin, email)
    await reaches(admin, email)
    await follow(admin, 'Disable …')
    await reaches(admin, `Disable ${email}?`)
    // By the keyboard alone.
    await admin.getByRole('button', { name: 'Disable the account' }).focus()
    await admin.keyboard.press('Enter')
    await notice()
    seen.disabled = await stands()
    await signIn(ada, email)
    seen.refused = await ada.getByRole('alert').innerText()
    await press(admin, 'Enable')
    await notice()
    await enters()
    seen.enabled = await stands()
    await admin.reload()
    await follow(admin, 'End all sessions …')
    await press(admin, 'End all sessions')
    await notice()
    seen.signed_out = await stands()

    // And without an administrator: she ends the session of one browser in the other.
    await enters()
    const other = await someone(browser, wrong)
    await signIn(other, email)
    await reaches(other, 'Your account')
    await press(other, 'End all others')
    await other.getByRole('status').waitFor()
    await ada.reload()
    seen.ended_elsewhere = await heading(ada)
    // A wrong password is told with 422, which the browser counts as a load that failed.
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !text.includes('422')))
    return seen
  },

  looks: async (browser) => {
    const findings = []
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1280]) {
        const page = await someone(browser, wrong, { colorScheme, viewport: { width, height: 740 } })
        const look = async (name) => {
          const row = `admin-${name}, ${colorScheme}, ${width}`
          if (pictures) await page.screenshot({ path: join(pictures, `${row.replaceAll(', ', '-')}.png`), fullPage: true })
          await page.evaluate(axe.source)
          const { passes, violations } = await page.evaluate(() => window.axe.run())
          if (passes.length < 10) findings.push(`${row}: the rules were not run: ${passes.length}`)
          findings.push(...violations.map(({ id, impact, nodes }) => `${row}: ${impact} ${id} ${nodes.slice(0, 3).map(({ html }) => html)}`))
          const scrolls = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
          if (scrolls > 0) findings.push(`${row}: scrolls sideways by ${scrolls}`)
        }
        await signIn(page, email)
        await reaches(page, 'Your account')
        await page.goto(`${origin}/admin`)
        await reaches(page, 'This is for administrators')
        await look('refused')
        await signIn(page, root)
        await reaches(page, 'Your account')
        await look('account')
        for (const [name, path] of [
          ['overview', ''], ['users', '/users'], ['found', '/users?search=ada'], ['none', '/users?search=nobody'], ['new-user', '/users/new'],
          ['clients', '/clients'], ['new-client', '/clients/new'], ['keys', '/keys'], ['rotate-keys', '/keys/rotate'], ['record', '/audit'],
          ['record-wrong', '/audit?who=nobody'], ['settings', '/settings']
        ]) {
          await page.goto(`${origin}/admin${path}`)
          await look(name)
        }
        const opens = page.locator('summary')
        await page.goto(`${origin}/admin`)
        if (await opens.count()) {
          await opens.first().click()
          await look('overview-open')
        }
        await page.goto(`${origin}/admin/users?search=${email}`)
        await follow(page, email)
        await look('user')
        await page.getByRole('textbox', { name: /^Roles/ }).fill('Not a role')
        await press(page, 'Save the roles')
        await page.getByRole('alert').waitFor()
        await look('user-wrong')
        await follow(page, 'Delete …')
        await look('delete')
        await page.goto(`${origin}/admin/users/new`)
        await page.getByLabel('Email address').fill('ada@localhost')
        await page.getByRole('textbox', { name: /^Roles/ }).fill('Not a role')
        await press(page, 'Make the account')
        await page.getByRole('alert').waitFor()
        await look('new-user-wrong')
        await page.goto(`${origin}/admin/clients`)
        await follow(page, 'The article')
        await look('client')
        await follow(page, 'Another secret …')
        await look('rotate')
        await press(page, 'Make a new secret')
        await page.getByText('Keep the secret now').waitFor()
        await look('secret')
        await page.context().close()
      }
    }
    // What is told with such a status, the browser counts as a load that failed.
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !/40[39]|422/.test(text)))
    return { findings }
  }
}

withChromium(acts[process.argv[2]]).then(
  (seen) => console.log(JSON.stringify({ ...seen, wrong })),
  (error) => {
    console.error(error, wrong)
    process.exitCode = 1
  }
)
