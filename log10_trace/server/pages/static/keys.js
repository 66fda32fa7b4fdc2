// The keys of a page: each view adds its own, and one listener runs them. "g c" is g, then c.

const SEQUENCE_MS = 1500;

const groups = [];
let pending = { key: "", at: -SEQUENCE_MS };

const TYPED = "input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]";
const PRESSED = "a[href], button, summary";

const isTyping = (target) => target.closest(TYPED) !== null;

/** Whether the browser itself acts on the key: Enter and space press what has the focus. */
const isPress = ({ key, target }) => (key === "Enter" || key === " ") && target.closest(PRESSED) !== null;

/** AltGr writes `[` or `/` on some keyboards, and is reported as Ctrl and Alt together. */
const isCommand = (event) =>
  event.metaKey || ((event.altKey || event.ctrlKey) && !event.getModifierState("AltGraph"));

/** Add keys under a title; each is {key, label, run}, where `key` is what the keyboard event names. */
export function addKeys(title, keys) {
  groups.push({ title, keys });
}

/** Every key of this page, by group: [{title, keys}]. */
export function listKeys() {
  return groups;
}

/** The key that was pressed, with the one before it where that began a sequence. */
function find(event) {
  const keys = groups.flatMap((group) => group.keys);
  const begun = event.timeStamp - pending.at < SEQUENCE_MS ? `${pending.key} ` : "";
  const sequence = keys.find(({ key }) => begun !== "" && key === begun + event.key);
  const begins = !sequence && keys.some(({ key }) => key.startsWith(`${event.key} `));
  pending = { key: event.key, at: begins ? event.timeStamp : -SEQUENCE_MS };
  return sequence ?? keys.find(({ key }) => key === event.key);
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || isCommand(event) || isTyping(event.target) || isPress(event)) return;
  if (event.key === "Shift" || document.querySelector("dialog[open]") !== null) return;
  const pressed = find(event);
  if (pressed === undefined) return;
  event.preventDefault();
  pressed.run(event);
});
