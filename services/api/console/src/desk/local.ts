// Instants as people type them: the clock of the deployment's zone, wherever the browser is. Pure.

const MINUTE_MS = 60_000;

// An instant as a control of type datetime-local takes it; what is no instant stays as it is.
export function toLocal(instant: string, zone: string): string {
  const ms = Date.parse(instant);
  if (Number.isNaN(ms)) return instant;
  const seconds = Math.floor(ms / 1_000) % 60;
  return new Date(ms + offsetMs(ms, zone)).toISOString().slice(0, seconds === 0 ? 16 : 19);
}

// The instant of a local time, with the zone's offset; null for what is none. A time that a change
// of clocks leaves out becomes the one after it.
export function fromLocal(local: string, zone: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(local)) return null;
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall)) return null;
  // The offset at the instant itself: the first guess may lie on the other side of a change.
  const guess = wall - offsetMs(wall, zone);
  const ms = wall - offsetMs(guess, zone);
  const offset = offsetMs(ms, zone) / MINUTE_MS;
  const two = (value: number) => String(value).padStart(2, "0");
  const shown = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return new Date(ms + offset * MINUTE_MS).toISOString().slice(0, 19) + shown;
}

// How far the zone's clock is ahead of UTC at an instant, in ms.
export function offsetMs(ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).formatToParts(ms);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - Math.floor(ms / 1_000) * 1_000;
}
