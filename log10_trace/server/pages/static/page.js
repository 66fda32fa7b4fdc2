// What a browser with JavaScript adds: the page works whole without it. Nothing here makes markup of text.

const LIVE_MS = 4000;

const typing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

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

function enableCopying(within) {
  for (const button of within.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      const answer = await fetch(button.dataset.copy);
      await navigator.clipboard.writeText(await answer.text());
      button.textContent = "Copied";
    });
  }
}

/** `j` and `k` go down and up the list, `/` into the search, Enter opens as everywhere. */
function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || typing(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-hotkey='/']");
    if (search === null) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("a.whole, .step .bar > a:first-child")];
    const at = links.indexOf(document.activeElement);
    const next = links[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
    next?.focus();
  }
}

async function keepFresh() {
  await refresh();
  setTimeout(keepFresh, LIVE_MS);
}

document.querySelectorAll("form.filters").forEach(submitWhatIsSet);
document.addEventListener("keydown", onKey);
localizeMoments(document);
enableCopying(document);
setTimeout(keepFresh, LIVE_MS);
