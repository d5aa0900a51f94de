/** A suite's own folder, and what it has started there: gone at the end, the last come first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

type Ending = { stop(): Promise<void> } | { kill(): Promise<void> };

export interface Scene {
  /** An empty folder; there from `beforeAll` on. */
  readonly dir: string;
  /** Ends it with the suite, whatever happens. */
  keep<T extends Ending>(thing: T): T;
}

export const useScene = (name: string): Scene => {
  let dir = '';
  const kept: Ending[] = [];
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), `coalmine-${name}-`));
  });
  afterAll(async () => {
    try {
      for (const thing of kept.reverse()) await ('stop' in thing ? thing.stop() : thing.kill());
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
  return {
    get dir() {
      return dir;
    },
    keep(thing) {
      kept.push(thing);
      return thing;
    },
  };
};
