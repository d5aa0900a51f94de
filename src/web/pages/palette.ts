/**
 * What a bar is made of: each bucket's word, its meaning and its place in the stack. Colour is one of three signs: every
 * bucket has a pattern of its own, and what is lost has a shape above the column as well.
 */
import type { Bucket } from '../../domain/verdict.ts';

export interface Stacked {
  readonly bucket: Bucket;
  readonly word: string;
  readonly meaning: string;
  /** Whether a single one must be visible among thousands. */
  readonly loud: boolean;
}

/** From the bottom of a column upwards. */
export const STACK: readonly Stacked[] = [
  { bucket: 'on_time', word: 'on time', meaning: 'seen within its deadline', loud: false },
  { bucket: 'delivered', word: 'delivered', meaning: 'seen; whether in time is not known', loud: false },
  { bucket: 'late', word: 'late', meaning: 'seen, after its deadline', loud: true },
  { bucket: 'recovered', word: 'recovered', meaning: 'declared lost, and back since', loud: true },
  {
    bucket: 'missed_here',
    word: 'missed here',
    meaning: 'seen further down, not here: our look failed, not the path',
    loud: true,
  },
  { bucket: 'pending', word: 'pending', meaning: 'still expected', loud: false },
  { bucket: 'unproven', word: 'unproven', meaning: 'we could not look well enough to tell', loud: true },
  { bucket: 'maybe_sent', word: 'maybe sent', meaning: 'nobody knows whether it left', loud: true },
  { bucket: 'unsent', word: 'unsent', meaning: 'never attempted: our own fault', loud: true },
  { bucket: 'overdue', word: 'overdue', meaning: 'proven absent at its deadline, not lost yet', loud: true },
  { bucket: 'refused', word: 'refused', meaning: 'the first hop said no', loud: true },
  { bucket: 'lost', word: 'lost', meaning: 'proven absent: not back by now', loud: true },
];

export const wordOf = (bucket: string): string =>
  STACK.find(s => s.bucket === bucket)?.word ?? bucket.replaceAll('_', ' ');
