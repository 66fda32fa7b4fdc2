// The keys of the Compare page: to the next change and back, and the two calls exchanged.

import { addKeys } from "./keys.js";

const changes = [...document.querySelectorAll("[data-change]")];

function goTo(step) {
  const at = changes.indexOf(document.activeElement);
  const next = changes[at < 0 ? (step > 0 ? 0 : changes.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: "start" });
}

addKeys("Compare", [
  { key: "n", label: "next change", run: () => goTo(1) },
  { key: "p", label: "change before", run: () => goTo(-1) },
  { key: "x", label: "exchange A and B", run: () => document.querySelector("[data-swap]")?.click() },
]);
