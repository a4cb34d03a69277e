// The drawing of the map with MapLibre: the only file that knows it, and what its chunk is loaded for.

import type { FeatureCollection, LineString, Point as PointGeometry, Polygon } from "geojson";
import { type GeoJSONSource, Map as MapLibre, Marker, setWorkerUrl } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Health } from "../gates/health";
import type { Point } from "./datum";
import { type Inks, inks, labelMark, siteMark } from "./marks";
import { type Bounds, bounds } from "./places";
import { ringSize } from "./pulses";
import { type Ground, groundOf } from "./tiles";

setWorkerUrl(workerUrl);

export { groundOf };

export interface DrawnSite {
  id: string;
  name: string;
  at: Point;
  health: Health;
}

export interface DrawnZones extends FeatureCollection<Polygon, { id: string; kind: string }> {}

const HEALTHS: readonly Health[] = ["well", "quiet", "troubled", "silent", "unknown"];
const RATIO = Math.min(2, Math.max(1, Math.ceil(devicePixelRatio)));
const EMPTY = { type: "FeatureCollection" as const, features: [] };
const MARGIN_PX = 56;
const STEP_PX = 90;

export class Drawing {
  readonly #map: MapLibre;
  #inks: Inks = inks();
  #zones: DrawnZones = EMPTY as DrawnZones;
  #sites: DrawnSite[] = [];
  #names = true;
  #trail: { line: Point[]; stops: Point[]; here: Point | null } = { line: [], stops: [], here: null };
  #rings = new Map<string, Marker>();
  #ready = false;
  readonly #ground: Ground;
  // Land is drawn where no tiles show it.
  readonly #tiled: boolean;
  #fitted = false;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  // Throws where the browser has no WebGL.
  constructor(container: HTMLElement, ground: Ground, tiled: boolean, told: { moved: () => void; pressed: (site: string) => void; ready: () => void }) {
    this.#ground = ground;
    this.#tiled = tiled;
    this.#map = new MapLibre({
      container,
      style: ground(this.#inks),
      attributionControl: false,
      // The keyboard is served by the page, which says what the keys do.
      keyboard: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      maxZoom: 18,
      center: [105, 35],
      zoom: 3,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.on("load", () => {
      this.#ready = true;
      this.#furnish();
      told.ready();
    });
    this.#map.on("move", told.moved);
    this.#map.on("click", "sites", (event) => {
      const id = event.features?.[0]?.properties?.id as unknown;
      if (typeof id === "string") told.pressed(id);
    });
    this.#map.on("mouseenter", "sites", () => this.#cursor("pointer"));
    this.#map.on("mouseleave", "sites", () => this.#cursor(""));
  }

  end(): void {
    this.#map.remove();
  }

  // Draw all anew in the colours of the theme.
  recolour(): void {
    this.#inks = inks();
    if (!this.#ready) return;
    this.#map.setStyle(this.#ground(this.#inks), { diff: false });
    this.#map.once("style.load", () => this.#furnish());
  }

  show(sites: DrawnSite[], zones: DrawnZones): void {
    this.#sites = sites;
    this.#zones = zones;
    if (!this.#ready) return;
    this.#label();
    this.#source("zones")?.setData(zones);
    this.#source("sites")?.setData(this.#features());
    if (!this.#fitted) this.fit(false);
  }

  showNames(shown: boolean): void {
    this.#names = shown;
    if (this.#ready) this.#map.setLayoutProperty("labels", "visibility", shown ? "visible" : "none");
  }

  showZones(shown: boolean): void {
    if (!this.#ready) return;
    for (const layer of ["zone-fill", "zone-line"]) this.#map.setLayoutProperty(layer, "visibility", shown ? "visible" : "none");
  }

  // A line through the stops so far, and where the subject is now.
  showTrail(line: Point[], stops: Point[], here: Point | null): void {
    this.#trail = { line, stops, here };
    if (!this.#ready) return;
    this.#source("trail")?.setData(lineOf(line));
    this.#source("stops")?.setData(pointsOf(stops));
    this.#source("here")?.setData(pointsOf(here === null ? [] : [here]));
  }

  // One beat: a ring at each site that sent something.
  beat(counts: ReadonlyMap<string, number>): void {
    if (!this.#ready || this.#still.matches) return;
    for (const site of this.#sites) {
      const count = counts.get(site.id);
      if (count === undefined) continue;
      let ring = this.#rings.get(site.id);
      if (ring === undefined) {
        const element = document.createElement("div");
        element.className = "ring";
        element.append(document.createElement("i"));
        ring = new Marker({ element }).setLngLat([...site.at]).addTo(this.#map);
        // MapLibre names its markers for screen readers; of a ring there is nothing to say.
        element.removeAttribute("aria-label");
        element.removeAttribute("role");
        element.removeAttribute("tabindex");
        element.setAttribute("aria-hidden", "true");
        this.#rings.set(site.id, ring);
      }
      const inside = ring.getElement().firstElementChild;
      if (!(inside instanceof HTMLElement)) continue;
      const size = ringSize(count);
      inside.style.width = inside.style.height = `${size}px`;
      inside.getAnimations().forEach((running) => running.cancel());
      inside.animate(
        [
          { transform: "translate(-50%, -50%) scale(0.3)", opacity: 0.9 },
          { transform: "translate(-50%, -50%) scale(1)", opacity: 0 },
        ],
        { duration: 950, easing: "ease-out", fill: "forwards" },
      );
    }
  }

  quiet(): void {
    for (const ring of this.#rings.values()) ring.remove();
    this.#rings.clear();
  }

  // Where a place is on the screen, in pixels from the map's corner.
  pixel(at: Point): { x: number; y: number } {
    return this.#map.project([...at]);
  }

  fit(slowly = true): void {
    const box = this.#box();
    if (box === null) return;
    this.#fitted = true;
    this.#map.fitBounds(box, { padding: MARGIN_PX, maxZoom: 15, animate: slowly && !this.#still.matches });
  }

  fitTo(points: readonly Point[]): void {
    const box = bounds(points);
    if (box !== null) this.#map.fitBounds(box, { padding: MARGIN_PX * 1.5, maxZoom: 15, animate: !this.#still.matches });
  }

  goTo(at: Point): void {
    this.#map.easeTo({ center: [...at], zoom: Math.max(this.#map.getZoom(), 13), animate: !this.#still.matches });
  }

  zoom(by: 1 | -1): void {
    this.#map.zoomTo(this.#map.getZoom() + by, { animate: !this.#still.matches });
  }

  pan(x: -1 | 0 | 1, y: -1 | 0 | 1): void {
    this.#map.panBy([x * STEP_PX, y * STEP_PX], { animate: !this.#still.matches });
  }

  resized(): void {
    this.#map.resize();
  }

  #box(): Bounds | null {
    const corners = this.#zones.features.flatMap((zone) => zone.geometry.coordinates[0] ?? []);
    return bounds([...this.#sites.map((site) => site.at), ...corners.map(([lon, lat]): Point => [lon ?? 0, lat ?? 0])]);
  }

  #source(name: string): GeoJSONSource | undefined {
    return this.#map.getSource<GeoJSONSource>(name);
  }

  #cursor(kind: string): void {
    this.#map.getCanvas().style.cursor = kind;
  }

  // Everything that is ours, on top of whatever the background is.
  #furnish(): void {
    const map = this.#map;
    for (const health of HEALTHS) {
      const name = `site-${health}`;
      if (!map.hasImage(name)) map.addImage(name, siteMark(health, this.#inks, RATIO), { pixelRatio: RATIO });
    }
    this.#label();
    map.addSource("zones", { type: "geojson", data: this.#zones });
    map.addSource("sites", { type: "geojson", data: this.#features() });
    map.addSource("trail", { type: "geojson", data: lineOf(this.#trail.line) });
    map.addSource("stops", { type: "geojson", data: pointsOf(this.#trail.stops) });
    map.addSource("here", { type: "geojson", data: pointsOf(this.#trail.here === null ? [] : [this.#trail.here]) });
    const kinds = (region: string, other: string) =>
      ["match", ["get", "kind"], "region", region, "isolation", this.#inks.critical, "facility", this.#inks.medium, other] as never;
    map.addLayer({
      id: "zone-fill", type: "fill", source: "zones",
      paint: { "fill-color": kinds(this.#inks.surface, this.#inks.accent), "fill-opacity": ["match", ["get", "kind"], "region", this.#tiled ? 0 : 1, 0.1] },
    });
    map.addLayer({
      id: "zone-line", type: "line", source: "zones",
      paint: {
        "line-color": kinds(this.#inks.line, this.#inks.ink3),
        "line-width": ["match", ["get", "kind"], "region", 1.6, 1],
        "line-dasharray": ["match", ["get", "kind"], "grid", ["literal", [3, 3]], ["literal", [1, 0]]],
      },
    });
    map.addLayer({ id: "trail", type: "line", source: "trail", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": this.#inks.accent, "line-width": 3, "line-opacity": 0.85 } });
    map.addLayer({ id: "stops", type: "circle", source: "stops", paint: { "circle-radius": 5, "circle-color": this.#inks.surface, "circle-stroke-color": this.#inks.accent, "circle-stroke-width": 2 } });
    map.addLayer({ id: "sites", type: "symbol", source: "sites", layout: { "icon-image": ["concat", "site-", ["get", "health"]], "icon-allow-overlap": true, "icon-ignore-placement": true } });
    map.addLayer({
      id: "labels", type: "symbol", source: "sites",
      layout: {
        "icon-image": ["get", "label"], "icon-anchor": "top", "icon-offset": [0, 8], "icon-padding": 1,
        "symbol-sort-key": ["get", "rank"], visibility: this.#names ? "visible" : "none",
      },
    });
    map.addLayer({ id: "here", type: "circle", source: "here", paint: { "circle-radius": 9, "circle-color": this.#inks.accent, "circle-stroke-color": this.#inks.ground, "circle-stroke-width": 3 } });
    if (!this.#fitted) this.fit(false);
  }

  // One image for each name; those of sites that are gone stay, as there are few.
  #label(): void {
    for (const site of this.#sites) {
      const name = labelOf(site);
      if (!this.#map.hasImage(name)) this.#map.addImage(name, labelMark(site.name, this.#inks, RATIO), { pixelRatio: RATIO });
    }
  }

  #features(): FeatureCollection<PointGeometry> {
    return {
      type: "FeatureCollection",
      features: this.#sites.map((site) => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [...site.at] },
        // Where names collide, those of sites with trouble come first.
        properties: { id: site.id, health: site.health, label: labelOf(site), rank: HEALTHS.length - HEALTHS.indexOf(site.health) },
      })),
    };
  }
}

const labelOf = (site: DrawnSite) => `name-${site.name}`;

function lineOf(line: Point[]): FeatureCollection<LineString> {
  if (line.length < 2) return EMPTY as FeatureCollection<LineString>;
  return { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: line.map((at) => [...at]) } }] };
}

function pointsOf(points: Point[]): FeatureCollection<PointGeometry> {
  return { type: "FeatureCollection", features: points.map((at) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [...at] } })) };
}
