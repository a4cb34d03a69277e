// Calls to the API. The session is a cookie that no script can read; errors are problem documents
// (RFC 9457), and become a `Problem` that names the field which is wrong.

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;

export interface Wish {
  body?: unknown;
  // What goes into If-Match: the revision that the reader saw.
  revision?: number | string;
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Answer<T> {
  status: number;
  content: T;
  headers: Headers;
}

// An answer that says no, or (status 0) no answer at all.
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly field: string | null;
  readonly retryAfterS: number | null;
  // The revision that stands, where somebody was faster (409).
  readonly standing: number | null;
  readonly content: unknown;

  constructor(status: number, content: unknown, headers?: Headers) {
    const document = isObject(content) ? content : {};
    const text = (name: string) => (typeof document[name] === "string" ? (document[name] as string) : null);
    super(text("detail") ?? text("title") ?? `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.title = text("title") ?? String(status);
    this.field = text("field");
    const wait = Number(headers?.get("Retry-After") ?? Number.NaN);
    this.retryAfterS = Number.isFinite(wait) ? wait : null;
    const tag = Number((headers?.get("ETag") ?? "").replace(/^W\//, "").replaceAll('"', "") || Number.NaN);
    this.standing = Number.isFinite(tag) ? tag : null;
    this.content = content;
  }

  // Nothing came back: no network, or no server.
  get unreachable(): boolean {
    return this.status === 0;
  }
}

// Called for each 401: the session is over. The shell sets it; the sign-in itself passes it by.
let ended: () => void = () => {};

export function onEnd(told: () => void): void {
  ended = told;
}

export async function call<T = unknown>(method: Method, path: string, wish: Wish = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json", ...wish.headers };
  if (wish.revision !== undefined) headers["If-Match"] = String(wish.revision);
  let body: BodyInit | null = null;
  if (wish.body instanceof Blob || wish.body instanceof FormData || typeof wish.body === "string") body = wish.body;
  else if (wish.body !== undefined) {
    body = JSON.stringify(wish.body);
    headers["Content-Type"] ??= "application/json";
  }
  let response: Response;
  try {
    response = await fetch(path + queryText(wish.query), {
      method,
      headers,
      body,
      credentials: "same-origin",
      cache: "no-store",
      signal: wish.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { title: "unreachable", detail: String(error) });
  }
  const content = parsed(await response.text());
  if (!response.ok) {
    if (response.status === 401 && !(path === "/v1/session" && method !== "DELETE")) ended();
    throw new Problem(response.status, content, response.headers);
  }
  return { status: response.status, content: content as T, headers: response.headers };
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const wish: Wish = {};
  if (query !== undefined) wish.query = query;
  if (signal !== undefined) wish.signal = signal;
  return (await call<T>("GET", path, wish)).content;
}

export async function post<T>(path: string, body?: unknown, wish: Omit<Wish, "body"> = {}): Promise<T> {
  return (await call<T>("POST", path, body === undefined ? wish : { ...wish, body })).content;
}

// A path with its parts made safe: `at("/v1/alerts", id, "ack")`.
export function at(base: string, ...parts: string[]): string {
  return [base, ...parts.map(encodeURIComponent)].join("/");
}

export function queryText(query: Query = {}): string {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object") for (const each of value) made.append(name, each);
    else made.append(name, String(value));
  }
  const text = made.toString();
  return text ? `?${text}` : "";
}

function parsed(text: string): unknown {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text; // A proxy's error page says nothing that the status does not.
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
