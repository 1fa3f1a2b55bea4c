// The bell in the header: its count, and its panel, which shows the inbox where the reader is. After carillon.js, before live.js.
"use strict";

const SAY_AT_MOST_EVERY_MS = 10_000;
const BADGE_CAP = 99;

const bell = document.querySelector("[data-bell]");
// On the inbox's own page the bell is a link to it, as without JavaScript.
const panel = inbox() ? null : document.querySelector("[data-bell-panel]");
const panelRows = panel?.querySelector("[data-bell-rows]");

// The count

// Of two answers the one that the server counted later holds, whichever comes first.
let newestVersion = 0;

function showUnread({ unread, version }, { isTold = false } = {}) {
  if (!bell || !(version > newestVersion)) return;
  newestVersion = version;
  if (!isTold) tellTabs({ unread, version });
  if (unread === Number(bell.dataset.unread)) return;
  const before = Number(bell.dataset.unread);
  const capped = unread > BADGE_CAP ? `${BADGE_CAP}+` : String(unread);
  bell.dataset.unread = unread;
  bell.querySelector("[data-unread-exact]").textContent = unread;
  const badge = bell.querySelector("[data-badge]");
  badge.textContent = capped;
  badge.hidden = unread === 0;
  if (unread > before) sayLater();
  if (!panel) document.title = document.title.replace(/^(\([^)]*\) )?/, unread ? `(${capped}) ` : "");
  showPill(unread, capped);
}

// What is shown has been seen, so what is unseen has come since. It waits until it is asked for: the list never jumps.
function showPill(unread, capped) {
  const pill = (panel ?? document.querySelector("main")).querySelector("[data-new-items]");
  // Seen elsewhere is not yet shown here: it waits until this list is loaded again.
  if (!pill || (panel && !panel.open) || unread === 0) return;
  pill.hidden = false;
  pill.querySelector("[data-new-count]").textContent = capped;
}

// A lively course must not talk over the page: the newest count, once in a while.
let sayTimer;
let saidAt = -SAY_AT_MOST_EVERY_MS;
function sayLater() {
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => {
    saidAt = performance.now();
    document.querySelector("[data-live]").textContent = `${texts.unreadLabel}: ${bell.dataset.unread}`;
  }, Math.max(1000, saidAt + SAY_AT_MOST_EVERY_MS - performance.now()));
}

async function refreshUnread() {
  if (!bell?.dataset.countUrl) return;
  const response = await fetch(bell.dataset.countUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  if (response?.ok) showUnread(await response.json());
  if (response?.status === 401) stopAsking();
}

// The panel

async function loadPanel() {
  panelRows.replaceChildren(panel.querySelector("[data-bell-loading]").content.cloneNode(true));
  panel.querySelector("[data-new-items]").hidden = true;
  const response = await fetch(`${bell.href}?panel=1`, { headers: { Accept: "text/html" }, credentials: "same-origin" }).catch(() => null);
  // Whose session has ended signs in, and comes back to the inbox.
  if (response?.redirected) return location.assign(bell.href);
  if (!response?.ok) return panelRows.replaceChildren(panel.querySelector("[data-bell-failed]").content.cloneNode(true));
  panelRows.innerHTML = await response.text();
  panel.querySelector("#bell-title").focus();
  // Only now, and only if it is still looked at, has it been seen.
  if (panel.open) saySeen();
}

// What is shown has been seen, up to its newest; what has come since has not.
function saySeen() {
  const shown = inbox();
  if (shown?.elements.seen_up_to?.value) post(bell.dataset.seenUrl, new FormData(shown)).then(showUnread, () => {});
}

function openPanel() {
  panel.show();
  bell.setAttribute("aria-expanded", "true");
  panel.querySelector("#bell-title").focus();
  loadPanel();
}

function closePanel({ returnsFocus = true } = {}) {
  panel.close();
  panelRows.replaceChildren();
  bell.setAttribute("aria-expanded", "false");
  if (returnsFocus) bell.focus();
}

// A page that is loaded ahead, or in a tab behind, is not looked at yet.
function saySeenOnceVisible() {
  if (document.visibilityState !== "visible") return document.addEventListener("visibilitychange", saySeenOnceVisible, { once: true });
  saySeen();
}
if (bell && inbox()) saySeenOnceVisible();

if (bell && panel) {
  bell.setAttribute("role", "button");
  bell.setAttribute("aria-haspopup", "dialog");
  bell.setAttribute("aria-expanded", "false");
  bell.setAttribute("aria-controls", panel.id);
  bell.addEventListener("click", (event) => {
    // Opening it in a tab of its own is left to the browser.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (panel.open) closePanel();
    else openPanel();
  });
  bell.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    bell.click();
  });
  panel.querySelector("[data-bell-close]").addEventListener("click", () => closePanel());
  panel.querySelector("[data-new-items]").addEventListener("click", loadPanel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.open && !event.defaultPrevented) closePanel();
  });
  document.addEventListener("pointerdown", (event) => {
    if (panel.open && !event.target.closest("[data-bell-panel], [data-bell], [data-toasts]")) closePanel({ returnsFocus: false });
  });
}
