import { expect, test } from 'vitest';
import receive from '../../src/observers/receive.ts';
import { create } from '../support/observing.ts';

test('is looked for by nobody, on both runtimes', async () => {
  const observer = await create(receive, {});
  expect(observer.observe).toBeUndefined();
  expect(receive.traits.way).toBe('receive');
  expect(receive.runtimes).toEqual(['node', 'workerd']);
  await observer.close();
});

test('bounds a request unless told otherwise, and knows its settings', () => {
  expect(receive.schema.parse({})).toEqual({ body_bytes_max: 8_388_608 });
  expect(receive.schema.safeParse({ body_bytes_max: 0 }).success).toBe(false);
  expect(receive.schema.safeParse({ path: '/x' }).success).toBe(false);
});
