// What somebody did without waiting for the network: one report, or one deed on a task. Its id is
// made once, on the handheld, so that sending it again is harmless.

export type ReportType = "cordon.check-in.v1" | "cordon.visit.v1" | "cordon.tip.v1" | "cordon.duty-sign-in.v1";
export type Deed = "claim" | "start" | "done" | "not-executable" | "note" | "offer";
export type ItemState = "queued" | "sending" | "sent" | "refused";

export interface ReportWork {
  kind: "report";
  type: ReportType;
  data: Record<string, unknown>;
}

export interface TaskWork {
  kind: "task";
  task: string;
  deed: Deed;
  // The revision that the officer saw.
  revision: number;
  body: { note?: string; reason?: string; result?: string; answers?: Record<string, unknown> };
  // What the officer read on the task, to recognise it in the list of what was sent.
  title: string;
}

export interface Item {
  id: string;
  // By what name it was done; nobody else's session sends it.
  author: string;
  // When it was done, RFC 3339; the order of the queue.
  made: string;
  work: ReportWork | TaskWork;
  state: ItemState;
  // Why it was refused, in the server's words, and the field that it names.
  reason?: string;
  field?: string;
  // When it was settled, ms UTC.
  settledMs?: number;
}

export function newItem(author: string, work: Item["work"], nowMs: number, id: string): Item {
  return { id, author, made: new Date(nowMs).toISOString(), work, state: "queued" };
}
