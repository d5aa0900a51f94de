/** An alarm of another monitor: raised once while its condition lasts, and either explained by the incident or false. */
import type { OtherMonitor } from '../scenario.ts';

/** When an alarm is to be blamed on the incident: raised in [fromMs, toMs). null: nothing happens. */
export type Explained = { readonly fromMs: number; readonly toMs: number } | null;

export interface Alarm {
  /** `words` are asked for only where the alarm is the one to be quoted. */
  set(raised: boolean, atMs: number, words: () => string): void;
  result(): Pick<OtherMonitor, 'saidMs' | 'said' | 'falseAlarms'>;
}

export function createAlarm(explained: Explained): Alarm {
  let raisedBefore = false;
  let falseAlarms = 0;
  let first: { readonly saidMs: number; readonly said: string } | null = null;
  return {
    set(raised, atMs, words) {
      if (raised && !raisedBefore) {
        if (explained === null || atMs < explained.fromMs || atMs >= explained.toMs) falseAlarms++;
        else first ??= { saidMs: atMs, said: words() };
      }
      raisedBefore = raised;
    },
    result: () => ({ saidMs: first?.saidMs ?? null, said: first?.said ?? null, falseAlarms }),
  };
}
