// The same player and board inside an agent's chat: what a tool answered, as something to look at.

import { card } from "./cards.js";
import { ClipView } from "./clip_view.js";
import { grouped, withFacts } from "./clips.js";
import { attempt, byId } from "./dom.js";
import { HostConnection } from "./host.js";
import { jobRow } from "./jobs.js";

const WAIT_S = 5; // of a look at a job, which the studio answers earlier if it ends

const connection = new HostConnection((result) => attempt(() => show(result.structuredContent ?? {})));
const view = new ClipView(connection, { changed() {}, deleted() {}, restored() {}, closed() {}, loading });

async function show(answered) {
  if (answered.moments) await board(answered);
  else if (answered.clip) await player(answered.clip.clip_id);
  else if (answered.job_id && ["queued", "running"].includes(answered.status)) await follow(answered);
}

function loading(part) {
  byId("loading").hidden = part >= 1;
  byId("loading").value = part;
}

async function board({ moments, note, total_clips: total }) {
  const entries = await withFacts(connection, grouped(moments));
  byId("status").textContent = note || `${total} clips in the archive`;
  byId("grid").replaceChildren(
    ...entries.map((entry) => card(connection, entry, (shown, at) => attempt(() => view.open(shown, at)))),
  );
}

async function player(id) {
  await view.open({ clip: await connection.clip(id) });
}

/** Show a job's progress until it has ended, then its clip. */
async function follow(job) {
  const row = jobRow(
    { job_id: job.job_id, prompt: connection.given.prompt ?? connection.given.title ?? job.job_id },
    () => attempt(() => connection.call("cancel_job", { job_id: job.job_id })),
  );
  byId("running").replaceChildren(row.element);
  while (["queued", "running"].includes(job.status)) {
    row.show(job);
    job = await connection.call("get_job", { job_id: job.job_id, wait_s: WAIT_S });
  }
  row.element.remove();
  byId("status").textContent = job.status === "succeeded" ? "" : `The job was ${job.status}.`;
  await show(job);
}

connection.enter();
