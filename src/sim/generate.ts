/** A plan from a seed: pure, so that a seed is a whole run. What goes wrong comes in storms of one flavour, so that truth stays knowable. */

import { configsOf, type Topology, topologyOf } from './generate-config.ts';
import { draws } from './generate-draws.ts';
import { flavourOf } from './generate-flavour.ts';
import { stormOf } from './generate-storm.ts';
import type { Action, Plan } from './plan.ts';
import { seededRandom } from './random.ts';

/** When everything works again, all at once. */
export function healing(topology: Pick<Topology, 'agents' | 'replicas'>, atMs: number): Action[] {
  const agent = {
    drop: 0,
    delayMs: 0,
    duplicate: 0,
    reorder: 0,
    stall: false,
    down: false,
    alter: 0,
    truncate: 0,
    skewMs: 0,
    ackDelayMs: 0,
    ackLost: 0,
    refuse: false,
    throttle: false,
  };
  const replicas = Array.from({ length: topology.replicas }, (_, i) => i);
  return [
    { atMs, do: 'store', up: true },
    {
      atMs,
      do: 'faults',
      patch: {
        agents: Object.fromEntries(topology.agents.map(name => [name, agent])),
        collector: { drop: 0, delayMs: 0, duplicate: 0, echo: false, stall: false, down: false },
        store: { pushDelayMs: 0, pushFail: 0, dropPush: 0, query: 'ok', queryDelayMs: 0, pageSize: 5000 },
        export: { down: false, delayMs: 0, drop: 0, duplicate: 0 },
      },
    },
    ...topology.agents.map((agent): Action => ({ atMs, do: 'restart_agent', agent })),
    ...['lab', 'coalmine', 'hook'].map(
      (host): Action => ({ atMs, do: 'wire', host, fault: 'none', chance: 0 }),
    ),
    ...replicas.map((replica): Action => ({ atMs, do: 'statements', replica, fault: 'fail', oneIn: 0 })),
    // Where it runs already nothing happens.
    ...replicas.map((replica): Action => ({ atMs, do: 'start', replica })),
  ];
}

/** The plan of a seed. `isBrief`: a storm of half a minute and a minute of calm, with short deadlines. */
export function planOf(seed: number, { isBrief = false }: { readonly isBrief?: boolean } = {}): Plan {
  const random = draws(seededRandom(seed));
  const flavour = flavourOf(seed);
  const topology = topologyOf(random, flavour, isBrief);
  const stormMs = isBrief ? random.between(30, 40) * 1000 : random.between(60, 200) * 1000;
  const configs = configsOf(topology, random);
  const storm = stormOf(random, { flavour, topology, stormMs, configs: configs.length });
  const actions = [...storm, ...healing(topology, stormMs)].sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    configs,
    lab: topology.lab,
    replicas: topology.replicas,
    actions,
    stormMs,
    calmMs: topology.calmMs,
  };
}
