// The Calls page: new calls appear while one looks on, choosing a filter filters, two ticked calls are compared.

import { enableCharts } from "./chart.js";
import { addKeys } from "./keys.js";
import { fetchPage, watch } from "./live.js";
import { saySame } from "./parts.js";

const FIGURES_MS = 5000;
const INDEXED_MS = 1500;
const COMPARED = 2;

const parse = (text) => new DOMParser().parseFromString(text, "text/html");
const getList = () => document.getElementById("calls");
const listRows = (list) => [...(list?.querySelectorAll("tbody tr") ?? [])];
const findId = (list, id) => listRows(list).find((row) => row.dataset.id === id);
const partAddress = (name) => new URL(`../../calls/${name}${location.search}`, import.meta.url);

/** Whether new rows would move what the reader looks at, or has marked. */
function isReading() {
  const rows = getList()?.querySelector("tbody");
  if (!rows) return false;
  const selection = getSelection();
  const isMarked = !selection.isCollapsed && selection.containsNode(rows, true);
  return isMarked || rows.getBoundingClientRect().top < 0;
}

/** The row as it is to stand: the old one where nothing changed, else the new one, ticked as the old one was. */
function keep(old, fresh) {
  if (old === undefined || saySame(old, fresh)) return old ?? document.adoptNode(fresh);
  const row = document.adoptNode(fresh);
  row.querySelector("[name=id]").checked = old.querySelector("[name=id]").checked;
  const isFocused = old.contains(document.activeElement);
  old.replaceWith(row);
  if (isFocused) row.querySelector("a.whole").focus();
  return row;
}

/** Show the rows of the new list and no others; rows that stay are not moved. */
function showAll(list, fresh) {
  const wanted = listRows(fresh).map((row) => keep(findId(list, row.dataset.id), row));
  const body = list.querySelector("tbody");
  for (const row of listRows(list)) if (!wanted.includes(row)) row.remove();
  let at = body.firstElementChild;
  for (const row of wanted) {
    if (row === at) at = at.nextElementSibling;
    else {
      row.classList.add("is-new");
      body.insertBefore(row, at);
    }
  }
  list.querySelector(".pager").replaceWith(document.adoptNode(fresh.querySelector(".pager")));
  sayNews(0);
}

/** Bring the rows that are shown up to date, and say how many there are before and between them. */
function showInPlace(list, fresh, changes) {
  const rows = listRows(fresh);
  const isWhole = fresh.querySelector("a[rel=next]") === null;
  for (const row of listRows(list)) if (isWhole && findId(fresh, row.dataset.id) === undefined) row.remove();
  for (const row of rows) {
    const old = findId(list, row.dataset.id);
    if (old !== undefined) keep(old, row);
  }
  for (const { id, status } of changes ?? []) if (status === "deleted") findId(list, id)?.remove();
  // A call that is delivered late stands between rows that are shown: it is as new as one before them.
  const isKnown = rows.map((row) => findId(list, row.dataset.id) !== undefined);
  const last = isKnown.lastIndexOf(true);
  const isNew = isWhole || last < 0 ? isKnown : isKnown.slice(0, last);
  sayNews(isNew.filter((known) => !known).length, last < 0);
}

function sayNews(count, isMore = false) {
  const news = getList()?.querySelector(".news");
  if (!news) return;
  if (count === 0) return news.replaceChildren();
  const button = news.querySelector("button") ?? document.createElement("button");
  button.type = "button";
  button.textContent = `${count}${isMore ? " or more" : ""} new`;
  button.onclick = showNews;
  if (!button.isConnected) news.replaceChildren(button);
}

async function showNews() {
  scrollTo({ top: 0 });
  await refreshRows(null, true);
}

let fetches = 0;

async function refreshRows(changes, isForced = false) {
  const number = ++fetches;
  const text = await fetchPage(partAddress("rows"));
  // One that was asked for later knows more, and may have come first.
  if (text === null || number !== fetches) return;
  const list = getList();
  const fresh = parse(text).getElementById("calls");
  if (list === null || fresh === null) return;
  if (!list.querySelector("tbody") || !fresh.querySelector("tbody")) list.replaceWith(document.adoptNode(fresh));
  else if (isForced || ("grows" in list.dataset && !isReading())) showAll(list, fresh);
  else showInPlace(list, fresh, changes);
  countTicked();
}

let figuresDue = 0;
let indexedDue = 0;

async function refreshFigures() {
  figuresDue = 0;
  const figures = document.getElementById("figures");
  const isInUse = figures?.querySelector("[data-dragging], details[open]") || figures?.contains(document.activeElement);
  if (!figures || isInUse || document.hidden) return;
  const text = await fetchPage(partAddress("figures"));
  const fresh = text && parse(text).getElementById("figures");
  if (!fresh) return;
  figures.replaceWith(document.adoptNode(fresh));
  enableCharts(fresh);
}

/** New words are indexed soon after their call: a list that searches looks once more. */
function lookAgain() {
  if (new URLSearchParams(location.search).has("q")) indexedDue ||= setTimeout(refreshIndexed, INDEXED_MS);
}

async function refreshIndexed() {
  indexedDue = 0;
  await refreshRows(null);
}

async function refresh(changes) {
  await refreshRows(changes);
  lookAgain();
  figuresDue ||= setTimeout(refreshFigures, FIGURES_MS);
  return true;
}

/** Filter as soon as a choice is made: of a list of choices, or of one of the values that are offered. */
function submitChoice({ type, target }) {
  if (target.dataset.submits === undefined) return;
  const isOffered = [...(target.list?.options ?? [])].some((option) => option.value === target.value);
  if (type === "change" || (isOffered && target.value !== target.defaultValue)) target.form.requestSubmit();
}

function listTicked() {
  return [...document.querySelectorAll("#calls [name=id]:checked")];
}

function countTicked() {
  const ticked = listTicked().length;
  const bar = document.querySelector(".compare-bar");
  if (bar === null) return;
  bar.hidden = ticked === 0;
  bar.querySelector("button").disabled = ticked !== COMPARED;
  bar.querySelector("span").textContent = ticked < COMPARED ? "tick one more" : ticked > COMPARED ? "tick two" : "";
}

function compareTicked() {
  if (listTicked().length === COMPARED) getList().requestSubmit();
}

function tickRow() {
  document.activeElement.closest("tr")?.querySelector("[name=id]")?.click();
}

const follow = (selector) => document.querySelector(selector)?.click();

addKeys("Calls", [
  { key: "x", label: "tick the row for a comparison", run: tickRow },
  { key: "c", label: "compare two ticked calls", run: compareTicked },
  { key: "n", label: "show new calls", run: showNews },
  { key: "s r", label: "running calls", run: () => follow("nav a[href*='status=started']") },
  { key: "s f", label: "failed calls", run: () => follow("nav a[href*='status=failed']") },
  { key: "s a", label: "calls of any status", run: () => follow("nav[aria-label=Status] a") },
  { key: ">", label: "next page", run: () => follow("a[rel=next]") },
]);
document.addEventListener("input", submitChoice);
document.addEventListener("change", submitChoice);
document.addEventListener("change", countTicked);
countTicked();
if (getList() !== null) watch(refresh);
