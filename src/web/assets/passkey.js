// Signing in with a passkey: asks the browser for one, puts its answer into the form, and sends it. Without this script the form stays hidden.
"use strict";
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form || !window.PublicKeyCredential) return;
  form.hidden = false;
  const failed = form.querySelector(".error");

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const text = (buffer) => {
    let plain = "";
    for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  const challenge = async () => {
    if (form.dataset.passkey !== "any") return JSON.parse(form.dataset.passkey);
    const response = await fetch("/sign-in/passkey/challenge", { method: "POST" });
    if (!response.ok) throw new Error("no challenge");
    return response.json();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      const { challenge_id, publicKey } = await challenge();
      publicKey.challenge = bytes(publicKey.challenge);
      for (const allowed of publicKey.allowCredentials || []) allowed.id = bytes(allowed.id);
      const found = await navigator.credentials.get({ publicKey });
      const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
      const credential = {
        id: found.id,
        rawId: text(found.rawId),
        type: found.type,
        extensions: found.getClientExtensionResults(),
        response: {
          clientDataJSON: text(clientDataJSON),
          authenticatorData: text(authenticatorData),
          signature: text(signature),
          userHandle: userHandle ? text(userHandle) : null,
        },
      };
      form.elements.passkey.value = JSON.stringify({ challenge_id, credential });
      form.submit();
    } catch {
      failed.textContent = "That did not work. Please try again, or sign in another way.";
      failed.hidden = false;
    }
  });
})();
