// Buttons that copy: `data-copy` has the address of a text, `data-copy-from` the id of the element that holds it.

import { notify } from "./notices.js";

async function textFor({ copy, copyFrom }) {
  if (copyFrom !== undefined) return document.getElementById(copyFrom).textContent;
  const answer = await fetch(copy);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
}

/** Make the buttons inside an element copy. Without a clipboard, as on a page without HTTPS, they stay hidden. */
export function enableCopying(within) {
  for (const button of within.querySelectorAll("[data-copy], [data-copy-from]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(await textFor(button.dataset));
        notify("Copied.");
      } catch {
        notify("It could not be copied; select the text instead.");
      }
    });
  }
}
