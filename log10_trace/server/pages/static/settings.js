// The settings: a new key's secret does not outlive its page, and the form is sent once.

import { addKeys } from "./keys.js";

const form = document.querySelector("form.newkey");

addKeys("Settings", [{ key: "n", label: "make a key", run: () => form.elements.name.focus() }]);

form.addEventListener("submit", () => {
  form.querySelector("button").disabled = true;
});

// Reloading the response to the form, or going back to it, leads to the settings instead of sending the form again.
if (document.getElementById("secret") !== null) {
  history.replaceState(null, "", form.action.replace(/\/keys$/, ""));
}

// A page that the browser keeps for "back" would show the secret again.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll(".secret")) secret.textContent = "shown once";
});
