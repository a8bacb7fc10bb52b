// The page: the archive as a grid, a search over it, the jobs above it, and what is said where there is nothing to show.

import { card, walk } from "./cards.js";
import { ClipView } from "./clip_view.js";
import { newest, search } from "./clips.js";
import { HttpConnection, NeedsToken, Offline } from "./connection.js";
import { attempt, byId, el, toast } from "./dom.js";
import { Jobs } from "./jobs.js";

const TYPED_MS = 300; // after the last key a search begins
const RETRY_MS = 3000;

class Page {
  #turn = 0; // of the newest look: what an older one answers is not shown
  entries = [];

  constructor(connection) {
    this.connection = connection;
    this.grid = byId("grid");
    this.view = new ClipView(connection, {
      changed: (clip) => this.#replace(clip),
      deleted: (id) => this.#remove(id),
      restored: () => this.load(),
      closed: (id) => this.#return(id),
    });
    this.jobs = new Jobs(connection, {
      finished: () => byId("query").value.trim() || this.load(),
      open: (id) => this.#openById(id),
      failed: (error) => this.#failed(error),
    });
    this.#listen();
  }

  async start() {
    try {
      await this.connection.enter();
    } catch (error) {
      return this.#failed(error);
    }
    this.jobs.look();
    return this.load();
  }

  /** Show what the search field asks for; the newest clips where it is empty. */
  async load() {
    const turn = ++this.#turn;
    const [query, kind] = [byId("query").value.trim(), byId("kind").value];
    document.body.classList.add("busy");
    try {
      const found = await (query ? search(this.connection, query, kind) : newest(this.connection, kind));
      if (turn === this.#turn) this.#show(found, query, kind);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    }
    if (turn === this.#turn) document.body.classList.remove("busy");
  }

  #show({ entries, total, more, note }, query, kind) {
    clearTimeout(this.retry);
    this.entries = entries;
    this.grid.replaceChildren(...entries.map((entry) => this.#card(entry)));
    byId("more").hidden = !more;
    const moments = entries.reduce((count, entry) => count + entry.moments.length, 0);
    const counted = query
      ? `${count(moments, "moment")} in ${count(entries.length, "clip")}`
      : kind
        ? count(entries.length, "clip") + (more ? " and more" : "")
        : count(total, "clip");
    byId("status").textContent = entries.length ? [counted, query && note].filter(Boolean).join(". ") : "";
    if (entries.length) byId("empty").hidden = true;
    else if (query || kind)
      say(
        "Nothing found",
        note || "No clip is like that.",
        button("Show all clips", () => this.#clear()),
      );
    else
      say(
        "The archive is empty",
        "Ask your agent for a clip, or bring in footage of your own:",
        el("pre", {}, 'ltx-mcp generate "a red circle moves right"\nltx-mcp import ~/Movies'),
      );
  }

  #card(entry) {
    return card(this.connection, entry, (shown, at) => attempt(() => this.view.open(shown, at)));
  }

  async #older() {
    const kind = byId("kind").value;
    const found = await attempt(() => newest(this.connection, kind, this.entries.at(-1).clip.created_at));
    if (!found) return;
    this.entries.push(...found.entries);
    const cards = found.entries.map((entry) => this.#card(entry));
    this.grid.append(...cards);
    byId("more").hidden = !found.more;
    cards[0]?.querySelector(".open").focus();
  }

  async #openById(id) {
    await attempt(async () => this.view.open({ clip: await this.connection.clip(id) }));
  }

  #replace(clip) {
    const entry = this.entries.find(({ id }) => id === clip.clip_id);
    if (!entry) return;
    entry.clip = clip;
    this.#cardOf(clip.clip_id).replaceWith(this.#card(entry));
  }

  #remove(id) {
    const gone = this.#cardOf(id);
    const next = gone?.nextElementSibling ?? gone?.previousElementSibling;
    gone?.remove();
    this.entries = this.entries.filter((entry) => entry.id !== id);
    (next?.querySelector(".open") ?? this.grid).focus();
    if (!this.entries.length) this.load();
  }

  /** The browser gives the focus back to what opened the clip, unless that card was replaced since. */
  #return(id) {
    if (document.activeElement === document.body) this.#cardOf(id)?.querySelector(".open").focus();
  }

  #cardOf(id) {
    return this.grid.querySelector(`[data-clip="${CSS.escape(id)}"]`);
  }

  #clear() {
    byId("query").value = "";
    byId("kind").value = "";
    byId("query").focus();
    this.load();
  }

  /** Nothing can be shown: say why, and what to do. */
  #failed(error) {
    document.body.classList.remove("busy");
    if (!(error instanceof Offline || error instanceof NeedsToken))
      return toast(error.message, { hint: error.hint, kind: "error" });
    this.grid.replaceChildren();
    this.entries = [];
    byId("more").hidden = true;
    byId("status").textContent = "";
    if (error instanceof NeedsToken) return this.#askToken(error);
    say(error.message, error.hint, el("small", {}, "This page tries again by itself."));
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.load(), RETRY_MS);
  }

  #askToken(error) {
    clearTimeout(this.jobs.timer);
    if (byId("empty").querySelector("form")) return;
    const token = el("input", { type: "password", required: true, "aria-label": "Token", autocomplete: "off" });
    const enter = (event) => {
      event.preventDefault();
      this.connection.use(token.value.trim());
      byId("empty").replaceChildren();
      this.jobs.look();
      this.load();
    };
    say(
      error.message,
      "ltx-mcp studio opens it without one. For a server over HTTP paste its token: it is kept in this tab alone.",
      el("form", { class: "token", onsubmit: enter }, token, el("button", { class: "strong" }, "Open")),
    );
    token.focus();
  }

  #listen() {
    let typed;
    const soon = () => {
      clearTimeout(typed);
      typed = setTimeout(() => this.load(), TYPED_MS);
    };
    byId("search").addEventListener("submit", (event) => (event.preventDefault(), clearTimeout(typed), this.load()));
    byId("query").addEventListener("input", soon);
    byId("kind").addEventListener("change", () => this.load());
    byId("more").addEventListener("click", () => this.#older());
    this.grid.addEventListener("keydown", (event) => walk(this.grid, event));
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.grid.querySelector(".open")?.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (document.querySelector("dialog[open]") || event.target.closest("input, select")) return;
      if (event.key !== "/" || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      byId("query").select();
    });
  }
}

function say(title, text, ...more) {
  byId("empty").replaceChildren(el("h2", {}, title), el("p", {}, text), ...more);
  byId("empty").hidden = false;
}

const button = (name, onclick) => el("button", { type: "button", class: "quiet", onclick }, name);
const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

new Page(new HttpConnection()).start();
