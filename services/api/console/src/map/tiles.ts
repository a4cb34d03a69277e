// What lies below the outlines, as a part of MapLibre's style: nothing, raster tiles, or a PMTiles
// file, whose tiles are pictures or shapes. Its shapes are drawn without words: words need glyphs.

import { addProtocol, type LayerSpecification, type SourceSpecification, type StyleSpecification } from "maplibre-gl";
import { PMTiles, Protocol, TileType } from "pmtiles";
import type { Background } from "./county.svelte";
import type { Inks } from "./marks";

export type Ground = (colours: Inks) => StyleSpecification;

const SOURCE = "below";
let protocol: Protocol | undefined;

export async function groundOf(background: Background): Promise<Ground> {
  if (background.archive !== null) return archived(new URL(background.archive, location.href).href);
  if (background.tiles !== null) {
    // A URL object would write {z} as %7Bz%7D.
    const tiles = [background.tiles.startsWith("/") ? location.origin + background.tiles : background.tiles];
    return (colours) => style(colours, { type: "raster", tiles, tileSize: 256 }, [picture()]);
  }
  return (colours) => style(colours, null, []);
}

async function archived(url: string): Promise<Ground> {
  if (protocol === undefined) {
    protocol = new Protocol();
    addProtocol("pmtiles", protocol.tile);
  }
  const archive = new PMTiles(url);
  protocol.add(archive);
  const { tileType } = await archive.getHeader();
  if (tileType !== TileType.Mvt) return (colours) => style(colours, { type: "raster", url: `pmtiles://${url}`, tileSize: 256 }, [picture()]);
  const told = (await archive.getMetadata()) as { vector_layers?: { id: string }[] };
  const names = (told.vector_layers ?? []).map((layer) => layer.id);
  return (colours) => style(colours, { type: "vector", url: `pmtiles://${url}` }, names.flatMap((name) => shapes(name, colours)).sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0)));
}

function style(colours: Inks, source: SourceSpecification | null, layers: LayerSpecification[]): StyleSpecification {
  return {
    version: 8,
    sources: source === null ? {} : { [SOURCE]: source },
    layers: [{ id: "ground", type: "background", paint: { "background-color": colours.ground } }, ...layers],
  };
}

const picture = (): LayerSpecification => ({ id: "tiles", type: "raster", source: SOURCE, paint: { "raster-opacity": 0.8, "raster-saturation": -0.4 } });

// Layers are named differently by everybody who makes tiles, and yet alike.
function shapes(name: string, colours: Inks): LayerSpecification[] {
  const of = { source: SOURCE, "source-layer": name };
  if (/water/.test(name))
    return [
      { id: `${name}-fill`, type: "fill", ...of, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colours.accent, "fill-opacity": 0.18 } },
      { id: `${name}-line`, type: "line", ...of, filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": colours.accent, "line-opacity": 0.3 } },
    ];
  if (/road|transport|highway|rail/.test(name)) return [{ id: name, type: "line", ...of, paint: { "line-color": colours.line, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.5, 15, 2.5] } }];
  if (/bound|admin/.test(name)) return [{ id: name, type: "line", ...of, paint: { "line-color": colours.ink3, "line-dasharray": [4, 2] } }];
  if (/build/.test(name)) return [{ id: name, type: "fill", ...of, minzoom: 13, paint: { "fill-color": colours.line, "fill-opacity": 0.35 } }];
  if (/earth|land/.test(name)) return [{ id: name, type: "fill", ...of, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colours.surface } }];
  return [];
}

// Land below water, water below ways.
function rank(layer: LayerSpecification): number {
  const found = [/earth|land/, /water/, /build/, /bound|admin/].findIndex((kind) => kind.test(layer.id));
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}
