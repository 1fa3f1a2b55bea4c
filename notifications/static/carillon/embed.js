// <carillon-bell token-url="/your/own/address">: the bell and its panel on another site's pages (docs/embedding.md).
// embed_views.py writes CARILLON_BELL above this: words by language, and where the inbox is.
"use strict";

{
  const { words, language: siteLanguage, inbox, settings, api, live } = globalThis.CARILLON_BELL;
  const origin = new URL(document.currentScript.src).origin;

  const BADGE_CAP = 99;
  const ROWS = 10;
  const ASK_EVERY_MS = 30_000;
  const LONGEST_WAIT_MS = 300_000;
  const HIDDEN_LETS_GO_MS = 5000;
  const UNDO_MS = 10_000;
  const SAY_AFTER_MS = 1000;

  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { --line: light-dark(#c9ced6, #454c57); --ground: light-dark(#fff, #1b1f26); --ink: light-dark(#1b2430, #eceff4);
      --quiet: light-dark(#505a68, #b3bcc9); --accent: var(--carillon-accent, light-dark(#1f5fa8, #8fc0ff)); --badge: light-dark(#b3261e, #ffb4ab);
      --on-badge: light-dark(#fff, #4a0a05); color-scheme: light dark; position: relative; display: inline-block; font: inherit; line-height: 1.4; }
    :host([theme="light"]) { color-scheme: light; }
    :host([theme="dark"]) { color-scheme: dark; }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    button, a.icon { font: inherit; color: inherit; background: none; border: 1px solid transparent; border-radius: 6px; cursor: pointer; min-width: 44px;
      min-height: 44px; padding: 0 8px; display: inline-flex; align-items: center; justify-content: center; gap: 6px; text-decoration: none; }
    button:hover, a.icon:hover { border-color: var(--line); }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; flex: none; }
    .bell { position: relative; }
    .badge { position: absolute; inset-block-start: 2px; inset-inline-end: 0; min-width: 20px; padding: 0 5px; border-radius: 10px; background: var(--badge);
      color: var(--on-badge); font-size: 12px; font-weight: 600; line-height: 20px; text-align: center; }
    .panel { position: absolute; inset-inline: auto 0; inset-block-start: calc(100% + 4px); margin: 0; width: 400px; max-width: calc(100vw - 16px);
      max-height: min(70vh, 640px); overflow-y: auto; padding: 0; border: 1px solid var(--line); border-radius: 10px; background: var(--ground);
      color: var(--ink); z-index: 1000; text-align: start; box-shadow: 0 8px 28px rgb(0 0 0 / 22%); }
    .panel[open] { display: block; }
    .head { display: flex; align-items: center; gap: 4px; padding: 4px 4px 4px 14px; border-block-end: 1px solid var(--line); position: sticky;
      inset-block-start: 0; background: var(--ground); }
    h2 { flex: 1; margin: 0; font-size: 1.05em; }
    ul { list-style: none; margin: 0; padding: 0; }
    li { display: flex; align-items: flex-start; padding: 8px 4px 8px 14px; border-block-end: 1px solid var(--line); }
    [dir=rtl] .head, [dir=rtl] li { padding-inline: 14px 4px; }
    .words { flex: 1; min-width: 0; overflow-wrap: anywhere; color: inherit; text-decoration: none; padding: 4px 0; }
    a.words:hover .name { text-decoration: underline; }
    .name { display: block; font-weight: 400; }
    .is-unread .name { font-weight: 650; }
    .is-unread .name::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-inline-end: 6px; border-radius: 50%; background: var(--accent); }
    .more { display: block; color: var(--quiet); font-size: .92em; }
    .note { padding: 18px 14px; margin: 0; color: var(--quiet); }
    .fresh { width: 100%; color: var(--accent); font-weight: 600; border-radius: 0; }
    .toast { display: flex; align-items: center; justify-content: space-between; padding-inline-start: 14px; position: sticky; inset-block-end: 0;
      background: var(--ink); color: var(--ground); }
    .toast button { font-weight: 600; }
    .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    [hidden] { display: none !important; }
    @media (max-width: 480px) { .panel { position: fixed; inset: auto 8px 8px; width: auto; max-height: 80vh; } }
    @media (forced-colors: active) { .badge { border: 1px solid; } }`);

  const GLYPHS = {
    bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15z M10 21h4 M12 5V3",
    settings: "M4 7h10 M18 7h2 M16 5v4 M4 17h2 M10 17h10 M8 15v4",
    close: "M6 6l12 12 M18 6L6 18",
    read: "M5 12.5 10 17.5 19 7",
    archive: "M4 5h16v4H4z M6 9v10h12V9 M10 13h4",
  };

  function element(name, options = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(options)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  function glyph(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", GLYPHS[name]);
    svg.append(path);
    return svg;
  }

  const withGlyph = (tag, name, label, options = {}) =>
    element(tag, { title: label, class: tag === "a" ? "icon" : null, type: tag === "button" ? "button" : null, ...options },
      glyph(name), element("span", { class: "hidden" }, label));

  class CarillonBell extends HTMLElement {
    // Whoever has no address of their own to ask gives a function instead: async () => token.
    getToken = async () => {
      const answer = await fetch(this.getAttribute("token-url"), { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`The token: ${answer.status}`);
      return (await answer.json()).token;
    };

    #token = null;
    #version = 0;
    #unseen = 0;
    #isSeen = false;
    #failures = 0;
    #parts = {};
    #asking;
    #hiding;
    #saying;
    #undoing;
    #stream = null;
    #leave = null;

    connectedCallback() {
      const named = (this.closest("[lang]")?.getAttribute("lang") || navigator.language).split("-")[0];
      this.language = named in words ? named : siteLanguage;
      this.words = words[this.language];
      if (!this.shadowRoot) this.#build();
      this.#leave = new AbortController();
      const { signal } = this.#leave;
      document.addEventListener("visibilitychange", () => this.#comeOrGo(), { signal });
      addEventListener("pagehide", () => this.#letGo(), { signal });
      addEventListener("pageshow", (event) => { if (event.persisted) this.#askOn(0); }, { signal });
      document.addEventListener("pointerdown", (event) => { if (!event.composedPath().includes(this)) this.#close(false); }, { signal });
      this.#askOn(0);
    }

    disconnectedCallback() {
      this.#leave?.abort();
      this.#letGo();
    }

    #build() {
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [style];
      const { words } = this;
      const count = element("span", {}, "0");
      const badge = element("span", { class: "badge", "aria-hidden": "true", hidden: true });
      const bell = element("button", { class: "bell", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => this.#toggle() },
        glyph("bell"), element("span", { class: "hidden" }, `${words.bell} `, count), badge);
      const heading = element("h2", { id: "title", tabindex: "-1" }, words.title);
      const fresh = element("button", { class: "fresh", type: "button", hidden: true, onclick: () => this.#load() }, words.fresh);
      const rows = element("div", {});
      const toast = element("div", { class: "toast", hidden: true });
      const panel = element("dialog", { class: "panel", "aria-labelledby": "title", onkeydown: (event) => this.#key(event) },
        element("div", { class: "head" }, heading, element("a", { class: "icon", href: origin + inbox }, words.all),
          withGlyph("a", "settings", words.settings, { href: origin + settings }),
          withGlyph("button", "close", words.close, { onclick: () => this.#close() })),
        fresh, rows, toast);
      const said = element("span", { class: "hidden", role: "status", "aria-live": "polite" });
      this.#parts = { count, badge, bell, heading, fresh, rows, toast, panel, said };
      const frame = element("div", { lang: this.language, dir: words.dir }, bell, panel, said);
      root.append(frame);
    }

    // Asking

    async #call(path, { method = "GET", body, again = true, ...options } = {}) {
      this.#token ??= await this.getToken();
      const headers = { Authorization: `Bearer ${this.#token}`, Accept: "application/json", "Accept-Language": this.language };
      if (method !== "GET") headers["Content-Type"] = "application/json";
      const answer = await fetch(origin + path, { method, body: body && JSON.stringify(body), headers, credentials: "omit", ...options });
      if (answer.status === 401 && again) {
        // It is over: once with another.
        this.#token = null;
        return this.#call(path, { method, body, again: false, ...options });
      }
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
      return answer.status === 204 ? null : answer.json();
    }

    async #count() {
      this.#show(await this.#call(`${api}counts/`));
    }

    #askOn(after) {
      clearTimeout(this.#asking);
      this.#asking = setTimeout(async () => {
        try {
          await this.#count();
          this.#failures = 0;
          this.#listen();
        } catch {
          this.#failures += 1;
        }
        if (this.isConnected && !document.hidden) this.#askOn(Math.min(LONGEST_WAIT_MS, ASK_EVERY_MS * 2 ** Math.min(this.#failures, 4)) * (0.75 + Math.random() / 2));
      }, after);
    }

    // A stream says only that there is something to ask for. Where there is none, asking goes on by itself.
    async #listen() {
      if (!live || this.#stream) return;
      const stream = this.#stream = new AbortController();
      try {
        const answer = await fetch(new URL(live, origin), { headers: { Authorization: `Bearer ${this.#token}` }, signal: stream.signal, credentials: "omit" });
        if (!answer.ok) return;
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          if (part.value.includes("event: changed")) this.#askOn(Math.random() * 500);
        }
      } catch {
        // Asked for again with the next count.
      } finally {
        if (this.#stream === stream) this.#stream = null;
      }
    }

    #comeOrGo() {
      clearTimeout(this.#hiding);
      if (document.hidden) this.#hiding = setTimeout(() => this.#letGo(), HIDDEN_LETS_GO_MS);
      else this.#askOn(0);
    }

    #letGo() {
      clearTimeout(this.#asking);
      this.#stream?.abort();
      this.#stream = null;
    }

    #show({ unseen_badge: unseen, version }) {
      // Of two answers the one counted later holds.
      if (!(version > this.#version)) return;
      this.#version = version;
      const { count, badge, fresh, panel } = this.#parts;
      const grew = unseen > this.#unseen;
      this.#unseen = unseen;
      count.textContent = unseen > BADGE_CAP ? `${BADGE_CAP}+` : unseen;
      badge.textContent = count.textContent;
      badge.hidden = unseen === 0;
      // What is new beside a list that has been looked at has come since.
      fresh.hidden = !(panel.open && this.#isSeen && unseen);
      if (grew) {
        clearTimeout(this.#saying);
        this.#saying = setTimeout(() => { this.#parts.said.textContent = `${this.words.bell} ${count.textContent}`; }, SAY_AFTER_MS);
      }
      this.dispatchEvent(new CustomEvent("carillon-count", { detail: { unseen } }));
    }

    // The panel

    #toggle() {
      if (this.#parts.panel.open) this.#close();
      else this.#open();
    }

    #open() {
      this.#parts.panel.show();
      this.#place();
      this.#parts.bell.setAttribute("aria-expanded", "true");
      this.#parts.heading.focus();
      this.#load();
    }

    // Under the bell, and inside the window wherever the bell stands. On a phone it is a sheet at the bottom.
    #place() {
      const { panel, bell } = this.#parts;
      panel.style.left = panel.style.right = "";
      if (getComputedStyle(panel).position === "fixed") return;
      const { left, right } = bell.getBoundingClientRect();
      const { width } = panel.getBoundingClientRect();
      const wanted = this.words.dir === "rtl" ? left : right - width;
      const allowed = Math.max(8, Math.min(wanted, document.documentElement.clientWidth - width - 8));
      panel.style.left = `${allowed - this.getBoundingClientRect().left}px`;
      panel.style.right = "auto";
    }

    #close(returnsFocus = true) {
      if (!this.#parts.panel?.open) return;
      this.#parts.panel.close();
      this.#parts.bell.setAttribute("aria-expanded", "false");
      if (returnsFocus) this.#parts.bell.focus();
    }

    #key(event) {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.#close();
      }
    }

    async #load() {
      const { rows, fresh, panel } = this.#parts;
      fresh.hidden = true;
      this.#isSeen = false;
      rows.replaceChildren(element("p", { class: "note", role: "status" }, this.words.loading));
      try {
        const { items } = await this.#call(api);
        rows.replaceChildren(items.length ? element("ul", {}, ...items.slice(0, ROWS).map((item) => this.#row(item)))
          : element("p", { class: "note" }, this.words.empty));
        // Only what is still looked at has been seen.
        if (!panel.open) return;
        this.#show(await this.#call(`${api}seeing/`, { method: "POST", body: {} }));
        this.#isSeen = true;
      } catch {
        rows.replaceChildren(element("p", { class: "note", role: "alert" }, this.words.failed, " ",
          element("button", { type: "button", onclick: () => this.#load() }, this.words.again)));
      }
    }

    #row(item) {
      const isUnread = !item.read_at;
      const meta = [item.title === item.text ? "" : item.title, this.#ago(item.created_at)].filter(Boolean).join(" · ");
      const name = element("span", { class: "name" }, ...(isUnread ? [element("span", { class: "hidden" }, `${this.words.unread}: `)] : []), item.text || item.title);
      const inside = [name, element("span", { class: "more" }, meta)];
      const linked = item.link && /^https?:/.test(item.link);
      const main = linked
        ? element("a", { class: "words", href: item.link, onclick: () => this.#read(item, row) }, ...inside)
        : element("div", { class: "words" }, ...inside);
      const row = element("li", { class: isUnread ? "is-unread" : null }, main,
        ...(isUnread ? [withGlyph("button", "read", this.words.read, { "data-read": true, onclick: () => this.#read(item, row) })] : []),
        withGlyph("button", "archive", this.words.archive, { onclick: () => this.#archive(item, row) }));
      return row;
    }

    async #read(item, row) {
      row.classList.remove("is-unread");
      row.querySelector(".name .hidden")?.remove();
      const button = row.querySelector("[data-read]");
      if (button?.matches(":focus")) button.nextElementSibling.focus();
      button?.remove();
      // The page may leave for where the item leads.
      await this.#call(`${api}${item.id}/reading/`, { method: "POST", keepalive: true }).catch(() => this.#load());
    }

    async #archive(item, row) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      try {
        await this.#call(`${api}${item.id}/archiving/`, { method: "POST" });
      } catch {
        return this.#load();
      }
      (next?.querySelector("a, button") ?? this.#parts.heading).focus();
      row.remove();
      this.#offerUndo(item);
    }

    #offerUndo(item) {
      const { toast } = this.#parts;
      const takeBack = async () => {
        this.#parts.heading.focus();
        toast.hidden = true;
        await this.#call(`${api}${item.id}/archiving/`, { method: "DELETE" }).catch(() => {});
        await this.#load();
      };
      clearTimeout(this.#undoing);
      toast.replaceChildren(element("span", { role: "status" }, this.words.archived), element("button", { type: "button", onclick: takeBack }, this.words.undo));
      toast.hidden = false;
      this.#undoing = setTimeout(() => { toast.hidden = true; }, UNDO_MS);
    }

    #ago(moment) {
      const seconds = (Date.now() - new Date(moment)) / 1000;
      const [unit, size] = [["day", 86_400], ["hour", 3600], ["minute", 60]].find(([, size]) => seconds >= size) ?? ["minute", 60];
      return new Intl.RelativeTimeFormat(this.language, { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
    }
  }

  customElements.get("carillon-bell") ?? customElements.define("carillon-bell", CarillonBell);
}
