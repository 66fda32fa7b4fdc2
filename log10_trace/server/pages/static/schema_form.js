// Digits choose in the form of a JSON Schema: in the field that has the focus, else in the first without an answer.

const isChoice = (field) => field.querySelector("[data-digit]") !== null;

const hasAnswer = (field) => field.querySelector(":checked:not([value=''])") !== null;

/** The field that a digit is meant for. */
function findField(form) {
  const choices = [...form.querySelectorAll("[data-field]")].filter(isChoice);
  const focused = choices.find((field) => field.contains(document.activeElement));
  return focused ?? choices.find((field) => !hasAnswer(field)) ?? choices[0];
}

/** Go where the next answer is chosen, or has to be typed; an optional text is left for the Tab key. */
function focusAfter(form, field) {
  const fields = [...form.querySelectorAll("[data-field]")];
  const rest = fields.slice(fields.indexOf(field) + 1);
  const next = rest.find((each) => isChoice(each) || each.querySelector("[required]"));
  next?.querySelector("input:checked, input, select, textarea").focus();
}

function choose(form, digit) {
  const field = findField(form);
  const option = field?.querySelector(`[data-digit="${digit}"]`);
  if (!option) return;
  option.focus();
  option.click();
  if (option.type === "radio") focusAfter(form, field);
}

/** The keys that choose in a form, as addKeys takes them; each says what it chooses. */
export function digitKeys(form) {
  const options = [...form.querySelectorAll("[data-digit]")];
  const digits = new Set(options.map((option) => option.dataset.digit));
  return [...digits].sort().map((digit) => ({
    key: digit,
    label: `choose ${labelsOf(options, digit).join(", ")}`,
    run: () => choose(form, digit),
  }));
}

const labelsOf = (options, digit) =>
  options
    .filter((option) => option.dataset.digit === digit)
    .map((option) => option.closest("label").querySelector("bdi")?.textContent ?? digit)
    .slice(0, 3);
