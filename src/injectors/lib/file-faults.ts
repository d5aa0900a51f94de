// What a failed open or write of a log file means: a full disk is the path's fault, a wrong path is ours.

import { wordsOf } from '../../adapters/fault.ts';
import type { Outcome } from '../../contracts/injector.ts';

const FIX: Readonly<Record<string, string>> = {
  EACCES: 'let this user write to it',
  EPERM: 'let this user write to it (an append-only or immutable file?)',
  ENOENT: 'make its folder, or correct path',
  ENOTDIR: 'correct path: a part of it is no folder',
  EISDIR: 'correct path: it is a folder',
  ENAMETOOLONG: 'correct path: it is too long',
  ELOOP: 'correct path: its links run in a circle',
};
const OURS_PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * The outcome of an open or a write that failed as a whole, so that no byte was taken. The disk and the reader of
 * a pipe are the first hop (`ENOSPC`, `EDQUOT`, `EROFS`, `EIO`, `ENXIO`, `EAGAIN`, `EPIPE`: refused).
 */
export const fileOutcome = (error: unknown): Outcome => {
  const code = String((error as { code?: unknown }).code ?? '');
  const reason = wordsOf(error);
  if (OURS_PASSING.has(code)) return { result: 'unsent', reason, again: true };
  const fix = FIX[code];
  return fix === undefined
    ? { result: 'refused', reason, again: true }
    : { result: 'unsent', reason: `${reason}; ${fix}` };
};
