import { describe, expect, it } from "vitest";
import type { Task } from "../api/types";
import { deedsOf } from "./task";

const task = (state: string, more: Partial<Task> = {}): Task => ({
  id: "t", revision: 1, kind: "verify", state, severity: "high", text: { en: "", zh: "" }, author: "cordon", created: "", due: "", ...more,
});

describe("deedsOf", () => {
  it("offers what fits the state, to whoever has the task", () => {
    expect(deedsOf(task("offered"), "li", "dispatcher")).toEqual(["claim", "offer", "note"]);
    expect(deedsOf(task("claimed", { assignee: "li" }), "li", "dispatcher")).toEqual(["start", "done", "wait", "not-executable", "offer", "note"]);
    expect(deedsOf(task("in-progress", { assignee: "li", waiting: { for: "keys", since: "" } }), "li", "dispatcher")).toEqual(["done", "resume", "not-executable", "offer", "note"]);
  });

  it("leaves another's task alone, but for whoever leads", () => {
    expect(deedsOf(task("claimed", { assignee: "li" }), "wang", "dispatcher")).toEqual(["note"]);
    expect(deedsOf(task("claimed", { assignee: "li" }), "chen", "supervisor")).toEqual(["start", "done", "wait", "not-executable", "offer", "cancel", "note"]);
  });

  it("has nobody evaluate their own work, and readers only read", () => {
    expect(deedsOf(task("done", { assignee: "li" }), "chen", "supervisor")).toEqual(["evaluate", "note"]);
    expect(deedsOf(task("done", { assignee: "chen" }), "chen", "supervisor")).toEqual(["note"]);
    expect(deedsOf(task("offered"), "eve", "viewer")).toEqual([]);
  });
});
