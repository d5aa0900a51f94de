/** The demo's own paths beside coalmine's: the lab, the identity provider, and the pages with the lab's panel. */
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context as Call, Hono } from 'hono';
import type { RunningEngine } from '../../engine/engine.ts';
import type { Lab } from '../../lab/lab.ts';
import type { LabPanel } from '../../web/pages/index.tsx';
import { mountGuardedPages } from '../node/pages.ts';
import { IDP_AGENT, SSH_AGENTS } from './config.ts';
import type { DemoParts } from './parts.ts';

export function mountDemo(
  app: Hono,
  running: RunningEngine,
  demo: DemoParts & { readonly version: string },
): void {
  const { lab, idp, desk, version } = demo;
  desk.mount(app);
  app.all('/lab/oidc/*', async c => {
    const { incoming, outgoing } = c.env as HttpBindings;
    await idp.handle(incoming, outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  // Not `app.route`: the lab's own limits on bodies are not coalmine's.
  const toLab = (c: Call) => lab.app.fetch(c.req.raw);
  for (const path of ['/lab', '/lab/*', '/loki/*']) app.all(path, toLab);
  mountGuardedPages(app, { running, version, lab: panelOf(lab) });
}

const panelOf = (lab: Lab): LabPanel => ({
  agents: [...SSH_AGENTS, IDP_AGENT],
  faults: async () => lab.faults.get(),
  put: async patch => void lab.faults.set(patch),
  reset: async () => void lab.faults.reset(),
  restart: async agent => void lab.restart(agent),
  truthCounts: async () => {
    const { canaries, places } = lab.truth({ limit: 1 }).counts;
    const of = (place: keyof typeof places) => {
      const { stored, dropped, overwritten, refused, in_flight } = places[place];
      return {
        [`stored at the ${place}`]: stored,
        [`dropped before the ${place}`]: dropped + overwritten + refused,
        [`on the way to the ${place}`]: in_flight,
      };
    };
    return { 'canaries met': canaries, ...of('archive'), ...of('store'), ...of('export') };
  },
});
