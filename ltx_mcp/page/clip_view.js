// One clip: its player with the timeline, its contact sheet, what is known of it, and what can be done with it.

import { parents, referenceTo } from "./clips.js";
import { attempt, byId, clock, el, icon, toast } from "./dom.js";
import { askExport } from "./export_form.js";
import { facts, signature, tree } from "./facts.js";
import { scrubber } from "./timeline.js";

const KEYS = [
  ["space", "plays"],
  ["← →", "a second"],
  [", .", "a frame"],
  ["m", "mutes"],
  ["f", "fills the screen"],
  ["c", "copies the reference"],
];
const WIDE = "(min-width: 861px)"; // as in the style: below it a clip fills the window

/**
 * The dialog of a clip. `changed` is called after each change with its facts, `deleted` with its id, `restored` after
 * an undo, `closed` with the id of the clip that was shown, `loading` with how much of a video has come, from 0 to 1,
 * where it must be there before it is played.
 */
export class ClipView {
  #opening = new AbortController();

  constructor(connection, { changed, deleted, restored, closed, loading = () => {} }) {
    this.connection = connection;
    this.told = { changed, deleted, restored, closed, loading };
    this.dialog = byId("clip");
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Show a clip from this second on; `found` are the moments of a search. It plays if a moment was chosen. */
  async open({ clip, moments: found = [] }, at = null) {
    this.#opening.abort();
    this.#opening = new AbortController();
    const { signal } = this.#opening;
    const sheet = await this.connection.sheetUrl(clip.clip_id);
    const file = await this.#file(clip, sheet, signal);
    if (signal.aborted) return; // another clip was chosen meanwhile
    Object.assign(this, { clip, file, video: null });
    const stage = clip.kind === "photo" ? [this.#photo(file)] : this.#player(file, sheet, found, at ?? 0);
    this.dialog.replaceChildren(
      el(
        "div",
        { class: "stage" },
        ...stage,
        clip.kind !== "photo" &&
          el(
            "details",
            { class: "sheet", open: matchMedia(WIDE).matches },
            el("summary", {}, "Contact sheet"),
            el("img", { src: sheet, alt: `Frames of ${clip.title} with their times`, loading: "lazy" }),
          ),
      ),
      el("div", { class: "side" }, ...this.#side(file)),
      el(
        "button",
        { type: "button", class: "plain close", "aria-label": "Close", onclick: () => this.dialog.close() },
        icon("close"),
      ),
    );
    if (!this.dialog.open) this.connection.streams ? this.dialog.showModal() : this.dialog.show(); // a chat has room below
    (this.dialog.querySelector(".scrub") ?? this.dialog.querySelector(".close")).focus();
    if (at !== null) this.video?.play().catch(() => {}); // a browser may want a click first
  }

  #closed() {
    if (this.dialog.open) return; // the event comes with the next frame: a clip was opened before it
    this.dialog.replaceChildren();
    this.told.closed(this.clip.clip_id);
  }

  /** Where the file is too large for the host, or a photo, its contact sheet is shown. */
  async #file({ clip_id: id, kind, bytes }, sheet, signal) {
    if (this.connection.streams) return this.connection.fileUrl(id);
    if (kind === "photo") return sheet;
    try {
      return await this.connection.fileUrl(id, { bytes, signal, progress: (came) => this.told.loading(came / bytes) });
    } catch (error) {
      if (!signal.aborted) toast(error.message, { hint: error.hint, kind: "error" });
      return sheet;
    } finally {
      if (!signal.aborted) this.told.loading(1);
    }
  }

  #photo(file) {
    return el("div", { class: "screen" }, el("img", { src: file, alt: this.clip.title }));
  }

