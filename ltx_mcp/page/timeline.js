// A clip's timeline: its length as a line, with the moments that were found, where shots change, and a playhead.

import { clock, el } from "./dom.js";

/** The moments of a clip as buttons on a line. `onMoment` is called with the one that was chosen. */
export function moments(clip, found, onMoment) {
  return found.map((moment) => {
    const mark = el("button", {
      type: "button",
      class: "moment",
      title: moment.said || "",
      "aria-label": `Play from ${clock(moment.start_s, true)}, found ${found.indexOf(moment) + 1} of ${found.length}`,
      onclick: (event) => (event.stopPropagation(), onMoment(moment)),
    });
    place(mark, moment.start_s, moment.end_s, clip.duration_s);
    return mark;
  });
}

/** A slider over the whole clip. Gives the element and `show(seconds)`; `onSeek` is called with seconds. */
export function scrubber(clip, found, onSeek) {
  const head = el("i", { class: "head" });
  const played = el("i", { class: "played" });
  const cuts = (clip.cuts_s ?? []).map((second) => placed(el("i", { class: "cut" }), second, second, clip.duration_s));
  const rail = el("div", { class: "rail" }, played, cuts, head);
  const slider = el(
    "div",
    {
      class: "scrub",
      role: "slider",
      tabindex: "0",
      "aria-label": "Time",
      "aria-valuemin": "0",
      "aria-valuemax": clip.duration_s,
      onpointerdown: (event) => {
        slider.setPointerCapture(event.pointerId);
        onSeek(secondAt(event));
      },
      onpointermove: (event) => event.buttons && onSeek(secondAt(event)),
    },
    rail,
  );
  const secondAt = (event) => {
    const { left, width } = rail.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width)) * clip.duration_s;
  };
  const show = (second) => {
    const share = `${(100 * second) / (clip.duration_s || 1)}%`;
    played.style.width = share;
    head.style.left = share;
    slider.setAttribute("aria-valuenow", second.toFixed(1));
    slider.setAttribute("aria-valuetext", `${clock(second, true)} of ${clock(clip.duration_s, true)}`);
  };
  const marks = el(
    "div",
    { class: "marks" },
    moments(clip, found, (moment) => onSeek(moment.start_s, true)),
  );
  return { element: el("div", { class: "timeline" }, slider, marks), show };
}

const placed = (element, ...where) => (place(element, ...where), element);

function place(element, start, end, duration) {
  element.style.left = `${(100 * start) / (duration || 1)}%`;
  element.style.width = `${(100 * (end - start)) / (duration || 1)}%`;
}
