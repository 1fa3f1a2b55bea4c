// What the pages do beyond HTML: every one of these works without this file, only slower.
"use strict";

const root = document.documentElement;
root.classList.add("js");

const texts = document.querySelector("[data-texts]")?.dataset ?? {};
const clockOffset = root.dataset.now ? Date.parse(root.dataset.now) - Date.now() : 0;
const UNDO_MS = 10_000;

// Toasts

function showToast(text, { undo } = {}) {
  const region = document.querySelector("[data-toasts]");
  const template = document.querySelector("[data-toast-template]");
  if (!region || !template) return;
  region.replaceChildren(template.content.cloneNode(true));
  const toast = region.querySelector("[data-toast]");
  toast.querySelector("[data-toast-text]").textContent = text;
  if (undo) {
    const button = toast.querySelector("[data-toast-undo]");
    button.hidden = false;
    button.addEventListener("click", () => { toast.remove(); undo(); });
  }
  hideLater(toast);
}

function hideLater(toast) {
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), UNDO_MS); };
  // Whoever is reading it or has it under the finger keeps it.
  for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, start);
  start();
}

document.addEventListener("click", (event) => {
  event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
});
document.querySelectorAll("[data-toast]").forEach(hideLater);

async function post(url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || response.redirected) throw new Error(answer.detail || texts.notSaved);
  return answer;
}

function sayWhatWentWrong(error) {
  showToast(error instanceof TypeError ? texts.notSaved : error.message || texts.notSaved);
}

// Settings that save themselves

const valueOf = (field) => (field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value);

function putValue(field, value) {
  if (field.type === "checkbox") field.checked = value === "on";
  else field.value = value;
}

const fieldsOf = (form) => [...form.querySelectorAll("[data-saves-itself]")];

// One switch can move others: what the server says now holds is what the page shows.
function showWhatHolds(form, holds) {
  for (const other of fieldsOf(form)) {
    if (!(other.name in holds)) continue;
    putValue(other, holds[other.name]);
    other.dataset.saved = holds[other.name];
  }
}

function showError(field, text) {
  const place = field.form.querySelector(`[data-error-for="${field.name}"]`);
  if (!place) return false;
  place.textContent = text;
  place.parentElement.hidden = !text;
  field.setAttribute("aria-invalid", String(Boolean(text)));
  return Boolean(text);
}

async function restore(form, before) {
  for (const field of fieldsOf(form)) {
    if (field.dataset.saved === before.get(field)) continue;
    putValue(field, before.get(field));
    await saveField(field, { mayUndo: false });
  }
}

async function saveField(field, { mayUndo = true } = {}) {
  const form = field.form;
  const before = new Map(fieldsOf(form).map((each) => [each, each.dataset.saved]));
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken?.value ?? "");
  body.set("changed", field.name);
  body.set("value", valueOf(field));
  field.setAttribute("aria-busy", "true");
  try {
    const answer = await post(form.getAttribute("action") || location.href, body);
    if (field.name === "language") return location.reload();
    field.dataset.saved = valueOf(field);
    showWhatHolds(form, answer.holds ?? {});
    const preview = document.querySelector("[data-preview]");
    if (preview && answer.preview) preview.textContent = answer.preview;
    showError(field, "");
    showToast(texts.saved, mayUndo ? { undo: () => restore(form, before) } : {});
  } catch (error) {
    putValue(field, before.get(field));
    if (!showError(field, error.message)) sayWhatWentWrong(error);
  } finally {
    field.removeAttribute("aria-busy");
  }
}

document.querySelectorAll("[data-settings] [data-saves-itself]").forEach((field) => {
  field.dataset.saved = valueOf(field);
  field.addEventListener("change", () => saveField(field));
});

// A device's zone is a suggestion: it changes only when the person asks for it.
function suggestZone() {
  const button = document.querySelector("[data-suggest-zone]");
  const field = button?.closest(".field").querySelector("select");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!field || !zone || field.value === zone || ![...field.options].some((option) => option.value === zone)) return;
  button.querySelector("[data-suggested]").textContent = zone.replaceAll("_", " ");
  button.hidden = false;
  button.addEventListener("click", () => {
    field.value = zone;
    button.hidden = true;
    field.focus();
    saveField(field);
  });
}
suggestZone();

// Times that age

function ageTimes() {
  const words = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "auto" });
  for (const time of document.querySelectorAll("time[data-ages]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now() - clockOffset) / 1000;
    const size = Math.abs(seconds);
    if (size >= 7 * 86_400) continue;
    const [unit, length] = size < 60 ? ["second", Infinity] : size < 3600 ? ["minute", 60] : size < 86_400 ? ["hour", 3600] : ["day", 86_400];
    time.textContent = words.format(Math.trunc(seconds / length), unit);
  }
}
setInterval(ageTimes, 60_000);

// The inbox

