// The checks of schemas/persons.py, so that a wrong digit is seen while the person is still there.
// Messages are keys of texts.js and never contain the number.

const FORMS = {
  resident_id: /^[1-9][0-9]{16}[0-9X]$/,
  passport: /^(?=.*[0-9])[A-Z0-9]{5,12}$/,
  hk_macau_permit: /^(?:[HM][0-9]{8}(?:[0-9]{2})?|[A-Z][A-Z0-9][0-9]{7})$/,
  tw_permit: /^(?:[0-9]{8}|[0-9]{10}[A-Z]?|[A-Z][0-9]{8})$/,
  foreign_permit: /^(?:[A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X])$/,
  other: /^[\p{L}\p{N}]{3,32}$/u,
};
const SEPARATORS = /[ .\-·/()‐‑–—]/gu;
const CHECK = "10X98765432";

export const canonical = (raw) => raw.normalize("NFKC").toUpperCase().replace(SEPARATORS, "").normalize("NFKC");

// What is wrong with a number, as a key of texts.js; null when nothing is. `today` is yyyymmdd.
export function problem(type, raw, today) {
  const form = FORMS[type];
  if (!form || raw.length > 64) return "idForm";
  const number = canonical(raw);
  if (!form.test(number)) return "idForm";
  if (new Set(number).size === 1) return "idPlaceholder";
  if (number.length === 18 && (type === "resident_id" || type === "foreign_permit")) return residentProblem(number, today);
  return null;
}

function residentProblem(number, today) {
  // GB 11643-1999; 2^(18-i) modulo 11.
  let sum = 0;
  for (let at = 0; at < 17; at += 1) sum += Number(number[at]) * (2 ** (17 - at) % 11);
  if (CHECK[sum % 11] !== number[17]) return "idCheck";
  const born = number.slice(6, 14);
  const [year, month, day] = [born.slice(0, 4), born.slice(4, 6), born.slice(6)].map(Number);
  const date = new Date(Date.UTC(2000, month - 1, day));
  // Years below 100 are other years to a Date, so the year is set by itself.
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return "idDate";
  return today && born > today ? "idFuture" : null;
}
