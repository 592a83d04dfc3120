// Requests to the API, and what is answered.
import { byId, copy, element, say, toView } from "./dom.js";
import { explain, sentence } from "./explain.js";
import { current } from "./held.js";
import { SNIPPETS, short } from "./snippets.js";
import { tabs } from "./tabs.js";

const CALLS = [
  { path: "/api/publicInfo", needs: false, words: "The public route", more: "without a token: anybody may" },
  { path: "/api/profile", needs: true, words: "The protected route", more: "with the token" },
  { path: "/api/profile", needs: false, words: "The protected route", more: "without a token: 401" },
  { path: "/api/me", needs: true, words: "Whose token is it?", more: "with the token" },
];

// Sends it, as any client does: no cookie goes along.
export const send = async (path, token) => {
  const begun = performance.now();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers, credentials: "omit", cache: "no-store" });
  const text = await response.text();
  return { response, text, millis: Math.max(1, Math.round(performance.now() - begun)) };
};

// A problem in words: of its fields, else as a whole.
export const post = async (path, body, token) => {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(path, { method: "POST", headers, credentials: "omit", body: body && JSON.stringify(body) });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  return { response, answer };
};

export const unreachable = "The server does not answer. Is it running?";

const PHRASES = {
  200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests",
  500: "Internal Server Error", 503: "Service Unavailable",
};

export const status = (response) => `${response.status} ${response.statusText || PHRASES[response.status] || ""}`.trim();

const pretty = (text, response) => {
  if (!(response.headers.get("content-type") || "").includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

let last = null;
let program = "curl";

const showSnippet = () => {
  if (last) byId("snippet").textContent = SNIPPETS[program]({ ...last, token: last.token && short(last.token) });
};

const show = ({ path, token }, { response, text }) => {
  const { host } = location;
  const request = [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...(token ? [`Authorization: Bearer ${short(token)}`] : [])];
  byId("request").textContent = request.join("\n");
  const badge = element("span", { class: response.ok ? "good" : "bad" }, status(response));
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  byId("answer").replaceChildren(badge, `\n${headers}\n\n`, element("strong", {}, pretty(text, response)));
  byId("call-empty").hidden = true;
  byId("called").hidden = false;
  showSnippet();
};

const call = async ({ path, needs }) => {
  const token = needs ? current().token : null;
  last = { url: `${location.origin}${path}`, token };
  byId("call-said").textContent = "…";
  try {
    const answer = await send(path, token);
    show({ path, token }, answer);
    toView(byId("call-said"));
    const words = [element("strong", { class: answer.response.ok ? "good" : "bad" }, status(answer.response)), ` in ${answer.millis} ms`];
    if (token && answer.response.status === 401) words.push(`. Why: ${sentence((await explain(token)).verdict)}`);
    say(byId("call-said"), ...words);
  } catch (error) {
    say(byId("call-said"), error instanceof TypeError ? unreachable : error.message);
  }
};

export const begin = () => {
  const buttons = CALLS.map((one) =>
    element(
      "button",
      { type: "button", class: "choice", "data-needs": one.needs, click: () => call(one) },
      element("code", {}, `GET ${one.path}`),
      element("span", {}, element("b", {}, one.words), ` ${one.more}`),
    ),
  );
  byId("calls").replaceChildren(...buttons);
  tabs(document.querySelector('[aria-labelledby="copy-title"]'), (tab) => {
    program = tab.id.replace("tab-", "");
    showSnippet();
  });
  byId("copy-snippet").addEventListener("click", (event) => copy(event.currentTarget, SNIPPETS[program](last)));
};

// Those that need a token wait for one.
export const holds = (held) => {
  CALLS.forEach((one, at) => (byId("calls").children[at].disabled = one.needs && !held));
};

