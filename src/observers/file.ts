/**
 * Follows a log file through rotation. Each look reads whole lines up to the size the files had when it began; a line
 * whose end isn't written yet wasn't visible then, and waits for the next look.
 *
 * Rename rotation, any number of times between two looks, loses nothing: renamed files are found again and finished.
 * Copy-and-truncate loses nothing as long as the copy stands beside the file. Where the unread rest is gone or
 * compressed, the look ends with a gap. One thing can't be told: an empty file that is filled and truncated between two
 * looks, and its copy deleted.
 *
 * The first look starts at the file's beginning, or 64 MiB before its end, and leaves rotated files alone: where either
 * hides something, all time before it is a gap.
 */
import { z } from 'zod';
import type { Context } from '../contracts/context.ts';
import { defineObserver } from '../contracts/define.ts';
import type { Found, Look, Observer } from '../contracts/observer.ts';
import { chunksOf } from './lib/chunks.ts';
import { budget, CALLED_OFF, exhausted, failed, truncated } from './lib/end.ts';
import { closeFamily, type Family, openFamily, readAt } from './lib/family.ts';
import { huntFiles } from './lib/hunt-files.ts';
import { cursorSchema, findPlaces, type Placing, progressOf } from './lib/places.ts';

const FIRST_BYTES_MAX = 64 * 1_048_576;
/** The cursor is handed on at least this often, found something or not. */
const PAGE_BYTES_MAX = 64 * 1_048_576;
const LINE_FEED = 10;

const schema = z.strictObject({
  path: z.string().min(1).max(4096).describe('The log file. Rotated siblings are found beside it'),
  line_bytes_max: z
    .int()
    .min(1024)
    .max(16_777_216)
    .default(1_048_576)
    .describe('A longer line is read in pieces of this size; no token is cut'),
  containing: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      "Lines that lack this are passed over: the tokens' prefix, or the canaries' identity, unless given. What every record has, where records hold only a UUID or the backend's own id",
    ),
  read_bytes_max: z
    .int()
    .min(1_048_576)
    .default(1_073_741_824)
    .describe('A look ends once it has read this many bytes; the next one goes on from there'),
});
type Settings = z.output<typeof schema>;

const firstPlaces = async (family: Family): Promise<Placing> => {
  const { live, rotated, names } = family;
  const fromEnd = rotated.map(member => ({ member, fromOffset: member.size, abandoned: false }));
  const reads = [...fromEnd, { member: live, fromOffset: await firstOffset(family), abandoned: false }];
  if (live.size > FIRST_BYTES_MAX)
    return { reads, lost: [], skipped: 'the first look read only the last 64 MiB' };
  if (names.length > 0)
    return { reads, lost: [], skipped: 'the first look left alone what was rotated before it' };
  return { reads, lost: [] };
};

const firstOffset = async ({ live }: Family): Promise<number> => {
  if (live.size <= FIRST_BYTES_MAX) return 0;
  const from = live.size - FIRST_BYTES_MAX;
  const feed = (await readAt(live, from, 1_048_576)).indexOf(LINE_FEED);
  return from + feed + 1;
};

const LOST = 'the file was truncated, deleted or compressed before it was read to its end';

const wordsOf = (error: unknown, path: string): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `there is no file at ${path}`;
  if (code === 'EACCES') return `${path} may not be read by this user`;
  return `${path} can't be read: ${error instanceof Error ? error.message : String(error)}`;
};

const create = (s: Settings, ctx: Context): Observer => {
  async function* readAll(
    family: Family,
    look: Look,
    run: { readonly startedMs: number; readonly signal: AbortSignal },
  ): AsyncGenerator<Found> {
    const cursor = look.cursor === undefined ? undefined : cursorSchema.safeParse(look.cursor);
    if (cursor?.success === false) return yield failed('the cursor is not one of a file that was followed');
    const start = cursor ? await findPlaces(family, cursor.data) : await firstPlaces(family);
    const fromMs = cursor?.data.caughtUpMs ?? look.fromMs;
    const reason = start.skipped ?? (start.lost.length > 0 ? LOST : undefined);
    const facts = reason === undefined ? {} : { gap: { fromMs, toMs: ctx.clock.now(), reason } };
    const progress = await progressOf(family, start, cursor?.data.caughtUpMs ?? null);
    const left = budget(look.limits);
    let read = 0;
    let unsaved = 0;
    const wanted = s.containing === undefined ? [look.prefix, ...(look.also ?? [])] : [s.containing];
    const rules = { wanted, lineBytesMax: s.line_bytes_max };
    for await (const chunk of chunksOf(start.reads, rules)) {
      if (run.signal.aborted) return yield failed(CALLED_OFF, facts);
      const { taken, full } = left.take(chunk.lines);
      await progress.at(chunk.read, full ? chunk.lines[taken.length]!.at : chunk.offset);
      read += chunk.bytes;
      unsaved += chunk.bytes;
      const over =
        full ??
        (read >= s.read_bytes_max ? `more than ${s.read_bytes_max} bytes to read in one look` : undefined);
      if (taken.length > 0 || unsaved >= PAGE_BYTES_MAX || over) {
        yield { page: taken.map(({ text }) => ({ text })), cursor: progress.cursor() };
        unsaved = 0;
      }
      if (over) return yield truncated(over, facts);
    }
    yield { page: [], cursor: progress.done(run.startedMs) };
    yield exhausted(facts);
  }

  return {
    async *observe(look, signal) {
      if (look.by !== 'follow') return yield failed(`a file can only be followed, not asked by ${look.by}`);
      if (signal.aborted) return yield failed(CALLED_OFF);
      const startedMs = ctx.clock.now();
      let family: Family | undefined;
      try {
        family = await openFamily(s.path);
        yield* readAll(family, look, { startedMs, signal });
      } catch (error) {
        yield failed(wordsOf(error, s.path));
      } finally {
        if (family) await closeFamily(family);
      }
    },
    hunt: range => huntFiles(s.path, range),
    close: async () => undefined,
  };
};

export default defineObserver({
  kind: 'file',
  summary: 'Follows a log file through rotation',
  schema,
  runtimes: ['node'],
  traits: { way: 'follow', ingestTime: false, settleMs: 1_000, keepsMs: 7 * 86_400_000 },
  create,
});
