// Keeps parts of a page fresh: elements with an id and `data-live` are fetched again when something changes, with
// `data-live-call` or `data-live-session` only when that call or a call of that session does.

import { fetchPage, watch } from "./live.js";

const FIELDS = "input, textarea, select";
const refined = [];

/** Have `refine(element)` called with every part that takes an old one's place, and now with the document. */
export function refine(run) {
  refined.push(run);
  run(document);
}

function concerns(part, changes) {
  const { liveCall, liveSession } = part.dataset;
  if (changes === null || (liveCall === undefined && liveSession === undefined)) return true;
  return changes.some((change) => change.id === liveCall || change.session_id === liveSession);
}

/** Whether the reader is in the middle of something there that a new part would take away. */
function isInUse(part) {
  const selection = getSelection();
  const isSelected = !selection.isCollapsed && selection.containsNode(part, true);
  return isSelected || (part.contains(document.activeElement) && document.activeElement.matches(FIELDS));
}

/** A copy without what this browser writes into a part by itself. */
function asSent(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time[data-age], [data-began]")) {
    time.replaceChildren();
    time.removeAttribute("title");
    time.removeAttribute("data-localized");
  }
  return copy;
}

/** Whether two elements say the same, the ages of things apart. */
export function saySame(one, other) {
  return asSent(one).isEqualNode(asSent(other));
}

function replace(part, fresh) {
  const newer = fresh.getElementById(part.id);
  if (newer === null || saySame(part, newer)) return;
  for (const fold of part.querySelectorAll("details[id]")) {
    newer.querySelector(`#${CSS.escape(fold.id)}`)?.toggleAttribute("open", fold.open);
  }
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(document.adoptNode(newer));
  for (const run of refined) run(newer);
  if (focused?.id) document.getElementById(focused.id)?.focus();
  else if (focused?.href) newer.querySelector(`a[href="${CSS.escape(focused.getAttribute("href"))}"]`)?.focus();
}

async function refresh(changes) {
  const parts = [...document.querySelectorAll("[data-live]")].filter((part) => concerns(part, changes));
  if (parts.length === 0) return true;
  if (document.querySelector("dialog[open]") !== null || parts.some(isInUse)) return false;
  const text = await fetchPage();
  if (text === null) return true;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of parts) replace(part, fresh);
  return true;
}

if (document.querySelector("[data-live]") !== null) watch(refresh);
