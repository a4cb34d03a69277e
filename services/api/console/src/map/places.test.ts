import { describe, expect, it } from "vitest";
import { toGcj02 } from "./datum";
import { bounds, circle, outlines, placed, type Zone } from "./places";

describe("places", () => {
  it("draws a round zone as a closed ring of its radius", () => {
    const ring = circle([120, 30], 1_000);
    expect(ring[0]).toEqual(ring.at(-1));
    const box = bounds(ring);
    expect((box![3] - box![1]) * 111_320).toBeCloseTo(2_000, 0);
    expect((box![2] - box![0]) * 111_320 * Math.cos(Math.PI / 6)).toBeCloseTo(2_000, 0);
  });

  it("puts large zones below small ones, and leaves out those without an outline", () => {
    const zones: Zone[] = [
      { id: "small", kind: "community", crs: "wgs84", centre: [120, 30], radius_m: 100 },
      { id: "none", kind: "grid", crs: "wgs84" },
      { id: "large", kind: "region", crs: "wgs84", geometry: { type: "Polygon", coordinates: [[[119, 29], [121, 29], [121, 31], [119, 29]]] } },
    ];
    expect(outlines(zones, "wgs84").features.map((each) => each.properties.id)).toEqual(["large", "small"]);
  });

  it("moves what is filed in another datum than the tiles", () => {
    const site = { id: "a", name: "a", role: "checkpoint", zones: [] };
    const found = placed([{ ...site, position: { lon: 120, lat: 30, crs: "wgs84" } }, { ...site, id: "nowhere" }], "gcj02");
    expect(found).toHaveLength(1);
    expect(found[0]!.at).toEqual(toGcj02([120, 30]));
  });

  it("has no bounds without points", () => {
    expect(bounds([])).toBeNull();
  });
});
