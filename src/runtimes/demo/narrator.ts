/** Says on the terminal what a person would want to be told of the demo: what flies where, then only what changes. */
import type { CheckpointView, Overview, PipelineView } from '../../engine/view.ts';

export interface Narrator {
  /** Lines to be said after this view; none where nothing has changed. */
  read(view: Overview): string[];
  /** Whether every pipeline has delivered since the start. */
  delivering(): boolean;
}

interface Known {
  delivered: boolean;
  /** What was last said, and what is to be said if it lasts. */
  state: PipelineView['state'] | undefined;
  next: PipelineView['state'] | undefined;
  readonly checkpoints: Map<string, { lost: number; recovered: number; rising: number }>;
}

/** What isn't healthy so soon after the start is only not there yet. */
const WARM_UP_MS = 30_000;

/** @param startedMs when the demo started: what older runs saw is no news. */
export function createNarrator(startedMs: number): Narrator {
  const pipelines = new Map<string, Known>();
  let all = false;
  const knownOf = (p: PipelineView): Known => {
    const known = pipelines.get(p.name) ?? {
      delivered: false,
      state: undefined,
      next: undefined,
      checkpoints: new Map(p.checkpoints.map(c => [c.name, { ...lossesOf(c), rising: 0 }])),
    };
    pipelines.set(p.name, known);
    return known;
  };
  return {
    delivering: () => all,
    read(view) {
      const lines = view.pipelines.flatMap(p => {
        const known = knownOf(p);
        const settled = view.asOfMs - startedMs > WARM_UP_MS;
        return [
          ...firstDelivery(p, known, startedMs),
          ...changeOfState(p, known, settled),
          ...comings(p, known),
        ];
      });
      if (!all && view.pipelines.every(p => pipelines.get(p.name)?.delivered)) {
        all = true;
        const s = Math.max(1, Math.round((view.asOfMs - startedMs) / 1000));
        lines.push(`Canaries arrive on all ${view.pipelines.length} pipelines, ${s} s after the start.`);
      }
      return lines;
    },
  };
}

const lossesOf = (c: CheckpointView) => ({ lost: c.counts.lost ?? 0, recovered: c.counts.recovered ?? 0 });

function firstDelivery(p: PipelineView, known: Known, startedMs: number): string[] {
  if (known.delivered) return [];
  const seen = (name: string) =>
    p.targetsView.some(t =>
      t.checkpoints.some(c => c.name === name && c.lastSeenMs !== null && c.lastSeenMs >= startedMs),
    );
  if (!p.checkpoints.every(c => seen(c.name))) return [];
  known.delivered = true;
  return [`${p.title}: first canaries seen (${p.checkpoints.map(c => c.name).join(', ')})`];
}

const WORDS: Readonly<Record<PipelineView['state'], string>> = {
  healthy: 'healthy again',
  late: 'LATE',
  losing: 'LOSING EVENTS',
  blind: 'BLIND, which is not loss',
  not_yet_proven: 'not yet proven',
  silent: 'our own emitter is SILENT',
};

/** A change is said once it has lasted for two views: states at the edge of a deadline would chatter. */
function changeOfState(p: PipelineView, known: Known, settled: boolean): string[] {
  const { state } = p;
  const early = known.state === undefined && state !== 'healthy' && !settled;
  if (state === known.state || state === 'not_yet_proven' || early) {
    known.next = undefined;
    return [];
  }
  if (known.next !== state) {
    known.next = state;
    return [];
  }
  const first = known.state === undefined;
  known.state = state;
  if (first && state === 'healthy') return [];
  const worst = state === 'losing' ? worstTargets(p) : '';
  return [`${p.title}: ${WORDS[state]}: ${p.stateReason}${worst}`];
}

function worstTargets(p: PipelineView): string {
  const lost = p.targetsView
    .map(t => ({ name: t.name, n: Math.max(0, ...t.checkpoints.map(c => c.verdicts.lost ?? 0)) }))
    .filter(t => t.n > 0)
    .sort((a, b) => b.n - a.n);
  if (lost.length === 0) return '';
  const shown = lost.slice(0, 3).map(t => `${t.name} (${t.n})`);
  return `. Lost by target: ${shown.join(', ')}${lost.length > 3 ? ` and ${lost.length - 3} more` : ''}`;
}

/** First losses and those that came back, once their number has come to rest. */
function comings(p: PipelineView, known: Known): string[] {
  return p.checkpoints.flatMap(c => {
    const before = known.checkpoints.get(c.name);
    const now = lossesOf(c);
    if (!before) return [];
    const lines: string[] = [];
    const at = `${p.title}: ${c.name}`;
    if (now.lost > 0 && before.lost === 0 && now.recovered === before.recovered) {
      const are = now.lost === 1 ? 'canary is' : 'canaries are';
      lines.push(`${at}: first loss: ${now.lost} ${are} proven not to be there ${c.lostAfterMs / 1000} s on`);
    }
    before.lost = now.lost;
    if (now.recovered > before.rising) before.rising = now.recovered;
    else if (now.recovered > before.recovered) {
      lines.push(
        `${at}: ${now.recovered - before.recovered} lost canaries came back; ${now.lost} are still lost`,
      );
      before.recovered = now.recovered;
    }
    // The window moves on.
    if (now.recovered < before.recovered) {
      before.recovered = now.recovered;
      before.rising = now.recovered;
    }
    return lines;
  });
}
