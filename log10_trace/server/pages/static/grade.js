// Grading with the keyboard: digits choose, Enter saves and goes on, `s` skips, `u` undoes.

import { addKeys } from "./keys.js";
import { digitKeys } from "./schema_form.js";

const form = document.querySelector("[data-grading]");

/** A key that submits a form of the page, if the page has it. */
function submitKey(key, label, selector) {
  const found = document.querySelector(selector);
  return found === null ? [] : [{ key, label, run: () => found.requestSubmit() }];
}

if (form !== null) {
  const field = form.querySelector("[data-field]");
  const first = field?.querySelector("input, select, textarea");
  if (first && field.querySelector("[data-digit]") === null) first.focus();
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape") event.target.blur();
  });
  form.addEventListener("submit", (event) => {
    // A second press while the first is under way would save nothing more, and lead one call too far.
    if (form.dataset.isSubmitted) event.preventDefault();
    form.dataset.isSubmitted = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.isSubmitted); // back again
}

addKeys("Grading", [
  ...(form === null ? [] : digitKeys(form)),
  ...submitKey("Enter", "save and go on", "[data-grading]"),
  ...submitKey("Enter", "grade the next", "[data-go-on]"),
  ...submitKey("s", "skip this call", "[data-skip]"),
  ...submitKey("u", "undo the last", "[data-undo]"),
]);
