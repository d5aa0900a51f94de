/**
 * Evidence that is pushed to us: the ingest endpoint's way into `sight`, and the self-probe that proves the way is open.
 * A push is acknowledged only after its commit; what is turned away is a gap, on record.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { nameKey } from '../domain/canary.ts';
import { commitReceived, INBOX_KINDS, type InboxRow } from '../store/sight.ts';
import { park, siftMeeting } from './aliases.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { within } from './within.ts';

export interface ReceiveAt {
  readonly pipeline: LivePipeline;
  readonly checkpoint: LiveCheckpoint;
}

/** The receiving checkpoint of this name. */
export function receiverOf(engine: Engine, pipeline: string, checkpoint: string): ReceiveAt | undefined {
  const p = engine.pipelines.find(o => o.config.name === pipeline);
  const c = p?.checkpoints.find(o => o.config.name === checkpoint && o.rules.way === 'receive');
  return p && c ? { pipeline: p, checkpoint: c } : undefined;
}

/** How many canaries the push held; committed when this resolves. */
export async function receive(
  engine: Engine,
  at: ReceiveAt,
  records: readonly SeenRecord[],
): Promise<{ canaries: number; echoes: number; forged: number }> {
  const nowMs = engine.ctx.clock.now();
  const sifted = await siftMeeting(engine, at, records, { absentMs: nowMs, seenMs: nowMs, look: nowMs });
  const parked = park(at.pipeline, sifted, () => nowMs);
  await commitReceived(
    engine.sql,
    at.checkpoint.key,
    [...sifted.sightings.map(s => s.row), ...parked.rows],
    [...sifted.findings, ...parked.findings],
    parked.identities,
  );
  engine.instruments.add('pushes_accepted');
  const count = (kind: string) => sifted.findings.filter(f => f.kind === kind).length;
  const canaries = new Set(sifted.sightings.map(s => nameKey(s.name))).size;
  return { canaries, echoes: count('echo'), forged: count('forged') };
}

/** A push that wasn't taken: from its arrival until now nobody knows what it held. */
export async function turnedAway(
  engine: Engine,
  at: ReceiveAt,
  fromMs: number,
  reason: string,
): Promise<void> {
  engine.instruments.add('pushes_refused');
  const row = selfRow('gap', { seen_ms: engine.ctx.clock.now(), seen_after_ms: fromMs, detail: reason });
  await commitReceived(engine.sql, at.checkpoint.key, [row]);
}

/** A self-probe that didn't come through: since the one before it, and until the next one, nobody knows what was pushed. */
export async function probeFailed(engine: Engine, at: ReceiveAt, sinceMs: number): Promise<void> {
  const untilMs = engine.ctx.clock.now() + at.checkpoint.rules.lookEveryMs;
  const detail = 'a self-probe did not come through';
  await commitReceived(engine.sql, at.checkpoint.key, [
    selfRow('gap', { seen_ms: untilMs, seen_after_ms: sinceMs, detail }),
  ]);
}

/** A self-probe that came through the public URL; `sentMs` is when it left. */
export async function probed(engine: Engine, at: ReceiveAt, sentMs: number): Promise<void> {
  const row = selfRow('probe', {
    seen_ms: Math.min(sentMs, engine.ctx.clock.now()),
    seen_after_ms: null,
    detail: null,
  });
  await commitReceived(engine.sql, at.checkpoint.key, [row]);
}

const selfRow = (
  kind: (typeof INBOX_KINDS)[number],
  row: Pick<InboxRow, 'seen_ms' | 'seen_after_ms' | 'detail'>,
): InboxRow => ({
  slot: 0,
  target: 0,
  index: 0,
  kind: INBOX_KINDS.indexOf(kind),
  ingested_ms: null,
  record: null,
  copies: 0,
  look: 0,
  integrity: 0,
  ...row,
});

const PROBE_MS = 10_000;

/** Sends the self-probe through the *public* ingest URL: proxies and load balancers on the way are part of what is proven. */
export async function sendProbe(engine: Engine, at: ReceiveAt, probeKey: string): Promise<boolean> {
  const { clock, fetch, log } = engine.ctx;
  const url = `${engine.config.baseUrl.replace(/\/$/, '')}/ingest/${at.pipeline.config.name}/${at.checkpoint.config.name}`;
  const headers = { authorization: `Bearer ${probeKey}`, 'coalmine-probe': String(clock.now()) };
  try {
    const { status } = await within(
      { clock, ms: PROBE_MS, reason: 'no answer within 10 s' },
      async signal => {
        const response = await fetch(url, { method: 'POST', headers, signal });
        await response.body?.cancel();
        return response;
      },
    );
    if (status !== 204) log('warn', 'receive.probe_failed', { url, status });
    return status === 204;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log('warn', 'receive.probe_failed', { url, reason });
    return false;
  }
}
