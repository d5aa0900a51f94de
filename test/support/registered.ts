/** Rows of the ledger for tests of its queries: one pipeline, registered as the engine registers it. */
import type { PlannedBeat } from '../../src/store/emit.ts';
import type { Lease } from '../../src/store/lease.ts';
import type { Sql } from '../../src/store/open.ts';
import { type PipelineSpec, type RegisteredPipeline, registerPipeline } from '../../src/store/register.ts';
import type { InboxRow } from '../../src/store/sight.ts';

export const T0 = Date.UTC(2026, 0, 15, 12);

let count = 0;

export const specOf = (more: Partial<PipelineSpec> = {}): PipelineSpec => {
  count++;
  return {
    id: `p${count}`,
    name: `pipeline ${count}`,
    generationHash: `hash ${count}`,
    generationSpec: {},
    targets: ['a', 'b'],
    checkpoints: [{ id: 'one', name: 'one' }],
    ...more,
  };
};

export const register = (sql: Sql, more: Partial<PipelineSpec> = {}): Promise<RegisteredPipeline> =>
  registerPipeline(sql, specOf(more), T0);

export const beatOf = (
  p: RegisteredPipeline,
  slot: number,
  more: Partial<PlannedBeat> = {},
): PlannedBeat => ({
  pipeline: p.number,
  slot,
  part: 0,
  index: 0,
  kind: 'planned',
  generation: p.generation,
  due_ms: slot,
  owner: 'me',
  committed_ms: slot,
  send_by_ms: slot + 180_000,
  targets: [...p.targets].filter(([name]) => name !== '').map(([, number]) => number),
  marks: [...p.checkpoints.values()].map(checkpoint => ({
    checkpoint,
    next_due_ms: slot + 10_000,
    counts: { pending: 2 },
  })),
  ...more,
});

export const stepTo = (p: RegisteredPipeline, to_ms: number, from_ms = p.plannedToMs) => ({
  pipeline: p.number,
  generation: p.generation,
  from_ms,
  to_ms,
});

export const seenRow = (slot: number, target: number, more: Partial<InboxRow> = {}): InboxRow => ({
  slot,
  target,
  index: 0,
  kind: 0,
  seen_ms: slot + 1_000,
  seen_after_ms: null,
  ingested_ms: null,
  record: null,
  copies: 1,
  look: slot,
  integrity: 0,
  detail: null,
  ...more,
});

export const leaseOf = async (sql: Sql, p: RegisteredPipeline, checkpoint = 1): Promise<Lease> => {
  const [row] = await sql<{ fence: number }[]>`
    update checkpoint set holder = 'me', fence = fence + 1
     where pipeline = ${p.number} and number = ${checkpoint} returning fence`;
  return { pipeline: p.number, checkpoint, fence: row?.fence ?? 0 };
};
