// How the page reaches the studio: MCP over HTTP, and signed links for the files.

const PROTOCOL = "2026-07-28";
const TOKEN = "token"; // of this tab alone: no other origin and no other tab reads it

/** What the studio said that it cannot do, with what to do instead. */
export class Refusal extends Error {
  constructor(message, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/** The server wants a token, or another one. */
export class NeedsToken extends Refusal {}

/** Nobody answers. */
export class Offline extends Refusal {
  constructor() {
    super("The studio does not answer.", "Start it again with ltx-mcp studio, or ltx-mcp serve --http.");
  }
}

export class HttpConnection {
  streams = true; // a file is played while it comes
  #asked = 0;
  #clips = new Map();

  constructor() {
    this.token = sessionStorage.getItem(TOKEN) ?? "";
  }

  /** Exchange the code in the address, which works once, for the token; the address forgets it. */
  async enter() {
    const code = location.hash.slice(1);
    if (code.length < 40) return;
    history.replaceState(null, "", location.pathname);
    const answer = await this.#fetch("page/session", { method: "POST", body: code });
    const told = await answer.json();
    if (answer.ok) this.use(told.token);
    else if (!this.token) throw new NeedsToken(told.error);
  }

  use(token) {
    this.token = token;
    this.#clips.clear(); // they were another owner's
    sessionStorage.setItem(TOKEN, token);
  }

  /** What a tool answers as data. */
  async call(tool, given = {}) {
    const result = await this.#ask("tools/call", { name: tool, arguments: given }, tool);
    return dataOf(result);
  }

  /** A resource that is JSON. */
  async read(uri) {
    const { contents } = await this.#ask("resources/read", { uri }, uri);
    return JSON.parse(contents[0].text);
  }

  /** A clip's facts. */
  async clip(id) {
    return (await this.#clip(id)).clip;
  }

  async fileUrl(id) {
    return (this.#clips.get(id) ?? (await this.#clip(id))).file;
  }

  async sheetUrl(id) {
    return (this.#clips.get(id) ?? (await this.#clip(id))).sheet;
  }

  async #clip(id) {
    const answer = await this.#fetch(`page/clips/${encodeURIComponent(id)}`);
    const told = parse(await answer.text());
    if (!answer.ok) throw new Refusal(told.error);
    this.#clips.set(id, told);
    return told;
  }

  async #ask(method, params, name) {
    const id = ++this.#asked;
    const meta = {
      "io.modelcontextprotocol/protocolVersion": PROTOCOL,
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const answer = await this.#fetch("mcp", {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } }),
      headers: {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": PROTOCOL,
        "mcp-method": method,
        "mcp-name": name,
      },
    });
    const message = messageIn(await answer.text(), answer.headers.get("content-type") ?? "", id);
    if (!message) throw new Refusal(`The studio answered ${answer.status}.`, "Its log says why.");
    if (message.error) throw new Refusal(message.error.message);
    return message.result;
  }

  async #fetch(path, { headers = {}, ...request } = {}) {
    const authorization = this.token ? { authorization: `Bearer ${this.token}` } : {};
    let answer;
    try {
      answer = await fetch(path, { ...request, headers: { ...headers, ...authorization }, cache: "no-store" });
    } catch {
      throw new Offline();
    }
    if (answer.status === 401) throw new NeedsToken("This archive is opened with a token.");
    return answer;
  }
}

/** The data of a tool's result. An error's message and hint are apart in its `_meta`, or in the job that failed. */
export function dataOf(result) {
  if (!result.isError) return result.structuredContent;
  const error = result._meta?.["ltx-mcp/error"] ?? result.structuredContent?.error;
  throw error
    ? new Refusal(error.message, error.hint)
    : new Refusal(result.content.map((block) => block.text).join("\n"));
}

/** JSON whose seeds keep every digit, where the browser tells them: they have up to 63 bits, its numbers 53. */
export function parse(text) {
  return JSON.parse(text, (key, value, { source } = {}) =>
    key === "seed" && source && source !== "null" ? source : value,
  );
}

function messageIn(text, type, id) {
  try {
    if (!type.startsWith("text/event-stream")) return JSON.parse(text);
    const lines = text.split("\n").filter((line) => line.startsWith("data:") && line.length > 6);
    return lines.map((line) => JSON.parse(line.slice(5))).find((message) => message.id === id);
  } catch {
    return null;
  }
}
