// Exporting: which format, and into which folder of the machine that the studio runs on.

import { attempt, byId, el, remember, remembered, toast } from "./dom.js";

const FORMATS = {
  mp4: "MP4 (H.264)",
  webm: "WebM",
  gif: "GIF",
  prores: "ProRes",
  png: "PNG of this frame",
  wav: "WAV, its audio",
};

/** Ask, and write the clip; as PNG its frame at this second. */
export function askExport(connection, clip, second) {
  const ask = byId("ask");
  const format = el(
    "select",
    {},
    Object.entries(FORMATS).map(([value, name]) => el("option", { value }, name)),
  );
  const folder = el("input", { required: true, placeholder: "/home/me/Videos", value: remembered("folder") });
  const write = (event) => {
    event.preventDefault();
    remember("folder", folder.value);
    ask.close();
    const part = format.value === "png" ? `${clip.clip_id}@${second.toFixed(2)}` : clip.clip_id;
    attempt(() => written(connection, { clip: part, format: format.value, folder: folder.value }));
  };
  ask.replaceChildren(
    el(
      "form",
      { onsubmit: write },
      el("h2", { id: "ask-title" }, "Export"),
      el("label", {}, "Format", format),
      el(
        "label",
        {},
        "Folder on the studio's machine",
        folder,
        el("small", {}, "One of LTX_MCP_ROOTS, or inside one."),
      ),
      el(
        "div",
        { class: "actions" },
        el("button", { class: "strong" }, "Export"),
        el("button", { type: "button", class: "quiet", onclick: () => ask.close() }, "Cancel"),
      ),
    ),
  );
  ask.showModal();
}

async function written(connection, asked) {
  const job = await connection.call("export_clip", asked);
  if (job.file) toast("Exported.", { hint: job.file.path, seconds: 15 });
  else toast("The export goes on.", { hint: "Recent jobs says when it is done." });
}
