// Tokens that were tampered with, and the check that each of them fails.
import { byId, element, say, toView } from "./dom.js";
import { send, status, unreachable } from "./call.js";
import { checks, explain, sentence } from "./explain.js";
import { current } from "./held.js";
import { coloured } from "./inspect.js";
import { encodeJson, read, signed } from "./jwt.js";

const now = () => Math.floor(Date.now() / 1000);

// With other members, and the signature that it had.
const withClaims = (change) => ({ header, claims, parts }) =>
  [parts[0], encodeJson({ ...claims, ...change(claims, header) }), parts[2]].join(".");
const withHeader = (change) => ({ header, parts }) => [encodeJson({ ...header, ...change(header) }), parts[1], parts[2]].join(".");

const flipped = (signature) => {
  const at = Math.floor(signature.length / 2);
  return signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1);
};

const TAMPERS = [
  { id: "claim", words: "Become somebody else", more: "another sub, the same signature",
    act: withClaims((claims) => ({ sub: crypto.randomUUID?.() ?? "somebody-else", ...(claims.uid && { uid: "somebody-else" }) })) },
  { id: "scope", words: "Become an admin", more: "the scope admin added",
    act: withClaims(({ scp, scope }) => ({
      ...((Array.isArray(scp) || !scope) && { scp: [...(Array.isArray(scp) ? scp : []), "admin"] }),
      ...(typeof scope === "string" && { scope: `${scope} admin` }),
    })) },
  { id: "none", words: "Swap alg to none", more: "and leave the signature out",
    act: ({ header, parts }) => `${encodeJson({ ...header, alg: "none" })}.${parts[1]}.` },
  { id: "algorithm", words: "Swap alg for another", more: "HS256 for RS256, or the other way",
    act: withHeader(({ alg }) => ({ alg: alg === "HS256" ? "RS256" : "HS256" })) },
  { id: "cut", words: "Cut the signature off", more: "header and claims alone",
    act: ({ parts }) => `${parts[0]}.${parts[1]}.` },
  { id: "bit", words: "Change a letter", more: "of the signature",
    act: ({ parts }) => `${parts[0]}.${parts[1]}.${flipped(parts[2])}` },
  { id: "own-key", words: "Sign it yourself", more: "HS256, with the secret “secret”", needs: () => crypto.subtle,
    act: ({ header, claims }) => signed(`${encodeJson({ ...header, alg: "HS256" })}.${encodeJson(claims)}`, "secret") },
  { id: "kid", words: "Name another key", more: "a kid that nobody has",
    act: withHeader(() => ({ kid: "nobody" })) },
  { id: "expired", words: "Let it expire", more: "exp an hour ago",
    act: withClaims(() => ({ iat: now() - 7200, exp: now() - 3600 })) },
  { id: "early", words: "Begin tomorrow", more: "nbf and iat in the future",
    act: withClaims(() => ({ iat: now() + 86400, nbf: now() + 86400, exp: now() + 90000 })) },
  { id: "audience", words: "Change the audience", more: "aud of some other API",
    act: withClaims(() => ({ aud: "api://somebody-else" })) },
  { id: "issuer", words: "Change the issuer", more: "iss of nobody who is believed",
    act: withClaims(() => ({ iss: "https://issuer.example" })) },
  { id: "type", words: "Change its kind", more: "typ of a logout token",
    act: withHeader(() => ({ typ: "logout+jwt" })) },
];

const tamper = async (one, button) => {
  const { token } = current();
  for (const other of byId("tampers").children) other.setAttribute("aria-pressed", String(other === button));
  const said = byId("break-said");
  try {
    const changed = await one.act(read(token));
    const [{ response }, explanation] = await Promise.all([send("/api/profile", changed), explain(changed)]);
    byId("broken-raw").replaceChildren(...coloured(changed, token));
    byId("checks").replaceChildren(...checks(explanation));
    byId("broken").hidden = false;
    const failed = explanation.checks.filter(({ outcome }) => outcome === "failed").length;
    toView(said);
    say(
      said,
      element("p", { class: explanation.accepted ? "verdict good" : "verdict bad", "data-tamper": one.id },
        element("strong", {}, status(response)), `: ${sentence(explanation.verdict)}`,
        failed > 1 ? element("span", { class: "small" }, ` ${failed} checks fail; the first one counts.`) : null),
    );
  } catch (error) {
    byId("broken").hidden = true;
    say(said, element("p", {}, error instanceof TypeError ? unreachable : error.message));
  }
};

export const begin = () => {
  const possible = TAMPERS.filter(({ needs }) => !needs || needs());
  const buttons = possible.map((one) => {
    const button = element("button", { type: "button", class: "choice", id: `tamper-${one.id}`, "aria-pressed": "false", click: () => tamper(one, button) },
      element("b", {}, one.words), element("span", {}, one.more));
    return button;
  });
  byId("tampers").replaceChildren(...buttons);
};

export const holds = (held) => {
  const canBeRead = Boolean(held && read(held.token));
  byId("breaking").hidden = !canBeRead;
  byId("broken").hidden = true;
  for (const button of byId("tampers").children) button.setAttribute("aria-pressed", "false");
  byId("break-said").replaceChildren(byId("break-said").firstElementChild ?? "");
};
