/** Cuts a failing plan down: fewer actions, fewer replicas, a shorter storm, a simpler configuration, as long as it still fails. */
import type { Action, Plan } from './plan.ts';

export interface Shrinking {
  /** Whether the plan still fails in the same way. */
  readonly fails: (plan: Plan) => Promise<boolean>;
  /** Runs at most. */
  readonly runsMax: number;
  readonly onSmaller?: (plan: Plan, runs: number) => void;
}

export interface Shrunk {
  readonly plan: Plan;
  readonly runs: number;
}

/** The given plan must fail. */
export async function shrink(given: Plan, { fails, runsMax, onSmaller }: Shrinking): Promise<Shrunk> {
  let plan = given;
  let runs = 0;
  /** Takes it if it fails too. */
  const tried = async (smaller: Plan): Promise<boolean> => {
    if (runs >= runsMax || JSON.stringify(smaller) === JSON.stringify(plan)) return false;
    runs++;
    if (!(await fails(smaller))) return false;
    plan = smaller;
    onSmaller?.(plan, runs);
    return true;
  };
  // One way of cutting makes room for another: again, until none does.
  for (let before = ''; before !== JSON.stringify(plan) && runs < runsMax; ) {
    before = JSON.stringify(plan);
    await fewerActions(() => plan, tried);
    for (const smaller of [oneReplicaLess, shorterStorm, shorterCalm])
      for (let next = smaller(plan); next && (await tried(next)); next = smaller(plan));
    for (let i = 0; i < simplerConfigs(plan).length; ) if (!(await tried(simplerConfigs(plan)[i]!))) i++;
  }
  return { plan, runs };
}

type Try = (plan: Plan) => Promise<boolean>;

/** What makes everything work again isn't cut: without it nothing would be left to judge. */
const isHealing = (action: Action, plan: Plan): boolean => action.atMs >= plan.stormMs;

/** Delta debugging (Zeller, Hildebrandt, 2002) over the actions of the storm: halves first, then ever smaller parts. */
async function fewerActions(current: () => Plan, tried: Try): Promise<void> {
  const storm = () => current().actions.filter(a => !isHealing(a, current()));
  for (let parts = 1; parts <= Math.max(1, storm().length); ) {
    const all = storm();
    const size = Math.ceil(all.length / parts);
    let isSmaller = false;
    for (let from = 0; from < all.length && !isSmaller; from += size) {
      const dropped = new Set(all.slice(from, from + size));
      const plan = current();
      isSmaller = await tried({ ...plan, actions: plan.actions.filter(a => !dropped.has(a)) });
    }
    if (size <= 1 && !isSmaller) return;
    parts = isSmaller ? Math.max(1, parts - 1) : Math.min(parts * 2, Math.max(all.length, 1));
  }
}

function oneReplicaLess(plan: Plan): Plan | null {
  if (plan.replicas <= 1) return null;
  const replicas = plan.replicas - 1;
  const exists = (a: Action) => !('replica' in a) || a.replica < replicas;
  const hasClock = (a: Action) => a.do !== 'step' || typeof a.whose === 'string' || a.whose < replicas;
  return { ...plan, replicas, actions: plan.actions.filter(a => exists(a) && hasClock(a)) };
}

/** The healing comes right after the last thing that went wrong. */
function shorterStorm(plan: Plan): Plan | null {
  const lastMs = Math.max(20_000, ...plan.actions.filter(a => !isHealing(a, plan)).map(a => a.atMs + 1));
  if (lastMs >= plan.stormMs) return null;
  const actions = plan.actions.map(a => (isHealing(a, plan) ? { ...a, atMs: lastMs } : a));
  return { ...plan, stormMs: lastMs, actions };
}

function shorterCalm(plan: Plan): Plan | null {
  const calmMs = Math.floor(plan.calmMs / 2 / 1000) * 1000;
  return calmMs < 60_000 ? null : { ...plan, calmMs };
}

interface Draft {
  pipelines: Record<string, { targets: Record<string, unknown>; checkpoints: unknown[] }>;
  access?: { public: string[] };
  maintenance?: unknown;
}

/** Each with one thing less, in all configurations alike. Those that don't load fail otherwise, and aren't taken. */
function simplerConfigs(plan: Plan): Plan[] {
  const [first] = plan.configs.map(text => JSON.parse(text) as Draft);
  if (!first) return [];
  const cuts: ((draft: Draft) => void)[] = [d => delete d.maintenance];
  const names = Object.keys(first.pipelines);
  for (const name of names) {
    const { checkpoints, targets } = first.pipelines[name]!;
    if (names.length > 1)
      cuts.push(d => {
        delete d.pipelines[name];
        if (d.access) d.access.public = d.access.public.filter(n => n !== name);
      });
    if (checkpoints.length > 1)
      for (const i of [1, 0]) cuts.push(d => d.pipelines[name]?.checkpoints.splice(i, 1));
    const [target, ...more] = Object.keys(targets);
    if (target !== undefined && more.length > 0) cuts.push(d => delete d.pipelines[name]?.targets[target]);
  }
  return cuts.map(cut => ({
    ...plan,
    configs: plan.configs.map(text => {
      const draft = JSON.parse(text) as Draft;
      cut(draft);
      return JSON.stringify(draft, null, 1);
    }),
  }));
}
