/** Where a follow stands in each file of a family, and how it finds its place again after rotations of any kind. */
import { z } from 'zod';
import { type Family, type Member, printOf } from './family.ts';

/** So many looks without news and a rotated file is finished: it may go without a word. */
const QUIET = 2;

/** File systems stamp times up to so much late or early. */
const TICK_MS = 1000;

const mark = z.object({
  ino: z.string().max(32),
  /** Read up to here: the start of a line. */
  offset: z.int().min(0),
  print: z.string().max(64),
  /** Whole looks in a row that found it rotated and without news, counted up to `QUIET`. */
  stillFor: z.int().min(0).max(2),
});
export type Mark = z.output<typeof mark>;

/** What a page of a follow commits. */
export const cursorSchema = z.object({
  marks: z.array(mark).max(256),
  /** Start of the last look that reached the end of all files, Unix milliseconds; null: none yet. */
  caughtUpMs: z.number().nullable(),
  /** What the first look left out, until a look has reached the end. */
  skipped: z.string().max(256).optional(),
});
export type Cursor = z.output<typeof cursorSchema>;

export interface Read {
  readonly member: Member;
  readonly fromOffset: number;
  /** Where the last look left it, if it knew it. */
  readonly mark?: Mark;
  /** Rotated and quiet: nobody will finish its last line. */
  readonly abandoned: boolean;
}

export interface Placing {
  /** In this order. */
  readonly reads: readonly Read[];
  /** Files whose unread rest is out of reach: compressed, deleted or truncated before it was read. */
  readonly lost: readonly Mark[];
  readonly skipped?: string | undefined;
}

/**
 * A file is known again by its inode, or else by what was read of it (copied and then truncated, moved to another file
 * system). One that isn't known is new and read from its start. A copy of another is passed over.
 */
export const findPlaces = async (
  family: Family,
  { marks, skipped, caughtUpMs }: Cursor,
): Promise<Placing> => {
  const members = [...family.rotated, family.live];
  const free = new Set(marks);
  const found = new Map<Member, Mark>();
  const claim = async (fits: (mark: Mark, member: Member) => boolean) => {
    for (const candidate of free) {
      for (const member of members) {
        if (!fits(candidate, member) || member.size < candidate.offset) continue;
        if ((found.get(member)?.offset ?? -1) >= candidate.offset) continue;
        if ((await printOf(member, candidate.offset)) !== candidate.print) continue;
        found.set(member, candidate);
        free.delete(candidate);
        break;
      }
    }
  };
  await claim((candidate, member) => candidate.ino === member.ino);
  // Nothing read says nothing: any file would fit.
  await claim(candidate => candidate.offset > 0);
  const others = [family.live];
  const reads: Read[] = [];
  for (const member of members) {
    const known = found.get(member);
    const abandoned = known !== undefined && known.stillFor >= QUIET && member !== family.live;
    const fromOffset = known?.offset ?? 0;
    const copy = member !== family.live && member.size > fromOffset && (await isCopy(member, others));
    others.push(member);
    reads.push({
      member,
      fromOffset: copy ? member.size : fromOffset,
      ...(known ? { mark: known } : {}),
      abandoned,
    });
  }
  const lost = [...free].filter(m => m.stillFor < QUIET);
  // A file of which nothing was read can't be told from itself, truncated, nor from a later one in its inode: what was
  // compressed since may have been it.
  const blank = [...found.values()].find(m => m.offset === 0 && m.stillFor < QUIET);
  if (blank && family.compressedMs + TICK_MS >= (caughtUpMs ?? 0)) lost.push(blank);
  return { reads, lost, skipped };
};

/** A copy being made, or made by hand: all of it is the beginning of another file. */
const isCopy = async (member: Member, others: readonly Member[]): Promise<boolean> => {
  const print = await printOf(member, member.size);
  for (const other of others) {
    if (other.size >= member.size && (await printOf(other, member.size)) === print) return true;
  }
  return false;
};

/** Keeps the cursor of a look under way. */
export interface Progress {
  at(read: Read, offset: number): Promise<void>;
  /** While the look goes on: what is lost stays in it, so that the look after a crash tells of it again. */
  cursor(): Cursor;
  /** When all has been read. */
  done(startedMs: number): Cursor;
}

export const progressOf = async (
  family: Family,
  placing: Placing,
  caughtUpMs: number | null,
): Promise<Progress> => {
  const marks = new Map<Read, Mark>();
  const set = async (read: Read, offset: number): Promise<void> => {
    const { ino } = read.member;
    marks.set(read, {
      ino,
      offset,
      print: await printOf(read.member, offset),
      stillFor: read.mark?.stillFor ?? 0,
    });
  };
  const stillFor = ({ member, fromOffset, mark: known }: Read, offset: number): number =>
    member !== family.live && known && offset === fromOffset ? Math.min(known.stillFor + 1, QUIET) : 0;
  for (const read of placing.reads) await set(read, read.fromOffset);
  return {
    at: set,
    cursor: () => ({
      // One is enough: the gap begins where the last whole look did, however many are lost.
      marks: [...placing.lost.slice(0, 1), ...marks.values()],
      caughtUpMs,
      ...(placing.skipped === undefined ? {} : { skipped: placing.skipped }),
    }),
    done: startedMs => ({
      marks: [...marks].map(([read, m]) => ({ ...m, stillFor: stillFor(read, m.offset) })),
      caughtUpMs: startedMs,
    }),
  };
};
