// How instants and spans are written. Days are counted in the deployment's zone, which the server
// tells: a wall display abroad shows the county's time.

import { language } from "./language.svelte";

let zone: string | undefined;

export function useZone(name: string): void {
  zone = name;
  formats.clear();
}

const formats = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>();

function format<T extends Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>(kind: string, make: (tag: string) => T): T {
  const key = `${kind}/${language.tag}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = make(language.tag);
    formats.set(key, made);
  }
  return made as T;
}

const inZone = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormatOptions =>
  zone === undefined ? options : { ...options, timeZone: zone };

// The clock alone, to the second.
export function clockTime(ms: number): string {
  return format("clock", (tag) => new Intl.DateTimeFormat(tag, inZone({ hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }))).format(ms);
}

// The day alone.
export function day(ms: number): string {
  return format("day", (tag) => new Intl.DateTimeFormat(tag, inZone({ year: "numeric", month: "2-digit", day: "2-digit" }))).format(ms);
}

// An instant: the clock alone on the day of `nowMs`, else the day too.
export function instant(at: string | number, nowMs: number): string {
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(ms)) return String(at);
  return day(ms) === day(nowMs) ? clockTime(ms) : `${day(ms)} ${clockTime(ms)}`;
}

// A span as a clock that runs: 0:07, 12:45, 3:05:00; negative spans carry a minus.
export function running(ms: number): string {
  const sign = ms < 0 ? "−" : "";
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return hours > 0 ? `${sign}${hours}:${two(minutes)}:${two(rest)}` : `${sign}${minutes}:${two(rest)}`;
}

// An age in its largest unit, as short as the language allows: "12 s", "3 min", "2 小时".
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [unit, size] =
    seconds < 60 ? (["second", 1] as const) : seconds < 3600 ? (["minute", 60] as const) : seconds < 86_400 ? (["hour", 3600] as const) : (["day", 86_400] as const);
  return format(`unit-${unit}`, (tag) => new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 })).format(Math.floor(seconds / size));
}

// A count with the language's separators.
export function count(value: number): string {
  return format("count", (tag) => new Intl.NumberFormat(tag)).format(value);
}

// A mark on the axis of a picture that spans so many ms: the clock to the minute, or the day.
export function tickTime(ms: number, spanMs: number): string {
  const options: Intl.DateTimeFormatOptions = spanMs > 2 * 86_400_000 ? { month: "2-digit", day: "2-digit" } : { hour: "2-digit", minute: "2-digit", hour12: false };
  return format(spanMs > 2 * 86_400_000 ? "tick-day" : "tick-clock", (tag) => new Intl.DateTimeFormat(tag, inZone(options))).format(ms);
}
