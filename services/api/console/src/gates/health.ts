// How a device or a site is doing, from what it sent lately. Pure: the clock is an argument.

export interface Hour {
  accepted: number;
  rejected: number;
  reads: number;
  unread: number;
  confidence: number | null;
  offset_ms: number | null;
}

export interface Device {
  device: string;
  source: string;
  site: string | null;
  type: string | null;
  time: string | null;
  recorded: string | null;
  clock_offset_ms: number | null;
  hour: Hour;
  minutes: number[];
  refused: { at: string; field: string | null; title: string | null } | null;
  preview: Record<string, unknown> | null;
}

export interface Gates {
  at: string;
  total: number;
  items: Device[];
}

export const HEALTHS = ["silent", "troubled", "quiet", "well", "unknown"] as const;
// silent: nothing for longer than it should; troubled: it sends, and something is wrong with it;
// quiet: nothing for a while, which may be as it should be; unknown: nothing was heard of it.
export type Health = (typeof HEALTHS)[number];
export type Trouble = "rejects" | "clock" | "reads" | "silent";

const HEARTBEAT = "cordon.heartbeat.v1";
const MINUTE_MS = 60_000;
// Where no heartbeat is expected: what passes a gate at night comes at longer intervals than this.
const QUIET_MS = 15 * MINUTE_MS;
// As rule D32 counts them: a heartbeat that is missing three times is silence.
const MISSED = 3;
// As rule D33: a clock that is off by more makes events late or puts them into the future.
const CLOCK_MS = 120_000;
// A camera that reads fewer plates than this, or a device of which more is refused, wants a look.
const LEAST_READ = 0.8;
const MOST_REFUSED = 0.02;
const LEAST_READS = 20;

// What is wrong with a device that sends.
export function troubles(device: Device): Trouble[] {
  const { hour } = device;
  const found: Trouble[] = [];
  if (hour.rejected > 0 && hour.rejected > MOST_REFUSED * (hour.accepted + hour.rejected)) found.push("rejects");
  const offset = clockOffset(device);
  if (offset !== null && Math.abs(offset) > CLOCK_MS) found.push("clock");
  const share = readShare(hour);
  if (share !== null && hour.reads >= LEAST_READS && share < LEAST_READ) found.push("reads");
  return found;
}

// How far a device's clock is behind the true time, ms; what it says itself counts first.
export function clockOffset(device: Device): number | null {
  return device.clock_offset_ms === null ? device.hour.offset_ms : -device.clock_offset_ms;
}

// The share of passing vehicles whose plate was read; null = it reads none.
export function readShare(hour: Hour): number | null {
  return hour.reads === 0 ? null : (hour.reads - hour.unread) / hour.reads;
}

export function lastMs(device: Device): number | null {
  const ms = Date.parse(device.recorded ?? "");
  return Number.isNaN(ms) ? null : ms;
}

// `heartbeatS` is the heartbeat that is expected of the site, 0 = none. Only a device that beats can
// miss a beat: a camera is silent while nobody passes.
export function deviceHealth(device: Device, heartbeatS: number, nowMs: number): Health {
  const last = lastMs(device);
  if (last === null) return device.refused === null ? "unknown" : "troubled";
  const age = nowMs - last;
  if (device.type === HEARTBEAT && heartbeatS > 0 && age > MISSED * heartbeatS * 1_000) return "silent";
  if (troubles(device).length > 0) return "troubled";
  return age > QUIET_MS ? "quiet" : "well";
}

// A site is silent when none of its devices is heard, and troubled when one of them is.
export function siteHealth(devices: readonly Device[], heartbeatS: number, nowMs: number): Health {
  const last = Math.max(...devices.map((device) => lastMs(device) ?? 0), 0);
  if (heartbeatS > 0 && nowMs - last > MISSED * heartbeatS * 1_000) return "silent";
  const healths = devices.map((device) => deviceHealth(device, heartbeatS, nowMs));
  for (const each of ["troubled", "well", "quiet"] as const) if (healths.includes(each)) return each;
  return "unknown";
}

export function bySite(devices: readonly Device[]): Map<string, Device[]> {
  const found = new Map<string, Device[]>();
  for (const device of devices) {
    if (device.site === null) continue;
    const there = found.get(device.site);
    if (there) there.push(device);
    else found.set(device.site, [device]);
  }
  return found;
}
