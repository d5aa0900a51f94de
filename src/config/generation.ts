/**
 * The generation of a pipeline's config: what a beat is pinned to, so that deadlines and checkpoints don't change
 * under open canaries, and replicas of another generation know it.
 */
import { createHash } from 'node:crypto';
import type { CheckpointConfig, PipelineConfig } from './config.ts';

/**
 * A stable hash (SHA-256, 32 hex digits) of everything that a canary is sent and judged by. Targets, routing of notices
 * and the volume of real events are left out: they change without a new generation. Settings of adapters count, secrets among them, so a
 * rotated password is a new generation; the hash is all that is kept of them.
 */
export const generationOf = (pipeline: PipelineConfig): string => {
  const {
    targets: _targets,
    discovery: _discovery,
    notify: _notify,
    volumePerHour: _volume,
    ...pinned
  } = pipeline;
  return createHash('sha256').update(canonical(pinned)).digest('hex').slice(0, 32);
};

/** What the store keeps of a generation: enough to judge and to explain its canaries. Holds no adapter's settings. */
export type StoredGeneration = Pick<
  PipelineConfig,
  | 'name'
  | 'id'
  | 'title'
  | 'schedule'
  | 'sampling'
  | 'sendWithinMs'
  | 'objective'
  | 'batch'
  | 'falseAlarmsPerYear'
  | 'event'
> & { readonly checkpoints: readonly StoredCheckpoint[] };

export type StoredCheckpoint = Omit<CheckpointConfig, 'observe'> & { readonly kind: string };

export const storedGeneration = (pipeline: PipelineConfig): StoredGeneration => ({
  name: pipeline.name,
  id: pipeline.id,
  title: pipeline.title,
  schedule: pipeline.schedule,
  sampling: pipeline.sampling,
  sendWithinMs: pipeline.sendWithinMs,
  objective: pipeline.objective,
  ...(pipeline.batch === undefined ? {} : { batch: pipeline.batch }),
  falseAlarmsPerYear: pipeline.falseAlarmsPerYear,
  ...(pipeline.event === undefined ? {} : { event: pipeline.event }),
  checkpoints: pipeline.checkpoints.map(({ observe, ...rest }) => ({ ...rest, kind: observe.kind })),
});

/** JSON with sorted keys and nothing undefined; what JSON can't hold (settings may, after a transform) as text. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof Map || value instanceof Set) return canonical([...value]);
  if (value instanceof Date) return canonical(value.getTime());
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  return JSON.stringify(String(value));
};

const isRecord = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};
