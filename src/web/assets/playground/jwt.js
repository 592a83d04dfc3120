// Tokens in compact form (RFC 7515, section 7.1), taken apart and put together. Nothing is checked here: that is the server's part.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export const encode = (bytes) => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

export const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

export const encodeJson = (value) => encode(encoder.encode(JSON.stringify(value)));

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// {header, claims, parts}, or null where it is no such token.
export const read = (token) => {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(decoder.decode(decode(part))));
    return isObject(header) && isObject(claims) ? { header, claims, parts } : null;
  } catch {
    return null;
  }
};

// Signs with a secret of somebody's own: HMAC with SHA-256 (RFC 7518, section 3.2).
export const signed = async (head, secret) => {
  const usage = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), usage, false, ["sign"]);
  return `${head}.${encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(head))))}`;
};
