// Which clips are shown: the newest by pages, or those in which a search found moments.

const PAGE = 20; // the most that search_clips gives at once

/** One page of the newest clips, each with its facts; `before` is the created_at of the last one shown. */
export async function newest(connection, kind, before) {
  const asked = { limit: PAGE, images: false, ...(kind && { kind }), ...(before && { created_before: before }) };
  const found = await connection.call("search_clips", asked);
  const entries = await withFacts(
    connection,
    found.moments.map((moment) => ({ id: moment.clip_id, moments: [] })),
  );
  return { entries, total: found.total_clips, more: found.moments.length === PAGE, note: found.note };
}

/** The clips in which moments were found, best first, and the moments of each. */
export async function search(connection, query, kind) {
  const asked = { query, limit: PAGE, moments_per_clip: 5, images: false, ...(kind && { kind }) };
  const found = await connection.call("search_clips", asked);
  const entries = await withFacts(connection, grouped(found.moments));
  return { entries, total: found.total_clips, more: false, note: found.note };
}

/** Moments by their clips, each in the place of its best one. */
export function grouped(moments) {
  const byClip = new Map();
  for (const moment of moments) {
    if (!byClip.has(moment.clip_id)) byClip.set(moment.clip_id, { id: moment.clip_id, moments: [] });
    byClip.get(moment.clip_id).moments.push(moment);
  }
  return [...byClip.values()];
}

/** Entries with their facts. A clip that was deleted meanwhile, or cannot be read, is left out. */
export async function withFacts(connection, entries) {
  const told = await Promise.allSettled(entries.map(({ id }) => connection.clip(id)));
  return entries.map((entry, index) => ({ ...entry, clip: told[index].value })).filter((entry) => entry.clip);
}

/** The references to clips of this archive that a clip was made from, as a film's sources or a request names them. */
export function parents(clip) {
  const asked = clip.requested ?? {};
  const named = (clip.sources ?? []).map((source) => ({ ...clipPart(source.reference), ...span(source) }));
  const single = [
    clip.source,
    asked.extend,
    asked.retake,
    asked.video,
    asked.image,
    asked.end_image,
    asked.base,
    asked.clip,
  ];
  const others = single.filter((each) => typeof each === "string").map(clipPart);
  const seen = new Set();
  return [...named, ...others].filter(({ reference, id }) => {
    const known = seen.has(id ?? reference);
    seen.add(id ?? reference);
    return !known;
  });
}

const CLIP_PART = /^([a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-hjkmnp-tv-z]{8})(?:@([0-9.]+)(?:-[0-9.]+)?)?$/;

/** A media reference: that of a clip has an `id`, and perhaps a second; any other is a file, whose name is enough. */
export function clipPart(reference) {
  const found = CLIP_PART.exec(reference);
  if (!found) return { reference: reference.split(/[\\/]/).pop() };
  return { reference, id: found[1], at: found[2] ? Number(found[2]) : 0 };
}

function span({ start_s: start, end_s: end }) {
  return typeof start === "number" ? { at: start, until: end } : {};
}

/** How another program names a place in a clip. */
export const referenceTo = (id, seconds) => (seconds > 0.05 ? `${id}@${Math.round(seconds * 10) / 10}` : id);
