/** What zod found, in our words: expected what, and what to do. */
import type { z } from 'zod';
import type { Finding, Path } from './diagnostic.ts';
import { meant } from './nearest.ts';

type Issue = z.core.$ZodIssue;

/** A finding with the rest of its path, below where the schema was applied. */
export interface Placed {
  readonly path: Path;
  readonly finding: Finding;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

const UNITS: Readonly<Record<string, string>> = {
  string: 'characters',
  array: 'items',
  set: 'items',
  map: 'keys',
};

/** `known` are the keys that may stand at a path, for "did you mean". */
export const placeIssue = (issue: Issue, known: (path: Path) => Iterable<string>): Placed[] => {
  const path = issue.path.filter(part => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ path: [...path, key], finding: unknownKey(key, known(path)) }));
  }
  if (issue.code === 'invalid_union' && !issue.message.startsWith('expected ')) {
    return nearestBranch(issue).flatMap(inner =>
      placeIssue({ ...inner, path: [...issue.path, ...inner.path] }, known),
    );
  }
  if (issue.code === 'invalid_key') {
    const expected = worded(issue.issues[0]) ?? 'another key';
    return [{ path, finding: { expected, atKey: true } }];
  }
  const expected = worded(issue);
  const params = 'params' in issue ? (issue.params as { fix?: string } | undefined) : undefined;
  const fix = params?.fix === undefined ? {} : { fix: params.fix };
  return [
    { path, finding: { ...(expected === undefined ? { message: issue.message } : { expected }), ...fix } },
  ];
};

export const unknownKey = (key: string, known: Iterable<string>): Finding => ({
  message: `unknown key ${JSON.stringify(key)}`,
  fix: meant(key, known),
  atKey: true,
});

/** What was expected, if the issue says: in its message, or by its code. */
const worded = (issue: Issue | undefined): string | undefined => {
  if (issue === undefined) return undefined;
  if (issue.message.startsWith('expected ')) return issue.message.slice('expected '.length);
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.maximum, issue.origin)}`;
    case 'invalid_format':
      return issue.pattern === undefined ? `a valid ${issue.format}` : `text that matches ${issue.pattern}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    default:
      return undefined;
  }
};

const amount = (n: number | bigint, origin: string): string =>
  UNITS[origin] ? `${n} ${UNITS[origin]}` : String(n);

/** The alternative that came furthest is the one that was meant. */
const nearestBranch = (issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] => {
  const depth = (branch: readonly Issue[]) => Math.max(0, ...branch.map(i => i.path.length));
  const ranked = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length);
  return ranked[0] ?? [];
};
