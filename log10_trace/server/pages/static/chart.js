// Charts: what a step says when it is pointed at, and a span of time selected by dragging or with the arrow keys.
// One set of listeners serves every chart of the page, also those that come later.

const DRAG_PX = 5;

let drag = null;

const plotOf = (event) => event.target.closest?.(".chart .plot") ?? null;
const stepsOf = (plot) => [...plot.querySelectorAll(".step")];

/** The span of a chart and the length of its steps, in milliseconds. */
function axisOf(plot) {
  return { since: Number(plot.dataset.since), until: Number(plot.dataset.until), length: Number(plot.dataset.step) };
}

function stepAt(plot, clientX) {
  const { left, width } = plot.getBoundingClientRect();
  const { since, until, length } = axisOf(plot);
  const share = Math.min(Math.max((clientX - left) / width, 0), 0.999999);
  return stepsOf(plot)[Math.floor((share * (until - since)) / length)];
}

/** Show what the step says beside it, and mark it. */
function pointAt(plot, step) {
  const figure = plot.closest(".chart");
  const tip = figure.querySelector(".tip");
  figure.querySelector(".is-at")?.classList.remove("is-at");
  tip.hidden = step === undefined;
  if (step === undefined) return;
  const title = step.querySelector("title"); // which the browser would show a second time
  if (title !== null) step.setAttribute("aria-label", title.textContent);
  title?.remove();
  step.classList.add("is-at");
  tip.textContent = step.getAttribute("aria-label");
  const [frame, box] = [figure.getBoundingClientRect(), step.querySelector(".hit").getBoundingClientRect()];
  const middle = (box.left + box.right) / 2 - frame.left;
  const room = Math.max(frame.width - tip.offsetWidth, 0);
  const beside = middle < frame.width / 2 ? box.right - frame.left + 8 : box.left - frame.left - tip.offsetWidth - 8;
  tip.style.left = `${Math.min(Math.max(beside, 0), room)}px`;
  tip.style.top = `${Math.max(box.top - frame.top, 0)}px`;
}

/** Mark the steps from one to the other; none when there is no first. */
function showBand(plot, first, last) {
  const band = plot.querySelector(".band");
  plot.toggleAttribute("data-dragging", first !== undefined);
  if (first === undefined) return band.setAttribute("width", "0");
  const { since, until } = axisOf(plot);
  const share = (moment) => (100 * (moment - since)) / (until - since);
  const [start, end] = boundsOf(plot, first, last);
  band.setAttribute("x", `${share(start)}%`);
  band.setAttribute("width", `${share(end) - share(start)}%`);
}

function boundsOf(plot, one, other) {
  const { since, until, length } = axisOf(plot);
  const places = [one, other].map((step) => stepsOf(plot).indexOf(step));
  return [since + Math.min(...places) * length, Math.min(since + (Math.max(...places) + 1) * length, until)];
}

/** Go to the page of the span; one that ends now stays open. */
function select(plot, first, last) {
  const [start, end] = boundsOf(plot, first, last);
  const address = new URL(plot.dataset.address, location.href);
  address.searchParams.set("since", new Date(start).toISOString());
  const isOpen = plot.hasAttribute("data-ends-now") && end >= Number(plot.dataset.until);
  if (!isOpen) address.searchParams.set("until", new Date(end).toISOString());
  location.assign(address);
}

function stopDragging() {
  if (drag !== null) showBand(drag.plot);
  drag = null;
}

document.addEventListener("pointerdown", (event) => {
  const plot = plotOf(event);
  const step = plot && event.button === 0 && stepAt(plot, event.clientX);
  if (step) drag = { plot, first: step, last: step, x: event.clientX, isMoved: false };
});

document.addEventListener("pointermove", (event) => {
  const plot = drag?.plot ?? plotOf(event);
  if (plot === null) return;
  const step = stepAt(plot, event.clientX);
  pointAt(plot, step);
  if (drag === null || step === undefined) return;
  drag.last = step;
  drag.isMoved ||= Math.abs(event.clientX - drag.x) > DRAG_PX;
  if (drag.isMoved) showBand(plot, drag.first, drag.last);
});

document.addEventListener("pointerup", () => {
  if (drag?.isMoved) {
    const { plot, first, last } = drag;
    // The click that follows, if one does, would open the step's own link.
    const keep = (click) => click.preventDefault();
    addEventListener("click", keep, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", keep, { capture: true }));
    select(plot, first, last);
  }
  stopDragging();
});

document.addEventListener("pointercancel", stopDragging);
document.addEventListener("dragstart", (event) => plotOf(event) && event.preventDefault());
document.addEventListener("pointerout", (event) => {
  const plot = plotOf(event);
  if (plot !== null && drag === null && !plot.contains(event.relatedTarget)) pointAt(plot);
});

/** Let the keyboard reach a chart: arrows move, Shift and an arrow selects, Enter opens. */
document.addEventListener("keydown", (event) => {
  const plot = plotOf(event);
  if (plot === null || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") return stopDragging();
  const steps = stepsOf(plot);
  const at = steps.indexOf(plot.querySelector(".is-at"));
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move !== undefined) {
    const next = at < 0 ? steps.length - 1 : Math.min(Math.max(at + move, 0), steps.length - 1);
    if (event.shiftKey) drag ??= { plot, first: steps[Math.max(at, 0)], last: null, x: 0, isMoved: true };
    else stopDragging();
    pointAt(plot, steps[next]);
    if (drag !== null) showBand(plot, drag.first, (drag.last = steps[next]));
  } else if (event.key === "Enter" && at >= 0) {
    if (drag !== null) select(plot, drag.first, drag.last);
    else location.assign(steps[at].getAttribute("href"));
  } else return;
  event.preventDefault();
});

/** Make the charts inside an element reachable by keyboard; for those that are put into the page later. */
export function enableCharts(within) {
  for (const plot of within.querySelectorAll(".chart .plot")) plot.setAttribute("tabindex", "0");
}

enableCharts(document);
