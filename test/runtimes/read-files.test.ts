import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readFiles } from '../../src/runtimes/node/read-files.ts';

const dir = mkdtempSync(join(tmpdir(), 'coalmine-sd-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('one file, or those that match, in order; names are not patterns of another kind', async () => {
  for (const name of ['b.json', 'a.json', 'a+json', 'a.yaml']) writeFileSync(join(dir, name), name);
  const names = async (pattern: string) => (await readFiles(join(dir, pattern))).map(f => f.text);
  expect(await names('a.json')).toEqual(['a.json']);
  expect(await names('*.json')).toEqual(['a.json', 'b.json']);
  expect(await names('a*')).toEqual(['a+json', 'a.json', 'a.yaml']);
  expect(await names('none*')).toEqual([]);
  await expect(readFiles(join(dir, 'absent.json'))).rejects.toThrow('ENOENT');
});
