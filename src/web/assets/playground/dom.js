// Elements, made and found. Texts are only ever put in as texts.

export const byId = (id) => document.getElementById(id);

export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
};

// Says something in a live region; the same again is said again.
export const say = (region, ...words) => {
  region.replaceChildren();
  requestAnimationFrame(() => region.replaceChildren(...words));
};

// On a narrow screen what was asked for is below, out of sight.
export const toView = (region) => {
  const { top } = region.getBoundingClientRect();
  if (top < 0 || top > window.innerHeight * 0.75) region.scrollIntoView({ block: "start" });
};

// Copies a text, and says so on the button.
export const copy = async (button, text) => {
  const words = button.textContent;
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS, and not on this machine, browsers have no clipboard for scripts but this.
    const field = element("textarea", { class: "unseen", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    isCopied = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = isCopied ? "Copied" : "Not copied";
  setTimeout(() => (button.textContent = words), 1500);
};
