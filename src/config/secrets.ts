/** What must never be shown: which settings hold secrets, told by their names, and how text is starred out. */
import { z } from 'zod';
import type { Registry } from '../contracts/registry.ts';
import type { Path } from './diagnostic.ts';

const SECRET_NAME =
  /(^|_)(password|passwd|passphrase|secret|token|credentials?|authorization|cookie|keys?|dsn|certificate|pem)$/i;

/** Names of settings that adapters' schemas mark `writeOnly`. */
export const secretNames = (registry: Registry): ReadonlySet<string> => {
  const names = new Set<string>();
  const walk = (schema: unknown, name: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'writeOnly' && value === true) names.add(name);
      else if (key === 'properties') for (const [own, s] of Object.entries(value as object)) walk(s, own);
      else walk(value, name);
    }
  };
  for (const { schema } of [...registry.injectors.values(), ...registry.observers.values()]) {
    walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), '');
  }
  return names;
};

/**
 * Whether the value at a path is a secret: by a name on it, `marked` or telling by itself, or for standing in headers
 * or in notifiers' settings.
 */
export const isSecretPath = (path: Path, marked: ReadonlySet<string> = new Set()): boolean => {
  // A chat's or a dead-man's-switch's URL is all that is needed to use it.
  if (path[0] === 'heartbeat' || path[0] === 'notify') return path.length > 1 && path.at(-1) !== 'kind';
  if (path[0] === 'access') return path.at(-1) === 'key';
  // A pipeline's name is the user's own.
  const names = path.slice(path[0] === 'pipelines' ? 2 : 0).filter(part => typeof part === 'string');
  return (
    names.slice(0, -1).includes('headers') || names.some(name => marked.has(name) || SECRET_NAME.test(name))
  );
};

/** Stars out user and password of any URL in a text, length for length. */
export const maskUrls = (text: string): string =>
  text.replace(
    /([a-z][a-z0-9+.-]*:\/\/)([^\s/?#"'@]+(?:@[^\s/?#"'@]+)*)@/gi,
    (_all, scheme: string, user: string) => `${scheme}${'*'.repeat(user.length)}@`,
  );

/** Stars out what follows a secret-looking name, for lines that don't parse. */
export const maskLine = (line: string): string =>
  line.replace(/([\w-]+)(["']?\s*:\s+)(\S.*)$/, (all, name: string, colon: string, rest: string) =>
    isSecretPath([name]) ? `${name}${colon}${'*'.repeat(rest.length)}` : all,
  );

/** Shorter values may be ordinary words, and starring them out would spoil messages. */
const REDACTED_CHARS_MIN = 8;

/** Replaces every one of `values` in a text: the safety net under messages that others wrote. */
export const redact = (text: string, values: Iterable<string>): string => {
  let out = text;
  for (const value of values) if (value.length >= REDACTED_CHARS_MIN) out = out.replaceAll(value, '***');
  return out;
};
