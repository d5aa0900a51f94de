// What an error of the transport says, read at its bottom: `fetch failed` alone says nothing.
import { redact } from './redact.ts';

/** The parts of a Node system error that say what happened; empty where it has none. */
export interface Fault {
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
}

/** The error at the bottom: `fetch failed` carries it as `cause`, a dual-stack connect as the last of `errors`. */
export const rootOf = (error: unknown): Fault => {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { cause, errors } = at as { cause?: unknown; errors?: unknown };
    const next = cause ?? (Array.isArray(errors) ? errors.at(-1) : undefined);
    if (typeof next !== 'object' || next === null) break;
    at = next;
  }
  const { code, syscall, message } = (at ?? {}) as { code?: unknown; syscall?: unknown; message?: unknown };
  return { code: String(code ?? ''), syscall: String(syscall ?? ''), message: String(message ?? at) };
};

/** The error in words, without a canary's identity. */
export const wordsOf = (error: unknown): string => {
  const { code, message } = rootOf(error);
  return redact(code !== '' && !message.includes(code) ? `${code}: ${message}` : message);
};
