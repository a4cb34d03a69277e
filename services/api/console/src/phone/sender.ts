// Sends what waits, in order, until all of it is settled; then rests until there is more, the
// network returns, or the next attempt is due.

import { at, call, Problem } from "../api/call";
import type { Item } from "./item";
import { type Answered, arrived, forgotten, next, refuse, reported, resting, sent, type Standing, waitMs } from "./queue";
import type { Kept } from "./store";

// idle: nothing waits. waiting: the next attempt is due later. signed-out: the session is over.
export type Health = "idle" | "sending" | "waiting" | "signed-out";

export interface Door {
  reports(items: readonly Item[]): Promise<Answered>;
  deed(task: string, deed: string, revision: number, body: unknown): Promise<void>;
  task(id: string): Promise<Standing>;
}

export const door: Door = {
  async reports(items) {
    const reports = items.map(({ id, made, work }) => (work.kind === "report" ? { id, type: work.type, time: made, data: work.data } : null));
    return (await call<Answered>("POST", "/v1/field-reports", { body: { reports: reports.filter((one) => one !== null) } })).content;
  },
  async deed(task, deed, revision, body) {
    await call("POST", at("/v1/tasks", task, deed), { body, revision });
  },
  async task(id) {
    return (await call<Standing>("GET", at("/v1/tasks", id))).content;
  },
};

const CONFLICT = 409;

export class Sender {
  #author = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #failures = 0;

  constructor(
    private readonly kept: Kept,
    private readonly way: Door,
    private readonly changed: (items: Item[], health: Health) => void,
    private readonly nowMs: () => number = Date.now,
  ) {}

  // Begin to send for whoever is signed in; "" = nobody is.
  async serve(author: string): Promise<void> {
    this.#author = author;
    this.#failures = 0;
    await this.flush();
  }

  // Keep an item and send it as soon as that can be. It is kept when this returns.
  async add(item: Item): Promise<void> {
    await this.kept.put(item);
    await this.#tell("sending");
    void this.flush();
  }

  // Try a refused item once more, with what was changed; it keeps its id.
  async retry(item: Item): Promise<void> {
    const { reason: _reason, field: _field, settledMs: _settled, ...rest } = item;
    await this.add({ ...rest, state: "queued" });
  }

  async drop(item: Item): Promise<void> {
    await this.kept.drop(item.id);
    await this.#tell("idle");
  }

  // Send what waits; a call during another one has it look once more at the end.
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#again = this.#running !== undefined;
    this.#running ??= this.#send().finally(() => {
      this.#running = undefined;
      if (this.#again) void this.flush();
    });
    return this.#running;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #send(): Promise<void> {
    const old = forgotten(await this.kept.all(), this.nowMs());
    if (old.length) await this.kept.drop(...old.map((item) => item.id));
    for (;;) {
      const batch = this.#author ? next(await this.kept.all(), this.#author) : [];
      if (!batch.length) return this.#tell(this.#author ? "idle" : "signed-out");
      await this.kept.put(...batch.map((item): Item => ({ ...item, state: "sending" })));
      await this.#tell("sending");
      try {
        await this.kept.put(...(await this.#sent(batch)));
        this.#failures = 0;
      } catch (error) {
        await this.kept.put(...batch.map((item): Item => ({ ...item, state: "queued" })));
        if (!(error instanceof Problem)) throw error;
        if (error.status === 401) {
          this.#author = "";
          return this.#tell("signed-out");
        }
        this.#failures += 1;
        const due = Math.max(waitMs(this.#failures, Math.random()), (error.retryAfterS ?? 0) * 1_000);
        this.#timer = setTimeout(() => void this.flush(), due);
        return this.#tell("waiting");
      }
    }
  }

  // Send a batch; return its items, settled. Raises Problem for what another attempt may mend.
  async #sent(batch: readonly Item[]): Promise<Item[]> {
    const [first] = batch;
    if (first === undefined) return [];
    if (first.work.kind === "report") {
      try {
        return reported(batch, await this.way.reports(batch), this.nowMs());
      } catch (error) {
        if (!(error instanceof Problem) || !final(error)) throw error;
        // One of them cannot be read at all: each by itself tells which.
        if (batch.length > 1) return (await Promise.all(batch.map((item) => this.#sent([item])))).flat();
        return [refuse(first, error.message, error.field ?? undefined, this.nowMs())];
      }
    }
    return this.#deed(first, first.work.revision, 0);
  }

  async #deed(item: Item, revision: number, tries: number): Promise<Item[]> {
    if (item.work.kind !== "task") return [item];
    const { work } = item;
    try {
      await this.way.deed(work.task, work.deed, revision, work.body);
      return [sent(item, this.nowMs())];
    } catch (error) {
      if (!(error instanceof Problem) || !final(error)) throw error;
      if (error.status === CONFLICT && tries < 3) {
        const standing = await this.way.task(work.task);
        if (arrived(work, standing, item.author)) return [sent(item, this.nowMs())];
        // By the revision that stands the server says whether the deed still fits, and if not, why.
        if (standing.revision !== revision) return this.#deed(item, standing.revision, tries + 1);
      }
      const behind = resting(await this.kept.all(), item);
      return [item, ...behind].map((one) => refuse(one, error.message, error.field ?? undefined, this.nowMs()));
    }
  }

  async #tell(health: Health): Promise<void> {
    this.changed(await this.kept.all(), health);
  }
}

// Whether the server has decided; else it may take the same thing later.
function final(error: Problem): boolean {
  return error.status >= 400 && error.status < 500 && ![401, 408, 425, 429].includes(error.status);
}
