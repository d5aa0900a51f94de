/**
 * `POST /ingest/:pipeline/:checkpoint`: evidence that is pushed to us, in any format. Answered 204 only after its commit;
 * whatever is answered otherwise is a gap on record before the answer leaves, since nobody knows what it held.
 */
import type { Context, Hono } from 'hono';
import type { RunningEngine } from '../engine/engine.ts';
import { probed, type ReceiveAt, receive, receiverOf, turnedAway } from '../engine/receive.ts';
import { untilCommitted } from '../engine/retry.ts';
import { mayHaveAliases } from '../engine/sight.ts';
import { type Access, sameSecret, secretOf } from './access.ts';
import { type BodyLimits, type Budget, busy, createBudget, readBody } from './body.ts';
import { Problem, problemResponse } from './problem.ts';
import { recordsOf } from './records.ts';

export interface IngestLimits {
  /** Requests at once. */
  readonly inFlightMax: number;
  /** Bytes, unpacked, that they may hold together. */
  readonly inFlightBytesMax: number;
}

const LIMITS: IngestLimits = { inFlightMax: 64, inFlightBytesMax: 256 * 1024 * 1024 };
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const UNPACKED_SHARE = 8;
const TIMEOUT_MIN_MS = 1_000;
/** The answer waits so long for the gap's commit; the commit goes on without it. */
const GAP_WAIT_MS = 5_000;

export function mountIngest(
  app: Hono,
  options: {
    readonly running: RunningEngine;
    readonly access: Access;
    readonly limits?: Partial<IngestLimits>;
  },
): void {
  const { running, access } = options;
  const limits = { ...LIMITS, ...options.limits };
  const budget = createBudget(limits.inFlightBytesMax);
  const gaps = createGaps(running);
  let inFlight = 0;

  const handle = async (c: Context): Promise<Response> => {
    const arrivedMs = running.engine.ctx.clock.now();
    const request = c.req.raw;
    const at = receiverOf(running.engine, c.req.param('pipeline') ?? '', c.req.param('checkpoint') ?? '');
    if (request.headers.has('coalmine-probe')) return await takeProbe(running, at, request);
    access.demand(request, 'ingest', ownKey(at));
    if (!at)
      throw new Problem('not-found', 'expected /ingest/PIPELINE/CHECKPOINT of a checkpoint that receives');
    inFlight++;
    try {
      if (inFlight > limits.inFlightMax) throw busy(`${limits.inFlightMax} requests are in flight already`);
      await withinTime(running, at, signal => take(running, at, { request, budget, signal }));
      return new Response(null, { status: 204 });
    } catch (error) {
      const problem = problemOf(running, error, request);
      await gaps.add(at, arrivedMs, `${problem.kind}: ${problem.message}`.slice(0, 300));
      return problemResponse(problem);
    } finally {
      inFlight--;
    }
  };
  app.post('/ingest/:pipeline/:checkpoint', handle);
  // Many senders append a path of their own: /v1/logs, /services/collector/event, /loki/api/v1/push.
  app.post('/ingest/:pipeline/:checkpoint/*', handle);
}

async function takeProbe(
  { engine, probeKey }: RunningEngine,
  at: ReceiveAt | undefined,
  request: Request,
): Promise<Response> {
  if (!sameSecret(probeKey, secretOf(request) ?? ''))
    throw new Problem('unauthorized', 'expected the key of our own probes', {
      'www-authenticate': 'Bearer realm="coalmine probe"',
    });
  const sentMs = Number(request.headers.get('coalmine-probe'));
  if (!at || !Number.isSafeInteger(sentMs) || sentMs <= 0)
    throw new Problem(
      'bad-request',
      'expected coalmine-probe: Unix milliseconds, on a checkpoint that receives',
    );
  await probed(engine, at, sentMs);
  return new Response(null, { status: 204 });
}

/** Settings of `receive`, as its schema puts them out. */
interface ReceiveSettings {
  readonly body_bytes_max?: number;
  readonly key?: string;
}
const settingsOf = (at: ReceiveAt): ReceiveSettings =>
  (at.checkpoint.config.observe.settings ?? {}) as ReceiveSettings;

