// What a browser with JavaScript adds: the page works whole without it. Nothing here makes markup of text.

import { enableCopying } from "./copy.js";
import { addKeys } from "./keys.js";
import "./key_list.js";

const LIVE_MS = 4000;

/** Leave the fields that ask nothing out of the address. */
function submitWhatIsSet(form) {
  form.addEventListener("formdata", ({ formData }) => {
    const set = [...formData].filter(([, value]) => value !== "");
    for (const name of new Set(formData.keys())) formData.delete(name);
    for (const [name, value] of set) formData.append(name, value);
  });
}

/** Moments in the reader's own time when pointed at. */
function localizeMoments(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    time.title = `${new Date(time.dateTime).toLocaleString()} (${time.title})`;
  }
}

/** Fetch the page again while it shows something that goes on, and put the new parts in the old ones' place. */
async function refresh() {
  const parts = [...document.querySelectorAll("[data-live]")];
  const busy = document.hidden || parts.some((part) => part.contains(document.activeElement));
  if (parts.length === 0 || busy || !getSelection().isCollapsed) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const newer = fresh.getElementById(part.id);
    if (newer === null || newer.isEqualNode(part)) continue;
    for (const fold of part.querySelectorAll("details[id][open]")) {
      newer.querySelector(`#${CSS.escape(fold.id)}`)?.setAttribute("open", "");
    }
    part.replaceWith(document.adoptNode(newer));
    localizeMoments(newer);
    enableCopying(newer);
  }
}

function goToSearch() {
  const search = document.querySelector("[data-hotkey='/']");
  search?.focus();
  search?.select();
}

/** Put the focus on the next row of a list, or with -1 on the one before. */
function goToRow(step) {
  const links = [...document.querySelectorAll("a.whole, .step .bar > a:first-child")];
  const at = links.indexOf(document.activeElement);
  links[Math.max(at + step, 0)]?.focus();
}

async function keepFresh() {
  await refresh();
  setTimeout(keepFresh, LIVE_MS);
}

document.querySelectorAll("form.filters").forEach(submitWhatIsSet);
addKeys("Lists", [
  { key: "/", label: "search", run: goToSearch },
  { key: "j", label: "next row", run: () => goToRow(1) },
  { key: "k", label: "row before", run: () => goToRow(-1) },
]);
localizeMoments(document);
enableCopying(document);
setTimeout(keepFresh, LIVE_MS);
