import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

// Dependencies stay outside the bundles: packages carry node_modules, and stack traces name the real files.
export default defineConfig({
  main: {
    build: {
      target: 'node24',
      sourcemap: true,
      externalizeDeps: true,
      rollupOptions: {
        input: {
          desktop: 'main/desktop/index.ts',
          web: 'main/web/index.ts',
          cli: 'main/cli/index.ts',
          edge: 'edge/main.ts',
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      // A sandboxed preload is one CommonJS file.
      externalizeDeps: false,
      rollupOptions: {
        input: { preload: 'main/desktop/preload.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'renderer',
    plugins: [react(), tailwindcss()],
    build: { minify: true, reportCompressedSize: true, rollupOptions: { input: 'renderer/index.html' } },
  },
});