// On the inbox's own page, or in the panel of the bell (bell.js): never both.
const inbox = () => document.querySelector("[data-inbox]");
const keysDialog = document.querySelector("[data-keys-dialog]");
const items = () => [...(inbox()?.querySelectorAll("[data-item]") ?? [])];

function sayWhatWasDone(answer) {
  const { undoUrl } = inbox().dataset;
  // Taken now: the panel may be closed when it is asked for.
  const body = new FormData(inbox());
  body.set("token", answer.undo);
  const undo = () => post(undoUrl, body).then(showAgain, sayWhatWentWrong);
  showToast(answer.said, answer.undo ? { undo } : {});
}

async function showAgain(answer) {
  if (!panel) {
    // What was done is said on the page that shows it.
    sessionStorage.setItem("carillon-said", JSON.stringify(answer));
    return location.reload();
  }
  showUnread(answer);
  if (panel.open) await loadPanel();
  if (panel.open && answer.said) sayWhatWasDone(answer);
}

// Where the eye and the focus go when a row leaves: the next one, else the one before.
function leave(row) {
  const rows = items();
  const here = rows.indexOf(row);
  const next = rows[here + 1] ?? rows[here - 1];
  if (row.contains(document.activeElement)) (next?.querySelector(".item-open") ?? document.querySelector("h1")).focus();
  const list = row.parentElement;
  row.remove();
  if (list.children.length) return;
  if (list.previousElementSibling?.matches(".group-title")) list.previousElementSibling.remove();
  list.remove();
  // The words of an empty inbox are the server's.
  if (!items().length) return panel ? loadPanel() : location.reload();
}

function showAsRead(row) {
  row.classList.remove("is-unread");
  row.querySelectorAll(".item-dot, [data-unread-word]").forEach((part) => part.remove());
  if (row.contains(document.activeElement)) row.querySelector(".item-open").focus();
  row.querySelectorAll("[data-act=read]").forEach((button) => button.remove());
}

async function act(button) {
  const row = button.closest("[data-item]");
  const body = new FormData(inbox());
  if (button.name) body.set(button.name, button.value);
  try {
    const answer = await post(button.formAction, body);
    button.closest("[data-menu]")?.removeAttribute("open");
    if (button.dataset.act === "reload" || button.dataset.act === "unread") return await showAgain(answer);
    if (button.dataset.act === "leave") leave(row);
    if (button.dataset.act === "read") showAsRead(row);
    showUnread(answer);
    sayWhatWasDone(answer);
  } catch (error) {
    sayWhatWentWrong(error);
  }
}

function sayWhatWasKept() {
  const kept = sessionStorage.getItem("carillon-said");
  sessionStorage.removeItem("carillon-said");
  const answer = kept && inbox() ? JSON.parse(kept) : {};
  if (answer.said) sayWhatWasDone(answer);
}
sayWhatWasKept();

document.addEventListener("submit", (event) => {
  if (event.target !== inbox() || !event.submitter?.dataset.act) return;
  event.preventDefault();
  act(event.submitter);
});

function moveFocus(step) {
  const rows = items();
  const here = rows.indexOf(document.activeElement.closest?.("[data-item]"));
  const next = rows[here === -1 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1)];
  next?.querySelector(".item-open").focus();
  next?.scrollIntoView({ block: "nearest" });
}

const rowInFocus = () => document.activeElement.closest?.("[data-item]");

function openMenu(selector) {
  const menu = rowInFocus()?.querySelector("[data-menu]");
  if (!menu) return;
  menu.open = true;
  (menu.querySelector(selector) ?? menu.querySelector(".menu-sheet :is(a, button)"))?.focus();
}

const KEYS = {
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  o: () => rowInFocus()?.querySelector(".item-open").click(),
  e: () => rowInFocus()?.querySelector("[data-act=leave]")?.click(),
  u: () => rowInFocus()?.querySelector("[data-act=read], [data-act=unread]")?.click(),
  s: () => openMenu("[data-first-snooze]"),
  m: () => openMenu(".menu-sheet :is(a, button)"),
  "/": () => document.querySelector("#search")?.focus(),
  "?": () => keysDialog.showModal(),
};

if (keysDialog) {
  // A single-key shortcut must be possible to switch off (WCAG 2.1.4): speech input types letters by accident.
  const keysSwitch = keysDialog.querySelector("[data-keys-switch]");
  keysSwitch.checked = localStorage.getItem("carillon-keys") !== "off";
  keysSwitch.addEventListener("change", () => localStorage.setItem("carillon-keys", keysSwitch.checked ? "on" : "off"));
  document.querySelector("[data-show-keys]")?.addEventListener("click", () => keysDialog.showModal());
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !keysSwitch.checked || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
}

// Menus close as menus do

document.addEventListener("click", (event) => {
  document.querySelectorAll("[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("[data-menu][open]");
  if (!menu) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Copying

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  showToast(button.dataset.copied);
});
