// Keeps times true while the page is open: how long ago, and how long a running call has been running.

const UNITS = [
  [86400000, "d"],
  [3600000, "h"],
  [60000, "min"],
  [1000, "s"],
];
const SECOND_MS = 1000;

/** How far the server's clock is ahead of this one, in milliseconds. */
const ahead = Number(document.documentElement.dataset.now ?? Date.now()) - Date.now();

function formatAge(ms) {
  const [width, unit] = UNITS.find(([each]) => ms >= each) ?? UNITS.at(-1);
  const amount = Math.floor(ms / width);
  return amount > 0 ? `${amount} ${unit} ago` : "now";
}

/** As the server writes a length, in whole seconds. */
function formatElapsed(ms) {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  if (document.hidden) return;
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("time[data-age]")) {
    write(time, formatAge(now - Date.parse(time.dateTime)));
  }
  for (const clock of document.querySelectorAll("[data-began]")) {
    write(clock, formatElapsed(now - Number(clock.dataset.began)));
  }
}

setInterval(tick, SECOND_MS);
document.addEventListener("visibilitychange", tick);
