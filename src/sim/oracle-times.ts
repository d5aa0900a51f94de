/** From what wall clocks showed to the one line of virtual time, where that can be told; else between which two moments. */
import type { ClockStep, SimWorld } from './world.ts';

/** Milliseconds after the start of the run, both ends included. */
export interface Between {
  readonly lowMs: number;
  readonly highMs: number;
}

export interface Times {
  /** Of a time that the lab's wall clock showed. */
  ofLab(wallMs: number): Between;
  /** Of a time that some replica's wall clock showed; nobody says whose. */
  ofReplicas(wallMs: number): Between;
}

export function timesOf(world: Pick<SimWorld, 'startMs' | 'clockSteps' | 'replicas'>): Times {
  const of = (whose: ClockStep['whose']) =>
    momentsOf(
      world.startMs,
      world.clockSteps.filter(s => s.whose === whose),
    );
  const lab = of('lab');
  const replicas = world.replicas.map(r => of(r.index));
  const hull = (moments: readonly number[]): Between => ({
    lowMs: Math.min(...moments),
    highMs: Math.max(...moments),
  });
  return {
    ofLab: wallMs => hull(lab(wallMs)),
    ofReplicas: wallMs => hull(replicas.flatMap(r => r(wallMs))),
  };
}

/** A clock that was set back shows some times twice; one that was set forward never shows some: those are when it jumped. */
function momentsOf(startMs: number, steps: readonly ClockStep[]): (wallMs: number) => number[] {
  const spans: { fromMs: number; toMs: number; off: number }[] = [];
  let off = 0;
  let fromMs = Number.NEGATIVE_INFINITY;
  for (const step of steps) {
    spans.push({ fromMs, toMs: step.atMs, off });
    off += step.ms;
    fromMs = step.atMs;
  }
  spans.push({ fromMs, toMs: Number.POSITIVE_INFINITY, off });
  return wallMs => {
    const found = spans
      .map(s => ({ s, at: wallMs - startMs - s.off }))
      .filter(({ s, at }) => at >= s.fromMs && at <= s.toMs);
    return found.length > 0 ? found.map(f => f.at) : spans.slice(1).map(s => s.fromMs);
  };
}
