// The signs of the map, drawn on canvases: MapLibre's own text needs files of glyphs, which would be
// megabytes for Chinese, while the browser has fonts already.

import type { Health } from "../gates/health";

export interface Mark {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

export interface Inks {
  ground: string;
  surface: string;
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  accent: string;
  good: string;
  critical: string;
  medium: string;
  fill: string;
}

const SIZE = 18;
const LABEL_PX = 12;
const MOST_CHARACTERS = 22;

export function inks(): Inks {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    ground: token("--ground"),
    surface: token("--surface"),
    ink: token("--ink"),
    ink2: token("--ink-2"),
    ink3: token("--ink-3"),
    line: token("--line-strong"),
    accent: token("--accent"),
    good: token("--good"),
    critical: token("--critical"),
    medium: token("--medium"),
    fill: token("--on-fill"),
  };
}

// Each health has a shape of its own: a disc, a triangle, a crossed square, a ring, a dotted ring.
export function siteMark(health: Health, colours: Inks, ratio: number): Mark {
  const [canvas, pen] = sheet(SIZE, SIZE, ratio);
  const middle = SIZE / 2;
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.ground;
  if (health === "troubled") {
    pen.beginPath();
    pen.moveTo(middle, 2.2);
    pen.lineTo(SIZE - 2, SIZE - 3);
    pen.lineTo(2, SIZE - 3);
    pen.closePath();
    pen.fillStyle = colours.medium;
    pen.fill();
    pen.stroke();
  } else if (health === "silent") {
    pen.fillStyle = colours.critical;
    pen.fillRect(3, 3, SIZE - 6, SIZE - 6);
    pen.strokeRect(3, 3, SIZE - 6, SIZE - 6);
    pen.beginPath();
    pen.moveTo(6, 6);
    pen.lineTo(SIZE - 6, SIZE - 6);
    pen.moveTo(SIZE - 6, 6);
    pen.lineTo(6, SIZE - 6);
    pen.stroke();
  } else {
    pen.beginPath();
    pen.arc(middle, middle, 5, 0, 2 * Math.PI);
    pen.fillStyle = health === "well" ? colours.good : colours.surface;
    pen.fill();
    if (health !== "well") {
      pen.strokeStyle = colours.ink3;
      pen.lineWidth = 2.2;
      if (health === "unknown") pen.setLineDash([2, 2]);
    }
    pen.stroke();
  }
  return taken(canvas, pen);
}

export function labelMark(text: string, colours: Inks, ratio: number): Mark {
  const shown = [...text].length > MOST_CHARACTERS ? `${[...text].slice(0, MOST_CHARACTERS - 1).join("")}…` : text;
  const font = `500 ${LABEL_PX}px ${getComputedStyle(document.body).fontFamily}`;
  const [, measuring] = sheet(1, 1, 1);
  measuring.font = font;
  const width = Math.ceil(measuring.measureText(shown).width) + 8;
  const [canvas, pen] = sheet(width, LABEL_PX + 8, ratio);
  pen.font = font;
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3.5;
  pen.strokeStyle = colours.ground;
  pen.fillStyle = colours.ink2;
  const y = (LABEL_PX + 8) / 2;
  pen.strokeText(shown, 4, y);
  pen.fillText(shown, 4, y);
  return taken(canvas, pen);
}

function sheet(width: number, height: number, ratio: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("this browser draws on no canvas");
  pen.scale(ratio, ratio);
  return [canvas, pen];
}

function taken(canvas: HTMLCanvasElement, pen: CanvasRenderingContext2D): Mark {
  const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  return { width, height, data };
}
