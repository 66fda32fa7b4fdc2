// The keys of a page: each view adds its own, and one listener runs them.

const groups = [];

const TYPED = "input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]";
const PRESSED = "a[href], button, summary";

const isTyping = (target) => target.closest(TYPED) !== null;

/** Whether the browser itself acts on the key: Enter and space press what has the focus. */
const isPress = ({ key, target }) => (key === "Enter" || key === " ") && target.closest(PRESSED) !== null;

/** Add keys under a title; each is {key, label, run}, where `key` is what the keyboard event names. */
export function addKeys(title, keys) {
  groups.push({ title, keys });
}

/** Every key of this page, by group: [{title, keys}]. */
export function listKeys() {
  return groups;
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target) || isPress(event)) return;
  const pressed = groups.flatMap((group) => group.keys).find(({ key }) => key === event.key);
  if (pressed === undefined) return;
  event.preventDefault();
  pressed.run(event);
});
