// What people do with alerts, from wherever: the board, an alert's page. One alert is changed under
// its revision; of many, each has a result of its own.

import { at, get, post, Problem } from "../api/call";
import type { Alert, Outcome } from "../api/types";
import { m } from "../paraglide/messages.js";
import { problemText } from "../ui/problem";
import { toasts } from "../ui/toasts.svelte";

export type ActName = "ack" | "assign" | "dispatch" | "resolve" | "note" | "undo";

export interface Details {
  note?: string;
  assignee?: string;
  outcome?: Outcome;
  of?: string;
}

interface Result {
  id: string;
  status: number;
  revision?: number;
  detail?: string;
}

// How long one's own last act can be taken back (services/api/acts.py).
export const UNDO_MS = 30_000;
// A feed that lives catches up with one's own acts within a second: there is no need to keep more.
const OWN = 1_000;

const DONE: Record<ActName, (count: { count: number }) => string> = {
  ack: m.alert_done_ack,
  assign: m.alert_done_assign,
  dispatch: m.alert_done_dispatch,
  resolve: m.alert_done_resolve,
  note: m.alert_done_note,
  undo: m.alert_done_undo,
};

class Acts {
  // The alerts on which something is being done.
  busy: ReadonlySet<string> = $state.raw(new Set());
  // What can be taken back, and until when, ms of this browser's clock.
  #last: { ids: string[]; untilMs: number } | null = null;
  // What offers to take it back.
  #offer = 0;
  #told = new Set<(alert: Alert) => void>();
  // One act after another: whoever presses two keys at once means both, in this order.
  #turn: Promise<unknown> = Promise.resolve();
  // The revisions that one's own acts have led to: a second act builds on the first.
  #own = new Map<string, Alert>();

  // Tell of every alert as it is after an act; returns how to stop that.
  listen(told: (alert: Alert) => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  // Do something with alerts as they were seen. Returns the ids of those that somebody else was
  // faster with; says everything else itself.
  act(alerts: readonly Alert[], name: ActName, details: Details = {}): Promise<string[]> {
    if (alerts.length === 0) return Promise.resolve([]);
    this.#mark(alerts, true);
    const acted = this.#turn.then(() => this.#act(alerts, name, details));
    this.#turn = acted;
    return acted;
  }

  async #act(seen: readonly Alert[], name: ActName, details: Details): Promise<string[]> {
    const alerts = seen.map((alert) => {
      const own = this.#own.get(alert.id);
      return own !== undefined && own.revision > alert.revision ? own : alert;
    });
    try {
      const results = alerts.length === 1 ? [await one(alerts[0] as Alert, name, details, (alert) => this.#did(alert))] : await many(alerts, name, details);
      const done = results.filter((result) => result.status === 200).map((result) => result.id);
      const faster = results.filter((result) => result.status === 409);
      await Promise.all((alerts.length === 1 ? faster : results).map((result) => this.#renew(result.id)));
      this.#say(name, done, faster, results);
      return faster.map((result) => result.id);
    } catch (error) {
      toasts.bad(problemText(error));
      return [];
    } finally {
      this.#mark(alerts, false);
    }
  }

  // Take back one's own last act.
  async undo(): Promise<void> {
    const last = this.#last;
    if (last === null || Date.now() > last.untilMs) {
      toasts.bad(m.alert_undo_none());
      return;
    }
    this.#last = null;
    try {
      const alerts = await Promise.all(last.ids.map((id) => get<Alert>(at("/v1/alerts", id))));
      await this.act(alerts, "undo");
    } catch (error) {
      toasts.bad(problemText(error));
    }
  }

  #say(name: ActName, done: string[], faster: Result[], results: Result[]): void {
    if (done.length > 0) {
      const back = name !== "undo" && name !== "note";
      if (back) this.#last = { ids: done, untilMs: Date.now() + UNDO_MS };
      // Only the last act can be taken back, so that only one thing offers it.
      toasts.close(this.#offer);
      const offered = toasts.good(DONE[name]({ count: done.length }), back ? { label: m.alert_undo(), run: () => void this.undo() } : undefined, back ? UNDO_MS : undefined);
      if (back) this.#offer = offered;
    }
    if (faster.length > 0) {
      const why = faster.length === 1 && !faster[0]?.detail?.startsWith("somebody was faster") ? (faster[0]?.detail ?? "") : "";
      toasts.bad(why ? m.alert_refused({ detail: why }) : m.alert_faster({ count: faster.length }));
    }
    const other = results.find((result) => result.status !== 200 && result.status !== 409);
    if (other) toasts.bad(other.detail ?? m.ui_problem_404());
  }

  #mark(alerts: readonly Alert[], busy: boolean): void {
    const marked = new Set(this.busy);
    for (const { id } of alerts) busy ? marked.add(id) : marked.delete(id);
    this.busy = marked;
  }

  // Load an alert as it is now. Where that fails the feed brings it: it carries every revision.
  async #renew(id: string): Promise<void> {
    try {
      this.#tell(await get<Alert>(at("/v1/alerts", id)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  #did(alert: Alert): void {
    if (this.#own.size > OWN) this.#own.clear();
    this.#own.set(alert.id, alert);
    this.#tell(alert);
  }

  #tell(alert: Alert): void {
    for (const told of this.#told) told(alert);
  }
}

async function one(alert: Alert, name: ActName, details: Details, told: (alert: Alert) => void): Promise<Result> {
  try {
    const after = await post<Alert>(at("/v1/alerts", alert.id, name), details, { revision: alert.revision });
    told(after);
    return { id: alert.id, status: 200, revision: after.revision };
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 404)) throw error;
    return { id: alert.id, status: error.status, detail: error.message };
  }
}

async function many(alerts: readonly Alert[], name: ActName, details: Details): Promise<Result[]> {
  const items = alerts.map(({ id, revision }) => ({ id, revision }));
  const results: Result[] = [];
  // The API takes at most 500 at once.
  for (let begin = 0; begin < items.length; begin += 500) {
    const answer = await post<{ items: Result[] }>("/v1/alerts:act", { act: name, items: items.slice(begin, begin + 500), ...details });
    results.push(...answer.items);
  }
  return results;
}

export const acts = new Acts();
