/** What people say of an incident: how much, and who it is said to come from. */
import { clip } from './saying.ts';

export const NOTE_CHARS_MAX = 4_000;
export const BY_CHARS_MAX = 80;
/** Of one incident. */
export const NOTES_MAX = 500;

export interface Saying {
  /** `ack`: somebody takes it. */
  readonly kind: 'ack' | 'note';
  /** Who says it: at most BY_CHARS_MAX, on one line. */
  readonly by: string;
  /** At most NOTE_CHARS_MAX; may be empty where somebody takes it. */
  readonly text: string;
}

/** Who says it: the name that was given beside the key it came with, so that nobody speaks as another key. */
export function speakerOf(given: string | undefined, key: string | null): string {
  const name = clip(given ?? '', BY_CHARS_MAX);
  if (key === null) return name === '' ? 'somebody without a key' : name;
  const by = ` (key ${clip(key, BY_CHARS_MAX / 2)})`;
  return name === '' || name === key
    ? clip(key, BY_CHARS_MAX)
    : `${clip(name, BY_CHARS_MAX - by.length)}${by}`;
}
