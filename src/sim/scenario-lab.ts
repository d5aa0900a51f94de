/** A window of a scenario as faults of the lab, so that the whole engine can be run over it. */
import type { Action } from './plan.ts';
import type { ScenarioPath, Spell } from './scenario-path.ts';

export interface LabWindow {
  /** Names of the lab's agents, in the order of the scenario's. */
  readonly agents: readonly string[];
  /** Milliseconds after the window's beginning, sorted. */
  readonly actions: readonly Action[];
}

/**
 * What happens to some agents of a path in [fromMs, toMs).
 * @param of.agents which of the path's agents, by number; each is one of the lab's.
 * @throws RangeError where the lab has no fault that does the same: a cursor that moves on, or a path that can't be pinned.
 */
export function labWindow(
  path: ScenarioPath,
  of: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly agents: readonly number[];
    readonly nameOf: (agent: number) => string;
  },
): LabWindow {
  const wanted = new Set(of.agents);
  const spells = path.spells.filter(s => wanted.has(s.agent) && s.toMs > of.fromMs && s.fromMs < of.toMs);
  const actions = spells.flatMap(spell => actionsOf(spell, of));
  return {
    agents: of.agents.map(of.nameOf),
    actions: actions.sort((a, b) => a.atMs - b.atMs),
  };
}

function actionsOf(
  { agent, fromMs, toMs, lab }: Spell,
  window: { readonly fromMs: number; readonly toMs: number; readonly nameOf: (agent: number) => string },
): Action[] {
  const name = window.nameOf(agent);
  const after = (ms: number): number => Math.max(0, ms - window.fromMs);
  const ends = toMs < window.toMs;
  if (lab === null)
    throw new RangeError(
      `expected spells that a fault of the lab's agents can stand for; found another of ${name}`,
    );
  const faults = (at: number, patch: { stall?: boolean; drop?: number }): Action => ({
    atMs: after(at),
    do: 'faults',
    patch: { agents: { [name]: patch } },
  });
  if (lab === 'drop') return [faults(fromMs, { drop: 1 }), ...(ends ? [faults(toMs, { drop: 0 })] : [])];
  const restart: Action = { atMs: after(toMs), do: 'restart_agent', agent: name };
  return [faults(fromMs, { stall: true }), ...(ends ? [restart] : [])];
}
