import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redact } from '../../src/adapters/redact.ts';

const token = 'coalmine1abcdefghijklmnopqrstuvwxyz234567abcdefghij';
const uuid = '01890000-0000-8abc-9def-0123456789ab';

test('no token and no UUIDv8 survives, wherever it stands', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.constantFrom(token, token.toUpperCase(), uuid),
      (before, after, name) => {
        const safe = redact(`${before} ${name} ${after}`);
        expect(safe.toLowerCase()).not.toContain(name.toLowerCase());
        expect(safe).not.toMatch(/coalmine1[a-z2-7]{8}/i);
      },
    ),
  );
});

test('one line, bounded, and the rest kept', () => {
  expect(redact(' a\r\n\tb\u0000c ')).toBe('a b c');
  expect(redact('x'.repeat(1e6))).toHaveLength(301);
  expect(redact('11111111-1111-4111-8111-111111111111')).toBe('11111111-1111-4111-8111-111111111111');
});

test('a token that the cut would leave in part does not show', () => {
  for (let n = 250; n <= 310; n++) expect(redact(`${'x'.repeat(n)} ${token}`)).not.toMatch(/coalmine1[a-z]/);
});
