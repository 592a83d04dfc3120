// What a token says, and how long it is good.
import { byId, copy, element } from "./dom.js";
import { explain } from "./explain.js";
import { current } from "./held.js";
import { read } from "./jwt.js";

const PARTS = ["header", "claims", "signature"];

// Its three parts, each in its colour; those that differ from the parts of `other` are marked.
export const coloured = (token, other) => {
  const [mine, others] = [token.split("."), (other ?? token).split(".")];
  return mine.flatMap((part, at) => {
    const isOther = part !== others[at];
    const shown = element(isOther ? "mark" : "span", { class: `part-${PARTS[at] ?? "signature"}` }, part || "(nothing)");
    return at === 0 ? [shown] : [element("span", { class: "dot" }, "."), shown];
  });
};

const value = (member) => (typeof member.value === "string" ? member.value : JSON.stringify(member.value));

const said = (member) =>
  element(
    "div",
    { "data-claim": member.name },
    element("dt", {}, element("code", {}, member.name)),
    element(
      "dd",
      {},
      element("code", { class: "value" }, value(member)),
      member.time ? element("span", { class: "time" }, `${new Date(member.time.at).toLocaleString()} (${member.time.from_now})`) : null,
      element("span", { class: "small" }, member.meaning ? `${member.meaning}${member.standard ? ` (${member.standard})` : ""}` : "a claim of its issuer’s own"),
    ),
  );

// Seconds that the server's clock is ahead of this one.
let ahead = 0;

const pad = (number) => String(number).padStart(2, "0");
const left = (seconds) => {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const clock = `${hours ? `${hours}:${pad(minutes)}` : minutes}:${pad(seconds % 60)}`;
  return days ? `${days} d ${clock}` : clock;
};

const tick = () => {
  const claims = read(current()?.token ?? "")?.claims;
  const now = Date.now() / 1000 + ahead;
  const hasEnd = typeof claims?.exp === "number";
  const seconds = hasEnd ? Math.max(0, Math.floor(claims.exp - now)) : 0;
  byId("clock").textContent = !hasEnd ? "no exp" : seconds ? left(seconds) : "expired";
  const bar = byId("clock-bar");
  bar.max = hasEnd && typeof claims.iat === "number" ? Math.max(1, claims.exp - claims.iat) : 1;
  bar.value = Math.min(seconds, bar.max);
};

export const begin = () => {
  setInterval(tick, 1000);
  byId("copy-token").addEventListener("click", (event) => copy(event.currentTarget, current().token));
};

export const holds = async (held) => {
  tick();
  byId("inside").hidden = !held;
  if (!held) return;
  byId("raw").replaceChildren(...coloured(held.token));
  try {
    const explanation = await explain(held.token);
    if (current() !== held) return;
    ahead = Date.parse(explanation.checked_at) / 1000 - Math.floor(Date.now() / 1000);
    byId("header").replaceChildren(...explanation.header.map(said));
    byId("claims").replaceChildren(...explanation.claims.map(said));
    const isRead = explanation.header.length > 0;
    if (!isRead) byId("header").replaceChildren(element("div", {}, element("dd", {}, "Nothing of it can be read.")));
  } catch (error) {
    byId("header").replaceChildren(element("div", {}, element("dd", {}, error.message)));
    byId("claims").replaceChildren();
  }
  tick();
};
