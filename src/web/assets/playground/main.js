// The playground: its parts, and the token that they share.
import * as account from "./account.js";
import * as call from "./call.js";
import { byId } from "./dom.js";
import { current, onChange } from "./held.js";
import * as inspect from "./inspect.js";
import * as tamper from "./tamper.js";

const parts = [account, inspect, call, tamper];
for (const part of parts) part.begin();

const show = (held) => {
  for (const part of parts) part.holds(held);
  for (const empty of document.querySelectorAll(".card > .empty")) empty.hidden = Boolean(held);
};
onChange(show);
show(current());
byId("playground").hidden = false;
