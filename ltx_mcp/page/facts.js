// What is known of a clip: how it was made, what moderation said, whether its signature holds, and what it was made from.

import { parents } from "./clips.js";
import { clock, el, size } from "./dom.js";

const KINDS = {
  generated: "Generated",
  animated: "Animated image",
  restyled: "Restyled",
  imported: "Footage",
  edited: "Film",
  photo: "Photo",
};
const CHECKED_AT_ONCE = 200e6; // bytes; a larger file is read on request
const DEEPEST = 4; // of the tree of sources

/** The table of facts. */
export function facts(clip) {
  const made = new Date(clip.created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const loras = clip.loras.map((lora) => lora.name).join(", ");
  const moving = clip.kind !== "photo";
  const rows = {
    Kind: KINDS[clip.kind],
    Made: made,
    Length: moving && `${clock(clip.duration_s, true)}, ${clip.frames} frames at ${Number(clip.fps.toFixed(3))} fps`,
    Size: `${clip.width} × ${clip.height}, ${size(clip.bytes)}`,
    Audio: moving && (clip.has_audio ? "yes" : "none"),
    Model: clip.model,
    Recipe: clip.recipe,
    Seed: clip.seed ?? null,
    LoRAs: loras,
    Shots: clip.effective?.shots?.length,
    Notes: clip.effective?.notes?.join(" "),
    Moderation: verdict(clip.moderation),
    Reference: clip.clip_id,
  };
  const shown = Object.entries(rows).filter(
    ([, value]) => value !== null && value !== undefined && value !== "" && value !== false,
  );
  return el(
    "dl",
    { class: "facts" },
    shown.map(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, String(value))]),
  );
}

function verdict({ verdict: said, max_score: score, threshold, frames_seen: seen, model }) {
  const limit = threshold ? ` of ${threshold.toFixed(2)}` : "";
  return `${said} by ${model}: highest score ${score.toFixed(3)}${limit}${seen ? `, ${seen} frames` : ""}`;
}

/** Whether the file is signed, and once it was looked at, whether that still holds. */
export function signature(connection, clip) {
  const { signed, digital_source_type: source } = clip.provenance;
  const said = el(
    "p",
    {},
    signed ? "The file carries a signed manifest of where it comes from." : "The file is not signed.",
  );
  const marked = {
    trainedAlgorithmicMedia: "Made by a model.",
    compositeWithTrainedAlgorithmicMedia: "In part made by a model.",
  };
  const mark = marked[source?.split("/").pop()];
  const check = async () => {
    said.textContent = "Looking at the signature…";
    try {
      said.textContent = (await connection.read(`ltx://verify/${clip.clip_id}`)).answer;
    } catch (error) {
      said.textContent = error.message;
    }
  };
  if (signed && clip.bytes < CHECKED_AT_ONCE) check();
  return el(
    "section",
    { class: "signature" },
    el("h3", {}, "Provenance"),
    mark && el("p", {}, mark),
    said,
    clip.bytes >= CHECKED_AT_ONCE &&
      el("button", { type: "button", class: "quiet", onclick: check }, "Check the signature"),
  );
}

/** The clips and files that a clip was made from, and those of each of them in turn. */
export function tree(connection, kin, open, depth = 1) {
  return el(
    "ul",
    { class: "tree" },
    kin.map((parent) => branch(connection, parent, open, depth)),
  );
}

function branch(connection, { reference, id, at = 0, until }, open, depth) {
  const place = until === undefined ? (at ? `at ${clock(at, true)}` : "") : `${clock(at, true)}–${clock(until, true)}`;
  const item = el("li", {}, el("span", { class: "file", dir: "auto" }, reference), place && el("small", {}, place));
  if (id) grow(connection, item, id, at, place, open, depth);
  return item;
}

async function grow(connection, item, id, at, place, open, depth) {
  try {
    const clip = await connection.clip(id);
    const kin = depth < DEEPEST ? parents(clip) : [];
    item.replaceChildren(
      el("button", { type: "button", class: "text", dir: "auto", onclick: () => open({ clip }, at) }, clip.title),
      place && el("small", {}, place),
      ...(kin.length ? [tree(connection, kin, open, depth + 1)] : []),
    );
  } catch {
    item.append(el("small", {}, "not in the archive any more"));
  }
}
