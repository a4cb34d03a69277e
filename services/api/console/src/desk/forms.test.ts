import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Draft, draftOf, fieldOf, valueOf } from "./draft";
import { constantsOf, type Field, fieldsOf, type Schema } from "./fields";
import { fromLocal, toLocal } from "./local";

const GENERATED = new URL("../../../../../schemas/generated/json/", import.meta.url);
const schemaOf = (name: string): Schema => JSON.parse(readFileSync(new URL(`cordon.${name}.put.v1.body.schema.json`, GENERATED), "utf8")) as Schema;
const REGISTERS = readdirSync(GENERATED).flatMap((file) => /^cordon\.(.*)\.put\.v1\.body\.schema\.json$/.exec(file)?.[1] ?? []);
const ZONE = "Asia/Shanghai";

const kinds = (name: string): Record<string, string> => Object.fromEntries(fieldsOf(schemaOf(name)).map((field) => [field.name, field.kind]));
const field = (given: Partial<Field>): Field => ({ name: "x", kind: "text", required: false, options: [], fields: [], ...given });

describe("fieldsOf", () => {
  it("knows every field of every register", () => {
    expect(REGISTERS.length).toBeGreaterThan(20);
    // A geometry and the thresholds of a policy are written as JSON, and nothing else is.
    const unknown = REGISTERS.flatMap((name) => Object.entries(kinds(name)).flatMap(([one, kind]) => (kind === "json" ? [`${name}.${one}`] : [])));
    expect(unknown).toEqual(["policy.rules", "zone.geometry"]);
  });

  it("tells kinds apart", () => {
    expect(kinds("order")).toMatchObject({
      subject: "person", class: "choice", zone: "text", exposure_date: "day", start: "instant", vehicles: "texts", home_possible: "yes-no", keepers: "members", reason: "long",
    });
    expect(kinds("site")).toMatchObject({ position: "group", heartbeat_s: "integer", zones: "texts" });
    expect(kinds("zone")).toMatchObject({ centre: "point", radius_m: "number" });
    expect(kinds("resident-vehicle")).toMatchObject({ attributes: "pairs" });
    expect(kinds("arrival-notice")).toMatchObject({ persons: "persons", stay_from: "text" });
  });

  it("puts what must be given first, and asks neither the id nor what has one value", () => {
    const fields = fieldsOf(schemaOf("site"));
    const order = fields.map((one) => one.required);
    expect(order).toEqual([...order].sort((a, b) => Number(b) - Number(a)));
    expect(fields.map((one) => one.name)).not.toContain("purpose");
    expect(fields.map((one) => one.name)).not.toContain("id");
    expect(constantsOf(schemaOf("site"))).toEqual({ purpose: "outbreak-control" });
  });
});

describe("draft", () => {
  it("gives an entry back as it was", () => {
    const data = {
      name: "East gate", role: "boundary", zones: ["z-1", "z-2"], source: "desk", reason: "filed",
      position: { lon: 120.1, lat: 30.2, crs: "wgs84" }, mandatory: false, warm_until: "2026-03-01T08:00:00+08:00", heartbeat_s: 0,
    };
    const fields = fieldsOf(schemaOf("site"));
    expect(valueOf(fields, draftOf(fields, data, ZONE), ZONE)).toEqual({ value: data, faults: {} });
  });

  it("names what is missing or cannot be read", () => {
    const fields = [
      field({ name: "a", required: true }), field({ name: "n", kind: "integer" }), field({ name: "j", kind: "json" }), field({ name: "p", kind: "point" }),
      field({ name: "m", kind: "pairs" }), field({ name: "t", kind: "instant" }), field({ name: "d", kind: "day" }),
      field({ name: "g", kind: "group", fields: [field({ name: "lon", kind: "number", required: true }), field({ name: "lat", kind: "number" })] }),
    ];
    const draft: Draft = { a: " ", n: "1.5", j: "{", p: "1", m: "colour", t: "soon", d: "1/2/2026", g: { lon: "", lat: "30" } };
    expect(valueOf(fields, draft, ZONE)).toEqual({
      value: { g: { lat: 30 } },
      faults: { a: "missing", n: "number", j: "json", p: "point", m: "pairs", t: "instant", d: "day", "g.lon": "missing" },
    });
  });

  it("reads people by number, by pseudonym, and on duty by name", () => {
    const fields = [field({ name: "who", kind: "person" }), field({ name: "all", kind: "persons" }), field({ name: "duty", kind: "members" })];
    const draft: Draft = {
      who: { id_number: " 330421195702160002 " },
      all: [{ person: "person:1:ab" }, { person: "" }],
      duty: [{ person: "李明" }, { person: "person:1:ab" }],
    };
    expect(valueOf(fields, draft, ZONE).value).toEqual({
      who: { id_type: "resident_id", id_number: "330421195702160002" },
      all: [{ person: "person:1:ab" }],
      duty: ["李明", { person: "person:1:ab" }],
    });
    expect(draftOf(fields, { duty: ["李明"] }, ZONE)).toEqual({ who: {}, all: [], duty: [{ person: "李明" }] });
  });

  it("reads lists by line, comma or their Chinese forms", () => {
    expect(valueOf([field({ kind: "texts" })], { x: "a\nb，c; d\n" }, ZONE).value).toEqual({ x: ["a", "b", "c", "d"] });
    expect(valueOf([field({ kind: "pairs" })], { x: "colour=white\ntype＝car" }, ZONE).value).toEqual({ x: { colour: "white", type: "car" } });
    expect(valueOf([field({ kind: "point" })], { x: "120.1，30.2" }, ZONE).value).toEqual({ x: [120.1, 30.2] });
    expect(valueOf([field({ kind: "yes-no" })], { x: "false" }, ZONE).value).toEqual({ x: false });
  });

  it("finds the control of a problem that the server names", () => {
    const fields = fieldsOf(schemaOf("site"));
    expect(fieldOf("$.position.lon", fields)).toBe("position.lon");
    expect(fieldOf("zones[2]", fields)).toBe("zones");
    expect(fieldOf("nobody", fields)).toBeNull();
    expect(fieldOf(null, fields)).toBeNull();
  });
});

describe("local times", () => {
  it("are the deployment's, wherever the browser is", () => {
    expect(toLocal("2026-03-01T00:00:00.000Z", ZONE)).toBe("2026-03-01T08:00");
    expect(toLocal("2026-03-01T00:00:07Z", ZONE)).toBe("2026-03-01T08:00:07");
    expect(fromLocal("2026-03-01T08:00", ZONE)).toBe("2026-03-01T08:00:00+08:00");
    expect(fromLocal("2026-03-01", ZONE)).toBeNull();
    expect(toLocal("tomorrow", ZONE)).toBe("tomorrow");
  });

  it("hold on both sides of a change of clocks", () => {
    for (const zone of ["Europe/Berlin", "America/New_York"])
      for (const instant of ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-10-25T03:00:00Z", "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z"])
        expect(Date.parse(fromLocal(toLocal(instant, zone), zone) ?? "")).toBe(Date.parse(instant));
  });
});
