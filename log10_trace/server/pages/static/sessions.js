// The keys of a session's page: from call to call, and to the next one that failed.

import { addKeys } from "./keys.js";

/** Go to the step behind the one at the top of the window, or before it. */
function goTo(selector, forward) {
  const steps = [...document.querySelectorAll(selector)];
  const line = 80;
  const next = forward
    ? steps.find((step) => step.getBoundingClientRect().top > line)
    : steps.findLast((step) => step.getBoundingClientRect().top < line - 20);
  next?.scrollIntoView();
  next?.querySelector("a")?.focus({ preventScroll: true });
}

addKeys("Session", [
  { key: "n", label: "next call", run: () => goTo(".step", true) },
  { key: "p", label: "call before", run: () => goTo(".step", false) },
  { key: "f", label: "next failed call", run: () => goTo(".step.is-failed", true) },
]);
