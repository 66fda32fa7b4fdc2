// Tells a page what changes on the server while somebody looks at it: by events, and by asking where these fail.
//
// `watch(listener)` has the listener called with [{id, status, session_id}], or with null when anything may have
// changed; when it gives false it cannot show it now, and is called again. `fetchPage(url)` gives the text of a
// page, or null after saying on this page why there is none.

const EVENTS = new URL("../../events", import.meta.url);
const LOGIN = new URL("../../login", import.meta.url);
const READY_MS = 8000;
const SILENT_MS = 40000;
const POLL_MS = 4000;
const RECONNECT_MS = 1000;
const RETRY_MS = 30000;
const BUSY_MS = 1000;
const GAP_MS = [200, 5000];
const STATES = {
  gone: "The server does not answer. What is shown here may be old.",
  expired: "You are signed out: what is shown here may be old.",
};

const listeners = [];
let source = null;
let lastId = document.documentElement.dataset.feedPosition ?? "";
let failures = 0;
let watchdog = 0;
let reconnecting = 0;
let polling = 0;
let collected = [];
let running = 0;
let isLeaving = false;

/** Have the listener called after changes, as long as the page is looked at. */
export function watch(listener) {
  if (listeners.push(listener) > 1) return;
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("pagehide", () => {
    isLeaving = true;
    pause();
  });
  addEventListener("pageshow", () => {
    isLeaving = false;
    if (!document.hidden && source === null) resume();
  });
  if (!document.hidden) resume();
}

/** The text of a page of this server; null when there is none, which the page then says. */
export async function fetchPage(url = location.href) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual" }).catch(() => null);
  if (isLeaving) return null;
  if (answer === null) {
    setState("gone");
    return null;
  }
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    pause();
    setState("expired");
    return null;
  }
  if (getState() === "gone") resume();
  return answer.ok ? answer.text() : null;
}

/** `live`, `polling`, `paused`, `gone` or `expired`; styles and tests read it off the document. */
function getState() {
  return document.documentElement.dataset.live;
}

function setState(state) {
  if (getState() === state) return;
  document.documentElement.dataset.live = state;
  document.querySelector(".live-state")?.remove();
  if (!(state in STATES)) return;
  const said = document.createElement("p");
  said.className = "live-state fault";
  said.setAttribute("role", "status");
  said.textContent = STATES[state];
  if (state === "expired") {
    const login = document.createElement("a");
    login.href = `${LOGIN}?next=${encodeURIComponent(location.pathname + location.search)}`;
    login.textContent = "Sign in";
    said.append(" ", login);
  }
  document.querySelector("main").prepend(said);
}

function resume() {
  disconnect();
  source = new EventSource(`${EVENTS}?after=${encodeURIComponent(lastId)}`);
  // A proxy may hold events back, and a connection may be dead without anybody noticing.
  expectWithin(READY_MS);
  source.addEventListener("ready", () => {
    failures = 0;
    clearInterval(polling);
    setState("live");
    expectWithin(SILENT_MS);
  });
  source.addEventListener("beat", () => expectWithin(SILENT_MS));
  source.addEventListener("message", ({ data, lastEventId }) => {
    lastId = lastEventId;
    expectWithin(SILENT_MS);
    collect(JSON.parse(data).changes);
  });
  source.addEventListener("error", fail);
  run();
}

function disconnect() {
  source?.close();
  source = null;
  clearTimeout(watchdog);
  clearTimeout(reconnecting);
}

function pause() {
  disconnect();
  clearInterval(polling);
  setState("paused");
}

function expectWithin(ms) {
  clearTimeout(watchdog);
  watchdog = setTimeout(fail, ms);
}

/** The first time connect again; after that ask again and again, and connect now and then. */
function fail() {
  disconnect();
  failures += 1;
  reconnecting = setTimeout(resume, failures > 1 ? RETRY_MS : RECONNECT_MS);
  if (failures === 1) return;
  clearInterval(polling);
  polling = setInterval(() => collect(null), POLL_MS);
  if (getState() !== "gone") setState("polling");
  collect(null);
}

function collect(changes) {
  collected = changes === null || collected === null ? null : [...collected, ...changes];
  run();
}

/** Call the listeners, one call after the other, at a distance that leaves the server to others. */
async function run() {
  if (running || document.hidden || collected?.length === 0) return;
  running = 1;
  const told = collected;
  collected = [];
  const began = performance.now();
  const shown = await Promise.all(listeners.map((listener) => listener(told)));
  const isBusy = shown.includes(false);
  if (isBusy) collected = told === null || collected === null ? null : [...told, ...collected];
  const wait = isBusy ? BUSY_MS : Math.min(Math.max(5 * (performance.now() - began), GAP_MS[0]), GAP_MS[1]);
  setTimeout(() => {
    running = 0;
    run();
  }, wait);
}
