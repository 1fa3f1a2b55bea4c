// Counts that come by themselves: one tab of the browser holds a stream (notifications/live_server.py) and tells the others.
"use strict";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
// Also while a stream is open: what was snoozed comes back by itself, without anybody saying so.
const ASK_ANYWAY_MS = 60_000;
const HIDDEN_LETS_GO_MS = 5000;

const streamUrl = bell?.dataset.liveUrl;
const tabs = bell && "BroadcastChannel" in window ? new BroadcastChannel(`carillon-${bell.dataset.person}`) : null;

let stream = null;
let failures = 0;
let release = null;
let waiting = null;
let comingBack;
let asking;
let hiding;

const grows = (times) => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** times) * (0.75 + Math.random() / 2);

async function askAgainLater(after) {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    await refreshUnread();
    if (release) askAgainLater(stream?.readyState === EventSource.OPEN ? ASK_ANYWAY_MS : grows(Math.min(failures, 5) + 2));
  }, after);
}

function openStream() {
  if (!streamUrl || stream) return;
  stream = new EventSource(streamUrl, { withCredentials: true });
  stream.addEventListener("open", () => { failures = 0; askAgainLater(0); });
  // A message to a whole course has all its pages ask at once: not in the same instant.
  stream.addEventListener("changed", () => askAgainLater(Math.random() * 500));
  stream.addEventListener("error", () => {
    closeStream();
    comingBack = setTimeout(openStream, grows(failures));
    failures += 1;
    askAgainLater(Math.random() * 1000);
  });
}

function closeStream() {
  clearTimeout(comingBack);
  stream?.close();
  stream = null;
}

function lead() {
  openStream();
  askAgainLater(0);
  return new Promise((resolve) => { release = resolve; });
}

// The tab that holds the lock leads; the others wait for it and are told meanwhile.
function joinIn() {
  clearTimeout(hiding);
  if (document.hidden || waiting || release) return;
  waiting = new AbortController();
  if (!navigator.locks) lead();
  else navigator.locks.request(`carillon-${bell.dataset.person}`, { signal: waiting.signal }, lead).catch(() => {});
}

function letGo() {
  closeStream();
  clearTimeout(asking);
  waiting?.abort();
  release?.();
  waiting = release = null;
}

function tellTabs(counts) {
  tabs?.postMessage(counts);
}

// Whose session has ended is told nothing more; the next page they ask for has them sign in.
function stopAsking() {
  letGo();
  removeEventListener("pageshow", joinIn);
}

if (bell?.dataset.countUrl) {
  tabs?.addEventListener("message", (event) => showUnread(event.data, { isTold: true }));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiding = setTimeout(letGo, HIDDEN_LETS_GO_MS);
    else { joinIn(); refreshUnread(); }
  });
  addEventListener("pagehide", letGo);
  addEventListener("pageshow", joinIn);
  joinIn();
}
