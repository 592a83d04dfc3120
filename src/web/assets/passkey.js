// Passkeys: asks the browser for one, or to make one, puts its answer into the form, and sends it. Without this script those forms stay hidden.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const text = (buffer) => {
    let plain = "";
    for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const post = async (url, body) => {
    const response = await fetch(url, { method: "POST", body });
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail || "That did not work. Please try again.");
  };
  const credential = (found, response) => ({
    id: found.id,
    rawId: text(found.rawId),
    type: found.type,
    extensions: found.getClientExtensionResults(),
    response,
  });

  // Signing in. The challenge is in the page when it is already known who it is for.
  const signIn = async (form) => {
    const known = form.dataset.passkey !== "any";
    const { challenge_id, publicKey } = known ? JSON.parse(form.dataset.passkey) : await post("/sign-in/passkey/challenge");
    publicKey.challenge = bytes(publicKey.challenge);
    for (const allowed of publicKey.allowCredentials || []) allowed.id = bytes(allowed.id);
    const found = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
    const response = {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    };
    return { challenge_id, credential: credential(found, response) };
  };

  // A new one for one's account.
  const make = async (form) => {
    const { challenge_id, publicKey } = await post("/account/passkeys/challenge", new URLSearchParams(new FormData(form)));
    publicKey.challenge = bytes(publicKey.challenge);
    publicKey.user.id = bytes(publicKey.user.id);
    for (const excluded of publicKey.excludeCredentials || []) excluded.id = bytes(excluded.id);
    const made = await navigator.credentials.create({ publicKey });
    const { clientDataJSON, attestationObject } = made.response;
    const response = {
      clientDataJSON: text(clientDataJSON),
      attestationObject: text(attestationObject),
      transports: made.response.getTransports ? made.response.getTransports() : [],
    };
    return { challenge_id, name: form.elements.name.value, credential: credential(made, response) };
  };

  const serve = (selector, act) => {
    const form = document.querySelector(selector);
    if (!form) return;
    form.hidden = false;
    const failed = form.querySelector(".error");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      failed.hidden = true;
      try {
        form.elements.passkey.value = JSON.stringify(await act(form));
        form.submit();
      } catch (error) {
        const own = error instanceof DOMException ? "" : error.message;
        failed.textContent = own || "That did not work. Please try again, or sign in another way.";
        failed.hidden = false;
      }
    });
  };
  serve("form[data-passkey]", signIn);
  serve("form[data-new-passkey]", make);
})();
