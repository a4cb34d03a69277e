// What the pictures are drawn from, made out of the API's figures. Pure.

import type { Device } from "../gates/health";
import type { Site } from "../map/places";

export interface Step {
  at: string;
  raised: number;
  actionable: number;
  rules: Record<string, number>;
  grids: Record<string, number>;
  waited: number;
  in_time: number;
  acked_s: [number, number] | null;
  delay_ms: number | null;
  actors: number;
}

export interface Pictures {
  since: string;
  until: string;
  step_s: number;
  figures: {
    steps: Step[];
    precision: { rule: string; outcomes: Record<string, number> }[];
    actionable: number;
    operator_hours: number;
  };
  minutes: { at: string[]; accepted: number[]; rejected: number[] };
}

// uPlot wants one list of times, in seconds, and one list of values for each line.
export interface Lines {
  times: number[];
  values: (number | null)[][];
}

const seconds = (at: string) => Date.parse(at) / 1000;

// The places of values that have no neighbour.
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  const none = (place: number) => values[place] === null || values[place] === undefined;
  return Array.from(values, (_, place) => place).filter((place) => !none(place) && none(place - 1) && none(place + 1));
}

// Events a second; minutes in which nothing was told are gaps, not zeros.
export function eventRates({ minutes }: Pictures): Lines {
  const lines: Lines = { times: [], values: [[], []] };
  let before: number | null = null;
  minutes.at.forEach((at, n) => {
    const time = seconds(at);
    if (before !== null && time - before > 90) add(lines, before + 60, [null, null]);
    add(lines, time, [(minutes.accepted[n] ?? 0) / 60, (minutes.rejected[n] ?? 0) / 60]);
    before = time;
  });
  return lines;
}

export function delays(steps: readonly Step[]): Lines {
  return { times: steps.map((step) => seconds(step.at)), values: [steps.map((step) => step.delay_ms)] };
}

export function inTime(steps: readonly Step[]): Lines {
  return { times: steps.map((step) => seconds(step.at)), values: [steps.map((step) => (step.waited === 0 ? null : (100 * step.in_time) / step.waited))] };
}

export function waits(steps: readonly Step[]): Lines {
  return {
    times: steps.map((step) => seconds(step.at)),
    values: [0, 1].map((place) => steps.map((step) => step.acked_s?.[place] ?? null)),
  };
}

export function load(steps: readonly Step[]): Lines {
  return { times: steps.map((step) => seconds(step.at)), values: [steps.map((step) => step.actionable), steps.map((step) => step.actors)] };
}

export interface Stack extends Lines {
  // The rules from the most frequent on; "" = all others.
  names: string[];
  // What each of them has, not stacked, for the table.
  counts: number[][];
}

// Alerts by rule, stacked: the first of `values` is the whole height, drawn first and lowest down.
export function byRule(steps: readonly Step[], most: number): Stack {
  const totals = new Map<string, number>();
  for (const step of steps) for (const [rule, count] of Object.entries(step.rules)) totals.set(rule, (totals.get(rule) ?? 0) + count);
  const ordered = [...totals].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([rule]) => rule);
  const shown = ordered.length > most ? ordered.slice(0, most - 1) : ordered;
  const names = ordered.length > shown.length ? [...shown, ""] : shown;
  const counts = names.map((name) =>
    steps.map((step) => (name ? (step.rules[name] ?? 0) : Object.entries(step.rules).reduce((sum, [rule, count]) => sum + (shown.includes(rule) ? 0 : count), 0))),
  );
  const values = names.map((_, n) => steps.map((_, at) => counts.slice(0, names.length - n).reduce((sum, row) => sum + (row[at] ?? 0), 0)));
  return { times: steps.map((step) => seconds(step.at)), names, counts, values };
}

export interface Found {
  rule: string;
  outcomes: [string, number][];
  total: number;
  // Confirmed of confirmed and false; null where there was neither.
  precision: number | null;
}

export function precisions(pictures: Pictures): Found[] {
  return pictures.figures.precision
    .map(({ rule, outcomes }) => {
      const said = (outcomes.confirmed ?? 0) + (outcomes.false ?? 0);
      const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      return { rule, outcomes: Object.entries(outcomes), total, precision: said === 0 ? null : (outcomes.confirmed ?? 0) / said };
    })
    .sort((a, b) => b.total - a.total || a.rule.localeCompare(b.rule));
}

export interface Covered {
  grid: string;
  sites: number;
  heard: number;
  alerts: number;
}

// How many sites of each grid were heard of in the last hour; "" = sites without a grid.
export function coverage(sites: readonly Site[], devices: readonly Device[], steps: readonly Step[]): Covered[] {
  const heard = new Set(devices.filter((device) => device.hour.accepted > 0).map((device) => device.site));
  const found = new Map<string, Covered>();
  const of = (grid: string) => {
    const there = found.get(grid) ?? { grid, sites: 0, heard: 0, alerts: 0 };
    found.set(grid, there);
    return there;
  };
  for (const site of sites) {
    const there = of(site.grid ?? "");
    there.sites += 1;
    there.heard += heard.has(site.id) ? 1 : 0;
  }
  for (const step of steps) for (const [grid, count] of Object.entries(step.grids)) of(grid).alerts += count;
  return [...found.values()].sort((a, b) => Number(a.grid === "") - Number(b.grid === "") || a.heard / (a.sites || 1) - b.heard / (b.sites || 1) || a.grid.localeCompare(b.grid, undefined, { numeric: true }));
}

// Steps that make a picture of about a hundred points.
export function stepOf(hours: number): number {
  const steps = [60, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
  return steps.find((step) => (hours * 3_600) / step <= 120) ?? 86_400;
}

function add(lines: Lines, time: number, values: (number | null)[]): void {
  lines.times.push(time);
  values.forEach((value, n) => lines.values[n]?.push(value));
}
