import { describe, expect, it, vi } from "vitest";
import { Problem } from "../api/call";
import { type Item, newItem, type TaskWork } from "./item";
import type { Answered, Standing } from "./queue";
import { type Door, type Health, Sender } from "./sender";
import type { Kept } from "./store";

const AT = Date.parse("2026-03-01T00:00:00Z");

class Memory implements Kept {
  kept = new Map<string, Item>();
  all = async () => [...this.kept.values()];
  put = async (...items: Item[]) => items.forEach((item) => this.kept.set(item.id, item));
  drop = async (...ids: string[]) => ids.forEach((id) => this.kept.delete(id));
}

// A server that takes each report once, and one task by its revision.
class Server implements Door {
  away = false;
  reported = new Map<string, Item>();
  task_: Standing = { revision: 1, state: "claimed", assignee: "li" };
  deeds: string[] = [];
  loseAnswers = 0;
  refuseIds: string[] = [];

  async reports(items: readonly Item[]): Promise<Answered> {
    if (this.away) throw new Problem(0, null);
    const duplicates = items.filter((item) => this.reported.has(item.id)).length;
    const rejected = items.flatMap((item, index) => (this.refuseIds.includes(item.id) ? [{ index, problem: { title: "Invalid value" } }] : []));
    for (const item of items) if (!this.refuseIds.includes(item.id)) this.reported.set(item.id, item);
    this.#lose();
    return { accepted: items.length - duplicates - rejected.length, duplicates, rejected };
  }

  async deed(_task: string, deed: string, revision: number, body: TaskWork["body"]): Promise<void> {
    if (this.away) throw new Problem(0, null);
    if (revision !== this.task_.revision) throw new Problem(409, { detail: "somebody was faster" });
    if (["done", "cancelled"].includes(this.task_.state)) throw new Problem(409, { detail: `the task is ${this.task_.state}` });
    this.deeds.push(deed);
    this.task_ = { ...this.task_, revision: revision + 1, ...(deed === "done" ? { state: "done", ...(body.result ? { result: body.result } : {}) } : {}) };
    this.#lose();
  }

  task = async (): Promise<Standing> => this.task_;

  #lose(): void {
    if (this.loseAnswers-- > 0) throw new Problem(0, null);
  }
}

const report = (id: string): Item => newItem("li", { kind: "report", type: "cordon.visit.v1", data: {} }, AT, id);
const done = (id: string): Item => newItem("li", { kind: "task", task: "t-1", deed: "done", revision: 1, body: { result: "at-home" }, title: "" }, AT + 1, id);

function begun() {
  vi.useFakeTimers();
  const [memory, server] = [new Memory(), new Server()];
  const told: Health[] = [];
  const sender = new Sender(memory, server, (_items, health) => told.push(health), () => AT);
  const states = () => [...memory.kept.values()].map((item) => [item.id, item.state]);
  return { memory, server, sender, told, states };
}

describe("Sender", () => {
  it("keeps what was done without a network, and sends it once when there is one", async () => {
    const { memory, server, sender, states } = begun();
    server.away = true;
    await sender.serve("li");
    await sender.add(report("r-1"));
    await sender.add(done("d-1"));
    await vi.advanceTimersByTimeAsync(100);
    expect(states()).toEqual([["r-1", "queued"], ["d-1", "queued"]]);
    server.away = false;
    await vi.runAllTimersAsync();
    expect(states()).toEqual([["r-1", "sent"], ["d-1", "sent"]]);
    expect([server.reported.size, server.deeds]).toEqual([1, ["done"]]);
    expect(memory.kept.get("r-1")?.settledMs).toBe(AT);
  });

  it("sends again what lost its answer, and it counts once", async () => {
    const { server, sender, states } = begun();
    server.loseAnswers = 2;
    await sender.serve("li");
    await sender.add(report("r-1"));
    await vi.runAllTimersAsync();
    await sender.add(done("d-1"));
    await vi.runAllTimersAsync();
    expect(states()).toEqual([["r-1", "sent"], ["d-1", "sent"]]);
    expect([server.reported.size, server.deeds]).toEqual([1, ["done"]]);
  });

  it("goes again with the newer revision where the task has only escalated", async () => {
    const { server, sender, states } = begun();
    server.task_.revision = 5;
    await sender.serve("li");
    await sender.add(done("d-1"));
    await vi.runAllTimersAsync();
    expect([states(), server.deeds]).toEqual([[["d-1", "sent"]], ["done"]]);
  });

  it("keeps what is refused, with the reason, and what rested on it", async () => {
    const { memory, server, sender } = begun();
    server.task_ = { revision: 9, state: "cancelled" };
    await memory.put({ ...done("d-1"), made: new Date(AT).toISOString() }, done("d-2"));
    await sender.serve("li");
    await vi.runAllTimersAsync();
    expect([...memory.kept.values()].map(({ state, reason }) => [state, reason])).toEqual([
      ["refused", "the task is cancelled"],
      ["refused", "the task is cancelled"],
    ]);
  });

  it("lets one bad report of several not hold up the others", async () => {
    const { memory, server, sender, states } = begun();
    server.refuseIds = ["r-2"];
    await memory.put(report("r-1"), report("r-2"), report("r-3"));
    await sender.serve("li");
    await vi.runAllTimersAsync();
    expect(states()).toEqual([["r-1", "sent"], ["r-2", "refused"], ["r-3", "sent"]]);
    server.refuseIds = [];
    await sender.retry(memory.kept.get("r-2") as Item);
    await vi.runAllTimersAsync();
    expect(memory.kept.get("r-2")).toEqual({ ...report("r-2"), state: "sent", settledMs: AT });
  });

  it("sends nothing of one officer under another's session", async () => {
    const { memory, server, sender, told, states } = begun();
    await memory.put(report("r-1"));
    await sender.serve("wang");
    await sender.serve("");
    expect([states(), server.reported.size, told.at(-1)]).toEqual([[["r-1", "queued"]], 0, "signed-out"]);
    await sender.drop(report("r-1"));
    expect(states()).toEqual([]);
  });
});
