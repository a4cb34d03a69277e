// The live feed of alerts (server-sent events). The browser resumes a broken stream by itself with
// the cursor of the last event; a stream that was refused, or that fell silent, is opened again
// here, from the same cursor. Changes come to those who listen in the order of commits.

import { clock } from "../app/clock.svelte";
import { session } from "../app/session.svelte";
import { type AlertEvent, SEVERITIES } from "./types";

const VERBS = ["raised", "updated", "acked", "assigned", "dispatched", "noted", "escalated", "reopened", "resolved", "retracted"];
const BACKOFF_MS = [500, 1_000, 2_000, 5_000, 10_000];
// A filtered reader gets a position every 15 s, so that silence means a dead connection. Hence the
// filter, which lets every severity through.
const EVERYTHING = SEVERITIES.map((severity) => `severity=${severity}`).join("&");
// After this long a stream that says nothing is given up, and opened anew.
const DEAD_MS = 40_000;
// How long the lag of the last late event is told.
const LAG_LASTS_MS = 5_000;

export interface Listener {
  changed: (event: AlertEvent) => void;
  // The stream begins; `first` = what was there before has to be loaded.
  opened?: (first: boolean) => void;
  // Some changes are lost: whatever is known has to be loaded anew.
  gap?: () => void;
}

class Feed {
  // Longer silence than this is a stall: two positions are missing.
  readonly SILENT_MS = 32_000;
  state: "connecting" | "live" | "away" = $state("connecting");
  // When something came last, by the server's clock, ms UTC.
  heardMs = $state(clock.exactMs());
  // How old the last event was when it came, ms; 0 soon after the last late one.
  lagMs = $state(0);
  #cursor: string | null = null;
  #listeners = new Set<Listener>();
  #source: EventSource | null = null;
  #failures = 0;
  #joined = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #settle: ReturnType<typeof setTimeout> | undefined;

  // Tell a listener of everything from now on; returns how to stop that.
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#joined) listener.opened?.(true);
    return () => this.#listeners.delete(listener);
  }

  begin(): void {
    this.#open();
  }

  end(): void {
    this.#close();
    this.#cursor = null;
    this.#joined = false;
    this.#failures = 0;
    this.state = "connecting";
  }

  #open(): void {
    this.#close();
    const resume = this.#cursor === null ? "" : `&last_event_id=${encodeURIComponent(this.#cursor)}`;
    const source = new EventSource(`/v1/alerts/stream?${EVERYTHING}${resume}`);
    this.#source = source;
    this.heardMs = clock.exactMs();
    const on = (type: string, handle: (event: AlertEvent) => void) =>
      source.addEventListener(type, (message: MessageEvent<string>) => {
        if (source !== this.#source) return;
        if (message.lastEventId) this.#cursor = message.lastEventId;
        handle(JSON.parse(message.data) as AlertEvent);
        this.heardMs = clock.exactMs();
      });
    on("cordon.feed.open.v1", (event) => {
      this.#failures = 0;
      clock.told(event.time);
      this.state = "live";
      const first = !this.#joined;
      this.#joined = true;
      for (const listener of this.#listeners) listener.opened?.(first);
    });
    on("cordon.feed.gap.v1", () => {
      for (const listener of this.#listeners) listener.gap?.();
    });
    on("cordon.feed.position.v1", () => {});
    for (const verb of VERBS) on(`cordon.alert.${verb}.v1`, (event) => this.#changed(event));
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.state = "away";
      if (source.readyState === EventSource.CLOSED) this.#reopen();
    });
    this.#watch = setInterval(() => {
      if (source.readyState === EventSource.OPEN && clock.exactMs() - this.heardMs > DEAD_MS) {
        this.state = "away";
        this.#reopen();
      }
    }, 5_000);
  }

  #changed(event: AlertEvent): void {
    const lag = clock.exactMs() - Date.parse(event.recordedtime);
    this.lagMs = Math.max(0, lag);
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.lagMs = 0;
    }, LAG_LASTS_MS);
    for (const listener of this.#listeners) listener.changed(event);
  }

  #reopen(): void {
    this.#close();
    const delay = BACKOFF_MS[Math.min(this.#failures, BACKOFF_MS.length - 1)];
    this.#failures += 1;
    this.#again = setTimeout(async () => {
      try {
        if (await session.holds()) this.#open();
      } catch {
        // Nobody answers, which the state says already: try again, more and more slowly.
        this.#reopen();
      }
    }, delay);
  }

  #close(): void {
    clearTimeout(this.#again);
    clearTimeout(this.#settle);
    clearInterval(this.#watch);
    this.#source?.close();
    this.#source = null;
  }
}

export const feed = new Feed();