const ownKey = (at: ReceiveAt | undefined): string | undefined => (at ? settingsOf(at).key : undefined);

/** As sent at most `body_bytes_max`; text packs well, so unpacked eight times that. */
function bodyLimits(at: ReceiveAt): BodyLimits {
  const bodyBytesMax = settingsOf(at).body_bytes_max ?? BODY_BYTES_MAX;
  return { bodyBytesMax, unpackedBytesMax: UNPACKED_SHARE * bodyBytesMax };
}

async function take(
  { engine }: RunningEngine,
  at: ReceiveAt,
  { request, budget, signal }: { request: Request; budget: Budget; signal: AbortSignal },
): Promise<void> {
  const body = await readBody(request, bodyLimits(at), { budget, signal });
  try {
    const foreign = mayHaveAliases(at.pipeline);
    const records = recordsOf(body.bytes, at.checkpoint.config.at, { foreign });
    signal.throwIfAborted();
    await receive(engine, at, records);
  } finally {
    body.release();
  }
}

/**
 * The watermark trusts that no request takes longer than the checkpoint's `settle`: one that does is given up, and its
 * time is a gap, whether or not it is committed after all.
 */
async function withinTime(
  { engine }: RunningEngine,
  at: ReceiveAt,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const limitMs = Math.max(TIMEOUT_MIN_MS, at.checkpoint.rules.settleMs);
  const [done, late] = [new AbortController(), new AbortController()];
  const problem = new Problem(
    'timeout',
    `expected the whole request within ${limitMs} ms: send smaller batches`,
  );
  const timer = engine.ctx.clock.sleep(limitMs, done.signal).then(
    () => {
      late.abort(problem);
      throw problem;
    },
    () => {},
  );
  const working = work(late.signal);
  try {
    await Promise.race([working, timer.then(() => working)]);
  } finally {
    working.catch(() => {});
    done.abort();
  }
}

function problemOf({ engine }: RunningEngine, error: unknown, request: Request): Problem {
  if (error instanceof Problem) return error;
  if (request.signal.aborted)
    return new Problem('bad-request', 'the sender hung up before the end of the body');
  engine.ctx.log('error', 'ingest.failed', {
    reason: error instanceof Error ? error.message : String(error),
  });
  return new Problem('unavailable', 'the push could not be committed: send it again', { 'retry-after': '1' });
}

/** Writes gaps; those that come while one is being written become one, so a flood of refusals costs next to nothing. */
function createGaps({ engine }: RunningEngine) {
  const waiting = new Map<string, { fromMs: number; readonly written: Promise<void> }>();
  const tails = new Map<string, Promise<void>>();

  function enqueue(at: ReceiveAt, fromMs: number, reason: string): Promise<void> {
    const key = `${at.checkpoint.key.pipeline} ${at.checkpoint.key.checkpoint}`;
    const known = waiting.get(key);
    if (known) {
      known.fromMs = Math.min(known.fromMs, fromMs);
      engine.instruments.add('pushes_refused');
      return known.written;
    }
    const write = async () => {
      waiting.delete(key);
      await untilCommitted(engine, 'ingest.gap', () => turnedAway(engine, at, entry.fromMs, reason));
    };
    const entry = { fromMs, written: (tails.get(key) ?? Promise.resolve()).then(write) };
    waiting.set(key, entry);
    tails.set(
      key,
      entry.written.catch(error => engine.ctx.log('error', 'ingest.gap_failed', { reason: String(error) })),
    );
    return entry.written;
  }

  return {
    /** Resolves when the gap is on record, or when the sender has waited long enough. */
    async add(at: ReceiveAt, fromMs: number, reason: string): Promise<void> {
      const done = new AbortController();
      const patience = engine.ctx.clock.sleep(GAP_WAIT_MS, done.signal).catch(() => {});
      await Promise.race([enqueue(at, fromMs, reason).catch(() => {}), patience]);
      done.abort();
    },
  };
}
