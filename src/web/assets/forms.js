// Passwords can be shown while they are typed. Without this script they stay hidden.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", input.id);
  const unseen = document.createElement("span");
  unseen.className = "unseen";
  unseen.textContent = " password";
  button.append("Show", unseen);
  const isFocused = document.activeElement === input || input.autofocus;
  const around = document.createElement("div");
  around.className = "with-button";
  input.replaceWith(around);
  around.append(input, button);
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A browser keeps what was typed into a text, and a picture of the page; a password shall leave as one.
  input.form?.addEventListener("submit", () => show(false));
  if (isFocused) input.focus();
}
