// What a browser with JavaScript adds: the page works whole without it. Nothing here makes markup of text.

import "./clock.js";
import { enableCopying } from "./copy.js";
import { addKeys } from "./keys.js";
import "./key_list.js";
import { refine } from "./parts.js";

/** Leave the fields that ask nothing out of the address. */
function submitWhatIsSet(form) {
  form.addEventListener("formdata", ({ formData }) => {
    const set = [...formData].filter(([, value]) => value !== "");
    for (const name of new Set(formData.keys())) formData.delete(name);
    for (const [name, value] of set) formData.append(name, value);
  });
}

/** A moment in the reader's own time when pointed at. */
function localizeMoment({ target }) {
  const time = target.closest("time[datetime]:not([data-localized])");
  if (time === null) return;
  time.dataset.localized = "";
  time.title = `${new Date(time.dateTime).toLocaleString()} (${time.title})`;
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

document.querySelectorAll("form.filters").forEach(submitWhatIsSet);
addKeys("Lists", [
  { key: "/", label: "search", run: goToSearch },
  { key: "j", label: "next row", run: () => goToRow(1) },
  { key: "k", label: "row before", run: () => goToRow(-1) },
]);
document.addEventListener("pointerover", localizeMoment);
refine(enableCopying);
