/**
 * The kinds of value that settings are made of, as zod schemas. An error's message is "expected …", so that what
 * was found, and where, can be added by whoever knows the file.
 */
import { z } from 'zod';
import {
  DURATION_EXPECTED,
  DURATION_PATTERN,
  formatDuration,
  PERCENT_EXPECTED,
  PERCENT_PATTERN,
  parseDuration,
  parsePercent,
  parseRate,
  printDuration,
  RATE_EXPECTED,
  RATE_PATTERN,
  ratePer,
  WordsError,
} from '../domain/words.ts';

/** `expected a, b or c`, as all messages begin. */
const expected = (what: string): string => `expected ${what}`;

/** Reads a word with a parser that throws `WordsError`, and turns its error into an issue with a fix. */
const read = <I, O>(schema: z.ZodType<I>, parse: (word: I) => O) =>
  schema.transform((word, ctx): O => {
    try {
      return parse(word);
    } catch (e) {
      if (!(e instanceof WordsError)) throw e;
      const fix = e.fix && `write ${e.fix}`;
      ctx.addIssue({ code: 'custom', message: expected(e.expected), params: { fix }, input: word });
      return z.NEVER;
    }
  });

/** A duration, as milliseconds, within bounds. */
export const duration = (description: string, bounds: { minMs?: number; maxMs?: number } = {}) => {
  const { minMs = 1, maxMs = Number.POSITIVE_INFINITY } = bounds;
  const text = z
    .string({ error: issue => durationExpected(issue.input) })
    .meta({ description, pattern: DURATION_PATTERN });
  return read(text, word => {
    const ms = parseDuration(word);
    if (ms >= minMs && ms <= maxMs) return ms;
    const bound = ms < minMs ? `at least ${formatDuration(minMs)}` : `at most ${formatDuration(maxMs)}`;
    const fix = printDuration(ms < minMs ? minMs : maxMs);
    throw new WordsError({ expected: `a duration of ${bound}`, found: word, fix });
  });
};

const durationExpected = (input: unknown): string =>
  expected(typeof input === 'number' ? `${DURATION_EXPECTED}, with its unit` : DURATION_EXPECTED);

/** A share, as a fraction in (0, 1]. */
export const share = (description: string) => {
  const word = z
    .union([z.string().meta({ pattern: PERCENT_PATTERN }), z.number().meta({ minimum: 0, maximum: 1 })], {
      error: expected(PERCENT_EXPECTED),
    })
    .meta({ description });
  return read(word, given => {
    const fraction = parsePercent(given);
    if (fraction > 0) return fraction;
    throw new WordsError({ expected: `${PERCENT_EXPECTED}, above 0`, found: given });
  });
};

/** A rate, as so many in `perMs`; above 0. */
export const rate = (description: string, perMs: number) => {
  const text = z.string({ error: expected(RATE_EXPECTED) }).meta({ description, pattern: RATE_PATTERN });
  return read(text, word => {
    const count = ratePer(parseRate(word), perMs);
    if (count > 0) return count;
    throw new WordsError({ expected: `${RATE_EXPECTED}, above 0`, found: word });
  });
};

/** Text that must match a pattern. `form` says in words what the pattern says. */
export const matching = (form: string, pattern: RegExp) =>
  z.string({ error: expected(form) }).regex(pattern, { error: expected(form) });

export const text = (description: string, form = 'text') =>
  z
    .string({ error: expected(form) })
    .min(1, { error: expected(`${form}, not empty`) })
    .max(4096, { error: expected(`${form} of at most 4096 characters`) })
    .meta({ description });

export const NAME_FORM =
  'a name of small letters, digits and hyphens, such as ssh-to-loki, at most 63 characters, starting with a letter or digit';
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const name = (description: string) => matching(NAME_FORM, NAME_PATTERN).meta({ description });

export const url = (description: string) =>
  z
    .url({ protocol: /^https?$/, error: expected('a URL that begins with http:// or https://') })
    .meta({ description });

export const oneOf = <const T extends readonly [string, ...string[]]>(words: T, description: string) =>
  z.enum(words, { error: expected(`one of ${words.join(', ')}`) }).meta({ description });

export const count = (description: string, max: number) => {
  const error = expected(`a whole number from 1 to ${max}`);
  return z.int({ error }).min(1, { error }).max(max, { error }).meta({ description });
};

/** A list; `what` names its items in the plural. */
export const listOf = <T extends z.ZodType>(item: T, what: string, max: number) =>
  z
    .array(item, { error: expected(`a list of ${what}`) })
    .max(max, { error: expected(`at most ${max} ${what}`) });

/** A list of names; `what` says of what. */
export const names = (what: string, max: number) =>
  listOf(name(`Name of a ${what}.`), `${what}s’ names`, max);

/** Marks where a kind and the settings of one of the registry's adapters stand, for `json-schema.ts`. */
export const ADAPTER_MARK = 'x-adapter';
export const adapter = (role: 'injectors' | 'observers' | 'notifiers', description: string) =>
  z
    .looseObject(
      { kind: z.string({ error: 'expected the name of an adapter' }).meta({ description: 'Which one.' }) },
      { error: 'expected a map with kind and settings, such as { kind: file, path: /var/log/auth.log }' },
    )
    .meta({ description, [ADAPTER_MARK]: role });
