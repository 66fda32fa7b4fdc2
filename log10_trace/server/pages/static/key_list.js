// The list of the page's keys, in a dialog that `?` or the header's button opens, and the keys that lead to places.

import { addKeys, listKeys } from "./keys.js";

const SHARED = ["Places", "Everywhere"]; // listed behind what the page adds

const dialog = document.getElementById("keys");
const button = document.getElementById("show-keys");

function describe({ key, label }) {
  const row = document.createElement("div");
  const name = row.appendChild(document.createElement("dt"));
  for (const each of key.split(" ")) name.appendChild(document.createElement("kbd")).textContent = each;
  row.appendChild(document.createElement("dd")).textContent = label;
  return row;
}

function describeGroup({ title, keys }) {
  const section = document.createElement("section");
  section.appendChild(document.createElement("h3")).textContent = title;
  section.appendChild(document.createElement("dl")).append(...keys.map(describe));
  return section;
}

function showKeys() {
  const shown = listKeys().filter(({ keys }) => keys.length > 0);
  shown.sort((one, other) => SHARED.includes(one.title) - SHARED.includes(other.title));
  dialog.querySelector(".groups").replaceChildren(...shown.map(describeGroup));
  dialog.showModal();
}

addKeys(
  "Places",
  [...document.querySelectorAll("nav a[data-key]")].map((link) => ({
    key: link.dataset.key,
    label: link.textContent,
    run: () => link.click(),
  })),
);
addKeys("Everywhere", [{ key: "?", label: "show the keys of this page", run: showKeys }]);
dialog.addEventListener("keydown", (event) => {
  event.stopPropagation(); // the page's keys rest, this "?" too once the dialog is closed
  if (event.key === "?") dialog.close();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // the backdrop
});
button.addEventListener("click", showKeys);
button.hidden = false;
