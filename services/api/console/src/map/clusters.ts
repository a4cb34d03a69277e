// Alerts on the map: those of one site are one, and sites that lie too close on the screen are one
// bubble. What is in none of the sites on the map is counted beside it.

import { type Alert, SEVERITIES, type Severity } from "../api/types";

export interface Pin {
  site: string;
  x: number;
  y: number;
}

export interface Cluster {
  // The sites in it, that with the worst alert first.
  sites: string[];
  x: number;
  y: number;
  count: number;
  worst: Severity;
}

export interface AtSite {
  count: number;
  worst: Severity;
}

const LIVE = new Set(["open", "acked", "dispatched"]);

export function isLive(alert: Alert): boolean {
  return LIVE.has(alert.state) && alert.capped_by === undefined && !alert.silenced_by?.length;
}

export function worse(a: Severity, b: Severity): Severity {
  return SEVERITIES.indexOf(a) <= SEVERITIES.indexOf(b) ? a : b;
}

export function alertsBySite(alerts: Iterable<Alert>): Map<string, AtSite> {
  const found = new Map<string, AtSite>();
  for (const alert of alerts) {
    if (alert.site === undefined || !isLive(alert)) continue;
    const there = found.get(alert.site);
    found.set(alert.site, there ? { count: there.count + 1, worst: worse(there.worst, alert.severity) } : { count: 1, worst: alert.severity });
  }
  return found;
}

// Bubbles at least `apart` pixels from one another, each at the place of its worst site; the order
// of the pins does not matter.
export function clustered(pins: readonly Pin[], alerts: ReadonlyMap<string, AtSite>, apart: number): Cluster[] {
  const rank = (pin: Pin) => SEVERITIES.indexOf(alerts.get(pin.site)?.worst ?? "info");
  const sorted = pins
    .filter((pin) => alerts.has(pin.site))
    .sort((a, b) => rank(a) - rank(b) || (alerts.get(b.site)?.count ?? 0) - (alerts.get(a.site)?.count ?? 0) || a.site.localeCompare(b.site));
  const clusters: Cluster[] = [];
  for (const pin of sorted) {
    const here = alerts.get(pin.site);
    if (here === undefined) continue;
    const near = clusters.find((each) => Math.hypot(each.x - pin.x, each.y - pin.y) < apart);
    if (near === undefined) clusters.push({ sites: [pin.site], x: pin.x, y: pin.y, ...here });
    else {
      near.sites.push(pin.site);
      near.count += here.count;
    }
  }
  return clusters;
}
