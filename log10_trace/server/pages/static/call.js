// The page of one call: its keys, its menus, and folds that open for a link into them.

import { addKeys } from "./keys.js";

const follow = (key) => document.querySelector(`[data-key="${key}"]`)?.click();

function closeMenus(except) {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

/** Open the folds around the place that the address names, and go there. */
function revealPlace() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place === null) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  place.scrollIntoView();
}

addKeys("Call", [
  { key: "[", label: "call before in the list", run: () => follow("[") },
  { key: "]", label: "call after in the list", run: () => follow("]") },
  { key: "{", label: "earlier call of the session", run: () => follow("{") },
  { key: "}", label: "later call of the session", run: () => follow("}") },
  { key: "a", label: "to the response", run: () => follow("a") },
  { key: "m", label: "texts as they came, or rendered", run: () => follow("m") },
]);
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
});
addEventListener("hashchange", revealPlace);
revealPlace();
