// The bundle that comes with kvlsp: files whose names do not change, the same bytes whoever builds it. `sources` says
// from what it was built, so that a test finds one that was forgotten.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vite';

const NAMED = ['index.html', 'package-lock.json', 'package.json', 'tsconfig.json', 'vite.config.js'];

function digest() {
  const hash = createHash('sha256');
  const names = [...NAMED, ...readdirSync(new URL('src/', import.meta.url)).map((name) => `src/${name}`)].sort();
  for (const name of names) hash.update(`${name}\n`).update(readFileSync(new URL(name, import.meta.url)));
  return hash.digest('hex');
}

const sources = {
  name: 'sources',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'sources', source: `${digest()}\n` });
  },
};

export default defineConfig({
  base: './',
  plugins: [sources],
  build: {
    outDir: process.env.BUNDLE ?? '../../kvlsp/playground/bundle',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    rollupOptions: { output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]' } },
  },
});
