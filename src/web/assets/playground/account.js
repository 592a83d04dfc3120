// Getting a token: registering, logging in, pasting one; and giving it up.
import { byId, element, say } from "./dom.js";
import { post, unreachable } from "./call.js";
import { sentence } from "./explain.js";
import { current, hold } from "./held.js";
import { read } from "./jwt.js";
import { tabs } from "./tabs.js";

const tell = (...words) => say(byId("get-said"), ...words);
const complain = (words) => tell(element("span", { class: "bad" }, words));

// Marks the fields that are wrong, and goes to the first.
const mark = (form, errors) => {
  const wrong = [];
  for (const input of form.querySelectorAll("input")) {
    const error = errors.find(({ field }) => field === input.name);
    const beside = byId(`${input.id}-error`);
    if (error) wrong.push(input);
    if (error) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    if (beside) {
      beside.textContent = error ? sentence(`it ${error.message}`) : "";
      beside.hidden = !error;
    }
  }
  wrong[0]?.focus();
};

const fields = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));

// One request at a time; what keeps it from being made is told.
const during = async (button, act) => {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await act();
  } catch (error) {
    complain(error instanceof TypeError || error instanceof SyntaxError ? unreachable : error.message);
  } finally {
    button.removeAttribute("aria-disabled");
  }
};

const missing = (form, names) => {
  const filled = fields(form);
  const errors = names.filter((name) => !filled[name]).map((field) => ({ field, message: "must be filled in" }));
  mark(form, errors);
  return errors.length > 0;
};

const keep = (answer, whose) => hold({ token: answer.access_token, refreshToken: answer.refresh_token, whose });

const logIn = async (form, body) => {
  const { response, answer } = await post("/api/login", body);
  if (response.ok) {
    keep(answer, body.email);
    form.reset();
    byId("login-otp-field").hidden = true;
    tell("Logged in: the token is below.");
    return;
  }
  const isAsked = answer.type?.endsWith("otp-required");
  if (isAsked) {
    const choose = byId("tab-login");
    choose.click();
    byId("login-email").value = body.email;
    byId("login-password").value = body.password;
    byId("login-otp-field").hidden = false;
    byId("login-otp").focus();
  }
  complain(isAsked ? "A second factor is asked for, besides the password." : answer.detail);
};

const register = async (form) => {
  if (missing(form, ["email", "password"])) return tell();
  const body = fields(form);
  const { response, answer } = await post("/api/register", body);
  if (response.status === 201) return logIn(form, body);
  if (response.status === 202) return tell("A letter is on its way. Open the link in it, and log in here then.");
  mark(form, answer.errors ?? (response.status === 409 ? [{ field: "email", message: "is taken" }] : []));
  complain(answer.detail);
};

const WORDS = ["amber", "basalt", "cedar", "dune", "ember", "fjord", "garnet", "heron", "indigo", "juniper", "kelp", "larch", "marble", "nimbus", "ochre", "pebble"];

const makeSomebodyUp = () => {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const word = (at) => WORDS[random[at] % WORDS.length];
  byId("register-email").value = `${word(0)}.${word(1)}.${random[2]}${random[3]}@example.com`;
  byId("register-password").value = `${word(4)} ${word(5)} ${word(6)} ${word(7)} ${random[8]}`;
  const form = byId("register");
  mark(form, []);
  tell("Somebody is made up. Register them.");
  form.querySelector('[type="submit"]').focus();
};

const paste = () => {
  const text = byId("pasted").value.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
  if (!text) {
    byId("pasted").focus();
    return complain("There is no token to use.");
  }
  if (!/^[\x21-\x7e]+$/.test(text)) return complain("A token has no blanks and no letters beyond ASCII: this is none.");
  hold({ token: text, whose: null });
  byId("pasted").value = "";
  tell("The token is used below.");
};

const refresh = async () => {
  const { refreshToken, whose } = current();
  const { response, answer } = await post("/api/refresh", { refresh_token: refreshToken });
  if (response.ok) {
    keep(answer, whose);
    return tell("Another token of the same session, and another refresh token.");
  }
  complain(answer.detail);
};

const logOut = async () => {
  const { response, answer } = await post("/api/logout", null, current().token);
  if (!response.ok) return complain(answer.detail);
  hold({ ...current(), refreshToken: null, isOver: true });
  tell("The session has ended. The token is still here, and dead: call the protected route with it.");
};

const onSubmit = (id, act) => {
  const form = byId(id);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form.querySelector('[type="submit"]'), () => act(form));
  });
};

const onClick = (id, act) => byId(id)?.addEventListener("click", (event) => during(event.currentTarget, act));

export const begin = () => {
  const list = document.querySelector('[aria-label="How to get a token"]');
  if (list) tabs(list, () => tell());
  onSubmit("register", register);
  onSubmit("login", async (form) => (missing(form, ["email", "password"]) ? tell() : logIn(form, fields(form))));
  onSubmit("paste", async () => paste());
  onClick("made-up", async () => makeSomebodyUp());
  onClick("refresh", refresh);
  onClick("logout", logOut);
  onClick("forget", async () => {
    hold(null);
    tell("The token is forgotten.");
  });
};

export const holds = (held) => {
  byId("holds-none").hidden = Boolean(held);
  byId("holds-one").hidden = !held;
  if (!held) return;
  const claims = read(held.token)?.claims;
  const whose = held.whose ?? claims?.sub;
  byId("holder").textContent = held.isOver ? "A token whose session is over" : whose ? `A token of ${whose}` : "A token";
  for (const [id, isThere] of [["refresh", held.refreshToken], ["logout", held.refreshToken]]) {
    if (byId(id)) byId(id).hidden = !isThere;
  }
};
