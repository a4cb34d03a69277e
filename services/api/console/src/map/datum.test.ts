import { describe, expect, it } from "vitest";
import { converted, type Point, toGcj02, toWgs84 } from "./datum";

// Pairs that other implementations of the formula give, WGS-84 first.
const KNOWN: readonly (readonly [string, Point, Point])[] = [
  ["Beijing", [116.377_817, 39.911_954], [116.384_047_224_556_57, 39.913_345_455_360_69]],
  ["Shanghai", [121.527_210_6, 31.177_427_6], [121.531_541_859_215, 31.175_303_983_645_97]],
  ["Shenzhen", [113.912_316, 22.543_847], [113.917_176_480_836_3, 22.540_796_131_694_766]],
];

const metres = (a: Point, b: Point) => Math.hypot((a[0] - b[0]) * 111_320 * Math.cos((a[1] / 180) * Math.PI), (a[1] - b[1]) * 111_320);

describe("the two datums", () => {
  it.each(KNOWN)("agrees with others at %s", (_, wgs84, gcj02) => {
    expect(metres(toGcj02(wgs84), gcj02)).toBeLessThan(0.01);
    expect(metres(toWgs84(gcj02), wgs84)).toBeLessThan(0.01);
  });

  it("comes back to where it began, to a millimetre", () => {
    for (let lon = 74; lon < 136; lon += 3.7)
      for (let lat = 4; lat < 54; lat += 3.1) expect(metres(toWgs84(toGcj02([lon, lat])), [lon, lat])).toBeLessThan(0.001);
  });

  it("moves a point in China by 100 m to 1 km, and none outside", () => {
    const moved = metres([120.92, 30.84], toGcj02([120.92, 30.84]));
    expect(moved).toBeGreaterThan(100);
    expect(moved).toBeLessThan(1_000);
    expect(toGcj02([2.35, 48.85])).toEqual([2.35, 48.85]);
    expect(toWgs84([139.7, 35.7])).toEqual([139.7, 35.7]);
  });

  it("leaves alone what is in the wanted datum already", () => {
    const here: Point = [120.92, 30.84];
    expect(converted(here, "gcj02", "gcj02")).toBe(here);
    expect(converted(here, "wgs84", "gcj02")).toEqual(toGcj02(here));
    expect(converted(here, "gcj02", "wgs84")).toEqual(toWgs84(here));
  });
});
