/** The cursor of the list of canaries: where a page ended, and the window it began with. Opaque to who sends it back. */
import { z } from 'zod';
import type { CanaryKey } from '../../store/read-canaries.ts';
import { Problem } from '../problem.ts';

export interface Cursor {
  readonly after: CanaryKey;
  readonly fromMs: number;
  readonly toMs: number;
}

const int4 = z.int().min(0).max(2_147_483_647);
const time = z.int().min(0).max(8_640_000_000_000_000);
const schema = z.tuple([time, int4, int4, int4, time, time]);

export const writeCursor = ({ after: a, fromMs, toMs }: Cursor): string =>
  Buffer.from(JSON.stringify([a.slot, a.part, a.position, a.checkpoint, fromMs, toMs])).toString('base64url');

/** Throws Problem 400. */
export function readCursor(text: string): Cursor {
  try {
    const [slot, part, position, checkpoint, fromMs, toMs] = schema.parse(
      JSON.parse(Buffer.from(text, 'base64url').toString()),
    );
    return { after: { slot, part, position, checkpoint }, fromMs, toMs };
  } catch {
    throw new Problem(
      'bad-request',
      'expected as cursor what the page before gave as `next`; leave it out to begin anew',
    );
  }
}
