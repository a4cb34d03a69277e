// The board's alerts: loaded once, kept up by the feed, drawn at most once in a frame.

import { acts } from "../alert/acts.svelte";
import { get, Problem } from "../api/call";
import { feed } from "../api/feed.svelte";
import type { Alert, AlertEvent, Page, Severity, State } from "../api/types";
import { clock } from "../app/clock.svelte";
import { siteNames } from "../names/sites.svelte";
import { type Bundle, type Item, LANES, type Lane, lanesOf, newer, type Shown, STATES } from "./lanes";
import { sound } from "./sound.svelte";
import { waits } from "./sounding";

const PAGE = 500;
// More alerts than this that live are not one room's work; the summaries of the rate cap stand first.
const MOST = 5_000;
const CLOSED = 200;
const AGAIN_MS = 3_000;
const WAITING_EVERY_MS = 20_000;
const ARRIVALS = new Set(["cordon.alert.raised.v1", "cordon.alert.reopened.v1", "cordon.alert.escalated.v1"]);

interface Waits {
  limits: { state: State; severity: Severity; limit_s: number }[];
  items: { id: string; level: number; due: string | null }[];
}

export class Board {
  lanes: Record<Lane, Bundle[]> = $state.raw({ critical: [], high: [], medium: [], low: [] });
  loaded = $state(false);
  failed: unknown = $state.raw(null);
  // Some changes were missed; the list has been loaded again.
  gap = $state(false);
  paused = $state(false);
  // How many changes wait for the board to go on.
  behind = $state(0);
  shown: Shown = $state("active");
  text = $state("");
  // What was just said aloud, for screen readers.
  announced: Alert | null = $state.raw(null);
  // When people have to have taken it on, ms UTC, by alert.
  due: ReadonlyMap<string, number> = $state.raw(new Map());
  #items = new Map<string, Item>();
  #bundles = new Map<string, Bundle>();
  #pending: AlertEvent[] = [];
  #frame = 0;
  #limits = new Map<string, number>();
  #loading = 0;
  #timers: ReturnType<typeof setTimeout>[] = [];

