// Writes the service worker of the phone pages beside them, with the list of what it keeps: the page,
// the chunk of the phone view, and whatever these two load at once. The rest of the console stays out.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const VIEW = "/src/phone/Phone.svelte";
const BESIDE = ["/mark.svg", "/phone/app.webmanifest"];

interface Chunk {
  type: "chunk";
  fileName: string;
  facadeModuleId: string | null;
  isEntry: boolean;
  imports: string[];
  viteMetadata?: { importedCss: Set<string> };
}

export function precache(): Plugin {
  return {
    name: "cordon-precache",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const chunks = new Map(Object.values(bundle).flatMap((each) => (each.type === "chunk" ? [[each.fileName, each as unknown as Chunk] as const] : [])));
        const parts = new Set<string>();
        const take = (chunk: Chunk | undefined) => {
          if (chunk === undefined || parts.has(`/${chunk.fileName}`)) return;
          parts.add(`/${chunk.fileName}`);
          for (const style of chunk.viteMetadata?.importedCss ?? []) parts.add(`/${style}`);
          for (const name of chunk.imports) take(chunks.get(name));
        };
        const view = [...chunks.values()].find((chunk) => chunk.facadeModuleId?.endsWith(VIEW));
        if (view === undefined) this.error(`no chunk of ${VIEW}`);
        for (const chunk of chunks.values()) if (chunk.isEntry) take(chunk);
        take(view);
        const list = ["/phone/", ...BESIDE, ...[...parts].sort()];
        // The names of the chunks hold digests of what is in them; the worker's own text counts too.
        const text = readFileSync(new URL("./worker.js", import.meta.url), "utf8");
        const version = createHash("sha256").update(JSON.stringify(list)).update(text).digest("hex").slice(0, 12);
        const source = `const VERSION = ${JSON.stringify(version)};\nconst PARTS = ${JSON.stringify(list)};\n${text}`;
        this.emitFile({ type: "asset", fileName: "phone/worker.js", source });
      },
    },
  };
}
