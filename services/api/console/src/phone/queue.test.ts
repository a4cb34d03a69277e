import { describe, expect, it } from "vitest";
import { type Item, newItem, type TaskWork } from "./item";
import { arrived, BATCH, counts, foreseen, forgotten, KEPT_MS, next, refuse, reported, resting, sent, waitMs } from "./queue";

const AT = Date.parse("2026-03-01T00:00:00Z");
let made = 0;
const report = (ms = made): Item => newItem("li", { kind: "report", type: "cordon.check-in.v1", data: { order: "o-1", result: "ok" } }, AT + ms, `r-${made++}`);
const deed = (name: TaskWork["deed"], task = "t-1", ms = made, body: TaskWork["body"] = {}): Item =>
  newItem("li", { kind: "task", task, deed: name, revision: 1, body, title: "Verify" }, AT + ms, `d-${made++}`);
const task = { id: "t-1", revision: 7, state: "claimed", assignee: "li" };

describe("next", () => {
  it("sends the oldest first, and reports together up to the next deed", () => {
    const [one, two, act, three] = [report(1), report(2), deed("done", "t-1", 3), report(4)];
    expect(next([three, act, two, one], "li")).toEqual([one, two]);
    expect(next([act, three], "li")).toEqual([act]);
    expect(next([], "li")).toEqual([]);
  });

  it("sends nothing of another author, and nothing that is settled", () => {
    expect(next([report()], "wang")).toEqual([]);
    expect(next([sent(report(), AT), refuse(report(), "no", undefined, AT)], "li")).toEqual([]);
  });

  it("takes up again what a closed page left as being sent", () => {
    const lost: Item = { ...report(), state: "sending" };
    expect(next([lost], "li")).toEqual([lost]);
  });

  it("bounds a request", () => {
    expect(next(Array.from({ length: BATCH + 5 }, () => report()), "li")).toHaveLength(BATCH);
  });
});

describe("reported", () => {
  it("settles each by its own answer; a duplicate is sent", () => {
    const items = [report(), report(), report()];
    const answer = { accepted: 1, duplicates: 1, rejected: [{ index: 1, problem: { title: "Invalid value", detail: "must be one of", field: "data.result" } }] };
    expect(reported(items, answer, AT).map(({ state, reason, field }) => [state, reason, field])).toEqual([
      ["sent", undefined, undefined],
      ["refused", "must be one of", "data.result"],
      ["sent", undefined, undefined],
    ]);
  });
});

describe("arrived", () => {
  const work = (name: TaskWork["deed"], body: TaskWork["body"] = {}): TaskWork => deed(name, "t-1", 0, body).work as TaskWork;

  it("knows a deed whose answer was lost", () => {
    expect(arrived(work("done", { result: "at-home" }), { ...task, state: "done", result: "at-home" }, "li")).toBe(true);
    expect(arrived(work("claim"), { ...task, state: "in-progress" }, "li")).toBe(true);
    expect(arrived(work("start"), { ...task, state: "in-progress" }, "li")).toBe(true);
    expect(arrived(work("not-executable", { reason: "no one" }), { ...task, state: "not-executable", reason: "no one" }, "li")).toBe(true);
    expect(arrived(work("note", { note: "gate shut" }), { ...task, note: "gate shut" }, "li")).toBe(true);
    expect(arrived(work("offer"), { revision: 9, state: "offered" }, "li")).toBe(true);
  });

  it("takes nothing else for it: another's deed, another result, or a task that has only moved on", () => {
    const theirs = { ...task, assignee: "wang", state: "done", result: "at-home" };
    for (const name of ["claim", "start", "done", "not-executable", "offer"] as const) expect(arrived(work(name, { result: "at-home" }), theirs, "li")).toBe(false);
    for (const name of ["start", "done", "not-executable", "offer"] as const) expect(arrived(work(name), task, "li")).toBe(false);
    expect(arrived(work("note", { note: "gate shut" }), task, "li")).toBe(false);
    expect(arrived(work("done", { result: "absent" }), { ...task, state: "done", result: "at-home" }, "li")).toBe(false);
  });
});

describe("resting", () => {
  it("finds the later deeds on the same task", () => {
    const [claim, done, other, report1] = [deed("claim", "t-1", 1), deed("done", "t-1", 2), deed("done", "t-2", 3), report(4)];
    expect(resting([done, other, report1, claim], claim)).toEqual([done]);
    expect(resting([claim, done], report1)).toEqual([]);
  });
});

describe("foreseen", () => {
  it("shows a task as its officer has left it", () => {
    const items = [deed("done", "t-1", 2, { result: "at-home" }), deed("claim", "t-1", 1), deed("claim", "t-2", 3)];
    expect(foreseen({ id: "t-1", revision: 1, state: "offered" }, items, "li", AT)).toEqual({ id: "t-1", revision: 1, state: "done", assignee: "li", result: "at-home" });
    expect(foreseen(task, [], "li", AT)).toBe(task);
    expect(foreseen(task, [deed("note")], "li", AT)).toEqual(task);
  });

  it("knows what was sent after the task was read, and leaves the rest to what was read", () => {
    const claim = sent(deed("claim", "t-1", 1), AT + 5);
    const offered = { id: "t-1", revision: 1, state: "offered" };
    expect(foreseen(offered, [claim], "li", AT + 5).state).toBe("claimed");
    expect(foreseen(offered, [claim], "li", AT + 6)).toBe(offered);
  });
});

it("waits longer after each failure, within bounds", () => {
  expect(waitMs(1, 0.5)).toBe(2_000);
  expect(waitMs(2, 0.5)).toBe(4_000);
  expect(waitMs(20, 1)).toBe(75_000);
});

it("forgets what was sent a day ago, and never what was refused", () => {
  const [old, refused, fresh] = [sent(report(), AT), refuse(report(), "no", undefined, AT), sent(report(), AT + KEPT_MS)];
  expect(forgotten([old, refused, fresh, report()], AT + KEPT_MS + 1)).toEqual([old]);
  expect(counts([old, refused, fresh, report(), { ...report(), state: "sending" }], "li")).toEqual({ waiting: 2, refused: 1 });
});