  // Begin to follow; returns how to end it.
  begin(): () => void {
    const stops = [
      feed.listen({
        changed: (event) => this.#changed(event),
        opened: (first) => void (first && this.load()),
        gap: () => this.#missed(),
      }),
      acts.listen((alert) => this.#told(alert)),
    ];
    const timer = setInterval(() => void this.#loadWaits(), WAITING_EVERY_MS);
    const second = setInterval(() => sound.remind(this.alerts(), Date.now()), 1_000);
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
      clearInterval(second);
      for (const each of this.#timers) clearTimeout(each);
      cancelAnimationFrame(this.#frame);
    };
  }

  *alerts(): Generator<Alert> {
    for (const item of this.#items.values()) yield item.alert;
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  // Load everything that lives, and where it is asked for the newest that does not.
  async load(): Promise<void> {
    const turn = ++this.#loading;
    try {
      let cursor: string | null = null;
      let count = 0;
      do {
        const page: Page<Alert> = await get<Page<Alert>>("/v1/alerts", { state: STATES.active, limit: PAGE, cursor });
        if (turn !== this.#loading) return;
        for (const alert of page.items) this.#told(alert);
        cursor = page.next;
        count += page.items.length;
        this.loaded = true;
      } while (cursor !== null && count < MOST);
      if (this.shown === "closed") {
        const page = await get<Page<Alert>>("/v1/alerts", { state: STATES.closed, limit: CLOSED });
        for (const alert of page.items) this.#told(alert);
      }
      this.failed = null;
      this.loaded = true;
      await this.#loadWaits();
    } catch (error) {
      if (turn !== this.#loading || (error instanceof Problem && error.status === 401)) return;
      this.failed = error;
      this.#timers.push(setTimeout(() => void this.load(), AGAIN_MS));
    }
  }

  show(shown: Shown): void {
    this.shown = shown;
    if (shown === "closed") void this.load();
    this.#draw();
  }

  search(text: string): void {
    this.text = text;
    this.#draw();
  }

  pause(): void {
    this.paused = true;
  }

  // Take in what came while the board stood still.
  catchUp(): void {
    this.paused = false;
    this.#draw();
  }

  // Somebody has looked at these.
  read(bundles: readonly Bundle[]): void {
    for (const bundle of bundles) {
      for (const { alert } of [bundle.lead, ...bundle.others]) {
        const item = this.#items.get(alert.id);
        if (item?.unread) this.#items.set(alert.id, { ...item, unread: false });
      }
    }
    this.#draw();
  }

  #changed(event: AlertEvent): void {
    const alert = event.data;
    if (ARRIVALS.has(event.type) && waits(alert)) {
      sound.arrived({ severity: alert.severity, level: alert.escalation ?? 0 }, Date.now());
      this.announced = alert;
    }
    this.#pending.push(event);
    if (this.paused) this.behind = this.#pending.length;
    else this.#draw();
  }

  // Whatever is on the board may have changed unseen, so nothing of it stays.
  #missed(): void {
    this.gap = true;
    this.#items.clear();
    this.#bundles.clear();
    this.#pending = [];
    void this.load();
  }

  #told(alert: Alert): void {
    this.#merge(alert, undefined, false);
    this.#draw();
  }

  #merge(alert: Alert, actor: string | undefined, arrived: boolean): void {
    const known = this.#items.get(alert.id);
    if (!newer(known?.alert, alert)) return;
    this.#items.set(alert.id, { alert, actor, unread: arrived || (known?.unread === true && alert.state === "open") });
    if (known === undefined || known.alert.state !== alert.state || known.alert.severity !== alert.severity || known.alert.escalation !== alert.escalation) this.#wait(alert);
  }

  // Count down from now, until the server says more exactly.
  #wait(alert: Alert): void {
    const limit = this.#limits.get(`${alert.state}/${alert.severity}`);
    const waiting = limit !== undefined && !alert.historical && !alert.silenced_by?.length && alert.capped_by === undefined && (alert.escalation ?? 0) < 3;
    if (!waiting && !this.due.has(alert.id)) return;
    const due = new Map(this.due);
    if (waiting) due.set(alert.id, clock.exactMs() + limit);
    else due.delete(alert.id);
    this.due = due;
  }

  async #loadWaits(): Promise<void> {
    try {
      const waits = await get<Waits>("/v1/waiting");
      this.#limits = new Map(waits.limits.map(({ state, severity, limit_s }) => [`${state}/${severity}`, limit_s * 1_000]));
      this.due = new Map(waits.items.flatMap(({ id, due }) => (due === null ? [] : [[id, Date.parse(due)] as const])));
    } catch (error) {
      // The clocks go on from what was told before; the next look comes in twenty seconds.
      if (!(error instanceof Problem)) throw error;
    }
  }

  // Draw in the next frame, once, however much changes until then.
  #draw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.paused) this.#takeIn();
      this.lanes = lanesOf(this.#items, { shown: this.shown, text: this.text, siteName: (id) => siteNames.of(id) }, this.#bundles);
      this.#bundles = new Map(LANES.flatMap((lane) => this.lanes[lane].map((bundle) => [bundle.id, bundle] as const)));
    });
  }

  #takeIn(): void {
    const taken = this.#pending;
    this.#pending = [];
    this.behind = 0;
    for (const event of taken) this.#merge(event.data, event.actor, ARRIVALS.has(event.type));
    if (taken.length > 0) this.#forget();
  }

  // What is over and not shown goes, so that a board that runs for weeks does not grow.
  #forget(): void {
    if (this.shown === "closed") return;
    for (const [id, { alert }] of this.#items) {
      if (STATES.closed.includes(alert.state)) this.#items.delete(id);
    }
  }
}
