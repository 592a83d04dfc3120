// The one token that the page holds: here, and nowhere else.

let held = null;
const listeners = [];

// {token, refreshToken, whose}, or null.
export const current = () => held;

export const hold = (next) => {
  held = next;
  for (const listener of listeners) listener(held);
};

export const onChange = (listener) => listeners.push(listener);
