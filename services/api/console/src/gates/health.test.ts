import { describe, expect, it } from "vitest";
import { bySite, clockOffset, type Device, deviceHealth, readShare, siteHealth, troubles } from "./health";

const NOW = Date.parse("2026-03-02T12:00:00Z");
const HOUR = { accepted: 100, rejected: 0, reads: 0, unread: 0, confidence: null, offset_ms: 40 };

function device(more: Partial<Device> = {}): Device {
  return {
    device: "cam", source: "cam-1", site: "gate", type: "cordon.plate-hit.v1", time: null, recorded: "2026-03-02T11:59:30Z",
    clock_offset_ms: null, hour: HOUR, minutes: [], refused: null, preview: null, ...more,
  };
}

describe("the health of a device", () => {
  it("is well while it sends", () => {
    expect(deviceHealth(device(), 60, NOW)).toBe("well");
    expect(troubles(device())).toEqual([]);
  });

  it("is silent when it beats and three beats are missing, and quiet else", () => {
    const old = device({ recorded: "2026-03-02T11:40:00Z" });
    expect(deviceHealth({ ...old, type: "cordon.heartbeat.v1" }, 60, NOW)).toBe("silent");
    expect(deviceHealth(old, 60, NOW)).toBe("quiet");
    expect(deviceHealth(old, 0, NOW)).toBe("quiet");
    expect(deviceHealth(device({ recorded: "2026-03-02T11:57:01Z", type: "cordon.heartbeat.v1" }), 60, NOW)).toBe("well");
  });

  it("is troubled by rejects, a wrong clock, or plates that are not read", () => {
    expect(troubles(device({ hour: { ...HOUR, rejected: 3 } }))).toEqual(["rejects"]);
    expect(troubles(device({ hour: { ...HOUR, rejected: 2 } }))).toEqual([]);
    expect(troubles(device({ hour: { ...HOUR, offset_ms: 121_000 } }))).toEqual(["clock"]);
    expect(troubles(device({ clock_offset_ms: -200_000 }))).toEqual(["clock"]);
    expect(troubles(device({ hour: { ...HOUR, reads: 20, unread: 5 } }))).toEqual(["reads"]);
    expect(troubles(device({ hour: { ...HOUR, reads: 19, unread: 9 } }))).toEqual([]);
  });

  it("has a clock that its heartbeat knows better than the network does", () => {
    expect(clockOffset(device({ clock_offset_ms: 5_000 }))).toBe(-5_000);
    expect(clockOffset(device())).toBe(40);
  });

  it("is troubled where everything that it sent was refused", () => {
    const refused = { at: "2026-03-02T11:59:00Z", field: "data.site", title: "Invalid value" };
    expect(deviceHealth(device({ recorded: null, refused }), 0, NOW)).toBe("troubled");
    expect(deviceHealth(device({ recorded: null }), 0, NOW)).toBe("unknown");
  });

  it("has no share of reads where nothing is read", () => {
    expect(readShare(HOUR)).toBeNull();
    expect(readShare({ ...HOUR, reads: 4, unread: 1 })).toBe(0.75);
  });
});

describe("the health of a site", () => {
  it("is heard when one of its devices is, and troubled when one of them is", () => {
    const old = device({ recorded: "2026-03-02T11:00:00Z" });
    expect(siteHealth([device(), old], 60, NOW)).toBe("well");
    expect(siteHealth([old], 60, NOW)).toBe("silent");
    expect(siteHealth([device({ hour: { ...HOUR, rejected: 50 } }), device()], 60, NOW)).toBe("troubled");
    expect(siteHealth([], 60, NOW)).toBe("silent");
    expect(siteHealth([], 0, NOW)).toBe("unknown");
  });

  it("is told of all devices of the site", () => {
    const found = bySite([device(), device({ source: "b" }), device({ site: null })]);
    expect([...found.keys()]).toEqual(["gate"]);
    expect(found.get("gate")).toHaveLength(2);
  });
});
