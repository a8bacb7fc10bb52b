// How the page reaches the studio from inside an agent's chat (MCP Apps, revision 2026-01-26): JSON-RPC by messages to the
// window around it, whose host passes calls on. Nothing is fetched: files come as resources.

import { dataOf, parse, Refusal } from "./connection.js";

const REVISION = "2026-01-26";
const MAX_BYTES = 200e6; // of a video: a browser takes a data: URL of up to 512 MB, as base64
const FULL_PART = 4 * 1024 * 1024; // characters of base64: the server's 3 MiB

export class HostConnection {
  streams = false; // a file comes whole
  given = {}; // what the tool was asked
  #asked = 0;
  #waiting = new Map();

  /** `shown` is called with each result of the tool that the view belongs to. */
  constructor(shown) {
    this.shown = shown;
    addEventListener("message", (event) => event.source === parent && this.#onMessage(event.data));
  }

  async enter() {
    const { hostContext } = await this.#ask("ui/initialize", {
      appInfo: { name: "ltx-mcp", version: "1" },
      appCapabilities: {},
      protocolVersion: REVISION,
    });
    this.#adapt(hostContext);
    this.#tell("ui/notifications/initialized", {});
    new ResizeObserver(() =>
      this.#tell("ui/notifications/size-changed", { height: document.body.scrollHeight }),
    ).observe(document.body);
  }

  async call(tool, given = {}) {
    return dataOf(await this.#ask("tools/call", { name: tool, arguments: given }));
  }

  async read(uri) {
    return parse((await this.#content(uri)).text);
  }

  clip(id) {
    return this.read(`clip://${id}`);
  }

  /** The video as a data: URL, since hosts let a view play no other. `progress` is told the bytes that have come. */
  async fileUrl(id, { bytes, signal, progress }) {
    if (bytes > MAX_BYTES) throw new Refusal("The video is too large for the chat.", "Open its file, or ltx-mcp studio.");
    const parts = [];
    do {
      parts.push((await this.#content(`clip://${id}/video/${parts.length}`)).blob);
      signal.throwIfAborted();
      progress(parts.length * FULL_PART * 0.75);
    } while (parts.at(-1).length === FULL_PART);
    return `data:video/mp4;base64,${parts.join("")}`;
  }

  sheetUrl(id) {
    return this.#dataUrl(`clip://${id}/sheet`);
  }

  async #dataUrl(uri) {
    const { blob, mimeType } = await this.#content(uri);
    return `data:${mimeType};base64,${blob}`;
  }

  async #content(uri) {
    return (await this.#ask("resources/read", { uri })).contents[0];
  }

  #ask(method, params) {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      parent.postMessage({ jsonrpc: "2.0", id, method, params }, "*"); // a host's origin is not known; nothing secret is said
    });
  }

  #tell(method, params) {
    parent.postMessage({ jsonrpc: "2.0", method, params }, "*");
  }

  #onMessage({ jsonrpc, id, method, params, result, error } = {}) {
    if (jsonrpc !== "2.0") return;
    if (method === "ui/notifications/tool-input") this.given = params.arguments ?? {};
    else if (method === "ui/notifications/tool-result") this.shown(params);
    else if (method === "ui/notifications/host-context-changed") this.#adapt(params);
    else if (method && id !== undefined)
      parent.postMessage({ jsonrpc, id, result: {} }, "*"); // ping, ui/resource-teardown
    else if (this.#waiting.has(id)) {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Refusal(error.message));
      else resolve(result);
    }
  }

  #adapt({ theme } = {}) {
    if (theme) document.documentElement.style.colorScheme = theme;
  }
}
