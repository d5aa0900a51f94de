/** What the doctor found: what was looked at, how it is, and what to do. */
import { EXIT, type ExitCode } from '../exit.ts';

export interface Finding {
  /** What was looked at (`store`, `checkpoint ssh/loki`). */
  readonly check: string;
  /** `hint`: works, and could be better. `bad`: will not work, or not as meant. `unknown`: couldn't be told. */
  readonly level: 'ok' | 'hint' | 'bad' | 'unknown';
  readonly says: string;
  /** What to do; not on `ok`. */
  readonly fix?: string;
}

export const ok = (check: string, says: string): Finding => ({ check, level: 'ok', says });
export const hint = (check: string, says: string, fix: string): Finding => ({
  check,
  level: 'hint',
  says,
  fix,
});
export const bad = (check: string, says: string, fix: string): Finding => ({
  check,
  level: 'bad',
  says,
  fix,
});
export const unknown = (check: string, says: string, fix: string): Finding => ({
  check,
  level: 'unknown',
  says,
  fix,
});

export const exitOf = ({ level }: Finding): ExitCode =>
  level === 'bad' ? EXIT.bad : level === 'unknown' ? EXIT.unknown : EXIT.good;
