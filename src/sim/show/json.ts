/** A scenario's result for programs: snake case, times as Unix milliseconds, shares as fractions. What the picture and the guide are drawn from. */
import { z } from 'zod';
import type { ScenarioResult } from '../scenario.ts';

const counts = z.object({ said: z.int(), truly: z.int() });
const atMs = z.number();

export const scenarioSchema = z.object({
  name: z.string(),
  title: z.string(),
  options: z.object({
    seed: z.int(),
    every_ms: z.number().describe('Between two canaries of a target.'),
    covered: z.number().describe('Share of the agents that canaries are pinned to.'),
    sampling: z.enum(['uniform', 'poisson', 'fixed']),
    on_time_within_ms: z.number(),
    lost_after_ms: z.number(),
  }),
  facts: z.array(
    z.object({ text: z.string(), source: z.string(), standing: z.enum(['established', 'reported']) }),
  ),
  assumptions: z.array(z.string()),
  start_ms: atMs,
  end_ms: atMs,
  onset_ms: atMs.nullable().describe('null: nothing happens.'),
  noticed_ms: atMs.nullable().describe('When people noticed it in fact, where that is known.'),
  canaries: z.int(),
  targets: z.int(),
  buckets: z
    .array(
      z.object({
        from_ms: atMs,
        sent: z.int(),
        on_time: z.int(),
        late: z.int().describe('After the deadline, but not declared lost before.'),
        recovered: z.int().describe('Declared lost, and back since.'),
        gone: z.int().describe('Never arrived.'),
      }),
    )
    .describe('What became of the canaries, in truth, by when they were sent.'),
  said: z
    .array(
      z.object({
        at_ms: atMs,
        event: z.enum(['opened', 'worsened', 'reminder', 'resolved']),
        incident: z.string(),
        title: z.string(),
        text: z.string(),
      }),
    )
    .describe('What coalmine told people.'),
  incidents: z.array(
    z.object({
      incident: z.string(),
      kind: z.string(),
      hop: z.string(),
      pattern: z.string().nullable(),
      detected_ms: atMs,
      ended_ms: atMs.nullable(),
      targets: z.object({ n: z.int(), of: z.int(), truly: z.int() }),
      rate: z
        .object({ share: z.number(), low: z.number(), high: z.number(), truly: z.number() })
        .describe('Share missing of the touched targets, with its stated interval.'),
      lost: counts,
      recovered: counts,
    }),
  ),
  false_alarms: z.int().describe('Incidents that nothing explains.'),
  others: z
    .array(
      z.object({
        name: z.enum(['uptime check', 'last event seen', 'volume drop', '3 in a row']),
        set_up: z.string(),
        said_ms: atMs.nullable(),
        said: z.string().nullable(),
        false_alarms: z.int(),
      }),
    )
    .describe('What other monitors said of the same events.'),
  took_ms: z.number().optional().describe('Real time; only where it was asked for.'),
});

export type ScenarioJson = z.infer<typeof scenarioSchema>;

/** Without what differs from run to run, unless `withTime`. */
export function scenarioJson(result: ScenarioResult, { withTime = false } = {}): ScenarioJson {
  const { tookMs, ...fixed } = result;
  return renamed(withTime ? { ...fixed, tookMs } : fixed, snake) as ScenarioJson;
}

/** The other way round. Throws ZodError where it isn't one. */
export function resultOf(json: unknown): ScenarioResult {
  return Object.assign({ tookMs: 0 }, renamed(scenarioSchema.parse(json), camel)) as ScenarioResult;
}

const snake = (key: string): string => key.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`);
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map(inner => renamed(inner, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [rename(key), renamed(inner, rename)]),
  );
}