  #player(file, sheet, found, at) {
    const { clip } = this;
    const video = el("video", {
      onloadedmetadata: () => Math.abs(video.currentTime - at) > 0.5 && (video.currentTime = at),
      src: `${file}#t=${at}`,
      playsinline: true,
      preload: "auto",
      tabindex: "-1",
      onclick: () => this.#toggle(),
    });
    const time = el("span", { class: "time" });
    const toggle = el("button", { type: "button", class: "plain", onclick: () => this.#toggle() });
    const mute = el("button", { type: "button", class: "plain", onclick: () => (video.muted = !video.muted) });
    const line = scrubber(clip, found, (second, plays) => {
      video.currentTime = second;
      if (plays) video.play().catch(() => {});
    });
    const show = () => {
      line.show(video.currentTime);
      time.textContent = `${clock(video.currentTime, true)} / ${clock(clip.duration_s, true)}`;
      toggle.replaceChildren(icon(video.paused ? "play" : "pause"));
      toggle.setAttribute("aria-label", video.paused ? "Play" : "Pause");
      mute.replaceChildren(icon(video.muted ? "muted" : "sound"));
      mute.setAttribute("aria-label", video.muted ? "Unmute" : "Mute");
    };
    for (const name of ["timeupdate", "seeking", "play", "pause", "volumechange", "loadedmetadata"])
      video.addEventListener(name, show);
    video.addEventListener("error", () =>
      video.replaceWith(el("img", { src: sheet, alt: "Its contact sheet: this browser cannot play the file" })),
    );
    this.video = video;
    show();
    const full = el(
      "button",
      { type: "button", class: "plain", "aria-label": "Full screen", onclick: () => video.requestFullscreen?.() },
      icon("full"),
    );
    return [
      el("div", { class: "screen" }, video),
      line.element,
      el("div", { class: "controls" }, toggle, time, clip.has_audio && mute, full),
      el(
        "p",
        { class: "keys" },
        KEYS.map(([key, does]) => el("span", {}, el("kbd", {}, key), does)),
      ),
    ];
  }

  #side(file) {
    const { clip, connection } = this;
    const kin = parents(clip);
    return [
      el("h2", { id: "clip-title", dir: "auto" }, clip.title),
      el("div", { class: "actions" }, ...this.#actions(file)),
      clip.prompt !== clip.title && el("p", { class: "prompt", dir: "auto" }, clip.prompt),
      clip.tags.length > 0 && el("p", { class: "tags" }, ...clip.tags.map((tag) => el("span", { class: "tag" }, tag))),
      facts(clip),
      signature(connection, clip),
      kin.length > 0 &&
        el(
          "section",
          {},
          el("h3", {}, "Made from"),
          tree(connection, kin, (entry, at) => this.open(entry, at)),
        ),
    ];
  }

  #actions(file) {
    const { clip } = this;
    const button = (name, onclick, kind = "quiet") => el("button", { type: "button", class: kind, onclick }, name);
    return [
      button("Copy reference for my agent", () => this.#copy(), "strong"),
      button(clip.pinned ? "Unpin" : "Pin", () => this.#update({ pinned: !clip.pinned })),
      button("Rename", () => this.#rename()),
      el(
        "a",
        { class: "quiet", href: file, download: `${clip.clip_id}.${clip.kind === "photo" ? "jpg" : "mp4"}` },
        "Download",
      ),
      clip.kind !== "photo" &&
        button("Export", () => askExport(this.connection, this.clip, this.video?.currentTime ?? 0)),
      button("Delete", () => this.#delete(), "quiet danger"),
    ];
  }

  async #copy() {
    const reference = referenceTo(this.clip.clip_id, this.video?.currentTime ?? 0);
    try {
      await navigator.clipboard.writeText(reference);
      toast(`Copied ${reference}`, { hint: "Any tool of your agent takes it as an input.", seconds: 4 });
    } catch {
      toast(reference, { hint: "The browser does not let a page copy here: select it by hand.", seconds: 30 });
    }
  }

  async #update(change) {
    const changed = await attempt(() => this.connection.call("update_clip", { clip: this.clip.clip_id, ...change }));
    if (!changed) return;
    this.clip = await this.connection.clip(this.clip.clip_id);
    this.dialog.querySelector(".side").replaceChildren(...this.#side(this.file).filter(Boolean));
    this.told.changed(this.clip);
  }

  #rename() {
    const title = this.dialog.querySelector("h2");
    const input = el("input", { value: this.clip.title, maxlength: "400", "aria-label": "New title", dir: "auto" });
    const form = el(
      "form",
      { class: "rename", onsubmit: (event) => (event.preventDefault(), this.#update({ title: input.value })) },
      input,
      el("button", { class: "strong" }, "Save"),
    );
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // or the dialog closes
      form.replaceWith(title);
    });
    title.replaceWith(form);
    input.select();
  }

  async #delete() {
    const { clip_id: id, title } = this.clip;
    if (!(await attempt(() => this.connection.call("delete_clip", { clip: id })))) return;
    this.dialog.close();
    this.told.deleted(id);
    const restore = async () =>
      (await attempt(() => this.connection.call("delete_clip", { clip: id, restore: true }))) && this.told.restored();
    toast(`“${title}” is in the trash for 30 days.`, { action: { name: "Undo", run: restore }, seconds: 30 });
  }

  #toggle() {
    if (this.video?.paused) this.video.play().catch(() => {});
    else this.video?.pause();
  }

  #onKey(event) {
    const { video } = this;
    if (!video || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, summary"))
      return;
    const frame = 1 / (this.clip.fps || 24);
    const keys = {
      " ": () => this.#toggle(),
      ArrowLeft: () => (video.currentTime -= 1),
      ArrowRight: () => (video.currentTime += 1),
      ",": () => (video.currentTime -= frame),
      ".": () => (video.currentTime += frame),
      Home: () => (video.currentTime = 0),
      m: () => (video.muted = !video.muted),
      f: () => video.requestFullscreen?.(),
      c: () => this.#copy(),
    };
    if (!(event.key in keys) || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    keys[event.key]();
  }
}
