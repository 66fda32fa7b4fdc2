// Short messages that a screen reader hears as well: what just happened, in words.

const SHOWN_MS = 4000;

const region = document.getElementById("notices");
let clearing = 0;

/** Show a message for some seconds. */
export function notify(text) {
  region.textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => region.replaceChildren(), SHOWN_MS);
}
