// Appends events to a log file, as the program whose events they imitate would: one write for many lines.
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { within } from '../adapters/within.ts';
import type { Context } from '../contracts/context.ts';
import { defineInjector } from '../contracts/define.ts';
import type { Injector, Outcome } from '../contracts/injector.ts';
import { append, LINE_FEED, type Log, openLog } from './lib/append.ts';
import { oneByOne, portions } from './lib/batches.ts';
import { fileOutcome } from './lib/file-faults.ts';
import { timeout } from './lib/settings.ts';

const WRITE_BYTES_MAX = 1_048_576;
const LINES_MAX = 10_000;

const schema = z.strictObject({
  path: z.string().min(1).max(4096).describe('The log file; made if it is missing, its folder is not'),
  sync: z.boolean().default(true).describe('Accepted means on disk (fsync), not only in the kernel'),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/)
    .default('640')
    .describe('Permissions of a file that had to be made'),
  timeout,
});
type Settings = z.output<typeof schema>;

const create = (s: Settings, ctx: Context): Injector => {
  const inTurn = oneByOne();
  let log: Log | undefined;
  let closed = false;

  const shut = async () => {
    const old = log;
    log = undefined;
    await old?.handle.close().catch(() => undefined);
  };
  /** The file that stands at the path now: after a rotation the old one isn't. */
  const current = async (): Promise<Log> => {
    const at = await stat(s.path).catch(() => undefined);
    if (log !== undefined && (at?.ino !== log.ino || at.dev !== log.dev)) await shut();
    log ??= await openLog(s.path, Number.parseInt(s.mode, 8));
    return log;
  };
  /** One write, in its turn. A hung disk holds the turn; what waits behind it was never attempted. */
  const attempt = async (lines: readonly Buffer[], signal: AbortSignal): Promise<Outcome[]> => {
    let begun = false;
    const write = async (stop: AbortSignal): Promise<Outcome[] | undefined> => {
      if (stop.aborted || closed) return undefined;
      let at: Log;
      try {
        at = await current();
      } catch (error) {
        return lines.map(() => fileOutcome(error));
      }
      if (stop.aborted) return undefined;
      begun = true;
      return append(at, lines, s.sync);
    };
    const bound = { clock: ctx.clock, ms: s.timeout, signal };
    const ended = await within(bound, stop => inTurn(() => write(stop)));
    if (ended.how === 'done' && ended.value !== undefined) return ended.value;
    const slow = `the file took nothing within ${s.timeout} ms`;
    const reason = ended.how === 'timeout' ? slow : 'stopped before the file took it';
    return lines.map(() => ({ result: begun ? 'maybe_sent' : 'unsent', reason, again: true }));
  };

  return {
    async inject(canaries, signal) {
      const out = new Array<Outcome>(canaries.length).fill({
        result: 'unsent',
        reason: 'the event holds a line feed, which would make two lines of it',
      });
      const lines = canaries
        .map((c, i) => ({ i, line: Buffer.from(`${c.event?.text ?? ''}\n`) }))
        .filter(l => l.line.indexOf(LINE_FEED) === l.line.length - 1);
      const limits = { countMax: LINES_MAX, bytesMax: WRITE_BYTES_MAX };
      for (const part of portions(lines, limits, l => l.line.length)) {
        const written = part.map(l => l.line);
        const outcomes = await attempt(written, signal);
        for (const [n, { i }] of part.entries()) out[i] = outcomes[n]!;
      }
      return out;
    },
    async close() {
      closed = true;
      await inTurn(shut);
    },
  };
};

export default defineInjector({
  kind: 'file',
  summary: 'Appends events to a log file',
  schema,
  runtimes: ['node'],
  traits: { events: 'written' },
  create,
});
