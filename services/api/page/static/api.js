// The few calls that the page makes. The session is a cookie that no script can read.

export class Failed extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? String(status));
    this.status = status;
  }
}

async function call(method, path, { token, revision, body } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (revision !== undefined) headers["If-Match"] = String(revision);
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method, headers, body: body && JSON.stringify(body), credentials: "same-origin", cache: "no-store",
  });
  const text = await response.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's error page says nothing that the status does not.
  }
  if (!response.ok) throw new Failed(response.status, content);
  return content;
}

export const whoAmI = () => call("GET", "/v1/session");
export const signIn = (token) => call("POST", "/v1/session", { token });
export const signOut = () => call("DELETE", "/v1/session");
export const alert = (id) => call("GET", `/v1/alerts/${encodeURIComponent(id)}`);
export const capped = (id, cursor) =>
  call("GET", `/v1/alerts?limit=200&capped_by=${encodeURIComponent(id)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const cappedOpen = () => call("GET", "/v1/alerts?limit=200&capped=true&state=open");
export const suppressions = () => call("GET", "/v1/suppressions?limit=100");
// `deed` is ack or dispatch.
export const act = (id, deed, revision) =>
  call("POST", `/v1/alerts/${encodeURIComponent(id)}/${deed}`, { revision, body: {} });
export const alerts = (cursor) =>
  call("GET", `/v1/alerts?limit=100&capped=false${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
