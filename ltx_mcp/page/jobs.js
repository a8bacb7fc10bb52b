// The jobs: those that run with their progress, the time that is left and a button that stops them, and how others ended.

import { attempt, byId, clock, el, toast } from "./dom.js";

const SOON_MS = 1000; // between looks while a job runs
const LATER_MS = 5000;
const ENDED_SHOWN = 8;

export class Jobs {
  #running = new Map(); // the row of each, which stays the same so that its button keeps the focus
  #made = null; // the jobs that had made a clip at the last look

  /** `finished` is called when a clip was made, `open` with the id of one, `failed` with what a look failed with. */
  constructor(connection, { finished, open, failed }) {
    this.connection = connection;
    this.told = { finished, open, failed };
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  /** Look now, and then for as long as the page is seen. */
  async look() {
    clearTimeout(this.timer);
    try {
      const { recent } = await this.connection.call("get_job");
      await this.#show(recent);
    } catch (error) {
      this.told.failed(error);
    }
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => this.look(), this.#running.size ? SOON_MS : LATER_MS);
  }

  async #show(recent) {
    const active = recent.filter(isActive);
    for (const line of active) await this.#progress(line);
    for (const [id, row] of this.#running) {
      if (active.some((line) => line.job_id === id)) continue;
      row.element.remove();
      this.#running.delete(id);
    }
    const made = new Set(recent.filter(({ status }) => status === "succeeded").map(({ job_id: id }) => id));
    if (this.#made && [...made].some((id) => !this.#made.has(id))) this.told.finished();
    this.#made = made;
    const ended = recent.filter((line) => !isActive(line)).slice(0, ENDED_SHOWN);
    byId("recent").hidden = ended.length === 0;
    byId("ended").replaceChildren(...ended.map((line) => this.#line(line)));
  }

  async #progress(line) {
    const row = this.#running.get(line.job_id) ?? this.#row(line);
    const job = await this.connection.call("get_job", { job_id: line.job_id, wait_s: 0 }).catch(() => null);
    if (job) row.show(job);
  }

  #row(line) {
    const row = jobRow(line, (button) => this.#cancel(line.job_id, button));
    this.#running.set(line.job_id, row);
    byId("running").append(row.element);
    return row;
  }

  async #cancel(id, button) {
    button.disabled = true;
    if (await attempt(() => this.connection.call("cancel_job", { job_id: id })))
      toast("The job was cancelled.", { hint: "Nothing of it is kept.", seconds: 4 });
    this.look();
  }

  #line({ job_id: id, status, prompt, clip_id: clip }) {
    const name = el("span", { dir: "auto" }, prompt);
    const why = () => attempt(() => this.connection.call("get_job", { job_id: id, wait_s: 0 }));
    const act = clip
      ? ["Open", () => this.told.open(clip)]
      : ["failed", "refused", "held"].includes(status)
        ? ["Why?", why]
        : null;
    return el(
      "li",
      {},
      el("span", { class: `state ${status}` }, status),
      name,
      act &&
        el("button", { type: "button", class: "text", "aria-label": `${act[0]} ${prompt}`, onclick: act[1] }, act[0]),
    );
  }
}

const isActive = ({ status }) => status === "queued" || status === "running";

/** A running job as an element, and `show`, which is given what get_job says of it. */
export function jobRow({ job_id: id, prompt }, onCancel) {
  const bar = el("progress", { max: "1", "aria-label": "Progress" });
  const said = el("span", { class: "stage-name" });
  const cancel = el(
    "button",
    { type: "button", class: "quiet", "aria-label": `Cancel ${prompt}`, onclick: () => onCancel(cancel) },
    "Cancel",
  );
  const element = el(
    "li",
    { class: "job", "data-job": id },
    el("p", { class: "prompt", dir: "auto" }, prompt),
    said,
    bar,
    cancel,
  );
  const show = ({ status, stage, progress, queue_position: place, eta_s: left }) => {
    bar.value = progress ?? 0;
    const waits =
      status === "queued"
        ? `waits, ${place ? `${place} before it` : "next"}`
        : `${stage ?? ""} ${Math.round(100 * (progress ?? 0))} %`;
    said.textContent = left ? `${waits} · ${clock(left)} left` : waits;
  };
  return { element, show };
}
