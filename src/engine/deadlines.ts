/** A beat keeps the deadlines of the generation that planned it. */
import type { CheckpointConfig } from '../config/config.ts';
import type { Deadlines } from '../domain/verdict.ts';
import { readGeneration } from '../store/register.ts';
import type { Engine } from './live.ts';

/** Where beats are judged: as much of a live checkpoint as is left of a retired one. */
export interface JudgedAt {
  readonly pipeline: { readonly number: number; readonly generation: number };
  readonly checkpoint: {
    readonly config: Pick<CheckpointConfig, 'id' | 'onTimeWithinMs' | 'lostAfterMs'>;
  };
}

const pinned = new WeakMap<JudgedAt['checkpoint'], Map<number, Deadlines>>();

export async function deadlinesOf(
  engine: Pick<Engine, 'sql'>,
  at: JudgedAt,
  generation: number,
): Promise<Deadlines> {
  const { checkpoint, pipeline } = at;
  if (generation === pipeline.generation) return checkpoint.config;
  const known = pinned.get(checkpoint) ?? new Map<number, Deadlines>();
  pinned.set(checkpoint, known);
  const cached = known.get(generation);
  if (cached) return cached;
  const spec = await readGeneration<{ checkpoints?: readonly Partial<CheckpointConfig>[] }>(
    engine.sql,
    pipeline.number,
    generation,
  );
  const old = spec?.checkpoints?.find(c => c.id === checkpoint.config.id);
  const deadlines = {
    onTimeWithinMs: old?.onTimeWithinMs ?? checkpoint.config.onTimeWithinMs,
    lostAfterMs: old?.lostAfterMs ?? checkpoint.config.lostAfterMs,
  };
  known.set(generation, deadlines);
  return deadlines;
}
