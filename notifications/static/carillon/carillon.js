// What the pages do beyond HTML: every one of these works without this file, only slower.
"use strict";

const root = document.documentElement;
root.classList.add("js");

const texts = document.querySelector("[data-texts]")?.dataset ?? {};
const clockOffset = root.dataset.now ? Date.parse(root.dataset.now) - Date.now() : 0;
const UNDO_MS = 10_000;
const COUNT_EVERY_MS = 30_000;
const BADGE_CAP = 99;

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

// The bell

const bell = document.querySelector("[data-bell]");

function showUnread(unread) {
  if (!bell || !Number.isInteger(unread)) return;
  const before = Number(bell.dataset.unread);
  if (unread === before) return;
  const capped = unread > BADGE_CAP ? `${BADGE_CAP}+` : String(unread);
  bell.dataset.unread = unread;
  bell.querySelector("[data-unread-exact]").textContent = unread;
  const badge = bell.querySelector("[data-badge]");
  badge.textContent = capped;
  badge.hidden = unread === 0;
  document.querySelector("[data-live]").textContent = `${texts.unreadLabel}: ${unread}`;
  const pill = document.querySelector("[data-new-items]");
  if (pill) {
    document.title = document.title.replace(/^(\([^)]*\) )?/, unread ? `(${capped}) ` : "");
    if (unread > before) pill.hidden = false;
  }
}

async function refreshUnread() {
  if (document.hidden || !bell?.dataset.countUrl) return;
  const response = await fetch(bell.dataset.countUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  if (response?.ok) showUnread((await response.json()).unread);
}
setInterval(refreshUnread, COUNT_EVERY_MS);
document.addEventListener("visibilitychange", refreshUnread);

// The inbox

const inbox = document.querySelector("[data-inbox]");
const keysDialog = document.querySelector("[data-keys-dialog]");
const items = () => [...(inbox?.querySelectorAll("[data-item]") ?? [])];

async function markRead(button) {
  const item = button.closest("[data-item]");
  const body = new FormData(inbox);
  try {
    const answer = await post(button.formAction, body);
    item.classList.remove("is-unread");
    item.querySelectorAll(".item-dot, [data-unread-word]").forEach((part) => part.remove());
    if (item.contains(document.activeElement)) item.querySelector(".item-open").focus();
    button.remove();
    showUnread(answer.unread ?? Math.max(0, Number(bell?.dataset.unread) - 1));
    const undoUrl = item.dataset.unreadUrl;
    showToast(texts.read, undoUrl ? { undo: () => post(undoUrl, body).then(() => location.reload(), sayWhatWentWrong) } : {});
  } catch (error) {
    sayWhatWentWrong(error);
  }
}

inbox?.addEventListener("submit", (event) => {
  if (!event.submitter?.hasAttribute("data-mark-read")) return;
  event.preventDefault();
  markRead(event.submitter);
});

function moveFocus(step) {
  const rows = items();
  const here = rows.indexOf(document.activeElement.closest?.("[data-item]"));
  const next = rows[here === -1 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1)];
  next?.querySelector(".item-open").focus();
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  e: () => document.activeElement.closest?.("[data-item]")?.querySelector("[data-mark-read]")?.click(),
  "?": () => keysDialog.showModal(),
};

if (inbox && keysDialog) {
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
