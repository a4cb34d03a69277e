// The pulse of the sites: how many events each sent, second by second.

export interface Pulse {
  n: number;
  at: string;
  sites: Record<string, number>;
}

export interface Pulses {
  at: string;
  next: number;
  items: Pulse[];
}

const MINUTE_MS = 60_000;

// Counts of the last minute by site. Reports are added as they come; the oldest go.
export class Rates {
  #kept: Pulse[] = [];
  #counts = new Map<string, number>();

  add(pulses: readonly Pulse[]): void {
    for (const pulse of pulses) {
      this.#kept.push(pulse);
      this.#count(pulse, 1);
    }
    const newest = Date.parse(this.#kept.at(-1)?.at ?? "");
    let first = this.#kept[0];
    while (first !== undefined && newest - Date.parse(first.at) >= MINUTE_MS) {
      this.#count(first, -1);
      this.#kept.shift();
      first = this.#kept[0];
    }
  }

  // Events of a site in the last minute.
  perMinute(site: string): number {
    return this.#counts.get(site) ?? 0;
  }

  total(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }

  #count(pulse: Pulse, sign: 1 | -1): void {
    for (const [site, count] of Object.entries(pulse.sites)) {
      const now = (this.#counts.get(site) ?? 0) + sign * count;
      if (now > 0) this.#counts.set(site, now);
      else this.#counts.delete(site);
    }
  }
}

// The events by site of what has just come, for one beat on the map.
export function beat(pulses: readonly Pulse[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const pulse of pulses) for (const [site, count] of Object.entries(pulse.sites)) found.set(site, (found.get(site) ?? 0) + count);
  return found;
}

// How large the ring of a beat is, in pixels: ten times as many events are one step more.
export function ringSize(count: number): number {
  return Math.round(28 + 18 * Math.log10(Math.max(1, count)));
}
