import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev -w web` finds a Hubbub server to talk to. */
const SERVER = process.env.HUBBUB_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // Works under any path that a proxy puts in front.
  base: './',
  build: {
    outDir: 'dist/site',
    target: 'baseline-widely-available',
    // The Content-Security-Policy allows no data: URL but for images.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/ws', '/settings.json'].map((path) => [path, { target: SERVER, ws: true, changeOrigin: true }]),
    ),
  },
});
