import { afterEach, describe, expect, it, vi } from "vitest";
import { at, call, onEnd, Problem, queryText } from "./call";

afterEach(() => vi.unstubAllGlobals());

const answers = (status: number, body: string, headers: Record<string, string> = {}) => {
  const fetched = vi.fn(async () => new Response(body || null, { status, headers }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
};

describe("a call", () => {
  it("writes paths and queries so that no part can break out", () => {
    expect(at("/v1/incidents", "vehicle:浙F/1?x")).toBe("/v1/incidents/vehicle%3A%E6%B5%99F%2F1%3Fx");
    expect(queryText({ state: ["open", "acked"], q: "a&b", cursor: null, none: undefined, empty: "" })).toBe("?state=open&state=acked&q=a%26b");
  });

  it("carries the revision and the body", async () => {
    const fetched = answers(200, '{"id":"1"}');
    const answer = await call("POST", "/v1/alerts/1/ack", { revision: 7, body: { note: "x" } });
    expect(answer.content).toEqual({ id: "1" });
    const [, request] = fetched.mock.calls[0] as unknown as [string, RequestInit];
    expect(request.headers).toMatchObject({ "If-Match": "7", "Content-Type": "application/json" });
    expect(request.body).toBe('{"note":"x"}');
  });

  it("tells a problem by status, field, revision and how long to wait", async () => {
    answers(409, '{"title":"Conflict","status":409,"detail":"somebody was faster","field":"x"}', { ETag: '"9"', "Retry-After": "3" });
    const problem = await call("GET", "/v1/x").catch((error: unknown) => error);
    expect(problem).toMatchObject({ status: 409, message: "somebody was faster", field: "x", standing: 9, retryAfterS: 3 });
  });

  it("tells what is no problem document, and when nobody answers", async () => {
    answers(502, "<html>");
    await expect(call("GET", "/v1/x")).rejects.toMatchObject({ status: 502, message: "HTTP 502" });
    vi.stubGlobal("fetch", vi.fn(async () => Promise.reject(new TypeError("no network"))));
    const problem = await call("GET", "/v1/x").catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).unreachable).toBe(true);
  });

  it("ends the session on a 401, but not while somebody signs in", async () => {
    const ended = vi.fn();
    onEnd(ended);
    answers(401, "");
    await expect(call("POST", "/v1/session", { body: {} })).rejects.toMatchObject({ status: 401 });
    expect(ended).not.toHaveBeenCalled();
    await expect(call("GET", "/v1/alerts")).rejects.toMatchObject({ status: 401 });
    expect(ended).toHaveBeenCalledOnce();
  });
});
