// Elements without markup: every text becomes a text node, so nothing that an archive holds can act as HTML.

const SVG = "http://www.w3.org/2000/svg";

// What an icon draws, on 16 x 16 units.
const ICONS = {
  play: "M4.5 2.8v10.4L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  sound: "M2 6h2.5L8 3v10L4.5 10H2zM10.5 5.2a4 4 0 0 1 0 5.6M12.4 3.4a6.5 6.5 0 0 1 0 9.2",
  muted: "M2 6h2.5L8 3v10L4.5 10H2zM10.5 6l4 4M14.5 6l-4 4",
  full: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  pin: "M5.5 2.5h5M6.5 2.5v4L4.5 9h7l-2-2.5v-4M8 9v4.5",
};
const FILLED = new Set(["play", "pause"]);

/** An element with attributes, listeners (`onclick`), and children: elements, texts and lists. Null and false are left out. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", FILLED.has(name) ? "icon filled" : "icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Show one message: what happened, what to do next, and perhaps a button that does it. */
export function toast(message, { hint = "", action = null, kind = "note", seconds = 8 } = {}) {
  const close = () => {
    shown.remove();
    if (!byId("toasts").children.length) byId("toasts").hidePopover?.();
  };
  const shown = el(
    "div",
    { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" },
    el("p", {}, message, hint && el("small", {}, hint)),
    action && el("button", { type: "button", class: "text", onclick: () => (close(), action.run()) }, action.name),
    el("button", { type: "button", class: "plain", "aria-label": "Close the message", onclick: close }, icon("close")),
  );
  const toasts = byId("toasts");
  toasts.append(shown);
  toasts.hidePopover?.();
  toasts.showPopover?.(); // again, so that it lies above a dialog that was opened since
  setTimeout(close, seconds * 1000);
}

/** Run what may fail; a failure is told, with what to do. Gives undefined then. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { hint: error.hint, kind: "error", seconds: 15 });
    return undefined;
  }
}

/** What the page keeps in this browser; nothing where a host lets it keep nothing. */
export function remembered(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // asked again next time
  }
}

export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** 75.4 as 1:15, or with tenths as 1:15.4. */
export function clock(seconds, tenths = false) {
  const whole = tenths ? Math.round(seconds * 10) / 10 : Math.round(seconds);
  const rest = (whole % 60).toFixed(tenths ? 1 : 0).padStart(tenths ? 4 : 2, "0");
  return `${Math.floor(whole / 60)}:${rest}`;
}

export function size(bytes) {
  const [unit, name] = bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  return `${(bytes / unit).toFixed(bytes / unit < 10 ? 1 : 0)} ${name}`;
}
