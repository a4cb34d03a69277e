// Plates: the keys for typing them, and the mainland grammar of schemas/plates.py.

import { PROVINCES } from "./forms.js";

const P = `[${PROVINCES}]`;
const L = "[A-HJ-NP-Z]";
const S = "[A-HJ-NP-Z0-9]";
const NEV = "[DABCEFGHJK]";
const FORM = new RegExp(
  `^(?:${[
    `${P}${L}${S}{5}`, `${P}${L}${NEV}${S}[0-9]{4}`, `${P}${L}[0-9]{5}${NEV}`, `${P}(?:${L}|O)${S}{4}警`,
    `${P}${L}${S}{4}[学挂领试超]`, `${P}${L}?[0-9]{4,5}领`, `粤Z${S}{4}[港澳]`, "使[0-9]{6}",
    `WJ${P}?[0-9]{4}[0-9TDSHBXJ]`, "[A-Z]{2}[0-9]{5}", `民航${S}{5}`,
  ].join("|")})$`, "u",
);
const SEPARATORS = /[ .\-·•‧・∙⋅⸱。_‐‒–—―−]/gu;
const LOOK_ALIKE = Object.fromEntries(
  [..."翼粵蘇滬贛遼陝雲瓊貴寧閩魯黒晉學掛領試"].map((from, at) => [from, [..."冀粤苏沪赣辽陕云琼贵宁闽鲁黑晋学挂领试"][at]]),
);

export const LONGEST = 8;

// The canonical plate, or null for what is none.
export function normalise(raw) {
  const stripped = raw.normalize("NFKC").toUpperCase().replace(SEPARATORS, "").normalize("NFKC");
  if (FORM.test(stripped)) return stripped;
  let text = [...stripped].map((each) => LOOK_ALIKE[each] ?? each).join("");
  if (text.endsWith("使")) text = `使${text.slice(0, -1)}`;
  const head = text.startsWith("使") ? 1 : 2;
  text = text.slice(0, head) + text.slice(head).replaceAll("I", "1").replaceAll("O", "0");
  return FORM.test(text) ? text : null;
}

const LETTERS = [..."ABCDEFGHJKLMNPQRSTUVWXYZ"];
const DIGITS = [..."1234567890"];
export const SUFFIXES = [..."警学挂领试超港澳"];

// The keys for the next character of a plate: [character, whether it can follow]. Suffixes come last.
export function keysAfter(typed) {
  const length = [...typed].length;
  if (length === 0) return [...PROVINCES, "使"].map((key) => [key, true]);
  const embassy = typed.startsWith("使");
  if (length === 1 && !embassy) {
    return [...LETTERS.map((key) => [key, true]), ["O", true]];
  }
  const room = length < (embassy ? 7 : LONGEST);
  // A suffix is the seventh character; that of a consulate may stand before or after, too.
  return [
    ...DIGITS.map((key) => [key, room]),
    ...LETTERS.map((key) => [key, room && !embassy]),
    ...SUFFIXES.map((key) => [key, !embassy && (length === 6 || (key === "领" && (length === 5 || length === 7)))]),
  ];
}

// 浙F·12345, as it is painted on the vehicle.
export function painted(plate) {
  const head = plate.startsWith("使") ? 1 : 2;
  return plate.length > head ? `${plate.slice(0, head)}·${plate.slice(head)}` : plate;
}
