// The grid: a card for each clip, whose preview plays while it is pointed at or focused. Arrows walk through it.

import { clock, el, icon, isStill } from "./dom.js";
import { moments } from "./timeline.js";

const NEAR = "300px"; // of the window: what is further away is not loaded

/** A card. `open` is called with the entry, and the second to begin at; null for the beginning. */
export function card(connection, entry, open) {
  const { clip, moments: found } = entry;
  const frame = el("div", { class: "frame" });
  frame.style.setProperty("--ratio", clip.width / clip.height);
  const begin = () => open(entry, found[0]?.start_s ?? null);
  const item = el(
    "li",
    { class: "card", "data-clip": clip.clip_id },
    el("button", { type: "button", class: "open", "aria-label": clip.title, onclick: begin }, frame),
    found.length > 0 && clip.duration_s > 0 && foundLine(clip, found, (moment) => open(entry, moment.start_s)),
    el("p", { class: "title", dir: "auto", onclick: begin }, clip.title),
    found.length > 0 && el("p", { class: "found", dir: "auto" }, why(found[0])),
    el("p", { class: "meta" }, meta(clip)),
  );
  item.style.setProperty("--ratio", clip.width / clip.height);
  preview(connection, entry, item, frame);
  return item;
}

function foundLine(clip, found, onMoment) {
  return el(
    "div",
    { class: "timeline" },
    el("div", { class: "rail" }),
    el("div", { class: "marks" }, moments(clip, found, onMoment)),
  );
}

/** When the best moment is, and what of it was found. */
function why({ start_s: start, matched, said, kind }) {
  const found = said
    ? `heard “${said}”`
    : ({ vision: "seen", text: "in its words", both: "seen, and in its words" }[matched] ?? "");
  return kind === "photo" ? found : `${clock(start, true)} ${found}`;
}

function meta(clip) {
  const length = clip.kind === "photo" ? "photo" : clock(clip.duration_s);
  const silent = clip.kind !== "photo" && !clip.has_audio;
  return [
    clip.pinned && el("span", { class: "pinned", title: "Pinned", role: "img", "aria-label": "Pinned" }, icon("pin")),
    length,
    ` · ${clip.width}×${clip.height}`,
    silent && " · silent",
  ];
}

/** Fill the frame when the card comes near the window, empty it when it goes; play while pointed at or focused. */
function preview(connection, { clip, moments: found }, item, frame) {
  const [from, to] = [found[0]?.start_s ?? 0, found[0]?.end_s ?? Infinity];
  watch(item, async (isNear) => {
    frame.replaceChildren();
    if (!isNear) return;
    if (clip.kind === "photo")
      return frame.replaceChildren(
        image(await (connection.streams ? connection.fileUrl(clip.clip_id) : connection.sheetUrl(clip.clip_id))),
      );
    if (!connection.streams) return frame.replaceChildren(image(await connection.sheetUrl(clip.clip_id)));
    const video = el("video", {
      preload: "metadata",
      muted: true,
      playsinline: true,
      tabindex: "-1",
      "aria-hidden": "true",
    });
    video.muted = true;
    video.addEventListener("error", async () => frame.replaceChildren(image(await connection.sheetUrl(clip.clip_id))));
    video.addEventListener("timeupdate", () => video.currentTime > to && (video.currentTime = from));
    video.addEventListener("ended", () => ((video.currentTime = from), video.play().catch(() => {})));
    video.src = `${await connection.fileUrl(clip.clip_id)}#t=${found[0]?.peak_s ?? 0}`;
    frame.replaceChildren(video);
  });
  const play = () =>
    isStill() ||
    frame
      .querySelector("video")
      ?.play()
      .catch(() => {}); // paused again before it began
  const stop = () => frame.querySelector("video")?.pause();
  item.addEventListener("pointerenter", play);
  item.addEventListener("pointerleave", stop);
  item.addEventListener("focusin", play);
  item.addEventListener("focusout", stop);
}

const image = (url) => el("img", { src: url, alt: "", loading: "lazy" });

const watched = new WeakMap();
const watcher = new IntersectionObserver(
  (seen) => seen.forEach((each) => watched.get(each.target)(each.isIntersecting)),
  { rootMargin: NEAR },
);

function watch(item, onNear) {
  watched.set(item, onNear);
  watcher.observe(item);
}

/** Left and right walk along the cards, up and down to the nearest of the next row, Home and End to the ends. */
export function walk(grid, event) {
  const cards = [...grid.querySelectorAll(".open")];
  const here = cards.indexOf(document.activeElement?.closest(".card")?.querySelector(".open"));
  if (here < 0) return;
  const steps = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: cards.length - 1 };
  const next =
    event.key in steps ? cards[steps[event.key]] : nearest(cards, here, { ArrowDown: 1, ArrowUp: -1 }[event.key]);
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function nearest(cards, here, direction) {
  if (!direction) return null;
  const middle = (each) => (each.left + each.right) / 2;
  const from = cards[here].getBoundingClientRect();
  const places = cards.map((each) => [each, each.getBoundingClientRect()]);
  const beyond = places.filter(([, place]) => (place.top - from.top) * direction > from.height / 2);
  const rows = beyond.map(([, place]) => place.top);
  const row = direction > 0 ? Math.min(...rows) : Math.max(...rows);
  const inRow = beyond.filter(([, place]) => Math.abs(place.top - row) < 4);
  inRow.sort(([, a], [, b]) => Math.abs(middle(a) - middle(from)) - Math.abs(middle(b) - middle(from)));
  return inRow[0]?.[0];
}
