import { describe, expect, it } from "vitest";
import { type Draft, freeId, position, wanted } from "./post";

const DRAFT: Draft = { existing: false, site: " post-1 ", name: "大桥卡点", role: "checkpoint", grid: "", zones: "county，g1", position: "120.92, 30.84", crs: "gcj02", hours: 12 };

describe("a temporary post", () => {
  it("is filed with what was filled in", () => {
    expect(wanted(DRAFT)).toEqual({ site: "post-1", hours: 12, name: "大桥卡点", role: "checkpoint", zones: ["county", "g1"], position: { lon: 120.92, lat: 30.84, crs: "gcj02" } });
    expect(wanted({ ...DRAFT, position: "", zones: "", grid: "g1" })).toEqual({ site: "post-1", hours: 12, name: "大桥卡点", role: "checkpoint", grid: "g1", zones: [] });
  });

  it("names nothing but the site where that is filed already", () => {
    expect(wanted({ ...DRAFT, existing: true })).toEqual({ site: "post-1", hours: 12 });
  });

  it.each(["120.92 30.84", "120.92，30.84", " 120.92 ; 30.84 "])("takes %s for a position", (text) => {
    expect(position(text)).toEqual({ lon: 120.92, lat: 30.84 });
  });

  it.each(["", "120.92", "120.92, north", "30, 120, 1", "200, 30"])("takes %j for none", (text) => {
    expect(position(text)).toBeNull();
  });

  it("finds a name that is free", () => {
    expect(freeId(new Set(["post-1", "post-2"]))).toBe("post-3");
  });
});
