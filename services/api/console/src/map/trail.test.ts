import { describe, expect, it } from "vitest";
import type { Point } from "./datum";
import { lineTo, type Seen, stopAt, stops } from "./trail";

function seen(time: string, site: string, direction = "in"): Seen {
  return { time: `2026-03-02T${time}Z`, site, direction, type: "cordon.plate-hit.v1", source: "cam", id: time };
}

const TRAIL = stops([seen("10:00:00", "a"), seen("10:01:30", "a", "out"), seen("10:10:00", "b"), seen("10:30:00", "a"), seen("10:40:00", "a")]);

describe("a trail", () => {
  it("takes what two cameras of a gate saw as one stop", () => {
    expect(TRAIL.map((stop) => [stop.site, stop.times])).toEqual([["a", 2], ["b", 1], ["a", 1], ["a", 1]]);
    expect(TRAIL[0]!.directions).toEqual(["in", "out"]);
    expect(stops([])).toEqual([]);
  });

  it("knows the last stop at any moment", () => {
    expect(stopAt(TRAIL, Date.parse("2026-03-02T09:59:59Z"))).toBe(-1);
    expect(stopAt(TRAIL, Date.parse("2026-03-02T10:00:00Z"))).toBe(0);
    expect(stopAt(TRAIL, Date.parse("2026-03-02T10:20:00Z"))).toBe(1);
    expect(stopAt(TRAIL, Date.parse("2026-03-03T00:00:00Z"))).toBe(3);
  });

  it("draws a line through the sites that have a place", () => {
    const places = new Map<string, Point>([["a", [120, 30]]]);
    expect(lineTo(TRAIL, 2, places)).toEqual([[120, 30], [120, 30]]);
    expect(lineTo(TRAIL, -1, places)).toEqual([]);
  });
});
