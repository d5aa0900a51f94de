/** A Chromium for the browser suite, and a real server of the pages for it to look at. */
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { type Browser, chromium } from 'playwright-core';
import type { Overview } from '../../src/engine/overview.ts';
import { Faults } from '../../src/lab/faults.ts';
import { mountViews } from '../../src/web/pages/index.tsx';
import { fixture } from '../web/pages/fixture.ts';
import { deskWith, type FakeDesk } from '../web/pages/incident-fixture.ts';

const EXECUTABLE = process.env.COALMINE_CHROMIUM ?? '/usr/bin/chromium';

/** Why the suite can't run, and what to do about it; undefined: it can. */
export const missing = existsSync(EXECUTABLE)
  ? undefined
  : `skipped: no Chromium at ${EXECUTABLE}. Install it (Debian: apt-get install chromium) or name one in COALMINE_CHROMIUM`;

export const openChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--no-first-run',
      '--disable-component-update',
    ],
  });

export interface Site {
  readonly origin: string;
  readonly faults: Faults;
  readonly desk: FakeDesk;
  /** What the pages show; may be changed between requests. */
  view: Overview;
  /** Answers 503 to everything while true. */
  down: boolean;
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const agents = ['web-1', 'web-2'];
  const faults = new Faults(agents);
  const app = new Hono();
  const site = { view: fixture, down: false, faults, desk: deskWith() };
  app.use(async (c, next) => (site.down ? c.text('down', 503) : next()));
  mountViews(app, {
    version: '0.0.0-test',
    readable: () => site.view.pipelines.map(p => p.name),
    read: async o => ({ ...site.view, pipelines: site.view.pipelines.filter(p => o.only?.includes(p.name)) }),
    pipelines: fixture.pipelines,
    incidents: site.desk,
    lab: {
      agents,
      faults: async () => faults.get(),
      put: async patch => void faults.set(patch),
      reset: async () => void faults.reset(),
      restart: async () => undefined,
      truthCounts: async () => ({ 'canaries met': 1440, dropped: 34 }),
    },
  });
  const server = await new Promise<ServerType>(resolve => {
    const s = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(s));
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(site, {
    origin: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>(resolve => void server.close(() => resolve())),
  });
}
