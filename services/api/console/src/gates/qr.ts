// A QR code as one path: each row of modules becomes runs, which print sharper than single squares.

export interface Drawn {
  size: number;
  path: string;
}

// What a reader needs around it, in modules (ISO/IEC 18004).
export const QUIET = 4;

export function drawn(rows: readonly string[]): Drawn {
  const parts: string[] = [];
  rows.forEach((row, y) => {
    for (const run of row.matchAll(/1+/g)) parts.push(`M${run.index + QUIET} ${y + QUIET}h${run[0].length}v1h-${run[0].length}z`);
  });
  return { size: rows.length + 2 * QUIET, path: parts.join("") };
}
