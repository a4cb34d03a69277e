// The calls of the page. The token stays in this handheld: it works for a shift without a network.

const TOKEN = "cordon.token";
const WAIT_MS = 6_000;

export class Failed extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? String(status));
    this.status = status; // 0 = nobody answered
  }
}

export const token = () => localStorage.getItem(TOKEN);
export const signIn = (value) => localStorage.setItem(TOKEN, value);
export const signOut = () => localStorage.removeItem(TOKEN);

async function call(method, path, body) {
  let response;
  let text;
  try {
    response = await fetch(path, {
      method, cache: "no-store", credentials: "omit", body: body && JSON.stringify(body), signal: AbortSignal.timeout(WAIT_MS),
      headers: { Authorization: `Bearer ${token()}`, ...(body && { "Content-Type": "application/json" }) },
    });
    text = await response.text();
  } catch (error) {
    // No network, no server, or no answer in time: to an officer they are one.
    throw new Failed(0, { detail: error.message });
  }
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's error page says nothing that the status does not.
  }
  if (!response.ok) throw new Failed(response.status, content);
  return content;
}

export const decide = (scan) => call("POST", "/v1/decisions", scan);
export const send = (scans) => call("POST", "/v1/checkpoint-scans", scans);
export const list = () => call("GET", "/v1/decisions/list");
