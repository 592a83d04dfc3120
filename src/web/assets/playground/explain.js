// Which checks a token passes and which it fails: the server tells, and this shows it.
import { element } from "./dom.js";

export const explain = async (token) => {
  const response = await fetch("/playground/explain", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    credentials: "omit",
    body: JSON.stringify({ token }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
};

export const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

const OUTCOMES = { passed: ["✓", "passed"], failed: ["✗", "failed"], "not-reached": ["–", "not reached"] };

const fact = (name, text) => text && element("div", {}, element("dt", {}, name), element("dd", {}, text));

const check = ({ name, question, standard, outcome, expected, found, remedy }) => {
  const [sign, words] = OUTCOMES[outcome];
  const isFailed = outcome === "failed";
  return element(
    "li",
    { class: outcome, "data-check": name, "data-outcome": outcome },
    element("span", { class: "sign", "aria-hidden": "true" }, sign),
    element(
      "div",
      {},
      element("p", { class: "question" }, question, element("span", { class: "unseen" }, ` ${words}`), " ", element("span", { class: "small" }, standard)),
      isFailed ? element("dl", { class: "facts" }, fact("wanted", expected), fact("found", found)) : null,
      isFailed && remedy ? element("p", { class: "small" }, sentence(remedy)) : null,
    ),
  );
};

export const checks = (explanation) => explanation.checks.map(check);
