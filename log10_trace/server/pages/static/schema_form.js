// Digits choose in the form of a JSON Schema: in the field that has the focus, else in the first without an answer.

const isChoice = (field) => field.querySelector("[data-digit]") !== null;

const hasAnswer = (field) => field.querySelector(":checked:not([value=''])") !== null;

/** The field that a digit is meant for. */
function findField(form) {
  const choices = [...form.querySelectorAll("[data-field]")].filter(isChoice);
  const focused = choices.find((field) => field.contains(document.activeElement));
  return focused ?? choices.find((field) => !hasAnswer(field)) ?? choices[0];
}

/** Where the next answer is given. */
function focusAfter(form, field) {
  const fields = [...form.querySelectorAll("[data-field]")];
  const next = fields[fields.indexOf(field) + 1];
  next?.querySelector("input:checked, input, select, textarea")?.focus();
}

function choose(form, digit) {
  const field = findField(form);
  const option = field?.querySelector(`[data-digit="${digit}"]`);
  if (!option) return;
  option.focus();
  option.click();
  if (option.type === "radio") focusAfter(form, field);
}

/** The keys that choose in a form: digits, as addKeys takes them. */
export function digitKeys(form) {
  const digits = new Set([...form.querySelectorAll("[data-digit]")].map((option) => option.dataset.digit));
  return [...digits].sort().map((digit) => ({
    key: digit,
    label: `choose ${digit}`,
    run: () => choose(form, digit),
  }));
}
