import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { precache } from "./src/phone/precache.ts";

// Smaller than this, the header of a packed answer costs what packing saves.
const WORTH_BYTES = 1_000;
const PACKED = /\.(html|js|css|svg|json|webmanifest)$/;

// Writes `<file>.gz` beside each text, so that the API packs nothing while it serves.
function packed(): Plugin {
  let folder = "";
  return {
    name: "cordon-packed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !PACKED.test(entry.name)) continue;
        const body = await readFile(path);
        if (body.length < WORTH_BYTES) continue;
        await writeFile(`${path}.gz`, await promisify(gzip)(body, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

export default defineConfig({
  plugins: [
    paraglideVitePlugin({
      project: "./project.inlang",
      outdir: "./src/paraglide",
      outputStructure: "message-modules",
      strategy: ["globalVariable", "baseLocale"],
      emitTsDeclarations: true,
    }),
    svelte(),
    precache(),
    packed(),
  ],
  build: {
    target: "es2022",
    // No inline code and no data: the policy of the page allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
    // The map's own chunk is large, and comes only with the map.
    chunkSizeWarningLimit: 1_500,
  },
  worker: { format: "es" },
  server: {
    // `npm run dev` with CONSOLE_API=http://127.0.0.1:8080 shows a running system.
    proxy: {
      "/v1": { target: process.env.CONSOLE_API ?? "http://127.0.0.1:8080", changeOrigin: false },
      "/signin": { target: process.env.CONSOLE_API ?? "http://127.0.0.1:8080", changeOrigin: false },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
