// What the map shows: places from the registers, health and pulse from ingest's reports, alerts from
// the feed. It lives as long as the view is open.

import { get } from "../api/call";
import { feed } from "../api/feed.svelte";
import { whole } from "../api/registers";
import type { Alert, Page } from "../api/types";
import { clock } from "../app/clock.svelte";
import { rounds } from "../app/rounds";
import { bySite, type Device, type Gates, type Health, siteHealth } from "../gates/health";
import { alertsBySite, type AtSite, isLive } from "./clusters";
import type { Datum, Point } from "./datum";
import { type Placed, placed, type Site, type Zone } from "./places";
import { beat, type Pulses, Rates } from "./pulses";

export interface Background {
  tiles: string | null;
  archive: string | null;
  crs: Datum;
}

const PULSE_MS = 1_000;
const GATES_MS = 10_000;
const PLACES_MS = 60_000;
const ALERTS_A_PAGE = 1_000;
const ALERT_PAGES = 5;
const LIVE = ["open", "acked", "dispatched"];

export class County {
  sites: Site[] = $state.raw([]);
  zones: Zone[] = $state.raw([]);
  devices: Map<string, Device[]> = $state.raw(new Map());
  background: Background = $state.raw({ tiles: null, archive: null, crs: "wgs84" });
  alerts: Map<string, Alert> = $state.raw(new Map());
  // Counts up with each beat, so that whoever shows rates is drawn again.
  beats = $state(0);
  loaded = $state(false);
  failure: unknown = $state.raw();

  readonly rates = new Rates();
  // Told of each beat: the events by site since the last.
  onBeat: (counts: ReadonlyMap<string, number>) => void = () => {};

  readonly placed: Placed[] = $derived(placed(this.sites, this.background.crs));
  readonly places: Map<string, Point> = $derived(new Map(this.placed.map((each) => [each.site.id, each.at])));
  readonly atSites: Map<string, AtSite> = $derived(alertsBySite(this.alerts.values()));
  readonly unplaced: number = $derived([...this.alerts.values()].filter((each) => each.site === undefined || !this.places.has(each.site)).length);

  #after: number | null = null;
  #ending = new AbortController();
  #changed = new Map<string, Alert>();
  #frame = 0;

  begin(): () => void {
    const ending = new AbortController();
    this.#ending = ending;
    const every = (ms: () => number, work: () => Promise<void>) => {
      const well = async () => {
        await work();
        this.failure = undefined;
      };
      rounds(ending.signal, ms, well, (error) => {
        this.failure = error;
      });
    };
    // A county whose sites are only being filed is looked at again soon.
    every(() => (this.sites.length === 0 ? GATES_MS : PLACES_MS), () => this.#readPlaces());
    every(() => GATES_MS, () => this.#readGates());
    every(() => PULSE_MS, () => this.#readPulses());
    const unlisten = feed.listen({
      changed: (event) => this.#take(event.data),
      opened: (first) => first && void this.#readAlerts(),
      gap: () => void this.#readAlerts(),
    });
    return () => {
      ending.abort();
      unlisten();
      cancelAnimationFrame(this.#frame);
    };
  }

  healthOf(site: Site): Health {
    return siteHealth(this.devices.get(site.id) ?? [], site.heartbeat_s ?? 0, clock.nowMs);
  }

  async #readPlaces(): Promise<void> {
    const { signal } = this.#ending;
    const [sites, zones, background] = await Promise.all([
      whole<Site>("site", signal),
      whole<Zone>("zone", signal),
      this.loaded ? this.background : get<Background>("/v1/map", undefined, signal),
    ]);
    this.background = background;
    // Nothing is drawn anew while nothing has changed.
    if (JSON.stringify(sites) !== JSON.stringify(this.sites)) this.sites = sites;
    if (JSON.stringify(zones) !== JSON.stringify(this.zones)) this.zones = zones;
    this.loaded = true;
  }

  async #readGates(): Promise<void> {
    this.devices = bySite((await get<Gates>("/v1/gates", { limit: 2000 }, this.#ending.signal)).items);
  }

  async #readPulses(): Promise<void> {
    // At first the last minute is asked for, so that rates are there at once; it makes no beat.
    const first = this.#after === null;
    const answer = await get<Pulses>("/v1/gates/pulses", { after: this.#after ?? 0 }, this.#ending.signal);
    this.#after = answer.next;
    this.rates.add(answer.items);
    this.beats += 1;
    if (!first && answer.items.length > 0) this.onBeat(beat(answer.items));
  }

  async #readAlerts(): Promise<void> {
    const found = new Map<string, Alert>();
    let cursor: string | null = null;
    try {
      for (let page = 0; page < ALERT_PAGES; page += 1) {
        const answer: Page<Alert> = await get<Page<Alert>>("/v1/alerts", { state: LIVE, limit: ALERTS_A_PAGE, cursor }, this.#ending.signal);
        for (const alert of answer.items) found.set(alert.id, alert);
        cursor = answer.next;
        if (cursor === null) break;
      }
    } catch (error) {
      if (!this.#ending.signal.aborted) this.failure = error;
      return;
    }
    // What the feed told while the list was on its way is newer.
    for (const [id, alert] of this.alerts) if (alert.revision > (found.get(id)?.revision ?? Number.POSITIVE_INFINITY)) found.set(id, alert);
    this.alerts = found;
  }

  // Fifty changes a second are one drawing a frame.
  #take(alert: Alert): void {
    this.#changed.set(alert.id, alert);
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const alerts = new Map(this.alerts);
      for (const [id, changed] of this.#changed) {
        if (isLive(changed)) alerts.set(id, changed);
        else alerts.delete(id);
      }
      this.#changed.clear();
      this.alerts = alerts;
    });
  }
}
