import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scrubber, secretsOfUrl } from '../../../src/notifiers/lib/scrub.ts';

const secretText = fc.string({ unit: fc.constantFrom(...'abcXYZ019"\\ /+=&ü'), minLength: 4, maxLength: 40 });

test('no spelling of a secret is told, wherever it stands', () => {
  fc.assert(
    fc.property(
      secretText,
      fc.string({ maxLength: 400 }),
      fc.string({ maxLength: 50 }),
      (secret, before, after) => {
        const scrub = scrubber([secret]);
        for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
          const told = scrub(`${before}${spelling}${after}${spelling}`);
          expect(told.includes(spelling)).toBe(false);
          expect(told.length).toBeLessThanOrEqual(200);
        }
      },
    ),
  );
});

test('a secret that holds another is hidden whole', () => {
  expect(scrubber(['abcd', 'abcdefgh'])('x abcdefgh y')).toBe('x *** y');
});

test('short words are no secrets', () => {
  expect(scrubber(['a', '', undefined])('a cat')).toBe('a cat');
});

test('of a URL all but the host is secret, as a whole and in parts', () => {
  const scrub = scrubber(
    secretsOfUrl('https://hooks.example.com/services/T0123ABCD/x9x8x7x6x5?sig=s1g2n3a4t5&v=1'),
  );
  expect(scrub('GET https://hooks.example.com/services/T0123ABCD/x9x8x7x6x5?sig=s1g2n3a4t5&v=1')).toBe(
    'GET ***',
  );
  expect(scrub('no /services/T0123ABCD/x9x8x7x6x5?sig=s1g2n3a4t5&v=1 at hooks.example.com')).toBe(
    'no *** at hooks.example.com',
  );
  expect(scrub('bad x9x8x7x6x5, sig s1g2n3a4t5')).toBe('bad ***, sig ***');
  expect(scrubber(secretsOfUrl('https://example.com/'))('a / b')).toBe('a / b');
});

test('no canary is named, and all stands on one line', () => {
  expect(scrubber([])(`a\nb coalmine1${'a2'.repeat(20)}\tc`)).toBe('a b [canary] c');
});

test('what is cut leaves no part of a secret at the edge, at the start as at the end', () => {
  const secret = 'q1w2e3r4t5z6u7i8o9p0a1s2d3f4g5h6j7k8l9y0';
  const parts = Array.from({ length: secret.length - 5 }, (_, i) => secret.slice(i, i + 6));
  const scrub = scrubber([secret]);
  for (let at = 0; at < 400; at++) {
    const text = `${'- '.repeat(200).slice(0, at)}${secret}${' -'.repeat(200).slice(0, 400 - at)}`;
    for (const keep of ['start', 'end'] as const) {
      const told = scrub(text, keep);
      expect(parts.filter(part => told.includes(part))).toEqual([]);
    }
  }
});

test('the end is kept where the end says why', () => {
  expect(scrubber([])(`${'starting up; '.repeat(100)}no such channel\n`, 'end')).toMatch(/no such channel$/);
});
